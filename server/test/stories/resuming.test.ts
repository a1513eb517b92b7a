import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { pruneOnce } from '../../src/oidc/pruning.ts';
import { AppBrowser, formsOf, type Landing, titleOf } from '../support/app-client.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { eachDatabase } from '../support/databases.ts';
import { createMailbox, type Mailbox } from '../support/mailbox.ts';
import { claimsOf, exchange, tokensOf } from '../support/oauth-requests.ts';
import { freePort, startTestServer, type TestServer } from '../support/server.ts';
import {
  type Asked,
  answerOf,
  ask,
  askAgain,
  begin,
  enter,
  eventReader,
  homeOf,
  isSignedIn,
  postOn,
  type Site,
  sealedIn,
  someone,
} from '../support/sign-in-steps.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const params = { state: 'of-this-request', nonce: 'a-nonce', scope: 'openid email offline_access' };

let clock: FakeClock;
before(() => {
  clock = createFakeClock();
});
after(() => clock.release());

/** Types the code that the page's own form asks for, and looks at what the app gets. */
async function signInFrom(
  site: Site,
  { browser, page, email }: { browser: AppBrowser; page: Landing; email: string },
): Promise<void> {
  const asked = await askAgain(
    site,
    { browser, home: homeOf(page) },
    { path: 'start', fields: { email, typed: email } },
  );
  const done = await enter(asked, asked.code);
  assert.ok(isSignedIn(done), titleOf(done));
  assert.equal(answerOf(done).state, 'of-this-request');
  assert.equal(answerOf(done).iss, site.server.url);
  const tokens = tokensOf(await exchange(site.server, done.away ?? assert.fail()));
  assert.equal(claimsOf(tokens.idToken).nonce, 'a-nonce');
  assert.equal(claimsOf(tokens.idToken).email, email);
  assert.notEqual(tokens.refreshToken, '');
}

const emailIn = (page: Landing) => formsOf(page.body).find(({ fields }) => 'email' in fields)?.fields.email;

eachDatabase('A page that was left open', (database) => {
  describe('whatever has happened meanwhile', () => {
    let site: Site;
    let open: (mailbox: Mailbox) => Promise<TestServer>;
    before(async () => {
      const port = await freePort();
      open = async ({ transport }) =>
        startTestServer({
          transport,
          clock,
          database: database.url,
          config: { listen: { host: '127.0.0.1', port } },
        });
      const mailbox = createMailbox();
      site = { mailbox, server: await open(mailbox) };
    });
    after(() => site.server.stop());

    it('goes on with the same request and the typed address after its time', async () => {
      const at = await begin(site, { params });
      const email = someone();
      clock.advance(61 * MINUTE);
      const page = await at.browser.submit(at.page, '/start', { email });
      assert.equal(titleOf(page), 'Sign in to Acme');
      assert.equal(emailIn(page), email);
      await signInFrom(site, { browser: at.browser, page, email });
    });

    it('goes on in a browser that has lost its cookies, when the records are long gone', async () => {
      const at = await begin(site, { params });
      clock.advance(26 * HOUR);
      await pruneOnce(site.server.rooms.database, clock);
      const email = someone();
      const browser = new AppBrowser(site.server);
      const page = await postOn(browser, `${at.home}/start`, { email, request: sealedIn(at.page) });
      assert.equal(emailIn(page), email);
      await signInFrom(site, { browser, page, email });
    });

    it('goes on after a restart of the server, before its time and after', async () => {
      const [early, late] = [await ask(site, someone(), { params }), await begin(site, { params })];
      const { app } = site.server;
      await site.server.stop();
      site = { ...site, server: { ...(await open(site.mailbox)), app } };
      assert.ok(isSignedIn(await enter(early, early.code)));
      clock.advance(2 * HOUR);
      const email = someone();
      const page = await late.browser.submit(late.page, '/start', { email });
      await signInFrom(site, { browser: late.browser, page, email });
    });

    it('ends with access_denied at the app when it is cancelled after its time', async () => {
      const at = await begin(site, { params });
      clock.advance(2 * DAY);
      await pruneOnce(site.server.rooms.database, clock);
      const gone = await at.browser.submit(at.page, '/abort');
      assert.equal(gone.away?.origin, 'http://localhost:9');
      const { error, state, iss } = answerOf(gone);
      assert.deepEqual(
        { error, state, iss },
        { error: 'access_denied', state: params.state, iss: site.server.url },
      );
    });

    it('comes to the app by the session, in one request, when the sign-in was finished before', async () => {
      const asked = await ask(site, someone(), { params });
      await enter(asked, asked.code);
      const page = await asked.browser.open(asked.home);
      assert.equal(page.status, 200);
      assert.match(titleOf(page), /^You are signed in/);
      const before = asked.browser.requests;
      const done = await asked.browser.submit(page, '/again');
      assert.equal(asked.browser.requests - before, 1);
      assert.ok(isSignedIn(done));
      assert.equal(answerOf(done).state, params.state);
    });
  });
});

