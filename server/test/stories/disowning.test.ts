import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { Budgets } from '../../src/sign-in/limits.ts';
import { AppBrowser, titleOf } from '../support/app-client.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { createMailbox, notMeIn } from '../support/mailbox.ts';
import { as } from '../support/mails.ts';
import { authorizeUrl, exchange, postForm, refresh, tokensOf, userinfo } from '../support/oauth-requests.ts';
import { startTestServer } from '../support/server.ts';
import {
  type Asked,
  type Asking,
  ask,
  askAgain,
  enter,
  eventReader,
  isSignedIn,
  type Site,
  someone,
  stateOf,
  wrongCode,
} from '../support/sign-in-steps.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const STOPPED = /^This sign-in was stopped/;

let clock: FakeClock;
let site: Site;
let events: () => Promise<string[]>;
before(async () => {
  clock = createFakeClock();
  const mailbox = createMailbox();
  const given = { config: { trustProxy: ['127.0.0.1'] }, settings: { 'limits.puzzles': false } };
  site = { mailbox, server: await startTestServer({ transport: mailbox.transport, clock, ...given }) };
  events = eventReader(site.server);
});
after(async () => {
  await site.server.stop();
  clock.release();
});
afterEach(() => site.server.rooms.settings.set('passwordless.method', 'link_otp'));

/** The owner of the mailbox, at another machine, presses the button of the page that the mail leads to. */
async function disown(asked: Pick<Asked, 'mail'>) {
  const owner = new AppBrowser(site.server);
  const path = notMeIn(asked.mail);
  const page = await owner.submit(await owner.open(path), path);
  await site.server.mailIdle(); // the confirmation has arrived
  return page;
}

const statusOf = async ({ browser, home }: Asked): Promise<string> =>
  JSON.parse((await browser.send(`${site.server.url}${home}/status`)).body).state;

/** A sign-in that was used, and what the app got by it. */
async function used(how: Asking & { email?: string } = {}) {
  const asked = await ask(site, how.email ?? someone(), {
    ...how,
    params: { scope: 'openid email offline_access', ...how.params },
  });
  const done = await enter(asked, asked.code);
  return { ...asked, ...tokensOf(await exchange(site.server, done.away ?? assert.fail(titleOf(done)))) };
}

type Used = Awaited<ReturnType<typeof used>>;

const silently = async ({ browser }: { browser: AppBrowser }, params = {}): Promise<string> => {
  const { away } = await browser.open(authorizeUrl(site.server, { prompt: 'none', ...params }));
  return away?.searchParams.get('error') ?? 'signed in';
};

async function isActive(token: string): Promise<unknown> {
  const { id, secret } = site.server.app;
  const fields = { token, client_id: id, client_secret: secret };
  return (await postForm(`${site.server.url}/oauth/introspect`, fields)).body.active;
}

async function requireDead(one: Used): Promise<void> {
  const refreshed = await refresh(site.server, one.refreshToken);
  assert.deepEqual([refreshed.status, refreshed.body.error], [400, 'invalid_grant']);
  assert.equal((await userinfo(site.server, one.accessToken)).status, 401);
  assert.equal(await isActive(one.accessToken), false);
  assert.equal(await isActive(one.refreshToken), false);
  assert.equal(await silently(one), 'login_required');
}

async function requireAlive(one: Used): Promise<void> {
  assert.equal((await userinfo(site.server, one.accessToken)).status, 200);
  assert.equal(await isActive(one.refreshToken), true);
  assert.equal(await silently(one), 'signed in');
}

