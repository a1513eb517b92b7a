import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { DescMethodUnary, JsonObject } from '@bufbuild/protobuf';
import { PasswordlessService } from '../../generated/scalekit/v1/auth/passwordless_pb.js';
import { OrganizationService } from '../../generated/scalekit/v1/organizations/organizations_pb.js';
import { SessionService } from '../../generated/scalekit/v1/sessions/sessions_pb.js';
import { UserService } from '../../generated/scalekit/v1/users/users_pb.js';
import { clientToken, restCall } from '../support/api/calls.ts';
import { type Call, comparable, type Outcome, waysTo } from '../support/api/ways.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let token: string;
let ways: ReturnType<typeof waysTo>;

before(async () => {
  server = await startTestServer();
  token = await clientToken(server);
  ways = waysTo(server.url);
});
after(() => server.stop());

const LIST = OrganizationService.method.listOrganization;

/** A method that the contract has and this deployment does not serve. */
const UNSERVED = {
  ...LIST,
  name: 'CreateOrganization',
  localName: 'createOrganization',
} as unknown as DescMethodUnary;

/** The same call as somebody makes it with curl. */
function restOf(method: DescMethodUnary, request: JsonObject): Call['rest'] {
  const query = new URLSearchParams(Object.entries(request).map(([name, value]) => [name, String(value)]));
  const [verb = '', template = ''] = (ADDRESSES[method.name] ?? 'GET /api/v1/nothing').split(' ');
  const path = template.replace(/\{(\w+)\}/, (_, name) => String(request[name]));
  return verb === 'POST' ? { verb, path, body: request } : { verb, path: `${path}?${query}` };
}

const ADDRESSES: Readonly<Record<string, string>> = {
  ListOrganization: 'GET /api/v1/organizations',
  GetUser: 'GET /api/v1/users/{id}',
  SearchUsers: 'GET /api/v1/users:search',
  GetUserSessions: 'GET /api/v1/users/{userId}/sessions',
  SendPasswordlessEmail: 'POST /api/v1/passwordless/email/send',
  ResendPasswordlessEmail: 'POST /api/v1/passwordless/email/resend',
  VerifyPasswordlessEmail: 'POST /api/v1/passwordless/email/verify',
};

const callOf = (
  method: DescMethodUnary,
  bearer: string | undefined,
  request: JsonObject = { pageSize: 5 },
): Call => ({ method, request, token: bearer, rest: restOf(method, request) });

