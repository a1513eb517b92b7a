import { type ExpressionBuilder, sql } from 'kysely';
import type { Event } from '../core/events.ts';
import type { EventId, Instant, InterceptorId } from '../core/ids.ts';
import { pageOf } from '../platform/database/page-of.ts';
import { prepared } from '../platform/database/prepared.ts';
import type { Queries, Schema } from '../platform/database/schema.ts';
import type { Page } from '../platform/paging.ts';
import { newId } from '../platform/random.ts';
import type { RecordedEvent } from './deliveries/delivery.ts';

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
  const endpoints = q.selectFrom('webhook_endpoints').select('id').where('enabled', '=', 1);
  const told = q.selectFrom('clients').select('id').where('back_channel_logout_uris', 'is not', null);
  return (e: ExpressionBuilder<Schema, 'events'>) =>
    e
      .case()
      .when(e.or([e.exists(endpoints), e.exists(told)]))
      .then(e.lit(1))
      .end();
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

/** Which events are asked for. */
export interface EventFilter {
  /** None means all. */
  readonly types: readonly string[];
  readonly attemptId?: string | undefined;
  /** At this instant or later. */
  readonly from?: Instant | undefined;
  /** Before this instant. */
  readonly until?: Instant | undefined;
  /** An id that the data names. */
  readonly naming?: InterceptorId | undefined;
}

/** Newest first, one more than the page where there are more. */
export async function listEvents(q: Queries, filter: EventFilter, page: Page): Promise<RecordedEvent[]> {
  return (await pageOf(filtered(q, filter).selectAll(), page)).map(recordedOf);
}

/** How many there are; the counting stops at `max`. */
export async function countUpTo(q: Queries, filter: EventFilter, max: number): Promise<number> {
  const some = filtered(q, filter).select('id').limit(max).as('some');
  const { count } = await q
    .selectFrom(some)
    .select((e) => e.fn.countAll().as('count'))
    .executeTakeFirstOrThrow();
  return Number(count);
}

function filtered(q: Queries, { types, attemptId, from, until, naming }: EventFilter) {
  return q
    .selectFrom('events')
    .$if(types.length > 0, (b) => b.where('type', 'in', [...types]))
    .$if(attemptId !== undefined, (b) => b.where('attempt_id', '=', attemptId ?? ''))
    .$if(from !== undefined, (b) => b.where('at', '>=', from ?? 0))
    .$if(until !== undefined, (b) => b.where('at', '<', until ?? 0))
    .$if(naming !== undefined, (b) => b.where('data', 'like', `%"${naming}"%`));
}

/** As it was recorded. */
export function recordedOf(row: Schema['events']): RecordedEvent {
  return {
    id: row.id as EventId,
    type: row.type,
    at: row.at,
    attemptId: row.attempt_id ?? undefined,
    userId: row.user_id ?? undefined,
    clientId: row.client_id ?? undefined,
    sessionId: row.session_id ?? undefined,
    data: row.data,
  };
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
