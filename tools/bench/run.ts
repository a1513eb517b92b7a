import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { arch, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startPostgres } from '../../server/test/support/postgres.ts';
import { closedLoop, openLoop, type Timings } from './load.ts';
import { type Measured, startMeasured } from './process.ts';
import { type SignIn, signInAtFloor, signInByCode, watchPages } from './sign-in.ts';
import { startSink } from './sink.ts';
import { startApp } from './verifies.ts';

/**
 * One full sign-in = authorize, page, start, mail handed to a local relay, code read from that mail,
 * verify, callback, token exchange with two RS256 signatures, on a durable store, from a cold cookie jar
 * over kept connections. The server has the first core, the load the second.
 */
const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    concurrency: { type: 'string', default: '16' },
    store: { type: 'string', multiple: true, default: ['sqlite', 'postgres'] },
    rounds: { type: 'string', default: '3' },
    run: { type: 'string', multiple: true, default: ['sign-ins', 'mails', 'verifies'] },
  },
});
const seconds = Number(options.seconds);
const concurrency = Number(options.concurrency);
const WARM_UP = 8;

/** At this rate a page comes within 50 ms for 95 of 100 (time to its last byte). */
const PAGES_PER_SECOND = 100;

/** Enqueued at this rate, 95 of 100 mails are with the relay within 100 ms. */
const MAILS_PER_SECOND = 100;

/** An app's server has codes verified at this rate over gRPC, and none fails. */
const VERIFIES_PER_SECOND = 200;

interface Result extends Timings {
  readonly errors?: number;
  readonly cpuMs: number | undefined;
  readonly writtenBytes: number | undefined;
  readonly residentMb: number | undefined;
}

const here = import.meta.dirname;
const sink = await startSink();
const results: Record<string, Result> = {};
const scratch = mkdtempSync(join(tmpdir(), 'postern-bench-'));

const stops: (() => Promise<void>)[] = [];
const rounds: Record<string, Result[]> = {};
if (options.run.includes('sign-ins')) await measureSignIns();
if (options.run.includes('mails')) await measureMails();
if (options.run.includes('verifies')) await measureVerifies();
for (const stop of stops) await stop();
sink.close();
rmSync(scratch, { recursive: true, force: true });
report();

async function measureSignIns(): Promise<void> {
  const floor = await startMeasured(join(here, 'floor.ts'), [], await freePort());
  const servers: [string, Measured, SignIn][] = [['floor', floor, signInAtFloor]];
  stops.unshift(() => floor.stop());
  for (const store of options.store) {
    const server = await startMeasured(join(here, 'server.ts'), await placesOf(store), await freePort());
    servers.push([store, server, signInByCode(sink)]);
    stops.unshift(() => server.stop());
  }

  // Rounds in turn, so that a machine that grows slower grows slower for all; the median round counts.
  for (const [name, server, signIn] of servers) {
    await closedLoop(signIn, server.target, { concurrency, seconds: WARM_UP });
    rounds[name] = [];
  }
  for (let round = 0; round < Number(options.rounds); round += 1) {
    for (const [name, server, signIn] of servers) {
      rounds[name]?.push(
        await measured(server, () => closedLoop(signIn, server.target, { concurrency, seconds })),
      );
    }
  }
  for (const [name] of servers) results[name] = median(rounds[name] ?? []);
  for (const [name, server, signIn] of servers.slice(1)) {
    const perSecond = Math.max(1, Math.floor((results[name]?.perSecond ?? 2) / 2));
    results[`${name}, ${perSecond}/s arriving`] = await measured(server, () =>
      openLoop(signIn, server.target, { perSecond, seconds }),
    );
  }
  for (const [name, server] of servers.slice(1)) {
    const look = await watchPages(server.target, 100);
    results[`${name}, ${PAGES_PER_SECOND} pages/s`] = await measured(server, () =>
      openLoop(look, server.target, { perSecond: PAGES_PER_SECOND, seconds }),
    );
  }
}

