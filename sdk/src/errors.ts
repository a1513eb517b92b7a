const DOCS = 'https://github.com/postern-id/postern/blob/main/docs/reference';

/** What every error of this package says beside its message. */
export interface ErrorFacts {
  /** The HTTP status, where an answer came. */
  readonly status?: number | undefined;
  /** Whether the same call may succeed a little later. */
  readonly retryable?: boolean | undefined;
  /** How long the server asks to wait, in seconds. */
  readonly retryAfterSeconds?: number | undefined;
  readonly docUrl?: string | undefined;
  /** The id under which the server's log has the request. */
  readonly requestId?: string | undefined;
  readonly cause?: unknown;
}

/**
 * The base of all errors here. Act on `code`, which is stable; `message` is for people and never holds a secret,
 * a code or a token.
 */
export class PosternError extends Error {
  override name = 'PosternError';
  readonly code: string;
  readonly status: number | undefined;
  readonly retryable: boolean;
  readonly retryAfterSeconds: number | undefined;
  readonly docUrl: string;
  readonly requestId: string | undefined;

  constructor(code: string, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    this.status = facts.status;
    this.retryable = facts.retryable ?? false;
    this.retryAfterSeconds = facts.retryAfterSeconds;
    this.docUrl = facts.docUrl ?? `${DOCS}/sdk.md#errors`;
    this.requestId = facts.requestId;
  }
}

/** A field of a request that the API could not use, under its name on the wire. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** The API refused a call. `code` is one of docs/reference/errors, such as `verification_failed`. */
export class PosternApiError extends PosternError {
  override name = 'PosternApiError';
  readonly violations: readonly FieldViolation[];

  constructor(
    code: string,
    message: string,
    facts: ErrorFacts & { violations?: readonly FieldViolation[] } = {},
  ) {
    super(code, message, { docUrl: `${DOCS}/errors/${code}.md`, ...facts });
    this.violations = facts.violations ?? [];
  }
}

/** The authorization or the token endpoint refused (RFC 6749, 4.1.2.1 and 5.2). `code` is its `error`. */
export class PosternOAuthError extends PosternError {
  override name = 'PosternOAuthError';

  constructor(code: string, message: string, facts: ErrorFacts = {}) {
    super(code, message, { docUrl: `${DOCS}/endpoints.md#errors-an-app-sees`, ...facts });
  }
}

/** No usable answer came: `network_error`, `timeout` or `invalid_answer`. */
export class PosternConnectionError extends PosternError {
  override name = 'PosternConnectionError';
}

/** A token is not what it should be; `code` begins with `token_`. */
export class PosternTokenError extends PosternError {
  override name = 'PosternTokenError';
}

/** The answer at the callback does not belong to the sign-in that was begun. */
export class PosternSignInError extends PosternError {
  override name = 'PosternSignInError';
}

/** A webhook or interceptor request is not signed by the holder of the secret, or not now. */
export class PosternSignatureError extends PosternError {
  override name = 'PosternSignatureError';
}

/** The caller passed something that no server could use; nothing was sent. */
export class PosternUsageError extends PosternError {
  override name = 'PosternUsageError';

  constructor(message: string) {
    super('invalid_argument', message);
  }
}

const TOKEN_LIKE = /\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)*/g;

/** `text` without the given secrets, and without anything that looks like a JWT. */
export function redact(text: string, secrets: readonly (string | undefined)[]): string {
  // A "secret" of a few characters would punch holes into ordinary words.
  const known = secrets.filter((secret) => secret !== undefined && secret.length >= 4) as string[];
  return known
    .reduce((rest, secret) => rest.replaceAll(secret, '[redacted]'), text)
    .replace(TOKEN_LIKE, '[redacted]');
}
