import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { beginsWithZeros, type Pressure, puzzleBits } from '../../src/core/puzzle.ts';
import { createFirstBits } from '../../src/platform/http/puzzle-script.ts';

const CALM: Pressure = {
  starts: 0,
  failures: 0,
  mails: 0,
  disowned: false,
  alarm: false,
  mailPressure: 'none',
};

const share = fc.double({ min: 0, max: 1, noNaN: true });
const anyPressure: fc.Arbitrary<Pressure> = fc.record({
  starts: share,
  failures: share,
  mails: share,
  disowned: fc.boolean(),
  alarm: fc.boolean(),
  mailPressure: fc.constantFrom('none', 'high', 'full'),
});

describe('A puzzle', () => {
  const cases: [title: string, pressure: Partial<Pressure>, bits: number][] = [
    ['stands before nobody who asks as people do', {}, 0],
    ['spares a quarter of the sign-ins of a network', { starts: 0.25 }, 0],
    ['begins easy above it', { starts: 31 / 120 }, 14],
    ['is in the middle with five eighths of them', { starts: 0.625 }, 17],
    ['is hardest with the last of them', { starts: 1 }, 20],
    ['spares half of the wrong codes of a network', { failures: 0.5 }, 0],
    ['begins above it', { failures: 31 / 60 }, 14],
    ['spares half of the mails of an address', { mails: 7 / 15 }, 0],
    ['begins with the eighth of fifteen', { mails: 8 / 15 }, 14],
    ['stands before an address whose owner has said that it was not them', { disowned: true }, 17],
    ['stands before everybody while there is an alarm', { alarm: true }, 17],
    ['and while half of the mails of the deployment are spent', { mailPressure: 'high' }, 17],
    ['and is hardest when all of them are', { mailPressure: 'full' }, 20],
    ['is as hard as the worst of several wants it', { starts: 0.3, failures: 1, alarm: true }, 20],
  ];
  for (const [title, pressure, bits] of cases)
    it(title, () => assert.equal(puzzleBits({ ...CALM, ...pressure }), bits));

  it('has between 14 and 20 bits where there is one, and grows with what presses', () => {
    fc.assert(
      fc.property(anyPressure, share, (pressure, more) => {
        const bits = puzzleBits(pressure);
        assert.ok(bits === 0 || (bits >= 14 && bits <= 20));
        for (const name of ['starts', 'failures', 'mails'] as const)
          assert.ok(puzzleBits({ ...pressure, [name]: Math.max(more, pressure[name]) }) >= bits);
        assert.ok(puzzleBits({ ...pressure, alarm: true, disowned: true, mailPressure: 'full' }) >= bits);
      }),
    );
  });
});

describe('Leading zero bits', () => {
  it('are counted as binary digits', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 4, maxLength: 4 }),
        fc.integer({ min: 0, max: 31 }),
        (bytes, bits) => {
          const digits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
          assert.equal(beginsWithZeros(bytes, bits), digits.startsWith('0'.repeat(bits)));
        },
      ),
      {
        examples: [
          [Uint8Array.of(0, 0, 1, 0), 23],
          [Uint8Array.of(0, 0, 1, 0), 24],
          [Uint8Array.of(0, 0, 0, 0), 31],
        ],
      },
    );
  });
});

describe('The sum that the page does', () => {
  it('is SHA-256, for every text that fits into one block', () => {
    const firstBits = createFirstBits();
    const texts = fc.string({ unit: fc.constantFrom(...'abcXYZ019.:-_'), maxLength: 55 });
    fc.assert(
      fc.property(texts, (text) => {
        assert.equal(firstBits(text), createHash('sha256').update(text).digest().readUInt32BE(0));
      }),
      { numRuns: 1000, examples: [[''], ['a'.repeat(55)], ['abc']] },
    );
  });
});
