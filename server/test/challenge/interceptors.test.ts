import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { after, afterEach, describe, it } from 'node:test';
import { createMailbox } from '../support/mailbox.ts';
import { claimsOf, tokensOf } from '../support/oauth-requests.ts';
import { startTestServer } from '../support/server.ts';
import { startReceiver } from '../webhooks/receiver.ts';
import { askInApp, enterInApp, firstParty, redeemInApp } from './in-app.ts';

const mailbox = createMailbox();
const server = await startTestServer({ transport: mailbox.transport });
const owner = await startReceiver();
const app = await firstParty(server, 'public');
const { interceptors } = server.rooms;
after(() => Promise.all([server.stop(), owner.stop()]));
afterEach(async () => {
  for (const { id } of await interceptors.list()) await interceptors.remove(id);
});

const says = (answer: object) => (response: ServerResponse) =>
  void response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
const ask = () => askInApp({ server, mailbox }, app);
const users = () => server.rooms.database.read((q) => q.selectFrom('users').select('email').execute());

describe("The owner's interceptors, asked for an app with pages of its own", () => {
  for (const kind of ['PRE_SIGNUP', 'PRE_SESSION_CREATION'])
    it(`${kind} may deny: the app is told in the owner's words, and the code is spent`, async () => {
      owner.answers('/ask', says({ decision: 'DENY', error: { message: 'Members only' } }));
      await interceptors.create({ kind, url: `${owner.url}/ask` });
      const asked = await ask();
      const { status, body } = await enterInApp(server, app, asked);
      assert.deepEqual([status, body.error, body.error_description], [400, 'access_denied', 'Members only']);
      assert.equal((await enterInApp(server, app, asked)).body.error, 'invalid_session');
      const known = (await users()).some(({ email }) => email === asked.email);
      assert.equal(known, kind !== 'PRE_SIGNUP');
    });

  it('PRE_SESSION_CREATION may add claims to its tokens', async () => {
    const response = { claims: { plan: 'pro' } };
    owner.answers('/ask', says({ decision: 'ALLOW', response }));
    await interceptors.create({ kind: 'PRE_SESSION_CREATION', url: `${owner.url}/ask` });
    const asked = await ask();
    const { body } = await enterInApp(server, app, asked);
    const { verifier } = asked;
    const redeemed = await redeemInApp(server, app, { code: body.authorization_code, verifier });
    assert.deepEqual(claimsOf(tokensOf(redeemed).idToken).custom_claims, { plan: 'pro' });
  });
});
