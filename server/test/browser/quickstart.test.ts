import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { openBrowser, type TestBrowser } from '../support/browser.ts';
import { type DevProcess, startDev } from '../support/dev-process.ts';

let browser: TestBrowser;
let dev: DevProcess;

before(async () => {
  [browser, dev] = await Promise.all([openBrowser(), startDev()]);
});
after(async () => {
  await browser.close();
  await dev.stop();
});

let people = 0;
const newAddress = () => `person${++people}@example.com`;

/** From the example's home to the page that waits for the code. */
async function ask(page: Page, email: string, javaScript: boolean): Promise<void> {
  await page.goto(dev.example);
  await page.fill('input[name="email"]', email);
  await page.getByRole('button', { name: /sign in/i }).click();
  // With a login_hint the page posts itself; without scripts its button does it.
  if (!javaScript) await page.getByRole('button', { name: 'Continue', exact: true }).click();
  await page.waitForSelector('input[data-scope="pin-input"][data-part="input"]');
}

async function enter(page: Page, code: string, javaScript: boolean): Promise<void> {
  await page.fill('input[name="code"]', code);
  if (!javaScript) await page.getByRole('button', { name: 'Continue', exact: true }).click();
}

async function assertSignedIn(page: Page, email: string): Promise<void> {
  await page.waitForURL(`${dev.example.replace(/\/$/, '')}/`);
  assert.match(await page.innerText('body'), new RegExp(email.replace('.', '\\.')));
}

for (const javaScript of [true, false]) {
  describe(`the quickstart app, ${javaScript ? 'with' : 'without'} scripts`, () => {
    it('signs a person in with the code from the mail', async () => {
      const email = newAddress();
      const page = await browser.newPage({ javaScript });
      const strangers = watchRequests(page);
      await ask(page, email, javaScript);
      const mail = await dev.mailTo(email);
      assert.match(mail.subject, /is your Quickstart sign-in code$/);
      await enter(page, mail.code, javaScript);
      await assertSignedIn(page, email);
      assert.deepEqual(strangers(), []);
    });

    it('signs a person in with the link, opened in the same browser', async () => {
      const email = newAddress();
      const context = await browser.newContext({ javaScript });
      const first = await context.newPage();
      await ask(first, email, javaScript);
      const second = await context.newPage();
      await second.goto((await dev.mailTo(email)).link);
      if (!javaScript) await second.getByRole('button', { name: 'Continue', exact: true }).click();
      await assertSignedIn(second, email);
      await assertDoneElsewhere(first, javaScript);
    });

    it('shows the code where the link was opened in another browser, and signs in where it is typed', async () => {
      const email = newAddress();
      const laptop = await browser.newPage({ javaScript });
      await ask(laptop, email, javaScript);
      const mail = await dev.mailTo(email);
      const phone = await browser.newPage({ javaScript, width: 375 });
      await phone.goto(mail.link);
      const shown = (await phone.innerText('.shown')).replace(/\s/g, '');
      assert.equal(shown, mail.code);
      assert.deepEqual(
        (await phone.context().cookies()).filter(({ name }) => name.includes('session')),
        [],
      );
      await enter(laptop, shown, javaScript);
      await assertSignedIn(laptop, email);
    });

    it('tells a wrong code from a right one and keeps the person on the page', async () => {
      const email = newAddress();
      const page = await browser.newPage({ javaScript });
      await ask(page, email, javaScript);
      const { code } = await dev.mailTo(email);
      const wrong = code === '000000' ? '111111' : '000000';
      await enter(page, wrong, javaScript);
      await page.waitForSelector('[aria-invalid="true"]');
      assert.match(await page.title(), /^Error: /);
      assert.match(await page.innerText('main'), /4 tries left/);
      await enter(page, code, javaScript);
      await assertSignedIn(page, email);
    });

    it('goes back to the app with an error when the person cancels', async () => {
      const page = await browser.newPage({ javaScript });
      await page.goto(dev.example);
      await page.getByRole('button', { name: /sign in/i }).click();
      await page.getByRole('button', { name: /^Cancel/ }).click();
      await page.waitForURL(/\/auth\/callback\?/);
      assert.match(page.url(), /error=access_denied/);
      assert.match(await page.innerText('body'), /cancelled/);
    });

    it('signs out, and asks again at the next sign-in', async () => {
      const email = newAddress();
      const page = await browser.newPage({ javaScript });
      await ask(page, email, javaScript);
      await enter(page, (await dev.mailTo(email)).code, javaScript);
      await assertSignedIn(page, email);
      await page.getByRole('button', { name: /sign out/i }).click();
      if (!javaScript) await page.getByRole('button', { name: 'Sign out', exact: true }).click();
      await page.waitForSelector('input[name="email"]');
      await ask(page, email, javaScript);
    });
  });
}

/** The first tab goes on by itself where there are scripts; without, the person reloads it. */
async function assertDoneElsewhere(first: Page, javaScript: boolean): Promise<void> {
  if (!javaScript) await first.goto(first.url().replace(/\/start$/, ''));
  await first.getByRole('heading', { name: 'You are signed in' }).waitFor();
}

function watchRequests(page: Page): () => string[] {
  const strangers: string[] = [];
  const own = new Set([new URL(dev.server).host, new URL(dev.example).host]);
  page.on('request', (request) => {
    if (!own.has(new URL(request.url()).host)) strangers.push(request.url());
  });
  page.on('console', (message) => {
    if (message.type() === 'error' && !/favicon/.test(message.text() + message.location().url))
      strangers.push(message.text());
  });
  return () => strangers;
}
