import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, connect, createServer as createHttp2Server } from 'node:http2';
import { type AddressInfo, connect as connectSocket, createServer, type Server, type Socket } from 'node:net';
import { after, afterEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SESSION_LIMITS, watchSessions } from '../../src/platform/http/sessions.ts';
import { sniff } from '../../src/platform/http/sniff.ts';

const running = new Set<Server>();
after(() => {
  for (const server of running) server.close();
});

async function portOf(server: Server): Promise<number> {
  running.add(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

describe('looking at the first bytes', () => {
  const seen: string[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) =>
    sniff(socket, {
      found: (protocol) => {
        seen.push(`${protocol} ${socket.read()}`);
        socket.end();
      },
      late: () => {
        seen.push('late');
        socket.destroy();
      },
      within: 150,
    }),
  );
  afterEach(() => void seen.splice(0));

  async function send(...pieces: string[]): Promise<string[]> {
    const port = running.has(server) ? (server.address() as AddressInfo).port : await portOf(server);
    const socket: Socket = connectSocket(port, '127.0.0.1');
    socket.on('error', () => undefined).resume();
    const closed = new Promise((resolve) => void socket.once('close', resolve));
    for (const piece of pieces) {
      socket.write(piece);
      await sleep(20);
    }
    await closed;
    return seen;
  }

  it('leaves them all to whom they are for', async () => {
    assert.deepEqual(await send('GET / HTTP/1.1\r\n'), ['h1 GET / HTTP/1.1\r\n']);
    seen.splice(0);
    assert.deepEqual(await send('P', 'R', 'I', ' * HTTP/2.0\r\n'), ['h2 PRI * HTTP/2.0\r\n']);
  });

  it('takes no more of them than it needs', async () => {
    for (const text of ['PUT', 'PATCH', 'PROPFIND', 'PRIX', 'pri ', 'P\0']) {
      const [found] = await send(...text);
      assert.match(String(found), /^h1 /, text);
      seen.splice(0);
    }
  });

  it('gives a client up that keeps them back', async () => {
    assert.deepEqual(await send('PRI'), ['late']);
    seen.splice(0);
    assert.deepEqual(await send(), ['late']);
  });
});

describe('a connection of HTTP/2', () => {
  async function serve(times: { settingsWithin: number; requestWithin: number; idle: number }) {
    const server = createHttp2Server(SESSION_LIMITS, (request, response) => {
      if (request.url === '/read') request.resume().once('end', () => response.end('read'));
      else if (request.url === '/slow') setTimeout(() => response.end('late'), times.idle * 2);
      else response.end('unread');
    });
    watchSessions(server, times);
    return portOf(server);
  }

  function open(port: number): { session: ClientHttp2Session; closed: Promise<number> } {
    const startedAt = performance.now();
    const session = connect(`http://127.0.0.1:${port}`);
    session.on('error', () => undefined);
    const closed = new Promise<number>(
      (resolve) => void session.once('close', () => resolve(performance.now() - startedAt)),
    );
    return { session, closed };
  }

  it('that never tells its settings is ended', async () => {
    const port = await serve({ settingsWithin: 80, requestWithin: 5000, idle: 5000 });
    const socket = connectSocket(port, '127.0.0.1').resume();
    socket.on('error', () => undefined).write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    await new Promise((resolve) => void socket.once('close', resolve));
  });

  it('that only pings is ended', async () => {
    const port = await serve({ settingsWithin: 5000, requestWithin: 5000, idle: 200 });
    const { session, closed } = open(port);
    const pings = setInterval(() => session.closed || session.ping(() => undefined), 20);
    assert.ok((await closed) >= 190);
    clearInterval(pings);
  });

  it('is not ended under a request, and counts anew after it', async () => {
    const port = await serve({ settingsWithin: 5000, requestWithin: 5000, idle: 100 });
    const { session, closed } = open(port);
    const stream = session.request({ ':path': '/slow' });
    const [headers] = await once(stream, 'response');
    assert.equal(headers[':status'], 200);
    stream.resume();
    assert.ok((await closed) >= 290);
  });

  it('cuts a request that does not come to its end', async () => {
    const port = await serve({ settingsWithin: 5000, requestWithin: 100, idle: 5000 });
    const { session } = open(port);
    const stream = session.request({ ':method': 'POST', ':path': '/read' });
    stream.on('error', () => undefined).write('half');
    const dribble = setInterval(() => stream.closed || stream.write('.'), 20);
    await new Promise((resolve) => void stream.once('close', resolve));
    clearInterval(dribble);
    assert.equal(stream.rstCode, 8);
    session.destroy();
  });

  it('lets no request go on that was answered already', async () => {
    const port = await serve({ settingsWithin: 5000, requestWithin: 60_000, idle: 5000 });
    const { session } = open(port);
    const stream = session.request({ ':method': 'POST', ':path': '/answered' });
    stream.on('error', () => undefined).resume();
    stream.write('half');
    await new Promise((resolve) => void stream.once('close', resolve));
    assert.equal(stream.rstCode, 0);
    session.destroy();
  });
});
