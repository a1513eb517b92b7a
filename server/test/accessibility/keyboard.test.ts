import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { someone, wrongCode } from '../support/sign-in-steps.ts';
import {
  askToSignIn,
  assertSignedIn,
  backAtApp,
  codeField,
  openStage,
  type Stage,
} from '../support/stage.ts';

let stage: Stage;
before(async () => {
  stage = await openStage();
});
afterEach(() => stage.empty());
after(() => stage.close());

/** What has the focus, and whether somebody who looks can tell. */
async function focusOf(page: Page): Promise<string> {
  const { name, isSeen } = await page.evaluate(() => {
    const part = document.activeElement;
    const label = part instanceof HTMLInputElement ? part.labels?.[0]?.textContent : part?.textContent;
    const { outlineStyle, outlineWidth } = getComputedStyle(part ?? document.body);
    const { top = 0, bottom = 0 } = part?.getBoundingClientRect() ?? {};
    return {
      name: label?.trim().replace(/\s+/g, ' ') ?? '',
      isSeen:
        outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2 && bottom > 0 && top < innerHeight,
    };
  });
  assert.ok(isSeen, `nobody sees that "${name}" has the focus`);
  return name;
}

/** Presses Tab until the named part has the focus, and fails where a whole round does not come to it. */
async function tabTo(page: Page, wanted: string): Promise<void> {
  const names: string[] = [];
  for (let stops = 0; stops < 15; stops += 1) {
    await page.keyboard.press('Tab');
    const atStart = await page.evaluate(() => document.activeElement === document.body);
    if (!atStart) names.push(await focusOf(page));
    if (names.at(-1) === wanted) return;
  }
  assert.fail(`Tab never comes to "${wanted}", but to ${names.join(', ')}`);
}

async function pressOn(page: Page, wanted: string, key = 'Enter'): Promise<void> {
  await tabTo(page, wanted);
  await page.keyboard.press(key);
}

/** The names of all that Tab comes to, from the part that has the focus to the last one. */
async function orderFrom(page: Page): Promise<string[]> {
  const names = [await focusOf(page)];
  for (let stops = 0; stops < 15; stops += 1) {
    await page.keyboard.press('Tab');
    if (await page.evaluate(() => document.activeElement === document.body)) return names;
    names.push(await focusOf(page));
  }
  return assert.fail('Tab is caught in the page');
}

for (const javaScript of [true, false]) {
  const arrive = async () => {
    const person = await stage.arrive({ javaScript });
    await askToSignIn(stage, person);
    await person.page.locator('input[name=email]:focus').waitFor();
    return person;
  };
  /** The focus is in the address field when the page opens, so typing is enough. */
  const giveAddress = async ({ page }: { page: Page }, email: string) => {
    await page.locator('input[name=email]:focus').waitFor();
    await page.keyboard.type(email);
    await page.keyboard.press('Enter');
    await codeField({ page }).waitFor();
  };
  const typeCode = async ({ page }: { page: Page }, code: string) => {
    await page.locator('input[name=code]:focus').waitFor();
    await page.keyboard.type(code);
    if (!javaScript) await page.keyboard.press('Enter');
  };

  describe(`With a keyboard alone, with${javaScript ? '' : 'out'} scripts, a person`, () => {
    it('signs in with a code', async () => {
      const person = await arrive();
      const email = someone();
      await giveAddress(person, email);
      await typeCode(person, (await stage.mailTo(email)).code);
      await assertSignedIn(person, stage.acme);
    });

    it('comes to everything in the order in which it is read', async () => {
      const person = await arrive();
      assert.deepEqual(await orderFrom(person.page), [
        'Email address',
        'Remember my address on this device',
        'Continue',
        'Cancel and go back to Acme',
        'English',
      ]);
      await askToSignIn(stage, person);
      await giveAddress(person, someone());
      await person.page.locator('input[name=code]:focus').waitFor();
      assert.deepEqual(await orderFrom(person.page), [
        '6-digit code',
        'Continue',
        ...(javaScript ? [] : ['I have opened the link']),
        'Send another email',
        'Use a different address',
        'No email?',
        'English',
      ]);
    });

    it('ticks the box, corrects the address, is corrected about the code, and signs in', async () => {
      const person = await arrive();
      const { page } = person;
      const email = someone();
      await page.keyboard.type('nobody');
      await pressOn(page, 'Remember my address on this device', 'Space');
      await pressOn(page, 'Continue', 'Space');
      await page.locator('[aria-invalid=true]').waitFor();
      assert.equal(await focusOf(page), 'Email address');
      await page.keyboard.press('ControlOrMeta+A');
      await giveAddress(person, email);
      const { code } = await stage.mailTo(email);
      await typeCode(person, wrongCode(code));
      await page.locator('[aria-invalid=true]').waitFor();
      await typeCode(person, code);
      await assertSignedIn(person, stage.acme);
    });

    it('says which of two addresses is meant', async () => {
      const person = await arrive();
      const [name = ''] = someone().split('@');
      await person.page.keyboard.type(`${name}@gmial.com`);
      await person.page.keyboard.press('Enter');
      await person.page.locator('main:has(#meant) input:focus').waitFor();
      await pressOn(person.page, `Yes, use ${name}@gmail.com`);
      await codeField(person).waitFor();
      await typeCode(person, (await stage.mailTo(`${name}@gmail.com`)).code);
      await assertSignedIn(person, stage.acme);
    });

    it('unfolds the help, asks for another mail, takes another address, and signs in', async () => {
      const person = await arrive();
      const { page } = person;
      await giveAddress(person, someone());
      await pressOn(page, 'No email?', 'Space');
      assert.ok(await page.locator('details[open] li').first().isVisible());
      await pressOn(page, 'Send another email', 'Space');
      await page.locator('#asked').waitFor();
      await pressOn(page, 'Use a different address');
      await page.locator('input[name=email]').waitFor();
      const email = someone();
      await giveAddress(person, email);
      await typeCode(person, (await stage.mailTo(email)).code);
      await assertSignedIn(person, stage.acme);
    });

    it('begins again after five wrong codes', async () => {
      const person = await arrive();
      const email = someone();
      await giveAddress(person, email);
      const { code } = await stage.mailTo(email);
      for (let by = 1; by <= 5; by += 1) {
        await typeCode(person, wrongCode(code, by));
        await person.page.getByText(by < 5 ? `${5 - by} tr` : 'Let us send a new code').waitFor();
      }
      await pressOn(person.page, 'Send a new code', 'Space');
      await codeField(person).waitFor();
      await typeCode(person, (await stage.mailTo(email)).code);
      await assertSignedIn(person, stage.acme);
    });

    it('chooses a language, and cancels', async () => {
      const person = await arrive();
      await pressOn(person.page, 'English');
      await person.page.getByRole('heading', { name: 'Choose a language' }).waitFor();
      await pressOn(person.page, 'English');
      await person.page.locator('input[name=email]').waitFor();
      await pressOn(person.page, 'Cancel and go back to Acme', 'Space');
      assert.equal((await backAtApp(person, stage.acme)).error, 'access_denied');
    });
  });
}
