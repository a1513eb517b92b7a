import { existsSync } from 'node:fs';
import type { Config } from '../../platform/config.ts';
import { plan } from '../../platform/database/migrate.ts';
import { openDatabase } from '../../platform/database/open.ts';
import type { Finding } from '../../platform/finding.ts';
import { isMemory, isSqlite } from '../../platform/kept-secret.ts';
import { troubleOf } from '../trouble.ts';

const reachedWhy = 'Everything is kept there: without it nobody signs in.';
const migratedWhy = 'The server and its commands expect the tables of their own release.';

/** Whether the database answers, and has the schema of this release; looks only. */
export async function storeFindings(config: Config): Promise<Finding[]> {
  const path = config.database.slice('sqlite:'.length);
  if (isSqlite(config.database) && !isMemory(config.database) && !existsSync(path)) return [missing(path)];
  try {
    const database = openDatabase(config.database);
    try {
      const pending = await plan(database);
      return [reached(database.engine), migrated(pending)];
    } finally {
      await database.close();
    }
  } catch (failure) {
    const { what, todo } = troubleOf(failure);
    return [{ id: 'database', status: 'fail', what, why: reachedWhy, fix: todo }];
  }
}

function missing(path: string): Finding {
  return {
    id: 'database',
    status: 'fail',
    what: `There is no database at ${path}.`,
    why: reachedWhy,
    fix: 'Start the server once: it makes one. Or name the right one with --data or POSTERN_DATABASE.',
  };
}

function reached(engine: string): Finding {
  const name = engine === 'sqlite' ? 'SQLite' : 'PostgreSQL';
  return { id: 'database', status: 'ok', what: `The database answers (${name}).`, why: reachedWhy };
}

function migrated(pending: readonly string[]): Finding {
  if (pending.length === 0)
    return { id: 'schema', status: 'ok', what: 'The schema is up to date.', why: migratedWhy };
  return {
    id: 'schema',
    status: 'fail',
    what: `The schema is not that of this release: ${pending.join(', ')} is missing.`,
    why: migratedWhy,
    fix: 'Run: postern migrate',
  };
}
