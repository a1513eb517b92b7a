import type { OidcParts } from './oidc.ts';

/** What a JWT is made of; the library's own look-up takes more than that. */
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/**
 * The client that a token of the `client_credentials` grant was issued to; undefined for every other token, and
 * for one that has expired or was revoked. Nothing is remembered: a revocation counts at once.
 */
export async function clientOfToken(oidc: OidcParts, token: string): Promise<string | undefined> {
  if (!JWT.test(token)) return undefined;
  const found = await oidc.provider().ClientCredentials.find(token);
  return found?.isValid ? found.clientId : undefined;
}
