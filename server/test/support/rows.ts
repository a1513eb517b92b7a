import { type Database, locked } from '../../src/platform/database/database.ts';
import type { Queries } from '../../src/platform/database/schema.ts';

/** A row of the smallest table, for tests to which the words do not matter. */
export async function put(q: Queries, key: string, uses = ''): Promise<void> {
  await q.insertInto('limits').values({ key, uses, expires_at: 0 }).execute();
}

/** The keys of the rows that `put` made. */
export async function keys(database: Database, prefix: string): Promise<string[]> {
  const rows = await database.read((q) =>
    q.selectFrom('limits').select('key').where('key', 'like', `${prefix}%`).orderBy('key').execute(),
  );
  return rows.map(({ key }) => key);
}

/** Makes a counter that `increment` then raises. */
export async function startCounter(database: Database, name: string): Promise<void> {
  await database.write((q) => q.insertInto('settings').values({ name, value: '0', updated_at: 0 }).execute());
}

/** The change that every use case is made of: read under a lock, decide, write. */
export function increment(database: Database, name: string): Promise<number> {
  return database.write(async (q) => {
    const query = q.selectFrom('settings').select('value').where('name', '=', name);
    const { value } = await locked(q, query).executeTakeFirstOrThrow();
    const next = Number(value) + 1;
    await q
      .updateTable('settings')
      .set({ value: String(next) })
      .where('name', '=', name)
      .execute();
    return next;
  });
}

/** `times` increments, `width` of them at a time. */
export async function incrementAll(
  database: Database,
  name: string,
  { times = 100, width = 20 } = {},
): Promise<void> {
  let left = times;
  const worker = async () => {
    for (; left > 0; await increment(database, name)) left -= 1;
  };
  await Promise.all(Array.from({ length: width }, worker));
}

/** What the counter stands at, seen from outside any transaction. */
export async function counted(database: Database, name: string): Promise<number> {
  const { value } = await database.read((q) =>
    q.selectFrom('settings').select('value').where('name', '=', name).executeTakeFirstOrThrow(),
  );
  return Number(value);
}
