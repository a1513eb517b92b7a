import { createHash } from 'node:crypto';
import { type DeliveryState, deliveryStateOf, laterOf, suppresses } from '../../core/delivery.ts';
import { parseEmail } from '../../core/email.ts';
import type { MailNews } from '../../core/events.ts';
import type { Instant, ProviderId } from '../../core/ids.ts';
import { recordEvent } from '../../events/store.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/database/database.ts';
import type { Queries } from '../../platform/database/schema.ts';
import type { Report } from '../providers/provider.ts';
import { presentable } from '../transport.ts';
import { insertReport, lockReportedMail, type ReportedMail, saveDelivery, saveSuppression } from './store.ts';

/** Takes what a provider has reported: each report once, each mail only forward. */
export async function takeReports(
  { database, clock }: { database: Database; clock: Clock },
  providerId: ProviderId,
  reports: readonly Report[],
): Promise<void> {
  if (reports.length === 0) return;
  const ordered = [...reports].sort((a, b) => (a.mailId ?? '').localeCompare(b.mailId ?? '')); // one order of locks
  await database.write(async (q) => {
    for (const report of ordered) await take(q, { providerId, report, now: clock.now() });
  });
}

interface Taken {
  readonly providerId: ProviderId;
  readonly report: Report;
  readonly now: Instant;
}

async function take(q: Queries, { providerId, report, now }: Taken): Promise<void> {
  const mail = await lockReportedMail(q, { ...report, providerId });
  const detail = presentable(report.detail);
  const isNew = await insertReport(q, {
    id: `${providerId} ${createHash('sha256').update(report.id).digest('base64url')}`,
    outbox_id: mail?.id ?? null,
    provider_id: providerId,
    state: report.state,
    detail,
    at: report.at,
    received_at: now,
  });
  if (!isNew || !mail) return;
  const known = deliveryStateOf(mail);
  const next = laterOf(known, report.state);
  if (next === known) return;
  await saveDelivery(q, mail.id, { state: next, providerId, at: report.at });
  await suppress(q, mail, { providerId, state: next, now });
  const type = newsOf(next);
  const about = mail.attemptId === undefined ? {} : { attemptId: mail.attemptId };
  if (type)
    await recordEvent(q, { type, ...about, data: { mailId: mail.id, providerId, reason: detail } }, now);
}

async function suppress(
  q: Queries,
  mail: ReportedMail,
  news: { providerId: ProviderId; state: DeliveryState; now: Instant },
): Promise<void> {
  const email = parseEmail(mail.to, (domain) => domain);
  if (typeof email !== 'string' || !suppresses(news.state)) return;
  await saveSuppression(q, { email, providerId: news.providerId, reason: news.state, since: news.now });
}

function newsOf(state: DeliveryState): MailNews | undefined {
  switch (state) {
    case 'deferred':
    case 'delivered':
    case 'bounced_soft':
    case 'bounced_hard':
    case 'complained':
    case 'suppressed':
    case 'failed':
      return `mail.${state}`;
    case 'queued':
    case 'accepted':
      return undefined;
    default:
      return state satisfies never;
  }
}
