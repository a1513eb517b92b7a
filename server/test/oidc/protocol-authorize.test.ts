import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { PASSWORDLESS_CONNECTION } from '../../src/core/ids.ts';
import { AppBrowser, formsOf, type Landing, prove, signIn, titleOf } from '../support/app-client.ts';
import { createMailbox } from '../support/mailbox.ts';
import { authorizeUrl, claimsOf, exchange, pkce, signedIn, tokensOf } from '../support/oauth-requests.ts';
import { startTestServer } from '../support/server.ts';

const mailbox = createMailbox();
const server = await startTestServer({ transport: mailbox.transport });
const { app } = server;
after(() => server.stop());

const ask = (params: Record<string, string | undefined>, browser = new AppBrowser(server)) =>
  browser.open(authorizeUrl(server, params));

/** Asserts that the app was told, and what. */
function assertTold({ status, away }: Landing, error: string): void {
  assert.equal(status, 303);
  assert.equal(`${away?.origin}${away?.pathname}`, app.redirectUri);
  assert.equal(away?.searchParams.get('error'), error);
  assert.equal(away?.searchParams.get('state'), 'a state');
  assert.equal(away?.searchParams.get('iss'), server.url);
}

/** Asserts that the person was told instead, on a page that leads nowhere by itself. */
function assertShown(page: Landing, error: string): void {
  assert.equal(page.status, 400);
  assert.equal(page.away, undefined);
  assert.match(page.body, new RegExp(`<dt>Error</dt><dd><code>${error}</code></dd>`));
}

const isFirstPage = (page: Landing) => titleOf(page) === 'Sign in to Acme';

