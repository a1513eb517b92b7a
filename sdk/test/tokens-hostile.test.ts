import assert from 'node:assert/strict';
import { constants, createHmac, sign } from 'node:crypto';
import { describe, it } from 'node:test';
import { PosternClient, PosternTokenError } from '../src/index.ts';
import { startOrigin } from './support/origin.ts';
import { encoded, halfHash, newKey, type SigningKey, signatureOf, signToken } from './support/signing.ts';

const origin = await startOrigin();
const [rsa, ec, ed, foreign] = [
  newKey('snk_1'),
  newKey('snk_2', 'ES256'),
  newKey('snk_3', 'EdDSA'),
  newKey('snk_1'),
];
const encryption = newKey('snk_4');
const keys = [rsa, ec, ed].map(({ jwk }) => jwk);
origin.answer('/keys', { body: { keys: [...keys, { ...encryption.jwk, use: 'enc' }] } });

const me = 'skc_100';
const client = new PosternClient(origin.url, me, 'test_secret_0123456789');
const now = () => Math.floor(Date.now() / 1000);
const accessText = 'the-access-token';
const code = 'the-code';

const common = () => ({ iss: origin.url, sub: 'usr_1', aud: [me], iat: now(), exp: now() + 600 });
const idClaims = () => ({
  ...common(),
  azp: me,
  nonce: 'n-1',
  at_hash: halfHash(accessText),
  c_hash: halfHash(code),
});
const accessClaims = () => ({ ...common(), client_id: me, jti: 'tkn_1', scope: 'openid email' });
const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout';
const logoutClaims = () => ({ ...common(), jti: 'tkn_2', sid: 'ses_1', events: { [logoutEvent]: {} } });

type Claims = Record<string, unknown>;
const idToken = (changes: Claims = {}, header: object = {}, key: SigningKey = rsa) =>
  signToken(key, { ...idClaims(), ...changes }, header);
const accessToken = (changes: Claims = {}, header: object = {}, key: SigningKey = rsa) =>
  signToken(key, { ...accessClaims(), ...changes }, { typ: 'at+jwt', ...header });
const logoutToken = (changes: Claims = {}, header: object = {}) =>
  signToken(rsa, { ...logoutClaims(), ...changes }, { typ: 'logout+jwt', ...header });

const verifyId = (token: unknown) =>
  client.validateIdToken(token, { nonce: 'n-1', accessToken: accessText, code });
const verifyAccess = (token: unknown) => client.validateToken(token, { requiredScopes: ['openid'] });

type Vector = readonly [name: string, expected: string, forge: () => unknown];

/** The header that the token should have, signed in another way. */
function signedAs(alg: string, make: (content: string) => Buffer): string {
  const content = `${encoded({ alg, kid: rsa.kid, typ: 'JWT' })}.${encoded(idClaims())}`;
  return `${content}.${make(content).toString('base64url')}`;
}

const publicPem = rsa.publicKey.export({ type: 'spki', format: 'pem' });
const publicText = JSON.stringify(rsa.jwk);
const parts = (token: string) => token.split('.') as [string, string, string];
const withSignature = (change: (signature: string) => string) => {
  const [header, claims, signature] = parts(idToken());
  return `${header}.${claims}.${change(signature)}`;
};
const flip = (text: string, at: number) => {
  const bytes = Buffer.from(text, 'base64url');
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes.toString('base64url');
};
const raw = (claims: string) => {
  const content = `${encoded({ alg: 'RS256', kid: rsa.kid, typ: 'JWT' })}.${encoded(claims)}`;
  return `${content}.${signatureOf(rsa, content).toString('base64url')}`;
};
const withoutClaim = (name: string) => {
  const { [name]: _, ...rest } = idClaims() as Claims;
  return signToken(rsa, rest);
};

