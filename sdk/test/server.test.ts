import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, describe, it } from 'node:test';
import { newAddress, signIn } from '../../server/test/support/app-client.ts';
import { createMailbox } from '../../server/test/support/mailbox.ts';
import { startTestServer } from '../../server/test/support/server.ts';
import { PosternApiError, PosternClient, PosternOAuthError, type SignInOptions } from '../src/index.ts';

const mailbox = createMailbox();
const server = await startTestServer({
  transport: mailbox.transport,
  settings: { 'passwordless.method': 'otp', 'passwordless.validity_seconds': 300 },
});
const { app } = server;
const client = new PosternClient(server.url, app.id, app.secret);
const received: { path: string; headers: Record<string, string | string[] | undefined>; body: string }[] = [];
const receiver = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += chunk;
  received.push({ path: request.url ?? '', headers: request.headers, body });
  response.end();
});
receiver.listen(0, '127.0.0.1');
await once(receiver, 'listening');
const receiverUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
after(async () => {
  receiver.close();
  await server.stop();
});

/** A person signs in on the hosted pages, as the app's client begins and ends it. */
async function signedIn(
  of = client,
  options: SignInOptions = { scopes: ['openid', 'email', 'offline_access'] },
) {
  const { url, pending } = of.beginSignIn(app.redirectUri, options);
  const { callback, browser } = await signIn({ server, mailbox, url });
  return { result: await of.finishSignIn(callback, pending), callback, pending, browser };
}

/** The code that came to an address by the headless API. */
async function codeFor(email: string): Promise<string> {
  await server.mailIdle();
  return mailbox.to(email).at(-1)?.facts?.code ?? '';
}

describe('a sign-in at a real server', () => {
  it('gives the user, verified tokens, a refresh, and an end', async () => {
    const { result, callback, pending } = await signedIn();
    assert.match(result.user.id, /^usr_\d+$/);
    assert.match(result.user.email, /@example\.com$/);
    assert.deepEqual([result.user.emailVerified, result.claims.acr], [true, 'urn:postern:email-code']);
    const claims = await client.validateToken(result.accessToken, { requiredScopes: ['openid', 'email'] });
    assert.deepEqual([claims.sub, claims.client_id, claims.sid], [result.user.id, app.id, result.claims.sid]);
    assert.equal(await client.validateAccessToken(result.idToken), false);
    assert.equal(await client.validateAccessToken(result.accessToken, { audience: 'skc_2' }), false);

    const renewed = await client.refreshAccessToken(result.refreshToken ?? '', { subject: result.user.id });
    assert.notEqual(renewed.refreshToken, result.refreshToken);
    assert.equal((await client.validateIdToken(renewed.idToken)).sub, result.user.id);
    assert.ok(renewed.expiresIn > 800);

    await assert.rejects(client.finishSignIn(callback, pending), (failure) => {
      assert.ok(failure instanceof PosternOAuthError);
      assert.deepEqual([failure.code, failure.status, failure.retryable], ['invalid_grant', 400, false]);
      assert.equal(failure.message.includes(callback.searchParams.get('code') ?? ''), false);
      return true;
    });
  });

  it('is verified in each algorithm that a client may have', async () => {
    for (const idTokenAlg of ['ES256', 'EdDSA'] as const) {
      const redirectUris = [app.redirectUri];
      const made = await server.rooms.clients.create({ name: idTokenAlg, redirectUris, idTokenAlg });
      const { result } = await signedIn(new PosternClient(server.url, made.client.id, made.clientSecret));
      const header = JSON.parse(Buffer.from(result.idToken.split('.')[0] ?? '', 'base64url').toString());
      assert.equal(header.alg, idTokenAlg);
    }
  });

  it('needs no secret of an app that can keep none', async () => {
    const made = await server.rooms.clients.create({
      name: 'On a device',
      redirectUris: [app.redirectUri],
      public: true,
    });
    const { result } = await signedIn(new PosternClient(server.url, made.client.id));
    assert.match(result.user.id, /^usr_/);
  });

  it('is also that of the guide, without state, nonce and PKCE', async () => {
    const url = client.getAuthorizationUrl(app.redirectUri, { loginHint: 'guide@example.com' });
    const { callback } = await signIn({ server, mailbox, url, email: 'guide@example.com' });
    const result = await client.authenticateWithCode(
      callback.searchParams.get('code') ?? '',
      app.redirectUri,
    );
    assert.equal(result.user.email, 'guide@example.com');
    assert.equal(result.refreshToken, undefined);
  });

  it('is over after the logout address was opened', async () => {
    const { result, browser } = await signedIn();
    const url = client.getLogoutUrl({
      idTokenHint: result.idToken,
      postLogoutRedirectUri: app.postLogoutUri,
      state: 's',
    });
    const page = await browser.open(url);
    const done = page.away ? page : await browser.submit(page, '/oidc/logout/confirm');
    assert.equal(done.away?.href, `${app.postLogoutUri}?state=s`);
    await assert.rejects(client.refreshAccessToken(result.refreshToken ?? ''), { code: 'invalid_grant' });
  });
});

