import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { decodeJwt } from 'jose';
import { type Api, apiOf, askToken, codeOf, fieldsOf } from '../support/api/caller.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

describe('clients over the API', () => {
  let server: TestServer;
  let api: Api;

  before(async () => {
    server = await startTestServer();
    api = await apiOf(server);
  });
  after(() => server.stop());

  const post_login_uris = ['https://app.example.com/callback'];

  async function created(client: object = {}) {
    const answer = await api('POST', '/api/v1/clients', { name: 'Shop', post_login_uris, ...client });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return answer.body.client;
  }

  it('a client is made with a secret that is told once', async () => {
    const client = await created({
      client_type: 'WEB_APP',
      initiate_login_uri: 'https://app.example.com/login',
    });
    assert.match(client.id, /^skc_\d{19}$/);
    assert.equal(client.client_type, 'WEB_APP');
    assert.deepEqual(client.grant_types, ['authorization_code', 'refresh_token', 'client_credentials']);
    const [secret] = client.secrets;
    assert.equal(secret.status, 'ACTIVE');
    assert.equal(secret.plain_secret.slice(-4), secret.secret_suffix);
    assert.equal((await askToken(server, { id: client.id, secret: secret.plain_secret })).status, 200);
    const { body } = await api('GET', `/api/v1/clients/${client.id}`);
    const { plain_secret, ...shown } = secret;
    assert.deepEqual(body.client, { ...client, secrets: [shown] });
    const list = await api('GET', '/api/v1/clients?include_plain_secret=true');
    assert.equal(JSON.stringify(list.body).includes(plain_secret), false);
  });

  it('an app in a browser or on a device has no secret, PKCE always, and no API', async () => {
    for (const [client_type, uri] of [
      ['SPA', 'https://spa.example.com/'],
      ['NTV', 'com.example.app:/callback'],
    ]) {
      const client = await created({ client_type, post_login_uris: [uri] });
      assert.deepEqual(client.secrets, []);
      assert.equal(client.enforce_pkce, true);
      assert.equal(client.disallow_scalekit_api_access, true);
      assert.deepEqual(client.grant_types, ['authorization_code', 'refresh_token']);
      const path = `/api/v1/clients/${client.id}`;
      for (const wrong of [
        { enforce_pkce: false },
        { disallow_scalekit_api_access: false },
        { grant_types: ['client_credentials'] },
      ])
        assert.equal(codeOf(await api('PATCH', path, wrong)), 'CLIENT_INVALID', JSON.stringify(wrong));
      assert.equal(codeOf(await api('POST', `${path}/secrets`)), 'CLIENT_INVALID');
    }
  });

  const refused: [client: object, code: string, fields?: string[]][] = [
    [{ name: '' }, 'CLIENT_INVALID'],
    [{ name: 'two\nlines' }, 'CLIENT_INVALID'],
    [{ client_type: 'ROOT' }, 'CLIENT_INVALID'],
    [{ post_login_uris: [] }, 'CLIENT_INVALID'],
    [{ post_login_uris: ['https://*.example.com/'] }, 'REDIRECT_URI_INVALID'],
    [{ post_logout_redirect_uris: ['javascript:alert(1)'] }, 'REDIRECT_URI_INVALID'],
    [{ back_channel_logout_uris: ['com.example.app:/logout'] }, 'REDIRECT_URI_INVALID'],
    [{ back_channel_logout_uris: ['https://app.example.com/logout#x'] }, 'REDIRECT_URI_INVALID'],
    [{ initiate_login_uri: 'http://app.example.com/login' }, 'REDIRECT_URI_INVALID'],
    [{ access_token_expiry: 59 }, 'CLIENT_INVALID'],
    [{ access_token_expiry: -1 }, 'CLIENT_INVALID'],
    [{ access_token_expiry: '9223372036854775807' }, 'CLIENT_INVALID'],
    [{ grant_types: ['password'] }, 'CLIENT_INVALID'],
    [{ scopes: ['openid', 'admin'] }, 'VALIDATION_FAILED', ['client.scopes']],
    [{ custom_claims: [{ key: 'sub', value: 'usr_1' }] }, 'VALIDATION_FAILED', ['client.custom_claims']],
  ];
  for (const [client, code, fields = []] of refused) {
    it(`a client with ${JSON.stringify(client)} is refused, made or changed`, async () => {
      const made = await api('POST', '/api/v1/clients', { name: 'Shop', post_login_uris, ...client });
      assert.deepEqual([made.status, codeOf(made), fieldsOf(made)], [400, code, fields]);
      if ('client_type' in client || JSON.stringify(client) === '{"name":""}' || 'post_login_uris' in client)
        return;
      const changed = await api('PATCH', `/api/v1/clients/${server.app.id}`, client);
      assert.deepEqual([changed.status, codeOf(changed), fieldsOf(changed)], [400, code, fields]);
    });
  }

  it('a change touches only what was sent', async () => {
    const client = await created({
      post_logout_redirect_uris: ['https://app.example.com/'],
      back_channel_logout_uris: ['https://app.example.com/logout'],
      access_token_expiry: '120',
    });
    const path = `/api/v1/clients/${client.id}`;
    const { body } = await api('PATCH', path, { name: 'Store', disallow_scalekit_api_access: true });
    const {
      update_time,
      secrets: [{ plain_secret, ...secret }],
      ...rest
    } = client;
    const expected = { ...rest, name: 'Store', disallow_scalekit_api_access: true };
    const {
      update_time: changedAt,
      secrets: [{ plain_secret: hidden, ...shown }],
      ...changed
    } = body.client;
    assert.deepEqual(changed, expected);
    assert.deepEqual(shown, secret);
    assert.ok(plain_secret && !hidden && Date.parse(changedAt) >= Date.parse(update_time));
  });

  it('a mask says what is set, to nothing too', async () => {
    const client = await created({
      back_channel_logout_uris: ['https://app.example.com/logout'],
      access_token_expiry: '120',
    });
    const path = `/api/v1/clients/${client.id}`;
    const masked = await api('PATCH', `${path}?mask=backChannelLogoutUris,accessTokenExpiry`, {
      name: 'Ignored',
    });
    assert.equal(masked.status, 200, JSON.stringify(masked.body));
    assert.equal(masked.body.client.name, 'Shop');
    assert.deepEqual(masked.body.client.back_channel_logout_uris, []);
    assert.equal(masked.body.client.access_token_expiry ?? null, null);
    const unknown = await api('PATCH', `${path}?mask=id,firstParty`, { name: 'Ignored' });
    assert.deepEqual([unknown.status, fieldsOf(unknown)], [400, ['mask', 'mask']]);
  });

  it('two secrets are active at most; one that is not active signs nothing in', async () => {
    const client = await created();
    const path = `/api/v1/clients/${client.id}/secrets`;
    const first = { id: client.id, secret: client.secrets[0].plain_secret };
    const { body: second } = await api('POST', path);
    assert.equal(second.secret.secret_suffix, second.plain_secret.slice(-4));
    const both = [first, { id: client.id, secret: second.plain_secret }];
    assert.equal(codeOf(await api('POST', path)), 'CLIENT_INVALID');
    const off = await api('PATCH', `${path}/${client.secrets[0].id}`, { status: 'INACTIVE' });
    assert.equal(off.body.secret.status, 'INACTIVE');
    await new Promise((resolve) => setTimeout(resolve, 1100)); // a process sees the change of a client within a second
    assert.deepEqual(
      await Promise.all(both.map(async (one) => (await askToken(server, one)).status)),
      [401, 200],
    );
    const third = (await api('POST', path)).body;
    assert.equal(
      codeOf(await api('PATCH', `${path}/${client.secrets[0].id}`, { status: 'ACTIVE' })),
      'CLIENT_INVALID',
    );
    assert.deepEqual((await api('DELETE', `${path}/${third.secret.id}`)).body, {});
    assert.equal((await api('PATCH', `${path}/${client.secrets[0].id}`, { status: 'ACTIVE' })).status, 200);
    const gone = await api('DELETE', `${path}/${third.secret.id}`);
    assert.deepEqual([gone.status, codeOf(gone)], [404, 'CLIENT_SECRET_NOT_FOUND']);
  });

  it('a secret is found under its own client only', async () => {
    const [one, other] = [await created(), await created()];
    const path = `/api/v1/clients/${one.id}/secrets/${other.secrets[0].id}`;
    assert.equal((await api('PATCH', path, { status: 'INACTIVE' })).status, 404);
    assert.equal((await api('DELETE', path)).status, 404);
    assert.equal((await api('GET', `/api/v1/clients/${other.id}`)).body.client.secrets.length, 1);
  });

  it('a client without API access gets a token, and may not call', async () => {
    const client = await created({ disallow_scalekit_api_access: true });
    const its = await apiOf(server, { id: client.id, secret: client.secrets[0].plain_secret });
    for (const [method, path] of [
      ['GET', '/api/v1/clients'],
      ['PATCH', `/api/v1/clients/${client.id}`],
    ] as const) {
      const answer = await its(
        method,
        path,
        method === 'PATCH' ? { disallow_scalekit_api_access: false } : undefined,
      );
      assert.deepEqual([answer.status, answer.body.code], [403, 7]);
    }
  });

  it('access is taken from a token that is out already', async () => {
    const client = await created();
    const its = await apiOf(server, { id: client.id, secret: client.secrets[0].plain_secret });
    assert.equal((await its('GET', '/api/v1/clients')).status, 200);
    await api('PATCH', `/api/v1/clients/${client.id}`, { disallow_scalekit_api_access: true });
    assert.equal((await its('GET', '/api/v1/clients')).status, 403);
    await api('DELETE', `/api/v1/clients/${client.id}`);
    assert.equal((await its('GET', '/api/v1/clients')).status, 401);
  });

  it('the grant types of a client are those it was given', async () => {
    const client = await created({ grant_types: ['authorization_code'] });
    const answer = await askToken(server, { id: client.id, secret: client.secrets[0].plain_secret });
    assert.equal(answer.status, 400);
    assert.match((await answer.json()).error_description, /grant type is not allowed/);
    const machine = await created({ grant_types: ['client_credentials'], post_login_uris: [] });
    const token = await askToken(server, { id: machine.id, secret: machine.secrets[0].plain_secret });
    assert.equal(decodeJwt((await token.json()).access_token).client_id, machine.id);
  });

  it('a list is filtered by kind and walked by tokens', async () => {
    const all = await api('GET', '/api/v1/clients?page_size=30');
    const spas = await api('GET', '/api/v1/clients?filter.client_type=SPA&filter.client_type=NTV');
    assert.equal(spas.body.total_size, 2);
    const env = await api('GET', '/api/v1/clients?filter.client_type=ENV');
    assert.deepEqual(
      env.body.clients.map(({ id }: { id: string }) => id),
      [server.app.id],
    );
    const seen: string[] = [];
    let token = '';
    do {
      const { body } = await api(
        'GET',
        `/api/v1/clients?page_size=3&page_token=${encodeURIComponent(token)}`,
      );
      seen.push(...body.clients.map(({ id }: { id: string }) => id));
      token = body.next_page_token;
    } while (token !== '');
    assert.deepEqual(seen, seen.toSorted().toReversed());
    assert.equal(seen.length, all.body.total_size);
    assert.deepEqual(fieldsOf(await api('GET', '/api/v1/clients?filter.client_type=ROOT')), [
      'filter.client_type',
    ]);
    const foreign = `>:${Buffer.from('usr_1').toString('base64url')}`;
    assert.equal(codeOf(await api('GET', `/api/v1/clients?page_token=${foreign}`)), 'PAGE_TOKEN_INVALID');
  });

  it('a client that is not there is refused', async () => {
    for (const id of ['skc_1', 'usr_1', 'x'.repeat(300), "skc_1' or 1=1"]) {
      const path = `/api/v1/clients/${encodeURIComponent(id)}`;
      for (const [method, body] of [['GET'], ['PATCH', { name: 'x' }], ['DELETE']] as const) {
        const answer = await api(method, path, body);
        assert.deepEqual([answer.status, codeOf(answer)], [404, 'CLIENT_NOT_FOUND']);
      }
    }
  });
});
