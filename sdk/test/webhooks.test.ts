import assert from 'node:assert/strict';
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { ScalekitClient } from '@scalekit-sdk/node';
import fc from 'fast-check';
import { PosternClient, PosternSignatureError, PosternUsageError } from '../src/index.ts';
import { hmacSha256, sha256 } from '../src/sha256.ts';

const SECRET = `whsec_${Buffer.from('a secret of thirty-two bytes ...').toString('base64')}`;
const nowSeconds = 1_795_366_417;
const client = new PosternClient('https://id.example.com', 'skc_1', 'test_1', {
  now: () => nowSeconds * 1000,
});
const body = '{"type":"user.login","data":{"name":"Zoë"}}';

function signature(
  content: string | Buffer,
  { secret = SECRET, id = 'evt_1', at = String(nowSeconds) } = {},
): string {
  const key = Buffer.from(secret.slice(secret.indexOf('_') + 1), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${at}.`).update(content).digest('base64')}`;
}

const headers = (changes: Record<string, string | undefined> = {}) => ({
  'webhook-id': 'evt_1',
  'webhook-timestamp': String(nowSeconds),
  'webhook-signature': signature(body),
  ...changes,
});

describe('SHA-256 and HMAC', () => {
  it('give what Node gives, for every length around a block and for any bytes', () => {
    for (const length of [0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 1000]) {
      const bytes = randomBytes(length);
      assert.deepEqual(Buffer.from(sha256(bytes)), createHash('sha256').update(bytes).digest());
    }
    const pair = [fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 300 })] as const;
    const isSame = (key: Uint8Array, message: Uint8Array) =>
      assert.deepEqual(
        Buffer.from(hmacSha256(key, message)),
        createHmac('sha256', key).update(message).digest(),
      );
    fc.assert(fc.property(...pair, isSame), { numRuns: 200 });
  });
});

const good: ReadonlyArray<readonly [name: string, check: () => boolean]> = [
  ['as a text', () => client.verifyWebhookPayload(SECRET, headers(), body)],
  ['as bytes', () => client.verifyWebhookPayload(SECRET, headers(), Buffer.from(body))],
  [
    'as bytes that are no text',
    () => {
      const bytes = Buffer.from([0xff, 0xfe, 0]);
      return client.verifyWebhookPayload(SECRET, headers({ 'webhook-signature': signature(bytes) }), bytes);
    },
  ],
  [
    'with an empty body',
    () => client.verifyWebhookPayload(SECRET, headers({ 'webhook-signature': signature('') }), ''),
  ],
  [
    'with headers in capitals',
    () =>
      client.verifyWebhookPayload(
        SECRET,
        Object.fromEntries(Object.entries(headers()).map(([name, value]) => [name.toUpperCase(), value])),
        body,
      ),
  ],
  ['with web Headers', () => client.verifyWebhookPayload(SECRET, new Headers(headers()), body)],
  [
    'with the signature in a list',
    () => client.verifyWebhookPayload(SECRET, { ...headers(), 'webhook-signature': [signature(body)] }, body),
  ],
  [
    'with the signature of an older secret first',
    () =>
      client.verifyWebhookPayload(
        SECRET,
        headers({ 'webhook-signature': `${signature(body, { secret: 'whsec_b2xk' })} ${signature(body)}` }),
        body,
      ),
  ],
  [
    'with a short signature first',
    () =>
      client.verifyWebhookPayload(
        SECRET,
        headers({ 'webhook-signature': `v1,AAAA v1, v1 ${signature(body)}` }),
        body,
      ),
  ],
  [
    'with a signature of another version first',
    () =>
      client.verifyWebhookPayload(
        SECRET,
        headers({ 'webhook-signature': `v1a,AAAA ${signature(body)}` }),
        body,
      ),
  ],
  ['five minutes old', () => client.verifyWebhookPayload(SECRET, aged(-300), body)],
  ['five minutes ahead', () => client.verifyWebhookPayload(SECRET, aged(300), body)],
];

function aged(seconds: number) {
  const at = String(nowSeconds + seconds);
  return headers({ 'webhook-timestamp': at, 'webhook-signature': signature(body, { at }) });
}

