import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type DescMethodUnary, fromJson, type JsonObject, toJson } from '@bufbuild/protobuf';
import { type Code, ConnectError, type Transport } from '@connectrpc/connect';
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from '@connectrpc/connect-node';
import { ErrorInfoSchema } from '../../generated/scalekit/v1/errdetails/errdetails_pb.js';
import { OrganizationService } from '../../generated/scalekit/v1/organizations/organizations_pb.js';
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
const ADDRESSES = new Map([['ListOrganization', '/api/v1/organizations']]);

async function overRest(method: DescMethodUnary, request: JsonObject, bearer?: string): Promise<Outcome> {
  const query = new URLSearchParams(Object.entries(request).map(([name, value]) => [name, String(value)]));
  const address = `${ADDRESSES.get(method.name) ?? '/api/v1/nothing'}?${query}`;
  const { status, json } = await restCall(
    server.url + address,
    bearer === undefined ? {} : { token: bearer },
  );
  if (status === 200) return { reply: toJson(method.output, fromJson(method.output, json)) as JsonObject };
  const { code, message, details } = json as { code: Code; message: string; details: JsonObject[] };
  const { '@type': type, ...info } = details[0] ?? {};
  assert.equal(type, 'type.googleapis.com/scalekit.v1.errdetails.ErrorInfo');
  return { code, message, info: toJson(ErrorInfoSchema, fromJson(ErrorInfoSchema, info)) as JsonObject };
}

/** Without what differs from call to call. */
function comparable(outcome: Outcome): unknown {
  if ('reply' in outcome) return outcome;
  const { requestInfo, ...info } = outcome.info;
  assert.match(JSON.stringify(requestInfo), /"req_\d+"/);
  return { ...outcome, info };
}

const LIST = OrganizationService.method.listOrganization;

/** A method that the contract has and this deployment does not serve. */
const UNSERVED = {
  ...LIST,
  name: 'CreateOrganization',
  localName: 'createOrganization',
} as unknown as DescMethodUnary;

describe('every protocol', () => {
  const rows: { what: string; token: () => string | undefined; method: DescMethodUnary; sees: RegExp }[] = [
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
  ];
  for (const row of rows) {
    it(row.what, async () => {
      const outcomes = await Promise.all(
        ways.map(async ({ name, call }) => ({
          name,
          outcome: await call(row.method, { pageSize: 5 }, row.token()),
        })),
      );
      const [first] = outcomes;
      for (const { name, outcome } of outcomes) {
        assert.match(JSON.stringify(outcome), row.sees, name);
        const told = JSON.stringify(comparable(outcome)).replace(/serve [^"]*\./, 'serve it.');
        const expected =
          first && JSON.stringify(comparable(first.outcome)).replace(/serve [^"]*\./, 'serve it.');
        assert.equal(told, expected, name);
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
