import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { type CountedKey, languages, type TextKey, wordsFor } from '../../src/platform/words/words.ts';
import { plainTexts, samples } from '../support/page-samples.ts';

type Catalogue = Record<string, string | Record<string, string>>;

const FOLDER = new URL('../../languages/', import.meta.url);
const read = (tag: string): Catalogue => JSON.parse(readFileSync(new URL(`${tag}.json`, FOLDER), 'utf8'));
const tags = readdirSync(FOLDER).map((file) => file.replace(/\.json$/, ''));
const english = read('en');
const placeholders = (text: string) => [...new Set(text.match(/\{\w+\}/g))].toSorted();

describe('the languages', () => {
  it('are 25 or more, four of them read from right to left', () => {
    assert.ok(tags.length >= 25, `${tags.length}`);
    const rightToLeft = tags.filter((tag) => wordsFor(tag).dir === 'rtl');
    assert.deepEqual(rightToLeft.toSorted(), ['ar', 'fa', 'he', 'ur']);
  });

  it('each have a name of their own for themselves', () => {
    assert.deepEqual(
      languages.map(({ lang }) => lang),
      tags.toSorted(),
    );
    assert.equal(new Set(languages.map(({ name }) => name)).size, languages.length);
  });
});

for (const tag of tags)
  describe(`the catalogue ${tag}`, () => {
    const texts = read(tag);

    it('has every key of the English one, in its order, and no other', () => {
      assert.deepEqual(Object.keys(texts), Object.keys(english));
    });

    it('names what is filled in just as the English one does', () => {
      for (const [key, text] of Object.entries(english)) {
        const other = texts[key];
        assert.equal(typeof other, typeof text, key);
        if (typeof text === 'string' && typeof other === 'string')
          assert.deepEqual(placeholders(other), placeholders(text), key);
      }
    });

    it('has the forms that its language counts with', () => {
      const categories = new Intl.PluralRules(tag).resolvedOptions().pluralCategories.toSorted();
      const counted = Object.entries(texts).flatMap(([key, forms]) =>
        typeof forms === 'string' ? [] : [[key, forms] as const],
      );
      assert.ok(counted.length >= 5);
      for (const [key, forms] of counted) {
        assert.deepEqual(Object.keys(forms).toSorted(), categories, key);
        const english_ = english[key];
        const known = new Set(
          typeof english_ === 'object' ? Object.values(english_).flatMap(placeholders) : [],
        );
        for (const text of Object.values(forms))
          assert.ok(
            placeholders(text).every((name) => known.has(name)),
            `${key}: ${text}`,
          );
      }
    });

    it('has no markup, no control characters and no blank text', () => {
      for (const [key, text] of Object.entries(texts))
        for (const one of typeof text === 'string' ? [text] : Object.values(text)) {
          assert.match(one, /\S/, key);
          assert.doesNotMatch(one, /[<>&\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u, key);
          assert.equal(one, one.trim(), key);
        }
    });

    it('fills every page without a name left over', () => {
      for (const [name, render] of samples) {
        const markup = render(plainTexts, wordsFor(tag)).replace(/<(script|style)>.*?<\/\1>/gs, '');
        assert.doesNotMatch(markup.replace(/data-left="[^"]*"/, ''), /[{}]|undefined|NaN/, name);
        assert.ok(markup.includes(`<html lang="${tag}"`), name);
      }
    });
  });

describe('words', () => {
  const en = wordsFor('en');

  it('are those of the first wanted language that there is', () => {
    assert.equal(wordsFor('tlh', 'de-AT', 'fr').lang, 'de');
    assert.equal(wordsFor('zh-TW').lang, 'zh-Hant');
    assert.equal(wordsFor('zh-CN').lang, 'zh-Hans');
    assert.equal(wordsFor('no').lang, 'nb');
    assert.equal(wordsFor('iw').lang, 'he');
    assert.equal(wordsFor(undefined, '', 'not a tag', '*').lang, 'en');
  });

  it('escape what is filled in as text, and a name in a value is no name', () => {
    const key: TextKey = 'email.title';
    assert.equal(en.say(key, { app: '{app} <b>' }), 'Sign in to {app} <b>');
    assert.equal(en.show('code.help_delay'), 'Some companies hold new mail back for a few minutes.');
  });

  it('count as their language does, in digits that are those of the codes', () => {
    const key: CountedKey = 'code.tries_left';
    assert.equal(en.count(key, 1), '1 try left.');
    assert.match(wordsFor('ru').count(key, 2), /2/);
    for (const tag of tags)
      assert.match(`${wordsFor(tag).minutes(600_000)} ${wordsFor(tag).seconds(25_000)}`, /10.*25/, tag);
  });

  it('never say none: a minute or a second is the least', () => {
    assert.equal(en.minutes(1), '1 minute');
    assert.equal(en.seconds(0), '1 second');
  });
});
