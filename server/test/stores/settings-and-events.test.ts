import assert from 'node:assert/strict';
import { it } from 'node:test';
import { pruneEvents, recentEvents, recordEvent } from '../../src/events/store.ts';
import type { Queries } from '../../src/platform/database/schema.ts';
import { createSettings } from '../../src/settings/settings.ts';
import { storedSettings, storeSetting } from '../../src/settings/store.ts';
import { startStoreProcesses } from '../fixtures/race-processes.ts';
import { T0 } from '../fixtures/race-records.ts';
import { eachDatabase, onPostgres } from '../support/databases.ts';

const ATTEMPT = 'req_1795367104924960415';

eachDatabase('settings', (given) => {
  it('come back as they were stored, the last value of each name', async () => {
    const database = await given.open();
    const store = (name: string, value: unknown) =>
      database.write((q) => storeSetting(q, { name, value }, T0));
    await store('a', 1);
    await store('b', ['x', { y: 'ö' }]);
    await store('a', false);
    const stored = await database.read(storedSettings);
    assert.equal(stored.get('a'), false);
    assert.deepEqual(stored.get('b'), ['x', { y: 'ö' }]);
  });

  it('that many set at once, in two processes, end as one of their values, with an event for each', async () => {
    const database = await given.open();
    const processes = await startStoreProcesses(given.url);
    try {
      const outcomes = await processes.race('setting', 'Acme', 10);
      assert.deepEqual(outcomes, Array(20).fill({ done: null }));
    } finally {
      await processes.stop();
    }
    assert.equal((await database.read(storedSettings)).get('branding.name'), 'Acme');
    const events = await database.read((q) => recentEvents(q, 100));
    assert.equal(events.filter(({ type }) => type === 'setting.changed').length, 20);
  });

  it('that another process changes are seen within a second', async () => {
    const database = await given.open();
    let now = T0;
    const mine = createSettings(database, { now: () => now });
    await mine.current();
    await createSettings(database, { now: () => now }).set('branding.name', 'Changed elsewhere');
    assert.notEqual((await mine.current())['branding.name'], 'Changed elsewhere');
    now += 1000;
    assert.equal((await mine.current())['branding.name'], 'Changed elsewhere');
    assert.equal(mine.snapshot()['branding.name'], 'Changed elsewhere');
  });
});

onPostgres('an identifier that another process has drawn in the same millisecond', (given) => {
  it('is drawn again, and nothing is lost or written twice', async () => {
    const database = await given.open();
    const insert = (q: Queries, id: string) =>
      q.insertInto('events').values({ id, type: 'attempt.locked', at: T0, data: '{}' }).execute();
    await database.write((q) => insert(q, 'evt_1'));
    const drawn = ['evt_2', 'evt_1', 'evt_3', 'evt_4'];
    await database.write(async (q) => {
      await insert(q, drawn.shift() ?? '');
      await insert(q, drawn.shift() ?? '');
    });
    const rows = await database.read((q) => q.selectFrom('events').select('id').orderBy('id').execute());
    assert.deepEqual(
      rows.map(({ id }) => id),
      ['evt_1', 'evt_3', 'evt_4'],
    );
    await assert.rejects(
      database.write((q) => insert(q, 'evt_1')),
      /duplicate key/,
    );
  });
});

eachDatabase('events', (given) => {
  it('are there exactly when the change is that they tell of', async () => {
    const database = await given.open();
    const failing = database.write(async (q) => {
      await recordEvent(q, { type: 'attempt.locked', attemptId: ATTEMPT }, T0);
      throw new Error('no');
    });
    await assert.rejects(failing, /no/);
    assert.deepEqual(await database.read((q) => recentEvents(q, 10)), []);
    const event = { type: 'attempt.code_wrong', attemptId: ATTEMPT, data: { guesses: 2 } } as const;
    await database.write((q) => recordEvent(q, event, T0));
    const [written] = await database.read((q) => recentEvents(q, 10));
    assert.deepEqual(written, { type: event.type, at: T0, attemptId: ATTEMPT, data: '{"guesses":2}' });
  });

  it('of the same moment are all kept, newest first, at most as many as were asked for', async () => {
    const database = await given.open();
    const record = (guesses: number) =>
      database.write((q) =>
        recordEvent(q, { type: 'attempt.code_wrong', attemptId: ATTEMPT, data: { guesses } }, T0 + 1),
      );
    await Promise.all(Array.from({ length: 20 }, (_, index) => record(index)));
    await database.write((q) => recordEvent(q, { type: 'attempt.locked', attemptId: ATTEMPT }, T0 + 2));
    const events = await database.read((q) => recentEvents(q, 21));
    assert.equal(events.length, 21);
    assert.equal(events[0]?.type, 'attempt.locked');
    assert.equal(new Set(events.map(({ data }) => data)).size, 21);
  });

  it('are pruned once they are old, a bounded number at once', async () => {
    const database = await given.open();
    assert.equal(await database.write((q) => pruneEvents(q, T0 + 2, 5)), 5);
    await database.write((q) => pruneEvents(q, T0 + 2, 100));
    const left = await database.read((q) => recentEvents(q, 100));
    assert.deepEqual(
      left.map(({ type }) => type),
      ['attempt.locked'],
    );
  });
});
