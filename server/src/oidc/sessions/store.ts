import { sql } from 'kysely';
import type { ClientId, Instant, SessionId, UserId } from '../../core/ids.ts';
import type { Device } from '../../core/requester.ts';
import { MINUTE } from '../../core/units.ts';
import { pageOf } from '../../platform/database/page-of.ts';
import { prepared } from '../../platform/database/prepared.ts';
import type { Queries, Schema } from '../../platform/database/schema.ts';
import type { Page } from '../../platform/paging.ts';

/** How a session was ended: by its person, or by somebody else. */
export type EndedAs = 'logout' | 'revoked';

export const SESSION_STATUSES = ['active', 'expired', 'revoked', 'logout'] as const;
export type SessionStatus = (typeof SESSION_STATUSES)[number];

/** A person signed in in one browser, as its owner and the API see it. */
export interface Session {
  readonly id: SessionId;
  readonly userId: UserId;
  readonly status: SessionStatus;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
  readonly lastActiveAt: Instant;
  readonly idleExpiresAt: Instant;
  readonly absoluteExpiresAt: Instant;
  /** When it was ended; one that has merely expired has none. */
  readonly endedAt?: Instant;
  readonly device: Device;
  /** The apps that were signed in to under it. */
  readonly clients: readonly ClientId[];
}

type Row = Schema['sessions'];
type Times = Pick<Row, 'last_active_at' | 'idle_expires_at' | 'absolute_expires_at'>;

/** Use is written down this often: a request more costs no write. */
const NOTED_EVERY = MINUTE;

const upsert = prepared(
  (q, p: Pick<Row, 'id' | 'user_id' | 'device' | 'clients' | 'created_at'> & Times & { stale: number }) => {
    const use = {
      updated_at: p.last_active_at,
      last_active_at: p.last_active_at,
      idle_expires_at: p.idle_expires_at,
      absolute_expires_at: p.absolute_expires_at,
      clients: p.clients,
    };
    return q
      .insertInto('sessions')
      .values({ id: p.id, user_id: p.user_id, device: p.device, created_at: p.created_at, ...use })
      .onConflict((c) =>
        c
          .column('id')
          .doUpdateSet(use)
          .where('sessions.ended_at', 'is', null)
          .where((e) =>
            e.or([
              e('sessions.last_active_at', '<=', p.stale),
              e('sessions.clients', '!=', p.clients),
              e('sessions.absolute_expires_at', '!=', p.absolute_expires_at),
            ]),
          ),
      );
  },
);

/** Writes a new session, or that it was used: at most once a minute where nothing else has changed. */
export async function noteSession(
  q: Queries,
  session: Omit<Session, 'status' | 'updatedAt' | 'endedAt'>,
): Promise<void> {
  await upsert(q, {
    id: session.id,
    user_id: session.userId,
    device: JSON.stringify(session.device),
    clients: JSON.stringify(session.clients),
    created_at: session.createdAt,
    last_active_at: session.lastActiveAt,
    idle_expires_at: session.idleExpiresAt,
    absolute_expires_at: session.absoluteExpiresAt,
    stale: session.lastActiveAt - NOTED_EVERY,
  });
}

const touch = prepared((q, p: { id: string; at: number; idle: number; stale: number }) =>
  q
    .updateTable('sessions')
    .set((e) => ({
      updated_at: p.at,
      last_active_at: p.at,
      idle_expires_at: e
        .case()
        .when('absolute_expires_at', '<', p.idle)
        .then(e.ref('absolute_expires_at'))
        .else(p.idle)
        .end(),
    }))
    .where('id', '=', p.id)
    .where('ended_at', 'is', null)
    .where('last_active_at', '<=', p.stale),
);

/** Tokens were asked for under a session, without its browser. */
export async function noteUse(
  q: Queries,
  use: { id: SessionId; at: Instant; idleExpiresAt: Instant },
): Promise<void> {
  await touch(q, { id: use.id, at: use.at, idle: use.idleExpiresAt, stale: use.at - NOTED_EVERY });
}