describe('an address proved on own pages', () => {
  it('by a code: sent, sent again, refused, taken', async () => {
    const email = newAddress();
    const sent = await client.passwordless.sendPasswordlessEmail(email, { template: 'SIGNUP', state: 's-1' });
    assert.deepEqual([sent.passwordlessType, sent.expiresIn], ['OTP', 300]);
    assert.ok(Math.abs(sent.expiresAt - Date.now() / 1000 - 300) < 10);
    const again = await client.passwordless.resendPasswordlessEmail(sent.authRequestId);
    assert.equal(again.authRequestId, sent.authRequestId);
    const code = await codeFor(email);
    const wrong = code === '000000' ? '111111' : '000000';
    const verify = (typed: string) =>
      client.passwordless.verifyPasswordlessEmail({ code: typed }, sent.authRequestId);
    await assert.rejects(verify(wrong), (failure) => {
      assert.ok(failure instanceof PosternApiError);
      assert.deepEqual(
        [failure.code, failure.status, failure.retryable],
        ['verification_failed', 400, false],
      );
      assert.match(failure.docUrl, /docs\/reference\/errors\/verification_failed\.md$/);
      assert.match(failure.requestId ?? '', /./);
      return true;
    });
    const proved = await verify(code);
    assert.deepEqual(proved, { email, state: 's-1', template: 'SIGNUP', passwordlessType: 'OTP' });
  });

  const { passwordless } = client;
  const refusals: ReadonlyArray<readonly [string, number, () => Promise<unknown>, string?]> = [
    ['invalid_email', 400, () => passwordless.sendPasswordlessEmail('no address'), 'email'],
    [
      'validation_failed',
      400,
      () => passwordless.sendPasswordlessEmail(newAddress(), { expiresIn: 59 }),
      'expires_in',
    ],
    ['auth_request_id_required', 400, () => passwordless.verifyPasswordlessEmail({ code: '123456' })],
    [
      'auth_request_not_found',
      404,
      () => passwordless.verifyPasswordlessEmail({ code: '123456' }, 'x'.repeat(50)),
    ],
    ['auth_request_not_found', 404, () => passwordless.resendPasswordlessEmail('x'.repeat(50))],
    ['user_not_found', 404, () => client.user.getUser('usr_1')],
    ['session_not_found', 404, () => client.session.getSession('ses_1')],
    ['client_not_found', 404, () => client.clients.getClient('skc_1')],
    ['page_token_invalid', 400, () => client.user.listUsers({ pageToken: 'x' })],
  ];
  for (const [code, status, call, field] of refusals)
    it(`is refused with ${code} and ${status}`, async () => {
      await assert.rejects(call(), (failure) => {
        assert.ok(failure instanceof PosternApiError, String(failure));
        assert.deepEqual([failure.code, failure.status], [code, status]);
        if (field !== undefined) assert.equal(failure.violations[0]?.field, field);
        return true;
      });
    });

  it('by a link, where the owner wants links', async () => {
    await server.rooms.settings.set('passwordless.method', 'link_otp');
    const email = newAddress();
    await assert.rejects(passwordless.sendPasswordlessEmail(email), { code: 'magiclink_auth_uri_required' });
    const magiclinkAuthUri = 'http://localhost:9/verify?from=app';
    const sent = await passwordless.sendPasswordlessEmail(email, { magiclinkAuthUri });
    await server.mailIdle();
    const link = new URL(mailbox.to(email).at(-1)?.facts?.link ?? '');
    const linkToken = link.searchParams.get('link_token') ?? '';
    assert.deepEqual([sent.passwordlessType, link.searchParams.get('from')], ['LINK_OTP', 'app']);
    assert.equal((await passwordless.verifyPasswordlessEmail({ linkToken })).email, email);
    await server.rooms.settings.set('passwordless.method', 'otp');
  });
});

