import type { IncomingMessage, ServerResponse } from 'node:http';
import { Code, type ConnectError } from '@connectrpc/connect';
import type { UniversalServerResponse } from '@connectrpc/connect/protocol';
import { codeToHttpStatus, errorToJsonBytes } from '@connectrpc/connect/protocol-connect';
import { setTrailerStatus } from '@connectrpc/connect/protocol-grpc';

/** How a call to a path of RPC is written. */
export type Protocol = 'grpc' | 'grpc-web' | 'connect';

const CONTENT_TYPES: readonly [Protocol, RegExp][] = [
  ['grpc', /^application\/grpc(\+(proto|json))?(;.*)?$/i],
  ['grpc-web', /^application\/grpc-web(\+(proto|json))?(;.*)?$/i],
  ['connect', /^application\/(proto|json)(;.*)?$/i],
];

export function protocolOf(request: IncomingMessage): Protocol | undefined {
  const type = request.headers['content-type'] ?? '';
  return CONTENT_TYPES.find(([, pattern]) => pattern.test(type))?.[0];
}

/** An answer that is there as a whole. */
export interface Answer {
  readonly status: number;
  readonly header: Headers;
  readonly body: Uint8Array;
  readonly trailer?: Headers | undefined;
}

/** A refusal before a method was reached. For gRPC and gRPC-Web: one that has no message, only a status. */
export function refusal(protocol: Protocol, error: ConnectError, request: IncomingMessage): Answer {
  if (protocol === 'connect') {
    const header = new Headers({ 'content-type': 'application/json' });
    if (error.code === Code.Unauthenticated) header.set('www-authenticate', 'Bearer');
    return { status: codeToHttpStatus(error.code), header, body: errorToJsonBytes(error, {}) };
  }
  const header = new Headers({ 'content-type': request.headers['content-type'] ?? '' });
  setTrailerStatus(header, error);
  return { status: 200, header, body: new Uint8Array() };
}

export async function wholeAnswer(response: UniversalServerResponse): Promise<Answer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body ?? []) chunks.push(chunk);
  const { status, header = new Headers(), trailer } = response;
  return { status, header, body: Buffer.concat(chunks), trailer };
}

/** Sends an answer. Trailers follow the body; over HTTP/1.1 that needs chunks. */
export function send(response: ServerResponse, answer: Answer, extra: Record<string, string>): void {
  const headers = { ...Object.fromEntries(answer.header), ...extra };
  const { body, trailer } = answer;
  if (trailer === undefined && body.length === 0)
    return void sendAlone(response, { status: answer.status, headers });
  response.writeHead(answer.status, headers);
  if (trailer === undefined) return void response.end(body);
  if (body.length > 0) response.write(body);
  response.addTrailers(Object.fromEntries(trailer));
  response.end();
}

/** Headers that end their stream: to some clients of gRPC an empty frame of data after a refusal is a fault. */
function sendAlone(response: ServerResponse, of: { status: number; headers: Record<string, string> }): void {
  response.statusCode = of.status;
  for (const [name, value] of Object.entries(of.headers)) response.setHeader(name, value);
  response.end();
}

/** Whether what the library answered is a refusal, by the form it has. */
export function isRefusal(protocol: Protocol, { status, trailer, body }: Answer): boolean {
  if (protocol === 'connect') return status !== 200;
  if (protocol === 'grpc') return trailer?.get('grpc-status') !== String(OK);
  return !Buffer.from(body).includes('grpc-status: 0');
}

const OK = 0;

/** What the library says is wrong with a message that it could not read; only Connect's JSON is for people. */
export function reasonOf(protocol: Protocol, { body }: Answer): string {
  if (protocol !== 'connect') return '';
  const told: unknown = JSON.parse(Buffer.from(body).toString('utf8') || '{}');
  return typeof told === 'object' && told !== null && 'message' in told ? String(told.message) : '';
}

export function isTooLarge(protocol: Protocol, { status, trailer, body }: Answer): boolean {
  const code = Code.ResourceExhausted;
  if (protocol === 'connect') return status === codeToHttpStatus(code);
  if (protocol === 'grpc') return trailer?.get('grpc-status') === String(code);
  return Buffer.from(body).includes(`grpc-status: ${code}`);
}
