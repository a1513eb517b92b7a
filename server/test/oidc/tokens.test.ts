import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, describe, it } from 'node:test';
import { newAddress } from '../support/app-client.ts';
import { createFakeClock } from '../support/clock.ts';
import { createMailbox } from '../support/mailbox.ts';
import {
  authorizeUrl,
  claimsOf,
  exchange,
  headerOf,
  refresh,
  signedIn,
  tokenRequest,
  tokensOf,
  userinfo,
} from '../support/oauth-requests.ts';
import { startTestServer } from '../support/server.ts';

const SECOND = 1000;

const clock = createFakeClock();
const mailbox = createMailbox();
const server = await startTestServer({ clock, transport: mailbox.transport });
const { app } = server;
after(async () => {
  await server.stop();
  clock.release();
});

const person = (scope = 'openid email offline_access', email = newAddress()) =>
  signedIn({ server, mailbox, email, params: { scope, nonce: 'n' } });

const halfHash = (text: string) =>
  createHash('sha256').update(text).digest().subarray(0, 16).toString('base64url');

describe('the ID token', () => {
  it('says what the contract lists, and nothing else', async () => {
    const { idToken, accessToken, callback } = await person('openid email');
    const { sub, sid, jti: _jti, email, ...claims } = claimsOf(idToken);
    const now = clock.now() / SECOND;
    assert.match(String(sub), /^usr_\d{15,21}$/);
    assert.match(String(sid), /^ses_\d+$/);
    assert.match(String(email), /^person-/);
    assert.deepEqual(claims, {
      iss: server.url,
      aud: [app.id],
      azp: app.id,
      client_id: app.id,
      email_verified: true,
      nonce: 'n',
      iat: now,
      exp: now + 3600,
      auth_time: now,
      amr: ['otp'],
      acr: 'urn:postern:email-code',
      at_hash: halfHash(accessToken),
      c_hash: halfHash(callback.searchParams.get('code') ?? ''),
    });
    const { alg, kid, typ, ...rest } = headerOf(idToken);
    assert.deepEqual([alg, typ, rest], ['RS256', 'JWT', {}]);
    assert.match(String(kid), /^snk_\d+$/);
  });

  it('names the link as how the person signed in', async () => {
    const { idToken } = await signedIn({ server, mailbox, by: 'link' });
    const { acr, amr } = claimsOf(idToken);
    assert.deepEqual([acr, amr], ['urn:postern:email-link-bound', ['link']]);
  });

  it('of a refresh has no c_hash, and the at_hash of the new access token', async () => {
    const { refreshToken } = await person();
    const { idToken, accessToken } = tokensOf(await refresh(server, refreshToken));
    const { at_hash, c_hash, nonce } = claimsOf(idToken);
    assert.deepEqual([at_hash, c_hash, nonce], [halfHash(accessToken), undefined, 'n']);
  });
});

describe('the access token', () => {
  it('says what the contract lists, and nothing else', async () => {
    const { accessToken, idToken } = await person('openid email');
    const { jti, ...claims } = claimsOf(accessToken);
    const now = clock.now() / SECOND;
    assert.match(String(jti), /^tkn_\d+$/);
    assert.deepEqual(claims, {
      iss: server.url,
      sub: claimsOf(idToken).sub,
      sid: claimsOf(idToken).sid,
      aud: [app.id],
      client_id: app.id,
      scope: 'openid email',
      scopes: ['openid', 'email'],
      iat: now,
      exp: now + 900,
    });
    const { alg, typ } = headerOf(accessToken);
    assert.deepEqual([alg, typ], ['RS256', 'at+jwt']);
  });

  it('of client_credentials is the client itself', async () => {
    const answer = await tokenRequest(server, { grant_type: 'client_credentials' });
    const { sub, client_id, aud, sid } = claimsOf(tokensOf(answer).accessToken);
    assert.deepEqual([sub, client_id, aud, sid], [app.id, app.id, [app.id], undefined]);
  });
});

