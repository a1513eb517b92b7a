import { type DeliveryId, type Instant, isId } from '../../core/ids.ts';
import { skipLocked } from '../../platform/database/database.ts';
import { pageOf } from '../../platform/database/page-of.ts';
import type { Queries, Schema } from '../../platform/database/schema.ts';
import { type Page, type Paged, paged } from '../../platform/paging.ts';
import { newId } from '../../platform/random.ts';
import { recordedOf } from '../store.ts';
import type { Delivery, DeliveryKind, DeliveryState, NewDelivery, RecordedEvent, Try } from './delivery.ts';

/** Tries that a delivery remembers; a replay can add to those of the schedule. */
const LOG_MAX = 30;

/** Writes deliveries in the caller's transaction; they are due at once. */
export async function insertDeliveries(
  q: Queries,
  fresh: readonly NewDelivery[],
  at: Instant,
): Promise<void> {
  if (fresh.length === 0) return;
  const rows = fresh.map((one) => rowOf(one, at));
  await q.insertInto('deliveries').values(rows).execute();
}

/** Writes a delivery whose only try the caller makes. */
export async function insertTrial(q: Queries, one: NewDelivery, at: Instant): Promise<Delivery> {
  const row = { ...rowOf(one, at), state: 'sending', tries: 1 };
  await q.insertInto('deliveries').values(row).execute();
  return deliveryOf(row);
}

function rowOf(one: NewDelivery, at: Instant): Schema['deliveries'] {
  return {
    id: newId('dlv', at),
    kind: one.kind,
    target_id: one.targetId,
    event_id: one.eventId,
    event_type: one.eventType,
    body: one.body,
    state: 'waiting',
    tries: 0,
    due_at: at,
    not_after: one.notAfter,
    log: '[]',
    created_at: at,
    updated_at: at,
  };
}

/** Takes at most `max` events that somebody is still to hear of, oldest first; each goes to one caller only. */
export async function claimEvents(q: Queries, max: number): Promise<RecordedEvent[]> {
  const due = q.selectFrom('events').select('id').where('fan', 'is not', null).orderBy('at').limit(max);
  const rows = await q
    .with('due', () => skipLocked(q, due))
    .updateTable('events')
    .set({ fan: null })
    .where('id', 'in', (e) => e.selectFrom('due').select('id'))
    .returningAll()
    .execute();
  return rows.map(recordedOf).sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
}

export interface Room {
  /** How many in all. */
  readonly max: number;
  /** How many more a target may have on their way. */
  readonly of: (targetId: string) => number;
  /** The search begins behind this target, so that each gets its turn. */
  readonly after: string;
}

/** Takes what is due, target by target, so that a long queue of one does not stand before the others. */
export async function claimDue(q: Queries, room: Room, now: Instant): Promise<Delivery[]> {
  const claimed: Delivery[] = [];
  let after = room.after;
  let wrapped = false;
  while (claimed.length < room.max) {
    const target = await nextTarget(q, after, now);
    if (target === undefined) {
      if (wrapped) break;
      [wrapped, after] = [true, ''];
      continue;
    }
    if (wrapped && target > room.after) break;
    after = target;
    const max = Math.min(room.max - claimed.length, room.of(target));
    if (max > 0) claimed.push(...(await claimOf(q, { target, max }, now)));
  }
  return claimed;
}

async function nextTarget(q: Queries, after: string, now: Instant): Promise<string | undefined> {
  const row = await q
    .selectFrom('deliveries')
    .select('target_id')
    .where('state', '=', 'waiting')
    .where('target_id', '>', after)
    .where('due_at', '<=', now)
    .orderBy('target_id')
    .limit(1)
    .executeTakeFirst();
  return row?.target_id;
}

async function claimOf(q: Queries, of: { target: string; max: number }, now: Instant): Promise<Delivery[]> {
  const due = q
    .selectFrom('deliveries')
    .select('id')
    .where('state', '=', 'waiting')
    .where('target_id', '=', of.target)
    .where('due_at', '<=', now)
    .orderBy('due_at')
    .limit(of.max);
  const rows = await q
    .with('due', () => skipLocked(q, due))
    .updateTable('deliveries')
    .set((e) => ({ state: 'sending', tries: e('tries', '+', 1), updated_at: now }))
    .where('id', 'in', (e) => e.selectFrom('due').select('id'))
    .returningAll()
    .execute();
  return rows.map(deliveryOf);
}

/** Whether a turn of the worker would find something. */
export async function hasWork(q: Queries, now: Instant): Promise<boolean> {
  const found = await q
    .selectFrom((e) =>
      e
        .selectFrom('events')
        .select('id')
        .where('fan', 'is not', null)
        .unionAll(
          e.selectFrom('deliveries').select('id').where('state', '=', 'waiting').where('due_at', '<=', now),
        )
        .as('work'),
    )
    .select('id')
    .limit(1)
    .execute();
  return found.length > 0;
}

