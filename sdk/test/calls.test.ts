import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { PosternApiError, PosternClient, PosternError, type PosternOptions } from '../src/index.ts';
import { type Answer, startOrigin } from './support/origin.ts';

const secret = 'test_secret_0123456789';
const listed = { body: { users: [], next_page_token: '', prev_page_token: '', total_size: 0 } };

async function scene(options: PosternOptions = {}) {
  const origin = await startOrigin();
  let issued = 0;
  origin.answer('/oauth/token', () => {
    issued += 1;
    return { body: { access_token: `client-token-${issued}`, expires_in: 86_399, token_type: 'Bearer' } };
  });
  origin.answer('/api/v1/users', listed);
  const client = new PosternClient(origin.url, 'skc_1', secret, options);
  return { origin, client };
}

const unauthenticated: Answer = {
  status: 401,
  body: {
    code: 16,
    message: 'The token has expired',
    details: [{ '@type': 'x/scalekit.v1.errdetails.ErrorInfo', error_code: 'UNAUTHENTICATED' }],
  },
};

describe("the client's own token", () => {
  it('is asked for once, whoever waits for it, and kept', async () => {
    const { origin, client } = await scene();
    await Promise.all(Array.from({ length: 30 }, () => client.user.listUsers()));
    await client.user.listUsers();
    assert.equal(origin.at('/oauth/token').length, 1);
    assert.equal(origin.at('/api/v1/users')[0]?.headers.authorization, 'Bearer client-token-1');
    assert.equal(await client.getClientAccessToken(), 'client-token-1');
  });

  it('is renewed a minute before it ends', async () => {
    const clock = { now: Date.now() };
    const { client } = await scene({ now: () => clock.now });
    assert.equal(await client.getClientAccessToken(), 'client-token-1');
    clock.now += (86_399 - 61) * 1000;
    assert.equal(await client.getClientAccessToken(), 'client-token-1');
    clock.now += 1000;
    assert.equal(await client.getClientAccessToken(), 'client-token-2');
  });

  it('is replaced once when the server no longer takes it, also for what may not be repeated', async () => {
    const { origin, client } = await scene();
    const taken = (list: Answer) => (seen: { headers: { authorization?: string | undefined } }) =>
      seen.headers.authorization === 'Bearer client-token-1' ? unauthenticated : list;
    origin.answer('/api/v1/users', taken(listed));
    const sent = {
      auth_request_id: 'a',
      expires_at: '1748696575',
      expires_in: 300,
      passwordless_type: 'OTP',
    };
    origin.answer('/api/v1/passwordless/email/send', taken({ body: sent }));
    await Promise.all(Array.from({ length: 10 }, () => client.user.listUsers()));
    assert.equal(origin.at('/oauth/token').length, 2);
    assert.equal((await client.passwordless.sendPasswordlessEmail('a@b.c')).authRequestId, 'a');
    origin.answer('/api/v1/users', unauthenticated);
    await assert.rejects(client.user.listUsers(), { code: 'unauthenticated', status: 401 });
    assert.equal(origin.at('/oauth/token').length, 3, 'one more, and no loop');
  });

  it('of another client is never kept', async () => {
    const { client } = await scene();
    assert.equal(await client.generateClientToken('skc_2', 'test_2'), 'client-token-1');
    assert.equal(await client.getClientAccessToken(), 'client-token-2');
  });

  it('that is refused tells why', async () => {
    const { origin, client } = await scene();
    const body = { error: 'invalid_client', error_description: `client authentication failed for ${secret}` };
    origin.answer('/oauth/token', { status: 401, body });
    await assert.rejects(client.user.listUsers(), (failure) => {
      assert.ok(failure instanceof PosternError);
      assert.deepEqual(
        [failure.name, failure.code, failure.status],
        ['PosternOAuthError', 'invalid_client', 401],
      );
      assert.equal(failure.message, 'client authentication failed for [redacted]');
      return true;
    });
  });
});

