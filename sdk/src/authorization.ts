// The addresses that a browser is sent to.

export interface AuthorizationUrlOptions {
  /** The address to send the mail to. */
  readonly loginHint?: string | undefined;
  /** `openid profile email` by default; `offline_access` asks for a refresh token. */
  readonly scopes?: readonly string[] | undefined;
  readonly state?: string | undefined;
  readonly nonce?: string | undefined;
  readonly codeChallenge?: string | undefined;
  /** `S256`, the only method that the server takes. */
  readonly codeChallengeMethod?: string | undefined;
  /** `login` asks again in spite of a session, `none` never asks, `create` shows the words of a sign-up. */
  readonly prompt?: string | undefined;
  readonly connectionId?: string | undefined;
  readonly organizationId?: string | undefined;
  readonly provider?: string | undefined;
  readonly domainHint?: string | undefined;
}

export interface LogoutUrlOptions {
  /** The ID token of the session to end; an expired one is as good. */
  readonly idTokenHint?: string | undefined;
  /** Where to go afterwards: one of the client's registered addresses. */
  readonly postLogoutRedirectUri?: string | undefined;
  readonly state?: string | undefined;
}

export interface AuthorizationRequest {
  readonly origin: string;
  readonly clientId: string;
  readonly redirectUri: string;
}

const DEFAULT_SCOPES = ['openid', 'profile', 'email'];

export function authorizationUrl(request: AuthorizationRequest, given: AuthorizationUrlOptions): string {
  const options = { scopes: DEFAULT_SCOPES, ...given };
  const query = [
    ['response_type', 'code'],
    ['client_id', request.clientId],
    ['redirect_uri', request.redirectUri],
    ['scope', options.scopes?.join(' ')],
    ...present([
      ['state', options.state],
      ['nonce', options.nonce],
      ['login_hint', options.loginHint],
      ['domain_hint', options.domainHint],
      ['domain', options.domainHint],
      ['connection_id', options.connectionId],
      ['organization_id', options.organizationId],
      ['code_challenge', options.codeChallenge],
      ['code_challenge_method', options.codeChallengeMethod],
      ['provider', options.provider],
      ['prompt', options.prompt],
    ]),
  ] as const;
  return `${request.origin}/oauth/authorize?${queryOf(query)}`;
}

export function logoutUrl(origin: string, options: LogoutUrlOptions): string {
  const query = present([
    ['id_token_hint', options.idTokenHint],
    ['post_logout_redirect_uri', options.postLogoutRedirectUri],
    ['state', options.state],
  ]);
  return `${origin}/oidc/logout${query.length === 0 ? '' : `?${queryOf(query)}`}`;
}

type Pair = readonly [name: string, value: string | undefined];

function present(pairs: readonly Pair[]): Pair[] {
  return pairs.filter(([, value]) => Boolean(value));
}

function queryOf(pairs: readonly Pair[]): string {
  return pairs
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${encoded(String(value))}`)
    .join('&');
}

/** Percent-encoding that leaves only the unreserved characters of RFC 3986 (2.3); a space becomes `%20`. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
