import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { LIVE_CODES_MAX } from '../../src/core/attempt.ts';
import {
  ALPHANUMERIC,
  type CodeAlphabet,
  chanceOfLuckyGuess,
  groupCode,
  normaliseCode,
  symbolsOf,
} from '../../src/core/code.ts';
import { initialSettings } from '../../src/settings/definitions.ts';

const digits = { length: 6, alphabet: 'numeric' } as const;
const letters = { length: 6, alphabet: 'alphanumeric' } as const;

/** What arrives in the one field when people type, paste or let the phone fill in `482913`. */
const pasted = {
  'as it is': '482913',
  'with a space': '482 913',
  'with a hyphen': '482-913',
  'with an en dash between spaces': '482 – 913',
  'with a non-breaking space': '482\u00a0913',
  'with every digit apart': '4 8 2 9 1 3',
  'with white space and newlines around': '\r\n\t 482913 \n',
  'broken over two lines': '482\n913',
  'in full-width digits': '４８２９１３',
  'in Arabic-Indic digits': '٤٨٢٩١٣',
  'in Persian digits': '۴۸۲۹۱۳',
  'as the sentence of the mail': 'Your code is 482 913. It works for 10 minutes.',
  'in a sentence, with a dash between spaces': 'Your code: 482 – 913',
  'as the subject of the mail': '482913 is your code for Example 24',
  'in a sentence of another script': 'Ваш код: 482 913, он действует 10 минут',
  'in a sentence without spaces': '您的验证码是482913请在10分钟内输入',
  'with a prefix': 'G-482913',
  'in brackets': '[482913]',
  twice: '482913 482913',
  'before another number': '482913 10:45',
  'with an invisible mark': '\u200e482913\u2069',
};

describe('a code that is typed or pasted', () => {
  for (const [how, input] of Object.entries(pasted)) {
    it(`is found ${how}`, () => assert.equal(normaliseCode(input, digits), '482913'));
  }

  it('is found in small letters, and in a sentence full of other letters', () => {
    const inputs = ['7k3pqr', '7K3-PQR', 'Your code is 7k3 pqr, it works for 10 minutes', 'CODE: 7K3PQR'];
    for (const input of inputs) assert.equal(normaliseCode(input, letters), '7K3PQR', input);
  });

  it('is not guessed where a sentence leaves a choice', () => {
    const unclear = [
      'Use 482913 or 555123',
      'Call 555-123 or enter 482913',
      'Код 1234, осталось 56 минут',
      '12 34 56 78',
      'Order 4829 of 13 pieces',
      '482a913',
    ].filter((input) => normaliseCode(input, digits) !== '');
    assert.deepEqual(unclear, []);
    assert.equal(normaliseCode('CODE:7K3P', letters), '');
  });

  it('has the wanted length and symbols, or is none, whatever the input', () => {
    const shape = fc.record({
      length: fc.integer({ min: 6, max: 10 }),
      alphabet: fc.constantFrom<CodeAlphabet>('numeric', 'alphanumeric'),
    });
    const piece = fc.oneof(
      fc.stringMatching(/^[0-9]{1,10}$/),
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom(' ', '-', '\n', '٤', '８', 'code', ALPHANUMERIC.slice(0, 7)),
    );
    fc.assert(
      fc.property(shape, fc.array(piece, { maxLength: 8 }), (wanted, pieces) => {
        const code = normaliseCode(pieces.join(''), wanted);
        assert.ok(code === '' || code.length === wanted.length);
        assert.ok([...code].every((symbol) => symbolsOf(wanted.alphabet).includes(symbol)));
      }),
      { numRuns: 2000 },
    );
  });

  it('is recognised for every code alike, as it is shown and written', () => {
    const shape = fc
      .record({
        length: fc.integer({ min: 6, max: 10 }),
        alphabet: fc.constantFrom<CodeAlphabet>('numeric', 'alphanumeric'),
      })
      .chain((wanted) => {
        const symbol = fc.constantFrom(...symbolsOf(wanted.alphabet));
        const { length } = wanted;
        return fc.tuple(
          fc.constant(wanted),
          fc.string({ unit: symbol, minLength: length, maxLength: length }),
        );
      });
    fc.assert(
      fc.property(shape, ([wanted, code]) => {
        const shown = groupCode(code).join(' ');
        for (const input of [code, shown, shown.toLowerCase(), `Your code is ${shown}.`, `${code}\r\n`])
          assert.equal(normaliseCode(input, wanted), code);
      }),
      { numRuns: 2000 },
    );
  });

  it('is read in every script that writes decimal digits', () => {
    let zeros = 0;
    for (let codePoint = 0; codePoint <= 0x10ffff; codePoint += 1) {
      if (!/\p{Nd}/u.test(String.fromCodePoint(codePoint))) continue;
      const digit = String.fromCodePoint(codePoint);
      const value = normaliseCode(`${digit}12345`, digits).charAt(0);
      assert.equal(value, String(zeros % 10), codePoint.toString(16));
      zeros += 1;
    }
    assert.ok(zeros >= 700, 'the runtime knows fewer scripts than expected');
  });

  it('is looked for within 50 ms in a hundred thousand signs', () => {
    for (const part of ['1', '1 ', '1-', 'a1 ', '\ufdfa', '１', '٤ ', 'CD ', ' '])
      for (const shape of [digits, letters]) {
        const before = performance.now();
        normaliseCode(part.repeat(100_000), shape);
        assert.ok(performance.now() - before < 50, part);
      }
  });
});

describe('a code that is shown', () => {
  it('is split into two halves', () => {
    assert.deepEqual(
      ['482913', '4829137', '48291374', '4829137465'].map((code) => groupCode(code).join(' ')),
      ['482 913', '4829 137', '4829 1374', '48291 37465'],
    );
  });

  it('has no symbols that are mixed up, and no vowels to spell with', () => {
    assert.doesNotMatch(ALPHANUMERIC, /[0O1IL2Z5S8BAEU]/);
    assert.equal(new Set(ALPHANUMERIC).size, ALPHANUMERIC.length);
  });
});

describe('the chance of a lucky guess', () => {
  const settings = initialSettings();
  const shipped = {
    length: settings['passwordless.code_length'],
    alphabet: settings['passwordless.code_alphabet'],
    guesses: settings['limits.guesses_per_attempt'],
    liveCodes: LIVE_CODES_MAX,
  };

  it('is 15 in a million for one attempt as shipped', () => {
    assert.equal(chanceOfLuckyGuess(shipped), (5 * 3) / 10 ** 6);
  });

  it('is at most 90 in a million for one address in a month, since failures are counted across attempts', () => {
    const guesses = settings['limits.failures_per_address'];
    assert.equal(chanceOfLuckyGuess({ ...shipped, guesses }), (30 * 3) / 10 ** 6);
  });

  it('is an upper bound of the exact chance', () => {
    const shape = fc.record({
      guesses: fc.integer({ min: 1, max: 100 }),
      liveCodes: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(shape, ({ guesses, liveCodes }) => {
        const missed = Array.from({ length: guesses }, (_, at) => 1 - liveCodes / (10 ** 6 - at));
        const exact = 1 - missed.reduce((product, chance) => product * chance, 1);
        assert.ok(chanceOfLuckyGuess({ ...shipped, guesses, liveCodes }) >= exact - 1e-12);
      }),
    );
  });

  it('is never more than certain', () => {
    assert.equal(chanceOfLuckyGuess({ ...shipped, guesses: 10 ** 7 }), 1);
  });
});
