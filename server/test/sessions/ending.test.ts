import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { SessionId, UserId } from '../../src/core/ids.ts';
import { endSession, endSessionsOf } from '../../src/oidc/sessions/ending.ts';
import { showSession } from '../../src/oidc/sessions/sessions.ts';
import { askInApp, enterInApp, firstParty, redeemInApp } from '../challenge/in-app.ts';
import { AppBrowser, type Landing, signIn } from '../support/app-client.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { createMailbox, type Mailbox } from '../support/mailbox.ts';
import {
  authorizeUrl,
  claimsOf,
  postForm,
  refresh,
  signedIn,
  type Tokens,
  tokenRequest,
  tokensOf,
  userinfo,
} from '../support/oauth-requests.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const AGENT =
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15';

const hostile = `${AGENT} <script>alert(1)</script> ${'9'.repeat(500)}`;

let clock: FakeClock;
let mailbox: Mailbox;
let server: TestServer;
let other: { client_id: string; client_secret: string };
before(async () => {
  clock = createFakeClock();
  mailbox = createMailbox();
  server = await startTestServer({ clock, transport: mailbox.transport });
  const made = await server.rooms.clients.create({ name: 'Other', redirectUris: [server.app.redirectUri] });
  other = { client_id: made.client.id, client_secret: made.clientSecret ?? '' };
});
after(async () => {
  await server.stop();
  clock.release();
});

const scope = 'openid email offline_access';

const person = (email?: string) =>
  signedIn({ server, mailbox, params: { scope }, ...(email !== undefined && { email }) });

const sessionOf = ({ idToken }: Tokens) => String(claimsOf(idToken).sid) as SessionId;
const userOf = ({ idToken }: Tokens) => String(claimsOf(idToken).sub) as UserId;
const show = (id: string) => showSession(server.rooms, id);

async function secondApp(browser: AppBrowser): Promise<Tokens> {
  const url = authorizeUrl(server, { client_id: other.client_id, scope });
  const { callback } = await signIn({ server, mailbox, url, browser });
  const code = callback.searchParams.get('code') ?? '';
  const redeem = { grant_type: 'authorization_code', code, redirect_uri: server.app.redirectUri };
  return tokensOf(await tokenRequest(server, { ...other, ...redeem }));
}

async function isActive(token: string, credentials: Record<string, string> = {}): Promise<boolean> {
  const own = { client_id: server.app.id, client_secret: server.app.secret, ...credentials };
  const { body } = await postForm(`${server.url}/oauth/introspect`, { token, ...own });
  return body.active === true;
}

async function hasSession(browser: AppBrowser): Promise<boolean> {
  const { away } = await browser.open(authorizeUrl(server, { prompt: 'none' }));
  return away?.searchParams.has('code') ?? false;
}

describe('a session has a row', () => {
  it('from the sign-in on, with the browser in our words and the apps that it signs in to', async () => {
    const one = await person();
    const { device, clients, status, createdAt, absoluteExpiresAt, idleExpiresAt } = await show(
      sessionOf(one),
    );
    assert.deepEqual([status, clients], ['active', [server.app.id]]);
    assert.ok(Math.abs(absoluteExpiresAt - createdAt - 30 * DAY) <= 1000);
    assert.ok(Math.abs(idleExpiresAt - createdAt - 7 * DAY) <= 1000);
    assert.equal(device.ip, '127.0.0.1');
    await secondApp(one.browser);
    assert.deepEqual((await show(sessionOf(one))).clients, [server.app.id, other.client_id]);
  });

  it('that tells when it was last used: by its browser, and by an app that refreshes', async () => {
    const one = await person();
    const { lastActiveAt } = await show(sessionOf(one));
    clock.advance(MINUTE / 2);
    await one.browser.open(authorizeUrl(server, { prompt: 'none' }));
    assert.equal((await show(sessionOf(one))).lastActiveAt, lastActiveAt);
    clock.advance(DAY);
    await one.browser.open(authorizeUrl(server, { prompt: 'none' }));
    const used = await show(sessionOf(one));
    assert.ok(used.lastActiveAt - lastActiveAt >= DAY);
    clock.advance(DAY);
    assert.equal((await refresh(server, one.refreshToken)).status, 200);
    const refreshed = await show(sessionOf(one));
    assert.ok(refreshed.lastActiveAt - used.lastActiveAt >= DAY);
    assert.ok(refreshed.idleExpiresAt > used.idleExpiresAt);
  });

  it('that says how it ended: by a logout, by its time, by another person in the same browser', async () => {
    const left = await person();
    await left.browser.submit(await left.browser.open('/oidc/logout'), '/oidc/logout/confirm');
    const { status, endedAt } = await show(sessionOf(left));
    assert.deepEqual([status, endedAt], ['logout', clock.now()]);
    const expired = await person();
    clock.advance(7 * DAY);
    assert.equal((await show(sessionOf(expired))).status, 'expired');
    const shared = await person();
    const url = authorizeUrl(server, { prompt: 'login' });
    await signIn({ server, mailbox, url, browser: shared.browser });
    assert.equal((await show(sessionOf(shared))).status, 'logout');
  });

  it('whose device is never more than names and digits that we know', async () => {
    const browser = new NamedBrowser(server);
    const { device } = await show(sessionOf(await signedIn({ server, mailbox, browser, params: { scope } })));
    assert.deepEqual(device, {
      os: 'macOS',
      osVersion: '10.15.7',
      browser: 'Safari',
      browserVersion: '17.6',
      type: 'desktop',
      ip: '127.0.0.1',
    });
  });
});

