import { domainToASCII } from 'node:url';
import { parseEmail } from '../core/email.ts';
import { isId, type UserId } from '../core/ids.ts';
import { Problem, type Violation } from '../core/problems.ts';
import { recordEvent } from '../events/store.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/database.ts';
import type { Queries } from '../platform/database/schema.ts';
import { type Page, type Paged, paged } from '../platform/paging.ts';
import { newId } from '../platform/random.ts';
import { fieldsRefused, requireFields } from '../platform/violations.ts';
import {
  changedPairs,
  changedProfile,
  checkedExternalId,
  hasUnseen,
  type Pairs,
  type ProfileChange,
} from './profile.ts';
import {
  countUsers,
  deleteUser,
  findUser,
  findUserByEmail,
  findUserByExternalId,
  insertUser,
  isExternalIdTaken,
  listUsers,
  lockUser,
  saveUser,
  setUserStatus,
  type User,
  userPage,
} from './store.ts';

export const USERS_PAGE_MAX = 1000;

/** Shorter ones find everybody. */
const QUERY = { min: 3, max: 100 };

/** One person: by id, or by the app's own name for them. */
export type UserKey = { readonly id: string } | { readonly externalId: string };

/** What an app writes down of a person; what is left out stays, an empty text is taken away. */
export interface UserChange {
  readonly externalId?: string | undefined;
  readonly profile?: ProfileChange | undefined;
  readonly metadata?: Pairs | undefined;
}

export interface NewUser extends UserChange {
  readonly email: string;
}

export type UsersPage = Paged<User> & { readonly total: number };

/** The people who have signed in, or were written down before they did. */
export interface Users {
  /** Oldest first; the next page begins after the last id of this one. */
  list(page?: { limit?: number; after?: string }): Promise<User[]>;
  /** By id or address. */
  show(who: string): Promise<User>;
  /** No sign-in and no token any more, until enabled; nothing else is lost. */
  disable(who: string): Promise<User>;
  enable(who: string): Promise<User>;
  /** For good: the same address signs up as another user. */
  delete(who: string): Promise<User>;
  get(who: UserKey): Promise<User>;
  /** Newest first. */
  page(page: Page): Promise<UsersPage>;
  /** Newest first, those whose address, name or external id holds the text. */
  search(text: string, page: Page): Promise<UsersPage>;
  /** Throws `user_exists`. */
  create(wanted: NewUser): Promise<User>;
  /** Throws `user_exists` when the external id is somebody else's. The address never changes: it is who they are. */
  update(who: UserKey, change: UserChange): Promise<User>;
  /** As `delete`. */
  remove(who: UserKey): Promise<void>;
}

export interface UserParts {
  readonly database: Database;
  readonly clock: Clock;
  /** Ends every session of a user with all that was issued under it. */
  endSessions(id: UserId): Promise<unknown>;
}

export function createUsers(parts: UserParts): Users {
  const { database } = parts;
  const find = (who: string) => database.read((q) => wanted(q, who));
  return {
    list: async (page = {}) => {
      const checked = checkedPage(page);
      return database.read((q) => listUsers(q, checked));
    },
    show: find,
    disable: async (who) => {
      const user = await setStatus(parts, who, 'disabled');
      await parts.endSessions(user.id);
      return user;
    },
    enable: (who) => setStatus(parts, who, 'active'),
    delete: async (who) => deleteWhole(parts, await find(who)),
    get: (who) => database.read((q) => keyed(q, who)),
    page: (page) => pageOf(database, page),
    search: (text, page) => pageOf(database, page, checkedQuery(text)),
    create: (user) => create(parts, user),
    update: (who, change) => update(parts, who, change),
    remove: async (who) => void (await deleteWhole(parts, await database.read((q) => keyed(q, who)))),
  };
}

function setStatus({ database, clock }: UserParts, who: string, status: User['status']): Promise<User> {
  return database.write(async (q) => {
    const user = await wanted(q, who);
    const at = clock.now();
    if (!(await setUserStatus(q, { id: user.id, status }, at))) return user;
    const type = status === 'disabled' ? 'user.disabled' : 'user.enabled';
    await recordEvent(q, { type, userId: user.id }, at);
    return { ...user, status, updatedAt: at };
  });
}

/** Sessions end first, while there is still somebody to name in the news of it, and again after a sign-in meanwhile. */
async function deleteWhole(parts: UserParts, user: User): Promise<User> {
  await parts.endSessions(user.id);
  await parts.database.write(async (q) => {
    if (!(await deleteUser(q, user.id))) notFound(user.id);
    await recordEvent(q, { type: 'user.deleted', userId: user.id }, parts.clock.now());
  });
  await parts.endSessions(user.id);
  return user;
}

