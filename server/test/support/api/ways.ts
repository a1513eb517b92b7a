import assert from 'node:assert/strict';
import { type DescMethodUnary, fromJson, type JsonObject, toJson } from '@bufbuild/protobuf';
import { type Code, ConnectError, type Transport } from '@connectrpc/connect';
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from '@connectrpc/connect-node';
import { ErrorInfoSchema } from '../../../generated/scalekit/v1/errdetails/errdetails_pb.js';
import { restCall } from './calls.ts';

/** What a caller learns, in whatever protocol. */
export type Outcome = { reply: JsonObject } | { code: Code; message: string; info: JsonObject };

export interface Call {
  readonly method: DescMethodUnary;
  readonly request: JsonObject;
  readonly token: string | undefined;
  /** The same call as somebody makes it with curl. */
  readonly rest: { readonly verb: string; readonly path: string; readonly body?: JsonObject };
}

export interface Way {
  readonly name: string;
  call(call: Call): Promise<Outcome>;
}

/** Every way to make a call, the first one gRPC. */
export function waysTo(baseUrl: string): [Way, ...Way[]] {
  return [
    overTransport('gRPC over h2c', createGrpcTransport({ baseUrl })),
    overTransport('gRPC with JSON', createGrpcTransport({ baseUrl, useBinaryFormat: false })),
    overTransport('gRPC-Web over HTTP/1.1', createGrpcWebTransport({ baseUrl, httpVersion: '1.1' })),
    overTransport('gRPC-Web over h2c', createGrpcWebTransport({ baseUrl, httpVersion: '2' })),
    overTransport(
      'Connect JSON over HTTP/1.1',
      createConnectTransport({ baseUrl, httpVersion: '1.1', useBinaryFormat: false }),
    ),
    overTransport(
      'Connect binary over h2c',
      createConnectTransport({ baseUrl, httpVersion: '2', useBinaryFormat: true }),
    ),
    { name: 'REST', call: (call) => overRest(baseUrl, call) },
  ];
}

function overTransport(name: string, transport: Transport): Way {
  return {
    name,
    call: async ({ method, request, token }) => {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const message = fromJson(method.input, request);
      try {
        const answer = await transport.unary(method, undefined, undefined, headers, message);
        return { reply: toJson(method.output, answer.message) as JsonObject };
      } catch (failure) {
        assert.ok(failure instanceof ConnectError, String(failure));
        const [info] = failure.findDetails(ErrorInfoSchema);
        assert.ok(info, `${name} has no ErrorInfo: ${failure.message}`);
        return {
          code: failure.code,
          message: failure.rawMessage,
          info: toJson(ErrorInfoSchema, info) as JsonObject,
        };
      }
    },
  };
}

async function overRest(baseUrl: string, { method, token, rest }: Call): Promise<Outcome> {
  const headers = { ...(token && { authorization: `Bearer ${token}` }) };
  const { status, json } = await restCall(baseUrl + rest.path, {
    method: rest.verb,
    headers,
    ...(rest.body && { body: JSON.stringify(rest.body) }),
  });
  if (status === 200) return { reply: toJson(method.output, fromJson(method.output, json)) as JsonObject };
  const { code, message, details } = json as { code: Code; message: string; details: JsonObject[] };
  const { '@type': type, ...info } = details[0] ?? {};
  assert.equal(type, 'type.googleapis.com/scalekit.v1.errdetails.ErrorInfo');
  return { code, message, info: toJson(ErrorInfoSchema, fromJson(ErrorInfoSchema, info)) as JsonObject };
}

/** Without what differs from call to call. */
export function comparable(outcome: Outcome): string {
  if ('reply' in outcome) return JSON.stringify(outcome).replace(/"[\w-]{50}"|"\d{10}"/g, '"new"');
  const { requestInfo, ...info } = outcome.info;
  assert.match(JSON.stringify(requestInfo), /"req_\d+"/);
  return JSON.stringify({ ...outcome, info }).replace(/serve [^"]*\./, 'serve it.');
}
