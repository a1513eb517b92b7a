import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import pg from 'pg';
import { systemClock } from '../../src/platform/clock.ts';
import type { Database, Engine } from '../../src/platform/database/database.ts';
import { migrate } from '../../src/platform/database/migrate.ts';
import { openDatabase } from '../../src/platform/database/open.ts';
import { startPostgres } from './postgres.ts';

export { type PostgresServer, startPostgres } from './postgres.ts';

/** A database of the suite's own. Inside tests and hooks only: it is made when the suite begins. */
export interface TestDatabase {
  readonly engine: Engine;
  /** For a further process that opens the same database. */
  readonly url: string;
  /** Opens and migrates; closed by itself when the suite ends. */
  open(): Promise<Database>;
  /** The URL of one more, empty database. */
  createEmpty(): Promise<string>;
}

interface Store {
  create(): Promise<string>;
  removeAll(): Promise<void>;
}

/** Registers the suite once for SQLite and once for a real PostgreSQL; one that cannot start fails it. */
export function eachDatabase(title: string, body: (database: TestDatabase) => void): void {
  onSqlite(title, body);
  onPostgres(title, body);
}

/** For what only SQLite promises. */
export function onSqlite(title: string, body: (database: TestDatabase) => void): void {
  describe(`${title} on SQLite`, () => suite('sqlite', sqliteFiles(), body));
}

/** For what only PostgreSQL promises. */
export function onPostgres(title: string, body: (database: TestDatabase) => void): void {
  describe(`${title} on PostgreSQL`, () => suite('postgres', postgresDatabases(), body));
}

function suite(engine: Engine, store: Store, body: (database: TestDatabase) => void): void {
  const opened: Database[] = [];
  let url: string | undefined;
  before(async () => {
    url = await store.create();
  });
  after(async () => {
    await Promise.all(opened.map((database) => database.close().catch(() => undefined)));
    await store.removeAll();
  });
  body({
    engine,
    get url() {
      if (url === undefined) throw new Error('the database is made when the suite begins: ask inside a test');
      return url;
    },
    async open() {
      const database = openDatabase(this.url);
      opened.push(database);
      await migrate(database, systemClock);
      return database;
    },
    createEmpty: () => store.create(),
  });
}

function sqliteFiles(): Store {
  const folders: string[] = [];
  return {
    create: async () => {
      const folder = mkdtempSync(join(tmpdir(), 'postern-test-'));
      folders.push(folder);
      return `sqlite:${join(folder, 'postern.db')}`;
    },
    removeAll: async () => {
      for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    },
  };
}

function postgresDatabases(): Store {
  const names: string[] = [];
  return {
    create: async () => {
      const name = `postern_${randomBytes(6).toString('hex')}`;
      const server = await postgresServer();
      await asSuperuser(server, `create database ${name}`);
      names.push(name);
      return Object.assign(new URL(server), { pathname: `/${name}` }).href;
    },
    removeAll: async () => {
      const server = await postgresServer();
      for (const name of names) await asSuperuser(server, `drop database ${name} with (force)`);
    },
  };
}

let started: Promise<string> | undefined;

/** The server that the run has started for all files, or one for this process, which ends with it. */
function postgresServer(): Promise<string> {
  const given = process.env.POSTERN_TEST_POSTGRES;
  started ??= given === undefined ? startPostgres().then(({ url }) => url) : Promise.resolve(given);
  return started;
}

async function asSuperuser(server: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