describe('the authorization endpoint', () => {
  for (const path of ['/authorize', '//oauth/authorize', '///authorize'])
    it(`answers at ${path} too`, async () => {
      const url = authorizeUrl(server).replace('/oauth/authorize', path);
      assert.ok(isFirstPage(await new AppBrowser(server).open(url)));
    });

  for (const path of ['/oauth/authorize', '/authorize'])
    it(`takes a POST at ${path}, and signs in from there`, async () => {
      const browser = new AppBrowser(server);
      const fields = Object.fromEntries(new URL(authorizeUrl(server)).searchParams);
      const posted = await browser.post(path, fields, { origin: 'http://localhost:9' });
      assert.equal(posted.status, 303);
      const page = await browser.open(posted.headers.get('location') ?? '');
      assert.ok(isFirstPage(page));
      const { away } = await prove(browser, page, { server, mailbox });
      assert.ok(away?.searchParams.has('code'));
    });

  it('refuses HEAD, since it would begin a sign-in', async () => {
    const answer = await fetch(authorizeUrl(server), { method: 'HEAD', redirect: 'manual' });
    assert.equal(answer.status, 405);
    assert.equal(answer.headers.get('allow'), 'GET, POST');
  });

  it('ignores parameters that it does not know', async () => {
    assert.ok(
      isFirstPage(await ask({ utm_source: 'x', acr_values: 'a b', ui_locales: 'tlh', display: 'page' })),
    );
  });

  it('never sends a form on by a redirect: browsers would hold it against their policy', async () => {
    const browser = new AppBrowser(server);
    const last = await prove(browser, await ask({}, browser), { server, mailbox });
    assert.equal(last.status, 200);
    assert.equal(last.headers.get('location'), null);
    assert.ok(last.away?.searchParams.has('code'));
    const again = await browser.post('/oauth/authorize', { client_id: app.id });
    assert.equal(again.status, 303);
  });

  it('answers in the fragment when asked to, errors too', async () => {
    const url = authorizeUrl(server, { response_mode: 'fragment' });
    const { callback } = await signIn({ server, mailbox, url });
    assert.equal(callback.search, '');
    assert.match(callback.hash, /^#code=[\w-]{43}&state=a\+state&iss=/);
    const refused = await ask({ response_mode: 'fragment', prompt: 'none' });
    assert.match(refused.away?.hash ?? '', /^#error=login_required&/);
  });

  it('answers an error as a form post when asked to', async () => {
    const page = await ask({ response_mode: 'form_post', prompt: 'none' });
    const [form] = formsOf(page.body);
    assert.equal(form?.action, app.redirectUri);
    assert.deepEqual([form?.fields.error, form?.fields.state], ['login_required', 'a state']);
    assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'/);
  });
});

describe('what the app is told', () => {
  for (const response_type of ['token', 'id_token', 'code id_token', 'none', 'code token'])
    it(`response_type=${response_type} is not supported`, async () => {
      const { status, away } = await ask({ response_type });
      assert.equal(status, 303);
      assert.equal(away?.href.split(/[?#]/)[0], app.redirectUri);
      assert.match(away?.href ?? '', /[?#]error=unsupported_response_type&.*&state=a\+state&iss=/);
    });

  it('without response_type the request is invalid', async () => {
    assertTold(await ask({ response_type: undefined }), 'invalid_request');
  });

  for (const [name, error] of [
    ['request', 'request_not_supported'],
    ['request_uri', 'request_uri_not_supported'],
    ['registration', 'registration_not_supported'],
  ] as const)
    it(`${name} is not supported`, async () => {
      assertTold(await ask({ [name]: 'eyJhbGciOiJub25lIn0.e30.' }), error);
    });

  for (const [name, value, error] of [
    ['connection_id', 'conn_2', 'invalid_connection_id'],
    ['organization_id', 'org_1', 'invalid_organization_id'],
    ['provider', 'google', 'connection_not_active'],
  ] as const)
    it(`${name}=${value} is ${error}, as this server has none`, async () => {
      assertTold(await ask({ [name]: value }), error);
    });

  it('the one connection that there is may be named', async () => {
    assert.ok(isFirstPage(await ask({ connection_id: PASSWORDLESS_CONNECTION })));
  });

  it('a parameter that comes twice is invalid_request', async () => {
    const page = await new AppBrowser(server).open(`${authorizeUrl(server)}&nonce=1&nonce=2`);
    assertTold(page, 'invalid_request');
  });

  it('an unknown response_mode is told by query', async () => {
    assertTold(await ask({ response_mode: 'smoke' }), 'unsupported_response_mode');
  });
});

describe('what only the person is told', () => {
  it('an unknown client', async () => {
    assertShown(await ask({ client_id: 'skc_1' }), 'invalid_client');
    assertShown(await ask({ client_id: "x' OR 1=1 --" }), 'invalid_client');
  });

  it('no client', async () => {
    assertShown(await ask({ client_id: undefined }), 'invalid_request');
  });

  for (const redirect_uri of [
    'http://localhost:9/auth/callback/',
    'http://localhost:9/auth/callback?x=1',
    'http://localhost:9/auth/callback#x',
    'http://localhost:10/auth/callback',
    'http://localhost:9/auth/../auth/callback',
    'HTTP://LOCALHOST:9/auth/callback',
    'http://localhost:9@evil.example/auth/callback',
    'javascript:alert(1)',
    '//localhost:9/auth/callback',
  ])
    it(`a redirect_uri that is not the registered one letter by letter: ${redirect_uri}`, async () => {
      assertShown(await ask({ redirect_uri }), 'invalid_redirect_uri');
    });

  it('no redirect_uri, even where the client has only one', async () => {
    assertShown(await ask({ redirect_uri: undefined }), 'invalid_request');
  });

  it('a redirect_uri that comes twice', async () => {
    const redirectUris = [app.redirectUri, 'http://localhost:9/other'];
    const { client } = await server.rooms.clients.create({ name: 'Two', redirectUris });
    const url = authorizeUrl(server, { client_id: client.id });
    const twice = `${url}&redirect_uri=${encodeURIComponent('https://evil.example/')}`;
    assertShown(await new AppBrowser(server).open(twice), 'invalid_request');
  });
});

describe('scope', () => {
  const granted = async (scope: string | undefined) => {
    const person = await signedIn({ server, mailbox, params: { scope } });
    return { ...person, scope: person.answer.body.scope, claims: claimsOf(person.accessToken) };
  };

  for (const scope of [undefined, ''])
    it(`${scope === undefined ? 'missing' : 'empty'} means openid profile email`, async () => {
      const { scope: given, claims, idToken } = await granted(scope);
      assert.equal(given, 'openid profile email');
      assert.equal(claims.scope, 'openid profile email');
      assert.deepEqual(claims.scopes, ['openid', 'profile', 'email']);
      assert.match(String(claimsOf(idToken).email), /^person-/);
    });

  it('openid alone tells no address', async () => {
    const { scope, idToken } = await granted('openid');
    assert.equal(scope, 'openid');
    assert.equal(claimsOf(idToken).email, undefined);
  });

  it('offline_access gives a refresh token, without prompt=consent', async () => {
    const { refreshToken, scope } = await granted('openid offline_access');
    assert.match(refreshToken, /^[\w-]{43}$/);
    assert.equal(scope, 'openid offline_access');
    assert.equal((await granted('openid')).refreshToken, '');
  });

  it('unknown scopes are left out', async () => {
    assert.equal((await granted('openid email admin:everything')).scope, 'openid email');
  });
});

describe('PKCE at the authorization endpoint', () => {
  it('is required of a public client', async () => {
    const { client } = await server.rooms.clients.create({
      name: 'Public',
      public: true,
      redirectUris: [app.redirectUri],
    });
    const { verifier, challenge } = pkce();
    assertTold(await ask({ client_id: client.id }), 'invalid_request');
    const params = { client_id: client.id, code_challenge: challenge, code_challenge_method: 'S256' };
    const { callback } = await signIn({ server, mailbox, url: authorizeUrl(server, params) });
    const credentials = { client_id: client.id, client_secret: undefined };
    const answer = await exchange(server, callback, { ...credentials, code_verifier: verifier });
    assert.equal(answer.status, 200);
    assert.ok(tokensOf(answer).idToken);
  });

  it('is required of a confidential client that was registered so', async () => {
    const made = { name: 'Strict', redirectUris: [app.redirectUri], requirePkce: true };
    const { client } = await server.rooms.clients.create(made);
    assertTold(await ask({ client_id: client.id }), 'invalid_request');
  });

  for (const [what, params] of [
    ['plain', { code_challenge: pkce().challenge, code_challenge_method: 'plain' }],
    ['a challenge without a method', { code_challenge: pkce().challenge }],
    ['a method without a challenge', { code_challenge_method: 'S256' }],
    ['a challenge that is too short', { code_challenge: 'abc', code_challenge_method: 'S256' }],
  ] as const)
    it(`refuses ${what}`, async () => {
      assertTold(await ask(params), 'invalid_request');
    });
});
