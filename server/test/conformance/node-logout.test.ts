import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { ScalekitClient } from '@scalekit-sdk/node';
import { type AppBrowser, type Landing, signIn, titleOf } from '../support/app-client.ts';
import { createMailbox } from '../support/mailbox.ts';
import { startWorld } from './world.ts';

const mailbox = createMailbox();
const server = await startWorld({ transport: mailbox.transport });
const { app } = server;
const scalekit = new ScalekitClient(server.url, app.id, app.secret);
after(() => server.stop());

async function person(): Promise<{ browser: AppBrowser; idToken: string; refreshToken: string }> {
  const scopes = ['openid', 'email', 'offline_access'];
  const url = scalekit.getAuthorizationUrl(app.redirectUri, { scopes });
  const { callback, browser } = await signIn({ server, mailbox, url, email: 'ada@example.com' });
  const code = callback.searchParams.get('code') ?? '';
  return { browser, ...(await scalekit.authenticateWithCode(code, app.redirectUri)) };
}

/** Whether the browser still signs in without a person. */
async function hasSession(browser: AppBrowser): Promise<boolean> {
  const silent = await browser.open(scalekit.getAuthorizationUrl(app.redirectUri, { prompt: 'none' }));
  return silent.away?.searchParams.has('code') ?? false;
}

const posted = (page: Landing) => /<form[^>]* data-self-post="seen"/.test(page.body);

describe('B11: getLogoutUrl', () => {
  it('without arguments asks the person, and signs out when they say so', async () => {
    const { browser, refreshToken } = await person();
    const page = await browser.open(scalekit.getLogoutUrl());
    assert.equal(titleOf(page), 'Sign out?');
    assert.equal(posted(page), false);
    assert.equal(await hasSession(browser), true);
    const again = await browser.open(scalekit.getLogoutUrl());
    const done = await browser.submit(again, '/oidc/logout/confirm');
    assert.equal(titleOf(done), 'You are signed out');
    assert.equal(await hasSession(browser), false);
    await assert.rejects(scalekit.refreshAccessToken(refreshToken));
  });

  it('with a hint needs no answer of the person: the page posts itself', async () => {
    const { browser, idToken } = await person();
    const page = await browser.open(scalekit.getLogoutUrl({ idTokenHint: idToken }));
    assert.equal(titleOf(page), 'Signing you out - Acme');
    assert.equal(posted(page), true);
    const done = await browser.submit(page, '/oidc/logout/confirm');
    assert.match(titleOf(done), /^You are signed out/);
    assert.equal(await hasSession(browser), false);
  });

  it('with hint, URI and state comes back to the app with the state', async () => {
    const { browser, idToken } = await person();
    const url = scalekit.getLogoutUrl({
      idTokenHint: idToken,
      postLogoutRedirectUri: app.postLogoutUri,
      state: 'a b&c=d',
    });
    const done = await browser.submit(await browser.open(url), '/oidc/logout/confirm');
    assert.equal(done.away?.href.split('?')[0], app.postLogoutUri);
    assert.equal(done.away?.searchParams.get('state'), 'a b&c=d');
    assert.equal(await hasSession(browser), false);
  });

  it('never follows a URI that is not registered, with a hint or without', async () => {
    const { browser, idToken } = await person();
    for (const options of [{ idTokenHint: idToken }, {}]) {
      const url = scalekit.getLogoutUrl({ ...options, postLogoutRedirectUri: 'http://localhost:9/evil' });
      const page = await browser.open(url);
      assert.equal(page.away, undefined);
      assert.doesNotMatch(page.body, /evil/);
    }
  });

  it('comes back at once where nobody is signed in any more', async () => {
    const { browser, idToken } = await person();
    const url = scalekit.getLogoutUrl({ idTokenHint: idToken, postLogoutRedirectUri: app.postLogoutUri });
    await browser.submit(await browser.open(url), '/oidc/logout/confirm');
    const again = await browser.open(`${url}&state=s`);
    assert.equal(again.status, 303);
    assert.equal(again.away?.href, `${app.postLogoutUri}?state=s`);
    assert.match(titleOf(await browser.open(scalekit.getLogoutUrl())), /^You are signed out/);
  });

  it('called with an ID token and a URI in place of options still reaches the sign-out page', async () => {
    const { browser, idToken } = await person();
    const url: unknown = Reflect.apply(scalekit.getLogoutUrl, scalekit, [idToken, app.postLogoutUri]);
    assert.equal(url, `${server.url}/oidc/logout`);
    assert.equal(titleOf(await browser.open(String(url))), 'Sign out?');
  });
});
