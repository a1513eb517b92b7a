import { setTimeout as sleep } from 'node:timers/promises';
import { BOUNCE_BLOCKS_FOR, blocksMail } from '../core/delivery.ts';
import type { Instant, MailId } from '../core/ids.ts';
import { MINUTE, SECOND } from '../core/units.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/database.ts';
import type { Queries } from '../platform/database/schema.ts';
import type { Log } from '../platform/log.ts';
import { type Suppression, suppressionsAmong } from './delivery/store.ts';
import { conclude, type Ending, endingOf, recordEnding, retryAt, type Settled } from './ending.ts';
import { claimDue, markAbandoned, nextDueAt, type OutboxRow, postpone } from './store.ts';
import type { Handover, MailTransport, OutgoingMail } from './transport.ts';

/** Hand-overs at the same moment. */
const HANDOVERS_MAX = 8;

/** Another process may have died with mails waiting. */
const POLL_EVERY = SECOND;
const SWEEP_EVERY = 15 * SECOND;

/** No hand-over takes as long: one that is this old has lost its process. */
const ABANDONED_AFTER = MINUTE;

/** Milliseconds that a result may wait for the next claim, to share its transaction. */
const SETTLE_WITHIN = 25;

const DATABASE_RETRY = SECOND;
const STOP_WITHIN = 5 * SECOND;

/**
 * Writes a mail at the moment of its hand-over, inside the transaction that claims it, so that what it
 * stores about its secrets is durable exactly when they leave. Undefined: the mail is no longer wanted.
 * May run again for the same row, then with new secrets.
 */
export type Compose = (q: Queries, row: OutboxRow) => Promise<Omit<OutgoingMail, 'to'> | undefined>;

export interface OutboxParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly transport: MailTransport;
  readonly compose: Compose;
  readonly log: Pick<Log, 'warn' | 'error'>;
  /** Called after the ending is durable. */
  readonly onSettled?: (row: OutboxRow, state: Settled) => void;
}

export interface Outbox {
  /** Call after a transaction that asked for a mail has committed. */
  wake(): void;
  /** Resolves when nothing is due, in flight or unsettled. */
  idle(): Promise<void>;
  /** Finishes what is in flight, for five seconds at most; claims nothing more. */
  stop(): Promise<void>;
}

/** Starts the worker that hands over what the outbox holds: at once, and no mail twice. */
export function startOutbox(parts: OutboxParts): Outbox {
  const worker = new Worker(parts);
  worker.start();
  return { wake: () => worker.wake(), idle: () => worker.idle(), stop: () => worker.stop() };
}

interface Finished {
  readonly row: OutboxRow;
  readonly handover: Handover;
}

interface Turn {
  readonly claimed: number;
  readonly mails: readonly { readonly row: OutboxRow; readonly mail: OutgoingMail }[];
  readonly endings: readonly { readonly row: OutboxRow; readonly state: Settled }[];
}

interface Work {
  readonly finished: readonly Finished[];
  /** The row whose mail could not be written in the turn before: it makes way for those behind it. */
  readonly unwritable: OutboxRow | undefined;
  readonly room: number;
}

/** Turns follow one another; each is one transaction that settles what has finished and claims what is due. */
class Worker {
  readonly #parts: OutboxParts;
  readonly #inFlight = new Map<MailId, Promise<void>>();
  readonly #stopping = new AbortController();
  #finished: Finished[] = [];
  #unwritable: OutboxRow | undefined;
  #turning: Promise<void> | undefined;
  #again = false;
  /** More mails may be due than there was room for. */
  #crowded = false;
  #settleTimer: NodeJS.Timeout | undefined;
  #timers: NodeJS.Timeout[] = [];
  #chore: Promise<void> = Promise.resolve();

  constructor(parts: OutboxParts) {
    this.#parts = parts;
  }

