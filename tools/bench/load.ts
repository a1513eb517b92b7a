import type { SignIn, Target } from './sign-in.ts';

export interface Timings {
  readonly signIns: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly requests: number;
}

let number = 0;

/** `concurrency` people, each beginning again as soon as they are signed in. */
export async function closedLoop(
  signIn: SignIn,
  target: Target,
  load: { concurrency: number; seconds: number },
): Promise<Timings> {
  const run = recorder();
  const until = performance.now() + load.seconds * 1000;
  const person = async () => {
    while (performance.now() < until) await run.time(() => signIn(target, number++));
  };
  await Promise.all(Array.from({ length: load.concurrency }, person));
  return run.timings();
}

/** People who come at a fixed rate, whether or not the server keeps up; the wait counts from when they came. */
export async function openLoop(
  signIn: SignIn,
  target: Target,
  load: { perSecond: number; seconds: number },
): Promise<Timings> {
  const run = recorder();
  const coming: Promise<void>[] = [];
  const began = performance.now();
  for (let due = 0; due < load.seconds * 1000; due += 1000 / load.perSecond) {
    const wait = began + due - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    coming.push(run.time(() => signIn(target, number++), began + due));
  }
  await Promise.all(coming);
  return run.timings();
}

function recorder() {
  const durations: number[] = [];
  const began = performance.now();
  let requests = 0;
  return {
    async time(work: () => Promise<number>, since = performance.now()): Promise<void> {
      const sent = await work();
      requests += sent;
      durations.push(performance.now() - since);
    },
    timings(): Timings {
      const seconds = (performance.now() - began) / 1000;
      const sorted = durations.toSorted((a, b) => a - b);
      const at = (share: number) =>
        round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
      return {
        signIns: sorted.length,
        seconds: round(seconds),
        perSecond: round(sorted.length / seconds),
        p50: at(0.5),
        p95: at(0.95),
        p99: at(0.99),
        requests: round(requests / Math.max(1, sorted.length)),
      };
    },
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