describe('Who did not ask for a mail', () => {
  it('sees who did, stops it with one button, and then neither code nor link does anything', async () => {
    const email = someone();
    const asked = await ask(site, email, { headers: { 'x-forwarded-for': '203.0.113.7' } });
    const page = await new AppBrowser(site.server).open(notMeIn(asked.mail));
    assert.match(titleOf(page), /^Was this not you\?/);
    for (const fact of ['Acme', email, '203.0.113.7', 'just now']) assert.ok(page.body.includes(fact), fact);
    await events();
    const done = await disown(asked);
    assert.equal(done.status, 200);
    assert.match(titleOf(done), /^It is stopped/);
    assert.deepEqual(await events(), ['attempt.disowned', 'mail.sent']);
    assert.match(titleOf(await enter(asked, asked.code)), STOPPED);
    assert.ok(!isSignedIn(await asked.browser.post(asked.link, {})));
    assert.ok(!isSignedIn(await asked.browser.post(`${asked.home}/continue`, {})));
    assert.match(titleOf(await asked.browser.open(asked.link)), STOPPED);
    assert.deepEqual(await events(), [], 'no proof was judged');
  });

  it('is believed by the page that waits, which says so', async () => {
    const asked = await ask(site, someone());
    await disown(asked);
    assert.equal(await statusOf(asked), 'disowned');
    assert.match(titleOf(await asked.browser.open(asked.home)), STOPPED);
  });

  it('finds the link in each mail, whatever else is in it, and each stops the same attempt', async () => {
    for (const method of ['otp', 'link', 'link_otp'] as const) {
      await site.server.rooms.settings.set('passwordless.method', method);
      const first = await ask(site, someone());
      const second = await askAgain(site, first, { path: 'resend', fields: { step: '1' } });
      assert.notEqual(notMeIn(first.mail), notMeIn(second.mail));
      await disown(method === 'otp' ? second : first);
      assert.equal(await statusOf(first), 'disowned', method);
    }
  });

  it('stops an attempt that is locked, and one whose time is over, and records what it was', async () => {
    const locked = await ask(site, someone());
    for (let by = 1; by <= 5; by += 1) await enter(locked, wrongCode(locked.code, by));
    const expired = await ask(site, someone());
    clock.advance(11 * 60_000);
    for (const [was, asked] of Object.entries({ locked, expired })) {
      await disown(asked);
      assert.equal(await statusOf(asked), 'disowned');
      assert.equal(await lastDisowned(), JSON.stringify({ was }));
    }
  });

  it('stops what took the place of the attempt too, where it is for the same address', async () => {
    const email = someone();
    const first = await ask(site, email);
    await askAgain(site, first, { path: 'address' });
    const second = await askAgain(site, first, { path: 'start', fields: { email } });
    await disown(first);
    assert.equal(await statusOf(second), 'disowned');
    assert.ok(!isSignedIn(await enter(second, second.code)));
  });

  it('does not stop what took its place for another address', async () => {
    const first = await ask(site, someone());
    await askAgain(site, first, { path: 'address' });
    const second = await askAgain(site, first, { path: 'start', fields: { email: someone() } });
    await disown(first);
    assert.ok(isSignedIn(await enter(second, second.code)));
  });

  it('may have asked after all, and then starts again where they were', async () => {
    const asked = await ask(site, someone());
    await disown(asked);
    const stopped = await asked.browser.open(asked.home);
    await site.server.mailIdle(); // for the mail that confirms it
    const sent = site.mailbox.mails.length;
    const again = await asked.browser.submit(stopped, '/restart');
    await site.server.mailIdle();
    assert.match(titleOf(again), /^Check your email/);
    const code = site.mailbox.mails[sent]?.facts?.code ?? '';
    await asked.browser.post(notMeIn(asked.mail), { answer: 'not-me' });
    assert.ok(isSignedIn(await enter(asked, code)), 'the old link stops nothing that was begun after it');
  });

  it('with a link that is cut off or made up is told what it means, and nothing is written', async () => {
    const asked = await ask(site, someone());
    const path = notMeIn(asked.mail);
    const stored = await stateOf(site.server);
    for (const wrong of [path.slice(0, -1), `${path}A`, '/not-me/0000000000000000000000', asked.link]) {
      const at = wrong.replace('/l/', '/not-me/');
      for (const page of [await asked.browser.open(at), await asked.browser.post(at, { answer: 'not-me' })]) {
        assert.equal(page.status, 200);
        assert.match(titleOf(page), /^This link does not work/);
        assert.doesNotMatch(page.body, /<form/);
      }
    }
    assert.deepEqual(await stateOf(site.server), stored);
  });
});

