import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { Problem } from '../../core/problems.ts';
import { SECOND } from '../../core/units.ts';
import { dataHeaders, securityHeaders } from './headers.ts';
import { problemBody } from './problems.ts';

/** A whole request fits; a slow one cannot hold a connection. */
const HEADERS_MAX = 16 * 1024;
const HEADERS_WITHIN = 10 * SECOND;
const REQUEST_WITHIN = 15 * SECOND;
const KEEP_ALIVE = 65 * SECOND; // longer than the 60 s of common load balancers, so that they close first
const DRAIN_WITHIN = 10 * SECOND;

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface Address {
  readonly host: string;
  readonly port: number;
  /** PEM texts; with them the server speaks TLS itself, 1.2 or newer. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** The public origin, whose headers the answers to unreadable requests carry too. */
  readonly origin: URL;
}

const OPTIONS = {
  maxHeaderSize: HEADERS_MAX,
  headersTimeout: HEADERS_WITHIN,
  requestTimeout: REQUEST_WITHIN,
  keepAliveTimeout: KEEP_ALIVE,
  requireHostHeader: false, // the front door refuses in words
};

/** Listens on `address` and gives the server once it does. Port 0 takes a free one. */
export function listen(handler: Handler, address: Address): Promise<Server> {
  const { tls } = address;
  const server = tls
    ? createTlsServer({ ...OPTIONS, ...tls, minVersion: 'TLSv1.2' }, handler)
    : createServer(OPTIONS, handler);
  server.on('checkExpectation', handler);
  server.on('clientError', (failure, socket) => hangUp(socket, { failure, origin: address.origin }));
  server.on('connect', (_request, socket) => hangUp(socket, { failure: NO_TUNNEL, origin: address.origin }));
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address.port, address.host, () => {
      server.off('error', reject);
      resolve(server);
    });
  });
}

const NO_TUNNEL = new Problem('method_not_allowed', 'This server is no proxy.');

/** Answers what is no HTTP request, or was refused before it was read, in the form of every other refusal. */
function hangUp(socket: Duplex, given: { failure: Error; origin: URL }): void {
  if (!socket.writable || ('code' in given.failure && given.failure.code === 'ECONNRESET'))
    return void socket.destroy();
  const problem = given.failure instanceof Problem ? given.failure : unreadable(given.failure);
  const body = problemBody(problem, { requestId: '', origin: given.origin.origin });
  const headers = {
    ...securityHeaders(given.origin),
    ...dataHeaders,
    'content-type': 'application/problem+json',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n${lines.join('')}\r\n${body}`);
}

function unreadable(failure: Error & { code?: unknown }): Problem {
  switch (failure.code) {
    case 'HPE_HEADER_OVERFLOW':
      return new Problem('headers_too_large', 'Address and headers may have 16 kB together: delete cookies.');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Problem('invalid_request', 'The request took too long to arrive: send it again.');
    default:
      return new Problem('invalid_request', 'This is no well-formed HTTP/1.1 request.');
  }
}

/** Stops accepting, lets requests in flight finish for ten seconds, then cuts what is left. */
export function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), DRAIN_WITHIN);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}
