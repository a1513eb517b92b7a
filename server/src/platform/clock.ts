import type { Instant } from '../core/ids.ts';

/** The only source of time; tests hand in their own. */
export interface Clock {
  now(): Instant;
}

export const systemClock: Clock = { now: () => Date.now() };
