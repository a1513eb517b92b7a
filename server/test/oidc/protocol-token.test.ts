import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { signIn } from '../support/app-client.ts';
import { createFakeClock } from '../support/clock.ts';
import { createMailbox } from '../support/mailbox.ts';
import {
  type Answer,
  authorizeUrl,
  exchange,
  pkce,
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

async function codeFor(params: Record<string, string> = {}): Promise<URL> {
  const { callback } = await signIn({ server, mailbox, url: authorizeUrl(server, params) });
  return callback;
}

/** Asserts a refusal in the shape of RFC 6749 section 5.2. */
function assertRefused(answer: Answer, status: number, error: string): void {
  const { error_description, ...rest } = answer.body;
  assert.deepEqual([answer.status, rest], [status, { error }]);
  assert.ok(typeof error_description === 'string' && error_description.length > 0);
  assert.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8');
  assert.equal(answer.headers.get('cache-control'), 'no-store');
}

describe('the token answer', () => {
  it('is JSON that nobody may keep', async () => {
    const answer = await exchange(server, await codeFor());
    assert.equal(answer.status, 200);
    assert.deepEqual(Object.keys(answer.body).sort(), [
      'access_token',
      'expires_in',
      'id_token',
      'scope',
      'token_type',
    ]);
    assert.deepEqual([answer.body.token_type, answer.body.expires_in], ['Bearer', 900]);
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    assert.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8');
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    assert.match(answer.headers.get('content-security-policy') ?? '', /default-src 'none'/);
    assert.equal(answer.headers.get('set-cookie'), null);
  });

  it('to a refresh has all of it, and a scope that may be narrower but never wider', async () => {
    const person = await signedIn({ server, mailbox, params: { scope: 'openid email offline_access' } });
    const wider = await refresh(server, person.refreshToken, { scope: 'openid email profile' });
    assertScopeRefused(wider);
    const { status, body } = await refresh(server, person.refreshToken, { scope: 'openid' });
    assert.deepEqual([status, body.scope], [200, 'openid offline_access']);
    assert.deepEqual(Object.keys(body).sort(), [
      'access_token',
      'expires_in',
      'id_token',
      'refresh_token',
      'scope',
      'token_type',
    ]);
    const again = await refresh(server, String(body.refresh_token));
    assert.equal(again.body.scope, 'openid email offline_access');
  });
});

function assertScopeRefused(answer: Answer): void {
  const { error, scope } = answer.body;
  assert.deepEqual([answer.status, error, scope], [400, 'invalid_scope', 'profile']);
}

describe('the authorization code', () => {
  it('lives for sixty seconds', async () => {
    const [inTime, late] = [await codeFor(), await codeFor()];
    clock.advance(59 * SECOND);
    assert.equal((await exchange(server, inTime)).status, 200);
    clock.advance(2 * SECOND);
    assertRefused(await exchange(server, late), 400, 'invalid_grant');
  });

  it('works once; the second time takes back what the first gave', async () => {
    const callback = await codeFor({ scope: 'openid offline_access' });
    const { accessToken, refreshToken } = tokensOf(await exchange(server, callback));
    assert.equal((await userinfo(server, accessToken)).status, 200);
    assertRefused(await exchange(server, callback), 400, 'invalid_grant');
    assert.equal((await userinfo(server, accessToken)).status, 401);
    assertRefused(await refresh(server, refreshToken), 400, 'invalid_grant');
  });

  it('works for one of ten requests that come at once', async () => {
    const callback = await codeFor();
    const answers = await Promise.all(Array.from({ length: 10 }, () => exchange(server, callback)));
    const statuses = answers.map(({ status }) => status).sort();
    assert.deepEqual(statuses, [200, ...Array.from({ length: 9 }, () => 400)]);
  });

  it('is refused to another client, and stays good for its own', async () => {
    const { client, clientSecret } = await server.rooms.clients.create({
      name: 'Other',
      redirectUris: [app.redirectUri],
    });
    const callback = await codeFor();
    const other = { client_id: client.id, client_secret: clientSecret };
    assertRefused(await exchange(server, callback, other), 400, 'invalid_grant');
    assert.equal((await exchange(server, callback)).status, 200);
  });

  for (const [what, fields, error] of [
    ['another redirect_uri', { redirect_uri: 'http://localhost:9/other' }, 'invalid_grant'],
    ['no redirect_uri', { redirect_uri: undefined }, 'invalid_request'],
    ['no code', { code: undefined }, 'invalid_request'],
    ['a code that never was', { code: 'x'.repeat(43) }, 'invalid_grant'],
    ['a code that is far too long', { code: 'x'.repeat(9000) }, 'invalid_grant'],
  ] as const)
    it(`is refused with ${what}`, async () => {
      assertRefused(await exchange(server, await codeFor(), fields), 400, error);
    });
});

describe('PKCE at the token endpoint', () => {
  const withChallenge = (challenge: string) =>
    codeFor({ code_challenge: challenge, code_challenge_method: 'S256' });

  for (const length of [43, 128])
    it(`takes a verifier of ${length} characters`, async () => {
      const { verifier, challenge } = pkce(length);
      const answer = await exchange(server, await withChallenge(challenge), { code_verifier: verifier });
      assert.equal(answer.status, 200);
    });

  for (const length of [42, 129])
    it(`refuses a verifier of ${length} characters, though it fits`, async () => {
      const { verifier, challenge } = pkce(length);
      const answer = await exchange(server, await withChallenge(challenge), { code_verifier: verifier });
      assertRefused(answer, 400, 'invalid_request');
    });

  it('refuses a wrong verifier, and a challenge without a verifier', async () => {
    const callback = await withChallenge(pkce().challenge);
    const wrong = await exchange(server, callback, { code_verifier: pkce().verifier });
    assertRefused(wrong, 400, 'invalid_grant');
    assertRefused(await exchange(server, callback), 400, 'invalid_grant');
  });

  it('refuses a verifier without a challenge: somebody took the challenge away', async () => {
    const answer = await exchange(server, await codeFor(), { code_verifier: pkce().verifier });
    assertRefused(answer, 400, 'invalid_grant');
  });
});

describe('grant types', () => {
  for (const [grant_type, error] of [
    ['password', 'unsupported_grant_type'],
    ['urn:ietf:params:oauth:grant-type:device_code', 'unsupported_grant_type'],
    [undefined, 'invalid_request'],
  ] as const)
    it(`${grant_type} is ${error}`, async () => {
      assertRefused(await tokenRequest(server, { grant_type }), 400, error);
    });

  it('client_credentials gives no refresh token and no ID token', async () => {
    const { status, body } = await tokenRequest(server, { grant_type: 'client_credentials' });
    assert.deepEqual([status, body.expires_in, body.token_type], [200, 86_400, 'Bearer']);
    assert.deepEqual([body.refresh_token, body.id_token], [undefined, undefined]);
  });

  it('client_credentials is refused to a public client', async () => {
    const made = { name: 'Public', public: true, redirectUris: [app.redirectUri] };
    const { client } = await server.rooms.clients.create(made);
    const fields = { grant_type: 'client_credentials', client_id: client.id, client_secret: undefined };
    const { status, body } = await tokenRequest(server, fields);
    assert.equal(status, 400);
    assert.ok(['unauthorized_client', 'invalid_request'].includes(String(body.error)));
  });

  it('a token request is a POST of a form', async () => {
    const url = `${server.url}/oauth/token`;
    assert.ok([404, 405].includes((await fetch(url)).status));
    const json = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        grant_type: 'client_credentials',
        client_id: app.id,
        client_secret: app.secret,
      }),
    });
    assert.ok([400, 415].includes(json.status));
    const parameter = { grant_type: 'client_credentials', client_id: app.id, client_secret: app.secret };
    const query = await fetch(`${url}?${new URLSearchParams(parameter)}`, { method: 'POST' });
    assert.ok([400, 401, 415].includes(query.status));
  });
});
