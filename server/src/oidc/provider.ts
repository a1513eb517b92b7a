import Provider, { type Configuration, errors, type KoaContextWithOIDC } from 'oidc-provider';
import { DAY, SECOND } from '../core/units.ts';
import type { Claims } from '../events/interceptors/answer.ts';
import type { Interceptors } from '../events/interceptors/interceptors.ts';
import { cookieNames } from '../platform/http/cookies.ts';
import { newId } from '../platform/random.ts';
import { languages } from '../platform/words/words.ts';
import type { Settings } from '../settings/settings.ts';
import { findUser, type User } from '../users/store.ts';
import { type AdapterParts, RecordAdapter } from './adapter.ts';
import { CHALLENGE_PATH } from './challenge/code-form.ts';
import { EXTRA_METADATA, secretHashesOf } from './client-metadata.ts';
import { installIdTokenHints } from './id-token-hint.ts';
import { findClaims } from './intercepting/store.ts';
import type { SigningKey } from './keys.ts';
import { logoutPages, showError, showFormPost } from './library-pages.ts';
import { adjustParameters, FORM_POST, OFFLINE_PARAMETER, promptPolicy, routingParameters } from './policy.ts';
import { browserNameOf } from './resuming/browser-name.ts';
import { installSessionRows } from './sessions/noting.ts';
import { installTokenFormats, markStoredToken } from './token-formats.ts';
import { currentWork } from './unit-of-work.ts';

export interface ProviderParts extends AdapterParts {
  readonly origin: URL;
  readonly settings: Settings;
  readonly interceptors: Interceptors;
}

/** A sign-in that is not finished within this has to be begun again at the app. */
const INTERACTION_LIFE = 3600;

/** The library, told who we are. One instance per set of published keys: it holds no state of its own. */
export function createProvider(parts: ProviderParts, ring: readonly SigningKey[]): Provider {
  const provider = new Provider(parts.origin.origin, {
    ...surface(parts),
    ...lifetimes(parts),
    ...pages(parts),
    adapter: (kind: string) => new RecordAdapter(kind, parts),
    jwks: { keys: ring.map(({ jwk }) => jwk) },
    findAccount: (_ctx, id) => findAccount(parts, id),
    loadExistingGrant: loadGrant,
    issueRefreshToken: async (ctx, client) => client.grantTypeAllowed('refresh_token') && offlineGranted(ctx),
    rotateRefreshToken: true,
    expiresWithSession: async () => false,
  });
  provider.proxy = true; // the front door has written the only forwarded headers that arrive here
  provider.silent = true; // failures are logged by the `server_error` event
  installTokenFormats(provider, {
    clock: parts.clock,
    ring,
    settings: () => parts.settings.snapshot(),
    claimsOf: (sid) => claimsOf(parts, sid),
  });
  installClientSecrets(provider, parts);
  installSessionIds(provider, parts);
  installSessionRows(provider, parts);
  installContext(provider, parts, ring);
  installIdTokenHints(provider);
  provider.registerResponseMode(FORM_POST, showFormPost(parts));
  return provider;
}

function surface(parts: ProviderParts): Configuration {
  const { session, interaction, resume } = cookieNames(parts.origin);
  const names = { session, interaction, resume };
  const options = {
    httpOnly: true,
    sameSite: 'lax',
    secure: parts.origin.protocol === 'https:',
    signed: false,
  } as const;
  return {
    // Without a path of ours the short ones get that of their interaction: two tabs keep one each.
    cookies: { names, long: { ...options, path: '/' }, short: options },
    routes: {
      authorization: '/oauth/authorize',
      token: '/oauth/token',
      jwks: '/keys',
      userinfo: '/userinfo',
      revocation: '/revoke',
      introspection: '/oauth/introspect',
      end_session: '/oidc/logout',
    },
    responseTypes: ['code'],
    scopes: ['openid', 'offline_access', 'profile', 'email'],
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name', 'given_name', 'family_name', 'preferred_username', 'locale', 'picture'],
      acr: null,
      amr: null,
      auth_time: null,
      iss: null,
      sid: null,
    },
    acrValues: ['urn:postern:email-code', 'urn:postern:email-link', 'urn:postern:email-link-bound'],
    discovery: {
      ui_locales_supported: languages.map(({ lang }) => lang),
      authorization_challenge_endpoint: new URL(CHALLENGE_PATH, parts.origin).href,
      backchannel_logout_supported: true,
      backchannel_logout_session_supported: true,
    },
    allowOmittingSingleRegisteredRedirectUri: false,
    conformIdTokenClaims: false,
    clockTolerance: 0,
    extraParams: routingParameters,
    extraClientMetadata: { properties: EXTRA_METADATA },
    pkce: { required: (_ctx, client) => client.require_pkce === true },
    clientAuthMethods: ['client_secret_post', 'client_secret_basic', 'none'],
    enabledJWA: {
      idTokenSigningAlgValues: ['RS256', 'ES256', 'EdDSA'],
      userinfoSigningAlgValues: ['RS256', 'ES256', 'EdDSA'],
    },
    clientBasedCORS: (_ctx, origin, client) =>
      (client.redirectUris ?? []).some((uri) => URL.parse(uri)?.origin === origin),
  };
}

