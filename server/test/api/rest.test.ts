import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ListEventsPaginatedRequestSchema } from '../../generated/scalekit/v1/events/events_pb.js';
import { UserSessionDetailsRequestSchema } from '../../generated/scalekit/v1/sessions/sessions_pb.js';
import { GetUserRequestSchema } from '../../generated/scalekit/v1/users/users_pb.js';
import { queryJson } from '../../src/api/rpc/rest-query.ts';
import { findRoute, restRoutes } from '../../src/api/rpc/rest-routes.ts';
import { servedRpcs } from '../../src/api/services/services.ts';
import { clientToken, restCall } from '../support/api/calls.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let token: string;
const call = (path: string, options: RequestInit = {}) => restCall(server.url + path, { token, ...options });

/** As tests have it, unless they say otherwise. */
const MAILS_A_MINUTE = 10;

before(async () => {
  server = await startTestServer();
  token = await clientToken(server);
});
after(() => server.stop());

describe('an address of REST', () => {
  // The services take what they need when they are called; their list does not.
  const routes = restRoutes(servedRpcs({} as Parameters<typeof servedRpcs>[0]));
  const rows: [verb: string, path: string, method: string | undefined, values: string[]][] = [
    ['GET', '/api/v1/users', 'ListUsers', []],
    ['GET', '/api/v1/users/usr_1', 'GetUser', ['usr_1']],
    ['GET', '/api/v1/users:external/a%2Fb', 'GetUser', ['a%2Fb']],
    ['GET', '/api/v1/users:search', 'SearchUsers', []],
    ['PATCH', '/api/v1/users/usr_1', 'UpdateUser', ['usr_1']],
    ['GET', '/api/v1/users/usr_1/sessions', 'GetUserSessions', ['usr_1']],
    ['POST', '/api/v1/users/usr_1/sessions/revoke', 'RevokeAllUserSessions', ['usr_1']],
    ['PATCH', '/api/v1/connections/conn_1', 'UpdateEnvironmentConnection', ['conn_1']],
    ['PATCH', '/api/v1/connections/conn_1:enable', 'EnableEnvironmentConnection', ['conn_1']],
    ['PATCH', '/api/v1/connections/conn_1%3Aenable', 'UpdateEnvironmentConnection', ['conn_1%3Aenable']],
    ['PUT', '/api/v1/clients/skc_1/secrets/sec_2', 'UpdateClientSecret', ['skc_1', 'sec_2']],
    ['PATCH', '/api/v1/clients/skc_1/secrets/sec_2', 'UpdateClientSecret', ['skc_1', 'sec_2']],
    ['GET', '/api/v1/users/', undefined, []],
    ['GET', '/api/v1/users/usr_1/', undefined, []],
    ['GET', '/api/v1/users/a/b/c', undefined, []],
    ['POST', '/api/v1/users:search', undefined, []],
    ['get', '/api/v1/users', undefined, []],
    ['GET', '/api/v1/USERS', undefined, []],
    ['GET', '/api/v1/passwordless/email/send', undefined, []],
  ];
  for (const [verb, path, method, values] of rows)
    it(`such as ${verb} ${path} is ${method ?? 'nothing'}`, () => {
      const found = findRoute(routes, { verb, path });
      assert.equal(found?.route.rpc.method.name, method);
      assert.deepEqual(found?.values ?? [], values);
    });
});

describe('a query', () => {
  const json = (text: string) => queryJson(UserSessionDetailsRequestSchema, new URLSearchParams(text));

  it('has fields by either name, fields of fields by dots, and lists by repeating', () => {
    assert.deepEqual(
      json('page_size=10&filter.status=a&filter.status=b&filter.startTime=2026-01-02T03:04:05Z'),
      {
        pageSize: '10',
        filter: { status: ['a', 'b'], startTime: '2026-01-02T03:04:05Z' },
      },
    );
    assert.deepEqual(json('pageSize=10'), { pageSize: '10' });
  });

  it('says nothing by names that are no fields', () => {
    for (const name of [
      '__proto__',
      'constructor',
      'filter',
      'filter.x',
      'page_size.x',
      'filter.__proto__.a',
      '',
      '.',
    ])
      assert.deepEqual(
        json(`${encodeURIComponent(name)}=1`),
        name.startsWith('filter.') ? { filter: {} } : {},
        name,
      );
    assert.equal(({} as Record<string, unknown>).a, undefined);
  });

  it('cannot name the fields of an instant, which is one value', () => {
    const query = new URLSearchParams('filter.start_time.seconds=1');
    assert.doesNotMatch(JSON.stringify(queryJson(ListEventsPaginatedRequestSchema, query)), /"1"/);
    assert.deepEqual(queryJson(GetUserRequestSchema, new URLSearchParams('external_id=a')), {
      externalId: 'a',
    });
  });
});