  start(): void {
    const chore = (work: () => Promise<void>) => () => {
      this.#chore = this.#chore.then(work);
    };
    const sweep = chore(() => this.#sweep());
    this.#timers = [
      setInterval(
        chore(() => this.#poll()),
        POLL_EVERY,
      ),
      setInterval(sweep, SWEEP_EVERY),
    ];
    for (const timer of this.#timers) timer.unref();
    sweep();
    this.wake();
  }

  wake(): void {
    if (this.#stopped) return;
    this.#again = true;
    this.#turning ??= this.#run();
  }

  async idle(): Promise<void> {
    while (!this.#stopped) {
      await this.#quiet();
      const due = await this.#parts.database.read(nextDueAt);
      if (due === undefined || due > this.#parts.clock.now()) return;
      this.wake();
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#settleTimer);
    await Promise.all([this.#turning, this.#chore]);
    const landed = new AbortController();
    const patience = sleep(STOP_WITHIN, undefined, { signal: landed.signal }).catch(() => undefined);
    await Promise.race([Promise.all(this.#inFlight.values()), patience]);
    landed.abort();
    if (this.#finished.length > 0) await this.#turn(0);
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #quiet(): Promise<void> {
    while (!this.#stopped && (this.#turning || this.#inFlight.size > 0 || this.#finished.length > 0)) {
      if (this.#finished.length > 0) this.wake();
      await (this.#turning ?? Promise.race(this.#inFlight.values()));
    }
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      const done = await this.#turn(HANDOVERS_MAX - this.#inFlight.size);
      this.#again ||= !done;
    }
    this.#turning = undefined;
  }

  /** One transaction. False when it came to nothing; then all of it is to be tried again. */
  async #turn(room: number): Promise<boolean> {
    clearTimeout(this.#settleTimer);
    this.#settleTimer = undefined;
    const work = this.#takeWork(room);
    if (work.finished.length === 0 && room === 0) return true;
    try {
      this.#proceed(work, await this.#parts.database.write((q) => this.#transact(q, work)));
      return true;
    } catch (failure) {
      this.#parts.log.error({ failure, mailId: this.#unwritable?.id }, 'a turn of the outbox failed');
      if (this.#unwritable === undefined) await this.#databaseTrouble(work);
      return false;
    }
  }

  #takeWork(room: number): Work {
    const unwritable = this.#unwritable;
    this.#unwritable = undefined;
    this.#crowded = room === 0;
    return { finished: [...this.#finished], unwritable, room };
  }

  #proceed(work: Work, turn: Turn): void {
    this.#unwritable = undefined;
    this.#finished = this.#finished.slice(work.finished.length);
    for (const { row, mail } of turn.mails) this.#handOver(row, mail);
    for (const { row, state } of turn.endings) this.#report(row, state);
    this.#crowded = turn.claimed === work.room;
    this.#again ||= this.#crowded && this.#inFlight.size < HANDOVERS_MAX;
  }

  async #databaseTrouble(work: Work): Promise<void> {
    this.#unwritable = work.unwritable;
    await sleep(DATABASE_RETRY, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }

  async #transact(q: Queries, work: Work): Promise<Turn> {
    const now = this.#parts.clock.now();
    const mails: Turn['mails'][number][] = [];
    const endings: Turn['endings'][number][] = [];
    const end = async (row: OutboxRow, ending: Ending) => {
      if (await conclude(q, row, { ...ending, at: now })) endings.push({ row, state: ending.state });
    };
    if (work.unwritable) await putOff(q, work.unwritable, now);
    for (const { row, handover } of work.finished) await end(row, endingOf(row, handover, now));
    const rows = work.room > 0 ? await claimDue(q, now, work.room) : [];
    const blocked = await blockedAmong(q, rows, now);
    for (const row of rows) {
      if (blocked.has(row.to)) {
        await end(row, { state: 'failed', reason: 'mails to this address bounced', suppressed: true });
        continue;
      }
      const mail = row.notAfter > now ? await this.#compose(q, row) : undefined;
      if (mail) mails.push({ row, mail: { ...mail, to: row.to } });
      else await end(row, { state: 'dropped', reason: row.notAfter > now ? 'no longer wanted' : 'expired' });
    }
    return { claimed: rows.length, mails, endings };
  }

  async #compose(q: Queries, row: OutboxRow): ReturnType<Compose> {
    try {
      return await this.#parts.compose(q, row);
    } catch (failure) {
      this.#unwritable = row;
      throw failure;
    }
  }

  #handOver(row: OutboxRow, mail: OutgoingMail): void {
    const flight = this.#attempt(row, mail).then((handover) => {
      this.#inFlight.delete(row.id);
      this.#finished.push({ row, handover });
      if (this.#crowded) this.wake();
      else this.#settleTimer ??= setTimeout(() => this.wake(), SETTLE_WITHIN);
    });
    this.#inFlight.set(row.id, flight);
  }

  async #attempt(row: OutboxRow, mail: OutgoingMail): Promise<Handover> {
    try {
      const handover = await this.#parts.transport.send(mail);
      if (handover.outcome !== 'accepted')
        this.#parts.log.warn({ mailId: row.id, tries: row.tries, ...handover }, 'a mail was not accepted');
      return handover;
    } catch (failure) {
      this.#parts.log.error({ mailId: row.id, failure }, 'the mail transport failed');
      return { outcome: 'unclear', reason: 'the mail transport failed' };
    }
  }

  #report(row: OutboxRow, state: Settled): void {
    try {
      this.#parts.onSettled?.(row, state);
    } catch (failure) {
      this.#parts.log.error({ mailId: row.id, failure }, 'the listener of the outbox failed');
    }
  }

  async #poll(): Promise<void> {
    try {
      const due = await this.#parts.database.read(nextDueAt);
      if (due !== undefined && due <= this.#parts.clock.now()) this.wake();
    } catch {
      this.wake(); // whose turn says what is wrong, and waits until it is over
    }
  }

  async #sweep(): Promise<void> {
    const now = this.#parts.clock.now();
    const live = [...this.#inFlight.keys(), ...this.#finished.map(({ row }) => row.id)];
    try {
      const rows = await this.#parts.database.write(async (q) => {
        const abandoned = await markAbandoned(q, { olderThan: now - ABANDONED_AFTER, live }, now);
        for (const row of abandoned)
          await recordEnding(q, row, { state: 'unclear', reason: row.reason ?? '', at: now });
        return abandoned;
      });
      for (const row of rows) this.#report(row, 'unclear');
    } catch (failure) {
      this.#parts.log.error({ failure }, 'abandoned mails could not be looked for');
    }
  }
}

/** Addresses whose mailbox was not there a short while ago. */
async function blockedAmong(q: Queries, rows: readonly OutboxRow[], now: Instant): Promise<Set<string>> {
  const found = await suppressionsAmong(
    q,
    rows.map(({ to }) => to),
  );
  const isBlocked = ({ reason, since }: Suppression) => blocksMail(reason) && now - since < BOUNCE_BLOCKS_FOR;
  return new Set(found.filter(isBlocked).map(({ email }) => email));
}

async function putOff(q: Queries, row: OutboxRow, at: number): Promise<void> {
  await postpone(q, row.id, { dueAt: retryAt(row.tries, at), reason: 'the mail could not be written', at });
}
