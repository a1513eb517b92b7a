import cluster, { type Worker } from 'node:cluster';
import { MINUTE, SECOND } from '../../core/units.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import { endsWithin, STOP_WITHIN } from './stopping.ts';

const PAUSE_MIN = SECOND / 2;
const PAUSE_MAX = 30 * SECOND;

/** One that lived this long died of something else than its start. */
const STEADY_AFTER = MINUTE;

interface Supervision {
  readonly log: Log;
  readonly clock: Clock;
  readonly stopAsked: Promise<string>;
}

/**
 * Keeps `count` workers alive that run this same command line, each restarted after a pause that grows
 * with every quick death. Gives up when one ends before any has ever listened: the next would as well.
 */
export async function superviseWorkers(count: number, by: Supervision): Promise<number> {
  let stopping = false;
  let everReady = false;
  const failed = new Promise<'failed'>((resolve) => {
    const keepAlive = (quickDeaths: number) => {
      if (stopping) return;
      const startedAt = by.clock.now();
      const worker = cluster.fork();
      worker.once('listening', () => {
        everReady = true;
      });
      worker.once('exit', (code: number | null, signal: string | null) => {
        if (stopping) return;
        if (!everReady) return resolve('failed');
        const deaths = by.clock.now() - startedAt >= STEADY_AFTER ? 0 : quickDeaths + 1;
        const pauseMs = pauseAfter(deaths);
        by.log.warn({ worker: worker.process.pid, exit: code ?? signal, pauseMs }, 'a worker died');
        setTimeout(keepAlive, pauseMs, deaths);
      });
    };
    for (let started = 0; started < count; started += 1) keepAlive(0);
  });
  const reason = await Promise.race([by.stopAsked, failed]);
  stopping = true;
  const clean = await stopAll(Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined));
  return reason !== 'failed' && clean ? 0 : 1;
}

/** Doubles with every quick death. */
export function pauseAfter(quickDeaths: number): number {
  return Math.min(PAUSE_MAX, PAUSE_MIN * 2 ** quickDeaths);
}

/** Each finishes its requests; what has not ended a little later is ended. */
async function stopAll(workers: Worker[]): Promise<boolean> {
  const exits = workers.map(
    (worker) => new Promise<boolean>((resolve) => worker.once('exit', (code) => resolve(code === 0))),
  );
  for (const worker of workers) worker.process.kill('SIGTERM');
  const all = Promise.all(exits);
  if (!(await endsWithin(STOP_WITHIN + 2 * SECOND, all)))
    for (const worker of workers) worker.process.kill('SIGKILL');
  return (await all).every((clean) => clean);
}
