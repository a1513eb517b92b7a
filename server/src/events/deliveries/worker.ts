import { setTimeout as sleep } from 'node:timers/promises';
import type { DeliveryId, Instant } from '../../core/ids.ts';
import { SECOND } from '../../core/units.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/database/database.ts';
import type { Queries } from '../../platform/database/schema.ts';
import type { Outbound } from '../../platform/http/outbound.ts';
import type { Log } from '../../platform/log.ts';
import { random } from '../../platform/random.ts';
import type { Carriers, Delivery, FanOut } from './delivery.ts';
import { type Answered, verdictOf } from './schedule.ts';
import { ANSWER_WITHIN, sendOnce } from './sending.ts';
import { claimDue, claimEvents, hasWork, insertDeliveries, reviveAbandoned, settleTry } from './store.ts';

/** Requests on their way at the same moment, in all and to one target; to one that just failed only one. */
const FLIGHTS_MAX = 32;
const FLIGHTS_OF_TARGET_MAX = 4;

/** Events in one transaction: others wait for the writer. */
const EVENTS_MAX = 50;

/** How often an event may spoil a turn before it goes unheard. */
const FAN_TRIES_MAX = 3;

/** Other processes write events and deliveries too. */
const POLL_EVERY = SECOND;
const SWEEP_EVERY = 10 * SECOND;

/** No try takes as long: one that is this old has lost its process. */
const ABANDONED_AFTER = 3 * ANSWER_WITHIN;

/** Milliseconds that a result may wait for others, to share their transaction. */
const SETTLE_WITHIN = 25;

const DATABASE_RETRY = SECOND;
const STOP_WITHIN = 5 * SECOND;

export interface DeliveryParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly outbound: Outbound;
  readonly carriers: Carriers;
  /** Everybody who may want to hear of an event. */
  readonly fanOuts: readonly FanOut[];
  readonly log: Pick<Log, 'warn' | 'error'>;
}

export interface DeliveryWorker {
  /** Call after a transaction that wrote an event or a delivery, so that it need not wait for the next second. */
  wake(): void;
  /** Resolves when nothing is due, in flight or unsettled. */
  idle(): Promise<void>;
  /** Finishes what is in flight, for five seconds at most; claims nothing more. */
  stop(): Promise<void>;
}

/** Starts the worker that turns events into deliveries and sends them: each at least once, in no promised order. */
export function startDeliveries(parts: DeliveryParts): DeliveryWorker {
  const worker = new Worker(parts);
  worker.start();
  return { wake: () => worker.wake(), idle: () => worker.idle(), stop: () => worker.stop() };
}

interface Finished {
  readonly delivery: Delivery;
  /** Undefined: nobody wants it any more. */
  readonly answered: Answered | undefined;
  readonly spread: number;
}

