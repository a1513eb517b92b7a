import type { Branding, Client } from '../clients/store.ts';
import type { StoredPayload } from './unit-of-work.ts';

/** Joins the hashes of the secrets that are active at once; no hash holds it. */
const SEPARATOR = ' ';

/** A client as the library reads it. `client_secret` holds keyed hashes; `matchesSecret` compares with them. */
export function clientMetadata(client: Client, secretHashes: string[]): StoredPayload {
  return {
    client_id: client.id,
    client_name: client.name,
    application_type: isNative(client) ? 'native' : 'web',
    redirect_uris: client.redirectUris,
    post_logout_redirect_uris: client.postLogoutRedirectUris,
    response_types: client.grantTypes.includes('authorization_code') ? ['code'] : [],
    grant_types: client.grantTypes,
    token_endpoint_auth_method: client.public ? 'none' : 'client_secret_post',
    id_token_signed_response_alg: client.idTokenAlg,
    ...(!client.public && { client_secret: secretHashes.join(SEPARATOR) || 'none-active' }),
    ...(client.initiateLoginUri && { initiate_login_uri: client.initiateLoginUri }),
    branding: JSON.stringify(client.branding),
    require_pkce: client.public || client.requirePkce,
    back_channel_logout_uris: client.backChannelLogoutUris,
    access_token_seconds: client.accessTokenSeconds ?? null,
    api_access: client.apiAccess,
    first_party: client.firstParty,
  };
}

/** What the library is told of a client beyond what it knows itself. */
export const EXTRA_METADATA = [
  'require_pkce',
  'branding',
  'back_channel_logout_uris',
  'access_token_seconds',
  'api_access',
  'first_party',
];

/** What `clientMetadata` wrote of it. */
export function brandingOf(client: object): Branding {
  return 'branding' in client ? JSON.parse(String(client.branding)) : {};
}

export function secretHashesOf(clientSecret: string): string[] {
  return clientSecret.split(SEPARATOR);
}

/** Apps with a scheme of their own, or public ones on a loopback address, whose port may vary (RFC 8252 7.3). */
function isNative(client: Client): boolean {
  return client.redirectUris.some(
    (uri) => !/^https?:/i.test(uri) || (client.public && /^http:\/\/(127\.0\.0\.1|\[::1\])[:/]/.test(uri)),
  );
}
