import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import * as rp from 'openid-client';
import { AppBrowser, formsOf, prove, signIn, titleOf } from '../support/app-client.ts';
import { createMailbox } from '../support/mailbox.ts';
import { headerOf } from '../support/oauth-requests.ts';
import { startTestServer } from '../support/server.ts';

const mailbox = createMailbox();
const server = await startTestServer({ transport: mailbox.transport });
const { redirectUri, postLogoutUri } = server.app;
after(() => server.stop());

interface App {
  readonly auth: 'client_secret_basic' | 'client_secret_post' | 'none';
  readonly alg: 'RS256' | 'ES256' | 'EdDSA';
}

const authentications = {
  client_secret_basic: rp.ClientSecretBasic,
  client_secret_post: rp.ClientSecretPost,
  none: rp.None,
};

/** An app of another maker: it learns everything from discovery and checks every signature itself. */
async function discover({ auth, alg }: App): Promise<rp.Configuration> {
  const { client, clientSecret } = await server.rooms.clients.create({
    name: `With ${auth}`,
    public: auth === 'none',
    redirectUris: [redirectUri],
    postLogoutRedirectUris: [postLogoutUri],
    idTokenAlg: alg,
  });
  const metadata = {
    ...(clientSecret && { client_secret: clientSecret }),
    id_token_signed_response_alg: alg,
    require_auth_time: true,
  };
  const execute = [rp.allowInsecureRequests, rp.enableNonRepudiationChecks];
  const config = await rp.discovery(new URL(server.url), client.id, metadata, authentications[auth](), {
    execute,
  });
  return config;
}

interface Begun {
  readonly url: string;
  readonly checks: rp.AuthorizationCodeGrantChecks;
}

async function begin(config: rp.Configuration, params: Record<string, string> = {}): Promise<Begun> {
  const pkceCodeVerifier = rp.randomPKCECodeVerifier();
  const [expectedState, expectedNonce] = [rp.randomState(), rp.randomNonce()];
  const url = rp.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: 'openid email offline_access',
    code_challenge: await rp.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState,
    nonce: expectedNonce,
    ...params,
  });
  return {
    url: url.href,
    checks: { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true },
  };
}

async function person(config: rp.Configuration, browser = new AppBrowser(server)) {
  const { url, checks } = await begin(config);
  const { callback } = await signIn({ server, mailbox, url, browser });
  const tokens = await rp.authorizationCodeGrant(config, callback, checks);
  return { browser, tokens, sub: tokens.claims()?.sub ?? '' };
}

const apps: App[] = [
  { auth: 'client_secret_basic', alg: 'RS256' },
  { auth: 'client_secret_post', alg: 'ES256' },
  { auth: 'none', alg: 'EdDSA' },
];

for (const app of apps)
  describe(`openid-client with ${app.auth} and ${app.alg}`, async () => {
    const config = await discover(app);

    it('redeems a code with PKCE, nonce, state and iss checked, and the signature too', async () => {
      const { tokens } = await person(config);
      const claims = tokens.claims();
      assert.equal(headerOf(tokens.id_token ?? '').alg, app.alg);
      assert.equal(headerOf(tokens.access_token).alg, app.alg);
      assert.equal(claims?.iss, server.url);
      assert.match(String(claims?.email), /^person-\d+@example\.com$/);
      assert.equal(tokens.token_type, 'bearer');
      assert.ok((tokens.expiresIn() ?? 0) > 890);
      assert.equal(tokens.scope, 'openid email offline_access');
    });

    it('gives userinfo for the same subject, before and after a refresh', async () => {
      const { tokens, sub } = await person(config);
      const before = await rp.fetchUserInfo(config, tokens.access_token, sub);
      assert.deepEqual(before, { sub, email: tokens.claims()?.email, email_verified: true });
      const fresh = await rp.refreshTokenGrant(config, tokens.refresh_token ?? '');
      assert.equal(fresh.claims()?.sub, sub);
      assert.notEqual(fresh.refresh_token, tokens.refresh_token);
      assert.deepEqual(await rp.fetchUserInfo(config, fresh.access_token, sub), before);
      await assert.rejects(rp.fetchUserInfo(config, fresh.access_token, 'usr_1'));
    });

    it('revokes what it was given', async () => {
      const { tokens } = await person(config);
      await rp.tokenRevocation(config, tokens.refresh_token ?? '');
      await assert.rejects(rp.refreshTokenGrant(config, tokens.refresh_token ?? ''), {
        error: 'invalid_grant',
      });
      await rp.tokenRevocation(config, 'never given');
    });

    it('signs out through the end_session_endpoint and comes back with the state', async () => {
      const { browser, tokens } = await person(config);
      const url = rp.buildEndSessionUrl(config, {
        id_token_hint: tokens.id_token ?? '',
        post_logout_redirect_uri: postLogoutUri,
        state: 'bye',
      });
      const page = await browser.open(url.href);
      assert.match(titleOf(page), /^Signing you out/);
      const done = await browser.submit(page, '/oidc/logout/confirm');
      assert.equal(done.away?.href, `${postLogoutUri}?state=bye`);
      await assert.rejects(rp.refreshTokenGrant(config, tokens.refresh_token ?? ''), {
        error: 'invalid_grant',
      });
    });
  });

