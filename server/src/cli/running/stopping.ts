import { SECOND } from '../../core/units.ts';
import { systemClock } from '../../platform/clock.ts';

/** Requests that are running get this long to finish. */
export const STOP_WITHIN = 10 * SECOND;

/** A second Ctrl-C means it; one that arrives with the first came through a parent that passes signals on. */
const IMPATIENT_AFTER = SECOND / 2;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Resolves when the process is asked to stop; asked again later, it ends at once. */
export function stopAsked(): Promise<string> {
  return new Promise((resolve) => {
    let askedAt: number | undefined;
    const ask = (signal: NodeJS.Signals) => {
      if (askedAt !== undefined && systemClock.now() - askedAt > IMPATIENT_AFTER) process.exit(130);
      askedAt ??= systemClock.now();
      resolve(signal);
    };
    for (const signal of SIGNALS) process.on(signal, ask);
  });
}

/** Whether the work ended in time; the timer keeps nothing alive. */
export async function endsWithin(milliseconds: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
