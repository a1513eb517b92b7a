import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Receiver, startReceiver } from '../webhooks/receiver.ts';
import { json, newFolder, postern } from './command-lines.ts';

let app: Receiver;
before(async () => {
  app = await startReceiver();
});
after(() => app.stop());

describe('postern webhook', () => {
  const data = ['--data', newFolder()];

  it('create prints the secret once; show, update and rotate-secret follow', async () => {
    const made = await json(['webhook', 'create', `${app.url}/hooks`, '--event', 'user.login', ...data]);
    assert.match(made.secret, /^whsec_/);
    assert.deepEqual([made.types, made.enabled, made.reach], [['user.login'], true, 'public']);
    const changed = await json(['webhook', 'update', made.id, '--event', 'user.*', '--disable', ...data]);
    assert.deepEqual([changed.types, changed.enabled, changed.secret], [['user.*'], false, undefined]);
    const turned = await json(['webhook', 'rotate-secret', made.id, '--keep-old-hours', '1', ...data]);
    assert.deepEqual([turned.secrets.length, turned.secret === made.secret], [2, false]);
    const shown = await postern(['webhook', 'show', made.id, ...data]);
    assert.match(shown.out, /State +disabled/);
    assert.equal(shown.out.includes('whsec_'), false);
    await json(['webhook', 'delete', made.id, ...data]);
    assert.deepEqual(await json(['webhook', 'list', ...data]), []);
  });

  it('test says what came back, and deliveries, delivery and replay know of it', async () => {
    app.answers('/broken', (response) => response.writeHead(500).end());
    const { id } = await json(['webhook', 'create', `${app.url}/broken`, '--event', '*', ...data]);
    const tested = await postern(['webhook', 'test', id, ...data]);
    assert.equal(tested.code, 1);
    assert.match(tested.out, /answered 500/);
    const { deliveries } = await json(['webhook', 'deliveries', id, '--state', 'dead', ...data]);
    assert.deepEqual([deliveries.length, deliveries[0].event_type], [1, 'webhook.test']);
    const one = await json(['webhook', 'delivery', id, deliveries[0].id, ...data]);
    assert.equal(JSON.parse(one.body).data.message, 'This is a test.');
    const since = ['--dead-since', '2020-01-01T00:00:00Z'];
    assert.equal((await json(['webhook', 'replay', id, ...since, ...data])).replayed, 1);
    assert.equal((await json(['webhook', 'replay', id, deliveries[0].id, ...data])).replayed, 0);
  });

  it('warns of private addresses, and helps with mistyped events', async () => {
    const made = await postern(['webhook', 'create', app.url, '--event', '*', '--allow-private', ...data]);
    assert.match(made.err, /private network/);
    const wrong = await postern(['webhook', 'create', app.url, '--event', 'user.logn', ...data]);
    assert.equal(wrong.code, 1);
    assert.match(wrong.err, /did you mean `user.login`/);
    assert.equal((await postern(['webhook', 'create', app.url, ...data])).code, 2);
    assert.match((await postern(['webhook', 'types'])).out, /user\.signup +a person signed up, or/);
  });
});

describe('postern interceptor', () => {
  const data = ['--data', newFolder()];

  it('create, list, update, test and delete', async () => {
    app.answers('/ask', (response) =>
      response.end('{"decision":"ALLOW","response":{"claims":{"plan":"pro"}}}'),
    );
    const line = ['interceptor', 'create', 'PRE_SESSION_CREATION', `${app.url}/ask`, '--timeout-ms', '900'];
    const made = await json([...line, ...data]);
    assert.deepEqual([made.timeout_ms, made.on_failure, made.enabled], [900, 'deny', true]);
    const tested = await json(['interceptor', 'test', made.id, ...data]);
    assert.deepEqual([tested.decision, tested.claims, tested.failure], ['allow', { plan: 'pro' }, null]);
    const changed = await json(['interceptor', 'update', made.id, '--on-failure', 'allow', ...data]);
    assert.equal(changed.on_failure, 'allow');
    const turned = await json(['interceptor', 'rotate-secret', made.id, ...data]);
    assert.notEqual(turned.secret, made.secret);
    assert.match(
      (await postern(['interceptor', 'list', ...data])).out,
      /PRE_SESSION_CREATION +enabled +allow/,
    );
    await json(['interceptor', 'delete', made.id, ...data]);
    assert.deepEqual(await json(['interceptor', 'list', ...data]), []);
  });
});