describe('openid-client, the rest of the protocol', async () => {
  const config = await discover({ auth: 'client_secret_basic', alg: 'RS256' });

  it('introspects an access token, a refresh token and what is none', async () => {
    const { tokens, sub } = await person(config);
    const access = await rp.tokenIntrospection(config, tokens.access_token);
    const { client_id } = config.clientMetadata();
    const { active, iss, scope, token_type, aud } = access;
    assert.deepEqual(
      { active, iss, sub: access.sub, client_id: access.client_id, scope, token_type, aud },
      {
        active: true,
        iss: server.url,
        sub,
        client_id,
        scope: 'openid email',
        token_type: 'Bearer',
        aud: [client_id],
      },
    );
    assert.equal((access.exp ?? 0) - (access.iat ?? 0), 900);
    assert.equal((await rp.tokenIntrospection(config, tokens.refresh_token ?? '')).active, true);
    assert.deepEqual(await rp.tokenIntrospection(config, 'never given'), { active: false });
    await rp.tokenRevocation(config, tokens.access_token);
    assert.deepEqual(await rp.tokenIntrospection(config, tokens.access_token), { active: false });
  });

  it('says nothing of a token to another client', async () => {
    const other = await discover({ auth: 'client_secret_post', alg: 'RS256' });
    const { tokens } = await person(config);
    for (const token of [tokens.access_token, tokens.refresh_token ?? '']) {
      assert.deepEqual(await rp.tokenIntrospection(other, token), { active: false });
      await rp.tokenRevocation(other, token);
      assert.equal((await rp.tokenIntrospection(config, token)).active, true);
    }
  });

  it('gives auth_time with max_age, and it is recent enough', async () => {
    const { url, checks } = await begin(config, { max_age: '300' });
    const { callback } = await signIn({ server, mailbox, url });
    const tokens = await rp.authorizationCodeGrant(config, callback, { ...checks, maxAge: 300 });
    assert.equal(typeof tokens.claims()?.auth_time, 'number');
  });

  it('signs in silently with prompt=none where there is a session, and says login_required where not', async () => {
    const { browser, sub } = await person(config);
    const silent = await begin(config, { prompt: 'none' });
    const { callback, requests } = await signIn({ server, mailbox, url: silent.url, browser });
    assert.equal(requests, 1);
    const tokens = await rp.authorizationCodeGrant(config, callback, silent.checks);
    assert.equal(tokens.claims()?.sub, sub);
    const { away } = await new AppBrowser(server).open(silent.url);
    assert.ok(away);
    await assert.rejects(rp.authorizationCodeGrant(config, away, silent.checks), { error: 'login_required' });
  });

  it('takes the answer as a form post', async () => {
    const { url, checks } = await begin(config, { response_mode: 'form_post' });
    const browser = new AppBrowser(server);
    const page = await browser.open(url);
    const last = await prove(browser, page, { server, mailbox });
    const [form] = formsOf(last.body);
    assert.equal(form?.action, redirectUri);
    assert.match(last.body, /<form method="post"[^>]* data-self-post="now"/);
    assert.match(last.headers.get('content-security-policy') ?? '', /form-action https: http:/);
    const posted = new Request(redirectUri, { method: 'POST', body: new URLSearchParams(form?.fields) });
    const tokens = await rp.authorizationCodeGrant(config, posted, checks);
    assert.match(String(tokens.claims()?.email), /^person-/);
  });

  it('gets a token of its own with client_credentials', async () => {
    const tokens = await rp.clientCredentialsGrant(config);
    assert.equal(tokens.expiresIn(), 86_400);
    assert.equal(tokens.id_token, undefined);
    await assert.rejects(rp.fetchUserInfo(config, tokens.access_token, rp.skipSubjectCheck));
  });
});
