import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { initialSettings, type SettingName, type SettingValues } from '../../src/settings/definitions.ts';
import { AppBrowser, titleOf } from '../support/app-client.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { createMailbox } from '../support/mailbox.ts';
import { authorizeUrl, exchange } from '../support/oauth-requests.ts';
import { startTestServer } from '../support/server.ts';
import {
  ask,
  askAgain,
  begin,
  enter,
  eventReader,
  isSignedIn,
  type Site,
  someone,
  wrongCode,
} from '../support/sign-in-steps.ts';

const SECOND = 1000;

let clock: FakeClock;
let site: Site;
const changed = new Set<SettingName>();
before(async () => {
  clock = createFakeClock();
  const mailbox = createMailbox();
  site = { mailbox, server: await startTestServer({ transport: mailbox.transport, clock }) };
});
after(async () => {
  await site.server.stop();
  clock.release();
});
afterEach(async () => {
  for (const name of changed) await site.server.rooms.settings.set(name, initialSettings()[name]);
  changed.clear();
});

async function decide(values: Partial<SettingValues>): Promise<void> {
  for (const [name, value] of Object.entries(values)) {
    changed.add(name as SettingName);
    await site.server.rooms.settings.set(name, value);
  }
}

/** Signs up and is let in, so that the address is known from then on. */
async function signUp(email: string): Promise<void> {
  const asked = await ask(site, email);
  assert.ok(isSignedIn(await enter(asked, asked.code)));
}

