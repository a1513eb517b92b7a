import type { User } from '../../users/store.ts';
import { answer, type Command, instantText, wholeNumber, withRooms } from '../command.ts';
import { facts, table } from '../table.ts';

const list: Command = {
  summary: 'List users, oldest first',
  usage: 'postern user list [--limit N] [--after ID]',
  takes: { min: 0, max: 0 },
  flags: {
    limit: { type: 'string', value: 'N', meaning: 'Users on a page (100, at most 1000)' },
    after: { type: 'string', value: 'ID', meaning: 'The last user of the page before' },
  },
  examples: ['postern user list --limit 20', 'postern user list --json'],
  run: async (call) => {
    const limit = wholeNumber(call, 'limit', 1000) ?? 100;
    const after = call.text('after');
    const users = await withRooms(call, (rooms) =>
      rooms.users.list(after === undefined ? { limit } : { limit, after }),
    );
    const rows = users.map((user) => [
      user.id,
      user.email,
      user.status,
      user.lastSignInAt === undefined ? 'never' : instantText(user.lastSignInAt),
    ]);
    const last = users.at(-1);
    const more = users.length === limit && last ? [`More: postern user list --after ${last.id}`] : [];
    const lines = table(['ID', 'EMAIL', 'STATUS', 'LAST SIGN-IN'], rows, 'No users here.');
    return answer(call, users.map(userJson), [...lines, ...more]);
  },
};

const show: Command = {
  summary: 'Show one user',
  usage: 'postern user show ID|EMAIL',
  takes: { min: 1, max: 1 },
  flags: {},
  examples: ['postern user show ada@example.com', 'postern user show usr_1790000000000123456 --json'],
  run: async (call) => {
    const user = await withRooms(call, ({ users }) => users.show(call.args[0] ?? ''));
    const lines = facts([
      ['User id', user.id],
      ['Email', user.email],
      ['Status', user.status],
      ['External id', user.externalId],
      ['Name', nameOf(user)],
      ...Object.entries(user.metadata).map(([key, value]): [string, string] => [`Metadata ${key}`, value]),
      ['Created', instantText(user.createdAt)],
      ['Last sign-in', user.lastSignInAt === undefined ? 'never' : instantText(user.lastSignInAt)],
    ]);
    return answer(call, userJson(user), lines);
  },
};

/** The commands that change one user and say so. */
function change(verb: 'disable' | 'enable' | 'delete', words: { summary: string; done: string }): Command {
  return {
    summary: words.summary,
    usage: `postern user ${verb} ID|EMAIL`,
    takes: { min: 1, max: 1 },
    flags: {},
    examples: [`postern user ${verb} ada@example.com`],
    run: async (call) => {
      const user = await withRooms(call, ({ users }) => users[verb](call.args[0] ?? ''));
      const data = verb === 'delete' ? { id: user.id, deleted: true } : userJson(user);
      return answer(call, data, [`${words.done} ${user.email} (${user.id}).`]);
    },
  };
}

export const userCommands = {
  'user list': list,
  'user show': show,
  'user disable': change('disable', {
    summary: 'End the sessions of a user, and refuse sign-ins until enabled',
    done: 'Disabled',
  }),
  'user enable': change('enable', { summary: 'Let a disabled user sign in again', done: 'Enabled' }),
  'user delete': change('delete', {
    summary: 'Delete a user for good; the address may sign up as another user',
    done: 'Deleted',
  }),
};

function nameOf({ profile }: User): string | undefined {
  const { givenName = '', familyName = '', name = `${givenName} ${familyName}`.trim() } = profile;
  return name === '' ? undefined : name;
}

function userJson(user: User): Record<string, unknown> {
  return {
    id: user.id,
    email: user.email,
    status: user.status,
    external_id: user.externalId,
    name: nameOf(user),
    metadata: user.metadata,
    created_at: instantText(user.createdAt),
    updated_at: instantText(user.updatedAt),
    last_sign_in_at: user.lastSignInAt === undefined ? undefined : instantText(user.lastSignInAt),
  };
}
