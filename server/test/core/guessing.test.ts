import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { LIVE_CODES_MAX } from '../../src/core/attempt.ts';
import { type CodeAlphabet, symbolsOf } from '../../src/core/code.ts';
import { CODE_LENGTH_MAX, type GuessLimits, guessPolicy } from '../../src/core/guessing.ts';
import { initialSettings } from '../../src/settings/definitions.ts';

const settings = initialSettings();
const shipped: GuessLimits = {
  odds: settings['limits.guess_odds'],
  codeLength: settings['passwordless.code_length'],
  alphabet: settings['passwordless.code_alphabet'],
  failuresPerAddress: settings['limits.failures_per_address'],
  guessesPerAttempt: settings['limits.guesses_per_attempt'],
  regenerateOnResend: settings['passwordless.regenerate_on_resend'],
};

/** Every combination that the settings take. */
const anyLimits = fc.record({
  odds: fc.oneof(
    fc.integer({ min: 1000, max: 1_000_000_000 }),
    fc.integer({ min: 1000, max: 100_000 }),
    fc.constantFrom(1000, 33_333, 33_334, 1_000_000_000),
  ),
  codeLength: fc.integer({ min: 6, max: 10 }),
  alphabet: fc.constantFrom<CodeAlphabet>('numeric', 'alphanumeric'),
  failuresPerAddress: fc.integer({ min: 5, max: 100 }),
  guessesPerAttempt: fc.integer({ min: 3, max: 10 }),
  regenerateOnResend: fc.boolean(),
});
const runs = { numRuns: 3000 };

describe('the chance of a guessed code', () => {
  it('is 9 in 100,000 for one address in a day as shipped, with all of the 30 failures on that day', () => {
    assert.deepEqual(guessPolicy(shipped), {
      codeLength: 6,
      guessesPerAttempt: 5,
      failuresPerAddress: 30,
      liveCodes: LIVE_CODES_MAX,
      chancePerDay: 9e-5,
      chancePerAttempt: 15e-6,
    });
  });

  const cases: [
    title: string,
    change: Partial<GuessLimits>,
    wanted: Partial<ReturnType<typeof guessPolicy>>,
  ][] = [
    ['allows fewer failures first', { odds: 20_000 }, { codeLength: 6, failuresPerAddress: 16 }],
    ['gives an attempt its guesses still', { odds: 66_666 }, { codeLength: 6, failuresPerAddress: 5 }],
    ['then makes codes longer', { odds: 66_667 }, { codeLength: 7, failuresPerAddress: 30 }],
    ['makes them as long as it must', { odds: 10_000_000 }, { codeLength: 9, failuresPerAddress: 30 }],
    [
      'lets an attempt have fewer guesses when codes cannot grow',
      { odds: 1_000_000_000 },
      { codeLength: 10, failuresPerAddress: 3, guessesPerAttempt: 3 },
    ],
    [
      'never asks for more than letters and digits already give',
      { odds: 1_000_000, alphabet: 'alphanumeric' },
      { codeLength: 6, failuresPerAddress: 30 },
    ],
    [
      'counts one code where a new mail ends the old one',
      { odds: 20_000, regenerateOnResend: true },
      { liveCodes: 1, failuresPerAddress: 30, chancePerDay: 30 / 10 ** 6 },
    ],
    [
      'leaves an attempt no more guesses than its address has failures',
      { failuresPerAddress: 5, guessesPerAttempt: 10 },
      { failuresPerAddress: 5, guessesPerAttempt: 5, codeLength: 6 },
    ],
    ['has longer codes while there is an alarm', { alarm: true }, { codeLength: 8, failuresPerAddress: 30 }],
    ['does not grow past the longest code', { alarm: true, codeLength: 9 }, { codeLength: CODE_LENGTH_MAX }],
    [
      'buys no failures by an alarm, since shorter codes are still on their way',
      { alarm: true, odds: 20_000 },
      { codeLength: 8, failuresPerAddress: 16 },
    ],
    [
      'leaves one guess where no code is long enough',
      { odds: 10 ** 12 },
      { codeLength: 10, failuresPerAddress: 1, guessesPerAttempt: 1 },
    ],
  ];
  for (const [title, change, wanted] of cases) {
    it(title, () => {
      const policy = guessPolicy({ ...shipped, ...change });
      assert.deepEqual(policy, { ...policy, ...wanted });
    });
  }

  it('is at most what the owner asked for, whatever else is set', () => {
    fc.assert(
      fc.property(anyLimits, fc.boolean(), (limits, alarm) => {
        const policy = guessPolicy({ ...limits, alarm });
        assert.ok(policy.chancePerDay <= 1 / limits.odds, `${policy.chancePerDay}`);
        assert.ok(policy.chancePerAttempt <= policy.chancePerDay);
      }),
      runs,
    );
  });

  it('leaves what the owner set where it already fits', () => {
    fc.assert(
      fc.property(anyLimits, (limits) => {
        const live = limits.regenerateOnResend ? 1 : LIVE_CODES_MAX;
        const space = BigInt(symbolsOf(limits.alphabet).length) ** BigInt(limits.codeLength);
        fc.pre(BigInt(limits.failuresPerAddress) * BigInt(live) * BigInt(limits.odds) <= space);
        const policy = guessPolicy(limits);
        assert.equal(policy.codeLength, limits.codeLength);
        assert.equal(policy.failuresPerAddress, limits.failuresPerAddress);
        assert.equal(policy.guessesPerAttempt, Math.min(limits.guessesPerAttempt, limits.failuresPerAddress));
      }),
      runs,
    );
  });

  it('stays within the ranges of the settings, and lets everybody guess at least three times', () => {
    fc.assert(
      fc.property(anyLimits, fc.boolean(), (limits, alarm) => {
        const policy = guessPolicy({ ...limits, alarm });
        assert.ok(policy.codeLength >= limits.codeLength && policy.codeLength <= CODE_LENGTH_MAX);
        assert.ok(policy.failuresPerAddress >= 3 && policy.failuresPerAddress <= limits.failuresPerAddress);
        assert.ok(policy.guessesPerAttempt >= 3 && policy.guessesPerAttempt <= limits.guessesPerAttempt);
        assert.ok(policy.guessesPerAttempt <= policy.failuresPerAddress);
      }),
      runs,
    );
  });

  it('never grows when the owner asks for more odds, or codes become longer', () => {
    const more = fc.record({
      odds: fc.integer({ min: 0, max: 10 ** 8 }),
      length: fc.integer({ min: 0, max: 4 }),
    });
    fc.assert(
      fc.property(anyLimits, more, (limits, { odds, length }) => {
        const before = guessPolicy(limits);
        const pickier = guessPolicy({ ...limits, odds: limits.odds + odds });
        assert.ok(pickier.codeLength >= before.codeLength);
        assert.ok(pickier.chancePerDay <= before.chancePerDay);
        const longer = guessPolicy({ ...limits, codeLength: Math.min(10, limits.codeLength + length) });
        assert.ok(
          longer.failuresPerAddress >= before.failuresPerAddress || longer.codeLength <= before.codeLength,
        );
        const alarmed = guessPolicy({ ...limits, alarm: true });
        assert.ok(alarmed.chancePerDay <= before.chancePerDay);
        assert.equal(alarmed.failuresPerAddress, before.failuresPerAddress);
      }),
      runs,
    );
  });
});

