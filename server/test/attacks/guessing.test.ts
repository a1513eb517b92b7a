import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { SettingName, SettingValues } from '../../src/settings/definitions.ts';
import { AppBrowser, titleOf } from '../support/app-client.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { createMailbox } from '../support/mailbox.ts';
import { startTestServer } from '../support/server.ts';
import {
  type Asked,
  ask,
  askAgain,
  enter,
  eventReader,
  isSignedIn,
  type Site,
  someone,
  stateOf,
  wrongCode,
} from '../support/sign-in-steps.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;

let clock: FakeClock;
let site: Site;

const set = async (values: Partial<SettingValues>) => {
  for (const [name, value] of Object.entries(values))
    await site.server.rooms.settings.set(name as SettingName, value);
};

/** Guesses wrong codes, each another one, and gives the last answer. */
async function guess(at: Asked, times: number, from = 1) {
  let page = at.page;
  for (let by = from; by < from + times; by += 1) page = await enter(at, wrongCode(at.code, by));
  return page;
}

async function failuresWritten(): Promise<number> {
  const rows = await site.server.rooms.database.read((q) => q.selectFrom('events').select('type').execute());
  return rows.filter(({ type }) => type === 'attempt.code_wrong' || type === 'attempt.locked').length;
}

before(async () => {
  clock = createFakeClock();
  const mailbox = createMailbox();
  const settings = { 'limits.puzzles': false };
  site = { mailbox, server: await startTestServer({ transport: mailbox.transport, clock, settings }) };
});
after(async () => {
  await site.server.stop();
  clock.release();
});

