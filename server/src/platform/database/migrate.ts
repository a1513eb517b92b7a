import { sql } from 'kysely';
import { Problem } from '../../core/problems.ts';
import type { Clock } from '../clock.ts';
import type { Database } from './database.ts';
import { migrations } from './migrations.ts';
import type { Queries } from './schema.ts';

/** Any number; only our migrations take this lock. */
const ADVISORY_LOCK = 7_264_839_101;

type AppliedTable = { migrations: { name: string; applied_at: number } };

/**
 * Brings the schema up to this release, in one transaction that other processes wait for. Returns the
 * names it applied. Refuses (`schema_newer`) a database that a newer release has already changed.
 */
export async function migrate(database: Database, clock: Clock): Promise<string[]> {
  return database.write(async (q) => {
    if (database.engine === 'postgres') await sql`select pg_advisory_xact_lock(${ADVISORY_LOCK})`.execute(q);
    await q.schema
      .createTable('migrations')
      .ifNotExists()
      .addColumn('name', 'text', (c) => c.primaryKey().notNull())
      .addColumn('applied_at', 'bigint', (c) => c.notNull())
      .execute();
    const pending = missing(await appliedNames(q));
    for (const name of pending) {
      await migrations[name]?.up(q);
      await q
        .withTables<AppliedTable>()
        .insertInto('migrations')
        .values({ name, applied_at: clock.now() })
        .execute();
    }
    return pending;
  });
}

/** The names that `migrate` would apply, without applying them. */
export async function plan(database: Database): Promise<string[]> {
  return database.read(async (q) => {
    const tables = await q.introspection.getTables();
    return missing(tables.some(({ name }) => name === 'migrations') ? await appliedNames(q) : []);
  });
}

async function appliedNames(q: Queries): Promise<string[]> {
  const rows = await q.withTables<AppliedTable>().selectFrom('migrations').select('name').execute();
  return rows.map(({ name }) => name);
}

function missing(applied: string[]): string[] {
  const known = Object.keys(migrations);
  const stranger = applied.find((name) => !known.includes(name));
  if (stranger === undefined) return known.filter((name) => !applied.includes(name));
  throw new Problem(
    'schema_newer',
    `The database holds the migration ${stranger}, which this release does not know. Start the newer release again, or restore the backup that was taken before it.`,
  );
}
