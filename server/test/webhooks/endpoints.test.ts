import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { EndpointId } from '../../src/core/ids.ts';
import { Problem } from '../../src/core/problems.ts';
import { createInterceptors } from '../../src/events/interceptors/interceptors.ts';
import { saveEndpoint } from '../../src/events/webhooks/store.ts';
import { createWebhooks, type Webhooks } from '../../src/events/webhooks/webhooks.ts';
import { systemClock } from '../../src/platform/clock.ts';
import type { Database } from '../../src/platform/database/database.ts';
import { createOutbound } from '../../src/platform/http/outbound.ts';
import { createSecrets } from '../../src/platform/secrets.ts';
import { onSqlite } from '../support/databases.ts';
import { SECRET } from '../support/server.ts';
import { type Receiver, startReceiver } from './receiver.ts';

const GOOD = 'https://app.example.com/webhooks';

async function refusal(work: Promise<unknown>): Promise<string> {
  const failure = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return failure instanceof Problem ? `${failure.code}: ${failure.detail}` : 'accepted';
}

onSqlite('webhook endpoints', (store) => {
  let database: Database;
  let webhooks: Webhooks;
  let app: Receiver;
  const secrets = createSecrets([SECRET]);
  before(async () => {
    database = await store.open();
    app = await startReceiver();
    webhooks = createWebhooks({
      database,
      secrets,
      clock: systemClock,
      outbound: createOutbound(),
      local: false,
    });
  });
  after(() => app.stop());
  const create = (url: string, wish: object = {}) => webhooks.create({ url, types: ['user.login'], ...wish });

  describe('in production', () => {
    it('are not made for an address inside, however it is written', async () => {
      const inside = [
        'https://127.0.0.1/x',
        'https://127.1/',
        'https://0x7f000001/',
        'https://2130706433/',
        'https://0177.0.0.1/',
        'https://10.1.2.3/',
        'https://172.16.0.1/',
        'https://192.168.1.1/',
        'https://169.254.169.254/latest/meta-data/',
        'https://100.100.100.200/',
        'https://0.0.0.0/',
        'https://[::1]/',
        'https://[::]/',
        'https://[::ffff:127.0.0.1]/',
        'https://[::ffff:a9fe:a9fe]/',
        'https://[64:ff9b::7f00:1]/',
        'https://[fe80::1]/',
        'https://[fd00:ec2::254]/',
        'https://[fc00::1]/',
        'https://[2002:7f00:1::]/',
        'https://localhost/',
        'https://LOCALHOST./',
        'https://db.internal/',
        'https://printer.local/',
      ];
      for (const url of inside)
        assert.match(
          await refusal(create(url)),
          /webhook_endpoint_invalid: .*(private network|link-local)/,
          url,
        );
    });

    it('are not made for what is no plain https address', async () => {
      const odd = [
        'http://app.example.com/',
        'ftp://app.example.com/',
        'file:///etc/passwd',
        'javascript:alert(1)',
        'gopher://app.example.com/',
        'app.example.com/hooks',
        '',
        'https://user:pass@app.example.com/',
        'https://app.example.com@127.0.0.1/',
        'https://app.example.com/#fragment',
        'https://app.example.com:22/',
        'https://app.example.com:25/',
        `https://app.example.com/${'x'.repeat(2000)}`,
      ];
      for (const url of odd) assert.match(await refusal(create(url)), /^webhook_endpoint_invalid: /, url);
    });

    it('that the owner allows inside still never reach what is link-local', async () => {
      for (const url of [
        'http://169.254.169.254/latest/meta-data/',
        'http://[fe80::1]/',
        'http://[fd00:ec2::254]/',
        'http://[::ffff:169.254.169.254]/',
      ])
        assert.match(await refusal(create(url, { private: true })), /link-local/, url);
      const { endpoint } = await create(`${app.url}/inside`, { private: true });
      assert.equal((await webhooks.test(endpoint.id)).state, 'done');
      assert.match(await refusal(webhooks.update(endpoint.id, { private: false })), /must begin with https/);
      await webhooks.remove(endpoint.id);
    });

    it('are judged again when they are connected to: a name that now leads inside is not followed', async () => {
      const { port } = new URL(app.url);
      const { endpoint } = await create(GOOD);
      const allowed = await create(`http://localhost:${port}/allowed`, { private: true });
      await webhooks.test(allowed.endpoint.id); // its connection is kept, and is not for others
      const before = app.received.length;
      const rows = await webhooks.list();
      const known = rows.find(({ id }) => id === endpoint.id) ?? assert.fail();
      const { secrets: sealed } = await database.read((q) =>
        q
          .selectFrom('webhook_endpoints')
          .select('secrets')
          .where('id', '=', endpoint.id)
          .executeTakeFirstOrThrow(),
      );
      for (const host of ['localhost', '127.0.0.1', '[::ffff:127.0.0.1]']) {
        const url = `http://${host}:${port}/rebound`;
        await database.write((q) => saveEndpoint(q, { ...known, url, secrets: JSON.parse(sealed) }));
        const { state, log } = await webhooks.test(endpoint.id);
        assert.deepEqual([state, log[0]?.reason], ['dead', 'the address belongs to a private network'], host);
      }
      assert.equal(app.received.length, before);
      for (const { id } of [endpoint, allowed.endpoint]) await webhooks.remove(id);
    });

    it('are judged alike for interceptors', async () => {
      const interceptors = createInterceptors({
        database,
        secrets,
        clock: systemClock,
        outbound: createOutbound(),
        local: false,
      });
      const ask = (wish: object) =>
        refusal(interceptors.create({ kind: 'PRE_SIGNUP', url: 'https://app.example.com/ask', ...wish }));
      assert.match(await ask({ url: 'https://169.254.169.254/' }), /^interceptor_invalid: .*link-local/);
      assert.match(await ask({ url: 'http://app.example.com/' }), /^interceptor_invalid: .*https/);
      assert.match(await ask({ kind: 'PRE_SIGNIN' }), /^interceptor_invalid: .*did you mean PRE_SIGNUP/);
      for (const timeoutMs of [99, 30_001, 1.5, Number.NaN])
        assert.match(await ask({ timeoutMs }), /^interceptor_invalid: .*100 to 30000/);
      assert.match(await ask({ onFailure: 'open' }), /^interceptor_invalid: .*`allow` or `deny`/);
      assert.equal(await ask({}), 'accepted');
      assert.match(await ask({}), /^interceptor_invalid: .*already/);
      assert.match(await refusal(interceptors.update('icp_1', {})), /^interceptor_not_found/);
    });
  });

  it('choose events by name, by room and by star; a mistyped name is refused with the nearest', async () => {
    for (const types of [['user.*'], ['*'], ['attempt.code_wrong', 'mail.bounced_hard', 'user.signup']])
      await webhooks.remove((await create(GOOD, { types })).endpoint.id);
    const said = (type: string) => refusal(create(GOOD, { types: ['user.login', type] }));
    assert.match(await said('user.singup'), /did you mean `user.signup`/);
    assert.match(await said('sesion.ended'), /did you mean `session.ended`/);
    assert.match(await said('webhook.delivery_dead'), /No event is called/);
    assert.match(await said('__proto__'), /No event is called/);
    assert.match(await refusal(create(GOOD, { types: [] })), /at least one/);
  });

  it('are found by their id alone, and so are their deliveries', async () => {
    const [one, other] = [
      (await create(GOOD)).endpoint,
      (await create(`${app.url}/o`, { private: true })).endpoint,
    ];
    const { id } = await webhooks.test(other.id);
    const unknown: EndpointId = 'whk_1';
    for (const work of [
      webhooks.show(unknown),
      webhooks.test(unknown),
      webhooks.update('x', {}),
      webhooks.remove(''),
    ])
      assert.match(await refusal(work), /^webhook_endpoint_not_found/);
    assert.equal((await webhooks.delivery(other.id, id)).id, id);
    assert.match(await refusal(webhooks.delivery(one.id, id)), /^delivery_not_found/);
    assert.match(await refusal(webhooks.replay(one.id, { delivery: id })), /^delivery_not_found/);
    await webhooks.update(other.id, { enabled: false });
    assert.match(await refusal(webhooks.replay(other.id, { delivery: id })), /disabled/);
    await webhooks.remove(one.id);
    await webhooks.remove(other.id);
  });

  it('are twenty at most', async () => {
    const made = await Promise.all(
      Array.from({ length: 25 }, () => create(GOOD).catch((failure) => failure.code)),
    );
    assert.equal(made.filter((one) => one === 'webhook_endpoint_invalid').length, 5);
    for (const { id } of await webhooks.list()) await webhooks.remove(id);
  });
});