describe('a call', () => {
  it('that reads is repeated when the network or a busy server fails it', async () => {
    const { origin, client } = await scene();
    origin.answer('/api/v1/users', { isBroken: true }, { status: 503 }, listed);
    assert.equal((await client.user.listUsers()).totalSize, 0);
    assert.equal(origin.at('/api/v1/users').length, 3);
  });

  it('is repeated so often and no more', async () => {
    const { origin, client } = await scene({ retriesMax: 1 });
    origin.answer('/api/v1/users', { status: 503, headers: { 'retry-after': '0' } });
    await assert.rejects(client.user.listUsers(), { status: 503, retryable: true, retryAfterSeconds: 0 });
    assert.equal(origin.at('/api/v1/users').length, 2);
  });

  it('is not repeated where the server asks to wait longer than the call may take', async () => {
    const { origin, client } = await scene({ timeoutMs: 2000 });
    origin.answer('/api/v1/users', { status: 503, headers: { 'retry-after': '30' } });
    await assert.rejects(client.user.listUsers(), { code: 'unavailable', retryAfterSeconds: 30 });
    assert.equal(origin.at('/api/v1/users').length, 1);
  });

  it('waits as long as the server asks', async () => {
    const { origin, client } = await scene();
    origin.answer('/api/v1/users', { status: 503, headers: { 'retry-after': '1' } }, listed);
    const startedAt = performance.now();
    await client.user.listUsers();
    assert.ok(performance.now() - startedAt >= 990);
  });

  it('that mails or changes something is sent once', async () => {
    const { origin, client } = await scene();
    for (const [path, call] of [
      ['/api/v1/passwordless/email/send', () => client.passwordless.sendPasswordlessEmail('a@b.c')],
      [
        '/api/v1/passwordless/email/verify',
        () => client.passwordless.verifyPasswordlessEmail({ code: '1' }, 'a'),
      ],
      ['/api/v1/sessions/ses_1/revoke', () => client.session.revokeSession('ses_1')],
      ['/oauth/token', () => client.refreshAccessToken('refresh-1')],
    ] as const) {
      await client.getClientAccessToken();
      const before = origin.at(path).length;
      origin.answer(path, { isBroken: true });
      await assert.rejects(call(), { code: 'network_error', retryable: true });
      assert.equal(origin.at(path).length, before + 1, path);
    }
  });

  it('ends at its deadline and when its signal says so', async () => {
    const { origin, client } = await scene();
    await client.getClientAccessToken();
    origin.answer('/api/v1/users', { ...listed, until: new Promise((resolve) => setTimeout(resolve, 300)) });
    await assert.rejects(client.user.listUsers({ timeoutMs: 30 }), {
      name: 'PosternConnectionError',
      code: 'timeout',
      retryable: true,
    });
    const abort = new AbortController();
    const call = client.user.listUsers({ signal: abort.signal });
    setTimeout(() => abort.abort(), 20);
    await assert.rejects(call, { name: 'AbortError' });
    await assert.rejects(client.user.listUsers({ signal: AbortSignal.abort(new Error('before')) }), {
      message: 'before',
    });
  });

  it('that takes several requests has one deadline for all of them', async () => {
    const { origin, client } = await scene();
    const late = () => new Promise((resolve) => setTimeout(resolve, 200));
    const slow = (body: unknown) => async () => ({ body, until: late() });
    origin.answer('/oauth/token', slow({ access_token: 'client-token-1', expires_in: 900 }));
    origin.answer('/api/v1/users', slow({}));
    // Each of the two alone would have time enough.
    await assert.rejects(client.user.listUsers({ timeoutMs: 300 }), { code: 'timeout' });
    assert.equal(origin.at('/api/v1/users').length, 1);
  });

  it('follows no redirect with its token', async () => {
    const { origin, client } = await scene();
    origin.answer('/api/v1/users', { status: 307, headers: { location: '/elsewhere' } });
    await assert.rejects(client.user.listUsers(), { code: 'invalid_answer' });
    assert.equal(origin.at('/elsewhere').length, 0);
  });

  it('cannot be led elsewhere by an id', async () => {
    const { origin, client } = await scene();
    for (const id of ['../clients', '..', '.', '', 'a/b?c#d', 'a%2fb', 'é'])
      await assert.rejects(client.session.getSession(id), PosternApiError);
    const paths = origin.seen.filter(({ path }) => path.startsWith('/api')).map(({ path }) => path);
    assert.deepEqual(paths, [
      '/api/v1/sessions/..%2Fclients',
      '/api/v1/sessions/-',
      '/api/v1/sessions/-',
      '/api/v1/sessions/-',
      '/api/v1/sessions/a%2Fb%3Fc%23d',
      '/api/v1/sessions/a%252fb',
      '/api/v1/sessions/%C3%A9',
    ]);
  });
});

