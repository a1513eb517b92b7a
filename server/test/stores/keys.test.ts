import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createKeys, SIGNING_ALGS } from '../../src/oidc/keys.ts';
import { allKeys, insertKey, type KeyRow, moveKey, pruneKeys } from '../../src/oidc/store.ts';
import type { Database } from '../../src/platform/database/database.ts';
import { createSecrets } from '../../src/platform/secrets.ts';
import { createSettings } from '../../src/settings/settings.ts';
import { startStoreProcesses } from '../fixtures/race-processes.ts';
import { T0 } from '../fixtures/race-records.ts';
import { eachDatabase } from '../support/databases.ts';
import { SECRET } from '../support/server.ts';

const clock = { now: () => T0 };

const keysOf = (database: Database, ...masters: string[]) =>
  createKeys({ database, clock, secrets: createSecrets(masters), settings: createSettings(database, clock) });

let made = 0;

function keyRow(given: Partial<KeyRow> = {}): KeyRow {
  const kid = `snk_${++made}`;
  return { kid, alg: 'XX1', state: 'current', sealed: 's', createdAt: T0 + made, expiresAt: null, ...given };
}

const statesOf = (rows: { alg: string; state: string }[]) =>
  rows.map(({ alg, state }) => `${alg} ${state}`).sort();

eachDatabase('signing keys', (given) => {
  it('come back as they were put, oldest first', async () => {
    const database = await given.open();
    const rows = [keyRow(), keyRow({ state: 'next' }), keyRow({ state: 'retired', expiresAt: T0 })];
    for (const row of rows.toReversed()) await database.write((q) => insertKey(q, row));
    assert.deepEqual(await database.read(allKeys), rows);
  });

  it('are current or next one per algorithm; a second one is left out', async () => {
    const database = await given.open();
    const before = await database.read(allKeys);
    for (const state of ['current', 'next'] as const)
      await database.write((q) => insertKey(q, keyRow({ state })));
    assert.deepEqual(await database.read(allKeys), before);
  });

  it('move from one state to the next', async () => {
    const database = await given.open();
    const move = { alg: 'XX1', from: 'current', to: 'retired', expiresAt: T0 + 1 } as const;
    await database.write((q) => moveKey(q, move));
    assert.deepEqual(statesOf(await database.read(allKeys)), ['XX1 next', 'XX1 retired', 'XX1 retired']);
  });

  it('are pruned when they are retired and past their time', async () => {
    const database = await given.open();
    assert.equal(await database.write((q) => pruneKeys(q, T0 + 1, 10)), 1);
    assert.equal(await database.write((q) => pruneKeys(q, T0 + 2, 10)), 1);
    assert.deepEqual(statesOf(await database.read(allKeys)), ['XX1 next']);
  });
});

eachDatabase('two processes', (given) => {
  it('that need the first keys at once agree on one current and one next of each algorithm', async () => {
    const database = await given.open();
    const processes = await startStoreProcesses(given.url);
    try {
      const outcomes = await processes.race('firstKeys', '', 2);
      const stored = await database.read(allKeys);
      const expected = SIGNING_ALGS.flatMap((alg) => [`${alg} current`, `${alg} next`]).sort();
      assert.deepEqual(statesOf(stored), expected);
      const kids = stored.map(({ kid }) => kid).sort();
      assert.deepEqual(outcomes, Array(4).fill({ done: kids }));
    } finally {
      await processes.stop();
    }
  });

  it('that rotate at once do so one after the other, and no key is lost', async () => {
    const database = await given.open();
    const before = (await database.read(allKeys)).length;
    const processes = await startStoreProcesses(given.url);
    try {
      const outcomes = await processes.race('rotateKeys', '', 3);
      assert.deepEqual(
        outcomes.map(({ failed }) => failed),
        Array(6).fill(undefined),
      );
      const stored = await database.read(allKeys);
      assert.equal(stored.length, before + 6);
      const states = statesOf(stored.filter(({ alg }) => alg === 'ES256'));
      assert.deepEqual(states, ['ES256 current', 'ES256 next', ...Array(6).fill('ES256 retired')]);
    } finally {
      await processes.stop();
    }
  });
});

eachDatabase('a change of the secret', (given) => {
  it('leaves keys readable while the old one is listed, and says what is wrong when it is not', async () => {
    const database = await given.open();
    const [old, fresh] = [SECRET, 'another-master-secret-of-the-tests-0123456789'];
    const before = (await keysOf(database, old).ring()).map(({ jwk }) => jwk);
    const after = (await keysOf(database, fresh, old).ring()).map(({ jwk }) => jwk);
    assert.deepEqual(after, before);
    await assert.rejects(keysOf(database, fresh).ring(), /POSTERN_SECRET does not open the signing keys/);
  });
});
