import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sealRequest } from '../../src/oidc/resuming/sealed-request.ts';
import { createSecrets } from '../../src/platform/secrets.ts';
import { AppBrowser, formsOf, type Landing, titleOf } from '../support/app-client.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { createMailbox } from '../support/mailbox.ts';
import { authorizeUrl } from '../support/oauth-requests.ts';
import { startTestServer } from '../support/server.ts';
import {
  answerOf,
  ask,
  begin,
  enter,
  homeOf,
  isSignedIn,
  postOn,
  type Site,
  sealedIn,
  someone,
} from '../support/sign-in-steps.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const LATE = 61 * 60_000;
const params = { state: 'secret-state', nonce: 'secret-nonce' };

let clock: FakeClock;
let site: Site;
before(async () => {
  clock = createFakeClock();
  const mailbox = createMailbox();
  site = { mailbox, server: await startTestServer({ transport: mailbox.transport, clock }) };
});
after(async () => {
  await site.server.stop();
  clock.release();
});

const told = (page: Landing) => page.body + [...page.headers].join('\n');
const nothingOf = (page: Landing) => {
  assert.doesNotMatch(told(page), /secret-state|secret-nonce|person\d+@acme/);
  assert.equal(page.away, undefined);
  assert.deepEqual(formsOf(page.body), []);
};

/** A client with a sign-in of its own that is over, and the request that its page has sealed. */
async function lateSignIn(redirectUri: string) {
  const { clients } = site.server.rooms;
  const { client } = await clients.create({ name: 'Fleeting', redirectUris: [redirectUri] });
  const at = await begin(site, { params: { ...params, client_id: client.id, redirect_uri: redirectUri } });
  clock.advance(LATE);
  return { ...at, client };
}

describe('Somebody with the address of another person’s sign-in', () => {
  it('learns neither state nor nonce nor address, whatever it has come to and whichever form they post', async () => {
    const fresh = await begin(site, { params });
    const waiting = await ask(site, someone(), { params });
    const done = await ask(site, someone(), { params });
    await enter(done, done.code);
    const cancelled = await begin(site, { params });
    await cancelled.browser.submit(cancelled.page, '/abort');
    const look = async () => {
      for (const { home } of [fresh, waiting, done, cancelled])
        for (const browser of [new AppBrowser(site.server), await visitor()]) {
          nothingOf(await browser.open(home));
          for (const step of ['again', 'abort', 'start', 'code', 'continue', 'restart', 'keep', 'consent'])
            nothingOf(await browser.post(`${home}/${step}`, { email: 'eve@evil.example', code: '123456' }));
        }
    };
    await look();
    clock.advance(LATE);
    await look();
    clock.advance(2 * DAY);
    await look();
  });
});

/** Another person's browser, which has a name and a sign-in of its own. */
async function visitor(): Promise<AppBrowser> {
  return (await begin(site)).browser;
}

describe('A request that this server has not sealed', () => {
  it('is as none: changed, made by another server, cut, long, or of another kind', async () => {
    const at = await begin(site, { params });
    const sealed = sealedIn(at.page);
    const { secrets } = site.server.rooms;
    const evil = {
      client_id: site.server.app.id,
      redirect_uri: 'https://evil.example/',
      response_type: 'code',
    };
    const elsewhere = createSecrets(['another-master-secret-0123456789abcdef0123456789']);
    const forged = [
      `${sealed.startsWith('A') ? 'B' : 'A'}${sealed.slice(1)}`,
      sealed.slice(1),
      `${sealed}AAAA`,
      sealRequest(elsewhere, { ...evil, redirect_uri: site.server.app.redirectUri }, clock.now()),
      secrets.seal('interaction', JSON.stringify(evil), 'authorization-request'),
      secrets.seal('request', JSON.stringify(evil), 'another context'),
      JSON.stringify(evil),
      'A'.repeat(12_000),
      '',
      'null',
    ];
    for (const request of forged)
      for (const step of ['again', 'abort'])
        nothingOf(await new AppBrowser(site.server).post(`${at.home}/${step}`, { request }));
    const control = await postOn(new AppBrowser(site.server), `${at.home}/again`, { request: sealed });
    assert.equal(titleOf(control), 'Sign in to Acme', 'the whole one goes on');
  });

  it('is refused twice over: a form with two of them', async () => {
    const at = await begin(site, { params });
    const sealed = sealedIn(at.page);
    const answer = await at.browser.send(`${site.server.url}${at.home}/abort`, {
      method: 'POST',
      headers: { origin: site.server.url, 'content-type': 'application/x-www-form-urlencoded' },
      body: `request=${sealed}&request=${sealed}`,
    });
    assert.equal(answer.status, 400);
  });
});

