import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type DescMethodUnary, fromJson, type JsonObject, toJson } from '@bufbuild/protobuf';
import { type Code, ConnectError, type Transport } from '@connectrpc/connect';
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from '@connectrpc/connect-node';
import { PasswordlessService } from '../../generated/scalekit/v1/auth/passwordless_pb.js';
import { ErrorInfoSchema } from '../../generated/scalekit/v1/errdetails/errdetails_pb.js';
import { OrganizationService } from '../../generated/scalekit/v1/organizations/organizations_pb.js';
import { SessionService } from '../../generated/scalekit/v1/sessions/sessions_pb.js';
import { UserService } from '../../generated/scalekit/v1/users/users_pb.js';
import { clientToken, restCall } from '../support/api/calls.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

/** What a caller learns, in whatever protocol. */
type Outcome = { reply: JsonObject } | { code: Code; message: string; info: JsonObject };

interface Way {
  readonly name: string;
  call(method: DescMethodUnary, request: JsonObject, token: string | undefined): Promise<Outcome>;
}

let server: TestServer;
let token: string;
let ways: Way[];

before(async () => {
  server = await startTestServer();
  token = await clientToken(server);
  const baseUrl = server.url;
  ways = [
    overTransport('gRPC over h2c', createGrpcTransport({ baseUrl })),
    overTransport('gRPC with JSON', createGrpcTransport({ baseUrl, useBinaryFormat: false })),
    overTransport('gRPC-Web over HTTP/1.1', createGrpcWebTransport({ baseUrl, httpVersion: '1.1' })),
    overTransport('gRPC-Web over h2c', createGrpcWebTransport({ baseUrl, httpVersion: '2' })),
    overTransport(
      'Connect JSON over HTTP/1.1',
      createConnectTransport({ baseUrl, httpVersion: '1.1', useBinaryFormat: false }),
    ),
    overTransport(
      'Connect binary over h2c',
      createConnectTransport({ baseUrl, httpVersion: '2', useBinaryFormat: true }),
    ),
    { name: 'REST', call: overRest },
  ];
});
after(() => server.stop());

function overTransport(name: string, transport: Transport): Way {
  return {
    name,
    call: async (method, request, bearer) => {
      const headers = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
      const message = fromJson(method.input, request);
      try {
        const answer = await transport.unary(method, undefined, undefined, headers, message);
        return { reply: toJson(method.output, answer.message) as JsonObject };
      } catch (failure) {
        assert.ok(failure instanceof ConnectError, String(failure));
        const [info] = failure.findDetails(ErrorInfoSchema);
        assert.ok(info, `${name} has no ErrorInfo: ${failure.message}`);
        return {
          code: failure.code,
          message: failure.rawMessage,
          info: toJson(ErrorInfoSchema, info) as JsonObject,
        };
      }
    },
  };
}

/** The addresses of the methods below; every other one is tried with a method that has none. */
const ADDRESSES: Readonly<Record<string, string>> = {
  ListOrganization: 'GET /api/v1/organizations',
  GetUser: 'GET /api/v1/users/{id}',
  SearchUsers: 'GET /api/v1/users:search',
  GetUserSessions: 'GET /api/v1/users/{userId}/sessions',
  SendPasswordlessEmail: 'POST /api/v1/passwordless/email/send',
  ResendPasswordlessEmail: 'POST /api/v1/passwordless/email/resend',
  VerifyPasswordlessEmail: 'POST /api/v1/passwordless/email/verify',
};

async function overRest(method: DescMethodUnary, request: JsonObject, bearer?: string): Promise<Outcome> {
  const [verb = '', template = ''] = (ADDRESSES[method.name] ?? 'GET /api/v1/nothing').split(' ');
  const path = template.replace(/\{(\w+)\}/, (_, name) => String(request[name]));
  const query = new URLSearchParams(Object.entries(request).map(([name, value]) => [name, String(value)]));
  const isPost = verb === 'POST';
  const { status, json } = await restCall(server.url + (isPost ? path : `${path}?${query}`), {
    method: verb,
    ...(isPost && { body: JSON.stringify(request) }),
    ...(bearer !== undefined && { token: bearer }),
  });
  if (status === 200) return { reply: toJson(method.output, fromJson(method.output, json)) as JsonObject };
  const { code, message, details } = json as { code: Code; message: string; details: JsonObject[] };
  const { '@type': type, ...info } = details[0] ?? {};
  assert.equal(type, 'type.googleapis.com/scalekit.v1.errdetails.ErrorInfo');
  return { code, message, info: toJson(ErrorInfoSchema, fromJson(ErrorInfoSchema, info)) as JsonObject };
}

/** Without what differs from call to call. */
function comparable(outcome: Outcome): string {
  if ('reply' in outcome) return JSON.stringify(outcome).replace(/"[\w-]{50}"|"\d{10}"/g, '"new"');
  const { requestInfo, ...info } = outcome.info;
  assert.match(JSON.stringify(requestInfo), /"req_\d+"/);
  return JSON.stringify({ ...outcome, info }).replace(/serve [^"]*\./, 'serve it.');
}

const LIST = OrganizationService.method.listOrganization;

/** A method that the contract has and this deployment does not serve. */
const UNSERVED = {
  ...LIST,
  name: 'CreateOrganization',
  localName: 'createOrganization',
} as unknown as DescMethodUnary;

describe('every protocol', () => {
  const rows: {
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
  for (const row of rows) {
    it(row.what, async () => {
      const outcomes: { name: string; outcome: Outcome }[] = [];
      for (const { name, call } of ways)
        outcomes.push({ name, outcome: await call(row.method, row.request ?? { pageSize: 5 }, row.token()) });
      const [first] = outcomes;
      for (const { name, outcome } of outcomes) {
        assert.match(JSON.stringify(outcome), row.sees, name);
        assert.equal(comparable(outcome), first && comparable(first.outcome), name);
      }
    });
  }
});

describe('the token of a call', () => {
  const call = (bearer: string) => ways[0]?.call(LIST, {}, bearer);
  const codeOf = async (bearer: string) => {
    const outcome = await call(bearer);
    return outcome && 'code' in outcome ? outcome.code : 0;
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
      assert.match(JSON.stringify(await way.call(LIST, {}, its)), /"code":7.*PERMISSION_DENIED/, way.name);
  });

  it('tells REST in a header too that it was missing', async () => {
    const { status, headers } = await restCall(`${server.url}/api/v1/organizations`);
    assert.equal(status, 401);
    assert.equal(headers.get('www-authenticate'), 'Bearer');
    assert.equal(headers.get('cache-control'), 'no-store');
  });
});
