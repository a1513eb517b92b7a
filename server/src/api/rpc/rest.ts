import type { IncomingMessage, ServerResponse } from 'node:http';
import { create, fromJson, type JsonObject, type JsonValue, type Message, toJson } from '@bufbuild/protobuf';
import { createContextValues, createHandlerContext } from '@connectrpc/connect';
import { Problem } from '../../core/problems.ts';
import { pathOf } from '../../platform/http/front-door.ts';
import { dataHeaders, securityHeaders } from '../../platform/http/headers.ts';
import type { ApiParts } from '../parts.ts';
import { authenticate, CALLER, type Caller } from './authentication.ts';
import { readBody } from './body.ts';
import { type Failure, toRestError, unserved } from './failure.ts';
import { fieldOf, isObject, jsonOf, queryJson } from './rest-query.ts';
import { findRoute, type RestRoute, restRoutes } from './rest-routes.ts';
import { noted, type Rpc } from './rpcs.ts';

interface RestCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
}

/** The methods at addresses of their own, with JSON, by the annotations of the proto files. */
export function createRest(parts: ApiParts, rpcs: readonly Rpc[]): (call: RestCall) => Promise<void> {
  const routes = restRoutes(rpcs);
  return async (call) => {
    const { request, requestId } = call;
    const path = pathOf(request);
    try {
      const body = await readBody(request);
      const found = findRoute(routes, { verb: request.method ?? '', path });
      if (found === undefined) throw unserved(`${request.method} ${path}`);
      const caller = await authenticate(parts, request);
      const message = messageOf(found, { url: request.url ?? '', body });
      reply(parts, call, { status: 200, json: await run(found.route.rpc, message, { call, caller }) });
    } catch (failure) {
      const told = noted(failure, { log: parts.log, call: path, requestId });
      reply(parts, call, { status: told.status, json: toRestError(told), headers: headersOf(told) });
    }
  };
}

/** The message of a call: from its body, its query and its path; what the path says counts. */
function messageOf(
  found: { route: RestRoute; values: string[] },
  given: { url: string; body: Uint8Array },
): Message {
  const { route, values } = found;
  const { input } = route.rpc.method;
  const json = route.body === '*' ? bodyOf(given.body) : fromUrl(route, given);
  if (!isObject(json)) throw new Problem('validation_failed', 'The body must be a JSON object.');
  route.variables.forEach((name, at) => {
    const field = fieldOf(input, name);
    if (field === undefined) throw new Error(`${input.typeName} has no field ${name}`);
    delete json[field.name];
    json[field.jsonName] = jsonOf(field, decoded(values[at] ?? ''));
  });
  try {
    return fromJson(input, json, { ignoreUnknownFields: true });
  } catch (failure) {
    throw unreadable(failure);
  }
}

function fromUrl(route: RestRoute, given: { url: string; body: Uint8Array }): JsonObject {
  const query = new URLSearchParams(given.url.split('?').slice(1).join('?'));
  const json = queryJson(route.rpc.method.input, query);
  const field = route.body === '' ? undefined : fieldOf(route.rpc.method.input, route.body);
  return field === undefined ? json : { ...json, [field.jsonName]: bodyOf(given.body) };
}

/** Whatever type it says it has: a body here is JSON. None is an empty object. */
function bodyOf(bytes: Uint8Array): JsonValue {
  if (bytes.length === 0) return {};
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (failure) {
    throw unreadable(failure);
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (failure) {
    throw unreadable(failure);
  }
}

function unreadable(failure: unknown): Problem {
  const reason = failure instanceof Error ? failure.message.slice(0, 300) : '';
  return new Problem('validation_failed', `The request cannot be read: ${reason}`, { cause: failure });
}

async function run(rpc: Rpc, message: Message, by: { call: RestCall; caller: Caller }): Promise<JsonValue> {
  const { method } = rpc;
  const context = createHandlerContext({
    service: method.parent,
    method,
    protocolName: 'rest',
    requestMethod: by.call.request.method ?? '',
    url: pathOf(by.call.request),
    contextValues: createContextValues().set(CALLER, by.caller),
  });
  const reply = create(method.output, await rpc.run(message, context));
  return toJson(method.output, reply, { alwaysEmitImplicit: true, useProtoFieldName: true });
}

function headersOf({ status, retryAfter }: Failure): Record<string, string> {
  if (status === 401) return { 'www-authenticate': 'Bearer' };
  return retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
}

function reply(
  { origin }: ApiParts,
  { response, request }: RestCall,
  answer: { status: number; json: JsonValue; headers?: Record<string, string> },
): void {
  const headers = {
    ...securityHeaders(origin),
    ...dataHeaders,
    'content-type': 'application/json',
    ...answer.headers,
  };
  if (!request.complete && request.httpVersionMajor === 1) response.setHeader('connection', 'close');
  response.writeHead(answer.status, headers).end(JSON.stringify(answer.json));
}
