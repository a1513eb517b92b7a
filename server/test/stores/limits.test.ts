import assert from 'node:assert/strict';
import { it } from 'node:test';
import { DAY } from '../../src/core/units.ts';
import type { Database } from '../../src/platform/database/database.ts';
import { lockCounters, pruneLimits, saveCounters } from '../../src/sign-in/limit-store.ts';
import { startStoreProcesses } from '../fixtures/race-processes.ts';
import { T0 } from '../fixtures/race-records.ts';
import { eachDatabase } from '../support/databases.ts';

const countersOf = (database: Database, ...keys: string[]) =>
  database.write((q) => lockCounters(q, keys, T0));

function save(database: Database, key: string, counters: { [rule: string]: [number, number][] }) {
  return database.write(async (q) => {
    await lockCounters(q, [key], T0);
    await saveCounters(q, { key, counters }, T0);
  });
}

eachDatabase('counters', (given) => {
  it('begin empty and come back as they were saved, each key its own', async () => {
    const database = await given.open();
    assert.deepEqual(await countersOf(database, 'one'), {});
    await save(database, 'one', { mails_minute: [[T0, 2]], starts: [] });
    assert.deepEqual(await countersOf(database, 'one'), { mails_minute: [[T0, 2]], starts: [] });
    assert.deepEqual(await countersOf(database, 'two'), {});
  });

  it('are not saved by a transaction that fails', async () => {
    const database = await given.open();
    await save(database, 'kept', { starts: [[T0, 1]] });
    const failing = database.write(async (q) => {
      await lockCounters(q, ['kept'], T0);
      await saveCounters(q, { key: 'kept', counters: {} }, T0);
      throw new Error('no');
    });
    await assert.rejects(failing, /no/);
    assert.deepEqual(await countersOf(database, 'kept'), { starts: [[T0, 1]] });
  });

  it('go on under a new secret, also while others still use the old one', async () => {
    const database = await given.open();
    await save(database, 'under the old secret', { starts: [[T0, 3]] });
    const both = await countersOf(database, 'under the new secret', 'under the old secret');
    assert.deepEqual(both, { starts: [[T0, 3]] });
    assert.deepEqual(await countersOf(database, 'under the new secret'), { starts: [[T0, 3]] });
    assert.deepEqual(await countersOf(database, 'under the old secret'), {});
    const again = await countersOf(database, 'under the new secret', 'under the old secret');
    assert.deepEqual(again, { starts: [[T0, 3]] });
  });

  it('are pruned when nothing in them can count any more', async () => {
    const database = await given.open();
    await save(database, 'old', { starts: [[T0, 1]] });
    const prune = (before: number) => database.write((q) => pruneLimits(q, before, 1000));
    assert.equal(await prune(T0 + 31 * DAY), 0);
    assert.ok((await prune(T0 + 33 * DAY)) >= 1);
    assert.deepEqual(await countersOf(database, 'old'), {});
  });
});

eachDatabase('twenty callers at once', (given) => {
  it('take no more than there is, in two processes', async () => {
    await given.open();
    const processes = await startStoreProcesses(given.url);
    try {
      for (let round = 0; round < 10; round += 1) {
        const outcomes = await processes.race('spend', `budget-${round}`, 10);
        assert.equal(outcomes.filter(({ done }) => done === true).length, 10);
        assert.equal(outcomes.filter(({ done }) => done === false).length, 10);
      }
    } finally {
      await processes.stop();
    }
  });
});
