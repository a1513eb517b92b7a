import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AppBrowser, type Landing, titleOf } from '../support/app-client.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { createMailbox } from '../support/mailbox.ts';
import { authorizeUrl, claimsOf, tokenRequest, tokensOf } from '../support/oauth-requests.ts';
import { startTestServer } from '../support/server.ts';
import {
  type Asked,
  ask,
  askAgain,
  begin,
  enter,
  eventReader,
  isSignedIn,
  type Site,
  someone,
  stateOf,
  wrongCode,
} from '../support/sign-in-steps.ts';

const MINUTE = 60_000;

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

/** Sends the same form twice, the second before the first is answered, and counts the mails of both. */
async function twice(
  at: { browser: AppBrowser; home: string },
  path: string,
  fields: Record<string, string> = {},
) {
  const sent = site.mailbox.mails.length;
  const target = path.startsWith('/') ? path : `${at.home}/${path}`;
  const pages = await Promise.all([at.browser.post(target, fields), at.browser.post(target, fields)]);
  await site.server.mailIdle();
  return { pages, mails: site.mailbox.mails.length - sent };
}

const lock = async (at: Asked) => {
  for (let by = 1; by <= 5; by += 1) await enter(at, wrongCode(at.code, by));
};
const titles = (pages: Landing[]) => pages.map(titleOf);

describe('A double click', () => {
  it('on Continue below the address sends one mail', async () => {
    const at = await begin(site);
    const { pages, mails } = await twice(at, 'start', { email: someone() });
    assert.equal(mails, 1);
    assert.deepEqual(titles(pages), ['Check your email - Acme', 'Check your email - Acme']);
    assert.deepEqual(await events(), ['attempt.started', 'mail.sent']);
  });

  it('on Continue below the right code signs in once, and both pages are at an end', async () => {
    const asked = await ask(site, someone());
    await events();
    const { pages } = await twice(asked, 'code', { code: asked.code });
    assert.equal(pages.filter(isSignedIn).length, 1);
    const happened = await events();
    for (const type of ['attempt.satisfied', 'attempt.redeemed', 'session.started'])
      assert.equal(happened.filter((one) => one === type).length, 1, type);
    const loser = pages.find((page) => !isSignedIn(page)) ?? assert.fail();
    assert.ok(
      loser.status === 303 || /^(?:You are signed in|Signing you in)/.test(titleOf(loser)),
      `${loser.status} ${titleOf(loser)}`,
    );
    assert.match(titleOf(await asked.browser.open(asked.home)), /^You are signed in/);
  });

  it('on a wrong code costs one try', async () => {
    const asked = await ask(site, someone());
    const { pages } = await twice(asked, 'code', { code: wrongCode(asked.code) });
    for (const page of pages) assert.match(page.body, /4 tries left/);
  });

  it('on Send another email sends one', async () => {
    const asked = await ask(site, someone());
    await events();
    const { pages, mails } = await twice(asked, 'resend', { step: '1' });
    assert.equal(mails, 1);
    assert.deepEqual(titles(pages), ['Check your email - Acme', 'Check your email - Acme']);
    assert.deepEqual(await events(), ['attempt.mail_asked', 'mail.sent']);
  });

  it('on Send a new code, after a lock, sends one', async () => {
    const asked = await ask(site, someone());
    await lock(asked);
    await events();
    const { pages, mails } = await twice(asked, 'restart', { step: '1' });
    assert.equal(mails, 1);
    assert.deepEqual(titles(pages), ['Check your email - Acme', 'Check your email - Acme']);
    assert.deepEqual(await events(), ['attempt.superseded', 'attempt.started', 'mail.sent']);
  });

  it('on Use a different address, on Cancel and on the link does what one would', async () => {
    const asked = await ask(site, someone());
    assert.deepEqual(titles((await twice(asked, 'address')).pages), ['Sign in to Acme', 'Sign in to Acme']);
    const cancelled = await twice(await begin(site), 'abort');
    assert.ok(cancelled.pages.some((page) => page.away?.searchParams.get('error') === 'access_denied'));
    const linked = await ask(site, someone());
    const { pages } = await twice(linked, linked.link);
    assert.equal(pages.filter(isSignedIn).length, 1);
    assert.ok(pages.every((page) => page.status < 500));
  });
});