/** Ends or repeats a try. False when it is no longer this try that counts; then nothing was written. */
export async function settleTry(
  q: Queries,
  delivery: Delivery,
  ending: { state: Exclude<DeliveryState, 'sending'>; dueAt?: Instant; one?: Try; at: Instant },
): Promise<boolean> {
  const log = ending.one === undefined ? delivery.log : [...delivery.log, ending.one].slice(-LOG_MAX);
  const result = await q
    .updateTable('deliveries')
    .set({
      state: ending.state,
      log: JSON.stringify(log),
      updated_at: ending.at,
      ...(ending.dueAt !== undefined && { due_at: ending.dueAt }),
    })
    .where('id', '=', delivery.id)
    .where('state', '=', 'sending')
    .where('tries', '=', delivery.tries)
    .where('updated_at', '=', delivery.updatedAt)
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/** Tries whose process is gone wait again: at least once is what is promised. Returns how many. */
export async function reviveAbandoned(
  q: Queries,
  given: { olderThan: Instant; live: readonly DeliveryId[] },
  at: Instant,
): Promise<number> {
  const abandoned = q
    .updateTable('deliveries')
    .set({ state: 'waiting', due_at: at, updated_at: at })
    .where('state', '=', 'sending')
    .where('updated_at', '<', given.olderThan);
  const result = await (given.live.length === 0
    ? abandoned
    : abandoned.where('id', 'not in', given.live)
  ).executeTakeFirst();
  return Number(result.numUpdatedRows);
}

/** Sends again what has come to an end, from the first step of the schedule on. Returns how many. */
export async function replayDeliveries(
  q: Queries,
  which: { target: string; id: string } | { target: string; deadSince: Instant; max: number },
  until: { at: Instant; notAfter: Instant },
): Promise<number> {
  const chosen =
    'id' in which
      ? q
          .selectFrom('deliveries')
          .select('id')
          .where('id', '=', which.id)
          .where('state', 'in', ['done', 'dead', 'dropped'])
      : q
          .selectFrom('deliveries')
          .select('id')
          .where('state', '=', 'dead')
          .where('created_at', '>=', which.deadSince)
          .orderBy('id')
          .limit(which.max);
  const result = await q
    .updateTable('deliveries')
    .set({ state: 'waiting', tries: 0, due_at: until.at, not_after: until.notAfter, updated_at: until.at })
    .where('id', 'in', chosen.where('target_id', '=', which.target))
    .executeTakeFirst();
  return Number(result.numUpdatedRows);
}

export async function findDelivery(q: Queries, id: string): Promise<Delivery | undefined> {
  const row = await q.selectFrom('deliveries').selectAll().where('id', '=', id).executeTakeFirst();
  return row && deliveryOf(row);
}

/** Those of a target, newest first. */
export async function listDeliveries(
  q: Queries,
  of: { target: string; state?: DeliveryState; page: Page },
): Promise<Paged<Delivery>> {
  const ofTarget = q.selectFrom('deliveries').selectAll().where('target_id', '=', of.target);
  const asked = of.state === undefined ? ofTarget : ofTarget.where('state', '=', of.state);
  return paged((await pageOf(asked, of.page)).map(deliveryOf), of.page);
}

/** How many of a target there are in each state. */
export async function countDeliveries(q: Queries, target: string): Promise<Record<string, number>> {
  const rows = await q
    .selectFrom('deliveries')
    .select('state')
    .select((e) => e.fn.countAll().as('count'))
    .where('target_id', '=', target)
    .groupBy('state')
    .execute();
  return Object.fromEntries(rows.map(({ state, count }) => [state, Number(count)]));
}

export async function pruneDeliveries(q: Queries, before: Instant, max: number): Promise<number> {
  const due = q.selectFrom('deliveries').select('id').where('updated_at', '<', before).limit(max);
  const result = await q.deleteFrom('deliveries').where('id', 'in', due).executeTakeFirst();
  return Number(result.numDeletedRows);
}

function deliveryOf(row: Schema['deliveries']): Delivery {
  if (!isId('dlv', row.id)) throw new Error(`the database holds a delivery called ${row.id}`);
  return {
    id: row.id,
    kind: row.kind as DeliveryKind,
    targetId: row.target_id,
    eventId: row.event_id,
    eventType: row.event_type,
    body: row.body,
    state: row.state as DeliveryState,
    tries: row.tries,
    dueAt: row.due_at,
    notAfter: row.not_after,
    log: JSON.parse(row.log),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
