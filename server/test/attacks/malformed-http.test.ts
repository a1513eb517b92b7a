import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createMailbox } from '../support/mailbox.ts';
import { type ByteOptions, exchange, exchangeBytes, headerOf, type RawAnswer } from '../support/raw-http.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { stateOf } from '../support/sign-in-steps.ts';

const FORM = 'Content-Type: application/x-www-form-urlencoded';

/** Where a form is read by the router, by the library and before either. */
const FORMS = ['/interaction/x/start', '/oauth/token', '/oauth/authorize', '/oidc/logout', '/l/x'];

interface Bytes extends ByteOptions {
  readonly what: string;
  /** CRLF stands for the line break, HOST for the true host. */
  readonly bytes: string;
  readonly status: number;
}

/** Bytes that are no request, or two readers could split differently: refused before anything is looked at. */
const UNREADABLE: readonly Bytes[] = [
  { what: 'bytes of TLS', bytes: '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1', status: 400 },
  { what: 'a word', bytes: 'hello CRLF CRLF', status: 400 },
  { what: 'an unknown method', bytes: 'FOO /keys HTTP/1.1CRLFHost: HOSTCRLFCRLF', status: 400 },
  { what: 'a method in lower case', bytes: 'get /keys HTTP/1.1CRLFHost: HOSTCRLFCRLF', status: 400 },
  { what: 'a space in the target', bytes: 'GET /keys /x HTTP/1.1CRLFHost: HOSTCRLFCRLF', status: 400 },
  {
    what: 'a control character in the target',
    bytes: 'GET /ke\x01ys HTTP/1.1CRLFHost: HOSTCRLFCRLF',
    status: 400,
  },
  { what: 'an unknown version', bytes: 'GET /keys HTTP/1.9CRLFHost: HOSTCRLFCRLF', status: 400 },
  { what: 'a version that is none', bytes: 'GET /keys HTTQ/1.1CRLFHost: HOSTCRLFCRLF', status: 400 },
  { what: 'bare line feeds', bytes: 'GET /keys HTTP/1.1\nHost: HOST\n\n', status: 400 },
  { what: 'a bare carriage return', bytes: 'GET /keys HTTP/1.1CRLFHost: HOST\rX: yCRLFCRLF', status: 400 },
  { what: 'a folded header', bytes: 'GET /keys HTTP/1.1CRLFHost: HOSTCRLFX-A: bCRLF cCRLFCRLF', status: 400 },
  { what: 'a space before the colon', bytes: 'GET /keys HTTP/1.1CRLFHost : HOSTCRLFCRLF', status: 400 },
  {
    what: 'a header without a colon',
    bytes: 'GET /keys HTTP/1.1CRLFHost: HOSTCRLFnonsenseCRLFCRLF',
    status: 400,
  },
  { what: 'a header without a name', bytes: 'GET /keys HTTP/1.1CRLFHost: HOSTCRLF: xCRLFCRLF', status: 400 },
  { what: 'a NUL in a header', bytes: 'GET /keys HTTP/1.1CRLFHost: HOSTCRLFX: a\0bCRLFCRLF', status: 400 },
  {
    what: 'a NUL in a cookie',
    bytes: 'GET /oauth/authorize HTTP/1.1CRLFHost: HOSTCRLFCookie: postern_session=\0CRLFCRLF',
    status: 400,
  },
  {
    what: 'two lengths',
    bytes: `POST /oauth/token HTTP/1.1CRLFHost: HOSTCRLF${FORM}CRLFContent-Length: 3CRLFContent-Length: 4CRLFCRLFa=bc`,
    status: 400,
  },
  {
    what: 'a list of lengths',
    bytes: `POST /oauth/token HTTP/1.1CRLFHost: HOSTCRLF${FORM}CRLFContent-Length: 3, 3CRLFCRLFa=b`,
    status: 400,
  },
  {
    what: 'a negative length',
    bytes: `POST /oauth/token HTTP/1.1CRLFHost: HOSTCRLF${FORM}CRLFContent-Length: -1CRLFCRLFa=b`,
    status: 400,
  },
  {
    what: 'a signed length',
    bytes: `POST /oauth/token HTTP/1.1CRLFHost: HOSTCRLF${FORM}CRLFContent-Length: +3CRLFCRLFa=b`,
    status: 400,
  },
  {
    what: 'a hexadecimal length',
    bytes: `POST /oauth/token HTTP/1.1CRLFHost: HOSTCRLF${FORM}CRLFContent-Length: 0x3CRLFCRLFa=b`,
    status: 400,
  },
  {
    what: 'an endless length',
    bytes: `POST /oauth/token HTTP/1.1CRLFHost: HOSTCRLF${FORM}CRLFContent-Length: ${'9'.repeat(40)}CRLFCRLFa=b`,
    status: 400,
  },
  {
    what: 'an unknown coding',
    bytes: `POST /oauth/token HTTP/1.1CRLFHost: HOSTCRLF${FORM}CRLFTransfer-Encoding: xchunkedCRLFCRLF0CRLFCRLF`,
    status: 400,
  },
  {
    what: 'a coding after chunked',
    bytes: `POST /oauth/token HTTP/1.1CRLFHost: HOSTCRLF${FORM}CRLFTransfer-Encoding: chunked, identityCRLFCRLF0CRLFCRLF`,
    status: 400,
  },
  {
    what: 'headers of 20 kB',
    bytes: `GET /keys HTTP/1.1CRLFHost: HOSTCRLFX: ${'x'.repeat(20_000)}CRLFCRLF`,
    status: 431,
  },
  {
    what: 'cookies of 20 kB',
    bytes: `GET /oauth/authorize HTTP/1.1CRLFHost: HOSTCRLFCookie: ${'a=b; '.repeat(4000)}CRLFCRLF`,
    status: 431,
  },
  {
    what: '3,000 headers',
    bytes: `GET /keys HTTP/1.1CRLFHost: HOSTCRLF${'X: aCRLF'.repeat(3000)}CRLF`,
    status: 431,
  },
  {
    what: 'an address of 100 kB',
    bytes: `GET /oauth/authorize?${'a'.repeat(100_000)} HTTP/1.1CRLFHost: HOSTCRLFCRLF`,
    status: 431,
  },
  {
    what: 'an address of 100 kB at a page',
    bytes: `GET /interaction/${'a'.repeat(100_000)} HTTP/1.1CRLFHost: HOSTCRLFCRLF`,
    status: 431,
  },
  {
    what: '10,000 parameters',
    bytes: `GET /oauth/authorize?${'a=b&'.repeat(10_000)} HTTP/1.1CRLFHost: HOSTCRLFCRLF`,
    status: 431,
  },
  {
    what: 'a request for a tunnel',
    bytes: 'CONNECT evil.example:25 HTTP/1.1CRLFHost: HOSTCRLFCRLF',
    status: 405,
  },
  ...FORMS.flatMap((path) => [
    {
      what: `a length beside chunks at ${path}`,
      bytes: `POST ${path} HTTP/1.1CRLFHost: HOSTCRLF${FORM}CRLFContent-Length: 5CRLFTransfer-Encoding: chunkedCRLFCRLF0CRLFCRLFGET /keys HTTP/1.1CRLFHost: HOSTCRLFCRLF`,
      status: 400,
    },
    {
      what: `chunks beside a length at ${path}`,
      bytes: `POST ${path} HTTP/1.1CRLFHost: HOSTCRLF${FORM}CRLFTransfer-Encoding: chunkedCRLFContent-Length: 5CRLFCRLF0CRLFCRLFGET /keys HTTP/1.1CRLFHost: HOSTCRLFCRLF`,
      status: 400,
    },
    {
      what: `a chunk of no size at ${path}`,
      bytes: `POST ${path} HTTP/1.1CRLFHost: HOSTCRLF${FORM}CRLFTransfer-Encoding: chunkedCRLFCRLFZZCRLFa=bCRLF0CRLFCRLF`,
      status: 400,
    },
    {
      what: `a chunk longer than it says at ${path}`,
      bytes: `POST ${path} HTTP/1.1CRLFHost: HOSTCRLF${FORM}CRLFTransfer-Encoding: chunkedCRLFCRLF1CRLFa=bCRLF0CRLFCRLF`,
      status: 400,
    },
    {
      what: `half a body, then a hang-up, at ${path}`,
      bytes: `POST ${path} HTTP/1.1CRLFHost: HOSTCRLF${FORM}CRLFContent-Length: 500CRLFCRLFa=b`,
      end: true,
      status: 400,
    },
    {
      what: `half a chunk, then a hang-up, at ${path}`,
      bytes: `POST ${path} HTTP/1.1CRLFHost: HOSTCRLF${FORM}CRLFTransfer-Encoding: chunkedCRLFCRLF50CRLFa=b`,
      end: true,
      status: 400,
    },
  ]),
];