function pages(parts: ProviderParts): Configuration {
  return {
    interactions: { policy: promptPolicy(), url: (_ctx, { uid }) => interactionPath(parts.settings, uid) },
    renderError: (ctx, out, error) => showError(ctx, { out, error, site: parts }),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      claimsParameter: { enabled: true },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      resourceIndicators: { enabled: false },
      introspection: {
        enabled: true,
        allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId,
      },
      revocation: {
        enabled: true,
        allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId,
      },
      rpInitiatedLogout: { enabled: true, ...logoutPages(parts) },
    },
  };
}

/** Whoever is signed in already never comes here. */
function interactionPath(settings: Settings, uid: string): string {
  if (settings.snapshot()['passwordless.enabled']) return `/interaction/${uid}`;
  throw new errors.CustomOIDCProviderError('connection_not_active', 'nobody can sign in here at the moment');
}

function lifetimes(parts: ProviderParts): Configuration {
  const setting = () => parts.settings.snapshot();
  const nowSeconds = () => Math.floor(parts.clock.now() / SECOND);
  return {
    ttl: {
      AuthorizationCode: () => setting()['tokens.code_seconds'],
      AccessToken: (_ctx, _token, client) => secondsOf(client) ?? setting()['tokens.access_seconds'],
      ClientCredentials: () => setting()['tokens.client_credentials_seconds'],
      IdToken: () => setting()['tokens.id_seconds'],
      Interaction: INTERACTION_LIFE,
      Grant: () => setting()['tokens.refresh_absolute_seconds'] + DAY / SECOND,
      RefreshToken: (_ctx, token) => {
        const left =
          (token.iiat ?? nowSeconds()) + setting()['tokens.refresh_absolute_seconds'] - nowSeconds();
        return Math.max(1, Math.min(setting()['tokens.refresh_idle_seconds'], left));
      },
      Session: (_ctx, session) => {
        const left = (session.loginTs ?? nowSeconds()) + setting()['session.absolute_seconds'] - nowSeconds();
        return Math.max(1, Math.min(setting()['session.idle_seconds'], left));
      },
    },
  };
}

/** A client's own life of access tokens. */
function secondsOf(client: object): number | undefined {
  const seconds = 'access_token_seconds' in client ? client.access_token_seconds : undefined;
  return typeof seconds === 'number' ? seconds : undefined;
}

/** Without an interceptor that gives claims, nothing is read. */
async function claimsOf(parts: ProviderParts, sid: string): Promise<Claims | undefined> {
  if (!(await parts.interceptors.asks('PRE_SESSION_CREATION'))) return undefined;
  return parts.database.read((q) => findClaims(q, sid));
}

async function findAccount(parts: ProviderParts, id: string) {
  const user = await parts.database.read((q) => findUser(q, id));
  if (user === undefined || user.status !== 'active') return undefined;
  return {
    accountId: user.id,
    claims: async () => ({ sub: user.id, email: user.email, email_verified: true, ...profileClaims(user) }),
  };
}

