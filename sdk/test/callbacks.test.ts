import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import {
  type Callback,
  PosternClient,
  PosternError,
  PosternOAuthError,
  PosternSignInError,
} from '../src/index.ts';
import { startOrigin } from './support/origin.ts';
import { halfHash, newKey, signToken } from './support/signing.ts';

const origin = await startOrigin();
const key = newKey('snk_1');
origin.answer('/keys', { body: { keys: [key.jwk] } });
const client = new PosternClient(origin.url, 'skc_1', 'test_secret_0123456789');
const redirectUri = 'https://app.example.com/auth/callback';

/** An app's sign-in, and the tokens that the server would give for its code. */
function begin(changes: Record<string, unknown> = {}) {
  const { url, pending } = client.beginSignIn(redirectUri);
  const asked = new URL(url).searchParams;
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: origin.url,
    sub: 'usr_1',
    aud: ['skc_1'],
    iat: now,
    exp: now + 600,
    nonce: asked.get('nonce'),
    email: 'ada@example.com',
    email_verified: true,
    at_hash: halfHash('at-1'),
    c_hash: halfHash('code-1'),
    ...changes,
  };
  const tokens = { access_token: 'at-1', id_token: signToken(key, claims), expires_in: 899 };
  origin.answer('/oauth/token', { body: tokens });
  const state = asked.get('state') ?? '';
  return { pending, state, challenge: asked.get('code_challenge'), tokens };
}

const query = (state: string, more: Record<string, string> = {}) =>
  new URLSearchParams({ code: 'code-1', state, iss: origin.url, ...more });

const tokenRequests = () => origin.at('/oauth/token').length;

async function refused(callback: Callback, pending: unknown, expected: object): Promise<void> {
  const before = tokenRequests();
  await assert.rejects(client.finishSignIn(callback, pending), expected);
  assert.equal(tokenRequests(), before, 'the code was sent');
}

describe('the answer to a sign-in', () => {
  it('becomes the user, however the callback is handed over', async () => {
    const forms: ((state: string) => Callback)[] = [
      (state) => `${redirectUri}?${query(state)}`,
      (state) => `/auth/callback?${query(state)}`,
      (state) => `?${query(state)}#top`,
      (state) => `${query(state)}`,
      (state) => new URL(`${redirectUri}?${query(state)}`),
      (state) => query(state),
      (state) => Object.fromEntries(query(state)),
    ];
    for (const form of forms) {
      const { pending, state } = begin();
      const result = await client.finishSignIn(form(state), pending);
      assert.deepEqual(result.user, { id: 'usr_1', email: 'ada@example.com', emailVerified: true });
      assert.deepEqual([result.accessToken, result.expiresIn, result.refreshToken], ['at-1', 899, undefined]);
      assert.equal(result.claims.iss, origin.url);
    }
  });

  it('is exchanged with the verifier and the address of its beginning', async () => {
    const { pending, state, challenge } = begin();
    await client.finishSignIn(query(state), pending);
    const { body, headers } = origin.at('/oauth/token').at(-1) ?? { body: '', headers: {} };
    const sent = new URLSearchParams(body);
    const verifier = sent.get('code_verifier') ?? '';
    assert.equal(createHash('sha256').update(verifier).digest('base64url'), challenge);
    assert.equal(headers.authorization, undefined);
    sent.delete('code_verifier');
    assert.deepEqual(Object.fromEntries(sent), {
      grant_type: 'authorization_code',
      code: 'code-1',
      redirect_uri: redirectUri,
      client_id: 'skc_1',
      client_secret: 'test_secret_0123456789',
    });
  });

  it('is not taken by a browser that began another sign-in, or none', async () => {
    const { state } = begin();
    const other = begin();
    await refused(query(state), other.pending, { name: 'PosternSignInError', code: 'state_mismatch' });
    for (const pending of [
      undefined,
      null,
      '',
      'x',
      'eyJ',
      other.pending.slice(2),
      Buffer.from('["a","b","c",""]').toString('base64url'),
    ])
      await refused(query(state), pending, { name: 'PosternSignInError', code: 'sign_in_unknown' });
  });

  it('needs its state, its issuer and one code', async () => {
    const { pending, state } = begin();
    const cases: [Record<string, unknown>, string][] = [
      [{ code: 'code-1', iss: origin.url }, 'state_mismatch'],
      [{ code: 'code-1', iss: origin.url, state: `${state}x` }, 'state_mismatch'],
      [{ code: 'code-1', iss: origin.url, state: '' }, 'state_mismatch'],
      [{ code: 'code-1', iss: origin.url, state: [state, state] }, 'callback_invalid'],
      [{ code: 'code-1', iss: origin.url, state: { $ne: '' } }, 'callback_invalid'],
      [{ code: 'code-1', state }, 'issuer_mismatch'],
      [{ code: 'code-1', state, iss: 'https://evil.example' }, 'issuer_mismatch'],
      [{ code: 'code-1', state, iss: `${origin.url}/` }, 'issuer_mismatch'],
      [{ state, iss: origin.url }, 'code_missing'],
      [{ code: '', state, iss: origin.url }, 'code_missing'],
      [{ code: ['code-1', 'code-2'], state, iss: origin.url }, 'callback_invalid'],
    ];
    for (const [callback, code] of cases) await refused(callback, pending, { code });
    await refused(`?${query(state)}&code=code-2`, pending, { code: 'callback_invalid' });
  });

  it('that is a refusal says why, and is believed only from the server that was asked', async () => {
    const { pending, state } = begin();
    const refusal = {
      state,
      iss: origin.url,
      error: 'access_denied',
      error_description: 'The person cancelled',
    };
    await assert.rejects(client.finishSignIn(refusal, pending), (failure) => {
      assert.ok(failure instanceof PosternOAuthError && failure instanceof PosternError);
      assert.deepEqual(
        [failure.code, failure.message, failure.status],
        ['access_denied', 'The person cancelled', undefined],
      );
      return true;
    });
    await refused({ ...refusal, state: 'forged' }, pending, { code: 'state_mismatch' });
    await refused({ ...refusal, iss: undefined }, pending, { code: 'issuer_mismatch' });
  });

  it('is worth nothing with the ID token of another sign-in', async () => {
    const first = begin();
    const second = begin();
    origin.answer('/oauth/token', { body: first.tokens });
    await assert.rejects(client.finishSignIn(query(second.state), second.pending), { code: 'token_nonce' });
    const { pending, state } = begin({ aud: ['skc_2'] });
    await assert.rejects(client.finishSignIn(query(state), pending), { code: 'token_audience' });
    const third = begin({ c_hash: halfHash('code-2') });
    await assert.rejects(client.finishSignIn(query(third.state), third.pending), { code: 'token_hash' });
  });

  it('is worth nothing without an ID token', async () => {
    const { pending, state } = begin();
    origin.answer('/oauth/token', { body: { access_token: 'at-1', expires_in: 1 } });
    await assert.rejects(client.finishSignIn(query(state), pending), { code: 'invalid_answer' });
  });

  it('keeps its errors apart from those of tokens', () => {
    assert.ok(new PosternSignInError('a', 'b') instanceof PosternError);
  });
});
