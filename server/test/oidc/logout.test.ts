import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { AppBrowser, formsOf, type Landing, newAddress, signIn, titleOf } from '../support/app-client.ts';
import { createFakeClock } from '../support/clock.ts';
import { createMailbox } from '../support/mailbox.ts';
import {
  authorizeUrl,
  claimsOf,
  type Person,
  refresh,
  signedIn,
  tokenRequest,
  tokensOf,
  userinfo,
} from '../support/oauth-requests.ts';
import { startTestServer } from '../support/server.ts';

const DAY = 86_400_000;

const clock = createFakeClock();
const mailbox = createMailbox();
const server = await startTestServer({ clock, transport: mailbox.transport });
const { app } = server;
after(async () => {
  await server.stop();
  clock.release();
});

const person = (): Promise<Person> =>
  signedIn({ server, mailbox, params: { scope: 'openid email offline_access' } });

const ask = (browser: AppBrowser, params: Record<string, string> = {}) =>
  browser.open(`/oidc/logout?${new URLSearchParams(params)}`);

const confirm = (browser: AppBrowser, page: Landing) => browser.submit(page, '/oidc/logout/confirm');

async function hasSession(browser: AppBrowser): Promise<boolean> {
  const { away } = await browser.open(authorizeUrl(server, { prompt: 'none' }));
  return away?.searchParams.has('code') ?? false;
}

const ASKS = 'Sign out?';
const GOES_ON = 'Signing you out - Acme';

const titled = (page: Landing) => titleOf(page).split(' - ')[0];

describe('a logout', () => {
  it('by GET ends nothing before the form is posted, with a hint neither', async () => {
    const { browser, idToken, refreshToken } = await person();
    for (const params of [{}, { id_token_hint: idToken }]) {
      await ask(browser, params);
      await browser.send(`${server.url}/oidc/logout`, { method: 'HEAD' });
    }
    assert.equal(await hasSession(browser), true);
    assert.equal((await refresh(server, refreshToken)).status, 200);
  });

  it('ends the session, its tokens and its refresh tokens, of every client', async () => {
    const { browser, refreshToken, accessToken, idToken } = await person();
    const made = await server.rooms.clients.create({ name: 'Other', redirectUris: [app.redirectUri] });
    const other = { client_id: made.client.id, client_secret: made.clientSecret };
    const scope = 'openid offline_access';
    const url = authorizeUrl(server, { client_id: other.client_id, scope });
    const { callback } = await signIn({ server, mailbox, url, browser });
    const code = callback.searchParams.get('code') ?? '';
    const redeem = { grant_type: 'authorization_code', code, redirect_uri: app.redirectUri };
    const second = tokensOf(await tokenRequest(server, { ...other, ...redeem }));
    assert.equal(claimsOf(second.idToken).sid, claimsOf(idToken).sid);
    const done = await confirm(browser, await ask(browser, { id_token_hint: idToken }));
    assert.equal(titled(done), 'You are signed out');
    assert.equal(await hasSession(browser), false);
    assert.equal(browser.cookie('postern_session'), undefined);
    for (const token of [accessToken, second.accessToken])
      assert.equal((await userinfo(server, token)).status, 401);
    assert.equal((await refresh(server, refreshToken)).body.error, 'invalid_grant');
    assert.equal((await refresh(server, second.refreshToken, other)).body.error, 'invalid_grant');
  });

  it('ends this browser only', async () => {
    const email = newAddress();
    const [here, there] = [
      await signedIn({ server, mailbox, email }),
      await signedIn({ server, mailbox, email }),
    ];
    await confirm(here.browser, await ask(here.browser));
    assert.equal(await hasSession(here.browser), false);
    assert.equal(await hasSession(there.browser), true);
    assert.equal((await userinfo(server, there.accessToken)).status, 200);
  });

  it('answers at /end_session and by POST too', async () => {
    const { browser, idToken } = await person();
    assert.equal(titled(await browser.open('/end_session')), ASKS);
    for (const path of ['/oidc/logout', '/end_session']) {
      const posted = await browser.post(path, { id_token_hint: idToken }, { origin: 'http://localhost:9' });
      assert.equal(posted.status, 303);
      assert.equal(titleOf(await browser.open(posted.headers.get('location') ?? '')), GOES_ON);
    }
  });

  it('comes back to the app by a page, not by a redirect that the policy of forms would stop', async () => {
    const { browser, idToken } = await person();
    const params = { id_token_hint: idToken, post_logout_redirect_uri: app.postLogoutUri, state: '<&"' };
    const done = await confirm(browser, await ask(browser, params));
    assert.equal(done.status, 200);
    assert.equal(done.away?.searchParams.get('state'), '<&"');
    assert.equal(done.away?.href.split('?')[0], app.postLogoutUri);
  });
});

describe('the confirmation', () => {
  it('needs the secret of the page, which no other site knows', async () => {
    const { browser } = await person();
    const page = await ask(browser);
    for (const xsrf of ['', 'x'.repeat(48)]) {
      const answer = await browser.post('/oidc/logout/confirm', { xsrf, logout: 'yes' });
      assert.equal(answer.status, 400);
    }
    assert.equal(await hasSession(browser), true);
    const secret = formsOf(page.body)[0]?.fields.xsrf ?? '';
    const stranger = await person();
    const stolen = await stranger.browser.post('/oidc/logout/confirm', { xsrf: secret, logout: 'yes' });
    assert.equal(stolen.status, 400);
  });

  it('is not offered to a browser without a session', async () => {
    const answer = await new AppBrowser(server).post('/oidc/logout/confirm', { xsrf: 'x', logout: 'yes' });
    assert.equal(answer.status, 400);
  });
});

