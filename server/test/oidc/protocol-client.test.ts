import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { createFakeClock } from '../support/clock.ts';
import { createMailbox } from '../support/mailbox.ts';
import { type Answer, basic, tokenRequest } from '../support/oauth-requests.ts';
import { startTestServer } from '../support/server.ts';

const HOUR = 3_600_000;

const clock = createFakeClock();
const server = await startTestServer({ clock, transport: createMailbox().transport });
const { app } = server;
after(async () => {
  await server.stop();
  clock.release();
});

const bare = { client_id: undefined, client_secret: undefined };

/** A token request that is about nothing but who the client is. */
const ask = (fields: Record<string, string | undefined>, headers: Record<string, string> = {}) =>
  tokenRequest(server, { grant_type: 'client_credentials', ...fields }, headers);

function assertRefused({ status, body }: Answer, wanted: number, error: string): void {
  assert.deepEqual([status, body.error], [wanted, error]);
  assert.deepEqual(Object.keys(body).sort(), ['error', 'error_description']);
}

const percent = (text: string) =>
  [...text].map((one) => `%${one.charCodeAt(0).toString(16).padStart(2, '0')}`).join('');

describe('client authentication', () => {
  it('takes the secret in the body', async () => {
    assert.equal((await ask({})).status, 200);
  });

  it('takes it by HTTP Basic, also with every character encoded, or none', async () => {
    assert.equal((await ask(bare, basic(app.id, app.secret))).status, 200);
    assert.equal((await ask({ client_secret: undefined }, basic(app.id, app.secret))).status, 200);
    for (const [id, secret] of [
      [percent(app.id), percent(app.secret)],
      [app.id, app.secret],
    ]) {
      const authorization = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
      assert.equal((await ask(bare, { authorization })).status, 200);
    }
  });

  it('refuses two ways at once', async () => {
    assertRefused(await ask({}, basic(app.id, app.secret)), 400, 'invalid_request');
  });

  it('does not mind the stale bearer token that some SDKs send along', async () => {
    assert.equal((await ask({}, { authorization: 'Bearer eyJhbGciOiJSUzI1NiJ9.e30.x' })).status, 200);
    const none = await ask({ client_secret: undefined }, { authorization: 'Bearer x' });
    assertRefused(none, 401, 'invalid_client');
  });

  it('refuses a wrong secret with 401, and names the scheme to those who used it', async () => {
    const byBasic = await ask(bare, basic(app.id, 'test_wrong'));
    assertRefused(byBasic, 401, 'invalid_client');
    assert.match(byBasic.headers.get('www-authenticate') ?? '', /^Basic realm="/);
    assertRefused(await ask({ client_secret: 'test_wrong' }), 401, 'invalid_client');
    assertRefused(await ask({ client_secret: '' }), 401, 'invalid_client');
    assertRefused(await ask({ client_secret: undefined }), 401, 'invalid_client');
  });

  it('says the same of a client that there is not', async () => {
    const [unknown, wrong] = [await ask({ client_id: 'skc_1' }), await ask({ client_secret: 'test_wrong' })];
    assert.deepEqual([unknown.status, unknown.body], [wrong.status, wrong.body]);
    const byBasic = await ask(bare, basic('skc_1', app.secret));
    assertRefused(byBasic, 401, 'invalid_client');
    assert.match(byBasic.headers.get('www-authenticate') ?? '', /^Basic /);
  });

  it('refuses what is no client, or two of them', async () => {
    assertRefused(await ask(bare), 400, 'invalid_request');
    assertRefused(await ask(bare, { authorization: 'Basic ???' }), 400, 'invalid_request');
    assertRefused(await ask(bare, { authorization: 'Basic' }), 400, 'invalid_request');
    const other = await ask({ client_id: 'skc_2', client_secret: undefined }, basic(app.id, app.secret));
    assertRefused(other, 400, 'invalid_request');
  });

  it('refuses a secret of a client that has none', async () => {
    const made = { name: 'Public', public: true, redirectUris: [app.redirectUri] };
    const { client } = await server.rooms.clients.create(made);
    assertRefused(await ask({ client_id: client.id, client_secret: 'test_x' }), 401, 'invalid_client');
  });
});

describe('a client whose secret is replaced', () => {
  const statusOf = async (id: string, secret: string | undefined) => {
    clock.advance(1000); // what a process remembers of a client, it remembers for a second
    return (await ask({ client_id: id, client_secret: secret })).status;
  };

  it('has two secrets for a day, then one; a third one drops the first at once', async () => {
    const made = await server.rooms.clients.create({ name: 'Rotating', redirectUris: [app.redirectUri] });
    const { id } = made.client;
    const first = made.clientSecret;
    const { clientSecret: second } = await server.rooms.clients.rotateSecret(id);
    assert.deepEqual([await statusOf(id, first), await statusOf(id, second)], [200, 200]);
    clock.advance(24 * HOUR);
    assert.deepEqual([await statusOf(id, first), await statusOf(id, second)], [401, 200]);
    const { clientSecret: third } = await server.rooms.clients.rotateSecret(id);
    const { clientSecret: fourth } = await server.rooms.clients.rotateSecret(id);
    const statuses = [await statusOf(id, second), await statusOf(id, third), await statusOf(id, fourth)];
    assert.deepEqual(statuses, [401, 200, 200]);
  });

  it('loses the old one at once when told so, and all when it is removed', async () => {
    const made = await server.rooms.clients.create({ name: 'Leaked', redirectUris: [app.redirectUri] });
    const { id } = made.client;
    const { clientSecret } = await server.rooms.clients.rotateSecret(id, { keepOldFor: 0 });
    assert.deepEqual([await statusOf(id, made.clientSecret), await statusOf(id, clientSecret)], [401, 200]);
    await server.rooms.clients.remove(id);
    assert.equal(await statusOf(id, clientSecret), 401);
  });
});