describe('Back, and a form of an earlier page', () => {
  it('asks for no second mail: the button of a page works once', async () => {
    const asked = await ask(site, someone());
    const again = await askAgain(site, asked, { path: 'resend', fields: { step: '1' } });
    assert.ok(again.mail);
    const stale = await askAgain(site, asked, { path: 'resend', fields: { step: '1' } });
    assert.equal(stale.mail, undefined);
    assert.match(titleOf(stale.page), /^Check your email/);
    for (const step of ['', '0', '3', '-1', 'x', '1e9', '99999999999999999999'])
      assert.equal((await askAgain(site, asked, { path: 'resend', fields: { step } })).mail, undefined, step);
    assert.ok(isSignedIn(await enter(asked, again.code)));
  });

  it('with the same address goes on where the person was; with another begins anew', async () => {
    const email = someone();
    const asked = await ask(site, email);
    const same = await askAgain(site, asked, { path: 'start', fields: { email } });
    assert.equal(same.mail, undefined);
    const other = await askAgain(site, asked, { path: 'start', fields: { email: someone() } });
    assert.ok(other.mail);
    assert.match((await enter(asked, asked.code)).body, /That code is not right/);
    assert.ok(isSignedIn(await enter(asked, other.code)));
  });

  it('to a code of the attempt before the restart is told as wrong, and the new one works', async () => {
    const asked = await ask(site, someone());
    await lock(asked);
    const again = await askAgain(site, asked, { path: 'restart', fields: { step: '1' } });
    const stale = await askAgain(site, asked, { path: 'restart', fields: { step: '1' } });
    assert.equal(stale.mail, undefined, 'the page before was left long ago');
    assert.match((await enter(asked, asked.code)).body, /That code is not right/);
    assert.ok(isSignedIn(await enter(asked, again.code)));
  });

  it('after the sign-in finds every form of it over, with a way to the app and without another mail', async () => {
    const asked = await ask(site, someone());
    await enter(asked, asked.code);
    const stored = await stateOf(site.server);
    for (const [path, fields] of [
      ['start', { email: someone() }],
      ['code', { code: asked.code }],
      ['resend', { step: '1' }],
      ['restart', { step: '1' }],
      ['address', {}],
      ['continue', {}],
      ['abort', {}],
    ] as const) {
      const page = await asked.browser.post(`${asked.home}/${path}`, fields);
      assert.match(titleOf(page), /^You are signed in/, path);
      assert.match(page.body, /href="http:\/\/localhost:9\/"/);
    }
    assert.deepEqual(await stateOf(site.server), stored);
  });

  it('to an address below a form, typed or reloaded, leads to the page of the sign-in', async () => {
    const asked = await ask(site, someone());
    for (const path of ['start', 'code', 'resend', 'restart', 'continue'])
      assert.match(titleOf(await asked.browser.open(`${asked.home}/${path}`)), /^Check your email/);
  });
});

describe('A reload', () => {
  it('of every page shows that page again, and sends and writes nothing', async () => {
    const locked = await ask(site, someone());
    await lock(locked);
    const left = await ask(site, someone());
    await askAgain(site, left, { path: 'address' });
    const waiting = await ask(site, someone());
    const fresh = await begin(site);
    const spent = await ask(site, someone());
    const pages = [
      [fresh, /^Sign in to Acme/],
      [waiting, /^Check your email/],
      [locked, /^Let us send a new code/],
      [left, /^Sign in to Acme/],
    ] as const;
    const stored = await stateOf(site.server);
    const sent = site.mailbox.mails.length;
    for (const [at, title] of pages)
      for (let times = 0; times < 3; times += 1) assert.match(titleOf(await at.browser.open(at.home)), title);
    assert.deepEqual(await stateOf(site.server), stored);
    clock.advance(11 * MINUTE);
    assert.match(titleOf(await spent.browser.open(spent.home)), /^This took a little too long/);
    assert.equal(site.mailbox.mails.length, sent);
  });
});

