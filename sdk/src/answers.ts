// What a refusal says becomes an error.
import {
  type FieldViolation,
  PosternApiError,
  PosternConnectionError,
  type PosternError,
  PosternOAuthError,
  redact,
} from './errors.ts';
import { type HttpAnswer, retryAfterSeconds } from './http.ts';
import { isRecord, type Json } from './json.ts';

type Secrets = readonly (string | undefined)[];

const WORDS: Readonly<Record<number, string>> = {
  401: 'unauthenticated',
  403: 'permission_denied',
  404: 'not_found',
  429: 'too_many_requests',
  501: 'unimplemented',
  503: 'unavailable',
};

/** The error that an answer of the API means: RFC 9457 problem details, or the status object of gRPC in JSON. */
export function apiErrorOf(answer: HttpAnswer, secrets: Secrets): PosternError {
  const { status, json } = answer;
  const info = errorInfoOf(json);
  const code =
    textIn(json, 'code') ?? textIn(info, 'error_code')?.toLowerCase() ?? WORDS[status] ?? 'invalid_answer';
  const message =
    textIn(json, 'detail') ?? textIn(json, 'message') ?? `The server answered with status ${status}`;
  return new PosternApiError(code, redact(message, secrets), {
    ...factsOf(answer),
    requestId:
      textIn(json, 'request_id') ?? textIn(partIn(info, 'request_info'), 'request_id') ?? requestIdOf(answer),
    violations: violationsIn(info, secrets),
    ...docOf(textIn(json, 'doc') ?? linkOf(info)),
  });
}

/** The error that an answer of an OAuth endpoint means (RFC 6749, 5.2). */
export function oauthErrorOf(answer: HttpAnswer, secrets: Secrets): PosternError {
  const error = textIn(answer.json, 'error');
  // A refusal from in front of the endpoint, such as a shed request, speaks as the API does.
  if (error === undefined) return apiErrorOf(answer, secrets);
  const message = textIn(answer.json, 'error_description') ?? error;
  return new PosternOAuthError(error, redact(message, secrets), {
    ...factsOf(answer),
    requestId: requestIdOf(answer),
  });
}

/** A text member that the answer cannot do without; throws `PosternConnectionError` when it is not there. */
export function requireText(json: Json | undefined, name: string): string {
  const value = textIn(json, name);
  if (value !== undefined) return value;
  throw new PosternConnectionError(
    'invalid_answer',
    `The answer lacks ${name}; is the address a Postern's own?`,
  );
}

function factsOf({ status, headers }: HttpAnswer) {
  return {
    status,
    retryable: status === 429 || status === 502 || status === 503 || status === 504,
    retryAfterSeconds: retryAfterSeconds(headers),
  };
}

function errorInfoOf(json: Json | undefined): Json | undefined {
  const details = Array.isArray(json?.details) ? json.details : [];
  return details.filter(isRecord).find((detail) => String(detail['@type']).endsWith('.ErrorInfo'));
}

function violationsIn(info: Json | undefined, secrets: Secrets): FieldViolation[] {
  const list = partIn(info, 'validation_error_info')?.field_violations;
  const violations = Array.isArray(list) ? list.filter(isRecord) : [];
  return violations.map((one) => ({
    field: textIn(one, 'field') ?? '',
    description: redact(textIn(one, 'description') ?? '', secrets),
  }));
}

function linkOf(info: Json | undefined): string | undefined {
  const links = partIn(info, 'help_info')?.links;
  return Array.isArray(links) && isRecord(links[0]) ? textIn(links[0], 'url') : undefined;
}

function docOf(docUrl: string | undefined): { docUrl?: string } {
  return docUrl === undefined ? {} : { docUrl };
}

function requestIdOf({ headers }: HttpAnswer): string | undefined {
  return headers.get('x-request-id') ?? undefined;
}

function partIn(json: Json | undefined, name: string): Json | undefined {
  const value = json?.[name];
  return isRecord(value) ? value : undefined;
}

function textIn(json: Json | undefined, name: string): string | undefined {
  const value = json?.[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
