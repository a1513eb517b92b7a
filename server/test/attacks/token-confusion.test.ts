import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AppBrowser, formsOf, titleOf } from '../support/app-client.ts';
import { createMailbox } from '../support/mailbox.ts';
import {
  authorizeUrl,
  basic,
  claimsOf,
  exchange,
  headerOf,
  pkce,
  postForm,
  refresh,
  tokenRequest,
  tokensOf,
} from '../support/oauth-requests.ts';
import { startTestServer } from '../support/server.ts';
import {
  type Asked,
  ask,
  begin,
  enter,
  isSignedIn,
  postOn,
  type Site,
  sealedIn,
} from '../support/sign-in-steps.ts';

/** Every opaque value that the server has given to somebody, by its kind. */
type Values = Readonly<Record<string, string>>;

/** Uses a value where another is wanted; true when that got anything. */
type Sink = (value: string) => Promise<boolean>;

let site: Site;
let values: Values;
/** A sign-in of the victim that waits for its code or link. */
let waiting: Asked;
/** A person who is signed in, whose session a sign-out would end. */
let signedIn: AppBrowser;

const cookies = (pairs: Values) => ({
  cookie: Object.entries(pairs)
    .map(([name, value]) => `${name}=${encodeURI(value)}`)
    .join('; '),
});
const stranger = () => new AppBrowser(site.server);

async function gather(): Promise<Values> {
  const { server } = site;
  const { verifier, challenge } = pkce();
  const done = await ask(site, 'ada@acme.com', {
    params: {
      scope: 'openid email offline_access',
      nonce: 'a-nonce-of-the-app',
      state: 'a-state-of-the-app',
    },
  });
  const first = await enter(done, done.code);
  const tokens = tokensOf(await exchange(server, first.away ?? assert.fail()));
  signedIn = done.browser;
  const page = await signedIn.open('/oidc/logout');
  const proved = await signedIn.send(
    authorizeUrl(server, { code_challenge: challenge, code_challenge_method: 'S256' }),
  );
  waiting = await ask(site, 'grace@acme.com', { params: { state: 'a-state-of-the-app' } });
  const claims = claimsOf(tokens.accessToken);
  return {
    state: 'a-state-of-the-app',
    nonce: 'a-nonce-of-the-app',
    'interaction id': waiting.home.split('/').at(-1) ?? '',
    'ended interaction id': done.home.split('/').at(-1) ?? '',
    'browser cookie': waiting.browser.cookie('postern_browser') ?? '',
    'session cookie': signedIn.cookie('postern_session') ?? '',
    'mailed code': waiting.code,
    'spent code': done.code,
    'link token': waiting.link.split('/').at(-1) ?? '',
    'spent link token': done.link.split('/').at(-1) ?? '',
    'message id': waiting.mail?.messageId ?? '',
    'authorization code': proved.away?.searchParams.get('code') ?? '',
    'spent authorization code': first.away?.searchParams.get('code') ?? '',
    'code verifier': verifier,
    'code challenge': challenge,
    'access token': tokens.accessToken,
    'ID token': tokens.idToken,
    'refresh token': tokens.refreshToken,
    'client id': server.app.id,
    'client secret': server.app.secret,
    'user id': String(claims.sub),
    'session id': String(claims.sid),
    'token id': String(claims.jti),
    'key id': String(headerOf(tokens.accessToken).kid),
    'sealed request': sealedIn(waiting.page),
    'logout form token': formsOf(page.body)[0]?.fields.xsrf ?? '',
  };
}

const redeemed = (answer: { status: number; body: Record<string, unknown> }) =>
  answer.status === 200 && 'access_token' in answer.body;