describe('somebody who guesses all day', () => {
  const limits: GuessLimits = { ...shipped, odds: 20, codeLength: 3, failuresPerAddress: 100 };
  const days = 40_000;

  /** Four standard deviations of an average over so many days: the seed is fixed, the margin only says why. */
  const margin = 4 * Math.sqrt(1 / limits.odds / days);

  it('succeeds about as often as the arithmetic says, and not more often than the owner allowed', () => {
    const policy = guessPolicy(limits);
    assert.deepEqual([policy.codeLength, policy.failuresPerAddress], [3, 16]);
    const share = shareOfLuckyDays(policy, policy.failuresPerAddress);
    assert.ok(share <= 1 / limits.odds, `${share}`);
    assert.ok(Math.abs(share - policy.chancePerDay) < margin + 0.002, `${share} ${policy.chancePerDay}`);
  });

  it('would succeed more often with twice the failures', () => {
    const policy = guessPolicy(limits);
    assert.ok(shareOfLuckyDays(policy, 2 * policy.failuresPerAddress) > 1 / limits.odds + margin);
  });

  /** Every attempt has its own live codes; no guess is made twice in one; the address's budget ends the day. */
  function shareOfLuckyDays(policy: ReturnType<typeof guessPolicy>, failuresMax: number): number {
    const draw = seeded(20_260_101);
    const space = 10 ** policy.codeLength;
    let lucky = 0;
    for (let day = 0; day < days; day += 1) {
      let codes = new Set<number>();
      let first = 0;
      for (let failures = 0; failures < failuresMax; failures += 1) {
        const guess = failures % policy.guessesPerAttempt;
        if (guess === 0) {
          codes = new Set(Array.from({ length: policy.liveCodes }, () => draw(space)));
          first = draw(space);
        }
        if (!codes.has((first + guess) % space)) continue;
        lucky += 1;
        break;
      }
    }
    return lucky / days;
  }
});

/** Whole numbers below `max`, the same ones at every run (xorshift). */
function seeded(seed: number): (max: number) => number {
  let state = seed;
  return (max) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % max;
  };
}
