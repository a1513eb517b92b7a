import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import {
  judgeWebhook,
  newWebhookSecret,
  signedHeaders,
  signWebhook,
} from '../../src/platform/http/webhook-signature.ts';
import { redactedText } from '../../src/platform/redact.ts';

/** The example that the Standard Webhooks libraries test themselves with. */
const KNOWN = {
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestamp: '1614265330',
  body: '{"test": 2432232314}',
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
};

const now = Number(KNOWN.timestamp) * 1000;

describe('The signature of a webhook', () => {
  it('is the one that Standard Webhooks gives for its example', () => {
    assert.equal(signWebhook(KNOWN.secret, KNOWN), KNOWN.signature);
  });

  it('is one for each secret, newest first, and receivers can split it', () => {
    const secrets = [newWebhookSecret(), newWebhookSecret()];
    for (const secret of secrets) assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
    const headers = signedHeaders(secrets, { prefix: 'webhook', id: 'evt_1', body: '{}', now });
    assert.deepEqual(Object.keys(headers), ['webhook-id', 'webhook-timestamp', 'webhook-signature']);
    const each = { id: 'evt_1', timestamp: KNOWN.timestamp, body: '{}' };
    assert.equal(headers['webhook-signature'], secrets.map((secret) => signWebhook(secret, each)).join(' '));
  });

  it('comes of a secret that no log shows', () => {
    const secret = newWebhookSecret();
    assert.equal(redactedText(`made ${secret} now`), 'made whsec_[redacted] now');
  });

  it('is judged over id, time and body together, within five minutes', () => {
    const headers = {
      'webhook-id': KNOWN.id,
      'webhook-timestamp': KNOWN.timestamp,
      'webhook-signature': KNOWN.signature,
    };
    const judged = (change: object = {}, body = KNOWN.body, at = now) =>
      judgeWebhook(
        { headers: { ...headers, ...change }, body: Buffer.from(body) },
        { secret: KNOWN.secret, prefix: 'webhook', now: at },
      );
    assert.deepEqual(judged(), { id: KNOWN.id });
    assert.deepEqual(judged({ 'webhook-signature': `v1,short v2,x ${KNOWN.signature}` }), { id: KNOWN.id });
    for (const change of [
      { 'webhook-id': 'msg_other' },
      { 'webhook-id': '' },
      { 'webhook-timestamp': '1614265331' },
      { 'webhook-timestamp': '1614265330.0' },
      { 'webhook-signature': '' },
      { 'webhook-signature': 'v1,' },
      { 'webhook-signature': KNOWN.signature.slice(3) },
      { 'webhook-signature': KNOWN.signature.replace('v1', 'v0') },
    ])
      assert.equal(judged(change), 'forged', JSON.stringify(change));
    assert.equal(judged({}, '{"test": 2432232315}'), 'forged');
    assert.equal(judged({}, KNOWN.body, now + 301_000), 'stale');
    assert.equal(judged({}, KNOWN.body, now - 301_000), 'stale');
  });

  it('is accepted by the lines that the documentation gives', async () => {
    const page = readFileSync(new URL('../../../docs/reference/webhooks.md', import.meta.url), 'utf8');
    const code = /```js\n(import \{ createHmac[\s\S]*?)```/.exec(page)?.[1] ?? assert.fail('no such example');
    const module = await import(`data:text/javascript,${encodeURIComponent(code)}`);
    const secret = newWebhookSecret();
    const signed = { prefix: 'webhook', id: 'evt_1', body: '{}', now: Date.now() };
    const headers = signedHeaders([newWebhookSecret(), secret], signed);
    assert.equal(module.isOurs(secret, headers, '{}'), true);
    assert.equal(module.isOurs(secret, headers, '{ }'), false);
    assert.equal(module.isOurs(newWebhookSecret(), headers, '{}'), false);
    assert.equal(module.isOurs(secret, signedHeaders([secret], { ...signed, now: now }), '{}'), false);
    assert.equal(module.isOurs(secret, {}, '{}'), false);
  });
});
