import { createHash } from 'node:crypto';
import { decodeProtectedHeader, jwtVerify, SignJWT } from 'jose';
import type { AccessToken, ClientCredentials, IdToken, default as Provider } from 'oidc-provider';
import { SECOND } from '../core/units.ts';
import type { Claims } from '../events/interceptors/answer.ts';
import type { Clock } from '../platform/clock.ts';
import { newId } from '../platform/random.ts';
import type { SettingValues } from '../settings/definitions.ts';
import type { SigningKey } from './keys.ts';

export interface TokenParts {
  readonly clock: Clock;
  readonly ring: readonly SigningKey[];
  readonly settings: () => SettingValues;
  /** What the owner's interceptor wants in the tokens of a session. */
  readonly claimsOf: (sid: string) => Promise<Claims | undefined>;
}

type Token = AccessToken | ClientCredentials;

/** The JWT that was made of a token, so that the ID token beside it can carry its hash. */
const made = new WeakMap<object, string>();

/**
 * Gives the tokens their form on the wire. The library stores opaque tokens or signs JWTs that it then
 * forgets; ours are JWTs (RFC 9068) that are stored under their `jti` too, so that every one can be
 * looked up, introspected and revoked. docs/decisions/0004-seams-of-oidc-provider.md lists what is replaced.
 */
export function installTokenFormats(provider: Provider, parts: TokenParts): void {
  installJwtForm(provider.AccessToken, provider.issuer, parts);
  installJwtForm(provider.ClientCredentials, provider.issuer, parts);
  const issue = provider.IdToken.prototype.issue;
  Object.assign(provider.IdToken.prototype, {
    issue(this: IdToken, options: Parameters<typeof issue>[0]) {
      return options.use === 'idtoken'
        ? issueIdToken(this, provider.issuer, parts)
        : issue.call(this, options);
    },
  });
}

interface JwtModel {
  prototype: object;
  find(value: string, options?: object): Promise<unknown>;
}

function installJwtForm(model: JwtModel, issuer: string, parts: TokenParts): void {
  const stored: unknown = Reflect.get(model.prototype, 'getValueAndPayload');
  if (typeof stored !== 'function')
    throw new Error('oidc-provider has changed: tokens have no getValueAndPayload');
  const find = model.find.bind(model);
  Object.assign(model.prototype, {
    generateTokenId(this: { format?: string }) {
      this.format = 'opaque';
      return newId('tkn', parts.clock.now());
    },
    async getValueAndPayload(this: Token) {
      const { payload } = await stored.call(this);
      const value = await signAccessToken(this, { issuer, parts, payload });
      made.set(this, value);
      return { value, payload };
    },
  });
  Object.assign(model, {
    async find(value: string, options?: object) {
      const id = await tokenId(value, issuer, parts);
      return id === undefined ? undefined : find(id, options);
    },
  });
}

/** The `jti` of an access token that we signed ourselves, whether or not it has expired. */
async function tokenId(value: unknown, issuer: string, parts: TokenParts): Promise<string | undefined> {
  if (typeof value !== 'string' || value.length > 8000) return undefined;
  try {
    const jwt = withoutMark(value);
    const { kid, alg } = decodeProtectedHeader(jwt);
    const key = parts.ring.find((candidate) => candidate.kid === kid && candidate.alg === alg);
    if (key === undefined) return undefined;
    const expected = { issuer, typ: 'at+jwt', algorithms: [key.alg], currentDate: new Date(0) };
    return (await jwtVerify(jwt, key.publicKey, expected)).payload.jti;
  } catch {
    return undefined; // not one of ours: to the library, a token that is not there
  }
}

/** The library refuses whatever looks like a JWT at introspection and revocation; marked, ours gets through. */
const MARK = 'stored:';

export function markStoredToken(value: string): string {
  return value.startsWith('eyJ') ? MARK + value : value;
}

function withoutMark(value: string): string {
  return value.startsWith(MARK) ? value.slice(MARK.length) : value;
}

interface Signing {
  issuer: string;
  parts: TokenParts;
  payload: { iat: number; exp: number };
}

async function signAccessToken(token: Token, { issuer, parts, payload }: Signing): Promise<string> {
  const clientId = token.clientId ?? '';
  const person =
    'accountId' in token && typeof token.accountId === 'string'
      ? { sub: token.accountId, sid: token.sid }
      : { sub: clientId };
  const claims = {
    ...person,
    iss: issuer,
    aud: [clientId],
    client_id: clientId,
    jti: token.jti,
    iat: payload.iat,
    exp: payload.exp,
    scope: token.scope ?? '',
    scopes: [...token.scopes],
    ...(await customClaims('sid' in token ? token.sid : undefined, parts)),
  };
  const key = signingKey(parts.ring, token.client?.idTokenSignedResponseAlg ?? 'RS256');
  return new SignJWT(claims)
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'at+jwt' })
    .sign(key.privateKey);
}

async function issueIdToken(token: IdToken, issuer: string, parts: TokenParts): Promise<string> {
  const { ctx, client, available } = token;
  const key = signingKey(parts.ring, client.idTokenSignedResponseAlg ?? 'RS256');
  const now = Math.floor(parts.clock.now() / SECOND);
  const claims = {
    ...(await token.payload()),
    iss: issuer,
    aud: [client.clientId],
    azp: client.clientId,
    client_id: client.clientId,
    iat: now,
    exp: now + parts.settings()['tokens.id_seconds'],
    auth_time: available.auth_time,
    acr: available.acr,
    amr: available.amr,
    ...hashes(ctx, key.alg),
    ...(await customClaims(ctx.oidc.entities.AccessToken?.sid, parts)),
  };
  return new SignJWT(claims)
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'JWT' })
    .sign(key.privateKey);
}

async function customClaims(sid: string | undefined, parts: TokenParts): Promise<{ custom_claims?: Claims }> {
  const claims = sid === undefined ? undefined : await parts.claimsOf(sid);
  return claims === undefined ? {} : { custom_claims: claims };
}

/** `at_hash` and `c_hash`: the left half of the hash that belongs to the algorithm (OpenID Connect Core 3.1.3.6). */
function hashes(ctx: IdToken['ctx'], alg: string): { at_hash?: string; c_hash?: string } {
  const accessToken = ctx.oidc.entities.AccessToken && made.get(ctx.oidc.entities.AccessToken);
  const code = ctx.oidc.params?.code;
  return {
    ...(accessToken && { at_hash: leftHalf(accessToken, alg) }),
    ...(typeof code === 'string' && { c_hash: leftHalf(code, alg) }),
  };
}

function leftHalf(value: string, alg: string): string {
  const digest = createHash(alg === 'EdDSA' ? 'sha512' : 'sha256')
    .update(value)
    .digest();
  return digest.subarray(0, digest.length / 2).toString('base64url');
}

function signingKey(ring: readonly SigningKey[], alg: string): SigningKey {
  const key = ring.find((candidate) => candidate.alg === alg && candidate.state === 'current');
  if (key === undefined) throw new Error(`there is no current signing key for ${alg}`);
  return key;
}
