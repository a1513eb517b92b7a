import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { AttemptId, Instant, MailId } from '../src/core/ids.ts';
import { DAY, MINUTE, SECOND } from '../src/core/units.ts';
import { recentEvents } from '../src/events/store.ts';
import { retryAt } from '../src/mail/ending.ts';
import { type Compose, type Outbox, type OutboxParts, startOutbox } from '../src/mail/outbox.ts';
import { createSmtpTransport } from '../src/mail/smtp.ts';
import { claimDue, enqueueMail, nextDueAt, pruneOutbox } from '../src/mail/store.ts';
import type { Handover, MailTransport, OutgoingMail } from '../src/mail/transport.ts';
import { systemClock } from '../src/platform/clock.ts';
import type { Database } from '../src/platform/database/database.ts';
import type { Queries } from '../src/platform/database/schema.ts';
import { newId } from '../src/platform/random.ts';
import { storeSetting } from '../src/settings/store.ts';
import { eachDatabase } from './support/databases.ts';
import { as } from './support/mails.ts';
import { startSmtpSink } from './support/smtp-sink.ts';

const ATTEMPT: AttemptId = 'req_7';

/** A transport that answers as it is told and remembers what it was given. */
function recorder(answer: (mail: OutgoingMail, nth: number) => Handover | Promise<Handover> = accepted) {
  const mails: OutgoingMail[] = [];
  const transport: MailTransport = {
    send: async (mail) => {
      mails.push(mail);
      return answer(mail, mails.length);
    },
    close: async () => undefined,
  };
  return { mails, transport };
}

const accepted = (): Handover => ({ outcome: 'accepted' });
const unsent = (): Handover => ({ outcome: 'unsent', reason: '451 later' });