const algorithms: Vector[] = [
  ['alg none', 'token_malformed', () => `${encoded({ alg: 'none', kid: rsa.kid })}.${encoded(idClaims())}.`],
  ['alg none with a signature', 'token_algorithm', () => signedAs('none', () => Buffer.from('x'))],
  ['alg NONE', 'token_algorithm', () => signedAs('NONE', () => Buffer.from('x'))],
  ['no alg', 'token_algorithm', () => idToken({}, { alg: undefined })],
  [
    'HS256 with the public key as PEM',
    'token_algorithm',
    () => signedAs('HS256', (text) => createHmac('sha256', publicPem).update(text).digest()),
  ],
  [
    'HS256 with the public key as JWK',
    'token_algorithm',
    () => signedAs('HS256', (text) => createHmac('sha256', publicText).update(text).digest()),
  ],
  [
    "HS256 with the client's secret",
    'token_algorithm',
    () => signedAs('HS256', (text) => createHmac('sha256', 'test_secret_0123456789').update(text).digest()),
  ],
  [
    'RS384 by the right key',
    'token_algorithm',
    () => signedAs('RS384', (text) => sign('sha384', Buffer.from(text), rsa.privateKey)),
  ],
  [
    'PS256 by the right key',
    'token_algorithm',
    () =>
      signedAs('PS256', (text) =>
        sign('sha256', Buffer.from(text), { key: rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING }),
      ),
  ],
  ['a list as alg', 'token_algorithm', () => idToken({}, { alg: ['RS256'] })],
  ['ES256 under the id of the RSA key', 'token_key_unknown', () => idToken({}, { kid: rsa.kid }, ec)],
  [
    'the claim to be ES256 with an RSA signature',
    'token_signature',
    () => idToken({}, { alg: 'ES256', kid: ec.kid }),
  ],
];

const keyVectors: Vector[] = [
  ['another key under our kid', 'token_signature', () => idToken({}, {}, foreign)],
  ['a kid that nobody publishes', 'token_key_unknown', () => idToken({}, { kid: 'snk_9' })],
  ['no kid', 'token_key_unknown', () => idToken({}, { kid: undefined })],
  ['an empty kid', 'token_key_unknown', () => idToken({}, { kid: '' })],
  ['a number as kid', 'token_key_unknown', () => idToken({}, { kid: 1 })],
  ['a kid that is a path', 'token_key_unknown', () => idToken({}, { kid: '../../dev/null' })],
  ['a kid out of Object', 'token_key_unknown', () => idToken({}, { kid: '__proto__' })],
  ['a key that is for encryption', 'token_key_unknown', () => idToken({}, {}, encryption)],
  ['a jwk of its own', 'token_signature', () => idToken({}, { jwk: foreign.jwk }, foreign)],
  [
    'a jwk of its own and no kid',
    'token_key_unknown',
    () => idToken({}, { jwk: foreign.jwk, kid: undefined }, foreign),
  ],
  ['a jku of its own', 'token_signature', () => idToken({}, { jku: `${origin.url}/evil` }, foreign)],
  ['an x5u of its own', 'token_signature', () => idToken({}, { x5u: `${origin.url}/evil` }, foreign)],
  ['an x5c of its own', 'token_signature', () => idToken({}, { x5c: ['MIIB'] }, foreign)],
  ['an unknown crit', 'token_malformed', () => idToken({}, { crit: ['x'], x: 1 })],
  ['an empty crit', 'token_malformed', () => idToken({}, { crit: [] })],
  ['b64 false', 'token_malformed', () => idToken({}, { b64: false, crit: ['b64'] })],
];

