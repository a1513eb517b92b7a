import assert from 'node:assert/strict';
import { it } from 'node:test';
import { MINUTE, SECOND } from '../../src/core/units.ts';
import { recentEvents } from '../../src/events/store.ts';
import { retryAt } from '../../src/mail/ending.ts';
import type { Compose } from '../../src/mail/outbox.ts';
import { createSmtpTransport } from '../../src/mail/smtp.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { storeSetting } from '../../src/settings/store.ts';
import { eachDatabase } from '../support/databases.ts';
import { ATTEMPT, accepted, OutboxBench, recorder, unsent } from '../support/outboxes.ts';
import { startSmtpSink } from '../support/smtp-sink.ts';

eachDatabase('a mail in the outbox', (store) => {
  const bench = new OutboxBench(store);
  const { clock, compose, enqueue, eventsOf, rowOf, start, stateOf } = bench;

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
    const rows = await bench.database.read((q) => q.selectFrom('outbox').selectAll().execute());
    const events = await bench.database.read((q) => recentEvents(q, 1000));
    assert.doesNotMatch(JSON.stringify([rows, events]), /482913/);
  });

  it('never sends what is held', async () => {
    const { mails, transport } = recorder();
    const id = await enqueue({ held: 'no account' });
    await start(transport).idle();
    assert.deepEqual(mails, []);
    assert.equal(bench.composed, 0);
    const row = await rowOf(id);
    assert.deepEqual([row?.state, row?.reason], ['held', 'no account']);
  });

  it('gives up on a mail that is refused', async () => {
    const { mails, transport } = recorder(() => ({ outcome: 'refused', reason: '550 no such user' }));
    const id = await enqueue();
    const outbox = start(transport);
    await outbox.idle();
    clock.advance(MINUTE);
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
      waits.push((row?.due_at ?? 0) - clock.now());
      clock.set((row?.due_at ?? 0) - 1);
      await outbox.idle();
      assert.equal(mails.length, tries, 'not before its time');
      clock.advance(1);
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
    const id = await enqueue({ notAfter: clock.now() + SECOND });
    const outbox = start(transport);
    for (let turn = 0; turn < 5; turn += 1) {
      await outbox.idle();
      clock.advance(4 * SECOND);
    }
    assert.equal(mails.length, 1);
    const row = await rowOf(id);
    assert.deepEqual([row?.state, row?.reason], ['dropped', 'expired: 451 later']);
    assert.deepEqual(await eventsOf(id), [{ type: 'mail.dropped', attemptId: ATTEMPT }]);
  });

  it('does not even write a mail that has expired', async () => {
    const { mails, transport } = recorder();
    const id = await enqueue({ notAfter: clock.now() });
    await start(transport).idle();
    assert.deepEqual([mails.length, bench.composed], [0, 0]);
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
      clock.advance(MINUTE);
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
    assert.equal(bench.logged.splice(0).length, 1);
  });

  it('makes the secrets of a mail durable before the mail leaves', async () => {
    const seen: unknown[] = [];
    const { transport } = recorder(async () => {
      seen.push(
        await bench.database.read((q) =>
          q.selectFrom('settings').select('value').where('name', '=', 'hash').execute(),
        ),
      );
      return accepted();
    });
    await enqueue();
    const write: Compose = async (q, row) => {
      await storeSetting(q, { name: 'hash', value: row.id }, clock.now());
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
      await storeSetting(q, { name: 'leftover', value: 1 }, clock.now());
      throw new Error('a template is broken');
    };
    const outbox = start(transport, { compose: write });
    await outbox.idle();
    assert.deepEqual([await stateOf(good), await stateOf(bad)], ['sent', 'queued']);
    assert.equal(mails.length, 1);
    const leftovers = await bench.database.read((q) =>
      q.selectFrom('settings').selectAll().where('name', '=', 'leftover').execute(),
    );
    assert.deepEqual(leftovers, []);
    clock.advance(10 * MINUTE);
    await outbox.idle();
    assert.equal(await stateOf(bad), 'dropped');
    assert.ok(bench.logged.splice(0).length > 0);
  });

  it('brings a mail to a real server once, with the newest code, after the server refused two tries', async (t) => {
    const sink = await startSmtpSink();
    sink.trouble({ at: 'rcpt', code: 451, times: 2 });
    const transport = createSmtpTransport({
      url: sink.url,
      from: 'Acme <sign-in@acme.com>',
      clock: systemClock,
    });
    t.after(async () => {
      await transport.close();
      await sink.close();
    });
    const id = await enqueue();
    const outbox = start(transport);
    for (let turn = 0; turn < 4; turn += 1) {
      await outbox.idle();
      clock.advance(5 * SECOND);
    }
    assert.equal(sink.received.length, 1);
    assert.match((await sink.waitFor('ana@example.com')).raw, /Subject: code 3/);
    assert.equal(await stateOf(id), 'sent');
  });
});