/** Turns follow one another; each is one transaction that settles, fans out and claims. */
class Worker {
  readonly #parts: DeliveryParts;
  readonly #flights = new Map<DeliveryId, { target: string; done: Promise<void> }>();
  readonly #stopping = new AbortController();
  /** Targets whose last answer was none, or no success. */
  readonly #failing = new Set<string>();
  /** Events that spoiled a turn, and how often. */
  readonly #unfit = new Map<string, number>();
  #finished: Finished[] = [];
  #turning: Promise<void> | undefined;
  #again = false;
  #lastTarget = '';
  #settleTimer: NodeJS.Timeout | undefined;
  #timers: NodeJS.Timeout[] = [];
  #chore: Promise<void> = Promise.resolve();

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
  }

  start(): void {
    const every = (ms: number, work: () => Promise<void>) =>
      setInterval(() => {
        this.#chore = this.#chore.then(work);
      }, ms);
    this.#timers = [every(POLL_EVERY, () => this.#poll()), every(SWEEP_EVERY, () => this.#sweep())];
    for (const timer of this.#timers) timer.unref();
    this.#chore = this.#sweep().then(() => this.#poll());
  }

  wake(): void {
    if (this.#stopped) return;
    this.#again = true;
    this.#turning ??= this.#run();
  }

  async idle(): Promise<void> {
    while (!this.#stopped) {
      if (this.#finished.length > 0) this.wake();
      const flights = [...this.#flights.values()].map(({ done }) => done);
      const busy = this.#turning ?? (flights.length > 0 ? Promise.race(flights) : undefined);
      if (busy !== undefined) await busy;
      else if (await this.#parts.database.read((q) => hasWork(q, this.#parts.clock.now()))) this.wake();
      else return;
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#settleTimer);
    await Promise.all([this.#turning, this.#chore]);
    const landed = new AbortController();
    const patience = sleep(STOP_WITHIN, undefined, { signal: landed.signal }).catch(() => undefined);
    await Promise.race([Promise.all([...this.#flights.values()].map(({ done }) => done)), patience]);
    landed.abort();
    if (this.#finished.length > 0) await this.#turn({ claims: false });
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      await this.#turn({ claims: true });
    }
    this.#turning = undefined;
  }

  /** One transaction; when it fails all of it is tried again. */
  async #turn(turn: { claims: boolean }): Promise<void> {
    clearTimeout(this.#settleTimer);
    this.#settleTimer = undefined;
    const finished = [...this.#finished];
    try {
      const { claimed, events } = await this.#parts.database.write((q) => this.#transact(q, finished, turn));
      this.#finished = this.#finished.slice(finished.length);
      this.#unfit.clear();
      for (const delivery of claimed) this.#send(delivery);
      this.#lastTarget = claimed.at(-1)?.targetId ?? this.#lastTarget;
      this.#again ||= events > 0 || claimed.length > 0;
    } catch (failure) {
      this.#parts.log.error({ failure }, 'a turn of the deliveries failed');
      await sleep(DATABASE_RETRY, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      this.#again = true;
    }
  }

  async #transact(q: Queries, finished: readonly Finished[], turn: { claims: boolean }) {
    const now = this.#parts.clock.now();
    for (const one of finished) await this.#settle(q, one, now);
    if (!turn.claims) return { claimed: [], events: 0 };
    const events = await this.#fanOut(q, now);
    const room = {
      max: FLIGHTS_MAX - this.#flights.size,
      of: (target: string) => this.#roomOf(target),
      after: this.#lastTarget,
    };
    return { claimed: room.max > 0 ? await claimDue(q, room, now) : [], events };
  }

  async #settle(q: Queries, { delivery, answered, spread }: Finished, now: Instant): Promise<void> {
    const { ok: _ok, retryAfterMs: _pause, ...one } = answered ?? { at: now, ms: 0, ok: false };
    const verdict = answered && verdictOf(delivery, answered, { now, spread });
    const ending =
      verdict === undefined ? { state: 'dropped' as const, at: now } : { ...verdict, one, at: now };
    if ((await settleTry(q, delivery, ending)) && answered !== undefined)
      await this.#parts.carriers[delivery.kind].tried?.(q, { ...delivery, state: ending.state }, answered);
  }

  async #fanOut(q: Queries, now: Instant): Promise<number> {
    const events = await claimEvents(q, EVENTS_MAX);
    for (const event of events) {
      const spoiled = this.#unfit.get(event.id) ?? 0;
      if (spoiled >= FAN_TRIES_MAX) {
        this.#parts.log.error({ eventId: event.id, type: event.type }, 'an event goes unheard');
        continue;
      }
      this.#unfit.set(event.id, spoiled + 1);
      for (const fanOut of this.#parts.fanOuts) await insertDeliveries(q, await fanOut(q, event), now);
      this.#unfit.set(event.id, spoiled);
    }
    return events.length;
  }

  #roomOf(target: string): number {
    const mine = [...this.#flights.values()].filter((flight) => flight.target === target).length;
    return (this.#failing.has(target) ? 1 : FLIGHTS_OF_TARGET_MAX) - mine;
  }

  #send(delivery: Delivery): void {
    const done = this.#try(delivery).then((answered) => {
      this.#flights.delete(delivery.id);
      this.#finished.push({ delivery, answered, spread: random.bytes(1).readUInt8() / 255 });
      if (answered?.ok === false) this.#failing.add(delivery.targetId);
      else this.#failing.delete(delivery.targetId);
      this.#settleTimer ??= setTimeout(() => this.wake(), SETTLE_WITHIN);
    });
    this.#flights.set(delivery.id, { target: delivery.targetId, done });
  }

  async #try(delivery: Delivery): Promise<Answered | undefined> {
    const now = this.#parts.clock.now();
    if (delivery.notAfter <= now) return { at: now, ms: 0, ok: false, reason: 'its time was over' };
    const answered = await sendOnce(this.#parts, delivery);
    if (answered?.ok === false) {
      const { id, targetId, tries } = delivery;
      this.#parts.log.warn(
        { deliveryId: id, targetId, tries, status: answered.status, reason: answered.reason },
        'a delivery failed',
      );
    }
    return answered;
  }

  async #poll(): Promise<void> {
    try {
      if (await this.#parts.database.read((q) => hasWork(q, this.#parts.clock.now()))) this.wake();
    } catch {
      this.wake(); // whose turn says what is wrong
    }
  }

  async #sweep(): Promise<void> {
    const now = this.#parts.clock.now();
    const live = [...this.#flights.keys(), ...this.#finished.map(({ delivery }) => delivery.id)];
    try {
      await this.#parts.database.write((q) =>
        reviveAbandoned(q, { olderThan: now - ABANDONED_AFTER, live }, now),
      );
    } catch (failure) {
      this.#parts.log.error({ failure }, 'abandoned deliveries could not be looked for');
    }
  }
}
