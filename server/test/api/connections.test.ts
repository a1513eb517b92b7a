import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Api, apiOf, codeOf, fieldsOf } from '../support/api/caller.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

describe('the connection over the API', () => {
  let server: TestServer;
  let api: Api;
  const path = '/api/v1/connections/conn_1';

  before(async () => {
    server = await startTestServer();
    api = await apiOf(server);
  });
  after(() => server.stop());

  const change = (passwordless_config: object) => api('PATCH', path, { passwordless_config });

  function authorize(parameters: Record<string, string> = {}): Promise<Response> {
    const { id, redirectUri } = server.app;
    const query = {
      client_id: id,
      redirect_uri: redirectUri,
      response_type: 'code',
      state: 'mine',
      ...parameters,
    };
    const url = `${server.url}/oauth/authorize?${new URLSearchParams(query)}`;
    return fetch(url, { redirect: 'manual' });
  }

  it('there is one, and it says what the settings say', async () => {
    const { connection } = (await api('GET', path)).body;
    assert.deepEqual(
      [connection.id, connection.provider, connection.type, connection.status, connection.enabled],
      ['conn_1', 'SCALEKIT', 'PASSWORDLESS', 'COMPLETED', true],
    );
    const { passwordless_config: config } = connection;
    assert.deepEqual([config.type, config.validity, config.code_challenge_length], ['LINK_OTP', 600, 6]);
    const { connections } = (await api('GET', '/api/v1/connections')).body;
    assert.deepEqual(
      connections.map(({ id }: { id: string }) => id),
      ['conn_1'],
    );
    assert.deepEqual((await api('GET', '/api/v1/connections?organization_id=org_1')).body.connections, []);
  });

  it('what is changed is the settings, and nothing that was not sent', async () => {
    const { body } = await change({
      type: 'OTP',
      validity: 300,
      enforce_same_browser_origin: true,
      code_challenge_length: 8,
      code_challenge_type: 'ALPHANUMERIC',
      regenerate_passwordless_credentials_on_resend: true,
    });
    assert.equal(body.connection.passwordless_config.type, 'OTP');
    await change({ type: 'LINK' });
    const settings = await server.rooms.settings.current();
    assert.equal(settings['passwordless.method'], 'link');
    assert.equal(settings['passwordless.validity_seconds'], 300);
    assert.equal(settings['passwordless.enforce_same_browser'], true);
    assert.equal(settings['passwordless.code_length'], 8);
    assert.equal(settings['passwordless.code_alphabet'], 'alphanumeric');
    assert.equal(settings['passwordless.regenerate_on_resend'], true);
    await change({ type: 1 });
    assert.equal((await server.rooms.settings.current())['passwordless.method'], 'link', 'LINK is 1 here');
    await change({ enforce_same_browser_origin: false });
    assert.equal((await server.rooms.settings.current())['passwordless.enforce_same_browser'], false);
  });

  it('what is out of range is refused by name, and nothing is changed', async () => {
    const before = await server.rooms.settings.current();
    const answer = await api('PATCH', path, {
      provider: 3,
      ui_button_title: 'Sign in',
      attribute_mapping: { email: 'mail' },
      passwordless_config: {
        type: 'LINK_OTP',
        validity: 59,
        code_challenge_length: 11,
        code_challenge_type: 7,
        frequency: 1,
      },
    });
    assert.deepEqual(
      [answer.status, codeOf(answer)],
      [400, 'VALIDATION_FAILED'],
      JSON.stringify(answer.body),
    );
    assert.deepEqual(fieldsOf(answer).toSorted(), [
      'connection.attribute_mapping',
      'connection.passwordless_config.code_challenge_length',
      'connection.passwordless_config.code_challenge_type',
      'connection.passwordless_config.frequency',
      'connection.passwordless_config.validity',
      'connection.provider',
      'connection.ui_button_title',
    ]);
    assert.deepEqual(await server.rooms.settings.current(), before);
  });

  it('another one is not found', async () => {
    for (const [method, url] of [
      ['GET', '/api/v1/connections/conn_2'],
      ['PATCH', '/api/v1/connections/conn_2'],
      ['PATCH', '/api/v1/connections/conn_2:disable'],
    ] as const) {
      const answer = await api(method, url, method === 'GET' ? undefined : {});
      assert.deepEqual([answer.status, answer.body.code, codeOf(answer)], [404, 5, 'CONNECTION_NOT_FOUND']);
    }
  });

  it('disabled, it sends apps the error, and nobody a mail, until it is enabled', async () => {
    await change({ type: 'OTP' });
    const mailed = await api('POST', '/api/v1/passwordless/email/send', { email: 'bob@example.com' });
    const { auth_request_id } = mailed.body;
    const page = await authorize({ login_hint: 'ada@example.com' });
    const interaction = page.headers.get('location') ?? '';
    assert.match(interaction, /\/interaction\//);
    assert.deepEqual((await api('PATCH', `${path}:disable`)).body.enabled, false);
    const refused = await authorize();
    const back = new URL(refused.headers.get('location') ?? '');
    assert.equal(back.href.startsWith(server.app.redirectUri), true);
    assert.equal(back.searchParams.get('error'), 'connection_not_active');
    assert.equal(back.searchParams.get('state'), 'mine');
    const silent = new URL((await authorize({ prompt: 'none' })).headers.get('location') ?? '');
    assert.equal(silent.searchParams.get('error'), 'login_required');
    const sent = await api('POST', '/api/v1/passwordless/email/send', { email: 'ada@example.com' });
    assert.deepEqual([sent.status, codeOf(sent)], [400, 'CONNECTION_NOT_ACTIVE']);
    const resent = await api('POST', '/api/v1/passwordless/email/resend', { auth_request_id });
    assert.deepEqual([resent.status, codeOf(resent)], [400, 'CONNECTION_NOT_ACTIVE']);
    const cookie = page.headers
      .getSetCookie()
      .map((one) => one.split(';')[0])
      .join('; ');
    const started = await fetch(new URL(`${interaction}/start`, server.url), {
      method: 'POST',
      headers: { cookie, origin: server.url, accept: 'text/html' },
      body: new URLSearchParams({ email: 'ada@example.com' }),
    });
    assert.equal(started.status, 400);
    assert.match(await started.text(), /switched it off/);
    assert.equal((await api('GET', path)).body.connection.enabled, false);
    await api('PATCH', `${path}:enable`);
    assert.match((await authorize()).headers.get('location') ?? '', /\/interaction\//);
  });
});
