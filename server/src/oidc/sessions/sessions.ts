import { type Instant, isId, type SessionId, type UserId } from '../../core/ids.ts';
import { Problem } from '../../core/problems.ts';
import { type Paged, paged, readPage } from '../../platform/paging.ts';
import { fieldsRefused } from '../../platform/violations.ts';
import { findUser } from '../../users/store.ts';
import { type EndingParts, endSession, endSessionsOf } from './ending.ts';
import {
  countSessions,
  findSession,
  listSessions,
  SESSION_STATUSES,
  type Session,
  type SessionFilter,
  type SessionStatus,
} from './store.ts';

const PAGE_SIZES = { usual: 30, max: 100 };

/** Which of a user's sessions are asked for, as a caller writes it. */
export interface AskedSessions {
  readonly userId: string;
  /** In any case; none means all. */
  readonly statuses?: readonly string[];
  readonly from?: Instant | undefined;
  readonly until?: Instant | undefined;
  readonly size?: number;
  readonly token?: string;
}

export async function showSession(parts: EndingParts, id: string): Promise<Session> {
  return wanted(parts, sessionId(id));
}

/** Newest first. */
export async function sessionsOfUser(
  parts: EndingParts,
  asked: AskedSessions,
): Promise<Paged<Session> & { total: number }> {
  const page = readPage({ size: asked.size ?? 0, token: asked.token ?? '' }, PAGE_SIZES);
  const filter: SessionFilter = {
    userId: await knownUser(parts, asked.userId),
    statuses: statusesOf(asked.statuses ?? []),
    from: asked.from,
    until: asked.until,
  };
  const now = parts.clock.now();
  return parts.database.read(async (q) => ({
    ...paged(await listSessions(q, filter, { page, now }), page),
    total: await countSessions(q, filter, now),
  }));
}

/** Ends the session everywhere. One that had ended before stays as it is. */
export async function revokeSession(parts: EndingParts, id: string): Promise<Session> {
  const session = await wanted(parts, sessionId(id));
  await endSession(parts, session.id, 'revoked');
  return wanted(parts, session.id);
}

/** Ends all sessions of a user; gives those that had not ended before. */
export async function revokeSessionsOfUser(parts: EndingParts, userId: string): Promise<Session[]> {
  const ended = await endSessionsOf(parts, await knownUser(parts, userId), 'revoked');
  return Promise.all(ended.map((id) => wanted(parts, id)));
}

async function wanted({ database, clock }: EndingParts, id: SessionId): Promise<Session> {
  const session = await database.read((q) => findSession(q, id, clock.now()));
  if (session) return session;
  throw new Problem('session_not_found', `session not found: there is no ${id}, or it ended long ago.`);
}

function sessionId(id: string): SessionId {
  if (isId('ses', id)) return id;
  throw fieldsRefused([{ field: 'session_id', description: 'is ses_ and digits', constraint: 'pattern' }]);
}

async function knownUser({ database }: EndingParts, id: string): Promise<UserId> {
  if (!isId('usr', id))
    throw fieldsRefused([{ field: 'user_id', description: 'is usr_ and digits', constraint: 'pattern' }]);
  const user = await database.read((q) => findUser(q, id));
  if (user) return user.id;
  throw new Problem('user_not_found', `user not found: there is no ${id}.`);
}

function statusesOf(given: readonly string[]): SessionStatus[] {
  return given.map((text) => {
    const status = SESSION_STATUSES.find((known) => known === text.toLowerCase());
    if (status) return status;
    const description = `takes ${SESSION_STATUSES.join(', ')}`;
    throw fieldsRefused([{ field: 'filter.status', description, constraint: 'in' }]);
  });
}