/** Writes down how a session has ended; gives whose it was, where it had not ended before. */
export async function noteEnd(
  q: Queries,
  end: { id: SessionId; as: EndedAs; at: Instant },
): Promise<UserId | undefined> {
  const row = await q
    .updateTable('sessions')
    .set({ ended_as: end.as, ended_at: end.at, updated_at: end.at })
    .where('id', '=', end.id)
    .where('ended_at', 'is', null)
    .returning('user_id')
    .executeTakeFirst();
  return row && (row.user_id as UserId);
}

export async function findSession(q: Queries, id: SessionId, now: Instant): Promise<Session | undefined> {
  const row = await q.selectFrom('sessions').selectAll().where('id', '=', id).executeTakeFirst();
  return row && sessionOf(row, now);
}

/** Those of a user that nobody has ended, also where their time is over: what was issued under them may live on. */
export async function unendedSessions(q: Queries, userId: UserId): Promise<SessionId[]> {
  const rows = await q
    .selectFrom('sessions')
    .select('id')
    .where('user_id', '=', userId)
    .where('ended_at', 'is', null)
    .orderBy('id')
    .execute();
  return rows.map(({ id }) => id as SessionId);
}

/** Which sessions of a user are asked for; without statuses all of them. */
export interface SessionFilter {
  readonly userId: UserId;
  readonly statuses: readonly SessionStatus[];
  /** Began at this instant or later. */
  readonly from?: Instant | undefined;
  /** Began before this instant. */
  readonly until?: Instant | undefined;
}

/** Newest first, one more than the page where there are more. */
export async function listSessions(
  q: Queries,
  filter: SessionFilter,
  { page, now }: { page: Page; now: Instant },
): Promise<Session[]> {
  const rows = await pageOf(filtered(q, filter, now).selectAll(), page);
  return rows.map((row) => sessionOf(row, now));
}

export async function countSessions(q: Queries, filter: SessionFilter, now: Instant): Promise<number> {
  const { count } = await filtered(q, filter, now)
    .select((e) => e.fn.countAll().as('count'))
    .executeTakeFirstOrThrow();
  return Number(count);
}

function filtered(q: Queries, filter: SessionFilter, now: Instant) {
  const { statuses, from, until } = filter;
  const end = sql<number>`case when idle_expires_at < absolute_expires_at then idle_expires_at else absolute_expires_at end`;
  return q
    .selectFrom('sessions')
    .where('user_id', '=', filter.userId)
    .$if(from !== undefined, (b) => b.where('created_at', '>=', from ?? 0))
    .$if(until !== undefined, (b) => b.where('created_at', '<', until ?? 0))
    .$if(statuses.length > 0, (b) =>
      b.where((e) =>
        e.or([
          e('ended_as', 'in', [...statuses]),
          ...(statuses.includes('active') ? [e.and([e('ended_as', 'is', null), e(end, '>', now)])] : []),
          ...(statuses.includes('expired') ? [e.and([e('ended_as', 'is', null), e(end, '<=', now)])] : []),
        ]),
      ),
    );
}

/** Once nothing has come of a session for so long that a question about it is not to be expected. */
export async function pruneSessions(q: Queries, before: Instant, max: number): Promise<number> {
  const due = q
    .selectFrom('sessions')
    .select('id')
    .where('idle_expires_at', '<', before)
    .where('last_active_at', '<', before)
    .where((e) => e.or([e('ended_at', 'is', null), e('ended_at', '<', before)]))
    .limit(max);
  const result = await q.deleteFrom('sessions').where('id', 'in', due).executeTakeFirst();
  return Number(result.numDeletedRows);
}

/** Only `noteSession` writes these rows. */
function sessionOf(row: Row, now: Instant): Session {
  return {
    id: row.id as SessionId,
    userId: row.user_id as UserId,
    status: statusOf(row, now),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    lastActiveAt: row.last_active_at,
    idleExpiresAt: row.idle_expires_at,
    absoluteExpiresAt: row.absolute_expires_at,
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
    device: JSON.parse(row.device),
    clients: JSON.parse(row.clients),
  };
}

function statusOf(row: Row, now: Instant): SessionStatus {
  if (row.ended_as === 'logout' || row.ended_as === 'revoked') return row.ended_as;
  return now < row.idle_expires_at && now < row.absolute_expires_at ? 'active' : 'expired';
}