describe('A page of a sign-in that is over', () => {
  let site: Site;
  let events: () => Promise<string[]>;
  before(async () => {
    const mailbox = createMailbox();
    site = { mailbox, server: await startTestServer({ transport: mailbox.transport, clock }) };
    events = eventReader(site.server);
  });
  after(() => site.server.stop());

  it('that is opened again has one button that goes on, and one back to the app, before any address was typed', async () => {
    const at = await begin(site, { params });
    clock.advance(61 * MINUTE);
    const page = await at.browser.open(at.home);
    assert.equal(page.status, 400);
    assert.match(page.body, /open for too long/);
    assert.deepEqual(
      formsOf(page.body).map(({ action }) => action.split('/').at(-1)),
      ['again', 'abort'],
    );
    assert.match(page.body, /<button>Continue<\/button>/);
    const next = await at.browser.submit(page, '/again');
    await signInFrom(site, { browser: at.browser, page: next, email: someone() });
    assert.equal(answerOf(await at.browser.submit(page, '/abort')).error, 'access_denied');
  });

  it('fills in the address that was asked for, a day later too', async () => {
    const email = someone();
    const asked = await ask(site, email, { params });
    clock.advance(26 * HOUR);
    await pruneOnce(site.server.rooms.database, clock);
    const page = await asked.browser.open(asked.home);
    assert.match(page.body, new RegExp(email));
    const next = await asked.browser.submit(page, '/again');
    assert.equal(emailIn(next), email);
    await signInFrom(site, { browser: asked.browser, page: next, email });
  });

  it('takes a code too late for what it is: the address is kept, the code is not', async () => {
    const email = someone();
    const asked = await ask(site, email, { params });
    clock.advance(61 * MINUTE);
    await events();
    const next = await asked.browser.submit(asked.page, '/code', { code: asked.code });
    assert.equal(emailIn(next), email);
    assert.deepEqual(await events(), []);
  });

  it('begins again after it was cancelled, by Back', async () => {
    const at = await begin(site, { params });
    assert.equal(answerOf(await at.browser.submit(at.page, '/abort')).error, 'access_denied');
    const page = await at.browser.open(at.home);
    assert.match(page.body, /This sign-in is over/);
    await signInFrom(site, {
      browser: at.browser,
      page: await at.browser.submit(page, '/again'),
      email: someone(),
    });
    const again = await at.browser.submit(at.page, '/abort');
    assert.equal(answerOf(again).error, 'access_denied', 'a second click ends as the first');
  });

  it('asks again where the app wants that, and keeps every other parameter', async () => {
    const given = { ...params, prompt: 'login', ui_locales: 'en de', acr_values: 'urn:postern:email-code' };
    const at = await begin(site, { params: given });
    clock.advance(61 * MINUTE);
    const next = await at.browser.submit(at.page, '/start', { email: someone() });
    const done = await ask(site, someone(), { browser: at.browser, params });
    assert.ok(isSignedIn(await enter(done, done.code)));
    clock.advance(61 * MINUTE);
    const page = await at.browser.submit(next, '/start', { email: someone() });
    assert.match(titleOf(page), /^Sign in to Acme/, 'a session is no answer to prompt=login');
  });

  it('answers to where the app wants it: in the query, the fragment or a form', async () => {
    for (const response_mode of ['query', 'fragment', 'form_post']) {
      const at = await begin(site, { params: { ...params, response_mode } });
      clock.advance(61 * MINUTE);
      const { error, state, iss } = answerOf(await at.browser.submit(at.page, '/abort'));
      assert.deepEqual([error, state, iss], ['access_denied', params.state, site.server.url], response_mode);
      const next = await at.browser.submit(at.page, '/start', { email: someone() });
      const cancelled = await at.browser.submit(next, '/abort');
      assert.deepEqual(answerOf(cancelled).error, 'access_denied', response_mode);
      assert.equal(Boolean(cancelled.away?.hash), response_mode === 'fragment');
    }
  });

  it('goes on when only the cookie of its interaction is missing', async () => {
    const at = await begin(site, { params });
    const cookie = `postern_browser=${at.browser.cookie('postern_browser')}`;
    const bare = new AppBrowser(site.server);
    const page = await bare.open(at.home, { cookie });
    assert.equal(titleOf(page), 'Sign in to Acme');
    const email = someone();
    assert.match(titleOf(await bare.post(`${at.home}/start`, { email }, { cookie })), /^Check your email/);
  });

  it('says what to do about blocked cookies, with a button that works once they are allowed', async () => {
    const at = await begin(site, { params });
    const fields = { email: someone(), request: sealedIn(at.page) };
    const blocked = () => new AppBrowser(site.server);
    const probe = await blocked().post(`${at.home}/start`, fields);
    assert.equal(probe.status, 307);
    const page = await blocked().post(probe.headers.get('location') ?? '', fields);
    assert.equal(page.status, 400);
    assert.match(page.body, /Allow cookies for this site/);
    const form = formsOf(page.body).find(({ action }) => action.endsWith('/again')) ?? assert.fail();
    assert.equal((await blocked().post(form.action, form.fields)).status, 307, 'asked once, then told again');
    const allowed = new AppBrowser(site.server);
    await signInFrom(site, {
      browser: allowed,
      page: await postOn(allowed, form.action, form.fields),
      email: someone(),
    });
    assert.equal(answerOf(await blocked().submit(page, '/abort')).error, 'access_denied');
  });

  it('of one tab is not in the way of another tab with another app', async () => {
    const redirectUri = 'http://localhost:10/done';
    const { client } = await site.server.rooms.clients.create({
      name: 'Basecamp',
      redirectUris: [redirectUri],
    });
    const browser = new AppBrowser(site.server);
    const first = await begin(site, { browser, params });
    const second = await begin(site, {
      browser,
      params: { client_id: client.id, redirect_uri: redirectUri, state: 'second' },
    });
    clock.advance(61 * MINUTE);
    const [one, two] = await Promise.all([
      browser.submit(first.page, '/start', { email: someone() }),
      browser.submit(second.page, '/start', { email: someone() }),
    ]);
    assert.deepEqual([titleOf(one), titleOf(two)], ['Sign in to Acme', 'Sign in to Basecamp']);
    const cancelled = await browser.submit(two, '/abort');
    assert.equal(cancelled.away?.origin, 'http://localhost:10');
    assert.equal(answerOf(cancelled).state, 'second');
    await signInFrom(site, { browser, page: one, email: someone() });
  });

  it('clicked twice begins again twice, and sends nothing by itself', async () => {
    const asked = await ask(site, someone(), { params });
    clock.advance(61 * MINUTE);
    const sent = site.mailbox.mails.length;
    const page = await asked.browser.open(asked.home);
    const pages = await Promise.all([
      asked.browser.submit(page, '/again'),
      asked.browser.submit(page, '/again'),
    ]);
    for (const one of pages) assert.equal(titleOf(one), 'Sign in to Acme');
    await site.server.mailIdle();
    assert.equal(site.mailbox.mails.length, sent);
  });

  it('does nothing new while the sign-in still goes on', async () => {
    const asked = await ask(site, someone(), { params });
    const answer = await asked.browser.post(`${asked.home}/again`, { request: sealedIn(asked.page) });
    assert.equal(answer.status, 303);
    assert.equal(answer.headers.get('location'), asked.home);
  });
});

