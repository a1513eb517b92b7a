import assert from 'node:assert/strict';
import { afterEach, before, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EndpointId } from '../../src/core/ids.ts';
import type { Delivery, FanOut, NewDelivery } from '../../src/events/deliveries/delivery.ts';
import { PAUSES } from '../../src/events/deliveries/schedule.ts';
import {
  claimDue,
  insertDeliveries,
  listDeliveries,
  pruneDeliveries,
  replayDeliveries,
} from '../../src/events/deliveries/store.ts';
import { type DeliveryWorker, startDeliveries } from '../../src/events/deliveries/worker.ts';
import { recordEvent } from '../../src/events/store.ts';
import { saveEndpoint } from '../../src/events/webhooks/store.ts';
import type { Clock } from '../../src/platform/clock.ts';
import type { Database } from '../../src/platform/database/database.ts';
import { OutboundFailure, type OutboundRequest } from '../../src/platform/http/outbound.ts';
import { eachDatabase } from '../support/databases.ts';

const quiet = { warn: () => undefined, error: (...entry: unknown[]) => console.error(...entry) };
const SECOND = 1000;
const DAY = 24 * 60 * 60 * SECOND;

type Answer = (request: OutboundRequest) => Promise<{ status: number; headers?: Record<string, string> }>;

interface Given {
  readonly over: Database;
  readonly clock: Clock;
  readonly answer: Answer;
  readonly fanOuts?: readonly FanOut[];
}

/** A worker whose targets are their own addresses, and whose requests name their delivery. */
function startWorker({ over, clock, answer, fanOuts = [] }: Given): DeliveryWorker {
  const prepare = async ({ id, targetId }: Delivery) => ({ url: targetId, headers: { id }, body: '' });
  return startDeliveries({
    database: over,
    clock,
    log: quiet,
    fanOuts,
    carriers: { webhook: { prepare }, logout: { prepare } },
    outbound: async (request) => ({ headers: {}, body: '', ...(await answer(request)) }),
  });
}

function freshOnes(target: string, count: number, now: number): NewDelivery[] {
  return Array.from({ length: count }, (_, index) => ({
    kind: 'webhook',
    targetId: target,
    eventId: `evt_${index}`,
    eventType: 'user.login',
    body: '{}',
    notAfter: now + 3 * DAY,
  }));
}

const id: EndpointId = 'whk_999';
const endpoint = {
  id,
  url: 'https://app.example.com/hooks',
  description: '',
  types: ['*'],
  enabled: true,
  reach: 'public',
  secrets: [],
  createdAt: 0,
  updatedAt: 0,
} as const;

