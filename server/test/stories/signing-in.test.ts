import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AppBrowser, titleOf } from '../support/app-client.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { createMailbox } from '../support/mailbox.ts';
import { authorizeUrl, claimsOf, exchange, tokensOf } from '../support/oauth-requests.ts';
import { startTestServer } from '../support/server.ts';
import {
  type Asked,
  ask,
  eventReader,
  homeOf,
  isSignedIn,
  type Site,
  someone,
  wrongCode,
} from '../support/sign-in-steps.ts';

const MINUTE = 60_000;
const PROVED_BY_NEWCOMER = ['attempt.satisfied', 'user.created', 'attempt.redeemed', 'session.started'];

let clock: FakeClock;
let site: Site;
let events: () => Promise<string[]>;
before(async () => {
  clock = createFakeClock();
  const mailbox = createMailbox();
  site = { mailbox, server: await startTestServer({ transport: mailbox.transport, clock }) };
  events = eventReader(site.server);
  await events();
});
after(async () => {
  await site.server.stop();
  clock.release();
});

/** Sends a form of the page the person is at, and reads the mail that comes of it. */
async function submit(at: Asked, form: string, fields: Record<string, string> = {}): Promise<Asked> {
  const sent = site.mailbox.mails.length;
  const page = await at.browser.submit(at.page, form, fields);
  await site.server.mailIdle();
  const mail = site.mailbox.mails.slice(sent).at(-1);
  const [code = '', link = ''] = [mail?.facts?.code, mail?.facts?.link];
  return { ...at, page, mail, code, link: link && new URL(link).pathname };
}

/** What the app learns of the person. */
async function claims(at: Asked): Promise<Record<string, unknown>> {
  return claimsOf(
    tokensOf(await exchange(site.server, at.page.away ?? assert.fail('nobody is signed in'))).idToken,
  );
}

