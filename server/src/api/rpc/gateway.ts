import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ContextValues, createConnectRouter, createContextValues } from '@connectrpc/connect';
import type { UniversalHandlerFn } from '@connectrpc/connect/protocol';
import { compressionBrotli, compressionGzip } from '@connectrpc/connect-node';
import { Problem } from '../../core/problems.ts';
import { pathOf } from '../../platform/http/front-door.ts';
import { dataHeaders, securityHeaders } from '../../platform/http/headers.ts';
import { newId } from '../../platform/random.ts';
import type { ApiParts } from '../parts.ts';
import { authenticate, CALLER } from './authentication.ts';
import { MESSAGE_MAX, readBody, tooLarge } from './body.ts';
import { toConnectError, unserved } from './failure.ts';
import {
  type Answer,
  isRefusal,
  isTooLarge,
  type Protocol,
  protocolOf,
  reasonOf,
  refusal,
  send,
  wholeAnswer,
} from './protocols.ts';
import { createRest } from './rest.ts';
import { forConnect, noted, PROGRESS, type Progress, type Rpc } from './rpcs.ts';

/** The API that apps call: gRPC, gRPC-Web, Connect and REST to the same methods. */
export interface Gateway {
  serves(path: string): boolean;
  /** Throws `Problem` for what is no call in any protocol. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
}

const RPC = /^\/scalekit\.v1\./;
const REST = /^\/api\/v1\//;

export function createGateway(parts: ApiParts, served: readonly Rpc[]): Gateway {
  const handlers = handlersOf(served.map((rpc) => forConnect(rpc, parts.log)));
  const rest = createRest(parts, served);
  return {
    serves: (path) => RPC.test(path) || REST.test(path),
    handle: async (request, response) => {
      const path = pathOf(request);
      const requestId = newId('req', parts.clock.now());
      if (REST.test(path)) return rest({ request, response, requestId });
      const protocol = protocolOfCall(request, response);
      const call = { parts, protocol, requestId, request, response };
      const answer = await answerTo(call, handlers.get(path));
      send(response, answer, { ...securityHeaders(parts.origin), ...dataHeaders });
    },
  };
}

function handlersOf(rpcs: readonly Rpc[]): ReadonlyMap<string, UniversalHandlerFn> {
  const router = createConnectRouter({
    acceptCompression: [compressionGzip, compressionBrotli],
    compressMinBytes: MESSAGE_MAX, // answers have secrets beside what callers chose (BREACH), and are short
    readMaxBytes: MESSAGE_MAX,
    jsonOptions: { ignoreUnknownFields: true },
  });
  for (const { method, run } of rpcs) router.rpc(method, run);
  return new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
}

function protocolOfCall(request: IncomingMessage, response: ServerResponse): Protocol {
  if (request.method !== 'POST') {
    response.setHeader('allow', 'POST');
    throw new Problem('method_not_allowed', 'Calls are POST requests.');
  }
  const protocol = protocolOf(request);
  if (protocol !== undefined) return protocol;
  throw new Problem(
    'unsupported_media_type',
    'Send application/json, application/proto, application/grpc or application/grpc-web.',
  );
}

interface RpcCall {
  readonly parts: ApiParts;
  readonly protocol: Protocol;
  readonly requestId: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

async function answerTo(call: RpcCall, handler: UniversalHandlerFn | undefined): Promise<Answer> {
  const { parts, protocol, requestId, request } = call;
  try {
    const body = await readBody(request);
    if (handler === undefined) throw unserved(pathOf(request));
    const caller = await authenticate(parts, request);
    const progress: Progress = { requestId, reached: false };
    const contextValues = createContextValues().set(CALLER, caller).set(PROGRESS, progress);
    const answer = await run(call, handler, { body, contextValues });
    if (!progress.reached && isRefusal(protocol, answer)) throw unreadable(protocol, answer);
    return answer;
  } catch (failure) {
    const told = noted(failure, { log: parts.log, call: pathOf(request), requestId });
    return refusal(protocol, toConnectError(told), request);
  }
}

async function run(
  { request, response, parts }: RpcCall,
  handler: UniversalHandlerFn,
  given: { body: Uint8Array; contextValues: ContextValues },
): Promise<Answer> {
  const gone = new AbortController();
  const give = () => gone.abort();
  response.once('close', give);
  try {
    return await wholeAnswer(
      await handler({
        httpVersion: request.httpVersion,
        method: 'POST',
        url: parts.origin.origin + pathOf(request),
        header: headersOf(request),
        body: once(given.body),
        signal: gone.signal,
        contextValues: given.contextValues,
      }),
    );
  } finally {
    response.off('close', give);
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function headersOf({ headers }: IncomingMessage): Headers {
  const all = new Headers();
  for (const [name, value] of Object.entries(headers))
    if (!name.startsWith(':') && value !== undefined) all.set(name, String(value));
  if (FAR.test(all.get('grpc-timeout') ?? '')) all.delete('grpc-timeout');
  if ((all.get('connect-timeout-ms') ?? '').length > 8) all.delete('connect-timeout-ms');
  return all;
}

/** Deadlines in hours or minutes: past what a timer can hold they would have passed at once, and no call takes that long. */
const FAR = /^\d{1,8}[HM]$/;

/** The message, its frame or its compression is not what it says. */
function unreadable(protocol: Protocol, answer: Answer): Problem {
  if (isTooLarge(protocol, answer)) return tooLarge();
  const reason = reasonOf(protocol, answer);
  return new Problem('validation_failed', `The message of the call cannot be read. ${reason}`.trim());
}
