// One sign-in from the app's side: what is remembered when it begins, and what the answer must fit.
import { isEqual, randomToken, toBase64url, utf8 } from './encoding.ts';
import { PosternOAuthError, PosternSignInError, PosternUsageError, redact } from './errors.ts';
import { isRecord } from './json.ts';
import { pack, unpack } from './packing.ts';
import { sha256 } from './sha256.ts';

/** What a sign-in is begun with, to be compared with its answer. */
export interface PendingSignIn {
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
  readonly redirectUri: string;
}

/** The callback as its whole address, its query, or the parameters that a framework has read from it. */
export type Callback = string | URL | URLSearchParams | Readonly<Record<string, unknown>>;

export function newSignIn(redirectUri: string): PendingSignIn {
  return { state: randomToken(), nonce: randomToken(), codeVerifier: randomToken(), redirectUri };
}

/** The S256 challenge of a PKCE verifier (RFC 7636, 4.2). */
export function challengeOf(codeVerifier: string): string {
  return toBase64url(sha256(utf8.encode(codeVerifier)));
}

export function packSignIn({ state, nonce, codeVerifier, redirectUri }: PendingSignIn): string {
  return pack(state, nonce, codeVerifier, redirectUri);
}

export function unpackSignIn(packed: unknown): PendingSignIn {
  const [state = '', nonce = '', codeVerifier = '', redirectUri = ''] = unpack(packed, 4);
  return { state, nonce, codeVerifier, redirectUri };
}

/**
 * The authorization code of a callback that answers this very sign-in: same `state`, and the `iss` of the server that
 * was asked (RFC 9207). Throws `PosternSignInError` for any other, `PosternOAuthError` for a refusal.
 */
export function codeOf(
  callback: Callback,
  { pending, issuer }: { pending: PendingSignIn; issuer: string },
): string {
  const parameters = parametersOf(callback);
  const [state, iss, error, code] = ['state', 'iss', 'error', 'code'].map((name) =>
    parameterOf(parameters, name),
  );
  if (state === undefined || !isEqual(utf8.encode(state), utf8.encode(pending.state)))
    throw new PosternSignInError(
      'state_mismatch',
      'The answer belongs to another sign-in, or to another browser',
    );
  if (iss !== issuer)
    throw new PosternSignInError('issuer_mismatch', 'The answer is not from the server that was asked');
  if (error !== undefined)
    throw new PosternOAuthError(
      error,
      redact(parameterOf(parameters, 'error_description') ?? error, Object.values(pending)),
    );
  if (!code) throw new PosternSignInError('code_missing', 'The answer has no code');
  return code;
}

type Parameters = ReadonlyMap<string, readonly unknown[]>;

function parametersOf(callback: Callback): Parameters {
  const pairs = callback instanceof URLSearchParams ? callback : queryOf(callback);
  if (!(pairs instanceof URLSearchParams)) {
    return new Map(
      Object.entries(pairs).map(([name, value]) => [name, value === undefined ? [] : [value].flat()]),
    );
  }
  return new Map([...pairs.keys()].map((name) => [name, pairs.getAll(name)]));
}

function queryOf(
  callback: Exclude<Callback, URLSearchParams>,
): URLSearchParams | Readonly<Record<string, unknown>> {
  if (callback instanceof URL) return callback.searchParams;
  if (typeof callback === 'string')
    return new URLSearchParams(callback.replace(/^[^?]*\?/, '').replace(/#.*$/, ''));
  if (isRecord(callback)) return callback;
  throw new PosternUsageError('The callback must be its address, its query or its parameters');
}

function parameterOf(parameters: Parameters, name: string): string | undefined {
  const values = parameters.get(name) ?? [];
  const [value] = values;
  // Which of two would count is for no one to guess (RFC 6749, 3.1).
  if (values.length > 1 || (value !== undefined && typeof value !== 'string'))
    throw new PosternSignInError('callback_invalid', `The answer has ${name} more than once, or not as text`);
  return value;
}
