import type { Instant } from '../../core/ids.ts';
import {
  type GuardName,
  type Guards,
  type MailPressure,
  mailPressureOf,
  nextGuard,
  type Seen,
  tooManyWrong,
} from '../../core/tripwire.ts';
import { HOUR, MINUTE, SECOND } from '../../core/units.ts';
import { countEvents, type EventCount, recordEvent } from '../../events/store.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/database/database.ts';
import type { Log } from '../../platform/log.ts';
import type { Settings } from '../../settings/settings.ts';
import { type Counters, lockCounters, readCounters, saveCounters } from '../limit-store.ts';

/** What the whole deployment goes through, as every sign-in takes it into account. */
export interface Watch {
  /** More wrong codes come in than people type. */
  readonly alarm: boolean;
  readonly mailPressure: MailPressure;
  /** Takes one of the mails of the deployment's hour, or tells that there is none left. */
  spendMail(): boolean;
}

export interface RunningWatch extends Watch {
  /** Counts now, as it does every ten seconds. */
  look(): Promise<void>;
  stop(): Promise<void>;
}

interface WatchParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly log: Log;
}

const EVERY = 10 * SECOND;

/** Codes that were judged longer ago say nothing about now. */
const CODES_WITHIN = 10 * MINUTE;

/** The row of `limits` that all processes share; keyed hashes, the other keys, are longer. */
const GUARDS_KEY = 'guards';

/**
 * Watches the deployment by what its events say: every ten seconds, in each process. The guards are in the
 * store, so that all processes and those after a restart agree; mails are counted by each process for
 * itself between two looks.
 */
export async function startWatch(parts: WatchParts): Promise<RunningWatch> {
  const tally = createTally(parts.database);
  let guards: Guards = { codes: 0, mails: 0 };
  let seen: Seen = { wrong: 0, right: 0, mails: 0 };
  let own = 0;
  const mailsMax = () => parts.settings.snapshot()['limits.mails_per_deployment_hour'];
  const mails = () => seen.mails + own;
  const look = async () => {
    const now = parts.clock.now();
    const counted = own;
    await parts.settings.current();
    seen = await tally(now);
    own -= counted; // they are in the count; a transaction that is still under way comes with the next
    guards = await keepGuards(parts, { seen, mailsMax: mailsMax(), now });
  };
  let looking = Promise.resolve();
  const lookOrLog = () => {
    looking = looking
      .then(look)
      .catch((failure: Error) => parts.log.warn({ failure: failure.message }, 'watching failed'));
  };
  lookOrLog();
  await looking;
  const timer = setInterval(lookOrLog, EVERY);
  timer.unref();
  return {
    get alarm() {
      return guards.codes > parts.clock.now();
    },
    get mailPressure() {
      return mailPressureOf(mails(), mailsMax());
    },
    spendMail: () => {
      if (mails() >= mailsMax()) return false;
      own += 1; // also for a transaction that is undone and run again: one too many until the next look
      return true;
    },
    look,
    stop: () => {
      clearInterval(timer);
      return looking;
    },
  };
}

interface Facts {
  readonly seen: Seen;
  readonly mailsMax: number;
  readonly now: Instant;
}

/** Reads the guards and moves them on; only one of many processes writes a change, with its event. */
async function keepGuards({ database }: WatchParts, facts: Facts): Promise<Guards> {
  const known = guardsOf(await database.read((q) => readCounters(q, [GUARDS_KEY])));
  if (movesOf(known, facts).length === 0) return known;
  return database.write(async (q) => {
    const kept = guardsOf(await lockCounters(q, [GUARDS_KEY], facts.now));
    const moves = movesOf(kept, facts);
    const next: Guards = { ...kept, ...Object.fromEntries(moves.map(({ guard, until }) => [guard, until])) };
    await saveCounters(q, { key: GUARDS_KEY, counters: countersOf(next) }, facts.now);
    for (const { guard, change } of moves) {
      if (change === 'moved') continue;
      const type = change === 'raised' ? 'guard.raised' : 'guard.lowered';
      await recordEvent(q, { type, data: { guard, ...facts.seen } }, facts.now);
    }
    return next;
  });
}

function movesOf(guards: Guards, { seen, mailsMax, now }: Facts) {
  const tripped: Record<GuardName, boolean> = { codes: tooManyWrong(seen), mails: seen.mails >= mailsMax };
  return (['codes', 'mails'] as const)
    .map((guard) => ({ guard, ...nextGuard(guards[guard], { tripped: tripped[guard], now }) }))
    .filter(({ change }) => change !== 'none');
}

/** The row has the form of its table: uses by name, each with its instant. */
function countersOf({ codes, mails }: Guards): Counters {
  return { codes: [[codes, 1]], mails: [[mails, 1]] };
}

function guardsOf({ codes, mails }: Counters): Guards {
  return { codes: codes?.[0]?.[0] ?? 0, mails: mails?.[0]?.[0] ?? 0 };
}

const TYPES = [
  'attempt.started',
  'attempt.mail_asked',
  'attempt.code_wrong',
  'attempt.locked',
  'attempt.satisfied',
] as const;

/** A transaction may commit this long after the instant of its events; what is older is not counted again. */
const LATE_MAX = 30 * SECOND;

/** Counts the events of the last hour: all of them the first time, then only those since the last time. */
function createTally(database: Database): (now: Instant) => Promise<Seen> {
  const slices = new Map<number, EventCount[]>();
  let from = Number.NEGATIVE_INFINITY;
  return async (now) => {
    const since = from <= now ? Math.max(from, now - HOUR) : now - HOUR; // a clock that was set back begins anew
    const first = Math.floor(since / EVERY);
    const counts = await database.read((q) =>
      countEvents(q, { types: [...TYPES], since: first * EVERY, sliceMs: EVERY }),
    );
    for (const slice of slices.keys())
      if (slice >= first || slice < Math.floor((now - HOUR) / EVERY)) slices.delete(slice);
    for (const [slice, list = []] of Object.entries(Object.groupBy(counts, ({ slice: at }) => at)))
      slices.set(Number(slice), list);
    from = now - LATE_MAX;
    return seenIn([...slices.values()].flat(), now);
  };
}

function seenIn(counts: readonly EventCount[], now: Instant): Seen {
  const lately = counts.filter(({ slice }) => (slice + 1) * EVERY > now - CODES_WITHIN);
  const sum = (list: readonly EventCount[]) => list.reduce((total, { count }) => total + count, 0);
  return {
    wrong: sum(lately.filter(({ type }) => type === 'attempt.code_wrong' || type === 'attempt.locked')),
    right: sum(lately.filter(({ data }) => data.includes('"provedBy":"code"'))),
    mails: sum(counts.filter(isMail)),
  };
}

/** Also those that are held for what the account is: what is counted must not tell. */
function isMail({ type, data }: EventCount): boolean {
  const asked = type === 'attempt.started' || type === 'attempt.mail_asked';
  return asked && !/"(?:address|deployment)-limited"/.test(data);
}
