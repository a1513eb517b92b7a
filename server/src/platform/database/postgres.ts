import { setTimeout as pause } from 'node:timers/promises';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { Problem } from '../../core/problems.ts';
import { type Database, tagEngine } from './database.ts';
import type { Queries, Schema } from './schema.ts';

/** Serialization failure, deadlock: the transaction was undone by the engine and can simply be run again. */
const RETRIABLE = new Set(['40001', '40P01']);
const UNIQUE_VIOLATION = '23505';
const RETRIES_MAX = 3;
const RETRY_AFTER = 10;

/** Connections of one process; waits longer than this are answered with 503 instead of a queue. */
const POOL_MAX = 10;
const POOL_WAIT = 2000;

const INT8 = 20;

/** Opens a PostgreSQL (15 or newer) by URL. Row locks decide races, not isolation levels. */
export function openPostgres(url: string): Database {
  const pool = new pg.Pool({
    connectionString: url,
    max: POOL_MAX,
    connectionTimeoutMillis: POOL_WAIT,
    types: { getTypeParser: typeParser },
  });
  // A connection that dies, idle or in use, is replaced, and its query rejects; unheard, it would end the process.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  const queries = tagEngine(new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) }), 'postgres');
  return {
    engine: 'postgres',
    read: (work) => reached(work(queries)),
    write: (work) => reached(transaction(queries, work, RETRIES_MAX)),
    close: () => queries.destroy(),
  };
}

async function transaction<T>(q: Queries, work: (q: Queries) => Promise<T>, retries: number): Promise<T> {
  try {
    return await q.transaction().execute((inner) => work(tagEngine(inner, 'postgres')));
  } catch (failure) {
    if (retries === 0 || !(RETRIABLE.has(sqlStateOf(failure)) || isIdTaken(failure))) throw failure;
    await pause(RETRY_AFTER * (RETRIES_MAX - retries + 1)); // the other one, whose lock stood in the way, goes first
    return transaction(q, work, retries - 1);
  }
}

/** Two processes have drawn the same identifier in the same millisecond; run again, this one draws another. */
function isIdTaken(failure: unknown): boolean {
  const constraint = failure instanceof Error && 'constraint' in failure ? String(failure.constraint) : '';
  return sqlStateOf(failure) === UNIQUE_VIOLATION && constraint.endsWith('_pkey');
}

/** Connection refused, reset or not had in time; server starting or shutting down (class 57P). */
const UNREACHABLE = /^(ECONNREFUSED|ECONNRESET|EPIPE|ENOTFOUND|ETIMEDOUT|57P0[123])$/;

/** An unreachable database is the caller's 503, not a fault of the request. */
async function reached<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    const waited =
      cause instanceof Error && cause.message.includes('timeout exceeded when trying to connect');
    if (!waited && !UNREACHABLE.test(sqlStateOf(cause))) throw cause;
    throw new Problem(
      'unavailable',
      'The database does not answer. Nothing was changed; try again in a moment.',
      { cause },
    );
  }
}

function sqlStateOf(failure: unknown): string {
  return failure instanceof Error && 'code' in failure ? String(failure.code) : '';
}

/** Instants and counters are 64-bit integers well inside 2^53; as text, '10' + 1 would be '101'. */
function typeParser(oid: number): (value: string) => unknown {
  return oid === INT8 ? Number : pg.types.getTypeParser(oid, 'text');
}