describe('A person signs in', () => {
  it('by typing the code, and the app learns who and how', async () => {
    const email = someone();
    const asked = await ask(site, email);
    assert.equal(titleOf(asked.page), 'Check your email - Acme');
    assert.match(asked.page.body, new RegExp(`We sent a code and a link to .*${email}`));
    assert.deepEqual(await events(), ['attempt.started', 'mail.sent']);
    const done = await submit(asked, '/code', { code: asked.code });
    assert.match(titleOf(done.page), /^Taking you back/);
    assert.deepEqual(await events(), PROVED_BY_NEWCOMER);
    const known = await claims(done);
    assert.deepEqual(
      [known.email, known.email_verified, known.amr, known.acr],
      [email, true, ['otp'], 'urn:postern:email-code'],
    );
    assert.deepEqual(await events(), ['token.issued']);
    assert.equal(site.mailbox.to(email).length, 1);
  });

  it('by opening the link in the same browser, with one press, and the app learns that', async () => {
    const email = someone();
    const asked = await ask(site, email);
    const page = await asked.browser.open(asked.link);
    assert.equal(titleOf(page), 'Signing you in to Acme');
    assert.ok(page.body.includes(email), 'and says as whom');
    await events();
    const done = await submit({ ...asked, page }, asked.link);
    assert.deepEqual(await events(), PROVED_BY_NEWCOMER);
    const known = await claims(done);
    assert.deepEqual([known.email, known.amr, known.acr], [email, ['link'], 'urn:postern:email-link-bound']);
  });

  it('by the link in another tab, while the first one waits and then says so', async () => {
    const asked = await ask(site, someone());
    const status = async () =>
      JSON.parse((await asked.browser.send(`${site.server.url}${asked.home}/status`)).body).state;
    assert.equal(await status(), 'pending');
    const done = await submit({ ...asked, page: await asked.browser.open(asked.link) }, asked.link);
    assert.ok(isSignedIn(done.page));
    assert.notEqual(await status(), 'pending');
    const first = await asked.browser.open(asked.home);
    assert.equal(first.status, 200);
    assert.match(titleOf(first), /^You are signed in/);
    assert.match(first.body, /href="http:\/\/localhost:9\/"/);
  });

  it('by a code that is pasted with everything around it', async () => {
    for (const around of [
      (code: string) => ` ${code.slice(0, 3)} ${code.slice(3)}\n`,
      (code: string) => `${code.slice(0, 3)}-${code.slice(3)}`,
      (code: string) => `${code} is your Acme sign-in code.`,
      (code: string) => code.replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit))),
    ]) {
      const asked = await ask(site, someone());
      assert.ok(
        isSignedIn((await submit(asked, '/code', { code: around(asked.code) })).page),
        around(asked.code),
      );
    }
  });

  it('with a wrong code first, which is said, and then the right one', async () => {
    const asked = await ask(site, someone());
    await events();
    const wrong = await submit(asked, '/code', { code: wrongCode(asked.code) });
    assert.equal(wrong.page.status, 400);
    assert.match(titleOf(wrong.page), /^Error: Check your email/);
    assert.match(wrong.page.body, /That code is not right.*4 tries left/s);
    const done = await submit(wrong, '/code', { code: asked.code });
    assert.deepEqual(await events(), ['attempt.code_wrong', ...PROVED_BY_NEWCOMER]);
    assert.ok(isSignedIn(done.page));
  });

  it('with a code that came too late, after asking for a new one', async () => {
    const email = someone();
    const asked = await ask(site, email);
    clock.advance(10 * MINUTE);
    const late = await submit(asked, '/code', { code: asked.code });
    assert.match(titleOf(late.page), /^This took a little too long/);
    await events();
    const again = await submit(late, '/restart');
    assert.deepEqual(await events(), ['attempt.superseded', 'attempt.started', 'mail.sent']);
    assert.match(titleOf(again.page), /^Check your email/);
    assert.ok(isSignedIn((await submit(again, '/code', { code: again.code })).page));
    assert.equal(site.mailbox.to(email).length, 2);
  });

  it('with the second mail, or with the first when that turns up after all', async () => {
    for (const which of [0, 1]) {
      const asked = await ask(site, someone());
      await events();
      const again = await submit(asked, '/resend');
      assert.match(again.page.body, /We have sent you another email/);
      assert.deepEqual(await events(), ['attempt.mail_asked', 'mail.sent']);
      const codes = [asked.code, again.code];
      assert.ok(isSignedIn((await submit(again, '/code', { code: codes[which] ?? '' })).page));
    }
  });

  it('with another address than the one first typed, and only that one gets in', async () => {
    const [typo, meant] = [someone(), someone()];
    const asked = await ask(site, typo);
    await events();
    const anew = await submit(asked, '/address');
    assert.match(titleOf(anew.page), /^Sign in to Acme/);
    assert.doesNotMatch(anew.page.body, new RegExp(typo));
    assert.deepEqual(await events(), ['attempt.superseded']);
    const again = await submit(anew, '/start', { email: meant });
    assert.match((await submit(again, '/code', { code: asked.code })).page.body, /That code is not right/);
    const done = await submit(again, '/code', { code: again.code });
    assert.equal((await claims(done)).email, meant);
    assert.match(titleOf(await new AppBrowser(site.server).open(asked.link)), /^There is a newer link/);
  });

  it('with an address that has to be corrected first', async () => {
    const browser = new AppBrowser(site.server);
    const page = await browser.open(authorizeUrl(site.server));
    const wrong = await browser.submit(page, '/start', { email: 'ada@acme' });
    assert.equal(wrong.status, 400);
    assert.match(wrong.body, /value="ada@acme"/, 'what was typed is still there');
    const asked = await browser.submit(wrong, '/start', { email: someone() });
    assert.match(titleOf(asked), /^Check your email/);
  });

  it('again, as the same person, however the address is written', async () => {
    const email = someone();
    const subjects: unknown[] = [];
    for (const written of [email, email.toUpperCase(), ` ${email} `]) {
      const asked = await ask(site, written);
      await events();
      const done = await submit(asked, '/code', { code: asked.code });
      const happened = await events();
      assert.equal(happened.includes('user.created'), written === email);
      subjects.push((await claims(done)).sub);
    }
    assert.equal(new Set(subjects).size, 1);
  });

  it('with a mail that names the app, the code, the link, the place and how long it all works', async () => {
    const asked = await ask(site, someone());
    const { host } = new URL(site.server.url);
    for (const part of [
      'Acme',
      asked.code,
      asked.link,
      host,
      '10 minutes',
      '127.0.0.1',
      'Nobody will ever ask you',
    ])
      assert.ok(asked.mail?.text.includes(part), part);
    assert.ok(asked.mail?.subject.startsWith(`${asked.code.slice(0, 3)} ${asked.code.slice(3)}`));
  });

  it('and gives up: the app is told, and no mail was sent', async () => {
    const sent = site.mailbox.mails.length;
    const browser = new AppBrowser(site.server);
    const page = await browser.open(authorizeUrl(site.server, { state: 'mine' }));
    const { away } = await browser.submit(page, '/abort');
    assert.equal(away?.searchParams.get('error'), 'access_denied');
    assert.equal(away?.searchParams.get('state'), 'mine');
    assert.equal(site.mailbox.mails.length, sent);
    assert.equal((await browser.open(homeOf(page))).status, 400);
  });
});

describe('An app that knows the address', () => {
  it('has it filled in on a page that posts itself: the person presses nothing, a look sends nothing', async () => {
    const email = someone();
    const browser = new AppBrowser(site.server);
    const page = await browser.open(authorizeUrl(site.server, { login_hint: email }));
    assert.match(page.body, new RegExp(`data-self-post="seen".*value="${email}"`, 's'));
    await site.server.mailIdle();
    assert.equal(site.mailbox.to(email).length, 0);
    const asked = await browser.submit(page, '/start');
    await site.server.mailIdle();
    assert.match(titleOf(asked), /^Check your email/);
    assert.equal(site.mailbox.to(email).length, 1);
  });

  it('does not send again when the person says that it is another address, and reloads', async () => {
    const hinted = someone();
    const browser = new AppBrowser(site.server);
    const page = await browser.open(authorizeUrl(site.server, { login_hint: hinted }));
    const asked = await browser.submit(page, '/start');
    const anew = await browser.submit(asked, '/address');
    const reloaded = await browser.open(homeOf(anew));
    for (const one of [anew, reloaded]) assert.doesNotMatch(one.body, new RegExp(`data-self-post|${hinted}`));
    await site.server.mailIdle();
    assert.equal(site.mailbox.to(hinted).length, 1);
  });

  it('gets a plain form for an address that is none', async () => {
    const { body } = await new AppBrowser(site.server).open(
      authorizeUrl(site.server, { login_hint: 'ada at acme' }),
    );
    assert.match(body, /value="ada at acme"/);
    assert.doesNotMatch(body, /data-self-post/);
  });
});
