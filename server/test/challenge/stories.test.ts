import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import * as rp from 'openid-client';
import { createMailbox, notMeIn } from '../support/mailbox.ts';
import { claimsOf, postForm, refresh, tokensOf, userinfo } from '../support/oauth-requests.ts';
import { startTestServer } from '../support/server.ts';
import { eventReader } from '../support/sign-in-steps.ts';
import { askInApp, CALLBACK, challenge, enterInApp, firstParty, redeemInApp } from './in-app.ts';

const mailbox = createMailbox();
const server = await startTestServer({ transport: mailbox.transport });
const site = { server, mailbox };
after(() => server.stop());
const apps = {
  public: await firstParty(server, 'public'),
  confidential: await firstParty(server, 'confidential'),
};
const scope = 'openid email offline_access';

for (const [kind, app] of Object.entries(apps))
  describe(`a ${kind} app with pages of its own`, () => {
    it('signs in with openid-client, from discovery to the refreshed token', async () => {
      const { client_secret: secret } = app.credentials;
      const config = await rp.discovery(
        new URL(server.url),
        app.client.id,
        { ...(secret && { client_secret: secret }) },
        secret ? rp.ClientSecretPost(secret) : rp.None(),
        { execute: [rp.allowInsecureRequests, rp.enableNonRepudiationChecks] },
      );
      const endpoint = String(config.serverMetadata().authorization_challenge_endpoint);
      const pkceCodeVerifier = rp.randomPKCECodeVerifier();
      const expectedNonce = rp.randomNonce();
      const first = await postForm(endpoint, {
        ...app.credentials,
        scope,
        redirect_uri: CALLBACK,
        nonce: expectedNonce,
        login_hint: `ada-${kind}@acme.com`,
        code_challenge: await rp.calculatePKCECodeChallenge(pkceCodeVerifier),
        code_challenge_method: 'S256',
      });
      assert.equal(first.body.error, 'insufficient_authorization');
      await server.mailIdle();
      const otp = mailbox.to(`ada-${kind}@acme.com`)[0]?.facts?.code;
      const auth_session = String(first.body.auth_session);
      const second = await postForm(endpoint, { ...app.credentials, auth_session, otp });
      assert.equal(second.status, 200);
      const callback = new URL(CALLBACK);
      callback.searchParams.set('code', String(second.body.authorization_code));
      callback.searchParams.set('iss', server.url);
      const checks = { pkceCodeVerifier, expectedNonce, idTokenExpected: true };
      const tokens = await rp.authorizationCodeGrant(config, callback, checks);
      const claims = tokens.claims() ?? assert.fail();
      assert.deepEqual([claims.acr, claims.amr], ['urn:postern:email-code', ['otp']]);
      assert.match(String(claims.sid), /^ses_\d+$/);
      const about = await rp.fetchUserInfo(config, tokens.access_token, claims.sub);
      assert.equal(about.email, `ada-${kind}@acme.com`);
      const fresh = await rp.refreshTokenGrant(config, tokens.refresh_token ?? '');
      assert.equal(claimsOf(fresh.access_token).sid, claims.sid);
    });

    it('needs no redirect URI where it names none', async () => {
      const asked = await askInApp(site, app, { scope });
      const { body } = await enterInApp(server, app, asked);
      const answer = await redeemInApp(server, app, {
        code: body.authorization_code,
        verifier: asked.verifier,
      });
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      assert.equal(answer.body.scope, scope);
    });
  });