describe('An owner who decides what the mail holds', () => {
  it('sends codes only: the mail has no link, the page a field', async () => {
    await decide({ 'passwordless.method': 'otp' });
    const asked = await ask(site, someone());
    assert.doesNotMatch(`${asked.mail?.text}${asked.mail?.html}`, /\/l\//);
    assert.match(asked.page.body, /We sent a code to/);
    assert.match(asked.page.body, /name="code"/);
    assert.ok(isSignedIn(await enter(asked, asked.code)));
  });

  it('sends links only: the mail has no code, the page no field, and elsewhere nothing is shown', async () => {
    await decide({ 'passwordless.method': 'link' });
    const asked = await ask(site, someone());
    assert.doesNotMatch(`${asked.mail?.subject} ${asked.mail?.text}`, /\b\d{3} ?\d{3}\b/);
    assert.match(asked.page.body, /We sent a link to/);
    assert.doesNotMatch(asked.page.body, /name="code"/);
    assert.match(
      titleOf(await new AppBrowser(site.server).open(asked.link)),
      /^Open the link where you started/,
    );
    for (const code of ['000000', '123456']) assert.ok(!isSignedIn(await enter(asked, code)));
    assert.ok(isSignedIn(await asked.browser.post(asked.link, {})));
  });

  it('sends both: either is enough', async () => {
    const [one, other] = [await ask(site, someone()), await ask(site, someone())];
    assert.match(one.page.body, /We sent a code and a link to/);
    assert.ok(isSignedIn(await enter(one, one.code)));
    assert.ok(isSignedIn(await other.browser.post(other.link, {})));
  });

  it('has codes of letters and digits, and takes them in lower case, in groups and in a sentence', async () => {
    await decide({ 'passwordless.code_alphabet': 'alphanumeric', 'passwordless.code_length': 8 });
    const written = [
      (code: string) => code,
      (code: string) => code.toLowerCase(),
      (code: string) => `${code.slice(0, 4)} ${code.slice(4)}`,
      (code: string) => `${code.slice(0, 4)}-${code.slice(4)}`.toLowerCase(),
    ];
    for (const write of written) {
      const asked = await ask(site, someone());
      assert.match(asked.code, /^[3467 9CDFGHJKMNPQRTVWXY]{8}$/);
      assert.match(asked.page.body, /8-character code/);
      assert.match(asked.page.body, /inputmode="text" autocapitalize="characters"/);
      assert.ok(isSignedIn(await enter(asked, write(asked.code))), write(asked.code));
    }
  });

  it('has codes of up to ten digits', async () => {
    await decide({ 'passwordless.code_length': 10 });
    const asked = await ask(site, someone());
    assert.match(asked.code, /^\d{10}$/);
    assert.match((await enter(asked, asked.code.slice(0, 6))).body, /Enter the whole code/);
    assert.ok(isSignedIn(await enter(asked, asked.code)));
  });

  it('has codes and links that live for a minute, as page and mail say', async () => {
    await decide({ 'passwordless.validity_seconds': 60 });
    const [kept, late] = [await ask(site, someone()), await ask(site, someone())];
    assert.match(kept.page.body, /Works for 1 minute\./);
    assert.match(kept.mail?.text ?? '', /Works for 1 minute, once/);
    clock.advance(59 * SECOND);
    assert.ok(isSignedIn(await enter(kept, kept.code)));
    clock.advance(SECOND);
    assert.match(titleOf(await enter(late, late.code)), /^This took a little too long/);
    assert.match(titleOf(await late.browser.open(late.link)), /^This link has expired/);
  });
});

describe('An owner who decides how much may go wrong', () => {
  it('allows three wrong codes, also in a sign-in that is under way', async () => {
    const asked = await ask(site, someone());
    for (const by of [1, 2, 3]) await enter(asked, wrongCode(asked.code, by));
    await decide({ 'limits.guesses_per_attempt': 3 });
    assert.match(titleOf(await enter(asked, asked.code)), /^Let us send a new code/);
    const fresh = await ask(site, someone());
    assert.match((await enter(fresh, wrongCode(fresh.code, 1))).body, /2 tries left/);
  });

  it('lets only the newest code count, from then on', async () => {
    const asked = await ask(site, someone());
    const again = await askAgain(site, asked, { path: 'resend', fields: { step: '1' } });
    await decide({ 'passwordless.regenerate_on_resend': true });
    assert.match((await enter(asked, asked.code)).body, /That code is not right/);
    assert.match(titleOf(await asked.browser.open(asked.link)), /^There is a newer link/);
    assert.ok(isSignedIn(await enter(asked, again.code)));
  });
});

describe('An owner who decides about addresses that apps hand over', () => {
  it('has them filled in only: the person presses Continue', async () => {
    await decide({ 'passwordless.login_hint_sends': false });
    const email = someone();
    const { browser, page } = await begin(site, { params: { login_hint: email } });
    assert.ok(page.body.includes(`value="${email}"`));
    assert.doesNotMatch(page.body, /data-self-post/);
    await browser.submit(page, '/start');
    await site.server.mailIdle();
    assert.equal(site.mailbox.to(email).length, 1);
  });
});

describe('An owner who decides who may sign up', () => {
  it('closes it: those who are known sign in, all others see the same page and get nothing', async () => {
    const known = someone();
    await signUp(known);
    await decide({ 'sign_up.policy': 'closed' });
    const events = eventReader(site.server);
    await events();
    const member = await ask(site, known);
    assert.ok(isSignedIn(await enter(member, member.code)));
    await events();
    const stranger = await ask(site, someone());
    assert.match(titleOf(stranger.page), /^Check your email/);
    assert.equal(stranger.mail, undefined);
    assert.deepEqual(await events(), ['attempt.started']);
    assert.equal((await enter(stranger, '000000')).status, 400);
  });

  const allowed: ReadonlyArray<readonly [email: string, isSent: boolean]> = [
    ['ada@acme.example', true],
    ['ada@ACME.example', true],
    ['ada@eu.acme.example', false],
    ['ada@eu.partner.example', true],
    ['ada@deep.eu.partner.example', true],
    ['ada@partner.example', false],
    ['ada@evilpartner.example', false],
    ['ada@acme.example.evil.example', false],
    ['ada@evilacme.example', false],
  ];
  for (const [email, isSent] of allowed)
    it(`allows some domains and their subdomains: ${email} is ${isSent ? 'let in' : 'not'}`, async () => {
      await decide({ 'sign_up.allowed_domains': ['acme.example', '*.partner.example'] });
      assert.equal((await ask(site, email)).mail !== undefined, isSent);
    });

  it('blocks some domains, and those who joined before stay', async () => {
    await signUp('ada@throwaway.example');
    await decide({ 'sign_up.blocked_domains': ['throwaway.example', '*.throwaway.example'] });
    assert.ok((await ask(site, 'ada@throwaway.example')).mail);
    for (const email of ['bob@throwaway.example', 'bob@x.throwaway.example', 'bob@Throwaway.Example'])
      assert.equal((await ask(site, email)).mail, undefined, email);
    assert.ok((await ask(site, 'bob@notthrowaway.example')).mail);
  });

  it('closes it between the mail and the code: who has the mail still gets in', async () => {
    const asked = await ask(site, someone());
    await decide({ 'sign_up.policy': 'closed' });
    assert.ok(isSignedIn(await enter(asked, asked.code)));
  });
});

describe('A decision', () => {
  it('counts from the next request, in another process after a second at most', async () => {
    const other = { mailbox: createMailbox(), server: site.server };
    const second = await startTestServer({
      transport: other.mailbox.transport,
      clock,
      database: site.server.config.database,
    });
    const there: Site = { mailbox: other.mailbox, server: second };
    assert.match((await ask(there, someone())).page.body, /6-digit code/);
    await decide({ 'passwordless.code_length': 9 });
    assert.match((await ask(site, someone())).page.body, /9-digit code/);
    clock.advance(SECOND + 1);
    assert.match((await ask(there, someone())).page.body, /9-digit code/);
    await second.stop();
  });

  it('about tokens is what the app is told', async () => {
    await decide({ 'tokens.access_seconds': 120 });
    const asked = await ask(site, someone());
    const { away } = await enter(asked, asked.code);
    assert.equal((await exchange(site.server, away ?? assert.fail())).body.expires_in, 120);
    const { browser } = asked;
    const again = await browser.send(authorizeUrl(site.server, { prompt: 'none' }));
    await decide({ 'tokens.access_seconds': 240 });
    assert.equal((await exchange(site.server, again.away ?? assert.fail())).body.expires_in, 240);
  });

  it('that cannot be is refused, and nothing changes', async () => {
    for (const [name, value] of [
      ['passwordless.code_length', 4],
      ['passwordless.validity_seconds', 86_400],
      ['limits.guesses_per_attempt', 1000],
      ['passwordless.method', 'password'],
      ['sign_up.polciy', 'open'],
    ] as const)
      await assert.rejects(site.server.rooms.settings.set(name, value), { name: 'Problem' });
    assert.match((await ask(site, someone())).code, /^\d{6}$/);
  });
});
