import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ScalekitClient } from '@scalekit-sdk/node';
import { type Api, apiOf, codeOf, fieldsOf } from '../support/api/caller.ts';
import { signIn } from '../support/app-client.ts';
import { createMailbox, type Mailbox } from '../support/mailbox.ts';
import {
  authorizeUrl,
  claimsOf,
  refresh,
  signedIn,
  type Tokens,
  userinfo,
} from '../support/oauth-requests.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

let mailbox: Mailbox;
let server: TestServer;
let api: Api;
let scalekit: ScalekitClient;
before(async () => {
  mailbox = createMailbox();
  server = await startTestServer({ transport: mailbox.transport });
  api = await apiOf(server);
  scalekit = new ScalekitClient(server.url, server.app.id, server.app.secret);
});
after(() => server.stop());

const scope = 'openid email offline_access';
const person = (email?: string) =>
  signedIn({ server, mailbox, params: { scope }, ...(email !== undefined && { email }) });
const sessionOf = ({ idToken }: Tokens) => String(claimsOf(idToken).sid);
const userOf = ({ idToken }: Tokens) => String(claimsOf(idToken).sub);

describe('sessions over the API', () => {
  it('a session is shown with its device, its apps and its times; times that are not are left out', async () => {
    const one = await person();
    const { status, body } = await api('GET', `/api/v1/sessions/${sessionOf(one)}`);
    assert.equal(status, 200);
    assert.deepEqual([body.session_id, body.user_id, body.status], [sessionOf(one), userOf(one), 'active']);
    assert.deepEqual(
      body.authenticated_clients.map((client: { client_id: string }) => client.client_id),
      [server.app.id],
    );
    assert.deepEqual([body.device.ip, body.device.device_type], ['127.0.0.1', 'other']);
    for (const name of [
      'created_at',
      'updated_at',
      'last_active_at',
      'idle_expires_at',
      'absolute_expires_at',
    ])
      assert.ok(Date.parse(body[name]) > 0, name);
    for (const name of ['expired_at', 'logout_at']) assert.equal(body[name] ?? undefined, undefined, name);
  });

  it('revoking one ends it: no refresh, no token, no silent sign-in; twice is once', async () => {
    const one = await person();
    const path = `/api/v1/sessions/${sessionOf(one)}/revoke`;
    const first = await api('POST', path);
    assert.equal(first.status, 200);
    const revoked = first.body.revoked_session;
    assert.deepEqual([revoked.session_id, revoked.status], [sessionOf(one), 'revoked']);
    assert.ok(Date.parse(revoked.expired_at) > 0);
    assert.deepEqual((await api('POST', path)).body.revoked_session, revoked);
    assert.equal((await refresh(server, one.refreshToken)).body.error, 'invalid_grant');
    assert.equal((await userinfo(server, one.accessToken)).status, 401);
    const { away } = await one.browser.open(authorizeUrl(server, { prompt: 'none' }));
    assert.equal(away?.searchParams.get('error'), 'login_required');
    assert.equal((await api('GET', `/api/v1/sessions/${sessionOf(one)}`)).body.status, 'revoked');
  });

  it('one that its person left stays so, and is answered as revoked all the same', async () => {
    const one = await person();
    await one.browser.submit(await one.browser.open('/oidc/logout'), '/oidc/logout/confirm');
    const { body } = await api('POST', `/api/v1/sessions/${sessionOf(one)}/revoke`);
    assert.equal(body.revoked_session.status, 'revoked');
    assert.ok(Date.parse(body.revoked_session.logout_at) > 0);
    assert.equal((await api('GET', `/api/v1/sessions/${sessionOf(one)}`)).body.status, 'logout');
  });

  it('those of a user are listed in pages, by status in any case, and by when they began', async () => {
    const email = 'pages@example.com';
    const people = [await person(email), await person(email), await person(email)];
    const newest = people.map(sessionOf).toReversed();
    await api('POST', `/api/v1/sessions/${newest[0]}/revoke`);
    const [one] = people;
    assert.ok(one);
    const list = async (query: string) => {
      const { status, body } = await api('GET', `/api/v1/users/${userOf(one)}/sessions?${query}`);
      assert.equal(status, 200, JSON.stringify(body));
      const ids = body.sessions.map((session: { session_id: string }) => newest.indexOf(session.session_id));
      return { ids, total: body.total_size, next: body.next_page_token, prev: body.prev_page_token };
    };
    assert.deepEqual(await list(''), { ids: [0, 1, 2], total: 3, next: '', prev: '' });
    assert.deepEqual((await list('filter.status=ACTIVE')).ids, [1, 2]);
    assert.deepEqual((await list('filter.status=active&filter.status=Revoked')).ids, [0, 1, 2]);
    assert.deepEqual((await list('filter.status=expired')).ids, []);
    const first = await list('page_size=2');
    assert.deepEqual([first.ids, first.total], [[0, 1], 3]);
    const again = await person(email);
    const second = await list(`page_size=2&page_token=${first.next}`);
    assert.deepEqual([second.ids, second.next, second.total], [[2], '', 4]);
    assert.deepEqual((await list(`page_size=2&page_token=${second.prev}`)).ids, [0, 1]);
    const late = await api('GET', `/api/v1/sessions/${sessionOf(again)}`);
    assert.deepEqual((await list(`filter.end_time=${late.body.created_at}`)).ids, [0, 1, 2]);
    assert.deepEqual((await list(`filter.start_time=${late.body.created_at}`)).total, 1);
  });

  it('all of a user end at once, and those of others do not', async () => {
    const email = 'all@example.com';
    const [one, two, stranger] = [await person(email), await person(email), await person()];
    const { body } = await api('POST', `/api/v1/users/${userOf(one)}/sessions/revoke`);
    assert.equal(body.total_revoked, 2);
    assert.deepEqual(
      body.revoked_sessions.map((session: { session_id: string }) => session.session_id).toSorted(),
      [sessionOf(one), sessionOf(two)].toSorted(),
    );
    for (const mine of [one, two])
      assert.equal((await refresh(server, mine.refreshToken)).body.error, 'invalid_grant');
    assert.equal((await refresh(server, stranger.refreshToken)).status, 200);
    const again = await api('POST', `/api/v1/users/${userOf(one)}/sessions/revoke`);
    assert.deepEqual([again.status, again.body.total_revoked], [200, 0]);
  });

  it('ids that are none are refused, and unknown ones are not found', async () => {
    for (const path of ['/api/v1/sessions/ses_x', '/api/v1/sessions/usr_1', "/api/v1/sessions/ses_1'--"]) {
      const answer = await api('GET', encodeURI(path));
      assert.deepEqual([answer.status, fieldsOf(answer)], [400, ['session_id']], path);
    }
    assert.deepEqual(fieldsOf(await api('GET', '/api/v1/users/ses_1/sessions')), ['user_id']);
    const unknown = await api('POST', '/api/v1/sessions/ses_1/revoke');
    assert.deepEqual([unknown.status, codeOf(unknown)], [404, 'SESSION_NOT_FOUND']);
    assert.match(unknown.body.message, /not found/);
    const nobody = await api('POST', '/api/v1/users/usr_1/sessions/revoke');
    assert.deepEqual([nobody.status, codeOf(nobody)], [404, 'USER_NOT_FOUND']);
    const one = await person();
    const status = await api('GET', `/api/v1/users/${userOf(one)}/sessions?filter.status=open`);
    assert.deepEqual([status.status, fieldsOf(status)], [400, ['filter.status']]);
    const token = await api('GET', `/api/v1/users/${userOf(one)}/sessions?page_token=x`);
    assert.deepEqual([token.status, codeOf(token)], [400, 'PAGE_TOKEN_INVALID']);
    const far = await api(
      'GET',
      `/api/v1/users/${userOf(one)}/sessions?filter.start_time=9999-12-31T23:59:59Z`,
    );
    assert.deepEqual([far.status, far.body.total_size], [200, 0]);
  });

  it('nobody else may ask: not without a token, and not with that of a person', async () => {
    const one = await person();
    for (const authorization of ['', `Bearer ${one.accessToken}`, `Bearer ${one.idToken}`]) {
      const path = `${server.url}/api/v1/sessions/${sessionOf(one)}/revoke`;
      const { status } = await fetch(path, { method: 'POST', headers: { authorization } });
      assert.equal(status, 401);
    }
    assert.equal((await refresh(server, one.refreshToken)).status, 200);
  });
});

describe('B13: sessions with the published SDK', () => {
  it('are listed by status in any case; once revoked, refreshing fails', async () => {
    const url = scalekit.getAuthorizationUrl(server.app.redirectUri, { scopes: scope.split(' ') });
    const { callback } = await signIn({ server, mailbox, url });
    const code = callback.searchParams.get('code') ?? '';
    const result = await scalekit.authenticateWithCode(code, server.app.redirectUri);
    const userId = String(claimsOf(result.idToken).sub);
    for (const status of ['ACTIVE', 'active']) {
      const { sessions, totalSize } = await scalekit.session.getUserSessions(userId, {
        filter: { status: [status] },
      });
      assert.deepEqual([sessions.length, totalSize], [1, 1]);
      assert.equal(sessions[0]?.status, 'active');
    }
    const sid = String(claimsOf(result.idToken).sid);
    assert.equal((await scalekit.session.getSession(sid)).userId, userId);
    const { revokedSession } = await scalekit.session.revokeSession(sid);
    assert.equal(revokedSession?.status, 'revoked');
    await assert.rejects(scalekit.refreshAccessToken(result.refreshToken ?? ''));
    assert.equal((await scalekit.session.revokeAllUserSessions(userId)).totalRevoked, 0);
  });
});
