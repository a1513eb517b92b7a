import { PosternTokenError } from '../errors.ts';
import type { Json } from '../json.ts';

const SUBJECT_CHARACTERS_MAX = 255;

/** The claims that every token here has; instants in seconds since 1970. */
export interface Claims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: string | readonly string[];
  readonly iat: number;
  readonly exp: number;
  readonly nbf?: number;
  readonly jti?: string;
  readonly sid?: string;
  readonly [claim: string]: unknown;
}

export interface ClockTime {
  /** Now, in milliseconds since 1970. */
  readonly now: number;
  readonly toleranceSeconds: number;
}

/** The issuer must be the same to the letter (OpenID Connect Core, 3.1.3.7): no slash more, no other case. */
export function requireIssuer(claims: Json, issuer: string): void {
  if (claims.iss !== issuer) throw new PosternTokenError('token_issuer', 'The token is of another issuer');
}

export function audienceOf({ aud }: Json): readonly string[] {
  const list = typeof aud === 'string' ? [aud] : Array.isArray(aud) ? aud : [];
  return list.every((one) => typeof one === 'string') ? list : [];
}

export function requireAudience(claims: Json, accepted: readonly string[]): void {
  if (audienceOf(claims).some((one) => accepted.includes(one))) return;
  throw new PosternTokenError('token_audience', 'The token is not meant for this audience');
}

/** `exp` and `iat` must be there, and now must be between what `iat` or `nbf` and `exp` say. */
export function requireTime(claims: Json, { now, toleranceSeconds }: ClockTime): void {
  const [exp, iat] = [numberOf(claims, 'exp'), numberOf(claims, 'iat')];
  const nbf = claims.nbf === undefined ? iat : numberOf(claims, 'nbf');
  const seconds = now / 1000;
  if (seconds >= exp + toleranceSeconds)
    throw new PosternTokenError('token_expired', 'The token has expired');
  if (seconds < Math.max(nbf, iat) - toleranceSeconds)
    throw new PosternTokenError(
      'token_not_yet_valid',
      'The token is from the future; compare the clocks of both machines',
    );
}

function numberOf(claims: Json, name: string): number {
  const value = claims[name];
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
  throw new PosternTokenError('token_claim', `The token's ${name} is not a number of seconds`);
}

/** A claim that must be text and not empty. */
export function requireText(claims: Json, name: string): string {
  const value = claims[name];
  if (typeof value === 'string' && value !== '' && value.length <= SUBJECT_CHARACTERS_MAX) return value;
  throw new PosternTokenError('token_claim', `The token has no usable ${name}`);
}
