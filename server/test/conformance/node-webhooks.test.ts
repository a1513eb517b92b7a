import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, describe, it } from 'node:test';
import { createFakeClock } from '../support/clock.ts';
import { createMailbox } from '../support/mailbox.ts';
import { claimsOf, signedIn } from '../support/oauth-requests.ts';
import { newSdk, startWorld } from './world.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

const clock = createFakeClock();
const mailbox = createMailbox();
const server = await startWorld({ clock, transport: mailbox.transport });
const { webhooks, interceptors } = server.rooms;
const scalekit = newSdk(server);

interface Got {
  readonly headers: Record<string, string>;
  readonly body: string;
}
const got: Got[] = [];
const receiver = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += chunk;
  got.push({ headers: asTexts(request.headers), body });
  response.end('{"decision":"ALLOW"}');
});
receiver.listen(0, '127.0.0.1');
await once(receiver, 'listening');
const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/webhooks`;
after(async () => {
  receiver.close();
  await server.stop();
  clock.release();
});

const types = ['user.signup', 'user.login', 'user.logout'];
const { endpoint, secret } = await webhooks.create({ url, types, private: true });

function asTexts(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

/** What the receiver gets from a sign-in. */
async function deliveries(): Promise<Got[]> {
  got.length = 0;
  const { idToken } = await signedIn({ server, mailbox });
  await scalekit.session.revokeSession(String(claimsOf(idToken).sid));
  await server.deliveriesIdle();
  return [...got];
}

const holds = (of: string, { headers, body }: Got) => scalekit.verifyWebhookPayload(of, headers, body);

describe('verifyWebhookPayload', () => {
  it('B12: takes every delivery, and tells sign-up, sign-in and sign-out apart', async () => {
    const all = await deliveries();
    assert.deepEqual(all.map(({ body }) => JSON.parse(body).type).sort(), types.toSorted());
    for (const one of all) {
      assert.equal(holds(secret, one), true);
      const { id, spec_version: version, data, object } = JSON.parse(one.body);
      assert.equal(one.headers['webhook-id'], id);
      assert.deepEqual([version, typeof data, typeof object], ['1', 'object', 'string']);
    }
  });

  it('refuses a body, an id or a time that was changed, and a time that is long ago', async () => {
    const [one] = await deliveries();
    assert.ok(one);
    const { headers, body } = one;
    const changed: Got[] = [
      { headers, body: body.replace('user.', 'root.') },
      { headers: { ...headers, 'webhook-id': 'evt_1' }, body },
      {
        headers: { ...headers, 'webhook-timestamp': String(Number(headers['webhook-timestamp']) + 1) },
        body,
      },
    ];
    for (const forged of changed) assert.throws(() => holds(secret, forged));
    clock.advance(6 * MINUTE);
    assert.throws(() => holds(secret, one));
  });

  it('B12: takes the old secret and the new one while both live, and the new one alone afterwards', async () => {
    const rotated = await webhooks.rotateSecret(endpoint.id);
    for (const one of await deliveries()) {
      assert.match(one.headers['webhook-signature'] ?? '', /^v1,\S{44} v1,\S{44}$/);
      assert.equal(holds(rotated.secret, one), true);
      assert.equal(holds(secret, one), true);
    }
    clock.advance(DAY + MINUTE);
    const [late] = await deliveries();
    assert.ok(late);
    assert.equal(holds(rotated.secret, late), true);
    assert.throws(() => holds(secret, late));
  });
});

describe('verifyInterceptorPayload', () => {
  it('takes the question of an interceptor, and no other one', async () => {
    got.length = 0;
    const wish = { kind: 'PRE_SIGNUP', url, private: true };
    const made = await interceptors.create(wish);
    await interceptors.test(made.interceptor.id);
    const [question] = got;
    assert.ok(question);
    const { headers, body } = question;
    assert.equal(scalekit.verifyInterceptorPayload(made.secret, headers, body), true);
    assert.throws(() => scalekit.verifyInterceptorPayload(made.secret, headers, `${body} `));
    assert.throws(() => scalekit.verifyInterceptorPayload(secret, headers, body));
    await interceptors.remove(made.interceptor.id);
  });
});
