import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { AppBrowser, titleOf } from '../support/app-client.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { createMailbox } from '../support/mailbox.ts';
import {
  authorizeUrl,
  claimsOf,
  exchange,
  refresh,
  tokenRequest,
  tokensOf,
  userinfo,
} from '../support/oauth-requests.ts';
import { startTestServer } from '../support/server.ts';
import {
  type Asked,
  ask,
  begin,
  enter,
  eventReader,
  homeOf,
  isSignedIn,
  type Site,
  someone,
} from '../support/sign-in-steps.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

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
afterEach(async () => {
  await site.server.rooms.settings.set('session.idle_seconds', 604_800);
  await site.server.rooms.settings.set('session.absolute_seconds', 2_592_000);
});

async function signOut(browser: AppBrowser): Promise<void> {
  await browser.submit(await browser.open('/oidc/logout'), '/oidc/logout/confirm', { logout: 'yes' });
}

/** A person with a session: the browser, and the tokens of the app. */
async function signUp(how: { email?: string; browser?: AppBrowser; params?: Record<string, string> } = {}) {
  const email = how.email ?? someone();
  const asked = await ask(site, email, {
    ...(how.browser && { browser: how.browser }),
    params: { scope: 'openid email offline_access', ...how.params },
  });
  const done = await enter(asked, asked.code);
  const tokens = tokensOf(await exchange(site.server, done.away ?? assert.fail(titleOf(done))));
  await events();
  return { email, browser: asked.browser, tokens, claims: claimsOf(tokens.idToken) };
}

/** What an app gets without showing anything: a code, or the error. */
async function silently(browser: AppBrowser, params: Record<string, string> = {}): Promise<string> {
  const { away } = await browser.send(authorizeUrl(site.server, { prompt: 'none', ...params }));
  return away?.searchParams.get('error') ?? (away?.searchParams.has('code') ? 'signed in' : 'lost');
}