const shapes: Vector[] = [
  ['an empty signature', 'token_malformed', () => withSignature(() => '')],
  ['two parts', 'token_malformed', () => parts(idToken()).slice(0, 2).join('.')],
  ['four parts', 'token_malformed', () => `${idToken()}.x`],
  [
    'five parts, as a JWE has',
    'token_malformed',
    () => `${encoded({ alg: 'RSA-OAEP', enc: 'A256GCM' })}.a.b.c.d`,
  ],
  ['a truncated signature', 'token_signature', () => withSignature((signature) => signature.slice(0, 200))],
  [
    'a bit of the signature flipped',
    'token_signature',
    () => withSignature((signature) => flip(signature, 7)),
  ],
  [
    'the unused bits of the signature set',
    'token_malformed',
    () =>
      withSignature((signature) =>
        signature.replace(/.$/, (last) => ({ A: 'B', Q: 'R', g: 'h', w: 'x' })[last] ?? '!'),
      ),
  ],
  ['padding', 'token_malformed', () => withSignature((signature) => `${signature}==`)],
  [
    'the other base64 alphabet',
    'token_malformed',
    () => withSignature((signature) => `+/${signature.slice(2)}`),
  ],
  ['a line break', 'token_malformed', () => `${idToken()}\n`],
  ['a space before', 'token_malformed', () => ` ${idToken()}`],
  ['the word Bearer', 'token_malformed', () => `Bearer ${idToken()}`],
  [
    'other claims under our signature',
    'token_signature',
    () => {
      const [header, , signature] = parts(idToken());
      return `${header}.${encoded({ ...idClaims(), sub: 'usr_2' })}.${signature}`;
    },
  ],
  [
    'another header under our signature',
    'token_signature',
    () => {
      const [, claims, signature] = parts(idToken());
      return `${encoded({ alg: 'RS256', kid: rsa.kid, typ: 'JWT', x: 1 })}.${claims}.${signature}`;
    },
  ],
  ['claims that are no JSON', 'token_malformed', () => raw('not json')],
  ['claims that are a list', 'token_malformed', () => raw('[]')],
  ['claims that are a text', 'token_malformed', () => raw('"claims"')],
  ['claims that are null', 'token_malformed', () => raw('null')],
  ['claims behind a byte order mark', 'token_malformed', () => raw(`\ufeff${JSON.stringify(idClaims())}`)],
  ['a claim twice', 'token_malformed', () => raw(JSON.stringify(idClaims()).replace('{', '{"sub":"usr_2",'))],
  [
    'a claim twice, once in another spelling',
    'token_malformed',
    () => raw(JSON.stringify(idClaims()).replace('{', '{"\\u0073ub":"usr_2",')),
  ],
  ['a token in a token', 'token_malformed', () => raw(idToken())],
  ['a header that is no JSON', 'token_malformed', () => `${encoded('{')}.${encoded(idClaims())}.AAAA`],
  ['17 kilobytes', 'token_malformed', () => idToken({ filler: 'x'.repeat(13_000) })],
  ['nothing', 'token_malformed', () => undefined],
  ['null', 'token_malformed', () => null],
  ['an empty text', 'token_malformed', () => ''],
  ['a number', 'token_malformed', () => 42],
  ['an object', 'token_malformed', () => ({ toString: () => idToken() })],
  ['a String object', 'token_malformed', () => new String(idToken())],
  ['bytes', 'token_malformed', () => Buffer.from(idToken())],
  ['a list with a token', 'token_malformed', () => [idToken()]],
];