describe('the answer to the first call', () => {
  it('names what to do next, and the mail holds a code and no link', async () => {
    const { answer, mail, code } = await askInApp(site, apps.public);
    assert.equal(answer.status, 400);
    const { error, auth_session, passwordless_type, expires_in } = answer.body;
    assert.deepEqual([error, passwordless_type, expires_in], ['insufficient_authorization', 'OTP', 600]);
    assert.match(String(auth_session), /^[\w-]{43}$/);
    assert.match(code, /^\d{6}$/);
    assert.doesNotMatch(mail?.text ?? '', /\/l\/|@localhost/);
    assert.match(mail?.text ?? '', /Enter the code only on Ours \(public\)/);
  });

  it('says in the mail where the person is, but not where the server of their app is', async () => {
    const [{ mail: own }, { mail: behind }] = [
      await askInApp(site, apps.public),
      await askInApp(site, apps.confidential),
    ];
    assert.match(own?.text ?? '', /from 127\.0\.0\.1/);
    assert.doesNotMatch(behind?.text ?? '', /127\.0\.0\.1/);
  });

  it('has its mail in the language that the app asks for, or the device', async () => {
    const { mail: asked } = await askInApp(site, apps.public, {
      ui_locales: 'xx de',
      login_hint: 'ui@acme.com',
    });
    assert.match(asked?.html ?? '', /lang="de"/);
    const accepted = { 'accept-language': 'fr-CH, fr;q=0.9' };
    await challenge(
      server,
      {
        ...apps.public.credentials,
        login_hint: 'accept@acme.com',
        code_challenge: 'a'.repeat(43),
        code_challenge_method: 'S256',
      },
      accepted,
    );
    await server.mailIdle();
    assert.match(mailbox.to('accept@acme.com')[0]?.html ?? '', /lang="fr"/);
  });

  it('is never kept by a cache, and sets no cookie', async () => {
    const { answer } = await askInApp(site, apps.public);
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    assert.equal(answer.headers.get('set-cookie'), null);
  });

  it('takes the address as email too, and says it again when asked', async () => {
    const { answer, authSession } = await askInApp(site, apps.public, {
      login_hint: undefined,
      email: 'Kim@Acme.com',
    });
    assert.equal(answer.body.error, 'insufficient_authorization');
    const again = await challenge(server, { ...apps.public.credentials, auth_session: authSession });
    assert.deepEqual([again.status, again.body.auth_session], [400, authSession]);
  });
});

describe('a code', () => {
  it('that is wrong may be followed by the right one', async () => {
    const asked = await askInApp(site, apps.public);
    const wrong = await enterInApp(server, apps.public, { ...asked, code: '000001' });
    assert.deepEqual([wrong.status, wrong.body.error], [400, 'insufficient_authorization']);
    assert.equal(wrong.body.auth_session, asked.authSession);
    assert.equal((await enterInApp(server, apps.public, asked)).status, 200);
  });

  it('may come from a second mail', async () => {
    const asked = await askInApp(site, apps.public);
    const auth = { ...apps.public.credentials, auth_session: asked.authSession };
    const again = await challenge(server, { ...auth, resend: 'true' });
    assert.equal(again.body.error, 'insufficient_authorization');
    await server.mailIdle();
    const mails = mailbox.to(asked.email);
    assert.equal(mails.length, 2);
    const code = mails[1]?.facts?.code ?? '';
    assert.equal((await enterInApp(server, apps.public, { ...asked, code })).status, 200);
  });

  it('that is right makes user, session, grant and code at once', async () => {
    const asked = await askInApp(site, apps.public);
    const happened = eventReader(server);
    await happened();
    await enterInApp(server, apps.public, asked);
    assert.deepEqual(await happened(), [
      'attempt.satisfied',
      'user.created',
      'attempt.redeemed',
      'session.started',
    ]);
  });
});

describe('the session of an app', () => {
  const devices = () =>
    server.rooms.database.read((q) =>
      q.selectFrom('sessions').select(['device', 'clients']).orderBy('id').execute(),
    );

  it('knows the app, and the device where the app is on it', async () => {
    for (const [app, device] of [
      [apps.public, /127\.0\.0\.1/],
      [apps.confidential, /^((?!127).)*$/],
    ] as const) {
      await enterInApp(server, app, await askInApp(site, app));
      const row = (await devices()).at(-1) ?? assert.fail();
      assert.match(row.device, device);
      assert.deepEqual(JSON.parse(row.clients), [app.client.id]);
    }
  });

  it('is ended with its tokens by the owner of the address, from the mail', async () => {
    const asked = await askInApp(site, apps.confidential, { scope });
    const { body } = await enterInApp(server, apps.confidential, asked);
    const code = { code: body.authorization_code, verifier: asked.verifier };
    const tokens = tokensOf(await redeemInApp(server, apps.confidential, code));
    assert.equal((await userinfo(server, tokens.accessToken)).status, 200);
    await postForm(server.url + notMeIn(asked.mail), { answer: 'not-me' }, { origin: server.url });
    assert.equal((await userinfo(server, tokens.accessToken)).status, 401);
    const again = await refresh(server, tokens.refreshToken, apps.confidential.credentials);
    assert.equal(again.body.error, 'invalid_grant');
  });
});