describe("a sign-in on the app's own pages", () => {
  it('ends in tokens like any other, for apps of the owner', async () => {
    const redirectUris = [app.redirectUri];
    for (const isPublic of [false, true]) {
      const facts = { name: 'Own', redirectUris, firstParty: true, public: isPublic };
      const made = await server.rooms.clients.create(facts);
      const own = new PosternClient(server.url, made.client.id, made.clientSecret);
      const email = newAddress();
      const { pending, expiresIn } = await own.challenge.start(email, {
        scopes: ['openid', 'email', 'offline_access'],
      });
      assert.equal(expiresIn, 300);
      const first = await codeFor(email);
      const wrong = first === '000000' ? '111111' : '000000';
      await assert.rejects(own.challenge.enter(pending, wrong), {
        code: 'insufficient_authorization',
        status: 400,
      });
      await own.challenge.resend(pending);
      const result = await own.challenge.enter(pending, await codeFor(email));
      assert.deepEqual([result.user.email, result.claims.aud], [email, [made.client.id]]);
      assert.match((await own.refreshAccessToken(result.refreshToken ?? '')).accessToken, /^eyJ/);
      await assert.rejects(own.challenge.enter(pending, first), { code: 'invalid_session' });
    }
  });

  it('is not for other apps, and not without its beginning', async () => {
    await assert.rejects(client.challenge.start(newAddress()), { code: 'unauthorized_client' });
    await assert.rejects(client.challenge.enter('x', '123456'), { code: 'sign_in_unknown' });
    await assert.rejects(client.challenge.start(''), { code: 'invalid_argument' });
  });
});

describe('what is kept about people', () => {
  it('is made, found, changed and deleted', async () => {
    const email = newAddress();
    const metadata = { plan_name: 'gold' };
    const userProfile = { givenName: 'Ada', lastName: 'Lovelace' };
    const made = await client.user.createUserAndMembership('-', {
      email,
      externalId: 'crm-1',
      userProfile,
      metadata,
    });
    const { id } = made.user;
    assert.deepEqual([made.user.email, made.user.metadata, made.user.memberships], [email, metadata, []]);
    assert.ok(made.user.createTime instanceof Date);
    assert.deepEqual(
      [made.user.userProfile?.givenName, made.user.userProfile?.familyName],
      ['Ada', 'Lovelace'],
    );
    assert.deepEqual(
      (await client.user.getUserByExternalId('crm-1')).user,
      (await client.user.getUser(id)).user,
    );
    const changed = await client.user.updateUser(id, { metadata: { plan_name: 'silver' } });
    assert.deepEqual(changed.user.metadata, { plan_name: 'silver' });
    assert.equal((await client.user.searchUsers(email)).users[0]?.id, id);
    const [first, second] = [
      await client.user.listUsers({ pageSize: 1 }),
      await client.user.listUsers({ pageSize: 100 }),
    ];
    assert.equal(first.users.length, 1);
    assert.equal(
      second.users.some((user) => user.id === id),
      true,
    );
    const next = await client.user.listUsers({ pageSize: 1, pageToken: first.nextPageToken });
    assert.notEqual(next.users[0]?.id, first.users[0]?.id);
    await assert.rejects(client.user.createUserAndMembership('-', { email }), {
      code: 'user_exists',
      status: 409,
    });
    assert.equal(await client.user.deleteUserByExternalId('crm-1'), undefined);
    await assert.rejects(client.user.getUser(id), { code: 'user_not_found' });
  });

  it('has their sessions, which can be ended', async () => {
    const { result } = await signedIn();
    const list = await client.session.getUserSessions(result.user.id, { filter: { status: ['ACTIVE'] } });
    assert.deepEqual(
      list.sessions.map((one) => [one.sessionId, one.status]),
      [[result.claims.sid, 'active']],
    );
    assert.ok((list.sessions[0]?.absoluteExpiresAt ?? 0) > new Date());
    const sid = result.claims.sid ?? '';
    assert.equal((await client.session.getSession(sid)).userId, result.user.id);
    assert.equal((await client.session.revokeSession(sid)).revokedSession.status, 'revoked');
    await assert.rejects(client.refreshAccessToken(result.refreshToken ?? ''), { code: 'invalid_grant' });
    assert.equal((await client.session.revokeAllUserSessions(result.user.id)).totalRevoked, 0);
  });

  it('has what happened, newest first', async () => {
    const { result } = await signedIn();
    const filter = { eventTypes: ['user.login', 'user.signup'], startTime: new Date(Date.now() - 60_000) };
    const page = await client.events.listEventsPaginated(5, undefined, filter);
    assert.ok(page.events.every((event) => filter.eventTypes.includes(event.type)));
    assert.ok(page.events.some((event) => JSON.stringify(event.data).includes(result.user.id)));
    assert.ok(page.events.every((event) => event.occurredAt instanceof Date));
    const log = await client.auditLogs.listAuthRequests({ email: result.user.email, status: ['SUCCESS'] });
    assert.deepEqual(
      log.authRequests.map((one) => one.email),
      [result.user.email],
    );
    assert.deepEqual((await client.organization.listOrganization()).organizations, []);
  });
});