describe('A sealed request', () => {
  it('leads nowhere but to its registered address, whatever else a form says', async () => {
    const at = await begin(site, { params });
    clock.advance(LATE);
    const elsewhere = {
      redirect_uri: 'https://evil.example/',
      client_id: 'skc_1',
      state: 'evil',
      next: 'https://evil.example/',
      response_mode: 'fragment',
    };
    const gone = await at.browser.submit(at.page, '/abort', elsewhere);
    assert.equal(gone.away?.href.split('?')[0], site.server.app.redirectUri);
    assert.equal(answerOf(gone).state, 'secret-state');
    const next = await at.browser.submit(at.page, '/start', {
      ...elsewhere,
      email: '//evil.example/\r\nx: y',
    });
    assert.equal(titleOf(next), 'Sign in to Acme');
    assert.doesNotMatch(next.headers.get('location') ?? '', /evil/);
  });

  it('of a client that is deleted ends on a page here', async () => {
    const { browser, page, home, client } = await lateSignIn('https://fleeting.example/cb');
    await site.server.rooms.clients.remove(client.id);
    clock.advance(2000);
    for (const step of ['start', 'abort']) {
      const answer = await browser.submit(page, `/${step}`, { email: someone() });
      assert.equal(answer.status, 400, step);
      assert.equal(answer.away, undefined);
      assert.doesNotMatch(told(answer), /fleeting\.example/);
    }
    nothingOf(await browser.open(home));
  });

  it('to an address that is registered no more ends on a page here', async () => {
    const { browser, page, client } = await lateSignIn('https://fleeting.example/cb');
    await site.server.rooms.database.write((q) =>
      q
        .updateTable('clients')
        .set({ redirect_uris: JSON.stringify(['https://moved.example/cb']) })
        .where('id', '=', client.id)
        .execute(),
    );
    clock.advance(2000);
    for (const step of ['start', 'abort']) {
      const answer = await browser.submit(page, `/${step}`, { email: someone() });
      assert.equal(answer.status, 400, step);
      assert.doesNotMatch(told(answer), /fleeting\.example\/cb/);
      assert.match(answer.body, /invalid_redirect_uri|redirect_uri/);
    }
  });

  it('is no good after 30 days', async () => {
    const at = await begin(site, { params });
    clock.advance(30 * DAY + 2000);
    for (const step of ['again', 'abort'])
      nothingOf(await at.browser.post(`${at.home}/${step}`, { request: sealedIn(at.page) }));
  });

  it('proves nothing: who goes on with another person’s has to prove their own address', async () => {
    const done = await ask(site, someone(), { params });
    await enter(done, done.code);
    const eve = new AppBrowser(site.server);
    const page = await postOn(eve, `${done.home}/again`, { request: sealedIn(done.page) });
    assert.equal(titleOf(page), 'Sign in to Acme');
    assert.doesNotMatch(page.body, /person\d+@acme/);
    assert.ok(!isSignedIn(await eve.post(`${homeOf(page)}/code`, { code: done.code })));
  });

  it('is not taken from another site', async () => {
    const at = await begin(site, { params });
    clock.advance(LATE);
    for (const step of ['again', 'abort', 'start']) {
      const fields = { request: sealedIn(at.page), email: someone() };
      const answer = await at.browser.post(`${at.home}/${step}`, fields, {
        origin: 'https://evil.example',
        'sec-fetch-site': 'cross-site',
      });
      assert.equal(answer.status, 403, step);
    }
    const link = (await ask(site, someone(), { params })).link;
    const answer = await at.browser.post(`${link}/again`, {}, { 'sec-fetch-site': 'cross-site' });
    assert.equal(answer.status, 403);
  });

  it('is not what an app can send: its own parameters of that name are not ours', async () => {
    const { hash } = site.server.rooms.secrets;
    const url = authorizeUrl(site.server, { ...params, postern_browser: hash('browser', 'of-eve') });
    const browser = new AppBrowser(site.server);
    const home = homeOf(await browser.open(url));
    nothingOf(await new AppBrowser(site.server).open(home, { cookie: 'postern_browser=of-eve' }));
    assert.equal((await browser.open(home)).status, 200);
  });
});
