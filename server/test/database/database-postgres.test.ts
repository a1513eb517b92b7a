import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { sql } from 'kysely';
import { locked } from '../../src/platform/database/database.ts';
import type { Queries } from '../../src/platform/database/schema.ts';
import { onPostgres } from '../support/databases.ts';
import { keys, put } from '../support/rows.ts';

onPostgres('a server', (given) => {
  const pid = async (q: Queries) =>
    (await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(q)).rows[0]?.pid ?? 0;

  it('that cuts a connection in the middle rejects that write, and takes the next one', async () => {
    const [database, other] = [await given.open(), await given.open()];
    const cut = async (q: Queries) => {
      await put(q, 'cut-1');
      const victim = await pid(q);
      await other.read((also) => sql`select pg_terminate_backend(${victim}, 2000)`.execute(also));
      await put(q, 'cut-2');
    };
    await assert.rejects(database.write(cut));
    await database.write((q) => put(q, 'cut-3'));
    assert.deepEqual(await keys(database, 'cut'), ['cut-3']);
  });

  it('that cuts every idle connection is asked again without a word', async () => {
    const [database, other] = [await given.open(), await given.open()];
    const all = (q: Queries) =>
      sql`select pg_terminate_backend(pid, 2000) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`.execute(q);
    await keys(database, 'idle');
    await other.read(all);
    await setTimeout(50);
    assert.deepEqual(await keys(database, 'idle'), []);
  });

  it('that allows no writes rejects them, and takes the next one when it does', async () => {
    const database = await given.open();
    const forbidden = async (q: Queries) => {
      await sql`set transaction read only`.execute(q);
      await put(q, 'standby');
    };
    await assert.rejects(database.write(forbidden), /read-only/);
    await database.write((q) => put(q, 'standby'));
    assert.deepEqual(await keys(database, 'standby'), ['standby']);
  });

  it('that undoes one of two writes in each other’s way has it run again', async () => {
    const database = await given.open();
    for (const key of ['way-1', 'way-2']) await database.write((q) => put(q, key));
    const runs: string[] = [];
    const lock = (q: Queries, key: string) =>
      locked(q, q.selectFrom('limits').select('key').where('key', '=', key)).execute();
    const { promise: bothStand, resolve: go } = Promise.withResolvers<void>();
    const work = (first: string, second: string) => async (q: Queries) => {
      await lock(q, first);
      if (runs.push(first) === 2) go();
      await bothStand;
      await lock(q, second);
      await q
        .updateTable('limits')
        .set((e) => ({ expires_at: e('expires_at', '+', 1) }))
        .execute();
    };
    await Promise.all([database.write(work('way-1', 'way-2')), database.write(work('way-2', 'way-1'))]);
    assert.equal(runs.length, 3);
    const query = (q: Queries) =>
      q.selectFrom('limits').select('expires_at').where('key', '=', 'way-1').execute();
    assert.deepEqual(await database.read(query), [{ expires_at: 2 }]);
  });
});
