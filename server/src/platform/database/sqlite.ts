import { closeSync, fdatasync, mkdirSync, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { Kysely, type SqliteDatabase as KyselyDatabase, SqliteDialect, type SqliteStatement } from 'kysely';
import { type Database, tagEngine } from './database.ts';
import type { Queries, Schema } from './schema.ts';

/**
 * Milliseconds that a write waits for another process's transaction, looking often: SQLite has no queue for
 * the lock, and its own wait would stop the whole process.
 */
const BUSY_TIMEOUT = 5000;
const BUSY_POLL = 5;
const SQLITE_BUSY = 5;

/** Transactions that share one flush; more only delay the first. */
const GROUP_MAX = 64;

interface Job {
  run(q: Queries): Promise<void>;
  settle(failure?: unknown): void;
}

/** Makes what was committed survive a power cut; resolves when it does. */
export type Flush = () => Promise<void>;

/**
 * Opens (and makes) a SQLite file in WAL mode, with the durability of `synchronous=FULL`: a resolved
 * `write` survives a power cut. FULL would flush inside COMMIT and stop the whole process for as long as
 * the disk takes; here the same flush of the same file runs beside it, and what arrives meanwhile shares
 * the next one (docs/decisions/0011-flush-beside-the-event-loop.md).
 */
export function openSqlite(path: string, flush?: Flush): Database {
  if (path !== ':memory:') mkdirSync(dirname(resolve(path)), { recursive: true });
  const writer = connect(path);
  writer.exec('PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 2000; PRAGMA busy_timeout = 0');
  const reader = connect(path);
  reader.exec('PRAGMA query_only = 1');
  const writing = tagEngine(queriesOver(writer), 'sqlite');
  const reading = tagEngine(queriesOver(reader, writer), 'sqlite');
  const wal = new WalFile(`${path}-wal`);
  const groups = new GroupCommit(
    writer,
    writing,
    flush ?? (path === ':memory:' ? async () => undefined : () => wal.flush()),
  );
  return {
    engine: 'sqlite',
    read: (work) => work(reading),
    write: (work) => groups.add(work),
    close: async () => {
      await groups.idle();
      wal.close();
      await reading.destroy();
      await writing.destroy();
      for (const connection of [reader, writer]) if (connection.isOpen) connection.close();
    },
  };
}

/** NORMAL flushes the WAL before a checkpoint, and the database after it; commits are flushed by `WalFile`. */
function connect(path: string): DatabaseSync {
  const connection = new DatabaseSync(path, { timeout: BUSY_TIMEOUT });
  connection.exec(
    'PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384',
  );
  return connection;
}

/** The write-ahead log, which SQLite keeps as one file while a connection is open. */
class WalFile {
  readonly #path: string;
  #file: number | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  async flush(): Promise<void> {
    const file = this.#file ?? openSync(this.#path, 'r+');
    this.#file = file;
    return new Promise((resolveFlush, reject) => {
      fdatasync(file, (failure) => (failure ? reject(failure) : resolveFlush()));
    });
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}

/** Waiting jobs run inside one `BEGIN IMMEDIATE`, each in a savepoint of its own, and share commit and flush. */
class GroupCommit {
  readonly #connection: DatabaseSync;
  readonly #q: Queries;
  readonly #flush: Flush;
  readonly #control: Record<'begin' | 'commit' | 'savepoint' | 'release', StatementSync>;
  #waiting: Job[] = [];
  #broken: Error | undefined;
  #draining: Promise<void> | undefined;

  constructor(connection: DatabaseSync, q: Queries, flush: Flush) {
    this.#connection = connection;
    this.#q = q;
    this.#flush = flush;
    this.#control = {
      begin: connection.prepare('BEGIN IMMEDIATE'),
      commit: connection.prepare('COMMIT'),
      savepoint: connection.prepare('SAVEPOINT job'),
      release: connection.prepare('RELEASE job'),
    };
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
      if (this.#broken) throw this.#broken;
      await this.#begin(performance.now() + BUSY_TIMEOUT);
      for (const job of jobs) await this.#inSavepoint(job, failures);
      this.#control.commit.run();
      await this.#flushed();
    } catch (failure) {
      this.#rollBack();
      for (const job of jobs) failures.set(job, failures.get(job) ?? failure);
    }
    for (const job of jobs) job.settle(failures.get(job));
  }

  /**
   * After a flush that failed nobody knows what is on the disk, and a later one may succeed without having
   * written it; so nothing more is written until the process is started anew and SQLite has recovered.
   */
  async #flushed(): Promise<void> {
    try {
      await this.#flush();
    } catch (cause) {
      this.#broken = new Error('the disk did not keep a commit; look at it, then start the server again', {
        cause,
      });
      throw this.#broken;
    }
  }

  async #begin(until: number): Promise<void> {
    try {
      this.#control.begin.run();
    } catch (failure) {
      if (!isBusy(failure) || performance.now() >= until) throw failure;
      await pause(BUSY_POLL);
      await this.#begin(until);
    }
  }

  async #inSavepoint(job: Job, failures: Map<Job, unknown>): Promise<void> {
    this.#control.savepoint.run();
    try {
      await job.run(this.#q);
    } catch (failure) {
      failures.set(job, failure ?? new Error('a transaction was refused without a reason'));
      if (!this.#connection.isTransaction) throw failure; // a full disk, say, has undone the whole group
      this.#connection.exec('ROLLBACK TO job');
    }
    this.#control.release.run();
  }

  /** Never throws: a connection that cannot roll back says so again at the next `BEGIN`. */
  #rollBack(): void {
    try {
      if (this.#connection.isTransaction) this.#connection.exec('ROLLBACK');
    } catch {}
  }
}

