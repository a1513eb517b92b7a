import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { type Clients, createClients, KEEP_OLD_SECRET, type NewClient } from '../../src/clients/clients.ts';
import { activeSecretHashes, findClient, findClientWithSecrets } from '../../src/clients/store.ts';
import { Problem, type ProblemCode } from '../../src/core/problems.ts';
import { DAY, HOUR } from '../../src/core/units.ts';
import { recentEvents } from '../../src/events/store.ts';
import type { Clock } from '../../src/platform/clock.ts';
import type { Database } from '../../src/platform/database/database.ts';
import { createSecrets } from '../../src/platform/secrets.ts';
import { eachDatabase } from '../support/databases.ts';

const secrets = createSecrets(['a master secret of thirty-two bytes']);
const redirectUris = ['https://app.example.com/callback'];

function refusal(code: ProblemCode, words: RegExp): (failure: unknown) => boolean {
  return (failure) => failure instanceof Problem && failure.code === code && words.test(failure.detail);
}

eachDatabase('clients', (store) => {
  let database: Database;
  let clients: Clients;
  let now = Date.UTC(2030, 0, 1);
  const clock: Clock = { now: () => now };

  before(async () => {
    database = await store.open();
    clients = createClients({ database, clock, secrets, production: true });
  });

  async function accepts(id: string, clientSecret: string): Promise<boolean> {
    const hashes = await database.read((q) => activeSecretHashes(q, id, now));
    return hashes.some((hash) => secrets.matches('client-secret', clientSecret, hash));
  }

  async function eventsOf(id: string): Promise<string[]> {
    const events = await database.read((q) => recentEvents(q, 1000));
    const rows = await database.read((q) =>
      q.selectFrom('events').select(['type']).where('client_id', '=', id).orderBy('id').execute(),
    );
    assert.ok(events.length >= rows.length);
    return rows.map(({ type }) => type);
  }

  it('a client is made with a secret that is told once and stored as a keyed hash', async () => {
    const { client, clientSecret = '' } = await clients.create({ name: 'Shop', redirectUris });
    assert.match(client.id, /^skc_\d{19}$/);
    assert.match(clientSecret, /^live_[\w-]{43}$/);
    assert.equal(client.requirePkce, false);
    assert.equal(client.idTokenAlg, 'RS256');
    assert.deepEqual(await clients.show(client.id), client);
    const rows = await database.read((q) =>
      q.selectFrom('client_secrets').selectAll().where('client_id', '=', client.id).execute(),
    );
    assert.equal(JSON.stringify(rows).includes(clientSecret), false);
    assert.equal(rows[0]?.suffix, clientSecret.slice(-4));
    assert.equal(await accepts(client.id, clientSecret), true);
    assert.equal(await accepts(client.id, `${clientSecret}x`), false);
    assert.deepEqual(await eventsOf(client.id), ['client.created']);
  });

  it('a secret says test_ where the issuer is not on https', async () => {
    const development = createClients({ database, clock, secrets, production: false });
    const { clientSecret } = await development.create({
      name: 'Shop',
      redirectUris: ['http://192.168.1.5/cb'],
    });
    assert.match(clientSecret ?? '', /^test_/);
  });

  it('a public client has no secret and always uses PKCE', async () => {
    const { client, clientSecret } = await clients.create({ name: 'App', redirectUris, public: true });
    assert.equal(clientSecret, undefined);
    assert.equal(client.requirePkce, true);
    assert.deepEqual(client.secrets, []);
    assert.deepEqual(await database.read((q) => activeSecretHashes(q, client.id, now)), []);
    await assert.rejects(clients.rotateSecret(client.id), refusal('client_invalid', /public client/));
    await assert.rejects(
      clients.create({ name: 'App', redirectUris, public: true, requirePkce: false }),
      refusal('client_invalid', /PKCE/),
    );
  });

  it('every field is kept', async () => {
    const wanted: NewClient = {
      name: '  Café نمونه  ',
      redirectUris: [...redirectUris, 'com.example.app:/cb', ...redirectUris],
      postLogoutRedirectUris: ['https://app.example.com/'],
      initiateLoginUri: 'https://app.example.com/login',
      requirePkce: true,
      idTokenAlg: 'EdDSA',
    };
    const { client } = await clients.create(wanted);
    const shown = await database.read((q) => findClient(q, client.id));
    assert.deepEqual(shown, client);
    assert.equal(shown?.name, 'Café نمونه');
    assert.deepEqual(shown.redirectUris, [...redirectUris, 'com.example.app:/cb']);
    assert.deepEqual(shown.postLogoutRedirectUris, wanted.postLogoutRedirectUris);
    assert.equal(shown.initiateLoginUri, wanted.initiateLoginUri);
    assert.equal(shown.requirePkce, true);
    assert.equal(shown.idTokenAlg, 'EdDSA');
  });

  const refused: [why: string, wanted: Partial<NewClient>, code: ProblemCode, words: RegExp][] = [
    ['without a name', { name: ' ' }, 'client_invalid', /1 to 60/],
    ['with a long name', { name: 'é'.repeat(61) }, 'client_invalid', /1 to 60/],
    ['with a line end in its name', { name: 'Shop\r\nBcc: x' }, 'client_invalid', /control/],
    ['with a name that changes direction', { name: 'Shop\u202egpj' }, 'client_invalid', /direction/],
    ['with an invisible name', { name: '\u2060\u2060' }, 'client_invalid', /invisible/],
    ['with a name of signs only', { name: '!!!' }, 'client_invalid', /letter/],
    ['without a redirect URI', { redirectUris: [] }, 'client_invalid', /at least one/],
    [
      'on plain http',
      { redirectUris: ['http://app.example.com/'] },
      'redirect_uri_invalid',
      /must use https/,
    ],
    ['with a script', { postLogoutRedirectUris: ['javascript:1'] }, 'redirect_uri_invalid', /post-logout/],
    ['with a bad login page', { initiateLoginUri: 'app:/login' }, 'redirect_uri_invalid', /initiate-login/],
    ['with a login page on http', { initiateLoginUri: 'http://localhost/' }, 'redirect_uri_invalid', /https/],
    ['with an unknown algorithm', { idTokenAlg: 'none' }, 'client_invalid', /RS256, ES256, EdDSA/],
    [
      'with too many URIs',
      { redirectUris: Array.from({ length: 21 }, (_, at) => `https://app.example.com/${at}`) },
      'client_invalid',
      /20 URIs/,
    ],
  ];
  for (const [why, wanted, code, words] of refused) {
    it(`a client ${why} is refused, and nothing is stored`, async () => {
      const before = await clients.list();
      await assert.rejects(clients.create({ name: 'Shop', redirectUris, ...wanted }), refusal(code, words));
      assert.deepEqual(await clients.list(), before);
    });
  }

  it('the old secret works a day longer after a rotation', async () => {
    const { client, clientSecret: first = '' } = await clients.create({ name: 'Shop', redirectUris });
    const { clientSecret: second } = await clients.rotateSecret(client.id);
    assert.notEqual(first, second);
    assert.deepEqual([await accepts(client.id, first), await accepts(client.id, second)], [true, true]);
    now += KEEP_OLD_SECRET - 1;
    assert.equal(await accepts(client.id, first), true);
    now += 1;
    assert.deepEqual([await accepts(client.id, first), await accepts(client.id, second)], [false, true]);
    assert.deepEqual(await eventsOf(client.id), ['client.created', 'client.secret_rotated']);
  });

  it('a second rotation drops the oldest secret, so that at most two are active', async () => {
    const { client, clientSecret: first = '' } = await clients.create({ name: 'Shop', redirectUris });
    const { clientSecret: second } = await clients.rotateSecret(client.id);
    now += HOUR;
    const { clientSecret: third } = await clients.rotateSecret(client.id);
    const works = await Promise.all([first, second, third].map((one) => accepts(client.id, one)));
    assert.deepEqual(works, [false, true, true]);
    const found = await database.read((q) => findClientWithSecrets(q, client.id, now));
    assert.equal(found?.secretHashes.length, 2);
    assert.equal(found.client.secrets[0]?.suffix, third.slice(-4));
  });

  it('the old secret can be dropped at once, and a short grace is never made longer', async () => {
    const { client, clientSecret: first = '' } = await clients.create({ name: 'Shop', redirectUris });
    const { clientSecret: second } = await clients.rotateSecret(client.id, { keepOldFor: 0 });
    assert.deepEqual([await accepts(client.id, first), await accepts(client.id, second)], [false, true]);
    const { clientSecret: third } = await clients.rotateSecret(client.id, { keepOldFor: HOUR });
    now += DAY;
    assert.deepEqual([await accepts(client.id, second), await accepts(client.id, third)], [false, true]);
  });

  it('rotations at the same moment leave two secrets, one of them newest for good', async () => {
    const { client } = await clients.create({ name: 'Shop', redirectUris });
    const other = createClients({ database: await store.open(), clock, secrets, production: true });
    await Promise.all(
      Array.from({ length: 10 }, (_, at) => (at % 2 === 0 ? clients : other).rotateSecret(client.id)),
    );
    const shown = await clients.show(client.id);
    assert.equal(shown.secrets.length, 2);
    assert.equal(shown.secrets.filter((secret) => secret.expiresAt === undefined).length, 1);
    assert.equal((await eventsOf(client.id)).length, 11);
  });

  it('a removed client is gone with its secrets', async () => {
    const { client } = await clients.create({ name: 'Shop', redirectUris });
    await clients.remove(client.id);
    assert.equal(await database.read((q) => findClientWithSecrets(q, client.id, now)), undefined);
    const left = await database.read((q) =>
      q.selectFrom('client_secrets').select('id').where('client_id', '=', client.id).execute(),
    );
    assert.deepEqual(left, []);
    assert.deepEqual(await eventsOf(client.id), ['client.created', 'client.deleted']);
    await assert.rejects(clients.remove(client.id), refusal('client_not_found', /no client/));
  });

  it('a client that is not there is refused, whatever its id looks like', async () => {
    for (const id of ['skc_1', '', 'skc_', 'usr_1', "skc_1' or 1=1", 'skc_1\u0000', 'x'.repeat(10_000)]) {
      assert.equal(await database.read((q) => findClient(q, id)), undefined);
      await assert.rejects(clients.show(id), refusal('client_not_found', /no client/));
      await assert.rejects(clients.rotateSecret(id), refusal('client_not_found', /no client/));
      await assert.rejects(clients.remove(id), refusal('client_not_found', /no client/));
    }
  });

  it('clients are listed oldest first', async () => {
    const listed = await clients.list();
    const ids = listed.map(({ id }) => id);
    assert.ok(ids.length > 3);
    assert.deepEqual(ids, ids.toSorted());
  });
});