const ROWS: readonly {
  what: string;
  token: () => string | undefined;
  method: DescMethodUnary;
  request?: JsonObject;
  sees: RegExp;
}[] = [
  { what: 'gives the same answer', token: () => token, method: LIST, sees: /"reply"/ },
  { what: 'says 16 without a token', token: () => undefined, method: LIST, sees: /"code":16.*Token empty/ },
  {
    what: 'says 16 for a token that is none',
    token: () => 'eyJ.eyJ.eyJ',
    method: LIST,
    sees: /"code":16.*UNAUTHENTICATED/,
  },
  {
    what: 'says 12 for a method that is not served',
    token: () => token,
    method: UNSERVED,
    sees: /"code":12.*does not serve.*UNIMPLEMENTED/,
  },
  {
    what: 'says 12 for it without a token too',
    token: () => undefined,
    method: UNSERVED,
    sees: /"code":12/,
  },
  {
    what: 'says 5 for a user who is not there',
    token: () => token,
    method: UserService.method.getUser,
    request: { id: 'usr_404' },
    sees: /"code":5.*USER_NOT_FOUND/,
  },
  {
    what: 'names the fields that cannot be used',
    token: () => token,
    method: UserService.method.searchUsers,
    request: { query: 'a' },
    sees: /"code":3.*VALIDATION_FAILED.*"fieldViolations":\[\{"field":"query"/,
  },
  {
    what: 'says 3 for a page token that was not given out',
    token: () => token,
    method: SessionService.method.getUserSessions,
    request: { userId: 'usr_404', pageToken: 'made up' },
    sees: /"code":(3|5)/,
  },
  {
    what: 'sends a mail',
    token: () => token,
    method: PasswordlessService.method.sendPasswordlessEmail,
    request: { email: 'person@example.com', magiclinkAuthUri: 'http://localhost:9/verify', expiresIn: 300 },
    sees: /"authRequestId":"[\w-]{50}".*"expiresIn":300,"passwordlessType":"LINK_OTP"/,
  },
  {
    what: 'says that a link needs its address',
    token: () => token,
    method: PasswordlessService.method.sendPasswordlessEmail,
    request: { email: 'person@example.com' },
    sees: /"code":3.*magiclink_auth_uri is required/,
  },
  {
    what: 'says that a code needs its request',
    token: () => token,
    method: PasswordlessService.method.verifyPasswordlessEmail,
    request: { code: '123456' },
    sees: /"code":3.*auth_request_id is required/,
  },
  {
    what: 'says 5 for a request that nobody made',
    token: () => token,
    method: PasswordlessService.method.resendPasswordlessEmail,
    request: { authRequestId: 'h5Y8kT5RVwaea5WEgW4n-6C-aO_-fuTUW7Vb9-Rh3AcY9qxZqQ' },
    sees: /"code":5.*not found/,
  },
];

describe('every protocol', () => {
  for (const row of ROWS) {
    it(row.what, async () => {
      const outcomes: { name: string; outcome: Outcome }[] = [];
      for (const { name, call } of ways)
        outcomes.push({ name, outcome: await call(callOf(row.method, row.token(), row.request)) });
      const [first] = outcomes;
      for (const { name, outcome } of outcomes) {
        assert.match(JSON.stringify(outcome), row.sees, name);
        assert.equal(comparable(outcome), first && comparable(first.outcome), name);
      }
    });
  }
});

describe('the token of a call', () => {
  const call = (bearer: string) => ways[0].call(callOf(LIST, bearer));
  const codeOf = async (bearer: string) => {
    const outcome = await call(bearer);
    return 'code' in outcome ? outcome.code : 0;
  };

  it('is good no longer once it was revoked', async () => {
    const spent = await clientToken(server);
    assert.equal(await codeOf(spent), 0);
    const body = new URLSearchParams({
      token: spent,
      client_id: server.app.id,
      client_secret: server.app.secret,
    });
    await fetch(`${server.url}/revoke`, { method: 'POST', body });
    assert.equal(await codeOf(spent), 16);
  });

  it('is good no longer once its client is gone', async () => {
    const { client, clientSecret = '' } = await server.rooms.clients.create({
      name: 'Gone',
      redirectUris: ['http://localhost:9/gone'],
    });
    const other = { url: server.url, app: { ...server.app, id: client.id, secret: clientSecret } };
    const its = await clientToken(other);
    assert.equal(await codeOf(its), 0);
    await server.rooms.clients.remove(client.id);
    assert.equal(await codeOf(its), 16);
  });

  it('is of no use to a client that may not call the API', async () => {
    const { client, clientSecret = '' } = await server.rooms.clients.create({
      name: 'Pages only',
      redirectUris: ['http://localhost:9/pages'],
    });
    const its = await clientToken({
      url: server.url,
      app: { ...server.app, id: client.id, secret: clientSecret },
    });
    await server.rooms.database.write(async (q) => {
      await q.updateTable('clients').set({ api_access: 0 }).where('id', '=', client.id).execute();
    });
    for (const way of ways)
      assert.match(
        JSON.stringify(await way.call(callOf(LIST, its))),
        /"code":7.*PERMISSION_DENIED/,
        way.name,
      );
  });

  it('tells REST in a header too that it was missing', async () => {
    const { status, headers } = await restCall(`${server.url}/api/v1/organizations`);
    assert.equal(status, 401);
    assert.equal(headers.get('www-authenticate'), 'Bearer');
    assert.equal(headers.get('cache-control'), 'no-store');
  });
});
