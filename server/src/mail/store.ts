import { type DeliveryState, isDeliveryState } from '../core/delivery.ts';
import type { Email } from '../core/email.ts';
import { type AttemptId, type Instant, isId, type MailId } from '../core/ids.ts';
import { skipLocked } from '../platform/database/database.ts';
import { prepared } from '../platform/database/prepared.ts';
import type { Queries, Schema } from '../platform/database/schema.ts';
import type { HandedTo } from './transport.ts';

/** What a mail that was asked for has come to. `held` was never meant to leave; `unclear` may have arrived. */
export type MailState = 'queued' | 'held' | 'sending' | 'sent' | 'failed' | 'dropped' | 'unclear';

/** A mail that was asked for. It names no secret: what it says is written when it is handed over. */
export interface OutboxRow {
  readonly id: MailId;
  readonly kind: string;
  readonly attemptId: AttemptId | undefined;
  readonly to: Email;
  readonly state: MailState;
  readonly tries: number;
  readonly dueAt: Instant;
  /** From this instant on the mail is worth nothing, so it is not sent. */
  readonly notAfter: Instant;
  readonly createdAt: Instant;
  readonly reason: string | undefined;
}

/** States that nothing follows. */
const SETTLED: readonly MailState[] = ['held', 'sent', 'failed', 'dropped', 'unclear'];

/** What a mail that was just asked for has; its delivery comes later. */
type AskedFor = Omit<Schema['outbox'], 'provider_id' | 'provider_message_id' | 'delivery' | 'delivery_at'>;

const insertRow = prepared((q, p: AskedFor) =>
  q.insertInto('outbox').values({
    id: p.id,
    kind: p.kind,
    attempt_id: p.attempt_id,
    recipient: p.recipient,
    state: p.state,
    tries: p.tries,
    due_at: p.due_at,
    not_after: p.not_after,
    created_at: p.created_at,
    updated_at: p.updated_at,
    reason: p.reason,
  }),
);

/** Asks for a mail in the caller's transaction. With `held` the same row is written, and stays. */
export async function enqueueMail(
  q: Queries,
  mail: { id: MailId; kind: string; attemptId?: AttemptId; to: Email; notAfter: Instant; held?: string },
  at: Instant,
): Promise<void> {
  await insertRow(q, {
    id: mail.id,
    kind: mail.kind,
    attempt_id: mail.attemptId ?? null,
    recipient: mail.to,
    state: mail.held === undefined ? 'queued' : 'held',
    tries: 0,
    due_at: at,
    not_after: mail.notAfter,
    created_at: at,
    updated_at: at,
    reason: mail.held ?? null,
  });
}

/** Takes at most `max` due mails, oldest first; each goes to one caller only, whoever else asks. */
export async function claimDue(q: Queries, now: Instant, max: number): Promise<OutboxRow[]> {
  const due = q.selectFrom('outbox').select('id').where('state', '=', 'queued').where('due_at', '<=', now);
  const rows = await q
    .with('due', () => skipLocked(q, due.orderBy('due_at').limit(max)))
    .updateTable('outbox')
    .set((e) => ({ state: 'sending', tries: e('tries', '+', 1), updated_at: now }))
    .where('id', 'in', (e) => e.selectFrom('due').select('id'))
    .returningAll()
    .execute();
  return rows.map(parseRow).sort((a, b) => a.dueAt - b.dueAt);
}