describe('Guessing the code of one attempt', () => {
  it('ends at the fifth wrong one: then the right one is refused too', async () => {
    const at = await ask(site, someone());
    for (const left of [4, 3, 2, 1])
      assert.match((await guess(at, 1, 5 - left)).body, new RegExp(`${left} (?:tries|try) left`));
    assert.match(titleOf(await guess(at, 1, 5)), /^Let us send a new code/);
    const late = await enter(at, at.code);
    assert.ok(!isSignedIn(late));
    assert.match(titleOf(late), /^Let us send a new code/);
  });

  it('takes the right one after four wrong ones', async () => {
    const at = await ask(site, someone());
    await guess(at, 4);
    assert.ok(isSignedIn(await enter(at, at.code)));
  });

  it('counts the same wrong code once, however it is written and however often it comes', async () => {
    const at = await ask(site, someone());
    const wrong = wrongCode(at.code);
    const written = [
      wrong,
      wrong,
      ` ${wrong} `,
      `${wrong.slice(0, 3)} ${wrong.slice(3)}`,
      `${wrong.slice(0, 3)}-${wrong.slice(3)}`,
      `code: ${wrong}`,
    ];
    for (const text of written) assert.match((await enter(at, text)).body, /4 tries left/);
    const together = await Promise.all(written.map((text) => enter(at, text)));
    for (const page of together) assert.match(page.body, /4 tries left/);
    assert.ok(isSignedIn(await enter(at, at.code)));
  });

  it('counts the same wrong code again after a new mail, whose code it might have been', async () => {
    const at = await ask(site, someone());
    const wrong = wrongCode(at.code);
    assert.match((await enter(at, wrong)).body, /4 tries left/);
    const again = await askAgain(site, at, { path: 'resend', fields: { step: '1' } });
    const other = wrong === again.code ? wrongCode(again.code) : wrong;
    assert.match((await enter(again, other)).body, /3 tries left/);
  });

  it('counts nothing that cannot be a code', async () => {
    const at = await ask(site, someone());
    const counted = await failuresWritten();
    for (const text of [
      '',
      ' ',
      '12345',
      '1234567',
      'abcdef',
      '12345a',
      '１２３',
      '-1',
      '1e5',
      '0x1234',
      '123456,123457',
      '[]',
      '{}',
      'null',
      '\0'.repeat(6),
    ]) {
      const page = await enter(at, text);
      assert.equal(page.status, 400, text);
      assert.match(page.body, /Enter the whole code/, text);
    }
    assert.equal(await failuresWritten(), counted);
  });

  it('judges one code at a time: lists and repeated fields are refused unread', async () => {
    const at = await ask(site, someone());
    const origin = site.server.url;
    const cookie = `postern_interaction=${at.browser.cookie('postern_interaction')}; postern_browser=${at.browser.cookie('postern_browser')}`;
    const bodies = [
      `code=${wrongCode(at.code)}&code=${at.code}`,
      `code=${at.code}&code=${at.code}`,
      `code[]=${at.code}`,
      `code[0]=${at.code}&code[1]=000000`,
    ];
    for (const body of bodies) {
      const headers = { cookie, origin, 'content-type': 'application/x-www-form-urlencoded' };
      const answer = await fetch(`${origin}${at.home}/code`, { method: 'POST', body, headers });
      assert.equal(answer.status, 400, body);
    }
    const counted = await failuresWritten();
    assert.match(
      (await enter(at, `${wrongCode(at.code, 1)} ${wrongCode(at.code, 2)} ${at.code}`)).body,
      /Enter the whole code/,
    );
    assert.equal(await failuresWritten(), counted);
  });

  it('is not made cheaper by another mail', async () => {
    const at = await ask(site, someone());
    await guess(at, 3);
    const again = await askAgain(site, at, { path: 'resend', fields: { step: '1' } });
    assert.ok(again.mail);
    assert.match((await guess(again, 1, 11)).body, /1 try left/);
    assert.match(titleOf(await guess(again, 1, 12)), /^Let us send a new code/);
    for (const code of [at.code, again.code]) assert.ok(!isSignedIn(await enter(at, code)));
  });

  it('judges five at most when fifty come at once, the right one behind them', async () => {
    const at = await ask(site, someone());
    const counted = await failuresWritten();
    const pages = await Promise.all(
      Array.from({ length: 49 }, (_, by) => enter(at, wrongCode(at.code, by + 1))),
    );
    assert.equal((await failuresWritten()) - counted, 5);
    assert.equal(pages.filter(isSignedIn).length, 0);
    assert.ok(!isSignedIn(await enter(at, at.code)));
  });

  it('goes on with a new attempt for the same address after a lock, and the old code stays dead', async () => {
    const at = await ask(site, someone());
    await guess(at, 5);
    const again = await askAgain(site, at, { path: 'restart', fields: { step: '1' } });
    assert.ok(!isSignedIn(await enter(at, at.code)));
    assert.ok(isSignedIn(await enter(again, again.code)));
  });
});

describe('A code', () => {
  it('is refused in another attempt, also for the same address', async () => {
    const email = someone();
    const [first, second] = [await ask(site, email), await ask(site, email)];
    assert.match((await enter(second, first.code)).body, /That code is not right/);
    assert.match((await enter(first, second.code)).body, /That code is not right/);
    assert.ok(isSignedIn(await enter(first, first.code)));
    assert.ok(isSignedIn(await enter(second, second.code)));
  });

  it('works to the last millisecond of its life, and not one longer', async () => {
    const [one, other] = [await ask(site, someone()), await ask(site, someone())];
    clock.advance(10 * MINUTE - 1);
    assert.ok(isSignedIn(await enter(one, one.code)));
    clock.advance(1);
    const page = await enter(other, other.code);
    assert.ok(!isSignedIn(page));
    assert.match(titleOf(page), /^This took a little too long/);
  });

  it('of an earlier mail works beside those of the newest two, and the one before them does not', async () => {
    const at = await ask(site, someone());
    const codes = [at.code];
    for (const step of ['1', '2', '3'])
      codes.push((await askAgain(site, at, { path: 'resend', fields: { step } })).code);
    assert.match((await enter(at, codes[0] ?? '')).body, /That code is not right/);
    assert.ok(isSignedIn(await enter(at, codes[1] ?? '')));
  });

  it('keeps its own end when a later mail lives on', async () => {
    const at = await ask(site, someone());
    clock.advance(9 * MINUTE);
    const again = await askAgain(site, at, { path: 'resend', fields: { step: '1' } });
    clock.advance(MINUTE);
    assert.match((await enter(at, at.code)).body, /That code is not right/);
    assert.ok(isSignedIn(await enter(at, again.code)));
  });

  it('of an earlier mail is refused where only the newest counts', async () => {
    await set({ 'passwordless.regenerate_on_resend': true });
    const at = await ask(site, someone());
    const again = await askAgain(site, at, { path: 'resend', fields: { step: '1' } });
    assert.match((await enter(at, at.code)).body, /That code is not right/);
    assert.ok(isSignedIn(await enter(at, again.code)));
    await set({ 'passwordless.regenerate_on_resend': false });
  });

  it('is spent with the sign-in: it opens nothing a second time', async () => {
    const at = await ask(site, someone());
    const answers = await Promise.all(Array.from({ length: 20 }, () => enter(at, at.code)));
    assert.equal(answers.filter(isSignedIn).length, 1);
    assert.ok(!isSignedIn(await enter(at, at.code)));
  });
});

