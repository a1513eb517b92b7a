import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2';
import type { JsonValue } from '@bufbuild/protobuf';
import type { TestServer } from '../server.ts';

/** A fresh token of the `client_credentials` grant. */
export async function clientToken({ url, app }: Pick<TestServer, 'url' | 'app'>): Promise<string> {
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: app.id,
    client_secret: app.secret,
  });
  const answer = await fetch(`${url}/oauth/token`, { method: 'POST', body });
  return ((await answer.json()) as { access_token: string }).access_token;
}

/** What came back on one stream of HTTP/2. */
export interface StreamAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The code that the stream was reset with, 0 where it was not. */
  readonly reset: number;
}

/** One request on a session, with its body as it is. A header given as a list is sent as several. */
export async function ask(
  session: ClientHttp2Session,
  headers: Record<string, string | string[]>,
  body?: Uint8Array,
): Promise<StreamAnswer> {
  const stream = session.request(headers, { endStream: body === undefined });
  const told: { headers: IncomingHttpHeaders; trailers: IncomingHttpHeaders } = { headers: {}, trailers: {} };
  const chunks: Buffer[] = [];
  stream.on('response', (fields) => {
    told.headers = fields;
  });
  stream.on('trailers', (fields) => {
    told.trailers = fields;
  });
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('error', () => undefined);
  if (body !== undefined) stream.end(body);
  await new Promise((resolve) => void stream.once('close', resolve));
  return {
    ...told,
    status: Number(told.headers[':status'] ?? 0),
    body: Buffer.concat(chunks),
    reset: stream.rstCode ?? 0,
  };
}

/** Node would send no header twice; clients of gRPC do. */
const LENIENT = { settings: {}, strictSingleValueFields: false };

/** Runs `work` on a session of its own. */
export async function onSession<T>(
  url: string,
  work: (session: ClientHttp2Session) => Promise<T>,
): Promise<T> {
  const session = connect(url, { ...LENIENT });
  session.on('error', () => undefined);
  try {
    return await work(session);
  } finally {
    session.destroy();
  }
}

/** A message in the frame of gRPC. */
export function framed(message: Uint8Array, compressed = false): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(compressed ? 1 : 0);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

export async function restCall(
  url: string,
  options: RequestInit & { token?: string } = {},
): Promise<{ status: number; headers: Headers; json: JsonValue }> {
  const { token, ...init } = options;
  const headers = { ...(token && { authorization: `Bearer ${token}` }) };
  const answer = await fetch(url, { headers, ...init });
  return { status: answer.status, headers: answer.headers, json: (await answer.json()) as JsonValue };
}
