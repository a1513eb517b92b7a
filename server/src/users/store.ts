import type { Email } from '../core/email.ts';
import { type Instant, isId, type UserId } from '../core/ids.ts';
import { locked } from '../platform/database/database.ts';
import { prepared } from '../platform/database/prepared.ts';
import type { Queries, Schema } from '../platform/database/schema.ts';
import { newId } from '../platform/random.ts';

export type UserStatus = 'active' | 'disabled';

export interface User {
  readonly id: UserId;
  readonly email: Email;
  readonly status: UserStatus;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
  readonly lastSignInAt?: Instant;
}

const selectById = prepared((q, p: { id: string }) =>
  q.selectFrom('users').selectAll().where('id', '=', p.id),
);
const selectByEmail = prepared((q, p: { email: string }) =>
  q.selectFrom('users').selectAll().where('email', '=', p.email),
);
const selectLocked = prepared((q, p: { email: string }) =>
  locked(q, q.selectFrom('users').selectAll().where('email', '=', p.email)),
);
const insertNew = prepared(
  (q, p: Omit<Schema['users'], 'last_sign_in_at' | 'external_id' | 'profile' | 'metadata'>) =>
    q
      .insertInto('users')
      .values({
        id: p.id,
        email: p.email,
        status: p.status,
        created_at: p.created_at,
        updated_at: p.updated_at,
      })
      .onConflict((c) => c.column('email').doNothing())
      .returningAll(),
);
const touch = prepared((q, p: { id: string; at: number }) =>
  q.updateTable('users').set({ last_sign_in_at: p.at }).where('id', '=', p.id).where('status', '=', 'active'),
);

/** Undefined also for a text that is no id: it never reaches the database. */
export async function findUser(q: Queries, id: string): Promise<User | undefined> {
  if (!isId('usr', id)) return undefined;
  const [row] = (await selectById(q, { id })).rows;
  return row && userOf(row);
}

export async function findUserByEmail(q: Queries, email: Email): Promise<User | undefined> {
  const [row] = (await selectByEmail(q, { email })).rows;
  return row && userOf(row);
}

/**
 * The one user of an address, however many ask at once. Inside `write` only; when it was created, the
 * caller records `user.created` in the same transaction.
 */
export async function findOrCreateUser(
  q: Queries,
  email: Email,
  at: Instant,
): Promise<{ user: User; created: boolean }> {
  const known = await lockedUser(q, email);
  if (known !== undefined) return { user: known, created: false };
  const row = { id: newId('usr', at), email, status: 'active', created_at: at, updated_at: at };
  const [inserted] = (await insertNew(q, row)).rows;
  if (inserted !== undefined) return { user: userOf(inserted), created: true };
  const other = await lockedUser(q, email);
  return other === undefined ? findOrCreateUser(q, email, at) : { user: other, created: false };
}

async function lockedUser(q: Queries, email: Email): Promise<User | undefined> {
  const [row] = (await selectLocked(q, { email })).rows;
  return row && userOf(row);
}

/** Oldest first, after a given one. */
export async function listUsers(q: Queries, page: { limit: number; after?: UserId }): Promise<User[]> {
  const rows = await q
    .selectFrom('users')
    .selectAll()
    .where('id', '>', page.after ?? '')
    .orderBy('id')
    .limit(page.limit)
    .execute();
  return rows.map(userOf);
}

/** Says whether it was a change. */
export async function setUserStatus(
  q: Queries,
  change: { id: UserId; status: UserStatus },
  at: Instant,
): Promise<boolean> {
  const { numUpdatedRows } = await q
    .updateTable('users')
    .set({ status: change.status, updated_at: at })
    .where('id', '=', change.id)
    .where('status', '!=', change.status)
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

/** Says whether there is such a user who may sign in. */
export async function touchSignIn(q: Queries, id: UserId, at: Instant): Promise<boolean> {
  return (await touch(q, { id, at })).changed > 0;
}

/** Says whether there was one. */
export async function deleteUser(q: Queries, id: UserId): Promise<boolean> {
  const { numDeletedRows } = await q.deleteFrom('users').where('id', '=', id).executeTakeFirstOrThrow();
  return numDeletedRows > 0n;
}

function userOf(row: Schema['users']): User {
  if (!isId('usr', row.id)) throw new Error(`the database holds a user called ${row.id}`);
  return {
    id: row.id,
    email: row.email as Email,
    status: row.status === 'active' ? 'active' : 'disabled',
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    ...(row.last_sign_in_at === null ? {} : { lastSignInAt: row.last_sign_in_at }),
  };
}
