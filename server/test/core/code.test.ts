import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  ALPHANUMERIC,
  type CodeAlphabet,
  groupCode,
  NUMERIC,
  normaliseCode,
  symbolsOf,
} from '../../src/core/code.ts';
import { codeIn } from '../../src/platform/http/page-scripts.ts';

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
  'with zero-width characters between the digits': '4\u200b8\u200d2\u20609\ufeff1\u00ad3',
  'with a narrow non-breaking space': '482\u202f913',
  'with a thin space': '482\u2009913',
  'with an underscore or a dot': '482.913_',
  'with a tab': '482\t913',
  'in Devanagari digits': '४८२९१३',
  'in Bengali digits': '৪৮২৯১৩',
  'in bold digits of a styled mail': '𝟒𝟖𝟐𝟗𝟏𝟑',
  'in quotation marks': '“482913”',
  'in straight quotation marks': "'482913'",
  'in round brackets': '(482 913)',
  'in corner brackets': '「482913」',
  'after a label, before a full stop': 'code: 482913.',
  'as the line that binds it to a host': '@id.example.com #482913',
  'as that line with a host of digits': '@127.0.0.1 #482913',
  'as the end of the mail, over several lines': 'Your code is 482913.\n\n@id.example.com #482913\n',
  'in a sentence from right to left': 'الرمز هو ٤٨٢ ٩١٣، صالح لمدة ١٠ دقائق',
  'in capital full-width surroundings': 'ＣＯＤＥ：４８２９１３',
  'with a minus sign': '482\u2212913',
  'after a bullet': '• 482913',
  'as a quoted line of a mail': '> 482 913',
  'in markup of a chat': '**482913**',
};

describe('a code that is typed or pasted', () => {
  for (const [how, input] of Object.entries(pasted)) {
    it(`is found ${how}`, () => assert.equal(normaliseCode(input, digits), '482913'));
    it(`is found ${how} by the page too`, () => assert.equal(codeIn(input, 6, NUMERIC), '482913'));
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
