import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { mailPressureOf, nextGuard, RAISED_FOR, tooManyWrong } from '../../src/core/tripwire.ts';
import { MINUTE } from '../../src/core/units.ts';

describe('Wrong codes of the whole deployment', () => {
  const cases: [wrong: number, right: number, tooMany: boolean][] = [
    [0, 0, false],
    [199, 0, false],
    [200, 0, true],
    [60, 140, false],
    [61, 139, true],
    [300, 700, false],
    [301, 699, true],
    [10, 100_000, false],
  ];
  for (const [wrong, right, tooMany] of cases)
    it(`are ${tooMany ? 'too many' : 'what people mistype'} with ${wrong} wrong and ${right} right`, () => {
      assert.equal(tooManyWrong({ wrong, right }), tooMany);
    });

  it('are never fewer than sixty when they are too many, and one more never makes them fewer', () => {
    const counts = fc.record({ wrong: fc.nat(5000), right: fc.nat(5000) });
    fc.assert(
      fc.property(counts, ({ wrong, right }) => {
        if (!tooManyWrong({ wrong, right })) return;
        assert.ok(wrong > 60);
        assert.ok(tooManyWrong({ wrong: wrong + 1, right }));
      }),
    );
  });
});

describe('The mails of an hour', () => {
  it('press from a half on, and are full at the limit', () => {
    const pressures = [0, 49, 50, 99, 100, 5000].map((mails) => mailPressureOf(mails, 100));
    assert.deepEqual(pressures, ['none', 'none', 'high', 'high', 'full', 'full']);
  });
});

describe('A guard', () => {
  const now = 1_000_000_000_000;

  it('is raised for half an hour, once', () => {
    const raised = nextGuard(0, { tripped: true, now });
    assert.deepEqual(raised, { until: now + RAISED_FOR, change: 'raised' });
    assert.equal(nextGuard(raised.until, { tripped: true, now: now + 1000 }).change, 'none');
  });

  it('stays up while what raised it goes on, and is lowered half an hour after it was last seen', () => {
    const { until } = nextGuard(0, { tripped: true, now });
    const later = nextGuard(until, { tripped: true, now: now + 10 * MINUTE });
    assert.deepEqual(later, { until: now + 10 * MINUTE + RAISED_FOR, change: 'moved' });
    assert.equal(nextGuard(later.until, { tripped: false, now: later.until - 1 }).change, 'none');
    assert.deepEqual(nextGuard(later.until, { tripped: false, now: later.until }), {
      until: 0,
      change: 'lowered',
    });
  });

  it('stays down when nothing happens', () => {
    assert.deepEqual(nextGuard(0, { tripped: false, now }), { until: 0, change: 'none' });
  });

  it('is raised and lowered in turns, whatever is seen, and never longer up than half an hour after it', () => {
    const looks = fc.array(
      fc.record({ tripped: fc.boolean(), afterMs: fc.integer({ min: 1, max: 40 * MINUTE }) }),
    );
    fc.assert(
      fc.property(looks, (all) => {
        let at = now;
        let until = 0;
        let up = false;
        for (const { tripped, afterMs } of all) {
          at += afterMs;
          const next = nextGuard(until, { tripped, now: at });
          if (next.change === 'raised') assert.ok(!up);
          if (next.change === 'lowered') assert.ok(up && !tripped);
          up = next.change === 'raised' || (up && next.change !== 'lowered');
          until = next.until;
          if (tripped) assert.ok(until > at + RAISED_FOR - MINUTE - 1);
          assert.ok(until <= at + RAISED_FOR);
        }
      }),
    );
  });
});