/** Ends or repeats a hand-over. False when the row was not being handed over, and nothing was written. */
export async function settle(
  q: Queries,
  id: MailId,
  ending: HandedTo & {
    readonly state: Exclude<MailState, 'sending' | 'held'>;
    readonly reason?: string;
    readonly dueAt?: Instant;
    readonly suppressed?: true;
    readonly at: Instant;
  },
): Promise<boolean> {
  const result = await q
    .updateTable('outbox')
    .set({
      state: ending.state,
      reason: ending.reason ?? null,
      updated_at: ending.at,
      ...(ending.dueAt === undefined ? {} : { due_at: ending.dueAt }),
      ...(ending.providerId && { provider_id: ending.providerId }),
      ...(ending.providerMessageId && { provider_message_id: ending.providerMessageId }),
      ...(ending.suppressed && { delivery: 'suppressed', delivery_at: ending.at }),
    })
    .where('id', '=', id)
    .where('state', 'in', ['sending', 'unclear'])
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/** Puts off a mail that could not even be written, so that those behind it get their turn. */
export async function postpone(
  q: Queries,
  id: MailId,
  until: { dueAt: Instant; reason: string; at: Instant },
): Promise<void> {
  await q
    .updateTable('outbox')
    .set((e) => ({
      tries: e('tries', '+', 1),
      due_at: until.dueAt,
      reason: until.reason,
      updated_at: until.at,
    }))
    .where('id', '=', id)
    .where('state', '=', 'queued')
    .execute();
}

/** Hand-overs whose process is gone: nobody knows whether they happened, so they are never repeated. */
export async function markAbandoned(
  q: Queries,
  given: { olderThan: Instant; live: readonly MailId[] },
  at: Instant,
): Promise<OutboxRow[]> {
  const abandoned = q
    .updateTable('outbox')
    .where('state', '=', 'sending')
    .where('updated_at', '<', given.olderThan);
  const rows = await (given.live.length === 0 ? abandoned : abandoned.where('id', 'not in', given.live))
    .set({ state: 'unclear', reason: 'the process that was handing it over ended', updated_at: at })
    .returningAll()
    .execute();
  return rows.map(parseRow);
}

/** When the next mail is due; undefined when none waits. */
export async function nextDueAt(q: Queries): Promise<Instant | undefined> {
  const row = await q
    .selectFrom('outbox')
    .select('due_at')
    .where('state', '=', 'queued')
    .orderBy('due_at')
    .limit(1)
    .executeTakeFirst();
  return row?.due_at;
}

/** How many mails wait or are on their way, and since when the oldest. Both states are always there. */
export async function waitingMails(
  q: Queries,
): Promise<{ state: string; count: number; oldestAt: Instant | undefined }[]> {
  const states = ['queued', 'sending'];
  const rows = await q
    .selectFrom('outbox')
    .select('state')
    .select((e) => [e.fn.countAll().as('count'), e.fn.min('created_at').as('oldest')])
    .where('state', 'in', states)
    .groupBy('state')
    .execute();
  return states.map((state) => {
    const row = rows.find((one) => one.state === state);
    return { state, count: Number(row?.count ?? 0), oldestAt: row && Number(row.oldest) };
  });
}

/** The newest mail of an attempt, as far as it has come. */
export async function latestMailOf(
  q: Queries,
  id: AttemptId,
): Promise<
  { state: string; tries: number; reported: DeliveryState | undefined; createdAt: Instant } | undefined
> {
  const row = await q
    .selectFrom('outbox')
    .select(['state', 'tries', 'delivery', 'created_at'])
    .where('attempt_id', '=', id)
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (!row) return undefined;
  return {
    state: row.state,
    tries: row.tries,
    reported: reportedOf(row.delivery),
    createdAt: row.created_at,
  };
}

/** What providers have reported so far, as it is stored. */
export function reportedOf(delivery: string | null): DeliveryState | undefined {
  return delivery !== null && isDeliveryState(delivery) ? delivery : undefined;
}

/** Forgets at most `max` mails that came to an end and were due before `before`; returns how many. */
export async function pruneOutbox(q: Queries, before: Instant, max: number): Promise<number> {
  const old = q
    .selectFrom('outbox')
    .select('id')
    .where('state', 'in', SETTLED)
    .where('due_at', '<', before)
    .limit(max);
  const result = await q.deleteFrom('outbox').where('id', 'in', old).executeTakeFirst();
  return Number(result.numDeletedRows);
}

function parseRow(row: Schema['outbox']): OutboxRow {
  if (!isId('msg', row.id)) throw new Error(`the outbox holds ${row.id}, which is no mail`);
  if (row.attempt_id !== null && !isId('req', row.attempt_id)) throw new Error(`${row.id} names no attempt`);
  return {
    id: row.id,
    kind: row.kind,
    attemptId: row.attempt_id ?? undefined,
    to: row.recipient as Email,
    state: row.state as MailState,
    tries: row.tries,
    dueAt: row.due_at,
    notAfter: row.not_after,
    createdAt: row.created_at,
    reason: row.reason ?? undefined,
  };
}