describe('what is sent and answered', () => {
  it('is spelled as the API spells it, and as JavaScript does, but for what is not ours to spell', async () => {
    const { origin, client } = await scene();
    const user = {
      id: 'usr_1',
      create_time: '2026-11-22T10:00:00.123456Z',
      last_login_time: null,
      external_id: 'x',
      metadata: { plan_name: 'pro', created_at: '2026-11-22T10:00:00Z' },
      user_profile: { given_name: 'Ada', custom_attributes: { shoe_size: '38' } },
    };
    origin.answer('/api/v1/users/usr_1', { body: { user } });
    const metadata = { planName: 'pro', a_b: 'c' };
    const changes = { externalId: 'x', userProfile: { firstName: 'Ada' }, metadata };
    const answer = await client.user.updateUser('usr_1', changes);
    assert.deepEqual(JSON.parse(origin.seen.at(-1)?.body ?? ''), {
      external_id: 'x',
      user_profile: { first_name: 'Ada' },
      metadata,
    });
    assert.deepEqual(answer.user, {
      id: 'usr_1',
      createTime: new Date('2026-11-22T10:00:00.123Z'),
      externalId: 'x',
      metadata: user.metadata,
      userProfile: { givenName: 'Ada', customAttributes: { shoe_size: '38' } },
    });
  });

  it('has filters in its query, and pages', async () => {
    const { origin, client } = await scene();
    origin.answer('/api/v1/users/usr_1/sessions', { body: { sessions: [], next_page_token: 'n' } });
    const filter = { status: ['ACTIVE', 'expired'], startTime: new Date(0) };
    const page = await client.session.getUserSessions('usr_1', { pageSize: 5, filter });
    assert.equal(page.nextPageToken, 'n');
    const [, query] = (origin.seen.at(-1)?.path ?? '').split('?');
    assert.deepEqual(
      [...new URLSearchParams(query)],
      [
        ['page_size', '5'],
        ['filter.status', 'ACTIVE'],
        ['filter.status', 'expired'],
        ['filter.start_time', '1970-01-01T00:00:00.000Z'],
      ],
    );
  });

  it('has numbers where the wire has text, and can be made JSON of', async () => {
    const { origin, client } = await scene();
    const body = {
      auth_request_id: 'a',
      expires_at: '1748696575',
      expires_in: 300,
      passwordless_type: 'LINK_OTP',
    };
    origin.answer('/api/v1/passwordless/email/send', { body });
    const answer = await client.passwordless.sendPasswordlessEmail('a@b.c', {
      template: 2,
      templateVariables: { a_b: 'c' },
    });
    assert.deepEqual(JSON.parse(JSON.stringify(answer)), {
      authRequestId: 'a',
      expiresAt: 1_748_696_575,
      expiresIn: 300,
      passwordlessType: 'LINK_OTP',
    });
    assert.deepEqual(JSON.parse(origin.seen.at(-1)?.body ?? ''), {
      email: 'a@b.c',
      template: 'SIGNUP',
      template_variables: { a_b: 'c' },
    });
  });

  it('is refused before it is sent where it cannot be right', async () => {
    const { origin, client } = await scene();
    const wrong = [
      () => client.passwordless.sendPasswordlessEmail(''),
      () => client.passwordless.sendPasswordlessEmail('a@b.c', { template: 3 as never }),
      () => client.passwordless.verifyPasswordlessEmail({}),
      () => client.passwordless.resendPasswordlessEmail(''),
      () => client.user.createUserAndMembership('-', { email: '' }),
      () => client.authenticateWithCode('', 'https://app.example.com'),
      () => client.refreshAccessToken(''),
    ];
    for (const call of wrong)
      await assert.rejects(call(), { name: 'PosternUsageError', code: 'invalid_argument' });
    assert.equal(origin.seen.length, 0);
  });
});

