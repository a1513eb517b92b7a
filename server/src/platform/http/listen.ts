import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import { createServer as createHttp2Server, type Http2Server } from 'node:http2';
import { createServer as createPlainServer, type Server as PlainServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer } from 'node:tls';
import { Problem } from '../../core/problems.ts';
import { MINUTE, SECOND } from '../../core/units.ts';
import { dataHeaders, securityHeaders } from './headers.ts';
import { problemBody } from './problems.ts';
import { SESSION_LIMITS, watchSessions } from './sessions.ts';
import { sniff } from './sniff.ts';

/** A whole request fits; a slow one cannot hold a connection. */
const HEADERS_MAX = 16 * 1024;
const HEADERS_WITHIN = 10 * SECOND;
const REQUEST_WITHIN = 15 * SECOND;
const KEEP_ALIVE = 65 * SECOND; // longer than the 60 s of common load balancers, so that they close first
const SESSION_IDLE = 5 * MINUTE; // an app keeps one HTTP/2 connection for all its calls
const DRAIN_WITHIN = 10 * SECOND;
const DRAIN_EVERY = 250;

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface Address {
  readonly host: string;
  readonly port: number;
  /** PEM texts; with them the server speaks TLS itself, 1.2 or newer. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** The public origin, whose headers the answers to unreadable requests carry too. */
  readonly origin: URL;
}

export interface Listening {
  readonly port: number;
  /** Stops accepting, lets requests in flight finish for ten seconds, then cuts what is left. */
  close(): Promise<void>;
}

const OPTIONS = {
  maxHeaderSize: HEADERS_MAX,
  headersTimeout: HEADERS_WITHIN,
  requestTimeout: REQUEST_WITHIN,
  keepAliveTimeout: KEEP_ALIVE,
  requireHostHeader: false, // the front door refuses in words
};

const TLS_OPTIONS = {
  minVersion: 'TLSv1.2',
  ALPNProtocols: ['h2', 'http/1.1'],
  handshakeTimeout: HEADERS_WITHIN,
} as const;

/** As `node:http` opens its connections. */
const SOCKET_OPTIONS = { allowHalfOpen: true, noDelay: true };

/**
 * Listens on `address`. One port has HTTP/1.1 and HTTP/2 alike: with TLS the two sides agree on one (ALPN), without it
 * the first bytes of a connection tell which. Port 0 takes a free one.
 */
export function listen(handler: Handler, address: Address): Promise<Listening> {
  const { tls, origin } = address;
  const h1 = createHttp1(handler, origin);
  const h2 = createHttp2(handler, origin);
  const sessions = watchSessions(h2, {
    settingsWithin: HEADERS_WITHIN,
    requestWithin: REQUEST_WITHIN,
    idle: SESSION_IDLE,
  });
  const take = (protocol: 'h1' | 'h2', socket: Socket) => {
    socket.allowHalfOpen = protocol === 'h1'; // as each of the two servers opens its own
    (protocol === 'h2' ? h2 : h1).emit('connection', socket);
  };
  const silent = new Set<Socket>();
  const door = tls
    ? createTlsServer({ ...SOCKET_OPTIONS, ...TLS_OPTIONS, ...tls }, (socket) =>
        take(socket.alpnProtocol === 'h2' ? 'h2' : 'h1', socket),
      )
    : createPlainServer(SOCKET_OPTIONS, (socket) => {
        silent.add(socket);
        socket.once('close', () => silent.delete(socket));
        sniff(socket, {
          found: (protocol) => {
            silent.delete(socket);
            take(protocol, socket);
          },
          late: () => {
            hangUp(socket, { failure: LATE, origin });
            socket.destroySoon();
          },
          within: HEADERS_WITHIN,
        });
      });
  const close = closing(door, { h1, sessions, silent });
  return new Promise((resolve, reject) => {
    door.once('error', reject);
    door.listen(address.port, address.host, () => {
      door.off('error', reject);
      resolve({ port: portOf(door), close });
    });
  });
}

function createHttp1(handler: Handler, origin: URL): Server {
  const server = createServer(OPTIONS, handler);
  server.on('checkExpectation', handler);
  server.on('clientError', (failure, socket) => hangUp(socket, { failure, origin }));
  server.on('connect', (_request, socket) => hangUp(socket, { failure: NO_TUNNEL, origin }));
  server.emit('listening'); // its connections are handed to it; with this it counts them, and their timeouts
  return server;
}

/** Requests and answers are in the form of HTTP/1.1 here too. */
function createHttp2(handler: Handler, origin: URL): Http2Server {
  const server = createHttp2Server(SESSION_LIMITS);
  const refuse = (response: ServerResponse, problem: Problem) => {
    const body = problemBody(problem, { requestId: '', origin: origin.origin });
    response.writeHead(problem.status, refusalHeaders(origin, body)).end(body);
  };
  const handle = (request: IncomingMessage, response: ServerResponse) =>
    lengthOf(request.rawHeaders) > HEADERS_MAX ? refuse(response, TOO_LONG) : handler(request, response);
  const adapted = (...exchange: unknown[]) => void Reflect.apply(handle, undefined, exchange);
  server.on('request', adapted).on('checkExpectation', adapted);
  server.on('connect', (_request: IncomingMessage, response: ServerResponse) => refuse(response, NO_TUNNEL));
  return server;
}

/** The limit that a client is told of counts from the moment it has agreed; its first request may be there before. */
function lengthOf(fields: readonly string[]): number {
  return fields.reduce((sum, field) => sum + field.length, 0);
}

function portOf(server: PlainServer): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function closing(
  door: PlainServer,
  { h1, sessions, silent }: { h1: Server; sessions: { closeAll(): void }; silent: Set<Socket> },
): () => Promise<void> {
  const sockets = new Set<Socket>();
  door.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return () =>
    new Promise((resolve) => {
      const drain = setInterval(() => h1.closeIdleConnections(), DRAIN_EVERY);
      const cut = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, DRAIN_WITHIN);
      door.close(() => {
        clearInterval(drain);
        clearTimeout(cut);
        h1.close();
        resolve();
      });
      for (const socket of silent) socket.destroy();
      sessions.closeAll();
      h1.closeIdleConnections();
    });
}

const NO_TUNNEL = new Problem('method_not_allowed', 'This server is no proxy.');
const TOO_LONG = new Problem(
  'headers_too_large',
  'Address and headers may have 16 kB together: delete cookies.',
);
const LATE = new Problem('invalid_request', 'The request took too long to arrive: send it again.');

/** Answers what is no HTTP request, or was refused before it was read, in the form of every other refusal. */
function hangUp(socket: Duplex, given: { failure: Error; origin: URL }): void {
  if (!socket.writable || ('code' in given.failure && given.failure.code === 'ECONNRESET'))
    return void socket.destroy();
  const problem = given.failure instanceof Problem ? given.failure : unreadable(given.failure);
  const body = problemBody(problem, { requestId: '', origin: given.origin.origin });
  const headers = { ...refusalHeaders(given.origin, body), connection: 'close' };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n${lines.join('')}\r\n${body}`);
}

function refusalHeaders(origin: URL, body: string) {
  return {
    ...securityHeaders(origin),
    ...dataHeaders,
    'content-type': 'application/problem+json',
    'content-length': Buffer.byteLength(body),
  };
}

function unreadable(failure: Error & { code?: unknown }): Problem {
  switch (failure.code) {
    case 'HPE_HEADER_OVERFLOW':
      return TOO_LONG;
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return LATE;
    default:
      return new Problem('invalid_request', 'This is no well-formed HTTP/1.1 request.');
  }
}