eachDatabase('deliveries', (store) => {
  let database: Database;
  let other: Database;
  let now = Date.UTC(2030, 5, 3, 12);
  const clock = { now: () => now };
  const workers: DeliveryWorker[] = [];
  let targets = 0;

  before(async () => {
    database = await store.open();
    other = await store.open();
  });
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.stop()));
    now += 40 * DAY;
    await database.write((q) => pruneDeliveries(q, now, 10_000));
  });

  function start(over: Database, answer: Answer, fanOuts: FanOut[] = []): DeliveryWorker {
    const worker = startWorker({ over, clock, answer, fanOuts });
    workers.push(worker);
    return worker;
  }

  const fresh = (target: string, count: number) => freshOnes(target, count, now);

  async function enqueue(count: number): Promise<string> {
    targets += 1;
    const target = `whk_${targets}`;
    await database.write((q) => insertDeliveries(q, fresh(target, count), now));
    return target;
  }

  const all = async (target: string) =>
    (await database.read((q) => listDeliveries(q, { target, page: { size: 500 } }))).rows;

  const one = async (target: string) => (await all(target))[0] ?? assert.fail('no delivery');

  it('are each sent once by two workers that race for them, and never twice at a time', async () => {
    const names = await Promise.all(Array.from({ length: 4 }, () => enqueue(20)));
    const sent = new Map<string, number>();
    const flying = new Set<string>();
    const answer: Answer = async ({ headers }) => {
      const id = headers?.id ?? '';
      assert.equal(flying.has(id), false, 'the same delivery is already on its way');
      flying.add(id);
      await sleep(3);
      flying.delete(id);
      sent.set(id, (sent.get(id) ?? 0) + 1);
      return { status: 200 };
    };
    const racing = [start(database, answer), start(other, answer)];
    for (let round = 0; round < 20; round += 1) for (const worker of racing) worker.wake();
    await Promise.all(racing.map((worker) => worker.idle()));
    assert.deepEqual([sent.size, [...sent.values()].every((times) => times === 1)], [80, true]);
    for (const target of names)
      assert.deepEqual([...new Set((await all(target)).map(({ state }) => state))], ['done']);
  });

  it('are taken up again when the process that was sending them is gone', async () => {
    const target = await enqueue(3);
    const room = { max: 2, of: () => 2, after: '' };
    const lost = await other.write((q) => claimDue(q, room, now));
    assert.equal(lost.length, 2);
    now += 20 * SECOND;
    const sent: string[] = [];
    const answer: Answer = async ({ headers }) => {
      sent.push(headers?.id ?? '');
      return { status: 204 };
    };
    await start(database, answer).idle();
    assert.equal(sent.length, 1, 'what may still be on its way is left alone');
    now += 20 * SECOND;
    await workers.pop()?.stop();
    const worker = start(database, answer);
    while (sent.length < 3) await sleep(5);
    await worker.idle();
    assert.deepEqual(
      [new Set(sent).size, (await all(target)).every(({ state }) => state === 'done')],
      [3, true],
    );
  });

  it('are tried over a day with longer and longer pauses, and then are dead, with every try in their log', async () => {
    const target = await enqueue(1);
    const began = now;
    const worker = start(database, async () => {
      throw new OutboundFailure('nobody listens', false);
    });
    const pauses: number[] = [];
    await worker.idle();
    for (let tried = await one(target); tried.state === 'waiting'; tried = await one(target)) {
      pauses.push(tried.dueAt - now);
      now = tried.dueAt;
      worker.wake();
      await worker.idle();
    }
    const { state, log, tries } = await one(target);
    assert.deepEqual([state, tries, log.length], ['dead', 10, 10]);
    assert.ok(pauses.every((pause, at) => pause >= (PAUSES[at] ?? 0) && pause <= (PAUSES[at] ?? 0) * 1.2));
    assert.ok(now - began > DAY && now - began < 1.3 * DAY);
    assert.deepEqual([...new Set(log.map(({ reason }) => reason))], ['nobody listens']);
  });

  it('wait as long as a receiver asks, within bounds', async () => {
    const pauseAfter = async (header: string) => {
      const target = await enqueue(1);
      await start(database, async () => ({ status: 503, headers: { 'retry-after': header } })).idle();
      await workers.pop()?.stop();
      return (await one(target)).dueAt - now;
    };
    assert.equal(await pauseAfter('120'), 120 * SECOND);
    assert.equal(await pauseAfter('999999999'), DAY / 2);
    assert.ok((await pauseAfter('soon')) <= 6 * SECOND);
  });

  it('are sent again by a replay, one or all dead ones since an instant, and nobody else’s', async () => {
    const [target, foreign] = [await enqueue(3), await enqueue(1)];
    let status = 410;
    const worker = start(database, async () => ({ status }));
    await worker.idle();
    assert.ok((await all(target)).every(({ state }) => state === 'dead'));
    status = 200;
    now += SECOND;
    const until = { at: now, notAfter: now + DAY };
    const replay = (which: Parameters<typeof replayDeliveries>[1]) =>
      database.write((q) => replayDeliveries(q, which, until));
    const [newest] = await all(target);
    assert.equal(await replay({ target: foreign, id: newest?.id ?? '' }), 0);
    assert.equal(await replay({ target, id: newest?.id ?? '' }), 1);
    assert.equal(await replay({ target, deadSince: now, max: 10 }), 0);
    assert.equal(await replay({ target, deadSince: now - DAY, max: 10 }), 2);
    worker.wake();
    await worker.idle();
    assert.deepEqual(
      (await all(target)).map(({ state, log }) => [state, log.map((tried) => tried.status)]),
      Array.from({ length: 3 }, () => ['done', [410, 200]]),
    );
    assert.equal((await one(foreign)).state, 'dead');
  });

  it('to a receiver that never answers do not hold up those to others', async () => {
    const [dead, lively] = [await enqueue(100), await enqueue(20)];
    const release = new AbortController();
    let mostAtOnce = 0;
    let atOnce = 0;
    const worker = start(database, async ({ url }) => {
      if (url !== dead) return { status: 200 };
      atOnce += 1;
      mostAtOnce = Math.max(mostAtOnce, atOnce);
      await sleep(60_000, undefined, { signal: release.signal }).catch(() => undefined);
      atOnce -= 1;
      return { status: 500 };
    });
    worker.wake();
    while ((await all(lively)).some(({ state }) => state !== 'done')) await sleep(5);
    assert.equal(mostAtOnce, 4);
    release.abort();
  });

  it('come of events that are recorded while somebody listens, once, whoever takes them', async () => {
    const heard: string[] = [];
    const target = await enqueue(0);
    const fanOut: FanOut = async (_q, event) =>
      fresh(target, 1).map((each) => ({ ...each, eventId: event.id }));
    const racing = [database, other].map((over) =>
      start(over, async ({ headers }) => ({ status: heard.push(headers?.id ?? '') && 200 }), [fanOut]),
    );
    const event = { type: 'setting.changed', data: { name: 'x' } } as const;
    await database.write((q) => recordEvent(q, event, now));
    await database.write((q) => saveEndpoint(q, endpoint));
    for (let count = 0; count < 20; count += 1) await database.write((q) => recordEvent(q, event, now));
    for (const worker of racing) worker.wake();
    await Promise.all(racing.map((worker) => worker.idle()));
    const deliveries = await all(target);
    assert.deepEqual([deliveries.length, new Set(deliveries.map(({ eventId }) => eventId)).size], [20, 20]);
    assert.equal(heard.length, 20);
    await database.write((q) => saveEndpoint(q, { ...endpoint, enabled: false }));
  });

  it('survive an event that cannot be told: it goes unheard, the others do not', async () => {
    await database.write((q) => saveEndpoint(q, endpoint));
    const target = await enqueue(0);
    const fanOut: FanOut = async (_q, event) => {
      if (event.data.includes('poison')) throw new Error('poison');
      return fresh(target, 1);
    };
    for (const name of ['poison', 'fine'])
      await database.write((q) => recordEvent(q, { type: 'setting.changed', data: { name } }, now));
    workers.push(
      startDeliveries({
        database,
        clock,
        log: { warn: () => undefined, error: () => undefined },
        fanOuts: [fanOut],
        carriers: { webhook: { prepare: async () => undefined }, logout: { prepare: async () => undefined } },
        outbound: async () => ({ status: 200, headers: {}, body: '' }),
      }),
    );
    while ((await all(target)).length === 0) await sleep(20);
    await workers.at(-1)?.idle();
    assert.deepEqual(
      (await all(target)).map(({ state }) => state),
      ['dropped'],
    );
    await database.write((q) => saveEndpoint(q, { ...endpoint, enabled: false }));
  });
});
