import { DAY, HOUR, MINUTE } from '../core/units.ts';
import { pruneDeliveries } from '../events/deliveries/store.ts';
import { pruneEvents } from '../events/store.ts';
import { pruneReports } from '../mail/delivery/store.ts';
import { pruneOutbox } from '../mail/store.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/database.ts';
import type { Log } from '../platform/log.ts';
import { pruneLogos } from '../settings/logo-store.ts';
import { pruneLimits } from '../sign-in/limit-store.ts';
import { pruneAttempts } from '../sign-in/store.ts';
import { pruneSessions } from './sessions/store.ts';
import { pruneKeys, pruneRecords } from './store.ts';

const EVERY = MINUTE;

/** Rows of one table in one transaction: the writer is never held for long. */
const ROWS_MAX = 500;

/** What is kept how long. The documentation's table of retention is this list. */
export const retention = [
  {
    table: 'oidc_records',
    keptMs: HOUR,
    prune: pruneRecords,
    why: 'expired sessions, grants and tokens; an hour more, so that a late replay is still told apart; interactions a day more, for pages that were left open',
  },
  {
    table: 'attempts',
    keptMs: 30 * DAY,
    prune: pruneAttempts,
    why: 'support questions, with the mails of the attempt',
  },
  { table: 'outbox', keptMs: 7 * DAY, prune: pruneOutbox, why: 'delivery questions; holds no content' },
  {
    table: 'mail_reports',
    keptMs: 30 * DAY,
    prune: pruneReports,
    why: 'a report is taken once; delivery questions',
  },
  {
    table: 'sessions',
    keptMs: 30 * DAY,
    prune: pruneSessions,
    why: 'where somebody was signed in, and until when',
  },
  { table: 'events', keptMs: 90 * DAY, prune: pruneEvents, why: 'the audit trail' },
  { table: 'deliveries', keptMs: 30 * DAY, prune: pruneDeliveries, why: 'delivery questions, and replay' },
  { table: 'limits', keptMs: 0, prune: pruneLimits, why: 'counters whose longest window has passed' },
  { table: 'logos', keptMs: DAY, prune: pruneLogos, why: 'pictures that nothing shows any more' },
  {
    table: 'signing_keys',
    keptMs: 0,
    prune: pruneKeys,
    why: 'retired keys after the life of the last token they signed',
  },
] as const;

/** Deletes what is past its time, a bounded number of rows at once. Returns how many went. */
export async function pruneOnce(database: Database, clock: Clock): Promise<number> {
  let gone = 0;
  for (const { keptMs, prune } of retention) {
    const before = clock.now() - keptMs;
    gone += await database.write((q) => prune(q, before, ROWS_MAX));
  }
  return gone;
}

/** Prunes every minute until stopped; trouble is logged and the next minute tries again. */
export function startPruning(parts: { database: Database; clock: Clock; log: Log }): { stop(): void } {
  const timer = setInterval(() => {
    pruneOnce(parts.database, parts.clock).catch((failure: Error) =>
      parts.log.warn({ failure: failure.message }, 'pruning failed'),
    );
  }, EVERY);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
