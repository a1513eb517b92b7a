import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose';
import type { SessionId } from '../../src/core/ids.ts';
import { prepareLogout } from '../../src/oidc/sessions/back-channel.ts';
import { endSession } from '../../src/oidc/sessions/ending.ts';
import { type AppBrowser, signIn } from '../support/app-client.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { createMailbox, type Mailbox } from '../support/mailbox.ts';
import {
  authorizeUrl,
  claimsOf,
  headerOf,
  postForm,
  refresh,
  signedIn,
  type Tokens,
  userinfo,
} from '../support/oauth-requests.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { type LogoutReceiver, startLogoutReceiver } from './logout-receiver.ts';

const MINUTE = 60_000;
const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

let clock: FakeClock;
let mailbox: Mailbox;
let server: TestServer;
let receiver: LogoutReceiver;
let other: string;
before(async () => {
  clock = createFakeClock();
  mailbox = createMailbox();
  receiver = await startLogoutReceiver();
  server = await startTestServer({ clock, transport: mailbox.transport });
  const { redirectUri } = server.app;
  await server.rooms.clients.update(server.app.id, { backChannelLogoutUris: [receiver.url('/acme')] });
  const made = await server.rooms.clients.create({
    name: 'Other',
    redirectUris: [redirectUri],
    backChannelLogoutUris: [receiver.url('/other'), receiver.url('/other-too')],
    idTokenAlg: 'ES256',
  });
  other = made.client.id;
  await server.rooms.clients.create({
    name: 'Bystander',
    redirectUris: [redirectUri],
    backChannelLogoutUris: [receiver.url('/bystander')],
  });
});
after(async () => {
  await server.stop();
  await receiver.stop();
  clock.release();
});
beforeEach(() => {
  receiver.told.length = 0;
  receiver.answerWith(200);
});

const person = () => signedIn({ server, mailbox, params: { scope: 'openid email offline_access' } });
const sessionOf = ({ idToken }: Tokens) => String(claimsOf(idToken).sid) as SessionId;

async function secondApp(browser: AppBrowser): Promise<void> {
  await signIn({ server, mailbox, url: authorizeUrl(server, { client_id: other }), browser });
}

async function told(): Promise<string[]> {
  await server.deliveriesIdle();
  return receiver.told.map(({ path }) => path).toSorted();
}

/** What an app does with it (OpenID Connect Back-Channel Logout 1.0, 2.6). */
async function verified(token: string, clientId: string): Promise<JWTPayload> {
  const keys = createRemoteJWKSet(new URL(`${server.url}/keys`));
  const { payload } = await jwtVerify(token, keys, {
    issuer: server.url,
    audience: clientId,
    typ: 'logout+jwt',
    requiredClaims: ['iat', 'exp', 'jti', 'events', 'sid', 'sub'],
    currentDate: new Date(clock.now()),
  });
  return payload;
}

async function deliveries(session: string) {
  const rows = await server.rooms.database.read((q) =>
    q.selectFrom('deliveries').select(['state', 'tries', 'body']).where('kind', '=', 'logout').execute(),
  );
  return rows.filter(({ body }) => body.includes(session));
}

