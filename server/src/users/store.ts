import { sql } from 'kysely';
import type { Email } from '../core/email.ts';
import { type Instant, isId, type UserId } from '../core/ids.ts';
import { engineOf, locked } from '../platform/database/database.ts';
import { pageOf } from '../platform/database/page-of.ts';
import { prepared } from '../platform/database/prepared.ts';
import type { Queries, Schema } from '../platform/database/schema.ts';
import type { Page } from '../platform/paging.ts';
import { newId } from '../platform/random.ts';
import { type Pairs, type Profile, searchable, searchText } from './profile.ts';

export type UserStatus = 'active' | 'disabled';

export interface User {
  readonly id: UserId;
  readonly email: Email;
  readonly status: UserStatus;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
  readonly lastSignInAt?: Instant;
  /** The app's own name for the person, unique where there is one. */
  readonly externalId?: string;
  readonly profile: Profile;
  readonly metadata: Pairs;
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
type NewRow = Pick<Schema['users'], 'id' | 'email' | 'status' | 'created_at' | 'updated_at'>;

const insertNew = prepared((q, p: NewRow) =>
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

export async function findUserByExternalId(q: Queries, externalId: string): Promise<User | undefined> {
  const row = await q
    .selectFrom('users')
    .selectAll()
    .where('external_id', '=', externalId)
    .executeTakeFirst();
  return row && userOf(row);
}

/** Holds other changes of this user back until the transaction ends. */
export async function lockUser(q: Queries, id: UserId): Promise<User | undefined> {
  const row = await locked(q, q.selectFrom('users').selectAll().where('id', '=', id)).executeTakeFirst();
  return row && userOf(row);
}

/** Writes a person down before the first sign-in; false when the address or the external id is somebody's already. */
export async function insertUser(q: Queries, user: User): Promise<boolean> {
  const row = {
    id: user.id,
    email: user.email,
    status: user.status,
    created_at: user.createdAt,
    ...writtenOf(user),
  };
  const { numInsertedOrUpdatedRows } = await q
    .insertInto('users')
    .values(row)
    .onConflict((c) => c.doNothing())
    .executeTakeFirstOrThrow();
  return (numInsertedOrUpdatedRows ?? 0n) > 0n;
}

/** What an app writes down of a user; false when the external id is somebody else's. */
export async function saveUser(q: Queries, user: User): Promise<boolean> {
  const free = q
    .selectFrom('users')
    .select('id')
    .where('external_id', '=', user.externalId ?? '')
    .where('id', '!=', user.id);
  const { numUpdatedRows } = await q
    .updateTable('users')
    .set(writtenOf(user))
    .where('id', '=', user.id)
    .where((e) => e.not(e.exists(free)))
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

/** Of two transactions that take one external id at once, PostgreSQL refuses the second by its index. */
export function isExternalIdTaken(failure: unknown): boolean {
  return failure instanceof Error && 'constraint' in failure && failure.constraint === 'users_external';
}

function writtenOf(user: User) {
  return {
    external_id: user.externalId ?? null,
    profile: JSON.stringify(user.profile),
    metadata: JSON.stringify(user.metadata),
    search: searchText(user),
    updated_at: user.updatedAt,
  };
}

/** Newest first, those that hold a text: a page and one more, as `paged` wants it. */
export async function userPage(q: Queries, page: Page, text = ''): Promise<User[]> {
  return (await pageOf(holding(q, text).selectAll(), page)).map(userOf);
}

export async function countUsers(q: Queries, text = ''): Promise<number> {
  const row = await holding(q, text)
    .select((e) => e.fn.countAll().as('count'))
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

/** Looks for the text itself: no character of it is a pattern. */
function holding(q: Queries, text: string) {
  const users = q.selectFrom('users');
  if (text === '') return users;
  const position = sql.raw(engineOf(q) === 'postgres' ? 'strpos' : 'instr');
  const wanted = searchable(text);
  return users.where(sql<boolean>`${position}(coalesce(search, email), ${wanted}) > 0`);
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
    ...(row.external_id === null ? {} : { externalId: row.external_id }),
    profile: JSON.parse(row.profile ?? '{}'),
    metadata: JSON.parse(row.metadata ?? '{}'),
  };
}
