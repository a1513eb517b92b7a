import { channel } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http2';
import { join } from 'node:path';
import { ScalekitClient } from '@scalekit-sdk/node';
import type { Config } from '../../src/platform/config.ts';
import { freePort, startTestServer, type TestServer, type TestServerOptions } from '../support/server.ts';

/** A folder with `cert.pem` and `key.pem`: with it the same tests go over TLS. */
const TLS = process.env.POSTERN_TEST_TLS;

/** The server, over plain HTTP or over TLS as the run asks for. */
export async function startWorld(options: TestServerOptions = {}): Promise<TestServer> {
  return startTestServer(TLS === undefined ? options : { ...options, config: await overTls(TLS) });
}

async function overTls(folder: string): Promise<Partial<Config>> {
  const port = await freePort();
  const read = (name: string) => readFileSync(join(folder, name), 'utf8');
  return {
    url: `https://localhost:${port}`,
    listen: { host: '127.0.0.1', port },
    tls: { cert: read('cert.pem'), key: read('key.pem') },
  };
}

/** A process of the app that has just started: it has no token and no keys yet. */
export function newSdk({ url, app }: TestServer, secret = app.secret): ScalekitClient {
  return new ScalekitClient(url, app.id, secret);
}

/** The paths of all requests that reach a server of this process while `work` runs. */
export async function pathsDuring(work: () => Promise<unknown>): Promise<string[]> {
  const paths: string[] = [];
  const onRequest = (told: unknown) => paths.push((told as { request: IncomingMessage }).request.url ?? '');
  const onStream = (told: unknown) =>
    paths.push((told as { headers: IncomingHttpHeaders }).headers[':path'] ?? '');
  const http1 = channel('http.server.request.start');
  const http2 = channel('http2.server.stream.start');
  http1.subscribe(onRequest);
  http2.subscribe(onStream);
  try {
    await work();
  } finally {
    http1.unsubscribe(onRequest);
    http2.unsubscribe(onStream);
  }
  return paths.map((path) => path.split('/').at(-1) ?? '');
}

/** What a promise is rejected with. */
export async function failureOf(work: Promise<unknown>): Promise<Error> {
  const failure: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (failure instanceof Error) return failure;
  throw new Error('the call was not refused');
}
