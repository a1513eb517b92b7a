import { requireText } from './answers.ts';
import { AuditLogsClient } from './api/auth-logs.ts';
import { ApiCaller } from './api/caller.ts';
import { ClientsClient } from './api/clients.ts';
import { EventsClient } from './api/events.ts';
import { OrganizationClient } from './api/organizations.ts';
import { PasswordlessClient } from './api/passwordless.ts';
import { SessionClient } from './api/sessions.ts';
import { UserClient } from './api/users.ts';
import {
  type AuthorizationUrlOptions,
  authorizationUrl,
  type LogoutUrlOptions,
  logoutUrl,
} from './authorization.ts';
import { ChallengeClient } from './challenge.ts';
import { ClientToken } from './client-token.ts';
import { PosternTokenError, PosternUsageError } from './errors.ts';
import { type CallOptions, createSend, createShare, type Share } from './http.ts';
import { type Callback, challengeOf, codeOf, newSignIn, packSignIn, unpackSignIn } from './sign-in.ts';
import { type Credentials, type Grant, TokenEndpoint, type Tokens } from './token-endpoint.ts';
import type { Claims } from './tokens/claims.ts';
import { KeySet } from './tokens/key-set.ts';
import { type AccessTokenExpectations, type IdTokenExpectations, TokenVerifier } from './tokens/verifier.ts';
import { type SignedInUser, userOf } from './user.ts';
import { type IncomingHeaders, verifySigned } from './webhooks.ts';

export interface PosternOptions {
  /** The most that a call may take, its retries included, in milliseconds; 20000 by default. */
  readonly timeoutMs?: number | undefined;
  /** How often a call that only reads is sent again when the network or a busy server fails it; 2 by default. */
  readonly retriesMax?: number | undefined;
  /** By how much the clocks of the two machines may differ when a token is judged, in seconds; 10 by default. */
  readonly toleranceSeconds?: number | undefined;
  /** What sends requests; the global `fetch` by default. */
  readonly fetch?: typeof fetch | undefined;
  /** A stand-in for `Date.now`, for tests. */
  readonly now?: (() => number) | undefined;
}

export interface AuthenticationOptions extends CallOptions {
  readonly codeVerifier?: string | undefined;
  /** The nonce of the request: the ID token must have the same. */
  readonly nonce?: string | undefined;
}

export interface AuthenticationResponse {
  readonly user: SignedInUser;
  readonly idToken: string;
  readonly accessToken: string;
  /** Seconds until the access token ends. */
  readonly expiresIn: number;
  /** Only with the scope `offline_access`. */
  readonly refreshToken: string | undefined;
  /** The verified claims of the ID token, among them `sid`, `acr`, `amr` and `auth_time`. */
  readonly claims: Claims;
}

export interface RefreshTokenResponse {
  readonly accessToken: string;
  /** Replaces the one that was used. */
  readonly refreshToken: string;
  /** Seconds until the access token ends. */
  readonly expiresIn: number;
  readonly idToken: string | undefined;
}

export interface SignInStart {
  /** Where to send the browser. */
  readonly url: string;
  /** For `finishSignIn`: keep it in an HttpOnly cookie of that browser (`SameSite=Lax`), and nowhere else. */
  readonly pending: string;
}

export type SignInOptions = Omit<
  AuthorizationUrlOptions,
  'state' | 'nonce' | 'codeChallenge' | 'codeChallengeMethod'
>;

/**
 * A Postern server as one app sees it. Make one and keep it: it holds the server's keys and the app's own token.
 * Throws `PosternUsageError` when the address is none, or has a path.
 */
export class PosternClient {
  readonly passwordless: PasswordlessClient;
  readonly challenge: ChallengeClient<AuthenticationResponse>;
  readonly user: UserClient;
  readonly session: SessionClient;
  readonly events: EventsClient;
  readonly clients: ClientsClient;
  readonly auditLogs: AuditLogsClient;
  readonly organization: OrganizationClient;
  readonly #origin: string;
  readonly #credentials: Credentials;
  readonly #now: () => number;
  readonly #share: Share;
  readonly #endpoint: TokenEndpoint;
  readonly #token: ClientToken;
  readonly #verifier: TokenVerifier;