function isBusy(failure: unknown): boolean {
  return failure instanceof Error && 'errcode' in failure && Number(failure.errcode) % 256 === SQLITE_BUSY;
}

function queriesOver(connection: DatabaseSync, idle?: DatabaseSync): Queries {
  const database = kyselyDatabase(connection, idle);
  return new Kysely<Schema>({ dialect: new SqliteDialect({ database }) });
}

/**
 * Statements are prepared once: the set of SQL texts is that of the `store.ts` files, so it is bounded.
 * While no transaction is open on `idle`, the writer, it answers reads too: its pages are in memory, where
 * another connection has to read them anew after every commit.
 */
function kyselyDatabase(connection: DatabaseSync, idle?: DatabaseSync): KyselyDatabase {
  const own = new Map<string, SqliteStatement>();
  const lent = new Map<string, SqliteStatement>();
  return {
    close: () => connection.close(),
    prepare: (sql) => {
      if (idle === undefined) return statementOf(connection, sql, own);
      const [ours, theirs] = [statementOf(connection, sql, own), statementOf(idle, sql, lent)];
      return { ...ours, all: (parameters) => (idle.isTransaction ? ours : theirs).all(parameters) };
    },
  };
}

function statementOf(
  connection: DatabaseSync,
  sql: string,
  known: Map<string, SqliteStatement>,
): SqliteStatement {
  const statement = known.get(sql) ?? kyselyStatement(connection.prepare(sql));
  if (known.size < 1000) known.set(sql, statement);
  return statement;
}

function kyselyStatement(statement: StatementSync): SqliteStatement {
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...bindable(parameters)),
    run: (parameters) => {
      const { changes, lastInsertRowid } = statement.run(...bindable(parameters));
      return { changes, lastInsertRowid };
    },
    iterate: (parameters) => statement.iterate(...bindable(parameters)),
  };
}

function bindable(parameters: readonly unknown[]): SQLInputValue[] {
  return parameters.map((value) => {
    if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint')
      return value;
    throw new TypeError(`cannot store a ${typeof value}: write text or an integer`);
  });
}
