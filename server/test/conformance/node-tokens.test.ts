import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { type AuthenticationResponse, ScalekitClient } from '@scalekit-sdk/node';
import { signIn } from '../support/app-client.ts';
import { createFakeClock } from '../support/clock.ts';
import { createMailbox } from '../support/mailbox.ts';
import { claimsOf, headerOf, refresh, userinfo } from '../support/oauth-requests.ts';
import { startWorld } from './world.ts';

const SECOND = 1000;
const DAY = 86_400 * SECOND;

const clock = createFakeClock();
const mailbox = createMailbox();
const server = await startWorld({ clock, transport: mailbox.transport });
const { app } = server;
after(async () => {
  await server.stop();
  clock.release();
});

/** A new process of the app: the SDK keeps the key set that it read first for as long as it lives. */
const newSdk = () => new ScalekitClient(server.url, app.id, app.secret);

async function tokens(scalekit = newSdk()): Promise<AuthenticationResponse> {
  const url = scalekit.getAuthorizationUrl(app.redirectUri, {
    scopes: ['openid', 'profile', 'email', 'offline_access'],
  });
  const { callback } = await signIn({ server, mailbox, url, email: 'ada@example.com' });
  return scalekit.authenticateWithCode(callback.searchParams.get('code') ?? '', app.redirectUri);
}

const FAILED = { message: 'Failed to refresh token: Request failed with status code 400' };

describe('refreshAccessToken', () => {
  it('B8: gives both tokens anew; the old refresh token then fails, and takes the family with it', async () => {
    const scalekit = newSdk();
    const first = await tokens(scalekit);
    const second = await scalekit.refreshAccessToken(first.refreshToken);
    assert.notEqual(second.refreshToken, first.refreshToken);
    assert.notEqual(second.accessToken, first.accessToken);
    assert.equal((await userinfo(server, second.accessToken)).status, 200);
    clock.advance(10 * SECOND);
    await assert.rejects(scalekit.refreshAccessToken(first.refreshToken), FAILED);
    await assert.rejects(scalekit.refreshAccessToken(second.refreshToken), FAILED);
    assert.equal((await userinfo(server, second.accessToken)).status, 401);
  });

  it('gives the very same answer again for ten seconds, so that a lost reply or a race costs nothing', async () => {
    const scalekit = newSdk();
    const { refreshToken } = await tokens(scalekit);
    const race = await Promise.all([
      scalekit.refreshAccessToken(refreshToken),
      scalekit.refreshAccessToken(refreshToken),
      scalekit.refreshAccessToken(refreshToken),
    ]);
    clock.advance(10 * SECOND - 1);
    const late = await scalekit.refreshAccessToken(refreshToken);
    for (const answer of race) assert.deepEqual(answer, late);
    assert.ok(await scalekit.refreshAccessToken(late.refreshToken));
  });

  it('keeps the session and the person, and brings an ID token', async () => {
    const first = await tokens();
    clock.advance(30 * SECOND);
    const { body } = await refresh(server, first.refreshToken);
    const [before, now] = [claimsOf(first.idToken), claimsOf(String(body.id_token))];
    for (const claim of ['sub', 'sid', 'auth_time', 'email', 'amr', 'acr'])
      assert.deepEqual(now[claim], before[claim], claim);
    assert.equal(Number(now.iat) - Number(before.iat), 30);
  });

  it('slides for thirty days at a time and ends ninety days after the sign-in', async () => {
    const scalekit = newSdk();
    let { refreshToken } = await tokens(scalekit);
    for (const days of [29, 29, 29]) {
      clock.advance(days * DAY);
      ({ refreshToken } = await scalekit.refreshAccessToken(refreshToken));
    }
    clock.advance(2 * DAY);
    ({ refreshToken } = await scalekit.refreshAccessToken(refreshToken));
    clock.advance(1 * DAY);
    await assert.rejects(scalekit.refreshAccessToken(refreshToken), FAILED);
    const idle = await tokens(scalekit);
    clock.advance(30 * DAY);
    await assert.rejects(scalekit.refreshAccessToken(idle.refreshToken), FAILED);
  });

  it('refuses a token that never was, and one of another client, without harm to it', async () => {
    const made = await server.rooms.clients.create({ name: 'Other', redirectUris: [app.redirectUri] });
    const other = new ScalekitClient(server.url, made.client.id, made.clientSecret ?? '');
    const scalekit = newSdk();
    const { refreshToken } = await tokens(scalekit);
    await assert.rejects(scalekit.refreshAccessToken('rt_8f7d6e5c'), FAILED);
    await assert.rejects(other.refreshAccessToken(refreshToken), FAILED);
    assert.ok(await scalekit.refreshAccessToken(refreshToken));
  });
});

describe('validateToken and validateAccessToken', () => {
  const checks = { issuer: server.url, audience: [app.id], requiredScopes: ['openid', 'email'] };

  it('B9: resolves right after issuance with issuer, audience and scopes checked', async () => {
    const scalekit = newSdk();
    const { accessToken, idToken, user } = await tokens(scalekit);
    const claims = await scalekit.validateToken<{ sub: string }>(accessToken, checks);
    assert.equal(claims.sub, user.id);
    assert.ok(await scalekit.validateToken(idToken, { issuer: server.url, audience: [app.id] }));
    for (const wrong of [
      { ...checks, issuer: 'http://localhost:1' },
      { ...checks, audience: ['skc_1'] },
      { ...checks, requiredScopes: ['admin'] },
    ])
      await assert.rejects(scalekit.validateToken(accessToken, wrong));
  });

  it('B10: is false once fifteen minutes have passed', async () => {
    const scalekit = newSdk();
    const { accessToken } = await tokens(scalekit);
    clock.advance(899 * SECOND);
    assert.equal(await scalekit.validateAccessToken(accessToken, checks), true);
    clock.advance(1 * SECOND);
    assert.equal(await scalekit.validateAccessToken(accessToken, checks), false);
  });

  it('B10: holds for tokens of the previous key after a rotation, and for the next key without a restart', async () => {
    const running = newSdk();
    const before = await tokens(running);
    assert.equal(await running.validateAccessToken(before.accessToken, checks), true);
    await server.rooms.keys.rotate();
    clock.advance(6 * SECOND);
    await running.generateClientToken(app.id, app.secret); // the request that notices the rotation
    const restarted = newSdk();
    const now = await tokens(restarted);
    assert.notEqual(headerOf(now.accessToken).kid, headerOf(before.accessToken).kid);
    for (const scalekit of [running, restarted])
      for (const { accessToken, idToken } of [before, now]) {
        assert.equal(await scalekit.validateAccessToken(accessToken, checks), true);
        assert.equal(await scalekit.validateAccessToken(idToken, { issuer: server.url }), true);
      }
    assert.equal((await userinfo(server, before.accessToken)).status, 200);
  });
});
