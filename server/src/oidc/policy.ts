import type { IncomingMessage } from 'node:http';
import { errors, interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import { PASSWORDLESS_CONNECTION } from '../core/ids.ts';
import { fillRedirectUri } from './challenge/code-form.ts';
import { adjustLogout, isSomebodyElse } from './id-token-hint.ts';
import type { SigningKey } from './keys.ts';

const { Check, Prompt, base } = interactionPolicy;

/**
 * When a person has to do something: sign in, choose an account, or consent where the request asks for
 * it. Clients are registered by the owner, so their scopes need no consent of their own.
 */
export function promptPolicy(): interactionPolicy.DefaultPolicy {
  const policy = base();
  policy.remove('consent');
  for (const name of ['select_account', 'create', 'consent'])
    policy.add(new Prompt({ name, requestable: true }));
  const login = policy.get('login')?.checks;
  const add = (reason: string, description: string, check: (ctx: KoaContextWithOIDC) => boolean) =>
    login?.add(new Check(reason, description, 'login_required', check));
  add('no_account', 'the user of the session is gone or disabled', accountGone);
  add('hinted_person', 'the hinted person has to sign in', hintedPerson);
  return policy;
}

/** To the library a session is enough, and it fails when nobody is behind it. */
function accountGone(ctx: KoaContextWithOIDC): boolean {
  return ctx.oidc.account === undefined;
}

/** After the sign-in the library looks at the hint no more (OpenID Connect Core 3.1.2.1). */
function hintedPerson(ctx: KoaContextWithOIDC): boolean {
  if (isSomebodyElse(ctx)) throw new errors.LoginRequired('somebody else signed in than id_token_hint says');
  return Check.NO_NEED_TO_PROMPT;
}

/** Set by us when the request asked for `offline_access`, which the library drops without `prompt=consent`. */
export const OFFLINE_PARAMETER = 'postern_offline';

/** Set by us: the keyed hash of the browser's name. An interaction keeps it, and belongs to that browser alone. */
export const BROWSER_PARAMETER = 'postern_browser';

const cancelled = new WeakSet<IncomingMessage>();

/** Has the library answer an authorization request as one that the person has cancelled, once it has checked all of it. */
export function markCancelled(request: IncomingMessage): void {
  cancelled.add(request);
}

/** The vendor's routing parameters: a passwordless server has one connection and no organizations. */
export const routingParameters = {
  connection_id: onlyConnection,
  organization_id: refuse(
    'invalid_organization_id',
    'this server has no organizations; leave organization_id out',
  ),
  provider: refuse('connection_not_active', 'this server signs people in by email only; leave provider out'),
  domain: null,
  domain_hint: null,
  [OFFLINE_PARAMETER]: null,
  [BROWSER_PARAMETER]: refuseCancelled,
};

function refuseCancelled(ctx: KoaContextWithOIDC): void {
  if (cancelled.has(ctx.req)) throw new errors.AccessDenied('the person cancelled the sign-in');
}

function onlyConnection(_ctx: KoaContextWithOIDC, value: string | undefined): void {
  if (value === undefined || value === PASSWORDLESS_CONNECTION) return;
  throw new errors.CustomOIDCProviderError(
    'invalid_connection_id',
    `the only connection here is ${PASSWORDLESS_CONNECTION}; leave connection_id out`,
  );
}

function refuse(error: string, description: string) {
  return (_ctx: KoaContextWithOIDC, value: string | undefined): void => {
    if (value !== undefined) throw new errors.CustomOIDCProviderError(error, description);
  };
}

/** Without a scope the vendor's default applies; SDKs that send an empty one mean the same. */
export const DEFAULT_SCOPE = 'openid profile email';

/** The library's own form post is a page with a script of its own; ours is registered under this name. */
export const FORM_POST = 'postern_form_post';

type Parameters = { [name: string]: unknown };

/** What is set right in the parameters of a request before the library reads them. */
export function adjustParameters(
  route: string,
  params: Parameters,
  by: { markToken: (token: string) => string; ring: readonly SigningKey[]; browserHash: () => string },
): void {
  if (route === 'authorization') {
    params.scope ??= DEFAULT_SCOPE;
    params[OFFLINE_PARAMETER] = String(params.scope).split(' ').includes('offline_access') ? '1' : undefined;
    params[BROWSER_PARAMETER] = by.browserHash();
    if (params.response_mode === 'form_post') params.response_mode = FORM_POST;
  }
  if ((route === 'introspection' || route === 'revocation') && typeof params.token === 'string')
    params.token = by.markToken(params.token);
  if (route === 'token') fillRedirectUri(params);
  if (route === 'end_session') adjustLogout(params, by.ring);
}
