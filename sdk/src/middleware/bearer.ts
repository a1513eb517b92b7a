import type { PosternTokenError } from '../errors.ts';
import type { Claims } from '../tokens/claims.ts';
import { type AccessTokenExpectations, scopesOf } from '../tokens/verifier.ts';

/** What a handler learns about its caller. */
export interface Auth {
  /** The user; for a token of a client itself, the client. */
  readonly subject: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly sessionId: string | undefined;
  readonly claims: Claims;
  readonly token: string;
}

export type RequireAuthOptions = Pick<AccessTokenExpectations, 'issuer' | 'audience' | 'requiredScopes'>;

/** Any `PosternClient`, of whichever build of this package. */
export interface TokenValidator {
  validateToken(token: unknown, expected?: AccessTokenExpectations): Promise<Claims>;
}

/** A refusal as RFC 6750 (3) words it, for a framework to send. */
export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { readonly error: string; readonly error_description: string };
}

export type Verdict =
  | { readonly auth: Auth; readonly refusal?: undefined }
  | { readonly auth?: undefined; readonly refusal: Refusal };

const BEARER = /^bearer +([\w.~+/-]+=*) *$/i;

/** Judges the `Authorization` header of a request. Throws only what is a fault of the program. */
export async function judgeBearer(
  client: TokenValidator,
  authorization: string | null | undefined,
  options: RequireAuthOptions,
): Promise<Verdict> {
  const token = BEARER.exec(authorization ?? '')?.[1];
  if (token === undefined) return { refusal: refusalWithoutToken(authorization ?? '') };
  try {
    const claims = await client.validateToken(token, options);
    return { auth: authOf(claims, token) };
  } catch (failure) {
    return { refusal: refusalOf(failure, options) };
  }
}

function authOf(claims: Claims, token: string): Auth {
  const { sub: subject, sid: sessionId } = claims;
  return { subject, clientId: String(claims.client_id), scopes: scopesOf(claims), sessionId, claims, token };
}

function refusalWithoutToken(authorization: string): Refusal {
  if (/^bearer\b/i.test(authorization))
    return refusal(400, { error: 'invalid_request', description: 'The Authorization header holds no token' });
  const body = { error: 'unauthorized', error_description: 'This needs an access token' };
  // Who sent no token is told of no error (RFC 6750, 3.1).
  return { status: 401, headers: { 'www-authenticate': 'Bearer' }, body };
}

function refusalOf(failure: unknown, options: RequireAuthOptions): Refusal {
  // By name: the client may be of the other build of this package, whose classes are not these.
  const name = failure instanceof Error ? failure.name : '';
  if (name === 'PosternTokenError') return refusalOfToken(failure as PosternTokenError, options);
  if (name !== 'PosternConnectionError' && name !== 'PosternApiError') throw failure;
  const body = {
    error: 'temporarily_unavailable',
    error_description: 'The keys to check the token are not at hand',
  };
  return { status: 503, headers: { 'retry-after': '5' }, body };
}

function refusalOfToken(
  { code, message: description }: PosternTokenError,
  options: RequireAuthOptions,
): Refusal {
  if (code !== 'token_scope') return refusal(401, { error: 'invalid_token', description });
  return refusal(403, { error: 'insufficient_scope', description, scope: options.requiredScopes?.join(' ') });
}

function refusal(
  status: number,
  said: { error: string; description: string; scope?: string | undefined },
): Refusal {
  const { error, description, scope } = said;
  const quoted = (text: string) => text.replace(/[^\x20-\x7e]|["\\]/g, "'");
  const scopes = scope === undefined ? '' : `, scope="${quoted(scope)}"`;
  const challenge = `Bearer error="${error}", error_description="${quoted(description)}"${scopes}`;
  return {
    status,
    headers: { 'www-authenticate': challenge },
    body: { error, error_description: description },
  };
}

export function responseOf({ status, headers, body }: Refusal): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { ...headers, 'content-type': 'application/json' },
  });
}
