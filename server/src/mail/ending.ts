import type { Event } from '../core/events.ts';
import type { Instant } from '../core/ids.ts';
import { MINUTE, SECOND } from '../core/units.ts';
import { recordEvent } from '../events/store.ts';
import type { Queries } from '../platform/database/schema.ts';
import { saveSuppression } from './delivery/store.ts';
import { type OutboxRow, settle } from './store.ts';
import type { HandedTo, Handover } from './transport.ts';

/** What came of a hand-over; `queued` means that it will be tried again. */
export type Settled = 'sent' | 'failed' | 'dropped' | 'unclear' | 'queued';

export interface Ending extends HandedTo {
  readonly state: Settled;
  readonly reason?: string;
  readonly dueAt?: Instant;
  /** Nobody sends to this address. */
  readonly suppressed?: true;
}

const BACKOFF_MAX = MINUTE;

/** When a mail that certainly did not leave is tried again: after 1, 2, 4 … seconds, at most a minute. */
export function retryAt(tries: number, now: Instant): Instant {
  return now + Math.min(BACKOFF_MAX, SECOND * 2 ** (Math.max(1, tries) - 1));
}

/** What a hand-over means for its row: only what certainly did not leave, and is still worth it, goes again. */
export function endingOf(row: OutboxRow, handover: Handover, now: Instant): Ending {
  switch (handover.outcome) {
    case 'accepted':
      return { state: 'sent', ...handedTo(handover) };
    case 'refused': {
      const suppressed = handover.suppressed && { suppressed: handover.suppressed };
      return { state: 'failed', reason: handover.reason, ...suppressed, ...handedTo(handover) };
    }
    case 'unclear':
      return { state: 'unclear', reason: handover.reason, ...handedTo(handover) };
    case 'unsent': {
      const dueAt = retryAt(row.tries, now);
      if (dueAt >= row.notAfter) return { state: 'dropped', reason: `expired: ${handover.reason}` };
      return { state: 'queued', reason: handover.reason, dueAt };
    }
    default:
      return handover satisfies never;
  }
}

function handedTo({ providerId, providerMessageId }: HandedTo): HandedTo {
  return { ...(providerId && { providerId }), ...(providerMessageId && { providerMessageId }) };
}

/** Writes an ending with its event. False when the row had ended before. */
export async function conclude(
  q: Queries,
  row: OutboxRow,
  ending: Ending & { at: Instant },
): Promise<boolean> {
  if (!(await settle(q, row.id, ending))) return false;
  await recordEnding(q, row, ending);
  return true;
}

export async function recordEnding(
  q: Queries,
  row: OutboxRow,
  ending: Ending & { at: Instant },
): Promise<void> {
  const event = eventOf(row, ending);
  if (event) await recordEvent(q, event, ending.at);
  if (!ending.suppressed || !ending.providerId) return;
  const { providerId, at: since } = ending;
  await saveSuppression(q, { email: row.to, providerId, reason: 'suppressed', since });
}

function eventOf(row: OutboxRow, { state, reason = '', providerId, suppressed }: Ending): Event | undefined {
  const about = row.attemptId === undefined ? {} : { attemptId: row.attemptId };
  const by = providerId && { providerId };
  const data = { mailId: row.id, reason };
  switch (state) {
    case 'sent':
      return { type: 'mail.sent', ...about, data: { mailId: row.id, ...by } };
    case 'failed':
      return { type: suppressed ? 'mail.suppressed' : 'mail.failed', ...about, data: { ...data, ...by } };
    case 'dropped':
      return { type: 'mail.dropped', ...about, data };
    case 'unclear':
      return { type: 'mail.unclear', ...about, data };
    case 'queued':
      return undefined;
    default:
      return state satisfies never;
  }
}
