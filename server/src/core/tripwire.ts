import type { Instant } from './ids.ts';
import { MINUTE } from './units.ts';

/** What the whole deployment has seen: codes judged in the last ten minutes, mails asked for in the last hour. */
export interface Seen {
  readonly wrong: number;
  readonly right: number;
  readonly mails: number;
}

/** What stands guard: over codes, and over the mails of the deployment. */
export type GuardName = 'codes' | 'mails';

/** Until when each guard is raised; 0 where it is not. */
export type Guards = Readonly<Record<GuardName, Instant>>;

/** How near the deployment is to the mails of its hour: from half of them on it is `high`. */
export type MailPressure = 'none' | 'high' | 'full';

/** Fewer codes than this say nothing about who types them. */
const CHECKS_MIN = 200;

/** People mistype or misread about one code in ten; three in ten is no morning after a holiday. */
const WRONG_SHARE_MAX = 0.3;

/** A guard stays up for so long after what raised it was last seen: an attacker's pause must not lower it. */
export const RAISED_FOR = 30 * MINUTE;

/** Whether more codes are wrong than people get wrong. */
export function tooManyWrong({ wrong, right }: Pick<Seen, 'wrong' | 'right'>): boolean {
  const checks = wrong + right;
  return checks >= CHECKS_MIN && wrong > checks * WRONG_SHARE_MAX;
}

/** How near `mails` is to the `max` of an hour. */
export function mailPressureOf(mails: number, max: number): MailPressure {
  if (mails >= max) return 'full';
  return mails >= max / 2 ? 'high' : 'none';
}

/** What becomes of one guard. It is moved on at most once a minute, so that watching writes little. */
export function nextGuard(
  until: Instant,
  seen: { tripped: boolean; now: Instant },
): { until: Instant; change: 'raised' | 'lowered' | 'moved' | 'none' } {
  const { tripped, now } = seen;
  if (tripped && until === 0) return { until: now + RAISED_FOR, change: 'raised' };
  if (tripped && until < now + RAISED_FOR - MINUTE) return { until: now + RAISED_FOR, change: 'moved' };
  if (!tripped && until !== 0 && now >= until) return { until: 0, change: 'lowered' };
  return { until, change: 'none' };
}
