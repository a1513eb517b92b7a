/** Instead of a secret. */
const REDACTED = '[redacted]';

/** A value under a name that holds one of these words is never written. */
const SECRET_WORDS = new Set([
  'assertion',
  'auth',
  'authorization',
  'code',
  'codes',
  'cookie',
  'cookies',
  'credentials',
  'link',
  'links',
  'magiclink',
  'otp',
  'pass',
  'passwd',
  'password',
  'secret',
  'secrets',
  'token',
  'tokens',
  'verifier',
]);

/** Codes that say what went wrong, not who someone is. */
const PLAIN_NAMES = new Set(['statuscode', 'errorcode', 'problemcode', 'exitcode']);

/** Secrets by their look, wherever they stand in a text: what precedes one stays, for the reader. */
const SECRET_LOOKS: readonly RegExp[] = [
  /(\/(?:l|not-me)\/)[\w-]{16,}/g,
  /(^|[?&#;\s"'(])((?:code|otp|authorization_code|auth_session|token|access_token|refresh_token|id_token|id_token_hint|client_secret|link|code_verifier|code_challenge|login_hint|ticket)=)[^&\s"']+/gi,
  /(\b(?:Bearer|Basic)\s+)[\w.~+/=-]{8,}/gi,
  /(\b(?:set-)?cookie:\s*)[^\r\n]+/gi,
  /()\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)*/g,
  /(\b(?:test|live)_)[\w-]{20,}/g,
  /(\bwhsec_)[\w+/=-]{8,}/g,
  /(\bfpc_)[\w-]{20,}/g,
  /(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@]+(?=@)/gi,
];

const DEPTH_MAX = 6;
const ITEMS_MAX = 100;
const TEXT_MAX = 8000;

/**
 * A copy that is safe to write: no value under a secret's name, no secret inside a text, errors as plain
 * objects with their causes, bounded in depth and size.
 */
export function redacted(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactedText(value);
  if (typeof value === 'bigint' || typeof value === 'symbol' || typeof value === 'function')
    return String(value).slice(0, 100);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= DEPTH_MAX) return '[deeper]';
  if (value instanceof Error) return errorFields(value, depth);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return value.slice(0, ITEMS_MAX).map((item) => redacted(item, depth + 1));
  const entries = Object.entries(value).slice(0, ITEMS_MAX);
  return Object.fromEntries(
    entries.map(([name, item]) => [name, isSecretName(name) ? REDACTED : redacted(item, depth + 1)]),
  );
}

/** A text without the secrets that can be told by their look. */
export function redactedText(text: string): string {
  const kept = text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text;
  return SECRET_LOOKS.reduce(
    (clean, look) =>
      clean.replace(look, (_match, before: string, name: unknown) =>
        typeof name === 'string' ? `${before}${name}${REDACTED}` : `${before}${REDACTED}`,
      ),
    kept,
  );
}

/** `clientSecret`, `client_secret`, `set-cookie`: judged word by word. */
function isSecretName(name: string): boolean {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/);
  return !PLAIN_NAMES.has(words.join('')) && words.some((word) => SECRET_WORDS.has(word));
}

/** An error's `code` is its kind (ECONNREFUSED, 23505): written as `errorCode`. */
function errorFields(error: Error, depth: number): Record<string, unknown> {
  const errorCode = 'code' in error ? error.code : undefined;
  return {
    type: error.name,
    message: redactedText(error.message),
    ...(typeof errorCode === 'string' || typeof errorCode === 'number' ? { errorCode } : {}),
    ...(error.stack === undefined ? {} : { stack: redactedText(error.stack) }),
    ...(error.cause === undefined ? {} : { cause: redacted(error.cause, depth + 1) }),
    ...(error instanceof AggregateError
      ? { errors: error.errors.slice(0, 5).map((one: unknown) => redacted(one, depth + 1)) }
      : {}),
  };
}
