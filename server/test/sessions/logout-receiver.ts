import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Told {
  readonly path: string;
  readonly type: string;
  readonly token: string;
}

/** An app that is told of the end of sessions, and answers as it is asked to. */
export interface LogoutReceiver {
  readonly told: Told[];
  url(path: string): string;
  answerWith(status: number): void;
  stop(): Promise<void>;
}

export async function startLogoutReceiver(): Promise<LogoutReceiver> {
  const told: Told[] = [];
  let status = 200;
  const server = createServer(async (request, response) => {
    told.push(await read(request));
    response.writeHead(status, { location: '/elsewhere' }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    told,
    url: (path) => `http://localhost:${port}${path}`,
    answerWith: (wanted) => {
      status = wanted;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function read(request: IncomingMessage): Promise<Told> {
  const form = new URLSearchParams(await text(request));
  return {
    path: request.url ?? '',
    type: request.headers['content-type'] ?? '',
    token: form.get('logout_token') ?? '',
  };
}
