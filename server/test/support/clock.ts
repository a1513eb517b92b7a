import { mock } from 'node:test';
import type { Instant } from '../../src/core/ids.ts';
import type { Clock } from '../../src/platform/clock.ts';

/** A clock that stands still until the test moves it; `Date` follows, for the libraries that read it. */
export interface FakeClock extends Clock {
  advance(milliseconds: number): void;
  set(instant: Instant): void;
  /** Gives the real `Date` back. */
  release(): void;
}

/** A Monday noon, well away from the end of a day, a month and daylight saving. */
export const NOON: Instant = Date.UTC(2030, 5, 3, 12);

/** One at a time: `Date` belongs to the whole process. Timers keep running in real time. */
export function createFakeClock(startAt: Instant = NOON): FakeClock {
  mock.timers.enable({ apis: ['Date'], now: startAt });
  return {
    now: () => Date.now(),
    advance: (milliseconds) => mock.timers.setTime(Date.now() + milliseconds),
    set: (instant) => mock.timers.setTime(instant),
    release: () => mock.timers.reset(),
  };
}