describe('the hint', () => {
  it('of this person lets the page post itself, even expired', async () => {
    const { browser, idToken } = await person();
    clock.advance(2 * DAY);
    assert.equal(titleOf(await ask(browser, { id_token_hint: idToken })), GOES_ON);
  });

  it('works together with client_id, and not with that of another client', async () => {
    const { browser, idToken } = await person();
    const both = await ask(browser, { id_token_hint: idToken, client_id: app.id });
    assert.equal(titleOf(both), GOES_ON);
    const made = await server.rooms.clients.create({ name: 'Other', redirectUris: [app.redirectUri] });
    const wrong = await ask(browser, { id_token_hint: idToken, client_id: made.client.id });
    assert.equal(wrong.status, 400);
  });

  it('of somebody else leaves the question to the person', async () => {
    const [one, other] = [await person(), await person()];
    assert.equal(titled(await ask(one.browser, { id_token_hint: other.idToken })), ASKS);
  });

  it('that is empty is none', async () => {
    const { browser } = await person();
    assert.equal(titled(await ask(browser, { id_token_hint: '' })), ASKS);
  });

  it('whose key is long gone still names the app: the person is asked, and comes back to it', async () => {
    const { browser, idToken } = await person();
    const [header = '', payload = '', signature = ''] = idToken.split('.');
    const known = JSON.parse(Buffer.from(header, 'base64url').toString());
    const old = Buffer.from(JSON.stringify({ ...known, kid: 'snk_1' })).toString('base64url');
    const page = await ask(browser, {
      id_token_hint: `${old}.${payload}.${signature}`,
      post_logout_redirect_uri: app.postLogoutUri,
    });
    assert.equal(titleOf(page), 'Sign out? - Acme');
    assert.doesNotMatch(page.body, /data-self-post/);
    assert.equal((await confirm(browser, page)).away?.href, app.postLogoutUri);
  });

  it('that is no ID token of ours is an error, and nobody is signed out', async () => {
    const { browser, accessToken, idToken } = await person();
    for (const hint of ['x', 'x.y.z', accessToken, `${idToken.slice(0, -8)}AAAAAAAA`]) {
      const page = await ask(browser, { id_token_hint: hint });
      assert.equal(page.status, 400);
    }
    assert.equal(await hasSession(browser), true);
  });
});

describe('where a logout leads', () => {
  it('a URI without a client is not followed', async () => {
    const { browser } = await person();
    const page = await ask(browser, { post_logout_redirect_uri: app.postLogoutUri });
    const done = await confirm(browser, page);
    assert.equal(done.away, undefined);
    assert.equal(titled(done), 'You are signed out');
  });

  it('a URI with the client_id that it is registered for is followed once the person says so', async () => {
    const { browser } = await person();
    const params = { client_id: app.id, post_logout_redirect_uri: app.postLogoutUri };
    const page = await ask(browser, params);
    assert.equal(titleOf(page), 'Sign out? - Acme');
    assert.equal((await confirm(browser, page)).away?.href, app.postLogoutUri);
  });

  for (const uri of [
    'http://localhost:9',
    'http://localhost:9/evil',
    'https://evil.example/',
    'javascript:1',
  ])
    it(`a URI that is not registered letter by letter is an error: ${uri}`, async () => {
      const { browser, idToken } = await person();
      const page = await ask(browser, { id_token_hint: idToken, post_logout_redirect_uri: uri });
      assert.equal(page.status, 400);
      assert.equal(page.away, undefined);
      const idle = await ask(new AppBrowser(server), {
        id_token_hint: idToken,
        post_logout_redirect_uri: uri,
      });
      assert.deepEqual([idle.status, idle.away], [400, undefined]);
    });

  it('nobody signed in is led on at once, and nothing is stored for them', async () => {
    const browser = new AppBrowser(server);
    const params = { client_id: app.id, post_logout_redirect_uri: app.postLogoutUri, state: 's' };
    const answer = await ask(browser, params);
    assert.deepEqual([answer.status, answer.away?.href], [303, `${app.postLogoutUri}?state=s`]);
    assert.equal(answer.headers.get('set-cookie'), null);
    const page = await ask(browser, { client_id: app.id });
    assert.equal(titleOf(page), 'You are signed out - Acme');
    assert.match(page.body, /href="http:\/\/localhost:9\/"/);
  });
});

describe('a session', () => {
  it('ends after seven idle days, and thirty days after the sign-in however busy', async () => {
    const { browser } = await person();
    for (const days of [6, 6, 6, 6, 5]) {
      clock.advance(days * DAY);
      assert.equal(await hasSession(browser), true);
    }
    clock.advance(1 * DAY);
    assert.equal(await hasSession(browser), false);
    const idle = await person();
    clock.advance(7 * DAY);
    assert.equal(await hasSession(idle.browser), false);
  });
});
