import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { SECOND } from '../../core/units.ts';

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
}

const OPTIONS = {
  maxHeaderSize: HEADERS_MAX,
  headersTimeout: HEADERS_WITHIN,
  requestTimeout: REQUEST_WITHIN,
  keepAliveTimeout: KEEP_ALIVE,
};

/** Listens on `address` and gives the server once it does. Port 0 takes a free one. */
export function listen(handler: Handler, address: Address): Promise<Server> {
  const { tls } = address;
  const server = tls
    ? createTlsServer({ ...OPTIONS, ...tls, minVersion: 'TLSv1.2' }, handler)
    : createServer(OPTIONS, handler);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address.port, address.host, () => {
      server.off('error', reject);
      resolve(server);
    });
  });
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