/** A browser that names itself. */
class NamedBrowser extends AppBrowser {
  override send(url: string, init: RequestInit = {}): Promise<Landing> {
    const named = new Headers(init.headers);
    named.set('user-agent', hostile);
    return super.send(url, { ...init, headers: Object.fromEntries(named) });
  }
}

describe('revoking a session', () => {
  it('ends all that it gave, in both apps, and nothing of another browser', async () => {
    const email = 'everywhere@example.com';
    const [here, there] = [await person(email), await person(email)];
    const second = await secondApp(here.browser);
    assert.equal(sessionOf(second), sessionOf(here));
    assert.equal(await endSession(server.rooms, sessionOf(here), 'revoked'), true);
    assert.equal((await show(sessionOf(here))).status, 'revoked');
    assert.equal((await refresh(server, here.refreshToken)).body.error, 'invalid_grant');
    assert.equal((await refresh(server, second.refreshToken, other)).body.error, 'invalid_grant');
    for (const token of [here.accessToken, second.accessToken])
      assert.equal((await userinfo(server, token)).status, 401);
    assert.equal(await isActive(here.accessToken), false);
    assert.equal(await isActive(second.accessToken, other), false);
    assert.equal(await hasSession(here.browser), false);
    assert.equal(await hasSession(there.browser), true);
    assert.equal((await refresh(server, there.refreshToken)).status, 200);
    assert.equal(await isActive(there.accessToken), true);
  });

  it('ends a code that was not redeemed yet', async () => {
    const { browser, ...tokens } = await person();
    const { away } = await browser.open(authorizeUrl(server, { prompt: 'none' }));
    await endSession(server.rooms, sessionOf(tokens), 'revoked');
    const code = away?.searchParams.get('code') ?? '';
    const redeem = { grant_type: 'authorization_code', code, redirect_uri: server.app.redirectUri };
    assert.equal((await tokenRequest(server, redeem)).body.error, 'invalid_grant');
  });

  it('ends tokens that outlive the session too', async () => {
    const one = await person();
    clock.advance(8 * DAY);
    assert.equal(await hasSession(one.browser), false);
    assert.equal((await show(sessionOf(one))).status, 'expired');
    assert.equal(await endSession(server.rooms, sessionOf(one), 'revoked'), true);
    assert.equal((await refresh(server, one.refreshToken)).body.error, 'invalid_grant');
  });

  it('ends one that an app began on pages of its own', async () => {
    const app = await firstParty(server, 'public');
    const asked = await askInApp({ server, mailbox }, app, { scope });
    const { body } = await enterInApp(server, app, asked);
    const code = { code: body.authorization_code, verifier: asked.verifier };
    const tokens = tokensOf(await redeemInApp(server, app, code));
    const { status, clients, device } = await show(sessionOf(tokens));
    assert.deepEqual([status, clients, device.type], ['active', [app.client.id], 'other']);
    assert.equal(await endSession(server.rooms, sessionOf(tokens), 'revoked'), true);
    const again = {
      grant_type: 'refresh_token',
      refresh_token: tokens.refreshToken,
      client_secret: undefined,
    };
    const refused = await tokenRequest(server, { ...again, client_id: app.client.id });
    assert.equal(refused.body.error, 'invalid_grant');
    assert.equal((await userinfo(server, tokens.accessToken)).status, 401);
  });

  it('of a person ends every browser of theirs, and nobody else’s', async () => {
    const email = 'all@example.com';
    const [one, two, stranger] = [await person(email), await person(email), await person()];
    const ended = await endSessionsOf(server.rooms, userOf(one), 'revoked');
    assert.deepEqual(ended, [sessionOf(one), sessionOf(two)]);
    for (const mine of [one, two]) {
      assert.equal(await hasSession(mine.browser), false);
      assert.equal((await refresh(server, mine.refreshToken)).body.error, 'invalid_grant');
    }
    assert.equal(await hasSession(stranger.browser), true);
  });

  it('leaves the browser free to sign in again, in a session of its own', async () => {
    const email = 'again@example.com';
    const one = await person(email);
    await endSession(server.rooms, sessionOf(one), 'revoked');
    const again = await signedIn({ server, mailbox, email, browser: one.browser, params: { scope } });
    assert.notEqual(sessionOf(again), sessionOf(one));
    assert.equal((await show(sessionOf(again))).status, 'active');
  });
});