  // Four, because apps that come from elsewhere pass them so.
  constructor(...[envUrl, clientId, clientSecret, options = {}]: PosternClientArguments) {
    const { timeoutMs = 20_000, retriesMax = 2, toleranceSeconds = 10, now = Date.now } = options;
    this.#origin = originOf(envUrl);
    this.#credentials = {
      clientId: requireArgument(clientId, 'clientId'),
      clientSecret: clientSecret || undefined,
    };
    this.#now = now;
    this.#share = createShare({ timeoutMs, now });
    // Not bound once and for all: tests and instrumentation replace the global one.
    const send = createSend({
      fetch: options.fetch ?? ((...of) => fetch(...of)),
      timeoutMs,
      retriesMax,
      now,
    });
    this.#endpoint = new TokenEndpoint(`${this.#origin}/oauth/token`, send);
    this.#token = new ClientToken({ ask: () => this.#askForClient(this.#credentials), now });
    const keys = new KeySet({ url: `${this.#origin}/keys`, send, now });
    this.#verifier = new TokenVerifier({ keys, issuer: this.#origin, clientId, toleranceSeconds, now });
    const api = new ApiCaller({
      origin: this.#origin,
      send,
      share: this.#share,
      token: this.#token,
      secrets: [clientSecret],
    });
    this.passwordless = new PasswordlessClient(api);
    this.challenge = new ChallengeClient({
      url: `${this.#origin}/oauth/authorize-challenge`,
      send,
      share: this.#share,
      credentials: this.#credentials,
      exchange: (code, options) => this.#exchange({ code }, options),
    });
    this.user = new UserClient(api);
    this.session = new SessionClient(api);
    this.events = new EventsClient(api);
    this.clients = new ClientsClient(api);
    this.auditLogs = new AuditLogsClient(api);
    this.organization = new OrganizationClient(api);
  }

  /** Begins a sign-in with a `state`, a `nonce` and a PKCE challenge of its own. Nothing is sent. */
  beginSignIn(redirectUri: string, options: SignInOptions = {}): SignInStart {
    const pending = newSignIn(redirectUri);
    const url = this.getAuthorizationUrl(redirectUri, {
      ...options,
      state: pending.state,
      nonce: pending.nonce,
      codeChallenge: challengeOf(pending.codeVerifier),
      codeChallengeMethod: 'S256',
    });
    return { url, pending: packSignIn(pending) };
  }

  /**
   * Ends the sign-in that this browser began: who it was, from a verified ID token. Throws `PosternSignInError` when the
   * answer belongs to another one, `PosternOAuthError` when the person cancelled (`access_denied`) or the code was used.
   */
  async finishSignIn(
    callback: Callback,
    pending: unknown,
    call: CallOptions = {},
  ): Promise<AuthenticationResponse> {
    const begun = unpackSignIn(pending);
    const code = codeOf(callback, { pending: begun, issuer: this.#origin });
    const { codeVerifier, nonce, redirectUri } = begun;
    return this.authenticateWithCode(code, redirectUri, { ...call, codeVerifier, nonce });
  }

  /** Where to send the browser. With this, `state`, `nonce` and PKCE are the caller's work; see `beginSignIn`. */
  getAuthorizationUrl(redirectUri: string, options: AuthorizationUrlOptions = {}): string {
    const { clientId } = this.#credentials;
    return authorizationUrl({ origin: this.#origin, clientId, redirectUri }, options);
  }

  /** Exchanges a code, once, for tokens and the user. The ID token is verified, its hashes of both included. */
  async authenticateWithCode(
    code: string,
    redirectUri: string,
    options: AuthenticationOptions = {},
  ): Promise<AuthenticationResponse> {
    return this.#exchange({ code: requireArgument(code, 'code'), redirectUri }, options);
  }

  /** New tokens for a refresh token, which ends with this; a new ID token is verified. `subject` is whose it must be. */
  async refreshAccessToken(
    refreshToken: string,
    { subject, ...call }: CallOptions & { readonly subject?: string | undefined } = {},
  ): Promise<RefreshTokenResponse> {
    const refresh_token = requireArgument(refreshToken, 'refreshToken');
    const rest = this.#share(call);
    const { idToken, ...tokens } = await this.#ask({ grant_type: 'refresh_token', refresh_token }, rest());
    const { accessToken, expiresIn } = tokens;
    if (idToken !== undefined) await this.#verifier.idToken(idToken, { ...rest(), accessToken, subject });
    const rotated = requireText({ refresh_token: tokens.refreshToken }, 'refresh_token');
    return { accessToken, refreshToken: rotated, expiresIn, idToken };
  }

  /** Where to send the browser to be signed out here and in every app of its session. */
  getLogoutUrl(options: LogoutUrlOptions = {}): string {
    return logoutUrl(this.#origin, options);
  }

  /**
   * Whether an access token is good for this audience, which is this client by default. Throws when the server's keys
   * cannot be had: an outage says nothing about a token.
   */
  async validateAccessToken(token: unknown, expected: AccessTokenExpectations = {}): Promise<boolean> {
    try {
      await this.validateToken(token, expected);
      return true;
    } catch (failure) {
      if (failure instanceof PosternTokenError) return false;
      throw failure;
    }
  }

  /** The verified claims of an access token; throws `PosternTokenError` with a code that says what is wrong. */
  validateToken(token: unknown, expected: AccessTokenExpectations = {}): Promise<Claims> {
    return this.#verifier.accessToken(token, expected);
  }

  /** The verified claims of an ID token of this client. */
  validateIdToken(token: unknown, expected: IdTokenExpectations = {}): Promise<Claims> {
    return this.#verifier.idToken(token, expected);
  }

  /** The verified claims of a logout token, which the server posts when a session ends (`sid`, `sub`). */
  validateLogoutToken(token: unknown, call: CallOptions = {}): Promise<Claims> {
    return this.#verifier.logoutToken(token, call);
  }

  /** This client's own access token, kept until shortly before it ends. */
  getClientAccessToken(call: CallOptions = {}): Promise<string> {
    return this.#token.get(call);
  }

  /** A new access token of any client. */
  async generateClientToken(clientId: string, clientSecret: string, call: CallOptions = {}): Promise<string> {
    return (await this.#askForClient({ clientId, clientSecret }, call)).accessToken;
  }

  /** True when the webhook is ours; throws `PosternSignatureError` otherwise. Pass the body before it is parsed. */
  verifyWebhookPayload(secret: string, headers: IncomingHeaders, body: string | Uint8Array): true {
    return verifySigned({ kind: 'webhook', secret, headers, body, now: this.#now() });
  }

  /** As `verifyWebhookPayload`, for the requests of interceptors. */
  verifyInterceptorPayload(secret: string, headers: IncomingHeaders, body: string | Uint8Array): true {
    return verifySigned({ kind: 'interceptor', secret, headers, body, now: this.#now() });
  }

  async #exchange(
    { code, redirectUri }: { code: string; redirectUri?: string },
    options: AuthenticationOptions,
  ): Promise<AuthenticationResponse> {
    const { codeVerifier: code_verifier, nonce } = options;
    const rest = this.#share(options);
    const grant = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier };
    const tokens = await this.#ask(grant, rest());
    const idToken = requireText({ id_token: tokens.idToken }, 'id_token');
    const { accessToken, expiresIn, refreshToken } = tokens;
    const claims = await this.#verifier.idToken(idToken, { ...rest(), nonce, accessToken, code });
    return { user: userOf(claims), idToken, accessToken, expiresIn, refreshToken, claims };
  }

  #ask(grant: Grant, call: CallOptions): Promise<Tokens> {
    return this.#endpoint.ask(this.#credentials, grant, call);
  }

  #askForClient(credentials: Credentials, call: CallOptions = {}): Promise<Tokens> {
    return this.#endpoint.ask(credentials, { grant_type: 'client_credentials' }, call);
  }
}

export type PosternClientArguments = readonly [
  envUrl: string,
  clientId: string,
  clientSecret?: string | undefined,
  options?: PosternOptions,
];

function originOf(envUrl: string): string {
  const url = URL.canParse(envUrl) ? new URL(envUrl) : undefined;
  const isPlain =
    url !== undefined && url.pathname.replace(/\/+$/, '') === '' && url.search === '' && url.hash === '';
  if (isPlain && (url.protocol === 'https:' || url.protocol === 'http:')) return url.origin;
  throw new PosternUsageError(
    'The address of the server must be like https://id.example.com, with nothing after the host',
  );
}

function requireArgument(value: string, name: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new PosternUsageError(`${name} must be text that is not empty`);
}
