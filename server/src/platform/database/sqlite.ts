import { mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { Kysely, type SqliteDatabase as KyselyDatabase, SqliteDialect } from 'kysely';
import { type Database, tagEngine } from './database.ts';
import type { Queries, Schema } from './schema.ts';

/** Milliseconds that a write waits for another process's transaction. */
const BUSY_TIMEOUT = 5000;

/** Transactions that share one fsync; more only delay the first. */
const GROUP_MAX = 64;

interface Job {
  run(q: Queries): Promise<void>;
  settle(failure?: unknown): void;
}

/**
 * Opens (and makes) a SQLite file: WAL with `synchronous=FULL`, so that a resolved `write` survives a
 * power cut. One connection writes; transactions that wait at the same moment commit together.
 */
export function openSqlite(path: string): Database {
  if (path !== ':memory:') mkdirSync(dirname(resolve(path)), { recursive: true });
  const writer = connect(path);
  writer.exec('PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 2000');
  const reader = connect(path);
  reader.exec('PRAGMA query_only = 1');
  const writing = tagEngine(queriesOver(writer), 'sqlite');
  const reading = tagEngine(queriesOver(reader), 'sqlite');
  const groups = new GroupCommit(writer, writing);
  return {
    engine: 'sqlite',
    read: (work) => work(reading),
    write: (work) => groups.add(work),
    close: async () => {
      await groups.idle();
      await reading.destroy();
      await writing.destroy();
      for (const connection of [reader, writer]) if (connection.isOpen) connection.close();
    },
  };
}

function connect(path: string): DatabaseSync {
  const connection = new DatabaseSync(path, { timeout: BUSY_TIMEOUT });
  connection.exec('PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY');
  return connection;
}

/** Waiting jobs run inside one `BEGIN IMMEDIATE`, each in a savepoint of its own, and share the commit. */
class GroupCommit {
  readonly #connection: DatabaseSync;
  readonly #q: Queries;
  #waiting: Job[] = [];
  #draining: Promise<void> | undefined;

  constructor(connection: DatabaseSync, q: Queries) {
    this.#connection = connection;
    this.#q = q;
  }

  add<T>(work: (q: Queries) => Promise<T>): Promise<T> {
    return new Promise<T>((resolvePromise, rejectPromise) => {
      let value: T;
      this.#waiting.push({
        run: async (q) => {
          value = await work(q);
        },
        settle: (failure) => (failure === undefined ? resolvePromise(value) : rejectPromise(failure)),
      });
      this.#draining ??= this.#drain();
    });
  }

  async idle(): Promise<void> {
    await this.#draining;
  }

  async #drain(): Promise<void> {
    await new Promise((next) => setImmediate(next));
    while (this.#waiting.length > 0) await this.#commit(this.#waiting.splice(0, GROUP_MAX));
    this.#draining = undefined;
  }

  async #commit(jobs: Job[]): Promise<void> {
    const failures = new Map<Job, unknown>();
    try {
      this.#connection.exec('BEGIN IMMEDIATE');
      for (const job of jobs) await this.#inSavepoint(job, failures);
      this.#connection.exec('COMMIT');
    } catch (failure) {
      this.#rollBack();
      for (const job of jobs) failures.set(job, failures.get(job) ?? failure);
    }
    for (const job of jobs) job.settle(failures.get(job));
  }

  async #inSavepoint(job: Job, failures: Map<Job, unknown>): Promise<void> {
    this.#connection.exec('SAVEPOINT job');
    try {
      await job.run(this.#q);
    } catch (failure) {
      failures.set(job, failure ?? new Error('a transaction was refused without a reason'));
      if (!this.#connection.isTransaction) throw failure; // a full disk, say, has undone the whole group
      this.#connection.exec('ROLLBACK TO job');
    }
    this.#connection.exec('RELEASE job');
  }

  /** Never throws: a connection that cannot roll back says so again at the next `BEGIN`. */
  #rollBack(): void {
    try {
      if (this.#connection.isTransaction) this.#connection.exec('ROLLBACK');
    } catch {}
  }
}

function queriesOver(connection: DatabaseSync): Queries {
  return new Kysely<Schema>({ dialect: new SqliteDialect({ database: kyselyDatabase(connection) }) });
}

/** Statements are prepared once: the set of SQL texts is that of the `store.ts` files, so it is bounded. */
function kyselyDatabase(connection: DatabaseSync): KyselyDatabase {
  const prepared = new Map<string, StatementSync>();
  return {
    close: () => connection.close(),
    prepare: (sql) => {
      const statement = prepared.get(sql) ?? connection.prepare(sql);
      if (prepared.size < 1000) prepared.set(sql, statement);
      return {
        reader: statement.columns().length > 0,
        all: (parameters) => statement.all(...bindable(parameters)),
        run: (parameters) => {
          const { changes, lastInsertRowid } = statement.run(...bindable(parameters));
          return { changes, lastInsertRowid };
        },
        iterate: (parameters) => statement.iterate(...bindable(parameters)),
      };
    },
  };
}

function bindable(parameters: readonly unknown[]): SQLInputValue[] {
  return parameters.map((value) => {
    if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint')
      return value;
    throw new TypeError(`cannot store a ${typeof value}: write text or an integer`);
  });
}
