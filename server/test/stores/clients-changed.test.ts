import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import fc from 'fast-check';
import { type Clients, createClients } from '../../src/clients/clients.ts';
import { findClientWithSecrets } from '../../src/clients/store.ts';
import { Problem, type ProblemCode } from '../../src/core/problems.ts';
import type { Clock } from '../../src/platform/clock.ts';
import type { Database } from '../../src/platform/database/database.ts';
import { type Page, type Paged, readPage } from '../../src/platform/paging.ts';
import { createSecrets } from '../../src/platform/secrets.ts';
import { eachDatabase } from '../support/databases.ts';

const secrets = createSecrets(['a master secret of thirty-two bytes']);
const redirectUris = ['https://app.example.com/callback'];

function refusal(code: ProblemCode, words: RegExp): (failure: unknown) => boolean {
  return (failure) => failure instanceof Problem && failure.code === code && words.test(failure.detail);
}

eachDatabase('clients that are changed', (store) => {
  let database: Database;
  let clients: Clients;
  let others: Clients;
  let now = Date.UTC(2030, 0, 1);
  const clock: Clock = { now: () => now };

  before(async () => {
    database = await store.open();
    clients = createClients({ database, clock, secrets, production: true });
    others = createClients({ database: await store.open(), clock, secrets, production: true });
  });

  const made = async (more: object = {}) =>
    (await clients.create({ name: 'Shop', redirectUris, ...more })).client;

  async function eventsOf(id: string): Promise<string[]> {
    const rows = await database.read((q) =>
      q.selectFrom('events').select('type').where('client_id', '=', id).orderBy('id').execute(),
    );
    return rows.map(({ type }) => type);
  }

  it('every field is kept and changed by itself', async () => {
    const client = await made({
      kind: 'WEB_APP',
      backChannelLogoutUris: ['https://app.example.com/out'],
      accessTokenSeconds: 60,
      apiAccess: false,
      firstParty: true,
      grantTypes: ['refresh_token', 'authorization_code'],
    });
    assert.deepEqual(await clients.show(client.id), client);
    assert.deepEqual(client.grantTypes, ['authorization_code', 'refresh_token']);
    now += 1000;
    const { accessTokenSeconds: _seconds, ...rest } = client;
    const bare = await clients.update(client.id, { backChannelLogoutUris: [], accessTokenSeconds: 0 });
    assert.deepEqual(bare, { ...rest, backChannelLogoutUris: [], updatedAt: now });
    assert.deepEqual(await clients.show(client.id), bare);
    assert.deepEqual(await eventsOf(client.id), ['client.created', 'client.changed']);
  });

  it('events wait for an app only while one listens', async () => {
    const fan = async () => {
      const { id } = await made();
      const rows = await database.read((q) =>
        q.selectFrom('events').select('fan').where('client_id', '=', id).execute(),
      );
      return rows.map((row) => row.fan);
    };
    assert.deepEqual(await fan(), [null]);
    const listener = await made({ backChannelLogoutUris: ['https://app.example.com/out'] });
    assert.deepEqual(await fan(), [1]);
    await clients.update(listener.id, { backChannelLogoutUris: [] });
    assert.deepEqual(await fan(), [null]);
  });

  it('a client of a release before has what its shape says', async () => {
    const [web, spa] = [await made(), await made({ public: true })];
    await database.write((q) =>
      q
        .updateTable('clients')
        .set({
          kind: null,
          grant_types: null,
          api_access: null,
          first_party: null,
          back_channel_logout_uris: null,
        })
        .where('id', 'in', [web.id, spa.id])
        .execute(),
    );
    assert.deepEqual(await clients.show(web.id), web);
    assert.deepEqual(await clients.show(spa.id), spa);
    const kinds = async (kind: 'ENV' | 'SPA') =>
      (await clients.page({ size: 30 }, [kind])).rows.map(({ id }) => id);
    assert.ok((await kinds('ENV')).includes(web.id));
    assert.ok((await kinds('SPA')).includes(spa.id));
    assert.equal((await kinds('ENV')).includes(spa.id), false);
  });

  it('changes of different fields at the same moment all stay', async () => {
    const client = await made();
    await Promise.all([
      clients.update(client.id, { name: 'Store' }),
      others.update(client.id, { firstParty: true }),
      clients.update(client.id, { apiAccess: false }),
      others.update(client.id, { postLogoutRedirectUris: redirectUris }),
      clients.brand(client.id, { colour: '#7a1f5c' }),
    ]);
    const shown = await clients.show(client.id);
    assert.deepEqual([shown.name, shown.firstParty, shown.apiAccess], ['Store', true, false]);
    assert.deepEqual(shown.postLogoutRedirectUris, redirectUris);
    assert.notEqual(shown.branding.colour, undefined);
  });

  it('twenty that add a secret at once leave two that are active', async () => {
    const client = await made();
    const tries = await Promise.allSettled(
      Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? clients : others).addSecret(client.id)),
    );
    assert.equal(tries.filter(({ status }) => status === 'fulfilled').length, 1);
    for (const one of tries)
      if (one.status === 'rejected') assert.ok(refusal('client_invalid', /2 active secrets/)(one.reason));
    const found = await database.read((q) => findClientWithSecrets(q, client.id, now));
    assert.equal(found?.secretHashes.length, 2);
  });

  it('a secret is put out of use and back, told once each, and dropped', async () => {
    const client = await made();
    const { secret, clientSecret } = await clients.addSecret(client.id);
    const of = { clientId: client.id, secretId: secret.id };
    const works = async () => {
      const found = await database.read((q) => findClientWithSecrets(q, client.id, now));
      return (found?.secretHashes ?? []).some((hash) => secrets.matches('client-secret', clientSecret, hash));
    };
    assert.equal(await works(), true);
    for (const inactive of [true, true, false, false]) {
      assert.equal((await clients.changeSecret({ ...of, inactive })).inactive, inactive);
      assert.equal(await works(), !inactive);
    }
    await clients.removeSecret(of);
    assert.equal(await works(), false);
    await assert.rejects(clients.removeSecret(of), refusal('client_secret_not_found', /no secret/));
    assert.deepEqual(await eventsOf(client.id), [
      'client.created',
      'client.secret_added',
      'client.secret_disabled',
      'client.secret_enabled',
      'client.secret_removed',
    ]);
  });

  it('secrets that are out of use do not pile up', async () => {
    const client = await made();
    const refused = (async () => {
      for (let count = 0; count < 20; count += 1) {
        const { secret } = await clients.addSecret(client.id);
        await clients.changeSecret({ clientId: client.id, secretId: secret.id, inactive: true });
      }
    })();
    await assert.rejects(refused, refusal('client_invalid', /10 secrets at most/));
  });

  it('pages neither lose nor repeat a client while others come and go', { timeout: 120_000 }, async () => {
    const one = fc.record({
      size: fc.integer({ min: 1, max: 5 }),
      inserts: fc.array(fc.boolean(), { maxLength: 5 }),
    });
    await fc.assert(
      fc.asyncProperty(one, async ({ size, inserts }) => {
        const standing = (await clients.list()).map(({ id }) => id).toReversed();
        const seen: string[] = [];
        const todo = [...inserts];
        for (let page: Page | undefined = { size }; page; ) {
          const read: Paged<{ id: string }> = await clients.page(page, []);
          seen.push(...read.rows.map(({ id }) => id));
          if (todo.shift()) await made();
          page =
            read.nextToken === ''
              ? undefined
              : readPage({ size, token: read.nextToken }, { usual: 10, max: 30 });
        }
        assert.deepEqual(seen, standing);
      }),
      { numRuns: 8 },
    );
  });
});
