import { create, type JsonObject, type MessageInitShape, toJson } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { ErrorInfoSchema } from '../../../generated/scalekit/v1/errdetails/errdetails_pb.js';
import { Problem } from '../../core/problems.ts';
import { asProblem, docOf } from '../../platform/http/problems.ts';

/** A refusal as every protocol tells it in its own form. */
export interface Failure {
  readonly code: Code;
  /** Of HTTP, for REST. */
  readonly status: number;
  readonly message: string;
  /** Seconds after which it may go better; where it is a matter of time. */
  readonly retryAfter?: number;
  readonly info: MessageInitShape<typeof ErrorInfoSchema>;
}

/** What a caller may know of a failure. */
export function failureOf(failure: unknown, requestId: string): Failure {
  if (failure instanceof ConnectError && failure.code === Code.DeadlineExceeded) return late(requestId);
  const problem = asProblem(failure);
  const info: Failure['info'] = {
    errorCode: problem.code.toUpperCase(),
    requestInfo: { requestId },
    helpInfo: { links: [{ description: problem.title, url: docOf(problem.code) }] },
    ...(problem.violations.length > 0 && {
      validationErrorInfo: { fieldViolations: problem.violations.map((violation) => ({ ...violation })) },
    }),
  };
  const { status, detail: message } = problem;
  return { code: codeOf(problem), status, message, info, ...waitOf(problem) };
}

/** Where nobody knows how long, a moment. */
const MOMENT = 2;

function waitOf({ status, data }: Problem): { retryAfter?: number } {
  if (status !== 429 && status !== 503) return {};
  return { retryAfter: typeof data.retry_after === 'number' ? data.retry_after : MOMENT };
}

export function isOurFault({ code }: Failure): boolean {
  return code === Code.Internal || code === Code.Unavailable;
}

function late(requestId: string): Failure {
  const info = { errorCode: 'DEADLINE_EXCEEDED', requestInfo: { requestId } };
  return { code: Code.DeadlineExceeded, status: 504, message: 'The deadline of the call has passed.', info };
}

/**
 * A client that sees 16 asks for a new token and sends the call again, and one that sees 14 sends it again as it
 * is: so no refusal but these means one of them.
 */
function codeOf(problem: Problem): Code {
  if (problem.code === 'auth_request_expired') return Code.FailedPrecondition;
  if (problem.code === 'unauthenticated') return Code.Unauthenticated;
  return CODES[problem.status] ?? (problem.status < 500 ? Code.InvalidArgument : Code.Internal);
}

const CODES: Readonly<Record<number, Code>> = {
  403: Code.PermissionDenied,
  404: Code.NotFound,
  409: Code.AlreadyExists,
  429: Code.ResourceExhausted,
  501: Code.Unimplemented,
  503: Code.Unavailable,
};

export function toConnectError({ code, message, info, retryAfter }: Failure): ConnectError {
  const metadata = retryAfter === undefined ? undefined : { 'retry-after': String(retryAfter) };
  return new ConnectError(message, code, metadata, [{ desc: ErrorInfoSchema, value: info }]);
}

export function toRestError({ code, message, info }: Failure): JsonObject {
  const json = toJson(ErrorInfoSchema, create(ErrorInfoSchema, info), { useProtoFieldName: true });
  const fields = typeof json === 'object' && json !== null && !Array.isArray(json) ? json : {};
  return {
    code,
    message,
    details: [{ '@type': `type.googleapis.com/${ErrorInfoSchema.typeName}`, ...fields }],
  };
}

/** Nobody serves this call. */
export function unserved(path: string): Problem {
  return new Problem('unimplemented', `This deployment does not serve ${path.slice(0, 120)}.`);
}
