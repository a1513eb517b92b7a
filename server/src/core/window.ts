import type { Instant } from './ids.ts';

/** At most `max` uses in any `windowMs`. */
export interface Rule {
  readonly max: number;
  readonly windowMs: number;
}

/** How often something was used, by slice of time: `[start of slice, uses]`, oldest first. */
export type Uses = ReadonlyArray<readonly [start: Instant, uses: number]>;

/** A window is counted in this many slices: a row stays small whatever the limit. */
const SLICES = 60;

/**
 * Uses that still count at `now`. A slice counts until all of it has left the window, so that no window
 * of any position ever holds more than the rule allows.
 */
export function usesWithin(uses: Uses, rule: Rule, now: Instant): number {
  return live(uses, rule, now).reduce((sum, [, count]) => sum + count, 0);
}

/** Adds one use, or says when there will be room again. */
export function use(
  uses: Uses,
  rule: Rule,
  now: Instant,
): { allowed: boolean; uses: Uses; retryAfterMs: number } {
  const kept = live(uses, rule, now);
  const spent = kept.reduce((sum, [, count]) => sum + count, 0);
  if (spent >= rule.max)
    return { allowed: false, uses: kept, retryAfterMs: waitFor(kept, rule, { now, spent }) };
  return { allowed: true, uses: counted(kept, rule, now), retryAfterMs: 0 };
}

/** Counts one use whether or not there is room, for failures that have already happened. */
export function record(uses: Uses, rule: Rule, now: Instant): Uses {
  return counted(live(uses, rule, now), rule, now);
}

function sliceMs(rule: Rule): number {
  return Math.max(1, Math.ceil(rule.windowMs / SLICES));
}

function live(uses: Uses, rule: Rule, now: Instant): Uses {
  return uses.filter(([start]) => start + sliceMs(rule) + rule.windowMs > now);
}

function counted(kept: Uses, rule: Rule, now: Instant): Uses {
  const start = now - (now % sliceMs(rule));
  const last = kept.at(-1);
  if (last === undefined || last[0] < start) return [...kept, [start, 1]];
  return [...kept.slice(0, -1), [last[0], last[1] + 1]];
}

function waitFor(kept: Uses, rule: Rule, at: { now: Instant; spent: number }): number {
  let excess = at.spent - rule.max + 1;
  for (const [start, count] of kept) {
    excess -= count;
    if (excess <= 0) return start + sliceMs(rule) + rule.windowMs - at.now;
  }
  return rule.windowMs;
}