/** The outbox alone; the round in the middle counts. */
async function measureMails(): Promise<void> {
  for (const store of options.store) {
    const name = `${store}, ${MAILS_PER_SECOND} mails/s`;
    const server = await startMeasured(join(here, 'mails.ts'), await placesOf(store), await freePort());
    stops.unshift(() => server.stop());
    const run = (load: { seconds: number }) =>
      server.ask({ ...load, perSecond: MAILS_PER_SECOND }) as Promise<Timings>;
    await run({ seconds: WARM_UP });
    const all: Result[] = [];
    for (let round = 0; round < Number(options.rounds); round += 1)
      all.push(await measured(server, () => run({ seconds })));
    rounds[name] = all;
    results[name] = median(all, 'p95');
  }
}

/** Codes that were mailed beforehand, each verified once over gRPC without TLS. */
async function measureVerifies(): Promise<void> {
  for (const store of options.store) {
    const server = await startMeasured(join(here, 'server.ts'), await placesOf(store), await freePort());
    stops.unshift(() => server.stop());
    const app = await startApp(server.target, sink);
    const run = async (load: { seconds: number }) => {
      await app.begin(Math.ceil(VERIFIES_PER_SECOND * load.seconds));
      return measured(server, () =>
        openLoop(app.verify, server.target, { ...load, perSecond: VERIFIES_PER_SECOND }),
      );
    };
    await run({ seconds: WARM_UP / 2 });
    const errorsBefore = app.errors();
    const timings = await run({ seconds });
    results[`${store}, ${VERIFIES_PER_SECOND} verifies/s`] = {
      ...timings,
      errors: app.errors() - errorsBefore,
    };
    if (app.errors() > 0) process.exitCode = 1;
  }
}

/** A database of its own, and the relay. */
async function placesOf(store: string): Promise<string[]> {
  const file = `sqlite:${join(mkdtempSync(join(scratch, 'store-')), 'bench.db')}`;
  return [store === 'sqlite' ? file : await postgres(), sink.url];
}

async function postgres(): Promise<string> {
  const server = await startPostgres();
  stops.push(() => server.stop());
  return server.url;
}

async function measured(server: Measured, run: () => Promise<Timings>): Promise<Result> {
  const before = server.usage();
  const timings = await run();
  const after = server.usage();
  const each = (total: number) => Math.round((total / Math.max(1, timings.signIns)) * 100) / 100;
  return {
    ...timings,
    cpuMs: before && after && each((after.cpu - before.cpu) * 1000),
    writtenBytes:
      before && after && Math.round((after.written - before.written) / Math.max(1, timings.signIns)),
    residentMb: after && Math.round(after.resident / 1e6),
  };
}

function median(all: Result[], by: 'perSecond' | 'p95' = 'perSecond'): Result {
  const middle = all.toSorted((a, b) => a[by] - b[by])[Math.floor(all.length / 2)];
  if (!middle) throw new Error('no round was run');
  return middle;
}

function report(): void {
  const base = results.floor?.perSecond ?? 0;
  const rows = Object.entries(results).map(([name, result]) => ({
    run: name,
    'a second': result.perSecond,
    '% of floor': name.includes('/s') ? '' : Math.round((result.perSecond / base) * 100),
    'p50 ms': result.p50,
    'p95 ms': result.p95,
    'p99 ms': result.p99,
    'CPU ms each': result.cpuMs,
    'bytes written each': result.writtenBytes,
    'RSS MB': result.residentMb,
    'HTTP requests each': result.requests,
    errors: result.errors ?? '',
  }));
  console.table(rows);
  mkdirSync('bench-results', { recursive: true });
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, arch: arch(), node: process.version };
  const file = join('bench-results', 'sign-in.json');
  writeFileSync(file, `${JSON.stringify({ machine, concurrency, seconds, results, rounds }, null, 2)}\n`);
  console.log(`written to ${file}`);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
