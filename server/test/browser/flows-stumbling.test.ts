import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { chromium, type Page } from 'playwright-core';
import { notMeIn } from '../support/mailbox.ts';
import { someone, wrongCode } from '../support/sign-in-steps.ts';
import {
  askToSignIn,
  assertSignedIn,
  backAtApp,
  codeField,
  giveAddress,
  giveCode,
  heading,
  openStage,
  type Person,
  press,
  type Stage,
} from '../support/stage.ts';

let stage: Stage;
before(async () => {
  stage = await openStage();
});
afterEach(() => stage.empty());
after(() => stage.close());

async function waiting(look: { javaScript: boolean }) {
  const person = await stage.arrive(look);
  const email = someone();
  await askToSignIn(stage, person);
  await giveAddress(person, email);
  return { person, email, mail: await stage.mailTo(email) };
}

/** How many forms the pages send from here on, by the step that they are. */
function countForms(page: Page): Record<string, number> {
  const counts: Record<string, number> = {};
  page.on('request', (request) => {
    const step = new URL(request.url()).pathname.split('/').at(-1) ?? '';
    if (request.method() === 'POST') counts[step] = (counts[step] ?? 0) + 1;
  });
  return counts;
}

async function assertFault(person: Person, text: RegExp): Promise<void> {
  await person.page.locator('[aria-invalid=true]').waitFor();
  assert.match(await person.page.title(), /^Error: /);
  assert.match(await person.page.innerText('#fault'), text);
}

for (const javaScript of [true, false]) {
  const look = { javaScript };
  describe(`With${javaScript ? '' : 'out'} scripts, somebody who stumbles`, () => {
    it('types a wrong code, then the right one', async () => {
      const { person, mail } = await waiting(look);
      await giveCode(person, wrongCode(mail.code));
      await assertFault(person, /4 tries left/);
      await giveCode(person, mail.code);
      await assertSignedIn(person, stage.acme);
    });

    it('types five wrong codes, and gets in with a new one', async () => {
      const { person, email, mail } = await waiting(look);
      for (let by = 1; by <= 5; by += 1) {
        await giveCode(person, wrongCode(mail.code, by));
        if (by < 5) await assertFault(person, new RegExp(`${5 - by} tr`));
      }
      await heading(person, 'Let us send a new code');
      await press(person, 'Send a new code');
      await codeField(person).waitFor();
      await giveCode(person, (await stage.mailTo(email)).code);
      await assertSignedIn(person, stage.acme);
    });

    it('sends an empty form, and what is no address, and is told what is missing', async () => {
      const person = await stage.arrive(look);
      await askToSignIn(stage, person);
      await press(person);
      await assertFault(person, /Enter your email address/);
      await person.page.fill('input[name=email]', 'ana.example.com');
      await press(person);
      await assertFault(person, /Enter a whole address/);
      assert.equal(await person.page.inputValue('input[name=email]'), 'ana.example.com');
    });

    it('takes a different address', async () => {
      const { person, email } = await waiting(look);
      await press(person, 'Use a different address');
      assert.notEqual(await person.page.inputValue('input[name=email]'), email);
      const other = someone();
      await giveAddress(person, other);
      await giveCode(person, (await stage.mailTo(other)).code);
      await assertSignedIn(person, stage.acme);
    });

    for (const [answer, domain] of [
      ['Yes', 'gmail.com'],
      ['No', 'gmial.com'],
    ] as const)
      it(`says ${answer} to a suggested address`, async () => {
        const person = await stage.arrive(look);
        const [name = ''] = someone().split('@');
        await askToSignIn(stage, person);
        await person.page.fill('input[name=email]', `${name}@gmial.com`);
        await press(person);
        await press(person, `${answer}, use ${name}@${domain}`);
        await codeField(person).waitFor();
        assert.ok((await person.page.innerText('main')).includes(`${name}@${domain}`));
        await giveCode(person, (await stage.mailTo(`${name}@${domain}`)).code);
        await assertSignedIn(person, stage.acme);
      });

    it('finds the address filled in on the next visit after a tick, and empty again once it is taken away', async () => {
      const person = await stage.arrive(look);
      const email = someone();
      await askToSignIn(stage, person);
      await person.page.check('input[name=remember]');
      await giveAddress(person, email);
      await askToSignIn(stage, person, { app: stage.globex });
      assert.equal(await person.page.inputValue('input[name=email]'), email);
      assert.ok(await person.page.isChecked('input[name=remember]'));
      await person.page.uncheck('input[name=remember]');
      await giveAddress(person, email);
      await askToSignIn(stage, person);
      assert.equal(await person.page.inputValue('input[name=email]'), '');
    });

    it('clicks twice, and one mail is sent', async () => {
      const person = await stage.arrive(look);
      const email = someone();
      await askToSignIn(stage, person);
      await person.page.fill('input[name=email]', email);
      await person.page.getByRole('button', { name: 'Continue', exact: true }).dblclick();
      await codeField(person).waitFor();
      await stage.mailTo(email);
      assert.equal(stage.mailbox.to(email).length, 1);
    });

    it('goes back after the end, and comes to the app again', async () => {
      const { person, mail } = await waiting(look);
      await giveCode(person, mail.code);
      await assertSignedIn(person, stage.acme);
      const sent = countForms(person.page);
      await goBack(person);
      await heading(person, 'You are signed in');
      if (javaScript) assert.deepEqual(sent, {});
      await press(person);
      await assertSignedIn(person, stage.acme);
    });

    it('has two apps in two tabs at once, and gets into both', async () => {
      const { person, mail } = await waiting(look);
      const other: Person = { ...person, page: await person.context.newPage() };
      const email = someone();
      await askToSignIn(stage, other, { app: stage.globex, state: 'of globex' });
      await giveAddress(other, email);
      await giveCode(other, (await stage.mailTo(email)).code);
      await assertSignedIn(other, stage.globex, 'of globex');
      await giveCode(person, mail.code);
      await assertSignedIn(person, stage.acme);
    });

    it('cancels, which the app is told', async () => {
      const person = await stage.arrive(look);
      await askToSignIn(stage, person);
      await press(person, 'Cancel and go back to Acme');
      const { error, state } = await backAtApp(person, stage.acme);
      assert.deepEqual([error, state], ['access_denied', 'a state']);
    });

    it('chooses another language, and comes back to the same page in it', async () => {
      const { person, mail } = await waiting(look);
      await person.page.click('footer a');
      await heading(person, 'Choose a language');
      await press(person, 'العربية');
      await codeField(person).waitFor();
      assert.deepEqual(await person.page.evaluate(() => [document.documentElement.lang, document.dir]), [
        'ar',
        'rtl',
      ]);
      await codeField(person).fill(mail.code);
      if (!javaScript) await person.page.locator('form:has(input[name=code]) button').click();
      await assertSignedIn(person, stage.acme);
      await askToSignIn(stage, person, { app: stage.globex, prompt: 'login' });
      assert.equal(await person.page.evaluate(() => document.documentElement.lang), 'ar');
    });

    it('is told by "It was not me" that the owner of the mailbox stopped it, and can begin again', async () => {
      const { person, email, mail } = await waiting(look);
      const owner = await stage.arrive({ ...look, width: 375 });
      await owner.page.goto(stage.server.url + notMeIn(mail));
      await heading(owner, 'Was this not you?');
      await press(owner, 'It was not me');
      await heading(owner, 'It is stopped');
      if (!javaScript) await person.page.getByRole('link', { name: 'I have opened the link' }).click();
      await heading(person, 'This sign-in was stopped');
      await press(person, 'Start again');
      // Who was stopped is slowed down: a script solves the puzzle, a person without one waits in its queue.
      if (!javaScript) await press(person);
      await codeField(person).waitFor();
      await giveCode(person, (await stage.mailTo(email)).code);
      await assertSignedIn(person, stage.acme);
    });

    it('clears the cookies below an open page, and goes on with the same request', async () => {
      const person = await stage.arrive(look);
      const email = someone();
      await askToSignIn(stage, person, { state: 'of this request' });
      await person.context.clearCookies();
      await person.page.fill('input[name=email]', email);
      await press(person);
      if (!javaScript) await press(person);
      await codeField(person).waitFor();
      await giveCode(person, (await stage.mailTo(email)).code);
      await assertSignedIn(person, stage.acme, 'of this request');
    });

    it('blocks cookies, and is told so in words that name the way on', async () => {
      const blocked = await openWithoutCookies(look);
      try {
        await askToSignIn(stage, blocked);
        await heading(blocked, 'Let us start again');
        assert.match(await blocked.page.innerText('main'), /Allow cookies for this site/);
        const back = await blocked.page.getByRole('link', { name: 'Back to Acme' }).getAttribute('href');
        assert.equal(back && new URL(back).origin, 'https://acme.example');
      } finally {
        await blocked.close();
      }
    });
  });
}

