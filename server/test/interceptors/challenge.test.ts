import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { askInApp, enterInApp, firstParty, redeemInApp } from '../challenge/in-app.ts';
import { createMailbox } from '../support/mailbox.ts';
import { claimsOf } from '../support/oauth-requests.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { type Receiver, startReceiver } from '../webhooks/receiver.ts';

const mailbox = createMailbox();
let server: TestServer;
let app: Receiver;
before(async () => {
  server = await startTestServer({ transport: mailbox.transport });
  app = await startReceiver();
});
after(async () => {
  await server.stop();
  await app.stop();
});

it('An app with pages of its own is told of a denial, and gets claims where its owner gives them', async () => {
  const client = await firstParty(server, 'public');
  const site = { server, mailbox };
  const url = `${app.url}/ask`;
  app.answers('/ask', (response) => response.end('{"decision":"DENY","error":{"message":"not you"}}'));
  const { interceptor } = await server.rooms.interceptors.create({ kind: 'PRE_SIGNUP', url });
  const asked = await askInApp(site, client);
  const denied = await enterInApp(server, client, asked);
  assert.deepEqual([denied.body.error, denied.body.error_description], ['access_denied', 'not you']);
  const users = await server.rooms.users.list();
  assert.deepEqual(users, []);
  const again = await enterInApp(server, client, asked);
  assert.equal(again.body.authorization_code, undefined);
  await server.rooms.interceptors.remove(interceptor.id);
  app.answers('/ask', (response) =>
    response.end('{"decision":"ALLOW","response":{"claims":{"plan":"pro"}}}'),
  );
  await server.rooms.interceptors.create({ kind: 'PRE_SESSION_CREATION', url });
  const second = await askInApp(site, client);
  const { body } = await enterInApp(server, client, second);
  const answer = await redeemInApp(server, client, {
    code: body.authorization_code,
    verifier: second.verifier,
  });
  assert.deepEqual(claimsOf(String(answer.body.access_token)).custom_claims, { plan: 'pro' });
});