/** Texts only: SDKs declare `updated_at` and `metadata` as such. The library leaves out what no scope asks for. */
function profileClaims({ profile }: User): Record<string, string | undefined> {
  const parts = [profile.givenName, profile.familyName].filter((part) => part !== undefined);
  return {
    name: profile.name ?? (parts.length > 0 ? parts.join(' ') : undefined),
    given_name: profile.givenName,
    family_name: profile.familyName,
    preferred_username: profile.preferredUsername,
    picture: profile.picture,
    locale: profile.locale,
  };
}

/** The grant of this client in this session, made or widened to what the registered client asks for. */
async function loadGrant(ctx: KoaContextWithOIDC) {
  const { client, account, session, provider } = ctx.oidc;
  if (!client || !account || !session) return undefined;
  const offline = ctx.oidc.params?.[OFFLINE_PARAMETER] ? ['offline_access'] : [];
  const scopes = [...ctx.oidc.requestParamOIDCScopes, ...offline];
  const claims = [...ctx.oidc.requestParamClaims];
  const id = session.grantIdFor(client.clientId);
  const known = id === undefined ? undefined : await provider.Grant.find(id);
  const usable = known && known.accountId === account.accountId ? known : undefined;
  const grant = usable ?? new provider.Grant({ accountId: account.accountId, clientId: client.clientId });
  if (usable && includes(grant.getOIDCScope().split(' '), scopes) && includes(grant.getOIDCClaims(), claims))
    return usable;
  grant.addOIDCScope(scopes.join(' '));
  if (claims.length > 0) grant.addOIDCClaims(claims);
  nameSession(session.uid);
  await grant.save();
  return grant;
}

/** For what this request writes: a sign-in and a grant know the session that they belong to. */
function nameSession(uid: string): void {
  const work = currentWork();
  if (work) work.sessionUid = uid;
}

function includes(all: readonly string[], wanted: readonly string[]): boolean {
  return wanted.every((one) => all.includes(one));
}

function offlineGranted(ctx: KoaContextWithOIDC): boolean {
  return ctx.oidc.grant?.getOIDCScope().split(' ').includes('offline_access') ?? false;
}

/** Secrets are kept as keyed hashes, of which two may be active; the ID token always names the session. */
function installClientSecrets(provider: Provider, parts: ProviderParts): void {
  Object.assign(provider.Client.prototype, {
    compareClientSecret(this: { clientSecret?: string }, secret: string) {
      const hashes = secretHashesOf(this.clientSecret ?? '');
      return hashes.map((hash) => parts.secrets.matches('client-secret', secret, hash)).includes(true);
    },
    includeSid: () => true,
  });
}

interface SessionLike {
  uid: string;
  sidFor(clientId: string, value?: string): string | undefined;
}

/** One public id per session, `ses_…`, the same for every client that it signs in to. */
function installSessionIds(provider: Provider, parts: ProviderParts): void {
  const { loginAccount } = provider.Session.prototype;
  Object.assign(provider.Session.prototype, {
    loginAccount(this: SessionLike, details: Parameters<typeof loginAccount>[0]) {
      if (!this.uid.startsWith('ses_')) this.uid = newId('ses', parts.clock.now());
      nameSession(this.uid);
      Reflect.apply(loginAccount, this, [details]);
    },
    ensureClientContainer(this: SessionLike, clientId: string) {
      if (!this.sidFor(clientId)) this.sidFor(clientId, this.uid);
    },
  });
}

/** URLs come from the configured origin, never from the request; parameters are set right as they arrive. */
function installContext(provider: Provider, parts: ProviderParts, ring: readonly SigningKey[]): void {
  const { origin } = parts;
  const parameters = new WeakMap<object, { [name: string]: unknown }>();
  Object.assign(provider.OIDCContext.prototype, {
    urlFor: (name: string, options?: object) => new URL(provider.pathFor(name, { ...options }), origin).href,
  });
  Object.defineProperty(provider.OIDCContext.prototype, 'params', {
    get(this: object) {
      return parameters.get(this);
    },
    set(this: { route?: string; ctx: KoaContextWithOIDC }, params: { [name: string]: unknown }) {
      const browserHash = () => parts.secrets.hash('browser', browserNameOf(this.ctx.req, origin).token);
      adjustParameters(this.route ?? '', params, { markToken: markStoredToken, ring, browserHash });
      parameters.set(this, params);
    },
  });
}