describe('a call of REST', () => {
  it('answers with every field, by the names of the proto files', async () => {
    const { status, json, headers } = await call('/api/v1/users?page_size=1');
    assert.equal(status, 200);
    assert.equal(headers.get('content-type'), 'application/json');
    assert.deepEqual(json, { users: [], next_page_token: '', total_size: 0, prev_page_token: '' });
  });

  it('needs no content type', async () => {
    const body = JSON.stringify({ email: 'not an address' });
    for (const type of ['application/json', 'application/x-www-form-urlencoded', 'text/plain']) {
      const headers = { authorization: `Bearer ${token}`, 'content-type': type };
      const { json } = await call('/api/v1/passwordless/email/send', { method: 'POST', headers, body });
      assert.match(JSON.stringify(json), /"code":3/, type);
    }
  });

  const broken: [what: string, path: string, options: RequestInit][] = [
    ['a number that is none', '/api/v1/users?page_size=ten', {}],
    ['a number below zero', '/api/v1/users?page_size=-1', {}],
    ['a date that is none', '/api/v1/users/usr_1/sessions?filter.start_time=yesterday', {}],
    ['an escape that is none', '/api/v1/users/%zz', {}],
    ['half a character', '/api/v1/users/%e2%82', {}],
    ['no JSON', '/api/v1/passwordless/email/send', { method: 'POST', body: '{' }],
    ['a list for a body', '/api/v1/passwordless/email/send', { method: 'POST', body: '[]' }],
    ['a number for a body', '/api/v1/users/usr_1', { method: 'PATCH', body: '5' }],
    [
      'bytes that are no text',
      '/api/v1/passwordless/email/send',
      { method: 'POST', body: Buffer.from([0x22, 0xff, 0x22]) },
    ],
    ['both of two that exclude each other', '/api/v1/users/usr_1?external_id=a', {}],
    ['10,000 brackets', '/api/v1/passwordless/email/send', { method: 'POST', body: '['.repeat(10_000) }],
  ];
  for (const [what, path, options] of broken)
    it(`with ${what} gets 400 in words`, async () => {
      const { status, json } = await call(path, options);
      assert.equal(status, 400, JSON.stringify(json));
      assert.match(JSON.stringify(json), /"code":3,.*"error_code":"VALIDATION_FAILED"/);
    });

  it('with 300 kB gets 413', async () => {
    const body = JSON.stringify({ email: 'a'.repeat(300_000) });
    const { status, json } = await call('/api/v1/passwordless/email/send', { method: 'POST', body });
    assert.equal(status, 413);
    assert.match(JSON.stringify(json), /BODY_TOO_LARGE/);
  });

  it('past a limit says when to come again, in its words and in a header', async () => {
    const send = () =>
      call('/api/v1/passwordless/email/send', {
        method: 'POST',
        body: JSON.stringify({ email: 'often@example.com', magiclink_auth_uri: server.app.redirectUri }),
      });
    for (let mail = 0; mail < MAILS_A_MINUTE; mail += 1) assert.equal((await send()).status, 200);
    const { status, headers, json } = await send();
    assert.equal(status, 429);
    const wait = /Try again in (\d+) s\./.exec(JSON.stringify(json))?.[1];
    assert.equal(headers.get('retry-after'), wait);
  });

  it('cannot be made with a token in the address', async () => {
    const { status } = await restCall(`${server.url}/api/v1/users?access_token=${token}`);
    assert.equal(status, 401);
  });
});
