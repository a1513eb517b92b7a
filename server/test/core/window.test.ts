import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DAY, HOUR, MINUTE, SECOND } from '../../src/core/units.ts';
import { type Rule, record, type Uses, use, usesWithin } from '../../src/core/window.ts';

const rules = fc.oneof(
  fc.record({
    max: fc.integer({ min: 1, max: 12 }),
    windowMs: fc.constantFrom(1, 7, 59, 61, SECOND, MINUTE, HOUR),
  }),
  fc.record({ max: fc.integer({ min: 1, max: 12 }), windowMs: fc.integer({ min: 1, max: 500 }) }),
);

/** Waits as parts of the window, so that uses gather at its edges. */
const waits = fc.array(
  fc.oneof(fc.constantFrom(0, 0, 0.01, 0.5, 0.99, 1, 1.01), fc.double({ min: 0, max: 1.2, noNaN: true })),
  { maxLength: 60, size: 'max' },
);

const START = Date.UTC(2030, 0, 1);

/** Plays uses against a rule and remembers every instant at which one was allowed. */
function play(rule: Rule, steps: number[]): { uses: Uses; allowedAt: number[]; now: number } {
  let uses: Uses = [];
  let now = START;
  const allowedAt: number[] = [];
  for (const step of steps) {
    now += Math.round(step * rule.windowMs);
    const result = use(uses, rule, now);
    uses = result.uses;
    if (result.allowed) allowedAt.push(now);
  }
  return { uses, allowedAt, now };
}

/** The exact count: uses in the window that ends at `now`, its beginning excluded. */
function exactly(allowedAt: number[], rule: Rule, now: number): number {
  return allowedAt.filter((at) => at > now - rule.windowMs && at <= now).length;
}

function always(holds: (rule: Rule, played: ReturnType<typeof play>) => void): void {
  fc.assert(
    fc.property(rules, waits, (rule, steps) => holds(rule, play(rule, steps))),
    { numRuns: 2000 },
  );
}

describe('a limit', () => {
  it('never lets more through than it says in any window at all', () =>
    always((rule, { allowedAt }) => {
      // A fullest window ends at one of the uses.
      for (const end of allowedAt) assert.ok(exactly(allowedAt, rule, end) <= rule.max);
    }));

  it('never counts fewer uses than the exact window holds', () =>
    always((rule, { uses, allowedAt, now }) => {
      assert.ok(usesWithin(uses, rule, now) >= exactly(allowedAt, rule, now));
    }));

  it('forgives every use at the latest a sixtieth of the window after the exact one would', () =>
    always((rule, { uses, now }) => {
      const grace = Math.ceil(rule.windowMs / 60);
      assert.equal(usesWithin(uses, rule, now + rule.windowMs + grace), 0);
    }));

  it('lets the next use through after the wait it names, and not a millisecond sooner', () =>
    always((rule, { uses, now }) => {
      const refused = use(uses, rule, now);
      fc.pre(!refused.allowed);
      assert.ok(refused.retryAfterMs > 0);
      assert.ok(use(refused.uses, rule, now + refused.retryAfterMs).allowed);
      assert.ok(!use(refused.uses, rule, now + refused.retryAfterMs - 1).allowed);
    }));

  it('takes a refused use for no use', () =>
    always((rule, { uses, now }) => {
      const before = usesWithin(uses, rule, now);
      const after = use(uses, rule, now);
      assert.equal(usesWithin(after.uses, rule, now), after.allowed ? before + 1 : before);
    }));

  it('stays a small row, whatever it counts', () => {
    const rule = { max: 10_000_000, windowMs: 30 * DAY };
    let uses: Uses = [];
    for (let at = 0; at < 20_000; at += 1) uses = use(uses, rule, START + at * 5 * MINUTE).uses;
    assert.ok(uses.length <= 62, `${uses.length} slices`);
    assert.ok(JSON.stringify(uses).length < 2048);
  });

  it('lets uses through at its full pace for ever', () => {
    const rule = { max: 15, windowMs: DAY };
    const { allowedAt } = play(rule, Array(400).fill(0.1));
    assert.equal(allowedAt.length, 400);
  });

  it('counts what has already happened past its maximum too', () => {
    const rule = { max: 2, windowMs: HOUR };
    const now = START + 2 * MINUTE;
    const uses = [0, 1, 2].reduce<Uses>((counted, at) => record(counted, rule, START + at * MINUTE), []);
    assert.equal(usesWithin(uses, rule, now), 3);
    const { allowed, retryAfterMs } = use(uses, rule, now);
    assert.equal(allowed, false);
    assert.ok(use(uses, rule, now + retryAfterMs).allowed);
  });

  it('gives nothing back when the clock steps back', () => {
    const rule = { max: 3, windowMs: HOUR };
    const { uses } = play(rule, [0, 0, 0]);
    assert.equal(use(uses, rule, START - HOUR).allowed, false);
    const earlier = use(use([], rule, START).uses, rule, START - 10 * MINUTE).uses;
    assert.equal(usesWithin(earlier, rule, START), 2);
    assert.equal(earlier.length, 1, 'slices stay in order, oldest first');
  });
});
