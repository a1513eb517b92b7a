import { type DeliveryState, type SuppressionReason, suppresses } from '../../core/delivery.ts';
import { type Email, parseEmail } from '../../core/email.ts';
import { type AttemptId, type Instant, isId, type MailId, type ProviderId } from '../../core/ids.ts';
import { locked } from '../../platform/database/database.ts';
import type { Queries, Schema } from '../../platform/database/schema.ts';
import { reportedOf } from '../store.ts';

/** A mail as its reports meet it. */
export interface ReportedMail {
  readonly id: MailId;
  readonly attemptId: AttemptId | undefined;
  readonly to: string;
  readonly state: string;
  readonly tries: number;
  /** Unknown where the process died that was handing it over. */
  readonly providerId: string | undefined;
  readonly reported: DeliveryState | undefined;
}

/** The mail of a report, by our name for it or by the provider's, and nobody else changes it until the end. */
export async function lockReportedMail(
  q: Queries,
  by: { mailId: MailId | undefined; providerMessageId: string | undefined; providerId: ProviderId },
): Promise<ReportedMail | undefined> {
  const all = q.selectFrom('outbox').selectAll();
  const ours = by.mailId && (await locked(q, all.where('id', '=', by.mailId)).executeTakeFirst());
  if (ours) return ours.provider_id === null || ours.provider_id === by.providerId ? mailOf(ours) : undefined;
  if (by.mailId !== undefined || by.providerMessageId === undefined) return undefined;
  const theirs = all
    .where('provider_message_id', '=', by.providerMessageId)
    .where('provider_id', '=', by.providerId);
  const row = await locked(q, theirs).executeTakeFirst();
  return row && mailOf(row);
}

/** False when a report of this name has been stored before: then nothing is written. */
export async function insertReport(q: Queries, report: Schema['mail_reports']): Promise<boolean> {
  const result = await q
    .insertInto('mail_reports')
    .values(report)
    .onConflict((c) => c.column('id').doNothing())
    .executeTakeFirst();
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

export async function saveDelivery(
  q: Queries,
  id: MailId,
  delivery: { state: DeliveryState; providerId: ProviderId; at: Instant },
): Promise<void> {
  await q
    .updateTable('outbox')
    .set({ delivery: delivery.state, delivery_at: delivery.at, provider_id: delivery.providerId })
    .where('id', '=', id)
    .execute();
}

export async function pruneReports(q: Queries, before: Instant, max: number): Promise<number> {
  const due = q.selectFrom('mail_reports').select('id').where('received_at', '<', before).limit(max);
  const result = await q.deleteFrom('mail_reports').where('id', 'in', due).executeTakeFirst();
  return Number(result.numDeletedRows);
}

export interface Suppression {
  readonly email: Email;
  readonly providerId: string;
  readonly reason: SuppressionReason;
  readonly since: Instant;
}

/** Puts an address on the list, or renews its place there. */
export async function saveSuppression(q: Queries, suppression: Suppression): Promise<void> {
  const { email, providerId: provider_id, reason, since } = suppression;
  await q
    .insertInto('suppressions')
    .values({ email, provider_id, reason, since })
    .onConflict((c) => c.column('email').doUpdateSet({ provider_id, reason, since }))
    .execute();
}

/** Newest first. */
export async function listSuppressions(q: Queries, max: number): Promise<Suppression[]> {
  const rows = await q
    .selectFrom('suppressions')
    .selectAll()
    .orderBy('since', 'desc')
    .orderBy('email')
    .limit(max)
    .execute();
  return rows.flatMap(suppressionOf);
}

/** Of these addresses, those on the list. */
export async function suppressionsAmong(q: Queries, emails: readonly Email[]): Promise<Suppression[]> {
  if (emails.length === 0) return [];
  const rows = await q.selectFrom('suppressions').selectAll().where('email', 'in', emails).execute();
  return rows.flatMap(suppressionOf);
}

export async function deleteSuppression(q: Queries, email: Email): Promise<Suppression | undefined> {
  const [found] = await suppressionsAmong(q, [email]);
  if (found) await q.deleteFrom('suppressions').where('email', '=', email).execute();
  return found;
}

function suppressionOf(row: Schema['suppressions']): Suppression[] {
  const email = parseEmail(row.email, (domain) => domain);
  const reason = reportedOf(row.reason);
  if (typeof email !== 'string' || reason === undefined || !suppresses(reason)) return [];
  return [{ email, providerId: row.provider_id, reason, since: row.since }];
}

function mailOf(row: Schema['outbox']): ReportedMail {
  if (!isId('msg', row.id)) throw new Error(`the outbox holds ${row.id}, which is no mail`);
  const attemptId = row.attempt_id ?? '';
  return {
    id: row.id,
    attemptId: isId('req', attemptId) ? attemptId : undefined,
    to: row.recipient,
    state: row.state,
    tries: row.tries,
    providerId: row.provider_id ?? undefined,
    reported: reportedOf(row.delivery),
  };
}