describe('the end of a session', () => {
  it('is told to each app that it signed in to, at each of its addresses, with a token that says whose', async () => {
    const one = await person();
    await secondApp(one.browser);
    await endSession(server.rooms, sessionOf(one), 'revoked');
    assert.deepEqual(await told(), ['/acme', '/other', '/other-too']);
    for (const { path, type, token } of receiver.told) {
      assert.equal(type, 'application/x-www-form-urlencoded');
      const clientId = path === '/acme' ? server.app.id : other;
      const claims = await verified(token, clientId);
      const { iat = 0, exp = 0, jti, ...rest } = claims;
      assert.deepEqual(rest, {
        iss: server.url,
        aud: [clientId],
        sub: claimsOf(one.idToken).sub,
        sid: sessionOf(one),
        events: { [EVENT]: {} },
      });
      assert.ok(exp - iat <= 120);
      assert.match(String(jti), /^tkn_\d+$/);
      assert.equal(headerOf(token).alg, path === '/acme' ? 'RS256' : 'ES256');
    }
    const ids = new Set(receiver.told.map(({ token }) => claimsOf(token).jti));
    assert.equal(ids.size, 3);
  });

  it('is told when the person leaves, too, and when somebody else signs in in their browser', async () => {
    const left = await person();
    await left.browser.submit(await left.browser.open('/oidc/logout'), '/oidc/logout/confirm');
    assert.deepEqual(await told(), ['/acme']);
    const shared = await person();
    const url = authorizeUrl(server, { prompt: 'login' });
    await signIn({ server, mailbox, url, browser: shared.browser });
    assert.deepEqual(await told(), ['/acme', '/acme']);
  });

  it('is told once, however often it is revoked', async () => {
    const one = await person();
    await endSession(server.rooms, sessionOf(one), 'revoked');
    await endSession(server.rooms, sessionOf(one), 'revoked');
    assert.deepEqual(await told(), ['/acme']);
  });

  it('is kept without any secret until the app has heard of it, signed anew each time', async () => {
    receiver.answerWith(503);
    const one = await person();
    await endSession(server.rooms, sessionOf(one), 'revoked');
    assert.deepEqual(await told(), ['/acme']);
    const [waiting] = await deliveries(sessionOf(one));
    assert.deepEqual([waiting?.state, waiting?.tries], ['waiting', 1]);
    assert.doesNotMatch(waiting?.body ?? '', /eyJ/);
    receiver.answerWith(204);
    clock.advance(MINUTE);
    assert.deepEqual(await told(), ['/acme', '/acme']);
    const [first, second] = receiver.told.map(({ token }) => claimsOf(token));
    assert.notEqual(first?.jti, second?.jti);
    assert.ok(Number(second?.iat) > Number(first?.iat));
    assert.equal((await deliveries(sessionOf(one)))[0]?.state, 'done');
  });

  it('is not told again to an app that refuses the token, nor where a redirect leads', async () => {
    for (const status of [400, 302]) {
      receiver.answerWith(status);
      receiver.told.length = 0;
      const one = await person();
      await endSession(server.rooms, sessionOf(one), 'revoked');
      assert.deepEqual(await told(), ['/acme']);
      const [row] = await deliveries(sessionOf(one));
      assert.equal(row?.state, status === 400 ? 'dead' : 'waiting');
    }
  });

  it('is not told at an address that the app has given up meanwhile', async () => {
    receiver.answerWith(500);
    const one = await person();
    await endSession(server.rooms, sessionOf(one), 'revoked');
    await told();
    await server.rooms.clients.update(server.app.id, { backChannelLogoutUris: [receiver.url('/new')] });
    receiver.told.length = 0;
    receiver.answerWith(200);
    clock.advance(MINUTE);
    assert.deepEqual(await told(), []);
    assert.equal((await deliveries(sessionOf(one)))[0]?.state, 'dropped');
    await server.rooms.clients.update(server.app.id, { backChannelLogoutUris: [receiver.url('/acme')] });
  });
});

describe('the way to an app', () => {
  it('leads into no private network, unless the owner has said that it may', async () => {
    const prepare = prepareLogout({ ...server.rooms, origin: new URL('https://id.example.com') });
    const body = JSON.stringify({
      sessionId: 'ses_1',
      userId: 'usr_1',
      clientId: server.app.id,
      uri: receiver.url('/acme'),
    });
    const reach = async () => (await prepare({ body }))?.reach;
    assert.equal(await reach(), 'public');
    await server.rooms.settings.set('session.back_channel_private', true);
    assert.equal(await reach(), 'private');
    await server.rooms.settings.set('session.back_channel_private', false);
  });
});

describe('a logout token', () => {
  it('is good for nothing else', async () => {
    const one = await person();
    await endSession(server.rooms, sessionOf(one), 'revoked');
    await told();
    const token = receiver.told[0]?.token ?? '';
    const still = await person();
    assert.equal((await userinfo(server, token)).status, 401);
    const credentials = { client_id: server.app.id, client_secret: server.app.secret };
    const seen = await postForm(`${server.url}/oauth/introspect`, { token, ...credentials });
    assert.deepEqual(seen.body, { active: false });
    assert.equal((await refresh(server, token)).status, 400);
    const api = await fetch(`${server.url}/api/v1/sessions/${sessionOf(still)}/revoke`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
    });
    assert.equal(api.status, 401);
    const hinted = await still.browser.open(`/oidc/logout?${new URLSearchParams({ id_token_hint: token })}`);
    assert.equal(hinted.status, 400);
    const silent = authorizeUrl(server, { prompt: 'none', id_token_hint: token });
    const { away, status } = await still.browser.open(silent);
    assert.ok(status === 400 || away?.searchParams.has('error'));
    const nonce = claimsOf(token);
    assert.equal('nonce' in nonce, false);
  });

  it('cannot be made of one of our other tokens', async () => {
    const one = await person();
    for (const token of [one.idToken, one.accessToken])
      await assert.rejects(verified(token, server.app.id), /typ|header/);
  });
});
