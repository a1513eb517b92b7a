import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { acceptedLanguages, chooseLanguage, indexLanguages } from '../../src/core/language.ts';

describe('the languages that a browser accepts', () => {
  const table: ReadonlyArray<readonly [string, string[]]> = [
    ['', []],
    ['de', ['de']],
    ['de-AT,de;q=0.9,en;q=0.8', ['de-AT', 'de', 'en']],
    ['en;q=0.5, fr', ['fr', 'en']],
    ['en;q=0.8,fr;q=0.8', ['en', 'fr']],
    ['*', []],
    ['de;q=0, en', ['en']],
    ['de;q=2', []],
    ['de;q=x,en', ['en']],
    [' de ; q=0.5 , en ', ['en', 'de']],
    ['zh-Hant-TW', ['zh-Hant-TW']],
  ];
  for (const [header, expected] of table)
    it(`are read from "${header}"`, () => assert.deepEqual(acceptedLanguages(header), expected));

  it('are at most fifty, whatever a header holds', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 5000 }), (header) => {
        assert.ok(acceptedLanguages(header).length <= 50);
      }),
    );
  });
});

describe('the choice of a language', () => {
  const available = ['ar', 'de', 'en', 'he', 'nb', 'pt', 'zh-Hans', 'zh-Hant'];
  const index = indexLanguages(available);
  const table: ReadonlyArray<readonly [string[], string | undefined]> = [
    [['de'], 'de'],
    [['de-CH'], 'de'],
    [['DE_de'], 'de'],
    [['xx', 'en-GB'], 'en'],
    [['pt-PT'], 'pt'],
    [['zh'], 'zh-Hans'],
    [['zh-HK'], 'zh-Hant'],
    [['zh-Latn'], undefined],
    [['no'], 'nb'],
    [['nn-NO'], 'nb'],
    [['iw'], 'he'],
    [['ar-EG'], 'ar'],
    [['', '*', '../../etc', '<script>'], undefined],
    [[], undefined],
  ];
  for (const [wanted, expected] of table)
    it(`of ${JSON.stringify(wanted)} is ${expected}`, () =>
      assert.equal(chooseLanguage(wanted, index), expected));

  it('never throws', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (wanted) => {
        const chosen = chooseLanguage(wanted, index);
        assert.ok(chosen === undefined || available.includes(chosen));
      }),
    );
  });
});
