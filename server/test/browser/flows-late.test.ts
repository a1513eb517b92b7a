import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { someone } from '../support/sign-in-steps.ts';
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

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

let clock: FakeClock;
let stage: Stage;
before(async () => {
  clock = createFakeClock();
  stage = await openStage({ clock, settings: { 'limits.resend_after_seconds': 30 } });
});
afterEach(() => stage.empty());
after(async () => {
  await stage.close();
  clock.release();
});

async function waiting(look: { javaScript: boolean }) {
  const person = await stage.arrive(look);
  const email = someone();
  await askToSignIn(stage, person);
  await giveAddress(person, email);
  return { person, email, mail: await stage.mailTo(email) };
}

async function finish(person: Person, email: string, state?: string): Promise<void> {
  await codeField(person).waitFor();
  await giveCode(person, (await stage.mailTo(email)).code);
  await assertSignedIn(person, stage.acme, state);
}

/** Opens the link in a new tab of the same browser. */
async function openLink({ context, javaScript }: Person, link: string): Promise<Person> {
  const page = await context.newPage();
  await page.goto(link);
  return { context, javaScript, page };
}

for (const javaScript of [true, false]) {
  const look = { javaScript };
  const scripts = `With${javaScript ? '' : 'out'} scripts`;

  describe(`${scripts}, a link that is over`, () => {
    it('was used: the same browser comes to the app again', async () => {
      const { person, mail } = await waiting(look);
      const tab = await openLink(person, mail.link);
      if (!javaScript) await press(tab);
      await assertSignedIn(tab, stage.acme);
      const again = await openLink(person, mail.link);
      await heading(again, 'You already used this link');
      await press(again, 'Start again');
      await assertSignedIn(again, stage.acme);
    });

    it('was used: any other browser is led back to the app', async () => {
      const { person, mail } = await waiting(look);
      await giveCode(person, mail.code);
      await assertSignedIn(person, stage.acme);
      const phone = await stage.arrive({ ...look, width: 375 });
      await phone.page.goto(mail.link);
      await heading(phone, 'You already used this link');
      await phone.page.getByRole('link', { name: 'Back to Acme' }).click();
      await phone.page.waitForURL('https://acme.example/**');
    });

    it('has expired: the person goes on, asks for a new one and gets in', async () => {
      const { person, email, mail } = await waiting(look);
      clock.advance(11 * MINUTE);
      const tab = await openLink(person, mail.link);
      await heading(tab, 'This link has expired');
      await press(tab, 'Go on with the sign-in');
      await heading(tab, 'This took a little too long');
      await press(tab, 'Send a new email');
      await finish(tab, email);
    });

    it('has expired with the whole request: the request is begun again', async () => {
      const { person, email, mail } = await waiting(look);
      clock.advance(2 * 60 * MINUTE);
      await person.page.close();
      const tab = await openLink(person, mail.link);
      await heading(tab, 'This link has expired');
      await press(tab, 'Start again');
      if (!javaScript) await press(tab);
      await finish(tab, email);
    });

    it('was superseded: the person goes on with the newer one', async () => {
      const { person, mail } = await waiting(look);
      await press(person, 'Use a different address');
      const other = someone();
      await giveAddress(person, other);
      const tab = await openLink(person, mail.link);
      await heading(tab, 'There is a newer link');
      await press(tab, 'Go on with the sign-in');
      await finish(tab, other);
    });
  });

  describe(`${scripts}, somebody who waits`, () => {
    it('asks for another mail too soon, is told when, and then gets it', async () => {
      const person = await stage.arrive(look);
      const email = someone();
      if (javaScript) await person.page.clock.install();
      await askToSignIn(stage, person);
      await giveAddress(person, email);
      const resend = person.page.getByRole('button', { name: 'Send another email', exact: true });
      if (javaScript) {
        assert.match(await person.page.innerText('main'), /Send another email in 30 seconds/);
        assert.equal(await resend.getAttribute('aria-disabled'), 'true');
        await resend.dispatchEvent('click');
      } else {
        await resend.click();
        await person.page.getByText('We have just sent you an email.').waitFor();
        assert.match(await person.page.innerText('#asked'), /another one in 30 seconds/);
      }
      await stage.mailTo(email);
      assert.equal(stage.mailbox.to(email).length, 1);
      clock.advance(30 * SECOND);
      if (javaScript) {
        await person.page.clock.runFor(31 * SECOND);
        assert.equal(await person.page.innerText('[role=status]'), 'You can ask for another email now.');
      }
      await resend.click();
      await person.page.getByText('We have sent you another email.').waitFor();
      assert.equal((await stage.mailTo(email)) && stage.mailbox.to(email).length, 2);
      await finish(person, email);
    });

    it('comes back after the time of the code, and asks for a new one', async () => {
      const { person, email, mail } = await waiting(look);
      clock.advance(11 * MINUTE);
      await giveCode(person, mail.code);
      await heading(person, 'This took a little too long');
      await press(person, 'Send a new email');
      await finish(person, email);
    });

    it('comes back to an open page an hour later, and goes on with the same request', async () => {
      const person = await stage.arrive(look);
      const email = someone();
      await askToSignIn(stage, person, { state: 'of the first hour' });
      clock.advance(61 * MINUTE);
      await person.context.clearCookies({ name: /interaction|resume/ });
      await person.page.fill('input[name=email]', email);
      await press(person);
      if (!javaScript) await press(person);
      await finish(person, email, 'of the first hour');
    });

    it('reloads a page that is over, and goes on from there', async () => {
      const { person, email } = await waiting(look);
      clock.advance(3 * 60 * MINUTE);
      await person.page.goto(person.page.url().replace(/\/start$/, ''));
      await heading(person, 'Let us start again');
      await press(person);
      if (!javaScript) await press(person);
      await finish(person, email);
    });
  });
}
