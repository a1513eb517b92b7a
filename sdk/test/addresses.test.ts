import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { ScalekitClient as TheirClient } from '@scalekit-sdk/node';
import fc from 'fast-check';
import { PosternClient, PosternUsageError, Scalekit, ScalekitClient } from '../src/index.ts';

const ours = new PosternClient('https://id.example.com/', 'skc_1', 'test_1');
const theirs = new TheirClient('https://id.example.com', 'skc_1', 'test_1');
const redirectUri = 'https://app.example.com/auth/callback';

const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const options = fc.record(
  {
    scopes: fc.array(text, { maxLength: 4 }),
    state: text,
    nonce: text,
    loginHint: text,
    domainHint: text,
    connectionId: text,
    organizationId: text,
    codeChallenge: text,
    codeChallengeMethod: text,
    provider: text,
    prompt: text,
  },
  { requiredKeys: [] },
);

describe('the authorization address', () => {
  it("is Scalekit's to the byte, whatever the options are", () => {
    const isSame = (uri: string, given: Record<string, never>) =>
      assert.equal(ours.getAuthorizationUrl(uri, given), theirs.getAuthorizationUrl(uri, given));
    fc.assert(fc.property(text, options as fc.Arbitrary<Record<string, never>>, isSame), { numRuns: 500 });
  });

  it('has %20 for a space, and the default scopes', () => {
    assert.equal(
      ours.getAuthorizationUrl(redirectUri, { loginHint: "a b+c'(d)@e.co" }),
      'https://id.example.com/oauth/authorize?response_type=code&client_id=skc_1' +
        '&redirect_uri=https%3A%2F%2Fapp.example.com%2Fauth%2Fcallback&scope=openid%20profile%20email' +
        '&login_hint=a%20b%2Bc%27%28d%29%40e.co',
    );
  });

  it("lacks what was set to undefined, as Scalekit's does", () => {
    const given = { scopes: undefined, state: undefined };
    assert.equal(
      ours.getAuthorizationUrl(redirectUri, given),
      theirs.getAuthorizationUrl(redirectUri, given as never),
    );
  });
});

describe('the logout address', () => {
  it("is Scalekit's to the byte", () => {
    const given = fc.record(
      { idTokenHint: text, postLogoutRedirectUri: text, state: text },
      { requiredKeys: [] },
    );
    const isSame = (one: object) => assert.equal(ours.getLogoutUrl(one), theirs.getLogoutUrl(one));
    fc.assert(fc.property(given, isSame));
    assert.equal(ours.getLogoutUrl(), 'https://id.example.com/oidc/logout');
  });
});

describe('a sign-in that begins', () => {
  it('carries a state, a nonce and an S256 challenge, new each time, and remembers what they answer to', () => {
    const started = [0, 1].map(() => ours.beginSignIn(redirectUri, { loginHint: 'ada@example.com' }));
    const queries = started.map(({ url }) => new URL(url).searchParams);
    for (const name of ['state', 'nonce', 'code_challenge'])
      assert.equal(new Set(queries.map((query) => query.get(name))).size, 2, name);
    const [{ pending } = { pending: '' }] = started;
    assert.match(pending, /^[\w-]{100,600}$/);
    const [state, nonce, verifier, uri] = JSON.parse(Buffer.from(pending, 'base64url').toString());
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    assert.deepEqual(
      [state, nonce, challenge, uri],
      [...['state', 'nonce', 'code_challenge'].map((name) => queries[0]?.get(name)), redirectUri],
    );
    assert.deepEqual(
      ['code_challenge_method', 'login_hint', 'scope'].map((name) => queries[0]?.get(name)),
      ['S256', 'ada@example.com', 'openid profile email'],
    );
  });
});

describe('a client', () => {
  it('is also known by the names that other apps import', () => {
    assert.equal(Scalekit, PosternClient);
    assert.equal(ScalekitClient, PosternClient);
  });

  it('refuses an address that is none, and ids that are missing', () => {
    for (const url of [
      '',
      'id.example.com',
      'ftp://id.example.com',
      'https://id.example.com/x',
      'https://a.b/?c',
      'javascript:1',
    ])
      assert.throws(() => new PosternClient(url, 'skc_1', 'x'), PosternUsageError, url);
    for (const id of ['', undefined])
      assert.throws(() => new PosternClient('https://a.b', id as string), PosternUsageError);
  });
});