describe('Two tabs of one browser', () => {
  it('sign in to two apps at once, each to its own, in whatever order the codes are typed', async () => {
    const { rooms, app } = site.server;
    const redirectUri = 'http://localhost:10/done';
    const { client, clientSecret } = await rooms.clients.create({
      name: 'Basecamp',
      redirectUris: [redirectUri],
    });
    const browser = new AppBrowser(site.server);
    const [mine, yours] = [someone(), someone()];
    const first = await ask(site, mine, { browser, params: { state: 'first' } });
    const second = await ask(site, yours, {
      browser,
      params: { client_id: client.id, redirect_uri: redirectUri, state: 'second' },
    });
    assert.match(titleOf(first.page), /Acme/);
    assert.match(titleOf(second.page), /Basecamp/);
    for (const [at, title] of [
      [first, /Acme/],
      [second, /Basecamp/],
    ] as const)
      assert.match(titleOf(await browser.open(at.home)), title);
    const one = await enter(first, first.code);
    assert.equal(one.away?.origin, 'http://localhost:9');
    assert.equal(one.away?.searchParams.get('state'), 'first');
    const two = await enter(second, second.code);
    assert.equal(two.away?.origin, 'http://localhost:10');
    const body = {
      grant_type: 'authorization_code',
      code: two.away?.searchParams.get('code') ?? '',
      redirect_uri: redirectUri,
    };
    const tokens = tokensOf(
      await tokenRequest(site.server, { ...body, client_id: client.id, client_secret: clientSecret }),
    );
    assert.equal(claimsOf(tokens.idToken).email, yours);
    const stolen = await tokenRequest(site.server, { ...body, client_id: app.id, client_secret: app.secret });
    assert.equal(stolen.status, 400);
  });

  it('of the same app do not get in each other’s way, nor does a third that is left', async () => {
    const browser = new AppBrowser(site.server);
    const email = someone();
    const tabs = [
      await ask(site, email, { browser }),
      await ask(site, email, { browser }),
      await ask(site, email, { browser }),
    ];
    const [first, second] = tabs;
    assert.ok(isSignedIn(await enter(first ?? assert.fail(), first?.code ?? '')));
    assert.ok(isSignedIn(await enter(second ?? assert.fail(), second?.code ?? '')));
    assert.equal(new Set(tabs.map(({ code }) => code)).size, 3);
  });
});

describe('A sign-in that was lost', () => {
  it('with its cookies says so, and leads back to the app', async () => {
    const { home } = await ask(site, someone());
    const page = await new AppBrowser(site.server).open(home);
    assert.equal(page.status, 400);
    assert.match(titleOf(page), /^Let us start again/);
    assert.match(page.body, /Allow cookies for this site/);
    assert.match(page.body, /<a class="button" href="http:\/\/localhost:9\/">Back to/);
    assert.match(
      titleOf(await new AppBrowser(site.server).post(`${home}/code`, { code: '000000' })),
      /^Let us start again/,
    );
  });

  it('after an hour says so, goes on with the address, and leads back to the app', async () => {
    const asked = await ask(site, someone());
    clock.advance(61 * MINUTE);
    const page = await asked.browser.open(asked.home);
    assert.equal(page.status, 400);
    assert.match(page.body, /open for too long/);
    assert.match(titleOf(await asked.browser.submit(page, '/again')), /^Sign in to Acme/);
    assert.equal(
      (await asked.browser.submit(page, '/abort')).away?.searchParams.get('error'),
      'access_denied',
    );
    assert.match(titleOf(await asked.browser.open(asked.link)), /^This link has expired/);
  });

  it('or never was, says so, and names the app as far as it is known', async () => {
    const page = await new AppBrowser(site.server).open('/interaction/nonsense');
    assert.equal(page.status, 400);
    assert.match(titleOf(page), /^Let us start again/);
    assert.match(page.body, /Go back to the app and sign in again/);
  });

  it('to a lock goes on with a new code; to too many mails, by starting again', async () => {
    const locked = await ask(site, someone());
    await lock(locked);
    const again = await askAgain(site, locked, { path: 'restart', fields: { step: '1' } });
    assert.ok(isSignedIn(await enter(again, again.code)));
    const email = someone();
    let asked = await ask(site, email);
    for (const step of ['1', '2', '3', '4'])
      asked = await askAgain(site, asked, { path: 'resend', fields: { step } });
    const spent = await askAgain(site, asked, { path: 'resend', fields: { step: '5' } });
    assert.match(titleOf(spent.page), /^Let us start afresh/);
    assert.equal(site.mailbox.to(email).length, 5);
    assert.ok(isSignedIn(await enter(asked, asked.code)), 'what was sent still works');
  });

  it('to the app’s own link in the address bar begins anew, from the page that says so', async () => {
    const browser = new AppBrowser(site.server);
    await ask(site, someone(), { browser });
    const page = await browser.open(authorizeUrl(site.server));
    assert.match(titleOf(page), /^Sign in to Acme/);
  });
});
