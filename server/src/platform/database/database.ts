import type { Queries } from './schema.ts';

export type Engine = 'sqlite' | 'postgres';

/**
 * The store. `write` is one transaction, durable when its promise resolves. The work may only await
 * queries on the handle it is given (SQLite has one writer), and may be run again after a conflict with
 * another process (PostgreSQL), so it has no effect but through that handle.
 */
export interface Database {
  readonly engine: Engine;
  read<T>(work: (q: Queries) => Promise<T>): Promise<T>;
  write<T>(work: (q: Queries) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

const engines = new WeakMap<Queries, Engine>();

/** Remembers which engine a handle speaks, for the few statements that differ. */
export function tagEngine(q: Queries, engine: Engine): Queries {
  engines.set(q, engine);
  return q;
}

/**
 * Adds `FOR UPDATE` where rows are locked one by one; SQLite's `BEGIN IMMEDIATE` has locked them all.
 * Use on every read inside `write` whose result decides what is written.
 */
export function locked<B extends { forUpdate(): B }>(q: Queries, query: B): B {
  return engineOf(q) === 'postgres' ? query.forUpdate() : query;
}

/** As `locked`, without the rows that another transaction holds: for workers that share a queue. */
export function skipLocked<B extends { forUpdate(): B; skipLocked(): B }>(q: Queries, query: B): B {
  return engineOf(q) === 'postgres' ? query.forUpdate().skipLocked() : query;
}

/** The engine that a handle speaks. */
export function engineOf(q: Queries): Engine {
  const engine = engines.get(q);
  if (engine === undefined) throw new Error('this handle was not made by a Database');
  return engine;
}
