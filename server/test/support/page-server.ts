import { createServer, type IncomingMessage } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { pageHeaders } from '../../src/platform/http/html.ts';
import { drawing } from '../fixtures/pictures.ts';

export interface Received {
  method: string;
  path: string;
  body: string;
  headers: IncomingMessage['headers'];
}

interface Answer {
  text: string;
  headers?: Record<string, string>;
  afterMs?: number;
  /** Sends the text up to here first, and the rest 50 ms later. */
  cutAt?: number;
}

export interface PageServer {
  origin: string;
  /** Requests in the order they came, without the browser's own for an icon. */
  received: Received[];
  posts(): Received[];
  put(path: string, answer: Answer): void;
  /** Forgets requests and answers. */
  clear(): void;
  close(): Promise<void>;
}

const LOGO: Answer = {
  text: new TextDecoder().decode(drawing),
  headers: { 'content-type': 'image/svg+xml' },
};

/** Serves texts under the headers of pages; each logo is a drawing, and what was not put is an empty page. */
export async function openPageServer(): Promise<PageServer> {
  const answers = new Map<string, Answer>();
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const { method = '', url: path = '', headers } = request;
    const chunks: Buffer[] = await request.toArray();
    if (path !== '/favicon.ico')
      received.push({ method, path, body: Buffer.concat(chunks).toString(), headers });
    const answer = answers.get(path) ?? (path.startsWith('/logos/') ? LOGO : { text: '' });
    await wait(answer.afterMs ?? 0);
    response.writeHead(200, answer.headers ?? pageHeaders(answer.text));
    response.write(answer.text.slice(0, answer.cutAt));
    if (answer.cutAt !== undefined) await wait(50);
    response.end(answer.text.slice(answer.cutAt ?? answer.text.length));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  return {
    origin: `http://127.0.0.1:${port}`,
    received,
    posts: () => received.filter(({ method }) => method === 'POST'),
    put: (path, answer) => void answers.set(path, answer),
    clear: () => {
      received.length = 0;
      answers.clear();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
