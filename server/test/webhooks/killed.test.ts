import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { after, before, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { insertDeliveries, listDeliveries } from '../../src/events/deliveries/store.ts';
import { startDeliveries } from '../../src/events/deliveries/worker.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createOutbound } from '../../src/platform/http/outbound.ts';
import { eachDatabase } from '../support/databases.ts';
import { type Receiver, startReceiver } from './receiver.ts';

const WORKER = fileURLToPath(new URL('./worker-process.ts', import.meta.url));
const COUNT = 30;

let app: Receiver;
const children: ChildProcess[] = [];
before(async () => {
  app = await startReceiver();
});
after(async () => {
  for (const child of children) child.kill('SIGKILL');
  await app.stop();
});

eachDatabase('deliveries of a process that is killed', (store) => {
  it('all arrive, though some were on their way and some only waited', async () => {
    const database = await store.open();
    const target = `whk_${store.engine === 'sqlite' ? 1 : 2}`;
    const path = `/${target}`;
    let held = 0;
    app.answers(path, (response) => {
      held += 1;
      if (held > 3) setTimeout(() => response.end(), 10); // the first ones are never answered
    });
    const now = Date.now();
    const fresh = Array.from({ length: COUNT }, (_, index) => ({
      kind: 'webhook' as const,
      targetId: target,
      eventId: `evt_${index}`,
      eventType: 'user.login',
      body: '{}',
      notAfter: now + 86_400_000,
    }));
    await database.write((q) => insertDeliveries(q, fresh, now));
    const child = spawn(process.execPath, [WORKER, store.url, app.url + path], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    children.push(child);
    while (held < 8) await sleep(5);
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    const rows = () => database.read((q) => listDeliveries(q, { target, page: { size: 100 } }));
    const left = (await rows()).rows.map(({ state }) => state);
    assert.ok(left.includes('sending') && left.includes('waiting'), left.join());
    const prepare = async ({ id }: { id: string }) => ({
      url: app.url + path,
      headers: {},
      body: JSON.stringify({ id }),
      reach: 'private' as const,
    });
    const worker = startDeliveries({
      database,
      clock: { now: () => systemClock.now() + 31_000 },
      outbound: createOutbound(),
      carriers: { webhook: { prepare }, logout: { prepare } },
      fanOuts: [],
      log: { warn: () => undefined, error: (...entry) => console.error(...entry) },
    });
    while ((await rows()).rows.some(({ state }) => state !== 'done')) await sleep(10);
    await worker.stop();
    assert.equal(new Set(app.bodies(path).map(({ id }) => id)).size, COUNT);
  });
});
