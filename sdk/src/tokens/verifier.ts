import { isEqual, toBase64url, utf8 } from '../encoding.ts';
import { PosternTokenError } from '../errors.ts';
import type { CallOptions } from '../http.ts';
import { isRecord, type Json } from '../json.ts';
import {
  audienceOf,
  type Claims,
  requireAudience,
  requireIssuer,
  requireText,
  requireTime,
} from './claims.ts';
import { type Algorithm, type ParsedToken, parseToken, requireSignature } from './jwt.ts';
import type { KeySet } from './key-set.ts';

export interface VerifierOptions {
  readonly keys: KeySet;
  readonly issuer: string;
  readonly clientId: string;
  /** By how much the clocks of two machines may differ. */
  readonly toleranceSeconds: number;
  readonly now: () => number;
}

export interface IdTokenExpectations extends CallOptions {
  /** The nonce of the request; the token must have the same. */
  readonly nonce?: string | undefined;
  /** The token that came with it: `at_hash` must be there and fit. */
  readonly accessToken?: string | undefined;
  /** The code it was exchanged for: `c_hash` must be there and fit. */
  readonly code?: string | undefined;
  /** The user that an earlier ID token was about. */
  readonly subject?: string | undefined;
}

export interface AccessTokenExpectations extends CallOptions {
  /** The issuer to accept; the client's own by default. */
  readonly issuer?: string | undefined;
  /** The audiences to accept, one of which the token must have; the client's id by default. */
  readonly audience?: string | readonly string[] | undefined;
  /** Scopes that the token must all have. */
  readonly requiredScopes?: readonly string[] | undefined;
}

const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout';

/** Judges tokens of one server for one client. Each check throws `PosternTokenError` with a code that says which. */
export class TokenVerifier {
  readonly #options: VerifierOptions;

  constructor(options: VerifierOptions) {
    this.#options = options;
  }

  /** OpenID Connect Core 3.1.3.7, and the hashes of 3.3.2.11. */
  async idToken(text: unknown, expected: IdTokenExpectations = {}): Promise<Claims> {
    const token = parseToken(text, ['jwt', undefined]);
    const { claims } = token;
    const claimsOfUser = await this.#genuine(token, {}, expected);
    requireAuthorizedParty(claims, this.#options.clientId);
    if (expected.subject !== undefined && claims.sub !== expected.subject)
      throw new PosternTokenError('token_subject', 'The token is about another user');
    if (expected.nonce !== undefined && !isSame(claims.nonce, expected.nonce))
      throw new PosternTokenError('token_nonce', 'The token answers another request');
    await requireHash(token, 'at_hash', expected.accessToken);
    await requireHash(token, 'c_hash', expected.code);
    return claimsOfUser;
  }

  /** RFC 9068, 4. */
  async accessToken(text: unknown, expected: AccessTokenExpectations = {}): Promise<Claims> {
    const token = parseToken(text, ['at+jwt']);
    const claims = await this.#genuine(token, expected, expected);
    requireText(claims, 'client_id');
    const missing = (expected.requiredScopes ?? []).filter((scope) => !scopesOf(claims).includes(scope));
    if (missing.length > 0)
      throw new PosternTokenError('token_scope', `The token lacks the scope ${missing.join(' ')}`);
    return claims;
  }

  /** OpenID Connect Back-Channel Logout 1.0, 2.6. Whether a `jti` was seen before is the caller's to remember. */
  async logoutToken(text: unknown, call: CallOptions = {}): Promise<Claims> {
    const token = parseToken(text, ['logout+jwt']);
    const { claims } = token;
    // It may be about a session alone, without its user.
    const about = claims.sub === undefined ? 'sid' : 'sub';
    const genuine = await this.#genuine(token, {}, { ...call, about });
    requireText(claims, 'jti');
    const isLogout = isRecord(claims.events) && isRecord(claims.events[LOGOUT_EVENT]);
    if (!isLogout || 'nonce' in claims)
      throw new PosternTokenError('token_claim', 'The token tells of no logout');
    return genuine;
  }

  async #genuine(
    token: ParsedToken,
    accepted: Pick<AccessTokenExpectations, 'issuer' | 'audience'>,
    call: CallOptions & { about?: string },
  ): Promise<Claims> {
    const { keys, issuer, clientId, toleranceSeconds, now } = this.#options;
    await requireSignature(token, keys, call);
    requireIssuer(token.claims, accepted.issuer ?? issuer);
    requireAudience(token.claims, [accepted.audience ?? clientId].flat());
    requireTime(token.claims, { now: now(), toleranceSeconds });
    requireText(token.claims, call.about ?? 'sub');
    return token.claims as Claims;
  }
}

/** The scopes of a token: its `scope` (RFC 9068), or the list `scopes` that says the same. */
export function scopesOf(claims: Json): readonly string[] {
  if (typeof claims.scope === 'string') return claims.scope.split(' ').filter((scope) => scope !== '');
  const { scopes } = claims;
  return Array.isArray(scopes) ? scopes.filter((scope) => typeof scope === 'string' && scope !== '') : [];
}

function requireAuthorizedParty(claims: Json, clientId: string): void {
  const mayLack = audienceOf(claims).length === 1;
  if (claims.azp === clientId || (mayLack && claims.azp === undefined)) return;
  throw new PosternTokenError('token_authorized_party', 'The token was issued to another client');
}

function isSame(value: unknown, expected: string): boolean {
  return typeof value === 'string' && isEqual(utf8.encode(value), utf8.encode(expected));
}

async function requireHash(
  { claims, alg }: ParsedToken,
  name: string,
  content: string | undefined,
): Promise<void> {
  if (content === undefined) return;
  if (isSame(claims[name], await halfHash(content, alg))) return;
  throw new PosternTokenError('token_hash', `The token's ${name} does not fit what came with it`);
}

/** The left half of a hash: of the signature's own length, and for Ed25519 the one it uses inside. */
async function halfHash(content: string, alg: Algorithm): Promise<string> {
  const hash = alg === 'EdDSA' ? 'SHA-512' : 'SHA-256';
  const digest = new Uint8Array(await crypto.subtle.digest(hash, utf8.encode(content)));
  return toBase64url(digest.subarray(0, digest.length / 2));
}