async function pageOf(database: Database, page: Page, text?: string): Promise<UsersPage> {
  if (!isId('usr', page.after ?? page.before ?? 'usr_0'))
    throw new Problem('page_token_invalid', 'This token is of another list: send one of this list, or none.');
  const found = await database.read((q) => userPage(q, page, text));
  const isWhole = page.after === undefined && page.before === undefined && found.length <= page.size;
  const total = isWhole ? found.length : await database.read((q) => countUsers(q, text));
  return { ...paged(found, page), total };
}

async function create({ database, clock }: UserParts, given: NewUser): Promise<User> {
  const faults: Violation[] = [];
  const at = clock.now();
  const written = writtenOf({ profile: {}, metadata: {} }, given, faults);
  const email = parseEmail(given.email, domainToASCII);
  if (typeof email !== 'string')
    throw fieldsRefused([
      { field: 'user.email', description: 'is no address', constraint: 'email' },
      ...faults,
    ]);
  requireFields(faults);
  const user: User = {
    id: newId('usr', at),
    email,
    status: 'active',
    createdAt: at,
    updatedAt: at,
    ...written,
  };
  await database.write(async (q) => {
    if (!(await insertUser(q, user))) userExists();
    await recordEvent(q, { type: 'user.created', userId: user.id }, at);
  });
  return user;
}

async function update({ database, clock }: UserParts, who: UserKey, change: UserChange): Promise<User> {
  try {
    return await database.write(async (q) => {
      const found = await keyed(q, who);
      const user = (await lockUser(q, found.id)) ?? notFound(found.id);
      const faults: Violation[] = [];
      const { externalId: _old, ...rest } = user;
      const changed = { ...rest, ...writtenOf(user, change, faults), updatedAt: clock.now() };
      requireFields(faults);
      if (!(await saveUser(q, changed))) userExists();
      await recordEvent(q, { type: 'user.changed', userId: user.id }, changed.updatedAt);
      return changed;
    });
  } catch (failure) {
    if (isExternalIdTaken(failure)) userExists(); // another transaction was first
    throw failure;
  }
}

type Written = Pick<User, 'externalId' | 'profile' | 'metadata'>;

/** What is known of a person after a change. */
function writtenOf(known: Written, change: UserChange, faults: Violation[]): Written {
  const at = (path: string) => ({ path, faults });
  const externalId =
    change.externalId === undefined
      ? known.externalId
      : checkedExternalId(change.externalId, at('user.external_id'));
  return {
    ...(externalId && { externalId }),
    profile: changedProfile(known.profile, change.profile ?? {}, at('user.user_profile')),
    metadata: changedPairs(known.metadata, change.metadata ?? {}, at('user.metadata')),
  };
}

async function wanted(q: Queries, who: string): Promise<User> {
  const email = parseEmail(who, domainToASCII);
  const user = typeof email === 'string' ? await findUserByEmail(q, email) : await findUser(q, who);
  return user ?? notFound(who);
}

async function keyed(q: Queries, who: UserKey): Promise<User> {
  if ('id' in who) return (await findUser(q, who.id)) ?? notFound(who.id);
  const known = hasUnseen(who.externalId) ? undefined : await findUserByExternalId(q, who.externalId);
  return known ?? notFound(who.externalId);
}

function checkedQuery(text: string): string {
  const query = text.trim();
  const length = [...query].length;
  if (length < QUERY.min || length > QUERY.max || hasUnseen(query)) {
    const description = `is not ${QUERY.min} to ${QUERY.max} characters that can be seen`;
    throw fieldsRefused([{ field: 'query', description, constraint: 'len' }]);
  }
  return query;
}

function checkedPage(page: { limit?: number; after?: string }): Parameters<typeof listUsers>[1] {
  const limit = page.limit ?? 100;
  if (!Number.isInteger(limit) || limit < 1 || limit > USERS_PAGE_MAX)
    throw new Problem('invalid_request', `A page has 1 to ${USERS_PAGE_MAX} users, not ${limit}.`);
  if (page.after === undefined) return { limit };
  if (!isId('usr', page.after))
    throw new Problem('invalid_request', `A page begins after a user's id, such as usr_1.`);
  return { limit, after: page.after };
}

function userExists(): never {
  throw new Problem('user_exists', 'There is already a user with this address or external id.');
}

function notFound(who: string): never {
  throw new Problem(
    'user_not_found',
    `There is no user ${who.slice(0, 260)}: \`postern user list\` shows all.`,
  );
}
