import { Problem, type ProblemCode } from '../../core/problems.ts';

/** RFC 9457 problem details, with the stable `code`, the page that explains it and the id in our log. */
export function problemBody(problem: Problem, about: { requestId: string; origin: string }): string {
  return JSON.stringify({
    type: docOf(problem.code),
    title: problem.title,
    status: problem.status,
    detail: problem.detail,
    code: problem.code,
    doc: docOf(problem.code),
    request_id: about.requestId,
    ...problem.data,
  });
}

/** Where a code is explained; the same text ships with the source under docs/reference/errors. */
export function docOf(code: ProblemCode): string {
  return `https://github.com/postern-id/postern/blob/main/docs/reference/errors/${code}.md`;
}

/** What a caller may know of a failure: a `Problem` as it is, anything else as `internal_error`. */
export function asProblem(failure: unknown): Problem {
  if (failure instanceof Problem) return failure;
  const known = problemOfStatus(statusOf(failure));
  if (known !== undefined) return new Problem(known.code, known.detail, { cause: failure });
  return new Problem(
    'internal_error',
    'The request was not carried out. Try again; the request id is in our log.',
    { cause: failure },
  );
}

function statusOf(failure: unknown): number {
  return failure instanceof Error && 'statusCode' in failure ? Number(failure.statusCode) : 500;
}

function problemOfStatus(status: number): { code: ProblemCode; detail: string } | undefined {
  switch (status) {
    case 400:
      return { code: 'invalid_request', detail: 'The request could not be read.' };
    case 414:
      return { code: 'not_found', detail: 'No address here is that long.' };
    case 413:
      return {
        code: 'body_too_large',
        detail: 'Forms here are at most 16 kB, reports of mail providers 256 kB.',
      };
    case 415:
      return { code: 'unsupported_media_type', detail: 'Send application/x-www-form-urlencoded.' };
    case 503:
      return { code: 'unavailable', detail: 'Try again in a moment.' };
    default:
      return undefined;
  }
}