describe('userinfo', () => {
  const ask = async (init: RequestInit, query = '') => {
    const response = await fetch(`${server.url}/userinfo${query}`, init);
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

  it('answers GET and POST, the token in the header or in the form', async () => {
    const { accessToken, idToken } = await person('openid email');
    const { sub, email } = claimsOf(idToken);
    for (const init of [
      { headers: bearer(accessToken) },
      { headers: { authorization: `bearer ${accessToken}` } },
      { method: 'POST', headers: bearer(accessToken) },
      { method: 'POST', body: new URLSearchParams({ access_token: accessToken }) },
    ]) {
      const answer = await ask(init);
      assert.equal(answer.status, 200);
      assert.deepEqual(JSON.parse(answer.text), { sub, email, email_verified: true });
      assert.equal(answer.headers.get('cache-control'), 'no-store');
    }
  });

  it('tells only what the scope allows', async () => {
    const { accessToken } = await person('openid');
    const { body } = await userinfo(server, accessToken);
    assert.deepEqual(Object.keys(body), ['sub']);
  });

  it('without a token asks for one, and says no more than that', async () => {
    const { status, headers } = await ask({});
    assert.equal(status, 401);
    assert.equal(headers.get('www-authenticate'), `Bearer realm="${server.url}"`);
  });

  it('refuses a token in the query, in two places, or under another scheme', async () => {
    const { accessToken } = await person('openid');
    const body = new URLSearchParams({ access_token: accessToken });
    for (const [init, query] of [
      [{}, `?${body}`],
      [{ method: 'POST', headers: bearer(accessToken), body }, ''],
      [{ headers: { authorization: `Basic ${accessToken}` } }, ''],
    ] as const)
      assert.ok([400, 401].includes((await ask(init, query)).status));
  });

  it('refuses a token that has expired with 401 and the reason', async () => {
    const { accessToken } = await person('openid');
    clock.advance(899 * SECOND);
    assert.equal((await userinfo(server, accessToken)).status, 200);
    clock.advance(1 * SECOND);
    const { status, headers, body } = await userinfo(server, accessToken);
    assert.deepEqual([status, body.error], [401, 'invalid_token']);
    assert.match(headers.get('www-authenticate') ?? '', /^Bearer realm=".*", error="invalid_token"/);
  });

  it('refuses the token of a client, which is nobody', async () => {
    const answer = await tokenRequest(server, { grant_type: 'client_credentials', scope: 'openid' });
    const { accessToken } = tokensOf(answer);
    const { status } = await userinfo(server, accessToken);
    assert.equal(status, 401);
  });
});

describe('a user who is disabled', () => {
  it('has no valid token any more, no refresh, no code and no silent sign-in, at once', async () => {
    const email = newAddress();
    const { accessToken, refreshToken, browser } = await person(undefined, email);
    const silent = await browser.open(authorizeUrl(server, { prompt: 'none' }));
    await server.rooms.users.disable(email);
    assert.equal((await userinfo(server, accessToken)).status, 401);
    const refreshed = await refresh(server, refreshToken);
    assert.deepEqual([refreshed.status, refreshed.body.error], [400, 'invalid_grant']);
    const redeemed = await exchange(server, silent.away ?? new URL(app.redirectUri));
    assert.deepEqual([redeemed.status, redeemed.body.error], [400, 'invalid_grant']);
    const { away } = await browser.open(authorizeUrl(server, { prompt: 'none' }));
    assert.equal(away?.searchParams.get('error'), 'login_required');
    assert.equal(away?.searchParams.get('code'), null);
  });

  it('is asked to sign in where there was a session, as anybody is', async () => {
    const email = newAddress();
    const { browser } = await person(undefined, email);
    await server.rooms.users.disable(email);
    const page = await browser.open(authorizeUrl(server));
    assert.equal(page.status, 200);
    assert.equal(page.away, undefined);
    assert.match(page.body, /name="email"/);
    assert.doesNotMatch(page.body, new RegExp(email));
  });

  it('signs in again once enabled', async () => {
    const email = newAddress();
    const { idToken } = await person(undefined, email);
    await server.rooms.users.disable(email);
    await server.rooms.users.enable(email);
    const again = await person(undefined, email);
    assert.equal(claimsOf(again.idToken).sub, claimsOf(idToken).sub);
  });
});
