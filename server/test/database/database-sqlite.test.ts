import assert from 'node:assert/strict';
import fs, { copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { DatabaseSync } from 'node:sqlite';
import { it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Database } from '../../src/platform/database/database.ts';
import type { Queries } from '../../src/platform/database/schema.ts';
import { openSqlite } from '../../src/platform/database/sqlite.ts';
import { onSqlite } from '../support/databases.ts';
import { keys, put } from '../support/rows.ts';

const pathOf = (url: string) => url.slice('sqlite:'.length);

/** What a process finds that opens the files as a crash has left them. */
function keysOfCopy(path: string): { integrity: unknown; writes: number } {
  const connection = new DatabaseSync(path);
  const keys = connection.prepare("select key from limits where key like 'crash-%' order by key").all();
  const integrity = connection.prepare('pragma integrity_check').get()?.integrity_check;
  connection.close();
  const expected = keys.map(
    (_, at) => `crash-${String((at >> 1) + 1).padStart(2, '0')}${at % 2 === 0 ? 'a' : 'b'}`,
  );
  assert.deepEqual(
    keys.map(({ key }) => key),
    expected,
  );
  return { integrity, writes: keys.length / 2 };
}

onSqlite('a file', (given) => {
  const pragma = async (run: Database['write'], name: string) => {
    const { rows } = await run((q) => sql<Record<string, unknown>>`pragma ${sql.raw(name)}`.execute(q));
    return Object.values(rows[0] ?? {})[0];
  };

  it('is written through a log, and keeps its references', async () => {
    const { write } = await given.open();
    assert.equal(await pragma(write, 'journal_mode'), 'wal');
    assert.ok(Number(await pragma(write, 'synchronous')) >= 1, 'at least NORMAL: checkpoints are flushed');
    assert.equal(await pragma(write, 'foreign_keys'), 1);
  });

  it('flushes its log for every write', async (t) => {
    const database = await given.open();
    const flushes = t.mock.method(fs, 'fdatasync');
    syncBuiltinESMExports();
    await database.write((q) => put(q, 'synced'));
    assert.equal(flushes.mock.callCount(), 1);
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });

  it('acknowledges a write when its log has reached the disk, and not before', async () => {
    const flushed: Array<() => void> = [];
    const database = openSqlite(pathOf(given.url), () => new Promise((done) => flushed.push(done)));
    let isAcknowledged = false;
    const writing = database
      .write((q) => put(q, 'flushed'))
      .then(() => {
        isAcknowledged = true;
      });
    while (flushed.length === 0) await setTimeout(1);
    await setTimeout(20);
    assert.equal(isAcknowledged, false);
    flushed.pop()?.();
    await writing;
    await database.close();
  });

  it('rejects all writes that share a flush which fails, and every write after it', async () => {
    const outcomes = [new Error('the disk is gone'), undefined];
    const flush = async () => {
      const failure = outcomes.shift();
      if (failure !== undefined) throw failure;
    };
    const database = openSqlite(pathOf(given.url), flush);
    const together = ['gone-1', 'gone-2'].map((key) => database.write((q) => put(q, key)));
    for (const result of await Promise.allSettled(together))
      assert.match(result.status === 'rejected' ? String(result.reason) : '', /did not keep a commit/);
    await assert.rejects(
      database.write((q) => put(q, 'gone-3')),
      /start the server again/,
    );
    await database.close();
  });

  it('holds after a crash at any moment what its log held: each write whole, in order', async () => {
    const database = await given.open();
    const path = pathOf(given.url);
    const sizes: number[] = [];
    for (let at = 1; at <= 12; at += 1) {
      await database.write(async (q) => {
        for (const half of ['a', 'b'])
          await put(q, `crash-${String(at).padStart(2, '0')}${half}`, 'x'.repeat(3000));
      });
      sizes.push(statSync(`${path}-wal`).size);
    }
    const log = readFileSync(`${path}-wal`);
    const copy = `${path}-copy`;
    for (let cut = sizes[0] ?? 0; cut <= log.length; cut += 1531) {
      copyFileSync(path, copy);
      writeFileSync(`${copy}-wal`, log.subarray(0, cut));
      const writes = sizes.filter((size) => size <= cut).length;
      assert.deepEqual(keysOfCopy(copy), { integrity: 'ok', writes }, `cut after ${cut} bytes`);
    }
  });

  it('cannot be changed by a read', async () => {
    const database = await given.open();
    await assert.rejects(
      database.read((q) => put(q, 'by a read')),
      /readonly/,
    );
  });

  it('that is full refuses a write whole, and takes the next one when there is room again', async () => {
    const database = await given.open();
    const pages = Number(await pragma(database.write, 'page_count'));
    await pragma(database.write, `max_page_count = ${pages + 4}`);
    const work = async (q: Queries) => {
      await put(q, 'full-1');
      await put(q, 'full-2', 'x'.repeat(100_000));
    };
    const results = await Promise.allSettled([database.write(work), database.write((q) => put(q, 'full-3'))]);
    assert.match(results[0].status === 'rejected' ? String(results[0].reason) : '', /full/);
    const expected = results[1].status === 'fulfilled' ? ['full-3'] : [];
    assert.deepEqual(await keys(database, 'full'), expected, 'what was acknowledged, and nothing else');
    await pragma(database.write, 'max_page_count = 1000000');
    await database.write(work);
    assert.deepEqual(await keys(database, 'full'), ['full-1', 'full-2', ...expected]);
  });

  it('takes text, integers and nothing else', async () => {
    const database = await given.open();
    const odd = (q: Queries) => sql`insert into limits values (${true}, '', 0)`.execute(q);
    await assert.rejects(database.write(odd), /cannot store a boolean/);
  });

  it('leaves the process its turns while many writes wait', async () => {
    const database = await given.open();
    let isOver = false;
    const worker = async (at: number) => {
      for (let turn = 0; !isOver && turn < 100_000; turn += 1)
        await database.write((q) => put(q, `turn-${at}-${turn}`));
    };
    const workers = Promise.all([0, 1, 2].map(worker));
    await setTimeout(20);
    isOver = true;
    await workers;
    assert.ok((await keys(database, 'turn')).length < 300_000);
  });
});
