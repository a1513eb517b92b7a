import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { createMailbox } from '../support/mailbox.ts';
import { authorizeUrl, postForm, refresh, signedIn, tokenRequest } from '../support/oauth-requests.ts';
import { startTestServer } from '../support/server.ts';

const mailbox = createMailbox();
const server = await startTestServer({ transport: mailbox.transport });
const { app } = server;
after(() => server.stop());

const APP = 'http://localhost:9';
const STRANGER = 'https://stranger.example';

const allowed = ({ headers }: { headers: Headers }) => headers.get('access-control-allow-origin');

/** The preflight of a browser, as a script of that origin causes it. */
const preflight = (path: string, origin: string, method = 'POST') =>
  fetch(`${server.url}${path}`, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': method,
      'access-control-request-headers': 'authorization,content-type',
    },
  });

const person = () => signedIn({ server, mailbox, params: { scope: 'openid offline_access' } });

const credentials = { client_id: app.id, client_secret: app.secret };

describe('scripts of any origin', () => {
  for (const path of [
    '/.well-known/openid-configuration',
    '/.well-known/oauth-authorization-server',
    '/keys',
  ])
    it(`may read ${path}`, async () => {
      const answer = await fetch(`${server.url}${path}`, { headers: { origin: STRANGER } });
      assert.equal(answer.status, 200);
      assert.ok(['*', STRANGER].includes(allowed(answer) ?? ''));
      assert.match(answer.headers.get('vary') ?? '', /origin/i);
      assert.equal((await preflight(path, STRANGER, 'GET')).status, 204);
    });

  it('may never bring the cookies of a person along', async () => {
    for (const path of [
      '/.well-known/openid-configuration',
      '/keys',
      '/oauth/token',
      '/userinfo',
      '/revoke',
    ]) {
      const answer = await fetch(`${server.url}${path}`, { headers: { origin: APP } });
      assert.equal(answer.headers.get('access-control-allow-credentials'), null);
      const before = await preflight(path, APP);
      assert.equal(before.headers.get('access-control-allow-credentials'), null);
    }
  });
});

describe('scripts of a registered origin', () => {
  it('may redeem and refresh', async () => {
    const { refreshToken } = await person();
    const fields = { ...credentials, grant_type: 'refresh_token', refresh_token: refreshToken };
    const answer = await tokenRequest(server, fields, { origin: APP });
    assert.deepEqual([answer.status, allowed(answer)], [200, APP]);
  });

  it('may ask userinfo, by GET and POST, and read why it was refused', async () => {
    const { accessToken } = await person();
    for (const method of ['GET', 'POST']) {
      const headers = { origin: APP, authorization: `Bearer ${accessToken}` };
      const answer = await fetch(`${server.url}/userinfo`, { method, headers });
      assert.deepEqual([answer.status, allowed(answer)], [200, APP]);
      assert.match(answer.headers.get('access-control-expose-headers') ?? '', /www-authenticate/i);
    }
  });

  it('may revoke', async () => {
    const { refreshToken } = await person();
    const fields = { ...credentials, token: refreshToken };
    const answer = await postForm(`${server.url}/revoke`, fields, { origin: APP });
    assert.deepEqual([answer.status, allowed(answer)], [200, APP]);
    assert.equal((await refresh(server, refreshToken)).status, 400);
  });

  for (const [path, method] of [
    ['/oauth/token', 'POST'],
    ['/userinfo', 'GET'],
    ['/revoke', 'POST'],
  ] as const)
    it(`get leave before they ask ${path}`, async () => {
      const answer = await preflight(path, APP, method);
      assert.deepEqual([answer.status, allowed(answer)], [204, APP]);
      assert.match(answer.headers.get('access-control-allow-methods') ?? '', new RegExp(method));
      assert.match(answer.headers.get('access-control-allow-headers') ?? '', /authorization/i);
    });
});

describe('scripts of another origin', () => {
  it('read nothing of the token endpoint, and get nothing of it', async () => {
    const { refreshToken } = await person();
    const fields = { ...credentials, grant_type: 'refresh_token', refresh_token: refreshToken };
    const answer = await tokenRequest(server, fields, { origin: STRANGER });
    assert.deepEqual([answer.status, allowed(answer)], [400, null]);
    assert.equal(answer.body.access_token, undefined);
    assert.equal((await refresh(server, refreshToken)).status, 200);
  });

  it('read nothing of userinfo and revocation', async () => {
    const { accessToken, refreshToken } = await person();
    const headers = { origin: STRANGER, authorization: `Bearer ${accessToken}` };
    const told = await fetch(`${server.url}/userinfo`, { headers });
    assert.equal(allowed(told), null);
    assert.doesNotMatch(await told.text(), /usr_/);
    const fields = { ...credentials, token: refreshToken };
    const revoked = await postForm(`${server.url}/revoke`, fields, { origin: STRANGER });
    assert.equal(allowed(revoked), null);
  });

  for (const [what, origin] of [
    ['the opaque one', 'null'],
    ['a look-alike', `${APP}.stranger.example`],
    ['the same host, another port', 'http://localhost:10'],
    ['the same host, another scheme', 'https://localhost:9'],
  ] as const)
    it(`are also those of ${what}`, async () => {
      const { refreshToken } = await person();
      const fields = { ...credentials, grant_type: 'refresh_token', refresh_token: refreshToken };
      const answer = await tokenRequest(server, fields, { origin });
      assert.deepEqual([answer.status, allowed(answer)], [400, null]);
    });
});

describe('pages for people', () => {
  it('are read by no script of another origin', async () => {
    const { browser } = await person();
    for (const url of [authorizeUrl(server), `${server.url}/oidc/logout`, `${server.url}/interaction/x`]) {
      const answer = await browser.send(url, { headers: { origin: APP } });
      assert.equal(allowed(answer), null, url);
      assert.equal(allowed(await preflight(new URL(url).pathname, APP, 'GET')), null, url);
    }
  });
});