describe('A link that is over, in the browser that asked', () => {
  let site: Site;
  before(async () => {
    const mailbox = createMailbox();
    site = { mailbox, server: await startTestServer({ transport: mailbox.transport, clock }) };
  });
  after(() => site.server.stop());

  const next = async (asked: Asked) => asked.browser.submit(await asked.browser.open(asked.link), '/again');

  it('leads to the page that waits while there is one', async () => {
    const asked = await ask(site, someone(), { params });
    clock.advance(11 * MINUTE);
    assert.match(titleOf(await next(asked)), /^This took a little too long/);
    const newer = await ask(site, someone(), { params });
    await askAgain(site, newer, { path: 'start', fields: { email: someone() } });
    assert.match(titleOf(await next(newer)), /^Check your email/);
  });

  it('begins the same request again when there is none, with the address filled in', async () => {
    const email = someone();
    const asked = await ask(site, email, { params });
    clock.advance(5 * DAY);
    await pruneOnce(site.server.rooms.database, clock);
    const page = await next(asked);
    assert.equal(emailIn(page), email);
    await signInFrom(site, { browser: asked.browser, page, email });
  });

  it('comes to the app by the session when it was used', async () => {
    const asked = await ask(site, someone(), { params });
    await enter(asked, asked.code);
    const done = await next(asked);
    assert.ok(isSignedIn(done));
    assert.equal(answerOf(done).state, params.state);
  });

  it('has no such step in another browser', async () => {
    const asked = await ask(site, someone(), { params });
    clock.advance(11 * MINUTE);
    const other = new AppBrowser(site.server);
    const page = await other.open(asked.link);
    assert.deepEqual(formsOf(page.body), []);
    assert.match(page.body, /href="http:\/\/localhost:9\/"/);
    const forced = await other.post(`${asked.link}/again`, {});
    assert.equal(forced.status, 400);
    assert.doesNotMatch(forced.body + [...forced.headers].join(), /of-this-request|a-nonce/);
  });
});
