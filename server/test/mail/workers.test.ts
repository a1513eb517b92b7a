import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { MailId } from '../../src/core/ids.ts';
import { DAY, MINUTE, SECOND } from '../../src/core/units.ts';
import { claimDue, nextDueAt, pruneOutbox } from '../../src/mail/store.ts';
import type { Handover } from '../../src/mail/transport.ts';
import { systemClock } from '../../src/platform/clock.ts';
import type { Database } from '../../src/platform/database/database.ts';
import { eachDatabase } from '../support/databases.ts';
import { ATTEMPT, accepted, OutboxBench, recorder } from '../support/outboxes.ts';

eachDatabase('the workers of an outbox', (store) => {
  const bench = new OutboxBench(store);
  const { clock, enqueue, eventsOf, rowOf, setState, start, stateOf } = bench;

  it('never repeats a hand-over whose process ended, and says so after a minute', async () => {
    const fresh = await enqueue();
    const old = await enqueue();
    await setState(fresh, 'sending', clock.now() - 59 * SECOND);
    await setState(old, 'sending', clock.now() - 61 * SECOND);
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
    await setState(id, 'unclear', clock.now());
    landing.resolve({ outcome: 'accepted' });
    await outbox.idle();
    assert.equal(await stateOf(id), 'sent');
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
      ...bench.database,
      write: (work) => {
        writes += 1;
        return bench.database.write(work);
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
    clock.set(systemClock.now() + 2 * MINUTE);
    const { mails, transport } = recorder();
    const outbox = start(transport);
    await outbox.idle();
    await outbox.stop();
    assert.deepEqual(
      mails.map(({ messageId }) => messageId).filter((id) => sent.includes(id)),
      [],
    );
    const states = await Promise.all(ids.map(stateOf));
    // Whether the killed one had any in its hands is a matter of the instant; what it had is never repeated.
    assert.deepEqual(new Set([...states, 'unclear']), new Set(['sent', 'unclear']));
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
      ...bench.database,
      write: (work) => {
        if (mails.length > 0 && failures > 0) {
          failures -= 1;
          return Promise.reject(new Error('the disk is full'));
        }
        return bench.database.write(work);
      },
    };
    const id = await enqueue();
    const outbox = start(transport, { database: failing });
    while (mails.length === 0) await sleep(5);
    await outbox.idle();
    assert.equal(await stateOf(id), 'sent');
    assert.equal(mails.length, 1);
    assert.ok(bench.logged.splice(0).length >= 2);
  });

  it('forgets settled mails that are old, a bounded number at a time', async () => {
    const [sent, held, queued, sending, recent] = [
      await enqueue(),
      await enqueue({ held: 'x' }),
      await enqueue(),
      await enqueue(),
      await enqueue(),
    ];
    await setState(sent, 'sent', clock.now());
    await setState(sending, 'sending', clock.now());
    await setState(recent, 'sent', clock.now());
    await bench.database.write(async (q) => {
      await q
        .updateTable('outbox')
        .set({ due_at: clock.now() - 8 * DAY })
        .where('id', '!=', recent)
        .execute();
    });
    const prune = (max: number) => bench.database.write((q) => pruneOutbox(q, clock.now() - 7 * DAY, max));
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
    assert.equal(await bench.database.read(nextDueAt), undefined);
    const first = await enqueue();
    clock.advance(SECOND);
    const second = await enqueue();
    assert.equal(await bench.database.read(nextDueAt), clock.now() - SECOND);
    const claim = (max: number) => bench.database.write((q) => claimDue(q, clock.now(), max));
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
});

/** The ids that a process of its own hands over until nothing waits or it is killed. */
async function worker(
  url: string,
  watch: (line: number, child: ChildProcess) => unknown = () => undefined,
): Promise<string[]> {
  const script = fileURLToPath(new URL('../fixtures/outbox-worker.ts', import.meta.url));
  const child = spawn(process.execPath, [script, url], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    lines.push(line);
    watch(lines.length, child);
  }
  return lines;
}
