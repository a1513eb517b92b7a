import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { wordsFor } from '../../src/platform/words/words.ts';
import { openBrowser } from '../support/browser.ts';
import { plainTexts, samples, still, type Texts } from '../support/page-samples.ts';
import { openPageServer } from '../support/page-server.ts';
import { layoutFaults, measure, type Place, show } from './measuring.ts';
import { modes } from './modes.ts';
import { pseudoWords } from './pseudo-words.ts';

let place: Place;
before(async () => {
  const [browser, server] = await Promise.all([openBrowser(), openPageServer()]);
  place = { browser, server };
});
after(async () => {
  await place.browser.close();
  await place.server.close();
});

async function eachSample(
  given: { page: Page; words?: ReturnType<typeof wordsFor>; texts?: Texts },
  look: (name: string) => Promise<unknown>,
): Promise<void> {
  for (const sample of samples) {
    await show(place, given.page, { words: wordsFor('en'), ...given, sample });
    await look(sample[0]);
  }
  await given.page.context().close();
}

describe('Every page in every state', () => {
  for (const mode of modes)
    it(`is accessible, keeps still, overflows nowhere and is easy to hit: ${mode.name}`, async () => {
      const { faults, rules } = await measure(place, mode, samples);
      assert.deepEqual(faults, []);
      assert.ok(rules.length > 20, 'axe looked at something');
    });

  it('says which language it is in, and which way that one is read', () => {
    for (const [name, render] of samples)
      for (const [lang, dir] of [
        ['ar', 'rtl'],
        ['de', 'ltr'],
      ])
        assert.match(
          render(plainTexts, wordsFor(lang)),
          new RegExp(`^<!doctype html>\\n<html lang="${lang}" dir="${dir}">`),
          name,
        );
  });

  it('has room for the longest names and addresses on the smallest screen', async () => {
    const page = await place.browser.newPage({ width: 320 });
    await eachSample({ page, texts: longTexts }, async (name) =>
      assert.deepEqual(await page.evaluate(layoutFaults), [], name),
    );
  });

  for (const dir of ['ltr', 'rtl'] as const)
    it(`has room for texts that are 40 % longer on the smallest screen (${dir})`, async () => {
      const page = await place.browser.newPage({ width: 320 });
      await eachSample({ page, words: pseudoWords(dir) }, async (name) => {
        assert.equal(await page.evaluate(() => document.dir), dir);
        assert.match(await page.innerText('h1'), /^[\s\S]*\[.*\][\s\S]*$/, name);
        assert.deepEqual(await page.evaluate(layoutFaults), [], name);
      });
    });

  it('keeps still however slowly its parts arrive', async () => {
    const page = await place.browser.newPage();
    for (const [name, render] of samples) {
      const text = still(render(plainTexts, wordsFor('en')));
      for (const part of ['</form>', '<circle']) {
        const cutAt = text.indexOf(part);
        if (cutAt < 0) continue;
        place.server.put('/page', { text, cutAt });
        await page.goto(`${place.server.origin}/page`);
        assert.deepEqual(await page.evaluate(layoutFaults), [], `${name}, cut at ${part}`);
      }
    }
    await page.context().close();
  });

  it('says nothing on the console, and moves nothing', async () => {
    const page = await place.browser.newPage();
    const said: string[] = [];
    page.on('console', (message) => said.push(message.text()));
    page.on('pageerror', (error) => said.push(error.message));
    await eachSample({ page }, async (name) => assert.deepEqual(await page.evaluate(movingParts), [], name));
    assert.deepEqual(said, []);
  });
});

/** Runs in the page. */
function movingParts(): string[] {
  return [...document.querySelectorAll('*')].flatMap((part) => {
    const { transitionDuration, animationName } = getComputedStyle(part);
    return transitionDuration === '0s' && animationName === 'none' ? [] : [part.tagName];
  });
}

const longTexts: Texts = {
  ...plainTexts,
  email: `${'ana'.repeat(20)}@${'long-label-of-a-domain.'.repeat(8)}com`,
  appName: 'W'.repeat(60),
  host: `${'id-of-acme.'.repeat(8)}example.com`,
  ip: '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff',
  scope: 'x'.repeat(80),
  description: 'y'.repeat(200),
  error: 'z'.repeat(60),
  requestId: 'w'.repeat(60),
};