describe('A person who is signed in', () => {
  it('is signed in to the next app at once: no page, no mail, the same person and session', async () => {
    const { browser, claims } = await signUp();
    const redirectUri = 'https://other.acme.com/callback';
    const { client, clientSecret } = await site.server.rooms.clients.create({
      name: 'Other',
      redirectUris: [redirectUri],
    });
    const sent = site.mailbox.mails.length;
    const { away } = await browser.send(
      authorizeUrl(site.server, { client_id: client.id, redirect_uri: redirectUri }),
    );
    assert.equal(away?.origin, 'https://other.acme.com');
    const answer = await tokenRequest(site.server, {
      grant_type: 'authorization_code',
      code: away?.searchParams.get('code') ?? '',
      redirect_uri: redirectUri,
      client_id: client.id,
      client_secret: clientSecret,
    });
    const known = claimsOf(tokensOf(answer).idToken);
    assert.deepEqual(
      [known.sub, known.sid, known.auth_time, known.email],
      [claims.sub, claims.sid, claims.auth_time, claims.email],
    );
    assert.equal(site.mailbox.mails.length, sent);
    assert.deepEqual(await events(), ['client.created', 'token.issued']);
  });

  it('proves the address again where the app asks for it, and is the same person', async () => {
    const { browser, email, claims } = await signUp();
    clock.advance(5 * MINUTE);
    const again = await signUp({ email, browser, params: { prompt: 'login' } });
    assert.equal(again.claims.sub, claims.sub);
    assert.equal(again.claims.auth_time, Number(claims.auth_time) + 300);
    clock.advance(2000);
    assert.match(titleOf((await begin(site, { browser, params: { max_age: '1' } })).page), /^Sign in to/);
    assert.equal(await silently(browser, { max_age: '1' }), 'login_required');
    assert.equal(await silently(browser, { max_age: '3' }), 'signed in');
  });

  it('keeps the account or takes another where the app lets them choose', async () => {
    const { browser, email } = await signUp();
    const choice = await browser.open(authorizeUrl(site.server, { prompt: 'select_account' }));
    assert.ok(choice.body.includes(`Continue as <bdi>${email}</bdi>`));
    assert.ok(isSignedIn(await browser.submit(choice, '/keep')));
    const anew = await browser.submit(
      await browser.open(authorizeUrl(site.server, { prompt: 'select_account' })),
      '/address',
    );
    const other = someone();
    const asked = await browser.submit(anew, '/start', { email: other });
    await site.server.mailIdle();
    const done = await enter({ browser, home: homeOf(asked) }, site.mailbox.to(other)[0]?.facts?.code ?? '');
    const known = claimsOf(tokensOf(await exchange(site.server, done.away ?? assert.fail())).idToken);
    assert.equal(known.email, other);
  });

  it('who changes the account ends the session before, and it is worth nothing any more', async () => {
    const first = await signUp();
    const old = first.browser.cookie('postern_session') ?? '';
    const email = someone();
    const asked = await ask(site, email, { browser: first.browser, params: { prompt: 'login' } });
    await events();
    const done = await enter(asked, asked.code);
    const happened = await events();
    assert.deepEqual(happened.toSorted(), [
      'attempt.redeemed',
      'attempt.satisfied',
      'session.ended',
      'session.started',
      'user.created',
    ]);
    const known = claimsOf(tokensOf(await exchange(site.server, done.away ?? assert.fail())).idToken);
    assert.equal(known.email, email);
    assert.notEqual(known.sid, first.claims.sid);
    assert.equal(await silently(first.browser), 'signed in');
    const thief = await new AppBrowser(site.server).send(authorizeUrl(site.server, { prompt: 'none' }), {
      headers: { cookie: `postern_session=${old}` },
    });
    assert.equal(thief.away?.searchParams.get('error'), 'login_required');
  });

  it('ends, and a sign-in that waits in another tab goes on: with its code, its link, or Cancel', async () => {
    const goOn = [
      (at: Asked) => enter(at, at.code),
      (at: Asked) => at.browser.post(at.link, {}),
      (at: Asked) => at.browser.post(`${at.home}/abort`, {}),
    ];
    for (const finish of goOn) {
      const { browser } = await signUp();
      const params = { prompt: 'login', scope: 'openid email offline_access' };
      const waiting = await ask(site, someone(), { browser, params });
      await signOut(browser);
      const { away } = await finish(waiting);
      assert.equal(
        away?.searchParams.get('error') ?? 'signed in',
        finish === goOn[2] ? 'access_denied' : 'signed in',
      );
    }
  });

  it('ends, and a page that was made for it says yes to nothing: the request begins anew', async () => {
    for (const [prompt, step] of [
      ['select_account', '/keep'],
      ['consent', '/consent'],
    ] as const) {
      const { browser } = await signUp();
      const page = await browser.open(authorizeUrl(site.server, { prompt }));
      await signOut(browser);
      const anew = await browser.submit(page, step);
      assert.match(titleOf(anew), /^Sign in to Acme/);
      assert.ok(anew.body.includes('name="email"'));
    }
  });

  it('has another cookie after each proof, and the one before is dead', async () => {
    const { browser, email } = await signUp();
    const old = browser.cookie('postern_session') ?? '';
    await signUp({ email, browser, params: { prompt: 'login' } });
    assert.notEqual(browser.cookie('postern_session'), old);
    const thief = await new AppBrowser(site.server).send(authorizeUrl(site.server, { prompt: 'none' }), {
      headers: { cookie: `postern_session=${old}` },
    });
    assert.equal(thief.away?.searchParams.get('error'), 'login_required');
  });
});

