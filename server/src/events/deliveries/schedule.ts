import type { Instant } from '../../core/ids.ts';
import { HOUR, MINUTE, SECOND } from '../../core/units.ts';
import type { Delivery, Try } from './delivery.ts';

/** Pauses between tries: quick at first, for a restart of the receiver; then over a day, for its night. */
export const PAUSES: readonly number[] = [
  5 * SECOND,
  30 * SECOND,
  2 * MINUTE,
  5 * MINUTE,
  15 * MINUTE,
  HOUR,
  3 * HOUR,
  8 * HOUR,
  12 * HOUR,
];

/** A pause is up to this much longer, so that what failed together does not come back together. */
const JITTER = 0.2;

/** A receiver may ask for a longer pause, but not for one that outlasts the schedule. */
const RETRY_AFTER_MAX = 12 * HOUR;

/** What a receiver answered, as far as it counts. */
export interface Answered extends Try {
  readonly ok: boolean;
  /** Milliseconds that the receiver asks to be left alone. */
  readonly retryAfterMs?: number;
}

export type Verdict =
  | { readonly state: 'done' | 'dead' }
  | { readonly state: 'waiting'; readonly dueAt: Instant };

/** What becomes of a delivery after a try; `spread` is drawn from 0 to 1. */
export function verdictOf(
  delivery: Pick<Delivery, 'tries' | 'notAfter'> & Partial<Pick<Delivery, 'kind'>>,
  answered: Answered,
  given: { now: Instant; spread: number },
): Verdict {
  if (answered.ok) return { state: 'done' };
  const pause = PAUSES[delivery.tries - 1];
  if (isFinal(delivery, answered) || pause === undefined) return { state: 'dead' };
  const wanted = Math.min(answered.retryAfterMs ?? 0, RETRY_AFTER_MAX);
  const dueAt = given.now + Math.max(Math.round(pause * (1 + JITTER * given.spread)), wanted);
  return dueAt < delivery.notAfter ? { state: 'waiting', dueAt } : { state: 'dead' };
}

/** An app that refuses a logout token refuses the next one too (OpenID Connect Back-Channel Logout 1.0, 2.8). */
function isFinal({ kind }: Partial<Pick<Delivery, 'kind'>>, { status }: Answered): boolean {
  return status === 410 || (kind === 'logout' && status === 400);
}

/** `Retry-After` in seconds or as a date (RFC 9110 10.2.3); undefined for anything else. */
export function retryAfterMs(header: string | undefined, now: Instant): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header) * SECOND;
  const at = Date.parse(header);
  return Number.isNaN(at) || at <= now ? undefined : at - now;
}