/** Where a page came from a form, a browser without scripts asks whether to send it again; the person does. */
async function goBack(person: Person): Promise<void> {
  await person.page.goBack().catch(() => undefined);
  if (person.page.url().startsWith('chrome-error:')) await person.page.reload();
}

/** A browser whose owner has blocked all cookies. */
async function openWithoutCookies({ javaScript }: { javaScript: boolean }) {
  const folder = mkdtempSync(join(tmpdir(), 'postern-browser-'));
  mkdirSync(join(folder, 'Default'));
  const settings = { profile: { default_content_setting_values: { cookies: 2 } } };
  writeFileSync(join(folder, 'Default', 'Preferences'), JSON.stringify(settings));
  const context = await chromium.launchPersistentContext(folder, {
    executablePath: process.env.POSTERN_TEST_BROWSER ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
    javaScriptEnabled: javaScript,
  });
  context.setDefaultTimeout(10_000);
  const [page = await context.newPage()] = context.pages();
  return {
    page,
    close: async () => {
      await context.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

describe('AutoFill that says `input` twice', () => {
  it('sends the code once', async () => {
    const { person, mail } = await waiting({ javaScript: true });
    const sent = countForms(person.page);
    await codeField(person).evaluate((field: HTMLInputElement, code) => {
      field.value = code;
      for (let times = 0; times < 2; times += 1) field.dispatchEvent(new Event('input', { bubbles: true }));
    }, mail.code);
    await assertSignedIn(person, stage.acme);
    assert.deepEqual(sent, { code: 1 });
  });
});
