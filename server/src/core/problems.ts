/**
 * Every refusal that an API caller or a person can meet, by stable code. The code is the name of its
 * page under docs/reference/errors, and is rendered as RFC 9457 problem details in one place.
 */
export const problems = {
  invalid_request: { status: 400, title: 'The request is not well formed' },
  repeated_parameter: { status: 400, title: 'A parameter was sent more than once' },
  invalid_email: { status: 400, title: 'This is not an email address we can send to' },
  wrong_host: { status: 421, title: 'This server answers at another address' },
  cross_site_request: { status: 403, title: 'The form was sent from another site' },
  not_found: { status: 404, title: 'There is nothing at this address' },
  method_not_allowed: { status: 405, title: 'This address does not take that method' },
  body_too_large: { status: 413, title: 'The request body is too large' },
  unsupported_media_type: { status: 415, title: 'The request body has the wrong content type' },
  too_many_requests: { status: 429, title: 'Too many requests from this network' },
  headers_too_large: { status: 431, title: 'The request headers are too large' },
  internal_error: { status: 500, title: 'Something went wrong on our side' },
  unavailable: { status: 503, title: 'The server cannot take this request now' },
  client_not_found: { status: 404, title: 'No client has this id' },
  client_invalid: { status: 400, title: 'The client settings are not usable' },
  redirect_uri_invalid: { status: 400, title: 'The redirect URI cannot be registered' },
  setting_unknown: { status: 400, title: 'No setting has this name' },
  setting_invalid: { status: 400, title: 'The value does not fit the setting' },
  logo_invalid: { status: 400, title: 'The file cannot be a logo' },
  template_invalid: { status: 400, title: 'The template cannot be used' },
  template_not_found: { status: 404, title: 'There is no such template' },
  user_not_found: { status: 404, title: 'No user has this id or address' },
  mail_provider_not_found: { status: 404, title: 'No mail provider has this id' },
  mail_provider_invalid: { status: 400, title: 'The mail provider cannot be used like this' },
  webhook_refused: { status: 401, title: 'This report does not come from the mail provider' },
  configuration_invalid: { status: 500, title: 'The configuration cannot be used' },
  schema_newer: { status: 500, title: 'The database was written by a newer release' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof problems;

/** A refusal to a caller: rendered with its status, `code`, `detail` and the address of its page. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly detail: string;
  readonly data: Record<string, string | number>;
  override name = 'Problem';

  constructor(
    code: ProblemCode,
    detail: string,
    extra: { data?: Record<string, string | number>; cause?: unknown } = {},
  ) {
    super(`${code}: ${detail}`, { cause: extra.cause });
    this.code = code;
    this.detail = detail;
    this.data = extra.data ?? {};
  }

  get status(): number {
    return problems[this.code].status;
  }

  get title(): string {
    return problems[this.code].title;
  }
}
