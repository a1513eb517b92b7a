/** Where an app asks for an authorization code on pages of its own. */
export const CHALLENGE_PATH = '/oauth/authorize-challenge';

/** Tells an authorization code of the challenge endpoint from those that went through a browser. */
const PREFIX = 'fpc_';

/** In place of the redirect URI of a code that was never sent to one; no client can register it. */
const NOWHERE = 'urn:postern:no-redirect';

export function codeId(token: string): string {
  return PREFIX + token;
}

/** The redirect URI that such a code is bound to. */
export function redirectUriOf(asked: string | undefined): string {
  return asked ?? NOWHERE;
}

/** To the library every code has a redirect URI; an app that named none when it asked names none to redeem. */
export function fillRedirectUri(params: { [name: string]: unknown }): void {
  if (String(params.code ?? '').startsWith(PREFIX)) params.redirect_uri ??= NOWHERE;
}
