import { revokeSession, revokeSessionsOfUser, sessionsOfUser } from '../../oidc/sessions/sessions.ts';
import type { Session } from '../../oidc/sessions/store.ts';
import { answer, type Command, instantText, UsageError, wholeNumber, withRooms } from '../command.ts';
import { table } from '../table.ts';

const PAGE = 30;
const PAGE_MAX = 100;

const list: Command = {
  summary: 'List where a user is signed in, newest first',
  usage: 'postern session list ID|EMAIL [--status STATUS...] [--limit N] [--after TOKEN]',
  takes: { min: 1, max: 1 },
  flags: {
    status: {
      type: 'string',
      value: 'STATUS',
      multiple: true,
      meaning: 'Only these: active, expired, revoked, logout',
    },
    limit: { type: 'string', value: 'N', meaning: `Sessions on a page (${PAGE}, at most ${PAGE_MAX})` },
    after: { type: 'string', value: 'TOKEN', meaning: 'The page after the one that ended with this' },
  },
  examples: ['postern session list ada@example.com --status active'],
  run: async (call) => {
    const asked = {
      statuses: call.texts('status'),
      size: wholeNumber(call, 'limit', PAGE_MAX) ?? PAGE,
      token: call.text('after') ?? '',
    };
    const found = await withRooms(call, async (rooms) => {
      const { id: userId } = await rooms.users.show(call.args[0] ?? '');
      return sessionsOfUser(rooms, { userId, ...asked });
    });
    const rows = found.rows.map((session) => [
      session.id,
      session.status,
      browserOf(session),
      instantText(session.createdAt),
      instantText(session.lastActiveAt),
    ]);
    const lines = table(['ID', 'STATUS', 'BROWSER', 'SINCE', 'LAST ACTIVE'], rows, 'No sessions here.');
    const more = found.nextToken === '' ? [] : [`More: --after '${found.nextToken}'`];
    return answer(call, found.rows.map(sessionJson), [...lines, ...more]);
  },
};

const revoke: Command = {
  summary: 'End a session everywhere, or all of a user',
  usage: 'postern session revoke ID | --user ID|EMAIL',
  takes: { min: 0, max: 1 },
  flags: { user: { type: 'string', value: 'ID|EMAIL', meaning: 'End all sessions of this user' } },
  examples: [
    'postern session revoke ses_1790000000000123456',
    'postern session revoke --user ada@example.com',
  ],
  run: async (call) => {
    const [id] = call.args;
    const who = call.text('user');
    if ((id === undefined) === (who === undefined))
      throw new UsageError('Which session?', 'Name one, or all of a user: --user ada@example.com');
    const ended = await withRooms(call, async (rooms) =>
      id === undefined
        ? revokeSessionsOfUser(rooms, (await rooms.users.show(who ?? '')).id)
        : [await revokeSession(rooms, id)],
    );
    const lines = ended.map((session) => `Ended ${session.id} (${browserOf(session)}).`);
    return answer(call, ended.map(sessionJson), lines.length === 0 ? ['There was none to end.'] : lines);
  },
};

export const sessionCommands = { 'session list': list, 'session revoke': revoke };

function browserOf({ device }: Session): string {
  return [device.browser, device.os].filter(Boolean).join(' on ') || 'unknown browser';
}

function sessionJson(session: Session): Record<string, unknown> {
  return {
    id: session.id,
    user_id: session.userId,
    status: session.status,
    device: session.device,
    clients: session.clients,
    created_at: instantText(session.createdAt),
    last_active_at: instantText(session.lastActiveAt),
    idle_expires_at: instantText(session.idleExpiresAt),
    absolute_expires_at: instantText(session.absoluteExpiresAt),
    ended_at: session.endedAt === undefined ? undefined : instantText(session.endedAt),
  };
}