const claims: Vector[] = [
  ['an access token in its place', 'token_type', () => accessToken({ nonce: 'n-1' })],
  ['a logout token in its place', 'token_type', () => logoutToken({ nonce: 'n-1' })],
  ['a typ nobody knows', 'token_type', () => idToken({}, { typ: 'secevent+jwt' })],
  ['an end in the past', 'token_expired', () => idToken({ iat: now() - 900, exp: now() - 60 })],
  ['an end just past the tolerance', 'token_expired', () => idToken({ iat: now() - 900, exp: now() - 11 })],
  ['exp 0', 'token_expired', () => idToken({ exp: 0 })],
  ['a negative exp', 'token_claim', () => idToken({ exp: -1 })],
  ['exp as text', 'token_claim', () => idToken({ exp: String(now() + 600) })],
  ['exp null', 'token_claim', () => idToken({ exp: null })],
  ['no exp', 'token_claim', () => withoutClaim('exp')],
  [
    'exp beyond all numbers',
    'token_claim',
    () => raw(JSON.stringify({ ...idClaims(), exp: 1 }).replace('"exp":1', '"exp":1e999')),
  ],
  ['nbf in the future', 'token_not_yet_valid', () => idToken({ nbf: now() + 60 })],
  ['nbf as text', 'token_claim', () => idToken({ nbf: 'now' })],
  ['iat far in the future', 'token_not_yet_valid', () => idToken({ iat: now() + 3600, exp: now() + 7200 })],
  ['iat in milliseconds', 'token_not_yet_valid', () => idToken({ iat: Date.now() })],
  ['no iat', 'token_claim', () => withoutClaim('iat')],
  ['another issuer', 'token_issuer', () => idToken({ iss: 'https://evil.example' })],
  ['an issuer with a slash', 'token_issuer', () => idToken({ iss: `${origin.url}/` })],
  ['an issuer in capitals', 'token_issuer', () => idToken({ iss: origin.url.toUpperCase() })],
  ['an issuer that ours begins', 'token_issuer', () => idToken({ iss: `${origin.url}.evil.example` })],
  ['an issuer that begins ours', 'token_issuer', () => idToken({ iss: origin.url.slice(0, -1) })],
  ['a list as issuer', 'token_issuer', () => idToken({ iss: [origin.url] })],
  ['no issuer', 'token_issuer', () => withoutClaim('iss')],
  ['no audience', 'token_audience', () => withoutClaim('aud')],
  ['an empty audience', 'token_audience', () => idToken({ aud: [] })],
  ['another audience', 'token_audience', () => idToken({ aud: 'skc_200' })],
  ['audiences without ours', 'token_audience', () => idToken({ aud: ['skc_200', 'skc_300'] })],
  ['an audience that begins ours', 'token_audience', () => idToken({ aud: ['skc_10'] })],
  ['an audience with ours in a list in it', 'token_audience', () => idToken({ aud: [[me]] })],
  ['an audience as an object', 'token_audience', () => idToken({ aud: { 0: me, length: 1 } })],
  [
    'two audiences and no azp',
    'token_authorized_party',
    () => idToken({ aud: [me, 'skc_200'], azp: undefined }),
  ],
  [
    'two audiences and the azp of the other',
    'token_authorized_party',
    () => idToken({ aud: [me, 'skc_200'], azp: 'skc_200' }),
  ],
  ['one audience and another azp', 'token_authorized_party', () => idToken({ azp: 'skc_200' })],
  ['no nonce', 'token_nonce', () => withoutClaim('nonce')],
  ['another nonce', 'token_nonce', () => idToken({ nonce: 'n-2' })],
  ['the nonce in a list', 'token_nonce', () => idToken({ nonce: ['n-1'] })],
  ['a nonce that begins alike', 'token_nonce', () => idToken({ nonce: 'n-10' })],
  ['no at_hash', 'token_hash', () => withoutClaim('at_hash')],
  ['the at_hash of another token', 'token_hash', () => idToken({ at_hash: halfHash('another') })],
  ['a whole hash as at_hash', 'token_hash', () => idToken({ at_hash: halfHash(accessText, 'sha512') })],
  ['no c_hash', 'token_hash', () => withoutClaim('c_hash')],
  ['the c_hash of another code', 'token_hash', () => idToken({ c_hash: halfHash('another') })],
  ['no sub', 'token_claim', () => withoutClaim('sub')],
  ['an empty sub', 'token_claim', () => idToken({ sub: '' })],
  ['a number as sub', 'token_claim', () => idToken({ sub: 7 })],
  ['a sub of 300 characters', 'token_claim', () => idToken({ sub: 'u'.repeat(300) })],
];

const accessVectors: Vector[] = [
  ['an ID token in its place', 'token_type', () => idToken({ client_id: me, scope: 'openid' })],
  ['a logout token in its place', 'token_type', () => logoutToken({ client_id: me, scope: 'openid' })],
  ['no typ', 'token_type', () => accessToken({}, { typ: undefined })],
  ['a typ that ends alike', 'token_type', () => accessToken({}, { typ: 'xat+jwt' })],
  ['a scope less', 'token_scope', () => accessToken({ scope: 'email' })],
  ['a scope that begins alike', 'token_scope', () => accessToken({ scope: 'openid2' })],
  ['no scope', 'token_scope', () => accessToken({ scope: undefined })],
  ['a number as scope', 'token_scope', () => accessToken({ scope: 1, scopes: 'openid' })],
  ['no client_id', 'token_claim', () => accessToken({ client_id: undefined })],
  ['another audience', 'token_audience', () => accessToken({ aud: ['skc_200'] })],
  ['an end in the past', 'token_expired', () => accessToken({ iat: now() - 900, exp: now() - 60 })],
  ['another key', 'token_signature', () => accessToken({}, {}, foreign)],
];

