import type { Event } from '../core/events.ts';
import type { Instant } from '../core/ids.ts';
import type { Queries } from '../platform/database/schema.ts';
import { newId } from '../platform/random.ts';

/** Writes what happened into the caller's transaction, so that it is there exactly when the change is. */
export async function recordEvent(q: Queries, event: Event, at: Instant): Promise<void> {
  await q
    .insertInto('events')
    .values({
      id: newId('evt', at),
      type: event.type,
      at,
      attempt_id: 'attemptId' in event ? (event.attemptId ?? null) : null,
      user_id: 'userId' in event ? (event.userId ?? null) : null,
      client_id: 'clientId' in event ? event.clientId : null,
      session_id: 'sessionId' in event ? event.sessionId : null,
      data: JSON.stringify('data' in event ? event.data : {}),
    })
    .execute();
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

export async function pruneEvents(q: Queries, before: Instant, max: number): Promise<number> {
  const due = q.selectFrom('events').select('id').where('at', '<', before).limit(max);
  const result = await q.deleteFrom('events').where('id', 'in', due).executeTakeFirst();
  return Number(result.numDeletedRows);
}