describe('Bytes that are no well-formed request', () => {
  let server: TestServer;
  /** What would have ended the process if this were not a test. */
  const unhandled: unknown[] = [];
  const remember = (failure: unknown) => void unhandled.push(failure);
  before(async () => {
    process.on('unhandledRejection', remember).on('uncaughtExceptionMonitor', remember);
    server = await startTestServer({ transport: createMailbox().transport });
  });
  after(async () => {
    await server.stop();
    process.off('unhandledRejection', remember).off('uncaughtExceptionMonitor', remember);
  });
  const send = ({ bytes, ...options }: Omit<Bytes, 'what' | 'status'>) => {
    const host = new URL(server.url).host;
    return exchangeBytes(server.port, bytes.replaceAll('CRLF', '\r\n').replaceAll('HOST', host), options);
  };

  for (const { what, status, ...given } of UNREADABLE) {
    it(`such as ${what} get ${status} in words, once, and the connection ends`, async () => {
      const answers = await send(given);
      assert.deepEqual(
        answers.map((answer) => answer.status),
        [status],
        'nothing behind it is taken for a request',
      );
      const [answer] = answers;
      assert.equal(answer && headerOf(answer, 'content-type'), 'application/problem+json');
      assert.equal(answer && headerOf(answer, 'connection'), 'close');
      assertReadable(answer);
    });
  }

  it('leave the server as it was when the client is gone in the middle of any form', async () => {
    const stored = await stateOf(server);
    const gone = FORMS.flatMap((path) => ['', 'a=b', 'a=b&'.repeat(100)].map((part) => ({ path, part })));
    await Promise.all(
      gone.map(({ path, part }) =>
        send({
          bytes: `POST ${path} HTTP/1.1CRLFHost: HOSTCRLF${FORM}CRLFContent-Length: 5000CRLFCRLF${part}`,
          quietFor: 50,
        }),
      ),
    );
    const answer = await exchange(server.port, { target: '/readyz', headers: [['Host', 'x']] });
    assert.equal(answer?.status, 200);
    assert.deepEqual(await stateOf(server), stored);
    assert.deepEqual(unhandled, []);
  });

  it('do not hold up the requests of others', async () => {
    const held = Array.from({ length: 40 }, () =>
      send({ bytes: 'POST /oauth/token HTTP/1.1CRLFHost: HOSTCRLFContent-Le', quietFor: 400 }),
    );
    const startedAt = performance.now();
    const answer = await exchange(server.port, {
      target: '/keys',
      headers: [['Host', new URL(server.url).host]],
    });
    assert.equal(answer?.status, 200);
    assert.ok(performance.now() - startedAt < 400);
    await Promise.all(held);
  });
});

/** A refusal says what to do: as problem details, as an OAuth error, or on a page. */
function assertReadable(answer: RawAnswer | undefined): void {
  assert.ok(answer, 'an answer, not only a hang-up');
  const words = /"detail":"[^"]{10,}"|"error_description":"[^"]{5,}"|<title>[^<]{5,}<\/title>/;
  assert.match(answer.body, words);
  assert.equal(headerOf(answer, 'x-content-type-options'), 'nosniff');
}