/** A process sees the change of a client within a second. */
const seen = () => new Promise((resolve) => setTimeout(resolve, 1100));

describe('apps', () => {
  it('are registered, changed, given a second secret, and deleted', async () => {
    const postLoginUris = ['https://shop.example.com/callback'];
    const postLogoutRedirectUris = ['https://shop.example.com/'];
    const { client: made } = await client.clients.createClient({
      name: 'Shop',
      postLoginUris,
      postLogoutRedirectUris,
    });
    const secret = made.secrets[0]?.plainSecret ?? '';
    assert.match(await client.generateClientToken(made.id, secret), /^eyJ/);
    const changes = { name: 'Store', postLogoutRedirectUris: [], accessTokenExpiry: 600 };
    const { client: changed } = await client.clients.updateClient(made.id, changes);
    assert.deepEqual(
      [changed.name, changed.postLoginUris, changed.postLogoutRedirectUris, changed.accessTokenExpiry],
      ['Store', postLoginUris, [], 600],
    );
    const { plainSecret, secret: second } = await client.clients.createClientSecret(made.id);
    await seen();
    assert.match(await client.generateClientToken(made.id, plainSecret), /^eyJ/);
    const of = { clientId: made.id, secretId: second.id };
    assert.equal(
      (await client.clients.updateClientSecret(of, { status: 'INACTIVE' })).secret.status,
      'INACTIVE',
    );
    await seen();
    await assert.rejects(client.generateClientToken(made.id, plainSecret), { code: 'invalid_client' });
    await client.clients.deleteClientSecret(made.id, second.id);
    assert.equal((await client.clients.getClient(made.id)).client.secrets.length, 1);
    assert.ok((await client.clients.listClients({ pageSize: 30 })).clients.some(({ id }) => id === made.id));
    await client.clients.deleteClient(made.id);
    await assert.rejects(client.clients.getClient(made.id), { code: 'client_not_found' });
  });
});

describe('what the server tells apps', () => {
  it('is signed: webhooks, and the end of a session', async () => {
    await server.rooms.clients.update(app.id, { backChannelLogoutUris: [`${receiverUrl}/logout`] });
    const types = ['user.login', 'user.logout'];
    const { secret } = await server.rooms.webhooks.create({
      url: `${receiverUrl}/hooks`,
      types,
      private: true,
    });
    const { result } = await signedIn();
    await client.session.revokeSession(result.claims.sid ?? '');
    await server.deliveriesIdle();
    const hooks = received.filter(({ path }) => path === '/hooks');
    assert.deepEqual(hooks.map(({ body }) => JSON.parse(body).type).toSorted(), types);
    for (const { headers, body } of hooks) {
      assert.equal(client.verifyWebhookPayload(secret, headers, body), true);
      const changed = body.replace(result.user.id, 'usr_1');
      assert.throws(() => client.verifyWebhookPayload(secret, headers, changed), {
        code: 'signature_invalid',
      });
    }
    const [logout] = received.filter(({ path }) => path === '/logout');
    const token = new URLSearchParams(logout?.body).get('logout_token');
    assert.equal((await client.validateLogoutToken(token)).sid, result.claims.sid);
    await assert.rejects(client.validateToken(token), { code: 'token_type' });
    await assert.rejects(client.validateIdToken(token), { code: 'token_type' });
  });
});