const logoutVectors: Vector[] = [
  ['an ID token in its place', 'token_type', () => idToken()],
  ['an access token in its place', 'token_type', () => accessToken()],
  ['a nonce', 'token_claim', () => logoutToken({ nonce: 'n-1' })],
  ['no events', 'token_claim', () => logoutToken({ events: undefined })],
  ['other events', 'token_claim', () => logoutToken({ events: { 'https://example.com/x': {} } })],
  ['the event as text', 'token_claim', () => logoutToken({ events: { [logoutEvent]: 'yes' } })],
  ['neither sub nor sid', 'token_claim', () => logoutToken({ sub: undefined, sid: undefined })],
  ['no jti', 'token_claim', () => logoutToken({ jti: undefined })],
  ['another audience', 'token_audience', () => logoutToken({ aud: ['skc_200'] })],
];

type Verify = (token: unknown) => Promise<unknown>;

function refuse(vectors: readonly Vector[], verify: Verify): void {
  for (const [name, expected, forge] of vectors)
    it(`with ${name} is refused as ${expected}`, async () => {
      await assert.rejects(verify(forge()), (failure) => {
        assert.ok(failure instanceof PosternTokenError, String(failure));
        assert.equal(failure.code, expected);
        assert.equal(failure.retryable, false);
        assert.doesNotMatch(failure.message, /eyJ|\{/);
        return true;
      });
    });
}

describe('an ID token', () => {
  for (const vectors of [algorithms, keyVectors, shapes, claims]) refuse(vectors, verifyId);

  it('of another user is refused where the user is known', async () => {
    const failure = { code: 'token_subject' };
    await assert.rejects(client.validateIdToken(idToken(), { subject: 'usr_2' }), failure);
  });

  it('that is right is taken, by each algorithm, with its audience as text or in a list', async () => {
    for (const key of [rsa, ec]) assert.equal((await verifyId(idToken({}, {}, key))).sub, 'usr_1');
    const hashes = { at_hash: halfHash(accessText, 'sha512'), c_hash: halfHash(code, 'sha512') };
    assert.equal((await verifyId(idToken(hashes, {}, ed))).sub, 'usr_1');
    assert.equal((await verifyId(idToken({ aud: me, azp: undefined }))).aud, me);
    assert.equal((await verifyId(idToken({ aud: [me, 'skc_200'] }))).azp, me);
    assert.equal((await verifyId(idToken({}, { typ: undefined }))).sub, 'usr_1');
    assert.equal((await verifyId(idToken({ iat: now() + 5, exp: now() + 9 }))).sub, 'usr_1');
    assert.equal((await verifyId(idToken({ iat: now() - 60, exp: now() - 5 }))).sub, 'usr_1');
  });
});

describe('an access token', () => {
  refuse(accessVectors, verifyAccess);

  it('that is right is taken, also by another audience or issuer that was named', async () => {
    assert.equal((await verifyAccess(accessToken())).client_id, me);
    assert.equal((await verifyAccess(accessToken({ scope: undefined, scopes: ['openid'] }))).sub, 'usr_1');
    const [iss, aud] = ['https://id.example.com', ['skc_200']];
    const expected = { issuer: iss, audience: ['skc_300', 'skc_200'] };
    assert.equal((await client.validateToken(accessToken({ iss, aud }), expected)).iss, iss);
    assert.equal(await client.validateAccessToken(accessToken()), true);
    assert.equal(await client.validateAccessToken(idToken()), false);
    assert.equal(await client.validateAccessToken(accessToken(), { requiredScopes: ['admin'] }), false);
  });
});

describe('a logout token', () => {
  refuse(logoutVectors, (token) => client.validateLogoutToken(token));

  it('that is right is taken, also when it is about a session alone', async () => {
    assert.equal((await client.validateLogoutToken(logoutToken())).sid, 'ses_1');
    assert.equal((await client.validateLogoutToken(logoutToken({ sub: undefined }))).sid, 'ses_1');
  });
});

describe('however many forged tokens come', () => {
  it('the keys are asked for once and nothing else ever is', () => {
    assert.deepEqual([...new Set(origin.seen.map(({ path }) => path))], ['/keys']);
    assert.equal(origin.seen.length, 1);
  });
});
