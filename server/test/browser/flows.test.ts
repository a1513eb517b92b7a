import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { someone, stateOf } from '../support/sign-in-steps.ts';
import {
  askToSignIn,
  assertSignedIn,
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
  stage = await openStage({ settings: { 'passwordless.remote_approval': true } });
});
afterEach(() => stage.empty());
after(() => stage.close());

/** Somebody who has asked for a mail, and the mail. */
async function waiting(look: { javaScript: boolean }) {
  const person = await stage.arrive(look);
  const email = someone();
  await askToSignIn(stage, person);
  await giveAddress(person, email);
  return { person, email, mail: await stage.mailTo(email) };
}

/** Opens the link; where no script presses the button, the person does. */
async function openLink(person: Person, link: string, tab = person.page): Promise<void> {
  await tab.goto(link);
  if (!person.javaScript) await press({ page: tab });
}

function mailThatAsksAhead(link: string, way: 'prefetch' | 'prerender' | 'link'): string {
  const rules = JSON.stringify({ [way]: [{ source: 'list', urls: [link], eagerness: 'immediate' }] });
  const ahead =
    way === 'link'
      ? `<link rel="prefetch" href="${link}">`
      : `<script type="speculationrules">${rules}</script>`;
  return `<!doctype html><title>Mail</title>${ahead}<a href="${link}">Sign in</a>`;
}

/** Why a browser asks the server for what nobody has opened yet: `prefetch`, `prefetch;prerender`. */
async function purposeOfNext(act: () => Promise<unknown>): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const see = (message: unknown) => {
    const { headers } = (message as { request: IncomingMessage }).request;
    if (headers['sec-purpose'] !== undefined) resolve(String(headers['sec-purpose']));
  };
  subscribe('http.server.request.start', see);
  await act();
  const purpose = await Promise.race([promise, wait(5_000, 'none')]);
  unsubscribe('http.server.request.start', see);
  return purpose;
}

for (const javaScript of [true, false]) {
  const look = { javaScript };
  describe(`With${javaScript ? '' : 'out'} scripts, a code`, () => {
    it('is typed, and the app gets its answer', async () => {
      const { person, mail } = await waiting(look);
      await giveCode(person, mail.code);
      await assertSignedIn(person, stage.acme);
    });

    for (const dress of [
      (code: string) => ` ${code.slice(0, 3)} ${code.slice(3)}\n`,
      (code: string) => `Your code is ${code.slice(0, 3)}-${code.slice(3)}.`,
      (code: string) => code.replace(/\d/g, (digit) => String.fromCodePoint(0x0660 + Number(digit))),
    ])
      it(`is pasted as ${JSON.stringify(dress('482913'))}`, async () => {
        const { person, mail } = await waiting(look);
        await codeField(person).focus();
        await person.page.keyboard.insertText(dress(mail.code));
        if (!javaScript) await press(person);
        await assertSignedIn(person, stage.acme);
      });
  });

  describe(`With${javaScript ? '' : 'out'} scripts, a link`, () => {
    it('signs in where it was asked for, and the first tab says so within 2.5 s', async () => {
      const { person, mail } = await waiting(look);
      const second = await person.context.newPage();
      await openLink(person, mail.link, second);
      await assertSignedIn({ page: second }, stage.acme);
      const doneAt = performance.now();
      if (!javaScript) await person.page.getByRole('link', { name: 'I have opened the link' }).click();
      await heading(person, 'You are signed in');
      assert.ok(performance.now() - doneAt < 2_500);
    });

    it('leads the first tab to the app too, when the person goes on there', async () => {
      const { person, mail } = await waiting(look);
      await openLink(person, mail.link, await person.context.newPage());
      if (!javaScript) await person.page.getByRole('link', { name: 'I have opened the link' }).click();
      await heading(person, 'You are signed in');
      await press(person);
      await assertSignedIn(person, stage.acme);
    });

    it('shows the code in any other browser, and signs in where the code is typed', async () => {
      const { person, mail } = await waiting(look);
      const phone = await stage.arrive({ ...look, width: 375 });
      await phone.page.goto(mail.link);
      await heading(phone, 'Almost there');
      const shown = (await phone.page.innerText('.shown')).replace(/\s/g, '');
      assert.equal(shown, mail.code);
      await giveCode(person, shown);
      await assertSignedIn(person, stage.acme);
      assert.deepEqual(
        (await phone.context.cookies()).map(({ name }) => name).filter((name) => /session/.test(name)),
        [],
      );
    });

    it('approves from another device with the number that the first page shows', async () => {
      const { person, mail } = await waiting(look);
      const number = await person.page.innerText('.shown');
      const phone = await stage.arrive({ ...look, width: 375 });
      await phone.page.goto(mail.link);
      await press(phone, number);
      await heading(phone, 'Approved');
      if (!javaScript) {
        await person.page.getByRole('link', { name: 'I have opened the link' }).click();
        await press(person);
      }
      await assertSignedIn(person, stage.acme);
    });

    it('stops the sign-in at a wrong number; the person begins again and gets in', async () => {
      const { person, email, mail } = await waiting(look);
      const number = await person.page.innerText('.shown');
      const phone = await stage.arrive({ ...look, width: 375 });
      await phone.page.goto(mail.link);
      const wrong = (await phone.page.locator('.numbers button').allInnerTexts()).find(
        (one) => one !== number,
      );
      await press(phone, wrong);
      await heading(phone, 'This sign-in was stopped');
      if (!javaScript) await person.page.getByRole('link', { name: 'I have opened the link' }).click();
      await heading(person, /stopped|new code/);
      await person.page.locator('main button').first().click();
      await codeField(person).waitFor();
      await giveCode(person, (await stage.mailTo(email)).code);
      await assertSignedIn(person, stage.acme);
    });

    it('offers a sign-in of its own elsewhere, begun by the app', async () => {
      const { email, mail } = await waiting(look);
      const phone = await stage.arrive({ ...look, width: 375 });
      await phone.page.goto(mail.link);
      await phone.page.getByRole('link', { name: 'Sign in here instead' }).click();
      await phone.page.waitForURL('https://acme.example/sign-in?*');
      const { iss, login_hint = '' } = Object.fromEntries(new URL(phone.page.url()).searchParams);
      assert.deepEqual([iss, login_hint], [stage.server.url, email]);
      await askToSignIn(stage, phone, { login_hint });
      if (!javaScript) await press(phone);
      await codeField(phone).waitFor();
      await giveCode(phone, (await stage.mailTo(email)).code);
      await assertSignedIn(phone, stage.acme);
    });

    for (const way of javaScript ? (['prefetch', 'prerender'] as const) : (['link'] as const))
      it(`is not used up by a browser that asks for it ahead (${way})`, async () => {
        const { person, mail } = await waiting(look);
        const mailPage = `${stage.server.url}/mail-of-a-test`;
        await person.context.route(mailPage, (route) =>
          route.fulfill({ contentType: 'text/html', body: mailThatAsksAhead(mail.link, way) }),
        );
        const before = await stateOf(stage.server);
        const second = await person.context.newPage();
        const purpose = way === 'prerender' ? 'prefetch;prerender' : 'prefetch';
        assert.equal(await purposeOfNext(() => second.goto(mailPage)), purpose);
        await second.waitForTimeout(200);
        assert.deepEqual(await stateOf(stage.server), before);
        await second.getByRole('link', { name: 'Sign in' }).click();
        if (!javaScript) await press({ page: second });
        await assertSignedIn({ page: second }, stage.acme);
      });
  });
}
