import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after } from 'node:test';

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  /** Breaks the connection instead. */
  readonly isBroken?: boolean;
  /** Answers only when this is settled. */
  readonly until?: Promise<unknown>;
}

export type Handler = (request: Seen) => Answer | Promise<Answer>;

/** A server on a port of its own that answers as the test says and keeps what it was asked. */
export interface Origin {
  readonly url: string;
  readonly seen: Seen[];
  /** The requests for a path. */
  at(path: string): Seen[];
  /** Answers requests for a path, with its method or without, with these in turn, the last one for ever. */
  answer(path: string, ...answers: (Answer | Handler)[]): void;
}

export async function startOrigin(): Promise<Origin> {
  const seen: Seen[] = [];
  const answers = new Map<string, (Answer | Handler)[]>();
  const next = (path: string) => {
    const list = answers.get(path) ?? [];
    return (list.length > 1 ? list.shift() : list[0]) ?? { status: 404 };
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const path = (request.url ?? '').replace(/\?.*$/, '');
    const body = Buffer.concat(chunks).toString();
    const one = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body };
    seen.push(one);
    const chosen = next(path);
    const answer = typeof chosen === 'function' ? await chosen(one) : chosen;
    await answer.until;
    if (answer.isBroken) return void request.socket.destroy();
    response.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers });
    response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    at: (path) => seen.filter((one) => one.path.replace(/\?.*$/, '') === path),
    answer: (path, ...list) => void answers.set(path, list),
  };
}
