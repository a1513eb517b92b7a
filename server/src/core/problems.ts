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
  unauthenticated: { status: 401, title: 'The request carries no valid client token' },
  permission_denied: { status: 403, title: 'This client may not call the API' },
  validation_failed: { status: 400, title: 'A field of the request cannot be used' },
  unimplemented: { status: 501, title: 'This deployment does not serve that call' },
  page_token_invalid: { status: 400, title: 'The page token cannot be used' },
  auth_request_not_found: { status: 404, title: 'No sign-in has this id' },
  auth_request_expired: { status: 400, title: 'The time of this sign-in is over' },
  auth_request_id_required: { status: 400, title: 'The id of the sign-in is missing' },
  verification_failed: { status: 400, title: 'The code or link is not right' },
  too_many_attempts: { status: 429, title: 'Too many codes or mails for this sign-in or address' },
  magiclink_auth_uri_required: { status: 400, title: 'The address that the mailed link leads to is missing' },
  magiclink_auth_uri_not_allowed: { status: 400, title: 'The mailed link may not lead there' },
  template_variable_missing: { status: 400, title: 'The template needs a variable that was not given' },
  user_exists: { status: 409, title: 'There is already a user with this address or external id' },
  session_not_found: { status: 404, title: 'No session has this id' },
  connection_not_active: { status: 400, title: 'Nobody can sign in here at the moment' },
  connection_not_found: { status: 404, title: 'No connection has this id' },
  client_secret_not_found: { status: 404, title: 'No secret of this client has this id' },
  webhook_endpoint_not_found: { status: 404, title: 'No webhook endpoint has this id' },
  webhook_endpoint_invalid: { status: 400, title: 'The webhook endpoint cannot be used like this' },
  delivery_not_found: { status: 404, title: 'No delivery has this id' },
  interceptor_not_found: { status: 404, title: 'No interceptor has this id' },
  interceptor_invalid: { status: 400, title: 'The interceptor cannot be used like this' },
  configuration_invalid: { status: 500, title: 'The configuration cannot be used' },
  schema_newer: { status: 500, title: 'The database was written by a newer release' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof problems;

/** What is wrong with one field of a request; `constraint` names the rule in a word, such as `max_len`. */
export interface Violation {
  readonly field: string;
  readonly description: string;
  readonly constraint: string;
}

/** A refusal to a caller: rendered with its status, `code`, `detail` and the address of its page. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly detail: string;
  readonly data: Record<string, string | number>;
  readonly violations: readonly Violation[];
  override name = 'Problem';

  constructor(
    code: ProblemCode,
    detail: string,
    extra: {
      data?: Record<string, string | number>;
      violations?: readonly Violation[];
      cause?: unknown;
    } = {},
  ) {
    super(`${code}: ${detail}`, { cause: extra.cause });
    this.code = code;
    this.detail = detail;
    this.data = extra.data ?? {};
    this.violations = extra.violations ?? [];
  }

  get status(): number {
    return problems[this.code].status;
  }

  get title(): string {
    return problems[this.code].title;
  }
}