eachDatabase('the outbox', (store) => {
  let database: Database;
  let now: Instant;
  let running: Outbox[];
  let composed: number;
  let logged: unknown[];

  const clock = { now: () => now };
  const compose: Compose = async (_q, row) => {
    composed += 1;
    return {
      subject: `code ${composed}`,
      text: `code ${composed}`,
      html: '<p>',
      messageId: row.id,
      facts: { code: `${composed}` },
    };
  };
  const start = (transport: MailTransport, rest: Partial<OutboxParts> = {}) => {
    const log = { warn: () => undefined, error: (...entry: unknown[]) => void logged.push(entry) };
    const outbox = startOutbox({ database, clock, transport, compose, log, ...rest });
    running.push(outbox);
    return outbox;
  };
  const enqueue = async (rest: { notAfter?: Instant; held?: string; to?: string } = {}): Promise<MailId> => {
    const { notAfter = now + 10 * MINUTE, held, to = 'ana@example.com' } = rest;
    const id = newId('msg', now);
    const mail = { id, kind: 'sign-in', attemptId: ATTEMPT, to: as(to), notAfter };
    await database.write((q) => enqueueMail(q, held === undefined ? mail : { ...mail, held }, now));
    return id;
  };
  const rowOf = async (id: MailId) => {
    const query = (q: Queries) => q.selectFrom('outbox').selectAll().where('id', '=', id).executeTakeFirst();
    return database.read(query);
  };
  const stateOf = async (id: MailId) => (await rowOf(id))?.state;
  const eventsOf = async (id: MailId) => {
    const events = await database.read((q) => recentEvents(q, 1000));
    return events.filter(({ data }) => data.includes(id)).map(({ type, attemptId }) => ({ type, attemptId }));
  };
  const setState = (id: MailId, state: string, updatedAt: Instant) =>
    database.write(async (q) => {
      await q.updateTable('outbox').set({ state, updated_at: updatedAt }).where('id', '=', id).execute();
    });

  beforeEach(async () => {
    database ??= await store.open();
    await database.write(async (q) => {
      await q.deleteFrom('outbox').execute();
      await q.deleteFrom('events').execute();
    });
    now = systemClock.now();
    running = [];
    composed = 0;
    logged = [];
  });
  afterEach(async () => {
    for (const outbox of running) await outbox.stop();
    assert.deepEqual(logged, []);
  });

  it('hands a mail over as soon as it is woken, and writes down that it did', async () => {
    const { mails, transport } = recorder();
    const endings: string[] = [];
    const outbox = start(transport, { onSettled: (row, state) => endings.push(`${row.id} ${state}`) });
    const id = await enqueue();
    outbox.wake();
    await outbox.idle();
    assert.deepEqual(
      mails.map(({ to, messageId }) => ({ to, messageId })),
      [{ to: 'ana@example.com', messageId: id }],
    );
    assert.equal(await stateOf(id), 'sent');
    assert.deepEqual(await eventsOf(id), [{ type: 'mail.sent', attemptId: ATTEMPT }]);
    assert.deepEqual(endings, [`${id} sent`]);
  });

  it('stores nothing of what a mail says', async () => {
    const outbox = start(recorder().transport, {
      compose: async (q, row) => ({
        ...(await compose(q, row)),
        subject: 'S482913',
        text: 'T482913',
        html: 'H482913',
        messageId: row.id,
      }),
    });
    await enqueue();
    outbox.wake();
    await outbox.idle();
    const rows = await database.read((q) => q.selectFrom('outbox').selectAll().execute());
    const events = await database.read((q) => recentEvents(q, 1000));
    assert.doesNotMatch(JSON.stringify([rows, events]), /482913/);
  });

  it('never sends what is held', async () => {
    const { mails, transport } = recorder();
    const id = await enqueue({ held: 'no account' });
    await start(transport).idle();
    assert.deepEqual(mails, []);
    assert.equal(composed, 0);
    const row = await rowOf(id);
    assert.deepEqual([row?.state, row?.reason], ['held', 'no account']);
  });

  it('gives up on a mail that is refused', async () => {
    const { mails, transport } = recorder(() => ({ outcome: 'refused', reason: '550 no such user' }));
    const id = await enqueue();
    const outbox = start(transport);
    await outbox.idle();
    now += MINUTE;
    await outbox.idle();
    assert.equal(mails.length, 1);
    const row = await rowOf(id);
    assert.deepEqual([row?.state, row?.reason], ['failed', '550 no such user']);
    assert.deepEqual(await eventsOf(id), [{ type: 'mail.failed', attemptId: ATTEMPT }]);
  });

  it('tries again, with a new code each time, while a mail certainly did not leave', async () => {
    const { mails, transport } = recorder((_mail, nth) => (nth < 4 ? unsent() : accepted()));
    const id = await enqueue();
    const outbox = start(transport);
    const waits: number[] = [];
    for (let tries = 1; tries < 4; tries += 1) {
      await outbox.idle();
      assert.equal(mails.length, tries);
      const row = await rowOf(id);
      assert.deepEqual([row?.state, row?.tries], ['queued', tries]);
      waits.push((row?.due_at ?? 0) - now);
      now = (row?.due_at ?? 0) - 1;
      await outbox.idle();
      assert.equal(mails.length, tries, 'not before its time');
      now += 1;
    }
    await outbox.idle();
    assert.deepEqual(waits, [SECOND, 2 * SECOND, 4 * SECOND]);
    assert.deepEqual(
      mails.map(({ facts }) => facts?.code),
      ['1', '2', '3', '4'],
    );
    assert.equal(await stateOf(id), 'sent');
    assert.deepEqual(await eventsOf(id), [{ type: 'mail.sent', attemptId: ATTEMPT }]);
  });

  it('waits twice as long after each try, up to a minute', () => {
    const waits = [1, 2, 3, 4, 5, 6, 7, 8, 50].map((tries) => retryAt(tries, 0) / SECOND);
    assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
  });

  it('drops a mail whose next try would come too late', async () => {
    const { mails, transport } = recorder(unsent);
    const id = await enqueue({ notAfter: now + SECOND });
    const outbox = start(transport);
    for (let turn = 0; turn < 5; turn += 1) {
      await outbox.idle();
      now += 4 * SECOND;
    }
    assert.equal(mails.length, 1);
    const row = await rowOf(id);
    assert.deepEqual([row?.state, row?.reason], ['dropped', 'expired: 451 later']);
    assert.deepEqual(await eventsOf(id), [{ type: 'mail.dropped', attemptId: ATTEMPT }]);
  });

  it('does not even write a mail that has expired', async () => {
    const { mails, transport } = recorder();
    const id = await enqueue({ notAfter: now });
    await start(transport).idle();
    assert.deepEqual([mails.length, composed], [0, 0]);
    const row = await rowOf(id);
    assert.deepEqual([row?.state, row?.reason], ['dropped', 'expired']);
  });

  it('drops a mail that is no longer wanted', async () => {
    const { mails, transport } = recorder();
    const id = await enqueue();
    await start(transport, { compose: async () => undefined }).idle();
    assert.deepEqual(mails, []);
    const row = await rowOf(id);
    assert.deepEqual([row?.state, row?.reason], ['dropped', 'no longer wanted']);
  });

  it('never sends again what may have arrived', async () => {
    const { mails, transport } = recorder(() => ({ outcome: 'unclear', reason: 'lost after DATA' }));
    const id = await enqueue();
    const outbox = start(transport);
    for (let turn = 0; turn < 5; turn += 1) {
      await outbox.idle();
      now += MINUTE;
    }
    assert.equal(mails.length, 1);
    assert.equal(await stateOf(id), 'unclear');
    assert.deepEqual(await eventsOf(id), [{ type: 'mail.unclear', attemptId: ATTEMPT }]);
  });

  it('takes a transport that fails in an unknown way for unclear', async () => {
    const id = await enqueue();
    const outbox = start({ send: () => Promise.reject(new Error('a bug')), close: async () => undefined });
    await outbox.idle();
    assert.equal(await stateOf(id), 'unclear');
    assert.equal(logged.splice(0).length, 1);
  });

  it('never repeats a hand-over whose process ended, and says so after a minute', async () => {
    const fresh = await enqueue();
    const old = await enqueue();
    await setState(fresh, 'sending', now - 59 * SECOND);
    await setState(old, 'sending', now - 61 * SECOND);
    const { mails, transport } = recorder();
    const outbox = start(transport);
    await outbox.idle();
    await outbox.stop(); // which waits for the first look at what was left behind
    assert.deepEqual(mails, []);
    assert.deepEqual([await stateOf(fresh), await stateOf(old)], ['sending', 'unclear']);
    assert.deepEqual(await eventsOf(old), [{ type: 'mail.unclear', attemptId: ATTEMPT }]);
  });

  it('believes the process that handed a mail over, when another took it for dead', async () => {
    const landing = Promise.withResolvers<Handover>();
    const { transport } = recorder(() => landing.promise);
    const id = await enqueue();
    const outbox = start(transport);
    await sleep(100);
    await setState(id, 'unclear', now);
    landing.resolve({ outcome: 'accepted' });
    await outbox.idle();
    assert.equal(await stateOf(id), 'sent');
  });

  it('makes the secrets of a mail durable before the mail leaves', async () => {
    const seen: unknown[] = [];
    const { transport } = recorder(async () => {
      seen.push(
        await database.read((q) =>
          q.selectFrom('settings').select('value').where('name', '=', 'hash').execute(),
        ),
      );
      return accepted();
    });
    await enqueue();
    const write: Compose = async (q, row) => {
      await storeSetting(q, { name: 'hash', value: row.id }, now);
      return compose(q, row);
    };
    await start(transport, { compose: write }).idle();
    assert.equal(JSON.stringify(seen).includes('msg_'), true);
  });

  it('lets the others pass a mail that cannot be written, and undoes what it wrote', async () => {
    const { mails, transport } = recorder();
    const bad = await enqueue({ to: 'bad@example.com' });
    const good = await enqueue();
    const write: Compose = async (q, row) => {
      if (row.id !== bad) return compose(q, row);
      await storeSetting(q, { name: 'leftover', value: 1 }, now);
      throw new Error('a template is broken');
    };
    const outbox = start(transport, { compose: write });
    await outbox.idle();
    assert.deepEqual([await stateOf(good), await stateOf(bad)], ['sent', 'queued']);
    assert.equal(mails.length, 1);
    const leftovers = await database.read((q) =>
      q.selectFrom('settings').selectAll().where('name', '=', 'leftover').execute(),
    );
    assert.deepEqual(leftovers, []);
    now += 10 * MINUTE;
    await outbox.idle();
    assert.equal(await stateOf(bad), 'dropped');
    assert.ok(logged.splice(0).length > 0);
  });

  it('has at most eight hand-overs at a time, and gets through many mails in few transactions', async () => {
    let flying = 0;
    let most = 0;
    const { mails, transport } = recorder(async () => {
      flying += 1;
      most = Math.max(most, flying);
      await sleep(2);
      flying -= 1;
      return accepted();
    });
    const ids: MailId[] = [];
    for (let sent = 0; sent < 200; sent += 1) ids.push(await enqueue());
    let writes = 0;
    const counting: Database = {
      ...database,
      write: (work) => {
        writes += 1;
        return database.write(work);
      },
    };
    await start(transport, { database: counting }).idle();
    assert.equal(new Set(mails.map(({ messageId }) => messageId)).size, 200);
    assert.equal(mails.length, 200);
    assert.ok(most <= 8 && most > 1, `${most} at a time`);
    assert.ok(writes < 200, `${writes} transactions`);
    for (const id of ids) assert.equal(await stateOf(id), 'sent');
  });

  it('gives each mail to one of two workers that share the store', async () => {
    const other = await store.open();
    const first = recorder();
    const second = recorder();
    const ids: MailId[] = [];
    for (let sent = 0; sent < 150; sent += 1) ids.push(await enqueue());
    const workers = [start(first.transport), start(second.transport, { database: other })];
    await Promise.all(workers.map((worker) => worker.idle()));
    const sent = [...first.mails, ...second.mails].map(({ messageId }) => messageId);
    assert.deepEqual(sent.toSorted(), ids.toSorted());
  });

  it('sends no mail twice from two processes, one of which is killed, and repeats none of the killed', async () => {
    const ids: MailId[] = [];
    for (let sent = 0; sent < 150; sent += 1) ids.push(await enqueue());
    const killed = worker(store.url, (line, child) => line === 20 && child.kill('SIGKILL'));
    const survivor = worker(store.url);
    const sent = [...(await killed), ...(await survivor)];
    assert.equal(new Set(sent).size, sent.length);
    now = systemClock.now() + 2 * MINUTE;
    const { mails, transport } = recorder();
    const outbox = start(transport);
    await outbox.idle();
    await outbox.stop();
    assert.deepEqual(
      mails.map(({ messageId }) => messageId).filter((id) => sent.includes(id)),
      [],
    );
    const states = await Promise.all(ids.map(stateOf));
    assert.deepEqual([...new Set(states)].toSorted(), ['sent', 'unclear']);
  });

  it('finds by itself what another process left waiting', async () => {
    const { mails, transport } = recorder();
    start(transport);
    await sleep(50);
    await enqueue();
    for (let waited = 0; mails.length === 0 && waited < 3000; waited += 20) await sleep(20);
    assert.equal(mails.length, 1);
  });

  it('finishes what is in flight when it stops, and starts nothing more', async () => {
    const landing = Promise.withResolvers<Handover>();
    const { mails, transport } = recorder(() => landing.promise);
    const id = await enqueue();
    const outbox = start(transport);
    while (mails.length === 0) await sleep(5);
    const stopped = outbox.stop();
    const later = await enqueue();
    outbox.wake();
    landing.resolve({ outcome: 'accepted' });
    await stopped;
    assert.deepEqual([await stateOf(id), await stateOf(later)], ['sent', 'queued']);
  });

  it('loses nothing when the database fails for a while', async () => {
    const { mails, transport } = recorder();
    let failures = 2;
    const failing: Database = {
      ...database,
      write: (work) => {
        if (mails.length > 0 && failures > 0) {
          failures -= 1;
          return Promise.reject(new Error('the disk is full'));
        }
        return database.write(work);
      },
    };
    const id = await enqueue();
    const outbox = start(transport, { database: failing });
    while (mails.length === 0) await sleep(5);
    await outbox.idle();
    assert.equal(await stateOf(id), 'sent');
    assert.equal(mails.length, 1);
    assert.ok(logged.splice(0).length >= 2);
  });

  it('forgets settled mails that are old, a bounded number at a time', async () => {
    const [sent, held, queued, sending, recent] = [
      await enqueue(),
      await enqueue({ held: 'x' }),
      await enqueue(),
      await enqueue(),
      await enqueue(),
    ];
    await setState(sent, 'sent', now);
    await setState(sending, 'sending', now);
    await setState(recent, 'sent', now);
    await database.write(async (q) => {
      await q
        .updateTable('outbox')
        .set({ due_at: now - 8 * DAY })
        .where('id', '!=', recent)
        .execute();
    });
    const prune = (max: number) => database.write((q) => pruneOutbox(q, now - 7 * DAY, max));
    assert.equal(await prune(1), 1);
    assert.equal(await prune(100), 1);
    assert.equal(await prune(100), 0);
    assert.deepEqual([await rowOf(sent), await rowOf(held)], [undefined, undefined]);
    assert.deepEqual(
      [await stateOf(queued), await stateOf(sending), await stateOf(recent)],
      ['queued', 'sending', 'sent'],
    );
  });

  it('claims the oldest first and knows when the next is due', async () => {
    assert.equal(await database.read(nextDueAt), undefined);
    const first = await enqueue();
    now += SECOND;
    const second = await enqueue();
    assert.equal(await database.read(nextDueAt), now - SECOND);
    const claim = (max: number) => database.write((q) => claimDue(q, now, max));
    assert.deepEqual(
      (await claim(1)).map(({ id, tries, state }) => ({ id, tries, state })),
      [{ id: first, tries: 1, state: 'sending' }],
    );
    assert.deepEqual(
      (await claim(5)).map(({ id }) => id),
      [second],
    );
    assert.deepEqual(await claim(5), []);
  });

  it('brings a mail to a real server once, with the newest code, after the server refused two tries', async () => {
    const sink = await startSmtpSink();
    sink.trouble({ at: 'rcpt', code: 451, times: 2 });
    const transport = createSmtpTransport({
      url: sink.url,
      from: 'Acme <sign-in@acme.com>',
      clock: systemClock,
    });
    const id = await enqueue();
    const outbox = start(transport);
    for (let turn = 0; turn < 4; turn += 1) {
      await outbox.idle();
      now += 5 * SECOND;
    }
    assert.equal(sink.received.length, 1);
    assert.match((await sink.waitFor('ana@example.com')).raw, /Subject: code 3/);
    assert.equal(await stateOf(id), 'sent');
    await transport.close();
    await sink.close();
  });
});

/** The ids that a process of its own hands over until nothing waits or it is killed. */
async function worker(
  url: string,
  watch: (line: number, child: ChildProcess) => unknown = () => undefined,
): Promise<string[]> {
  const script = fileURLToPath(new URL('./support/outbox-worker.ts', import.meta.url));
  const child = spawn(process.execPath, [script, url], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    lines.push(line);
    watch(lines.length, child);
  }
  return lines;
}