describe('Guessing at one address for a long time', () => {
  beforeEach(() => set({ 'limits.failures_per_address': 10 }));
  afterEach(() => set({ 'limits.failures_per_address': 30 }));

  it('ends at the budget of the address, however many sign-ins, browsers and mails it is spread over', async () => {
    const email = someone();
    const attempts: Asked[] = [];
    for (let at = 0; at < 5; at += 1) attempts.push(await ask(site, email));
    const counted = await failuresWritten();
    for (const at of attempts) await guess(at, 4);
    assert.equal((await failuresWritten()) - counted, 10);
    for (const at of attempts) assert.match((await enter(at, at.code)).body, /codes are off for now/i);
  });

  it('is not helped by a tag, by dots, by capitals or by a success in between', async () => {
    for (const [index, email] of [
      'eve.lovelace@gmail.com',
      'evelovelace@gmail.com',
      'EVE.lovelace+a@googlemail.com',
    ].entries())
      await guess(await ask(site, email), index === 2 ? 2 : 4);
    const at = await ask(site, 'evelovelace+b@gmail.com');
    assert.equal(at.code, '', 'its mail holds no code any more');
    assert.notEqual(at.link, '');
  });

  it('is not helped by a success in between', async () => {
    const email = someone();
    for (const wrong of [4, 4]) {
      const at = await ask(site, email);
      await guess(at, wrong);
      assert.ok(isSignedIn(await enter(at, at.code)));
    }
    const at = await ask(site, email);
    await guess(at, 2);
    assert.match((await enter(at, at.code)).body, /codes are off for now/i);
  });

  it('leaves its owner a way in: mails hold links only, and the link signs in where it was asked for', async () => {
    const email = someone();
    for (const wrong of [5, 5]) await guess(await ask(site, email), wrong);
    const events = eventReader(site.server);
    await events();
    const owner = await ask(site, email);
    assert.equal(owner.code, '');
    assert.doesNotMatch(`${owner.mail?.subject}${owner.mail?.text}`, /\b\d{3} ?\d{3}\b/);
    assert.doesNotMatch(owner.page.body, /name="code"/);
    const elsewhere = await new AppBrowser(site.server).open(owner.link);
    assert.doesNotMatch(elsewhere.body, /class="shown"/, 'elsewhere there is no code to show');
    assert.ok(isSignedIn(await owner.browser.post(owner.link, {})));
    const happened = await events();
    assert.deepEqual(happened.slice(0, 3), ['attempt.started', 'mail.sent', 'attempt.satisfied']);
    assert.ok(happened.includes('attempt.redeemed'));
  });

  it('leaves an attempt that was under way its link, and refuses its code unjudged', async () => {
    const email = someone();
    const [owner, attacker] = [await ask(site, email), await ask(site, email)];
    await guess(attacker, 5);
    await guess(await ask(site, email), 5);
    const stored = await failuresWritten();
    assert.match((await enter(owner, owner.code)).body, /codes are off for now/i);
    assert.match((await enter(owner, wrongCode(owner.code))).body, /codes are off for now/i);
    assert.equal(await failuresWritten(), stored);
    const elsewhere = await new AppBrowser(site.server).open(owner.link);
    assert.doesNotMatch(elsewhere.body, /class="shown"/, 'a code that would be refused is not shown');
    assert.ok(isSignedIn(await owner.browser.post(owner.link, {})));
  });

  it('shows the code of a link that is opened elsewhere while codes are on', async () => {
    assert.match(
      (await new AppBrowser(site.server).open((await ask(site, someone())).link)).body,
      /class="shown"/,
    );
  });

  it('turns to links where mails hold codes only, on the page as in the mail', async () => {
    await set({ 'passwordless.method': 'otp' });
    const email = someone();
    const before = await ask(site, email);
    for (const wrong of [5, 5]) await guess(await ask(site, email), wrong);
    assert.match((await enter(before, before.code)).body, /it will hold a link in place of the code/);
    const owner = await ask(site, email);
    await set({ 'passwordless.method': 'link_otp' });
    assert.deepEqual([owner.code, owner.link === ''], ['', false]);
    assert.match(owner.page.body, /We sent a link to/);
    assert.doesNotMatch(owner.page.body, /name="code"/);
    assert.ok(isSignedIn(await owner.browser.post(owner.link, {})));
  });

  it('is forgiven thirty days after it happened, not earlier', async () => {
    const email = someone();
    for (const wrong of [5, 5]) await guess(await ask(site, email), wrong);
    clock.advance(30 * DAY - MINUTE);
    assert.equal((await ask(site, email)).code, '');
    clock.advance(DAY);
    assert.match((await ask(site, email)).code, /^\d{6}$/);
  });

  it('does not touch other addresses', async () => {
    await guess(await ask(site, 'eve@acme.com'), 5);
    await guess(await ask(site, 'eve@acme.com'), 5);
    assert.match((await ask(site, 'eve2@acme.com')).code, /^\d{6}$/);
    assert.match((await ask(site, 'eve@acme.example')).code, /^\d{6}$/);
  });
});