const bad: ReadonlyArray<readonly [name: string, code: string, check: () => unknown]> = [
  ['another body', 'signature_invalid', () => client.verifyWebhookPayload(SECRET, headers(), `${body} `)],
  [
    'another id',
    'signature_invalid',
    () => client.verifyWebhookPayload(SECRET, headers({ 'webhook-id': 'evt_2' }), body),
  ],
  [
    'another time',
    'signature_invalid',
    () => client.verifyWebhookPayload(SECRET, headers({ 'webhook-timestamp': String(nowSeconds + 1) }), body),
  ],
  ['another secret', 'signature_invalid', () => client.verifyWebhookPayload('whsec_b2xk', headers(), body)],
  [
    'a signature cut short',
    'signature_invalid',
    () =>
      client.verifyWebhookPayload(
        SECRET,
        headers({ 'webhook-signature': signature(body).slice(0, -4) }),
        body,
      ),
  ],
  [
    'a signature made longer',
    'signature_invalid',
    () =>
      client.verifyWebhookPayload(SECRET, headers({ 'webhook-signature': `${signature(body)}AAAA` }), body),
  ],
  [
    'a signature that is no base64',
    'signature_invalid',
    () => client.verifyWebhookPayload(SECRET, headers({ 'webhook-signature': 'v1,ÿÿÿ' }), body),
  ],
  [
    'the right signature under another version',
    'signature_invalid',
    () =>
      client.verifyWebhookPayload(
        SECRET,
        headers({ 'webhook-signature': signature(body).replace('v1', 'v2') }),
        body,
      ),
  ],
  [
    'no version',
    'signature_invalid',
    () =>
      client.verifyWebhookPayload(SECRET, headers({ 'webhook-signature': signature(body).slice(3) }), body),
  ],
  [
    'no signature',
    'signature_missing',
    () => client.verifyWebhookPayload(SECRET, headers({ 'webhook-signature': undefined }), body),
  ],
  [
    'no id',
    'signature_missing',
    () => client.verifyWebhookPayload(SECRET, headers({ 'webhook-id': '' }), body),
  ],
  [
    'no time',
    'signature_missing',
    () => client.verifyWebhookPayload(SECRET, headers({ 'webhook-timestamp': undefined }), body),
  ],
  ['no headers', 'signature_missing', () => client.verifyWebhookPayload(SECRET, {}, body)],
  [
    'a time in words',
    'signature_time_invalid',
    () => client.verifyWebhookPayload(SECRET, headers({ 'webhook-timestamp': 'now' }), body),
  ],
  [
    'a time with words behind it',
    'signature_time_invalid',
    () => client.verifyWebhookPayload(SECRET, headers({ 'webhook-timestamp': `${nowSeconds}x` }), body),
  ],
  [
    'a time in milliseconds',
    'signature_time_invalid',
    () => client.verifyWebhookPayload(SECRET, headers({ 'webhook-timestamp': `${nowSeconds}000` }), body),
  ],
  [
    'a right signature six minutes old',
    'signature_too_old',
    () => client.verifyWebhookPayload(SECRET, aged(-301), body),
  ],
  [
    'a right signature from the future',
    'signature_too_new',
    () => client.verifyWebhookPayload(SECRET, aged(301), body),
  ],
  [
    'the headers of an interceptor',
    'signature_missing',
    () => client.verifyInterceptorPayload(SECRET, headers(), body),
  ],
];

describe('a webhook', () => {
  for (const [name, check] of good)
    it(`${name} is taken, at once and without waiting`, () => assert.equal(check(), true));

  for (const [name, code, check] of bad)
    it(`with ${name} throws ${code}, at once`, () => {
      assert.throws(check, (failure) => {
        assert.ok(failure instanceof PosternSignatureError);
        assert.equal(failure.code, code);
        return true;
      });
    });

  it('is not judged by a secret that is none', () => {
    for (const secret of ['', 'whsec_', 'whsec', 'abc', 'whsec_a_b', 'whsec_aGk-', 'whsec_a'])
      assert.throws(() => client.verifyWebhookPayload(secret, headers(), body), PosternUsageError, secret);
  });

  it('of an interceptor has headers of its own', () => {
    const of = Object.entries(headers()).map(([name, value]) => [
      name.replace('webhook', 'interceptor'),
      value,
    ]);
    assert.equal(client.verifyInterceptorPayload(SECRET, Object.fromEntries(of), body), true);
  });

  it("is judged alike by Scalekit's SDK", () => {
    const theirs = new ScalekitClient('https://id.example.com', 'skc_1', 'test_1');
    const at = String(Math.floor(Date.now() / 1000));
    const signed = headers({ 'webhook-timestamp': at, 'webhook-signature': signature(body, { at }) });
    const ours = new PosternClient('https://id.example.com', 'skc_1', 'test_1');
    const given = signed as Record<string, string>;
    assert.equal(
      ours.verifyWebhookPayload(SECRET, given, body),
      theirs.verifyWebhookPayload(SECRET, given, body),
    );
  });
});
