import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { connect as connectSocket, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask, framed, onSession } from '../support/api/calls.ts';
import { exchangeBytes } from '../support/raw-http.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let host: string;
/** What would have ended the process if this were not a test. */
const unhandled: unknown[] = [];
const remember = (failure: unknown) => void unhandled.push(failure);

before(async () => {
  process.on('unhandledRejection', remember).on('uncaughtExceptionMonitor', remember);
  server = await startTestServer();
  host = new URL(server.url).host;
});
after(async () => {
  await server.stop();
  process.off('unhandledRejection', remember).off('uncaughtExceptionMonitor', remember);
  assert.deepEqual(unhandled, []);
});

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/** A frame of RFC 9113 4.1. */
function frame(type: number, given: { flags?: number; stream?: number; payload?: Uint8Array } = {}): Buffer {
  const { flags = 0, stream = 0, payload = new Uint8Array() } = given;
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const [DATA, HEADERS, SETTINGS, PING, CONTINUATION] = [0, 1, 4, 6, 9];

async function opened(): Promise<{ socket: Socket; told: () => Buffer }> {
  const socket = connectSocket(server.port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', () => undefined);
  await once(socket, 'connect');
  return { socket, told: () => Buffer.concat(chunks) };
}

const isSettings = (bytes: Buffer) => bytes.length >= 9 && bytes[3] === SETTINGS;

async function stillServes(): Promise<void> {
  const answer = await onSession(server.url, (session) => ask(session, { ':path': '/healthz' }));
  assert.equal(answer.status, 200);
  assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
}

/** Resolves once the server has ended the connection. */
async function ended(socket: Socket, within = 4000): Promise<boolean> {
  const closed = new Promise<boolean>((resolve) => void socket.once('close', () => resolve(true)));
  return Promise.race([closed, sleep(within, false, { ref: false })]);
}

describe('the first bytes of a connection', () => {
  for (const cuts of [[1], [3], [4], [1, 2, 3, 4, 5], [14, 16, 23]])
    it(`are the preface of HTTP/2 when they come cut at ${cuts.join(', ')}`, async () => {
      const { socket, told } = await opened();
      const edges = [0, ...cuts, PREFACE.length];
      for (const [at, from] of edges.slice(0, -1).entries()) {
        socket.write(PREFACE.subarray(from, edges[at + 1]));
        await sleep(15);
      }
      socket.write(frame(SETTINGS));
      while (!isSettings(told())) await once(socket, 'data');
      socket.destroy();
    });

  for (const cuts of [[1], [2], [3], [1, 2, 3, 4]])
    it(`are HTTP/1.1 when a POST comes cut at ${cuts.join(', ')}`, async () => {
      const { socket, told } = await opened();
      const bytes = `POST /healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
      const edges = [0, ...cuts, bytes.length];
      const over = ended(socket);
      for (const [at, from] of edges.slice(0, -1).entries()) {
        socket.write(bytes.slice(from, edges[at + 1]));
        await sleep(15);
      }
      assert.ok(await over);
      assert.match(told().toString('latin1'), /^HTTP\/1\.1 404 /);
    });

  it('say no word more than that to a client that breaks the preface off for something else', async () => {
    for (const bytes of [
      'PRI /x HTTP/1.1\r\n\r\n',
      'PRI * HTTP/2.0\r\n\r\nSM\r\nxx',
      'PRI \0\0\0\0'.repeat(50),
    ]) {
      const { socket, told } = await opened();
      socket.write(bytes);
      socket.end();
      assert.ok(await ended(socket), bytes);
      assert.doesNotMatch(told().toString('latin1'), /HTTP\/1|Error|node:/);
    }
  });

  it('get no answer where there are none', async () => {
    const { socket, told } = await opened();
    socket.end();
    assert.ok(await ended(socket));
    assert.equal(told().length, 0);
  });

  it('get 400 in words where they are nothing at all', async () => {
    for (const bytes of ['\0\0\0\0', '\x16\x03\x01\x00\xa5\x01', 'P\r\n\r\n', 'PR\0\0\r\n\r\n']) {
      const [answer] = await exchangeBytes(server.port, Buffer.from(bytes, 'latin1'), { end: true });
      assert.equal(answer?.status, 400, JSON.stringify(bytes));
    }
  });
});

describe('a request over HTTP/2', () => {
  const statusOf = (headers: Record<string, string>) =>
    onSession(server.url, async (session) => (await ask(session, headers)).status);

  it('is for our host alone', async () => {
    for (const path of ['/', '/keys', '/api/v1/organizations']) {
      assert.equal(await statusOf({ ':path': path, ':authority': 'evil.example' }), 421, path);
      assert.equal(await statusOf({ ':path': path, ':authority': host, host: 'evil.example' }), 421, path);
      assert.equal(await statusOf({ ':path': path, ':authority': 'evil.example', host }), 421, path);
    }
    assert.equal(await statusOf({ ':path': '/keys', ':authority': host, host }), 200);
    assert.equal(await statusOf({ ':path': '/healthz', ':authority': 'evil.example' }), 200);
  });

  it('opens no tunnel', async () => {
    const answer = await onSession(server.url, (session) =>
      ask(session, { ':method': 'CONNECT', ':authority': 'evil.example:25' }),
    );
    assert.equal(answer.status, 405);
    assert.match(answer.body.toString(), /"code":"method_not_allowed"/);
    assert.equal(answer.headers['x-content-type-options'], 'nosniff');
  });

  it('gets what HTTP/1.1 gets, without the headers of a connection', async () => {
    for (const path of [
      '/.well-known/openid-configuration',
      '/keys',
      '/nothing',
      '/interaction/x',
      '/oauth/authorize',
    ]) {
      const [over1, over2] = await Promise.all([
        fetch(server.url + path, { redirect: 'manual' }).then(async (answer) => ({
          status: answer.status,
          names: [...answer.headers.keys()],
        })),
        onSession(server.url, (session) => ask(session, { ':path': path, accept: '*/*' })),
      ]);
      assert.equal(over2.status, over1.status, path);
      const hops = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length']);
      const own = Object.keys(over2.headers).filter((name) => !name.startsWith(':'));
      assert.deepEqual(
        own.filter((name) => hops.has(name) && name !== 'content-length'),
        [],
        path,
      );
      const apart = (names: string[]) => names.filter((name) => !hops.has(name)).toSorted();
      assert.deepEqual(apart(own), apart(over1.names), path);
    }
  });

  it('with headers past 16 kB is not read, and its neighbours are', async () => {
    const big = await onSession(server.url, (session) =>
      ask(session, { ':path': '/healthz', cookie: 'a'.repeat(40_000) }),
    );
    assert.equal(big.status, 431);
    assert.match(big.body.toString(), /"code":"headers_too_large"/);
    const many = Object.fromEntries(Array.from({ length: 400 }, (_, at) => [`x-${at}`, '1']));
    await onSession(server.url, async (session) => {
      const answer = await ask(session, { ':path': '/healthz', ...many }).catch(() => undefined);
      assert.notEqual(answer?.status, 200);
    });
    await stillServes();
  });

  it('whose body is too large gets 413 at our own forms, and holds no connection', async () => {
    const answer = await onSession(server.url, (session) =>
      ask(
        session,
        {
          ':method': 'POST',
          ':path': '/oauth/authorize',
          'content-type': 'application/x-www-form-urlencoded',
        },
        Buffer.alloc(200_000, 'a'),
      ),
    );
    assert.equal(answer.status, 413);
    assert.equal(answer.reset, 0);
  });
});

describe('a session that floods', () => {
  /** Sends until the server has enough. */
  async function flood(bytes: (round: number) => Buffer, rounds: number): Promise<boolean> {
    const { socket } = await opened();
    socket.write(Buffer.concat([PREFACE, frame(SETTINGS)]));
    const over = ended(socket, 8000);
    for (let round = 0; round < rounds && !socket.destroyed; round += 1) {
      if (!socket.write(bytes(round))) await sleep(1);
    }
    const isOver = await over;
    socket.destroy();
    return isOver;
  }

  it('with streams that it resets at once loses its connection', async () => {
    const session: ClientHttp2Session = connect(server.url);
    session.on('error', () => undefined);
    const gone = new Promise<boolean>((resolve) => void session.once('close', () => resolve(true)));
    for (let round = 0; round < 40 && !session.destroyed; round += 1) {
      for (let one = 0; one < 50 && !session.destroyed && !session.closed; one += 1) {
        const stream = session.request({ ':path': '/keys' });
        stream.on('error', () => undefined);
        stream.close(constants.NGHTTP2_CANCEL);
      }
      await sleep(5);
    }
    assert.ok(await Promise.race([gone, sleep(5000, false, { ref: false })]));
    await stillServes();
  });

  it('with headers that never end loses its connection', async () => {
    const piece = Buffer.alloc(4000, 0x40);
    const isOver = await flood(
      (round) =>
        round === 0
          ? frame(HEADERS, { stream: 1, payload: piece })
          : frame(CONTINUATION, { stream: 1, payload: piece }),
      2000,
    );
    assert.ok(isOver);
    await stillServes();
  });

  it('with settings loses its connection', async () => {
    const payload = Buffer.concat(Array.from({ length: 100 }, () => Buffer.from([0, 3, 0, 0, 0, 100])));
    assert.ok(await flood(() => frame(SETTINGS, { payload }), 3000));
    await stillServes();
  });

  it('with frames that have no place loses its connection', async () => {
    assert.ok(await flood(() => frame(DATA, { stream: 99, payload: Buffer.alloc(1000) }), 2000));
    assert.ok(await flood(() => frame(PING, { payload: Buffer.alloc(3) }), 10));
    await stillServes();
  });
});

describe('a server that stops', () => {
  it('lets a call under way end, and says goodbye to its session', async () => {
    const other = await startTestServer();
    const session = connect(other.url);
    session.on('error', () => undefined);
    const goodbye = once(session, 'goaway');
    const headers = {
      ':method': 'POST',
      ':path': '/scalekit.v1.organizations.OrganizationService/ListOrganization',
      'content-type': 'application/grpc',
    };
    const stream = session.request(headers);
    const answered = once(stream, 'response');
    stream.write(framed(new Uint8Array()).subarray(0, 2));
    await sleep(50);
    const stopped = other.stop();
    await goodbye;
    stream.end(framed(new Uint8Array()).subarray(2));
    const [fields] = await answered;
    assert.equal(fields['grpc-status'], '16');
    await stopped;
  });

  it('waits for no connection that says nothing', async () => {
    const other = await startTestServer();
    const sockets = ['', 'P', 'PRI * HT', PREFACE].map((bytes) => {
      const socket = connectSocket(other.port, '127.0.0.1');
      socket
        .on('error', () => undefined)
        .resume()
        .write(bytes);
      return socket;
    });
    await sleep(50);
    const startedAt = performance.now();
    await other.stop();
    assert.ok(performance.now() - startedAt < 5000);
    for (const socket of sockets) socket.destroy();
  });
});

describe('clients that leave', () => {
  it('at any moment leave nothing in the log, and no connection', async () => {
    const logged: unknown[] = [];
    const note = (...entry: unknown[]) => void logged.push(entry);
    const other = await startTestServer({
      log: { debug: () => undefined, info: () => undefined, warn: note, error: note },
    });
    const { id, secret, redirectUri } = other.app;
    const asked = new URLSearchParams({ response_type: 'code', client_id: id, redirect_uri: redirectUri });
    const form = { ':method': 'POST', 'content-type': 'application/x-www-form-urlencoded' };
    const grant = `grant_type=client_credentials&client_id=${id}&client_secret=${secret}`;
    for (let round = 0; round < 40; round += 1) {
      const session = connect(other.url);
      session.on('error', () => undefined);
      const all = [
        ask(session, { ':path': `/oauth/authorize?${asked}` }),
        ask(session, { ...form, ':path': '/oauth/token' }, Buffer.from(grant)),
        ask(session, { ':path': '/api/v1/users' }),
        ask(session, { ':path': '/interaction/x' }),
      ];
      await sleep(1 + (round % 10));
      session.destroy();
      await Promise.all(all);
    }
    await sleep(100);
    assert.deepEqual(logged, []);
    const startedAt = performance.now();
    await other.stop();
    assert.ok(performance.now() - startedAt < 5000);
  });
});
