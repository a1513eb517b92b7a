import assert from 'node:assert/strict';
import { afterEach, beforeEach } from 'node:test';
import type { AttemptId, Instant, MailId } from '../../src/core/ids.ts';
import { MINUTE } from '../../src/core/units.ts';
import { recentEvents } from '../../src/events/store.ts';
import { type Compose, type Outbox, type OutboxParts, startOutbox } from '../../src/mail/outbox.ts';
import { enqueueMail } from '../../src/mail/store.ts';
import type { Handover, MailTransport, OutgoingMail } from '../../src/mail/transport.ts';
import { systemClock } from '../../src/platform/clock.ts';
import type { Database } from '../../src/platform/database/database.ts';
import type { Schema } from '../../src/platform/database/schema.ts';
import { newId } from '../../src/platform/random.ts';
import type { TestDatabase } from './databases.ts';
import { as } from './mails.ts';

export const ATTEMPT: AttemptId = 'req_7';

export const accepted = (): Handover => ({ outcome: 'accepted' });
export const unsent = (): Handover => ({ outcome: 'unsent', reason: '451 later' });

/** A transport that answers as it is told and remembers what it was given. */
export function recorder(
  answer: (mail: OutgoingMail, nth: number) => Handover | Promise<Handover> = accepted,
): { mails: OutgoingMail[]; transport: MailTransport } {
  const mails: OutgoingMail[] = [];
  const send = async (mail: OutgoingMail) => {
    mails.push(mail);
    return answer(mail, mails.length);
  };
  return { mails, transport: { send, close: async () => undefined } };
}

/** An outbox per test on the database of the suite, with a clock that the test moves. */
export class OutboxBench {
  /** What was logged as an error; a test that expects any takes it away. */
  readonly logged: unknown[] = [];
  composed = 0;
  #now: Instant = 0;
  #database: Database | undefined;
  #running: Outbox[] = [];

  readonly clock = {
    now: () => this.#now,
    set: (instant: Instant) => {
      this.#now = instant;
    },
    advance: (milliseconds: number) => {
      this.#now += milliseconds;
    },
  };

  constructor(store: TestDatabase) {
    beforeEach(async () => {
      this.#database ??= await store.open();
      await this.database.write(async (q) => {
        await q.deleteFrom('outbox').execute();
        await q.deleteFrom('events').execute();
      });
      this.#now = systemClock.now();
      this.#running = [];
      this.composed = 0;
    });
    afterEach(async () => {
      for (const outbox of this.#running) await outbox.stop();
      assert.deepEqual(this.logged, []);
    });
  }

  get database(): Database {
    assert.ok(this.#database, 'the database is opened before each test');
    return this.#database;
  }

  /** A new code each time. */
  readonly compose: Compose = async (_q, { id }) => {
    this.composed += 1;
    const said = `code ${this.composed}`;
    return { subject: said, text: said, html: '<p>', messageId: id, facts: { code: `${this.composed}` } };
  };

  readonly start = (transport: MailTransport, rest: Partial<OutboxParts> = {}): Outbox => {
    const log = { warn: () => undefined, error: (...entry: unknown[]) => void this.logged.push(entry) };
    const { database, clock, compose } = this;
    const outbox = startOutbox({ database, clock, transport, compose, log, ...rest });
    this.#running.push(outbox);
    return outbox;
  };

  readonly enqueue = async (
    rest: { notAfter?: Instant; held?: string; to?: string } = {},
  ): Promise<MailId> => {
    const { notAfter = this.#now + 10 * MINUTE, held, to = 'ana@example.com' } = rest;
    const id = newId('msg', this.#now);
    const mail = { id, kind: 'sign-in', attemptId: ATTEMPT, to: as(to), notAfter };
    await this.database.write((q) =>
      enqueueMail(q, held === undefined ? mail : { ...mail, held }, this.#now),
    );
    return id;
  };

  readonly rowOf = (id: MailId): Promise<Schema['outbox'] | undefined> =>
    this.database.read((q) => q.selectFrom('outbox').selectAll().where('id', '=', id).executeTakeFirst());

  readonly stateOf = async (id: MailId): Promise<string | undefined> => (await this.rowOf(id))?.state;

  readonly eventsOf = async (id: MailId): Promise<{ type: string; attemptId: string | null }[]> => {
    const events = await this.database.read((q) => recentEvents(q, 1000));
    return events.filter(({ data }) => data.includes(id)).map(({ type, attemptId }) => ({ type, attemptId }));
  };

  readonly setState = (id: MailId, state: string, updatedAt: Instant): Promise<void> =>
    this.database.write(async (q) => {
      await q.updateTable('outbox').set({ state, updated_at: updatedAt }).where('id', '=', id).execute();
    });
}
