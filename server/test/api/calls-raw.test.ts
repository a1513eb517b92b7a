import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { after, before, describe, it } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { create, toBinary } from '@bufbuild/protobuf';
import { ListOrganizationsRequestSchema } from '../../generated/scalekit/v1/organizations/organizations_pb.js';
import { ask, clientToken, framed, onSession, restCall } from '../support/api/calls.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const LIST = '/scalekit.v1.organizations.OrganizationService/ListOrganization';

/** What a client of gRPC sends, as bytes. */
const EMPTY = framed(new Uint8Array());

let server: TestServer;
let token: string;

before(async () => {
  server = await startTestServer();
  token = await clientToken(server);
});
after(() => server.stop());

/** One call by hand; gives the status that a client of gRPC would read, wherever it stands. */
async function grpc(
  body: Uint8Array,
  headers: Record<string, string | string[]> = {},
): Promise<{ http: number; code: string; message: string }> {
  const answer = await onSession(server.url, (session) =>
    ask(session, { ...post(LIST), 'content-type': 'application/grpc', te: 'trailers', ...headers }, body),
  );
  const told = { ...answer.headers, ...answer.trailers };
  const message = decodeURIComponent(String(told['grpc-message'] ?? ''));
  return { http: answer.status, code: String(told['grpc-status']), message };
}

function post(path: string) {
  return { ':method': 'POST', ':path': path, authorization: `Bearer ${token}` };
}

describe('a call whose bytes are written by hand', () => {
  it('is answered with a frame and a status of 0', async () => {
    const answer = await onSession(server.url, (session) =>
      ask(session, { ...post(LIST), 'content-type': 'application/grpc+proto', te: 'trailers' }, EMPTY),
    );
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['content-type'], 'application/grpc+proto');
    assert.equal(answer.trailers['grpc-status'], '0');
    assert.equal(answer.body.readUInt32BE(1), answer.body.length - 5);
  });

  it('counts where any of several tokens is good', async () => {
    const good = `Bearer ${token}`;
    const bad = 'Bearer eyJ.eyJ.eyJ';
    assert.equal((await grpc(EMPTY, { authorization: [bad, good] })).code, '0');
    assert.equal((await grpc(EMPTY, { authorization: [good, bad] })).code, '0');
    assert.equal((await grpc(EMPTY, { authorization: [bad, bad] })).code, '16');
    assert.equal((await grpc(EMPTY, { authorization: [bad, bad, bad, bad, good] })).code, '16');
  });

  for (const authorization of [
    '',
    'Bearer',
    'Basic YTpi',
    'Bearer stored:TOKEN',
    'Bearer TOKEN TOKEN',
    'TOKEN',
  ]) {
    it(`is refused with the header "${authorization}"`, async () => {
      const sent = authorization.replaceAll('TOKEN', token);
      assert.equal((await grpc(EMPTY, { authorization: sent })).code, '16');
    });
  }

  it('may be compressed', async () => {
    const message = toBinary(
      ListOrganizationsRequestSchema,
      create(ListOrganizationsRequestSchema, { pageToken: 'x'.repeat(1000) }),
    );
    assert.equal((await grpc(framed(gzipSync(message), true), { 'grpc-encoding': 'gzip' })).code, '0');
    assert.equal(
      (await grpc(framed(brotliCompressSync(message), true), { 'grpc-encoding': 'br' })).code,
      '0',
    );
  });

  const bomb = gzipSync(Buffer.alloc(50 * 1024 * 1024));
  const broken: { what: string; body: Uint8Array; headers?: Record<string, string>; says: RegExp }[] = [
    { what: 'no frame', body: new Uint8Array(), says: /cannot be read/ },
    { what: 'half a frame', body: EMPTY.subarray(0, 3), says: /cannot be read/ },
    {
      what: 'a frame that promises more than comes',
      body: Buffer.from([0, 0, 0, 0, 9]),
      says: /cannot be read/,
    },
    { what: 'a frame that promises 4 GB', body: Buffer.from([0, 255, 255, 255, 255]), says: /256 kB/ },
    { what: 'two messages', body: Buffer.concat([EMPTY, EMPTY]), says: /cannot be read/ },
    { what: 'no protobuf', body: framed(Buffer.from('hello')), says: /cannot be read/ },
    { what: 'a flag without a compression', body: framed(EMPTY, true), says: /cannot be read/ },
    {
      what: 'an unknown compression',
      body: EMPTY,
      headers: { 'grpc-encoding': 'zip' },
      says: /cannot be read/,
    },
    {
      what: 'a compressed message that is none',
      body: framed(Buffer.from('hello'), true),
      headers: { 'grpc-encoding': 'gzip' },
      says: /cannot be read/,
    },
    { what: '300 kB', body: framed(Buffer.alloc(300 * 1024)), says: /256 kB/ },
    {
      what: '50 MB in 50 kB',
      body: framed(bomb, true),
      headers: { 'grpc-encoding': 'gzip' },
      says: /256 kB/,
    },
    {
      what: 'a deadline that is none',
      body: EMPTY,
      headers: { 'grpc-timeout': 'soon' },
      says: /cannot be read/,
    },
  ];
  for (const { what, body, headers, says } of broken) {
    it(`with ${what} gets 3, in words`, async () => {
      const { http, code, message } = await grpc(body, headers);
      assert.deepEqual({ http, code }, { http: 200, code: '3' }, message);
      assert.match(message, says);
    });
  }

  it('with a deadline of years is answered', async () => {
    assert.equal((await grpc(EMPTY, { 'grpc-timeout': '99999999H' })).code, '0');
  });

  it('that is taken back in its middle leaves the server as it was', async () => {
    const session = connect(server.url);
    const stream = session.request({ ...post(LIST), 'content-type': 'application/grpc' });
    stream.on('error', () => undefined);
    stream.write(Buffer.from([0, 0, 0, 1, 0]));
    setTimeout(() => stream.close(8), 20);
    await once(stream, 'close');
    session.destroy();
    assert.equal((await grpc(EMPTY)).code, '0');
  });
});

describe('what is no call', () => {
  for (const type of [
    '',
    'text/plain',
    'application/grpc+thrift',
    'application/grpc-web-text',
    'multipart/form-data',
  ])
    it(`because it is "${type}" gets 415`, async () => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': type };
      const answer = await fetch(server.url + LIST, { method: 'POST', headers, body: '{}' });
      assert.equal(answer.status, 415);
      assert.match(await answer.text(), /"code":"unsupported_media_type"/);
    });

  for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS'])
    it(`because it is ${method} gets 405`, async () => {
      const answer = await fetch(server.url + LIST, {
        method,
        headers: { authorization: `Bearer ${token}` },
      });
      assert.equal(answer.status, 405);
      assert.equal(answer.headers.get('allow'), 'POST');
      await answer.body?.cancel();
    });
});

describe('a message in JSON', () => {
  const connectCall = (body: string) =>
    restCall(server.url + LIST, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body,
    });

  it('may have names of either kind, and fields that nobody knows', async () => {
    for (const body of ['{"page_size":1}', '{"pageSize":"1"}', '{"new_field":{"a":1}}', '{}'])
      assert.equal((await connectCall(body)).status, 200, body);
  });

  for (const body of ['', '[]', '{', '{"pageSize":-1}', '{"pageSize":"x"}', '{"pageToken":5}', '\xff'])
    it(`such as ${JSON.stringify(body)} gets 400 and the reason`, async () => {
      const { status, json } = await connectCall(body);
      assert.equal(status, 400);
      assert.match(JSON.stringify(json), /"invalid_argument".*cannot be read/);
    });
});