describe('Asking for mails to one address for a long time', () => {
  beforeEach(() => set({ 'limits.mails_per_address_minute': 2, 'limits.mails_per_address_day': 4 }));
  afterEach(() => set({ 'limits.mails_per_address_minute': 10, 'limits.mails_per_address_day': 100 }));

  it('sends as many as a minute and a day allow, and answers the same after that', async () => {
    const email = someone();
    const sent = async () => (await ask(site, email)).mail !== undefined;
    assert.deepEqual([await sent(), await sent(), await sent()], [true, true, false]);
    clock.advance(2 * MINUTE);
    assert.deepEqual([await sent(), await sent(), await sent()], [true, true, false]);
    clock.advance(60 * MINUTE);
    const refused = await ask(site, email);
    assert.equal(refused.mail, undefined);
    assert.equal(titleOf(refused.page), 'Check your email - Acme');
    clock.advance(DAY + 60 * MINUTE);
    assert.equal(await sent(), true);
  });

  it('counts mails of every way to ask: start, resend and restart', async () => {
    const at = await ask(site, someone());
    assert.ok((await askAgain(site, at, { path: 'resend', fields: { step: '1' } })).mail);
    assert.equal((await askAgain(site, at, { path: 'resend', fields: { step: '2' } })).mail, undefined);
    await guess(at, 5);
    assert.equal((await askAgain(site, at, { path: 'restart', fields: { step: '1' } })).mail, undefined);
  });

  it('writes a mail that is held back and never sends it, whenever the minute is over', async () => {
    const email = someone();
    for (let at = 0; at < 3; at += 1) await ask(site, email);
    clock.advance(5 * MINUTE);
    await site.server.mailIdle();
    assert.equal(site.mailbox.to(email).length, 2);
    assert.match((await stateOf(site.server)).outbox ?? '', /address-limited/);
  });
});