const doc = 'https://example.com/why';
const rpcStatus = (info: object, code = 8) => ({
  code,
  message: 'too many attempts',
  details: [
    { '@type': 'x/other' },
    { '@type': 'type.googleapis.com/scalekit.v1.errdetails.ErrorInfo', ...info },
  ],
});
const violation = {
  field: 'email',
  description: 'is no address of eyJhbGciOi.eyJz.sig',
  constraint: 'email',
};

/** What servers and proxies answer, and what it becomes. */
const answers: ReadonlyArray<readonly [name: string, answer: Answer, expected: Record<string, unknown>]> = [
  [
    'problem details',
    {
      status: 429,
      headers: { 'retry-after': '12', 'content-type': 'application/problem+json' },
      body: { code: 'too_many_requests', title: 'T', detail: 'Wait.', doc, request_id: 'r-1', status: 429 },
    },
    {
      code: 'too_many_requests',
      message: 'Wait.',
      docUrl: doc,
      requestId: 'r-1',
      retryable: true,
      retryAfterSeconds: 12,
    },
  ],
  [
    'the status of gRPC, with all that it can tell',
    {
      status: 429,
      body: rpcStatus({
        error_code: 'TOO_MANY_ATTEMPTS',
        request_info: { request_id: 'r-2' },
        help_info: { links: [{ url: doc }] },
        validation_error_info: { field_violations: [violation, null, 'x'] },
      }),
    },
    {
      code: 'too_many_attempts',
      message: 'too many attempts',
      docUrl: doc,
      requestId: 'r-2',
      violations: [{ field: 'email', description: 'is no address of [redacted]' }],
    },
  ],
  [
    'the status of gRPC alone',
    { status: 404, body: { code: 5, message: 'not found' } },
    { code: 'not_found', message: 'not found' },
  ],
  [
    'a page of a proxy',
    { status: 502, body: '<html>' },
    { code: 'invalid_answer', status: 502, retryable: true },
  ],
  ['nothing', { status: 403, body: '' }, { code: 'permission_denied', status: 403, retryable: false }],
  [
    'details of another kind',
    { status: 400, body: { details: 'x', message: 7 } },
    { code: 'invalid_answer', status: 400 },
  ],
  [
    'an OAuth error',
    { status: 500, body: { error: 'server_error' } },
    { code: 'invalid_answer', status: 500, retryable: false },
  ],
];

describe('a refusal', () => {
  for (const [name, answer, expected] of answers)
    it(`that comes as ${name} becomes an error that says what is known`, async () => {
      const { origin, client } = await scene({ retriesMax: 0 });
      origin.answer('/api/v1/users', answer);
      await assert.rejects(client.user.listUsers(), (failure) => {
        assert.ok(failure instanceof PosternApiError);
        const known = Object.keys(expected).map((key) => [key, Reflect.get(failure, key)]);
        assert.deepEqual(Object.fromEntries(known), expected);
        assert.match(failure.docUrl, /^https:/);
        return true;
      });
    });
});

describe('a secret', () => {
  it('is in no error, no message and no printed client', async () => {
    const { origin, client } = await scene();
    const echo = {
      error: 'invalid_grant',
      error_description: `no: ${secret} code-12345 verifier-12345 eyJhbGciOi.eyJz.sig`,
    };
    origin.answer('/oauth/token', { status: 400, body: echo });
    const grant = client.authenticateWithCode('code-12345', 'https://a.b/c', {
      codeVerifier: 'verifier-12345',
    });
    const failure = await grant.catch((error: unknown) => error);
    const printed =
      inspect([failure, client], { depth: 10, showHidden: true }) + JSON.stringify([failure, client]);
    for (const word of [secret, 'code-12345', 'verifier-12345', 'eyJ'])
      assert.equal(printed.includes(word), false, word);
    assert.match(printed, /no: \[redacted\] \[redacted\] \[redacted\] \[redacted\]/);
  });
});