describe('A sign-in that was used by somebody else', () => {
  it('ends with its session and everything that was issued under it, and both are recorded', async () => {
    const thief = await used();
    await requireAlive(thief);
    const page = await new AppBrowser(site.server).open(notMeIn(thief.mail));
    assert.match(page.body, /Somebody signed in to/);
    await events();
    assert.match((await disown(thief)).body, /was used/);
    assert.deepEqual((await events()).toSorted(), ['attempt.disowned', 'mail.sent', 'session.ended']);
    assert.equal(await lastDisowned(), '{"was":"redeemed"}');
    await requireDead(thief);
  });

  it('ends with an authorization code that the app has not used yet', async () => {
    const asked = await ask(site, someone());
    const { away } = await enter(asked, asked.code);
    await disown(asked);
    assert.equal((await exchange(site.server, away ?? assert.fail())).status, 400);
    assert.equal(await silently(asked), 'login_required');
  });

  it('ends in every app that was signed in to by the same session', async () => {
    const thief = await used();
    const redirectUri = 'http://localhost:9/other';
    const { client, clientSecret } = await site.server.rooms.clients.create({
      name: 'Other',
      redirectUris: [redirectUri],
    });
    const params = { client_id: client.id, redirect_uri: redirectUri, scope: 'openid offline_access' };
    const { away } = await thief.browser.open(authorizeUrl(site.server, { prompt: 'none', ...params }));
    const secret = { client_id: client.id, client_secret: clientSecret };
    const other = tokensOf(
      await exchange(site.server, away ?? assert.fail(), { ...secret, redirect_uri: redirectUri }),
    );
    assert.equal((await userinfo(site.server, other.accessToken)).status, 200);
    await disown(thief);
    assert.equal((await refresh(site.server, other.refreshToken, secret)).body.error, 'invalid_grant');
    assert.equal((await userinfo(site.server, other.accessToken)).status, 401);
    await requireDead(thief);
  });

  it('ends also when it renewed a session that was there before', async () => {
    const first = await used();
    const again = await ask(site, first.mail?.to ?? '', {
      browser: first.browser,
      params: { prompt: 'login' },
    });
    await enter(again, again.code);
    await disown(again);
    await requireDead(first);
  });

  it('ends with the tokens that have outlived their session', async () => {
    const thief = await used();
    clock.advance(8 * DAY); // a week without a visit ends a session, not a refresh token
    await site.server.rooms.database.write((q) =>
      q.deleteFrom('oidc_records').where('kind', '=', 'Session').execute(),
    );
    assert.equal(await isActive(thief.refreshToken), true);
    await disown(thief);
    assert.equal((await refresh(site.server, thief.refreshToken)).body.error, 'invalid_grant');
  });

  it('ends alone: the same person stays signed in where they signed in themselves', async () => {
    const email = someone();
    const owner = await used({ email });
    const thief = await used({ email });
    await disown(thief);
    await requireDead(thief);
    await requireAlive(owner);
  });

  it('is ended once: the same button again does nothing, in whatever session the browser is by then', async () => {
    const email = someone();
    const first = await used({ email });
    await disown(first);
    const later = await used({ email, browser: first.browser });
    const stored = await stateOf(site.server);
    const path = notMeIn(first.mail);
    const again = await new AppBrowser(site.server).post(path, { answer: 'not-me' });
    assert.match(titleOf(again), /^It is stopped/);
    assert.match(titleOf(await new AppBrowser(site.server).open(path)), /^It is stopped/);
    assert.deepEqual(await stateOf(site.server), stored);
    await requireAlive(later);
  });
});

describe('A network whose requests are disowned', () => {
  const from = (ip: string) => ({ headers: { 'x-forwarded-for': ip } });
  const starts = async (ip: string, email = someone()) => (await ask(site, email, from(ip))).page.status;
  before(() => site.server.rooms.settings.set('limits.starts_per_source_hour', 50));
  after(() => site.server.rooms.settings.set('limits.starts_per_source_hour', 1_000_000));

  it('has to wait after five owners said so, for an hour at most, while codes that were mailed still work', async () => {
    const ip = '198.51.100.1';
    const asked: Asked[] = [];
    for (let person = 0; person < 5; person += 1) asked.push(await ask(site, someone(), from(ip)));
    for (const one of asked.slice(1)) await disown(one);
    const last = await ask(site, someone(), from(ip));
    assert.equal(last.page.status, 200, 'four are not enough');
    await disown(last);
    assert.equal(await starts(ip), 429);
    assert.equal(await starts('198.51.100.2'), 200, 'the next network is another one');
    const [waiting] = asked;
    assert.ok(waiting && isSignedIn(await enter(waiting, waiting.code, from(ip).headers)));
    clock.advance(HOUR + 120_000);
    assert.equal(await starts(ip), 200);
  });

  it('is not stopped by one person who says so over and over', async () => {
    const ip = '198.51.100.3';
    const email = someone();
    for (let time = 0; time < 8; time += 1) await disown(await ask(site, email, from(ip)));
    assert.equal(await starts(ip), 200);
  });

  it('is told apart from the address, which is known as disowned for a day', async () => {
    const email = someone();
    const lately = async () => {
      const { database, secrets, settings } = site.server.rooms;
      const given = { secrets, settings: await settings.current(), now: clock.now() };
      return database.write(
        async (q) => (await Budgets.lock(q, { email: as(email), source: '' }, given)).disownedLately,
      );
    };
    const asked = await ask(site, email, from('198.51.100.4'));
    assert.equal(await lately(), false);
    await disown(asked);
    assert.equal(await lately(), true);
    clock.advance(DAY - HOUR);
    assert.equal(await lately(), true);
    clock.advance(2 * HOUR);
    assert.equal(await lately(), false);
  });
});

/** What the newest attempt that was disowned had come to. */
async function lastDisowned(): Promise<string> {
  const { data } = await site.server.rooms.database.read((q) =>
    q
      .selectFrom('events')
      .select('data')
      .where('type', '=', 'attempt.disowned')
      .orderBy('at', 'desc')
      .orderBy('id', 'desc')
      .executeTakeFirstOrThrow(),
  );
  return data;
}
