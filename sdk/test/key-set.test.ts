import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PosternClient } from '../src/index.ts';
import { startOrigin } from './support/origin.ts';
import { newKey, type SigningKey, signToken } from './support/signing.ts';

const [first, second, third] = [newKey('snk_1'), newKey('snk_2'), newKey('snk_3')];
const published = (...keys: SigningKey[]) => ({ body: { keys: keys.map(({ jwk }) => jwk) } });
const minute = 60_000;

/** A client with a clock of its own, and a server that publishes the first key. */
async function scene() {
  const origin = await startOrigin();
  origin.answer('/keys', published(first));
  const clock = { now: Date.now() };
  const client = new PosternClient(origin.url, 'skc_1', 'test_1', { now: () => clock.now, retriesMax: 0 });
  const token = (key: SigningKey) => {
    const iat = Math.floor(clock.now / 1000);
    const claims = { iss: origin.url, sub: 'usr_1', aud: ['skc_1'], client_id: 'skc_1', iat, exp: iat + 900 };
    return signToken(key, claims, { typ: 'at+jwt' });
  };
  const fetches = () => origin.at('/keys').length;
  return { origin, client, clock, token, fetches };
}

describe('the keys', () => {
  it('are fetched once for many tokens at once, and then kept', async () => {
    const { client, token, fetches } = await scene();
    const results = await Promise.all(
      Array.from({ length: 50 }, () => client.validateAccessToken(token(first))),
    );
    assert.equal(results.every(Boolean), true);
    for (let at = 0; at < 10; at += 1) assert.equal(await client.validateAccessToken(token(first)), true);
    assert.equal(fetches(), 1);
  });

  it('are fetched again for a key that is not known, once for all who ask', async () => {
    const { origin, client, clock, token, fetches } = await scene();
    await client.validateToken(token(first));
    origin.answer('/keys', published(second, first));
    clock.now += minute;
    const tokens = Array.from({ length: 20 }, () => token(second));
    await Promise.all(tokens.map((one) => client.validateToken(one)));
    await client.validateToken(token(first));
    assert.equal(fetches(), 2);
  });

  it('are not fetched for every forged token', async () => {
    const { client, clock, token, fetches } = await scene();
    await client.validateToken(token(first));
    for (let at = 0; at < 40; at += 1) {
      assert.equal(await client.validateAccessToken(token({ ...third, kid: `snk_${at + 50}` })), false);
      clock.now += 1000;
    }
    assert.equal(fetches(), 2, 'one at first, and one after thirty seconds');
  });

  it('that were taken back are refused after ten minutes at the latest', async () => {
    const { origin, client, clock, token } = await scene();
    const stolen = token(first);
    await client.validateToken(stolen);
    origin.answer('/keys', published(second));
    clock.now += 10 * minute;
    await assert.rejects(client.validateToken(stolen), { code: 'token_key_unknown' });
    await client.validateToken(token(second));
  });

  it('outlive an outage of the server for an hour, not longer', async () => {
    const { origin, client, clock, token } = await scene();
    await client.validateToken(token(first));
    origin.answer('/keys', { status: 503 });
    clock.now += 59 * minute;
    await client.validateToken(token(first));
    clock.now += 2 * minute;
    await assert.rejects(client.validateToken(token(first)), {
      name: 'PosternApiError',
      status: 503,
      retryable: true,
    });
    origin.answer('/keys', published(first));
    await client.validateToken(token(first));
  });

  it('that cannot be had are an error, not a no', async () => {
    const { origin, client, token } = await scene();
    for (const [answer, code] of [
      [{ isBroken: true }, 'network_error'],
      [{ status: 500, body: 'oops' }, 'invalid_answer'],
      [{ body: '<html>' }, 'invalid_answer'],
      [{ body: { keys: 'none' } }, 'invalid_answer'],
      [{ status: 302, headers: { location: 'https://evil.example/keys' } }, 'invalid_answer'],
    ] as const) {
      origin.answer('/keys', answer);
      await assert.rejects(client.validateAccessToken(token(first)), { code });
    }
    origin.answer('/keys', published(first));
    assert.equal(await client.validateAccessToken(token(first)), true);
  });

  it('that make no sense are passed over', async () => {
    const { origin, client, token } = await scene();
    const broken = { ...first.jwk, n: undefined };
    origin.answer('/keys', { body: { keys: [null, 'x', 7, {}, { kid: 'snk_1' }, broken] } });
    await assert.rejects(client.validateToken(token(first)), { code: 'token_key_unknown' });
  });

  it('are waited for by each caller as long as that one wants', async () => {
    const { origin, client, token } = await scene();
    const gate = Promise.withResolvers<void>();
    origin.answer('/keys', { ...published(first), until: gate.promise });
    const abort = new AbortController();
    const impatient = client.validateToken(token(first), { signal: abort.signal });
    const hasty = client.validateToken(token(first), { timeoutMs: 20 });
    const patient = client.validateToken(token(first));
    abort.abort(new Error('enough'));
    await assert.rejects(impatient, { message: 'enough' });
    await assert.rejects(hasty, { code: 'timeout', retryable: true });
    gate.resolve();
    assert.equal((await patient).sub, 'usr_1');
    assert.equal(origin.at('/keys').length, 1);
  });
});
