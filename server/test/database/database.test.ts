import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { locked } from '../../src/platform/database/database.ts';
import { openDatabase } from '../../src/platform/database/open.ts';
import type { Queries } from '../../src/platform/database/schema.ts';
import { eachDatabase } from '../support/databases.ts';
import { counted, incrementAll, keys, put, startCounter } from '../support/rows.ts';

eachDatabase('a write', (given) => {
  it('is there, whole, when the database is opened again', async () => {
    const database = await given.open();
    await database.write(async (q) => {
      await put(q, 'whole-1');
      await put(q, 'whole-2');
    });
    await database.close();
    assert.deepEqual(await keys(await given.open(), 'whole'), ['whole-1', 'whole-2']);
  });

  it('gives what its work gave', async () => {
    const database = await given.open();
    assert.equal(await database.write(async () => 'a value'), 'a value');
    assert.equal(await database.write(async () => undefined), undefined);
  });

  it('leaves nothing behind when its work fails, and rejects with that very failure', async () => {
    const database = await given.open();
    const failure = new Error('on second thought');
    const work = async (q: Queries) => {
      await put(q, 'half');
      throw failure;
    };
    await assert.rejects(database.write(work), (thrown) => thrown === failure);
    assert.deepEqual(await keys(database, 'half'), []);
  });

  it('fails alone among many at the same moment', async () => {
    const database = await given.open();
    const numbers = Array.from({ length: 150 }, (_, at) => at);
    const work = (at: number) => async (q: Queries) => {
      await put(q, `many-${at}`);
      if (at % 3 === 0) throw new Error('refused');
      if (at % 5 === 0) await put(q, `many-${at}`); // a duplicate key: the database refuses by itself
    };
    const results = await Promise.allSettled(numbers.map((at) => database.write(work(at))));
    const kept = numbers.filter((at) => at % 3 !== 0 && at % 5 !== 0);
    assert.deepEqual(
      results.flatMap(({ status }, at) => (status === 'fulfilled' ? [at] : [])),
      kept,
    );
    assert.deepEqual(await keys(database, 'many'), kept.map((at) => `many-${at}`).toSorted());
  });

  it('is seen by reads when it is committed, and not before', async () => {
    const database = await given.open();
    const { promise: inside, resolve: entered } = Promise.withResolvers<void>();
    const { promise: gate, resolve: leave } = Promise.withResolvers<void>();
    const writing = database.write(async (q) => {
      await put(q, 'uncommitted');
      entered();
      await gate;
    });
    await inside;
    assert.deepEqual(await keys(database, 'uncommitted'), []);
    leave();
    await writing;
    assert.deepEqual(await keys(database, 'uncommitted'), ['uncommitted']);
  });

  it('that reads, decides and writes loses nothing among twenty at once', async () => {
    const database = await given.open();
    await startCounter(database, 'one-process');
    await incrementAll(database, 'one-process', { times: 200, width: 20 });
    assert.equal(await counted(database, 'one-process'), 200);
  });

  it('is rejected by a closed database, which may be closed twice', async () => {
    const database = await given.open();
    await database.close();
    await database.close();
    await assert.rejects(database.write((q) => put(q, 'late')));
    await assert.rejects(database.write((q) => put(q, 'later')));
  });
});

eachDatabase('a column', (given) => {
  it('gives integers as numbers, up to the largest safe one', async () => {
    const database = await given.open();
    for (const at of [0, -1, Date.UTC(2030, 0), Number.MAX_SAFE_INTEGER]) {
      const row = { key: `at ${at}`, uses: '', expires_at: at };
      await database.write((q) => q.insertInto('limits').values(row).execute());
      const query = (q: Queries) =>
        q.selectFrom('limits').selectAll().where('key', '=', row.key).executeTakeFirstOrThrow();
      assert.deepEqual({ ...(await database.read(query)) }, row);
    }
  });

  it('gives a count as a number', async () => {
    const database = await given.open();
    const query = (q: Queries) => q.selectFrom('users').select(q.fn.countAll().as('all')).executeTakeFirst();
    assert.equal((await database.read(query))?.all, 0);
  });

  it('keeps text as it is written', async () => {
    const database = await given.open();
    const text = `'"\\ \n ß Ünï 💌 \u202e %_ {"json": [1]}`;
    await database.write((q) => put(q, 'text', text));
    const query = (q: Queries) => q.selectFrom('limits').select('uses').where('uses', '=', text).execute();
    assert.equal((await database.read(query)).length, 1);
  });

  it('compares text by its bytes: no letter stands for another one', async () => {
    const database = await given.open();
    for (const name of ['kate', 'Kate', '\u212Aate', 'i', 'ı', 'ß', 'ss'])
      await database.write((q) => put(q, `is-${name}`));
    assert.equal((await keys(database, 'is-')).length, 7);
    const found = (q: Queries) => q.selectFrom('limits').select('key').where('key', '=', 'is-kate').execute();
    assert.deepEqual(
      (await database.read(found)).map(({ key }) => key),
      ['is-kate'],
    );
  });
});

describe('a handle', () => {
  it('that no database made cannot be locked', () => {
    const database = openDatabase('sqlite::memory:');
    const stranger = { selectFrom: () => undefined } as unknown as Queries;
    assert.throws(() => locked(stranger, { forUpdate: () => assert.fail() }), /not made by a Database/);
    return database.close();
  });
});