describe('Signing out', () => {
  it('by the app leads back to it, ends the session and what was issued under it, and the next sign-in is a new one', async () => {
    const { browser, tokens, claims, email } = await signUp();
    const query = new URLSearchParams({
      id_token_hint: tokens.idToken,
      post_logout_redirect_uri: site.server.app.postLogoutUri,
      state: 'bye',
    });
    const page = await browser.open(`/oidc/logout?${query}`);
    assert.match(page.body, /data-self-post/, 'the app has proved whose session it is');
    const { away } = await browser.submit(page, '/oidc/logout/confirm', { logout: 'yes' });
    assert.equal(away?.href, `${site.server.app.postLogoutUri}?state=bye`);
    assert.deepEqual(await events(), ['session.ended']);
    assert.equal(await silently(browser), 'login_required');
    assert.equal((await userinfo(site.server, tokens.accessToken)).status, 401);
    assert.equal((await refresh(site.server, tokens.refreshToken)).body.error, 'invalid_grant');
    const again = await signUp({ email, browser });
    assert.equal(again.claims.sub, claims.sub);
    assert.notEqual(again.claims.sid, claims.sid);
  });

  it('without an app asks first, and Stay signed in keeps everything', async () => {
    const { browser } = await signUp();
    const page = await browser.open('/oidc/logout');
    assert.doesNotMatch(page.body, /data-self-post/);
    await browser.post('/oidc/logout/confirm', {});
    assert.equal(await silently(browser), 'signed in');
    const done = await browser.submit(await browser.open('/oidc/logout'), '/oidc/logout/confirm', {
      logout: 'yes',
    });
    assert.match(titleOf(done), /^You are signed out/);
    assert.equal(await silently(browser), 'login_required');
  });

  it('in one browser leaves the person signed in in another', async () => {
    const first = await signUp();
    const second = await signUp({ email: first.email });
    await first.browser.submit(await first.browser.open('/oidc/logout'), '/oidc/logout/confirm', {
      logout: 'yes',
    });
    assert.equal(await silently(first.browser), 'login_required');
    assert.equal(await silently(second.browser), 'signed in');
    assert.equal((await userinfo(site.server, second.tokens.accessToken)).status, 200);
  });
});

describe('A session', () => {
  it('ends a week after its last use', async () => {
    const { browser } = await signUp();
    clock.advance(7 * DAY - 2000);
    assert.equal(await silently(browser), 'signed in');
    clock.advance(7 * DAY + 2000);
    assert.equal(await silently(browser), 'login_required');
    assert.match(titleOf((await begin(site, { browser })).page), /^Sign in to/);
  });

  it('that is used every day ends thirty days after the sign-in all the same', async () => {
    const { browser } = await signUp();
    for (let day = 1; day < 30; day += 1) {
      clock.advance(DAY);
      assert.equal(await silently(browser), 'signed in', `day ${day}`);
    }
    clock.advance(DAY + 1000);
    assert.equal(await silently(browser), 'login_required');
  });

  it('ends as early as the owner says, from its next use on', async () => {
    const { browser } = await signUp();
    await site.server.rooms.settings.set('session.idle_seconds', 600);
    assert.equal(await silently(browser), 'signed in');
    clock.advance(599_000);
    assert.equal(await silently(browser), 'signed in');
    clock.advance(601_000);
    assert.equal(await silently(browser), 'login_required');
  });

  it('has an absolute end that the owner can bring forward too', async () => {
    await site.server.rooms.settings.set('session.absolute_seconds', 3600);
    const { browser } = await signUp();
    clock.advance(59 * MINUTE);
    assert.equal(await silently(browser), 'signed in');
    clock.advance(2 * MINUTE);
    assert.equal(await silently(browser), 'login_required');
  });

  it('of a person who is disabled is over at once, with their tokens; enabled, they prove the address again', async () => {
    const { browser, email, tokens } = await signUp();
    await site.server.rooms.users.disable(email);
    assert.equal(await silently(browser), 'login_required');
    assert.equal((await userinfo(site.server, tokens.accessToken)).status, 401);
    assert.equal((await refresh(site.server, tokens.refreshToken)).body.error, 'invalid_grant');
    const asked = await ask(site, email, { browser });
    assert.match(titleOf(asked.page), /^Check your email/);
    assert.equal(asked.mail, undefined);
    await site.server.rooms.users.enable(email);
    assert.ok((await ask(site, email)).mail);
  });

  it('is not given to a person who is disabled between the mail and the code', async () => {
    const { email } = await signUp();
    const asked = await ask(site, email);
    await site.server.rooms.users.disable(email);
    const page = await enter(asked, asked.code);
    assert.ok(!isSignedIn(page));
    assert.equal(asked.browser.cookie('postern_session'), undefined);
  });
});
