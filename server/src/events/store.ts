import { sql } from 'kysely';
import type { Event } from '../core/events.ts';
import type { Instant } from '../core/ids.ts';
import { prepared } from '../platform/database/prepared.ts';
import type { Queries, Schema } from '../platform/database/schema.ts';
import { newId } from '../platform/random.ts';

type Row = Omit<Schema['events'], 'fan'>;

const insertEvent = prepared((q, p: Row) =>
  q.insertInto('events').values({
    id: p.id,
    type: p.type,
    at: p.at,
    attempt_id: p.attempt_id,
    user_id: p.user_id,
    client_id: p.client_id,
    session_id: p.session_id,
    data: p.data,
    fan: heard(q),
  }),
);

/** 1 where somebody outside wants to hear of events: decided with the write itself, so that none is missed. */
function heard(q: Queries) {
  return q
    .selectFrom((e) =>
      e
        .selectFrom('webhook_endpoints')
        .select((c) => c.lit(1).as('one'))
        .where('enabled', '=', 1)
        .unionAll(
          e
            .selectFrom('clients')
            .select((c) => c.lit(1).as('one'))
            .where('back_channel_logout_uris', 'is not', null),
        )
        .as('hearers'),
    )
    .select((e) => e.fn.max('one').as('fan'));
}

/** Writes what happened into the caller's transaction, so that it is there exactly when the change is. */
export async function recordEvent(q: Queries, event: Event, at: Instant): Promise<void> {
  await insertEvent(q, {
    id: newId('evt', at),
    type: event.type,
    at,
    attempt_id: 'attemptId' in event ? (event.attemptId ?? null) : null,
    user_id: 'userId' in event ? (event.userId ?? null) : null,
    client_id: 'clientId' in event ? event.clientId : null,
    session_id: 'sessionId' in event ? event.sessionId : null,
    data: JSON.stringify('data' in event ? event.data : {}),
  });
}

/** The newest `count` events, for the terminal and for tests. */
export async function recentEvents(
  q: Queries,
  count: number,
): Promise<{ type: string; at: Instant; attemptId: string | null; data: string }[]> {
  const rows = await q
    .selectFrom('events')
    .selectAll()
    .orderBy('at', 'desc')
    .orderBy('id', 'desc')
    .limit(count)
    .execute();
  return rows.map((row) => ({ type: row.type, at: row.at, attemptId: row.attempt_id, data: row.data }));
}

export interface EventCount {
  readonly type: string;
  readonly data: string;
  /** The number of the slice of time: `floor(at / sliceMs)`. */
  readonly slice: number;
  readonly count: number;
}

/** How many events of some types there were since an instant, by slice of time and by what they say. */
export async function countEvents(
  q: Queries,
  of: { types: readonly Event['type'][]; since: Instant; sliceMs: number },
): Promise<EventCount[]> {
  const rows = await q
    .selectFrom('events')
    // Written out, not bound: SQLite binds a number as one with decimals, and would divide like one.
    .select(['type', 'data', sql<number>`at / ${sql.lit(of.sliceMs)}`.as('slice')])
    .select((e) => e.fn.countAll().as('count'))
    .where('at', '>=', of.since)
    .where('type', 'in', of.types)
    .groupBy(['type', 'data', 'slice'])
    .execute();
  return rows.map((row) => ({ ...row, slice: Number(row.slice), count: Number(row.count) }));
}

/** How many events there were from one instant until just before another, by type. */
export async function countEventTypes(
  q: Queries,
  span: { from: Instant; until: Instant },
): Promise<{ type: string; count: number }[]> {
  const rows = await q
    .selectFrom('events')
    .select('type')
    .select((e) => e.fn.countAll().as('count'))
    .where('at', '>=', span.from)
    .where('at', '<', span.until)
    .groupBy('type')
    .execute();
  return rows.map(({ type, count }) => ({ type, count: Number(count) }));
}

export async function pruneEvents(q: Queries, before: Instant, max: number): Promise<number> {
  const due = q.selectFrom('events').select('id').where('at', '<', before).limit(max);
  const result = await q.deleteFrom('events').where('id', 'in', due).executeTakeFirst();
  return Number(result.numDeletedRows);
}
