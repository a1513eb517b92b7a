import { domainToASCII } from 'node:url';
import { parseEmail } from '../core/email.ts';
import { isId } from '../core/ids.ts';
import { Problem } from '../core/problems.ts';
import { recordEvent } from '../events/store.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/database.ts';
import type { Queries } from '../platform/database/schema.ts';
import { deleteUser, findUser, findUserByEmail, listUsers, setUserStatus, type User } from './store.ts';

export const USERS_PAGE_MAX = 1000;

/** The people who have signed in, named by id or address. */
export interface Users {
  /** Oldest first; the next page begins after the last id of this one. */
  list(page?: { limit?: number; after?: string }): Promise<User[]>;
  show(who: string): Promise<User>;
  /** No sign-in and no token any more, until enabled; nothing is lost. */
  disable(who: string): Promise<User>;
  enable(who: string): Promise<User>;
  /** For good: the same address signs up as another user. */
  delete(who: string): Promise<User>;
}

export function createUsers(parts: { database: Database; clock: Clock }): Users {
  const { database, clock } = parts;
  const setStatus = (who: string, status: User['status']) =>
    database.write(async (q) => {
      const user = await wanted(q, who);
      const at = clock.now();
      if (!(await setUserStatus(q, { id: user.id, status }, at))) return user;
      const type = status === 'disabled' ? 'user.disabled' : 'user.enabled';
      await recordEvent(q, { type, userId: user.id }, at);
      return { ...user, status, updatedAt: at };
    });
  return {
    list: async (page = {}) => {
      const checked = checkedPage(page);
      return database.read((q) => listUsers(q, checked));
    },
    show: (who) => database.read((q) => wanted(q, who)),
    disable: (who) => setStatus(who, 'disabled'),
    enable: (who) => setStatus(who, 'active'),
    delete: (who) =>
      database.write(async (q) => {
        const user = await wanted(q, who);
        if (!(await deleteUser(q, user.id))) notFound(who);
        await recordEvent(q, { type: 'user.deleted', userId: user.id }, clock.now());
        return user;
      }),
  };
}

async function wanted(q: Queries, who: string): Promise<User> {
  const email = parseEmail(who, domainToASCII);
  const user = typeof email === 'string' ? await findUserByEmail(q, email) : await findUser(q, who);
  return user ?? notFound(who);
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

function notFound(who: string): never {
  throw new Problem(
    'user_not_found',
    `There is no user ${who.slice(0, 260)}: \`postern user list\` shows all.`,
  );
}
