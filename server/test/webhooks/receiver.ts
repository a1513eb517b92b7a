import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What an app got from the server. */
export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An envelope as tests look into it. */
export type Message = Record<string, unknown> & {
  readonly id: string;
  readonly type: string;
  readonly data: Record<string, Record<string, unknown>>;
  readonly interceptor_context: Record<string, unknown>;
};

/** An app's server on this machine; tests say what it answers, by path. */
export interface Receiver {
  readonly url: string;
  readonly received: Received[];
  /** Those of one path, read. */
  bodies(path: string): Message[];
  answers(path: string, how: (response: ServerResponse, got: Received) => void): void;
  stop(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const ways = new Map<string, (response: ServerResponse, got: Received) => void>();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString('utf8');
    const got = { path: request.url ?? '', headers: request.headers, body };
    received.push(got);
    const way = ways.get(got.path);
    if (way) way(response, got);
    else response.writeHead(204).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    bodies: (path) => received.filter((one) => one.path === path).map(({ body }) => JSON.parse(body)),
    answers: (path, how) => ways.set(path, how),
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