/** Every place that takes a value as proof of something. */
const sinks: Readonly<Record<string, Sink>> = {
  'opened as a link by a stranger': async (value) =>
    /Almost there|Signing you in/.test(titleOf(await stranger().open(`/l/${encodeURIComponent(value)}`))),
  'posted as a link by a stranger': async (value) =>
    isSignedIn(await stranger().post(`/l/${encodeURIComponent(value)}`, {})),
  'the cookie of the browser that opens the link': async (value) => {
    const page = await stranger().open(waiting.link, cookies({ postern_browser: value }));
    return /Signing you in/.test(titleOf(page));
  },
  'both cookies of an interaction': async (value) => {
    const page = await stranger().open(
      waiting.home,
      cookies({ postern_interaction: value, postern_browser: value }),
    );
    return page.status === 200;
  },
  'the address and both cookies of an interaction': async (value) => {
    const own = cookies({ postern_interaction: value, postern_browser: value });
    const page = await stranger().post(`/interaction/${encodeURIComponent(value)}/continue`, {}, own);
    return isSignedIn(page);
  },
  'the code of another sign-in': async (value) => {
    const { browser, home } = await begin(site);
    await browser.post(`${home}/start`, { email: 'eve@evil.example' });
    return isSignedIn(await browser.post(`${home}/code`, { code: value }));
  },
  'the request of an old page': async (value) =>
    (await postOn(stranger(), '/interaction/none/again', { request: value })).status === 200,
  'the session cookie': async (value) =>
    isSignedIn(
      await stranger().send(authorizeUrl(site.server, { prompt: 'none' }), {
        headers: cookies({ postern_session: value }),
      }),
    ),
  'the resume cookie': async (value) => {
    const own = cookies({ postern_resume: value, postern_interaction: value, postern_browser: value });
    return isSignedIn(await stranger().open(`/oauth/authorize/${encodeURIComponent(value)}`, own));
  },
  'the authorization code': async (value) =>
    redeemed(
      await exchange(site.server, new URL(`http://x?code=${encodeURIComponent(value)}`), {
        code_verifier: values['code verifier'],
      }),
    ),
  'the code verifier': async (value) => {
    const { challenge } = pkce();
    const wanted = value === values['code verifier'] ? values['code challenge'] : challenge;
    const proved = await signedIn.send(
      authorizeUrl(site.server, { code_challenge: wanted, code_challenge_method: 'S256' }),
    );
    return redeemed(await exchange(site.server, proved.away ?? assert.fail(), { code_verifier: value }));
  },
  'the refresh token': async (value) => redeemed(await refresh(site.server, value)),
  'the client secret in the body': async (value) =>
    redeemed(await tokenRequest(site.server, { grant_type: 'client_credentials', client_secret: value })),
  'the client secret in Basic': async (value) =>
    redeemed(
      await postForm(
        `${site.server.url}/oauth/token`,
        { grant_type: 'client_credentials' },
        basic(site.server.app.id, value),
      ),
    ),
  'the client id': async (value) =>
    redeemed(await tokenRequest(site.server, { grant_type: 'client_credentials', client_id: value })),
  'a bearer token': async (value) =>
    (await fetch(`${site.server.url}/userinfo`, { headers: { authorization: `Bearer ${encodeURI(value)}` } }))
      .status === 200,
  'a token to look at': async (value) => {
    const { app, url } = site.server;
    const answer = await postForm(`${url}/oauth/introspect`, { token: value }, basic(app.id, app.secret));
    return answer.body.active === true;
  },
  'the proof of an app at the sign-out': async (value) => {
    const query = new URLSearchParams({
      id_token_hint: value,
      post_logout_redirect_uri: site.server.app.postLogoutUri,
    });
    const page = await signedIn.open(`/oidc/logout?${query}`);
    return page.status === 200 && page.body.includes('data-self-post');
  },
  'the proof of an app at a silent sign-in': async (value) =>
    isSignedIn(await signedIn.send(authorizeUrl(site.server, { prompt: 'none', id_token_hint: value }))),
  'the form token of the sign-out': async (value) => {
    await signedIn.post('/oidc/logout/confirm', { xsrf: value, logout: 'yes' });
    return !isSignedIn(await signedIn.send(authorizeUrl(site.server, { prompt: 'none' })));
  },
};

/** Where a value is what is wanted. They are tried after all others, and show that each sink can be got past. */
const meant: ReadonlyArray<readonly [kind: string, sink: string]> = [
  ['link token', 'opened as a link by a stranger'],
  ['browser cookie', 'the cookie of the browser that opens the link'],
  ['browser cookie', 'both cookies of an interaction'],
  ['sealed request', 'the request of an old page'],
  ['session cookie', 'the session cookie'],
  ['authorization code', 'the authorization code'],
  ['code verifier', 'the code verifier'],
  ['client secret', 'the client secret in the body'],
  ['client secret', 'the client secret in Basic'],
  ['client id', 'the client id'],
  ['access token', 'a bearer token'],
  ['access token', 'a token to look at'],
  ['refresh token', 'a token to look at'],
  ['refresh token', 'the refresh token'],
  ['ID token', 'the proof of an app at the sign-out'],
  ['ID token', 'the proof of an app at a silent sign-in'],
];

const isMeant = (kind: string, sink: string) => meant.some(([k, s]) => k === kind && s === sink);

describe('A value that the server gave out for one purpose', () => {
  before(async () => {
    const mailbox = createMailbox();
    site = { mailbox, server: await startTestServer({ transport: mailbox.transport }) };
    values = await gather();
  });
  after(() => site.server.stop());

  it('is there in every kind', () => {
    for (const [kind, value] of Object.entries(values)) assert.ok(value.length >= 5, `${kind}: ${value}`);
    assert.ok(Object.keys(values).length * Object.keys(sinks).length > 450);
  });

  for (const [name, sink] of Object.entries(sinks))
    it(`gets nothing as ${name}, unless it is that`, async () => {
      for (const [kind, value] of Object.entries(values))
        if (!isMeant(kind, name) && kind !== 'logout form token')
          assert.equal(await sink(value), false, kind);
    });

  for (const [kind, name] of meant)
    it(`${kind} still works as ${name}`, async () => {
      assert.equal(await sinks[name]?.(values[kind] ?? ''), true);
    });

  it('is of use to its own browser after all that', async () => {
    assert.ok(isSignedIn(await enter(waiting, waiting.code)));
  });

  it('ends the session when it is the token of the sign-out form, and only then', async () => {
    const page = await signedIn.open('/oidc/logout');
    const own = formsOf(page.body)[0]?.fields.xsrf ?? '';
    assert.equal(await sinks['the form token of the sign-out']?.(own), true);
  });

  it('revokes nothing at the revocation endpoint when it is no token', async () => {
    const done = await ask(site, 'ada@acme.com', { params: { scope: 'openid offline_access' } });
    const { away } = await enter(done, done.code);
    const tokens = tokensOf(await exchange(site.server, away ?? assert.fail()));
    const { app, url } = site.server;
    for (const [kind, value] of Object.entries({ ...values, 'fresh ID token': tokens.idToken }))
      if (!/access|refresh/.test(kind))
        await postForm(`${url}/revoke`, { token: value }, basic(app.id, app.secret));
    assert.ok(redeemed(await refresh(site.server, tokens.refreshToken)));
  });
});
