/** What a registered URI is for: where a sign-in ends, where a sign-out ends, where an app starts one, who is told of an end. */
export type UriKind = 'redirect' | 'post-logout' | 'initiate-login' | 'back-channel';

export interface UriRules {
  readonly production: boolean;
  readonly kind: UriKind;
}

/** What the Scalekit contract allows; a longer one is a mistake or an attack on a log. */
export const URI_LENGTH_MAX = 256;

/** RFC 3986 2.2, 2.3 and the percent sign, without the star that looks like a wildcard. */
const URI_CHARACTERS = /^[A-Za-z0-9._~:/?#[\]@!$&'()+,;=%-]+$/;
const HOST = /^(?:(?:[a-z0-9_-]+\.)*[a-z0-9_-]+|\[[0-9a-f:]+\])$/;
const CUSTOM_SCHEME = /^[a-z][a-z0-9+-]*(?:\.[a-z0-9-]+)*$/;

/** Schemes that a browser or the system gives a meaning of its own: never an app's. */
const TAKEN_SCHEMES = new Set(
  (
    'about acap blob cap chrome chrome-extension content data edge facetime file filesystem ftp ftps geo ' +
    'intent irc jar javascript ldap ldaps livescript magnet mailto market mhtml mocha moz-extension news ' +
    'opera resource sftp shell sip sips sms ssh tel telnet urn vbscript view-source ws wss wyciwyg'
  ).split(' '),
);

/** Names of the answer itself (RFC 6749 4.1.2, RFC 9207, OpenID Connect session): no app may bring its own. */
const ANSWER_PARAMETERS = [
  'code',
  'state',
  'error',
  'error_description',
  'error_uri',
  'iss',
  'session_state',
];

const NAMES = {
  redirect: 'The redirect URI',
  'post-logout': 'The post-logout URI',
  'initiate-login': 'The initiate-login URI',
  'back-channel': 'The back-channel logout URI',
} as const satisfies Record<UriKind, string>;

/**
 * Why a URI cannot be registered, as one sentence for the person who wrote it; undefined when it can.
 * A registered URI is compared byte for byte, so it must already be in the form that a browser gives it
 * (RFC 9700 4.1.1, RFC 8252 7).
 */
export function redirectUriFault(uri: string, rules: UriRules): string | undefined {
  const fault = textFault(uri) ?? parsedFault(uri, rules);
  return fault === undefined ? undefined : `${NAMES[rules.kind]} ${fault}.`;
}

/** The hosts that never leave the machine (RFC 8252 7.3), as `URL.hostname` writes them. */
export function isLoopbackHost(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '127.0.0.1' || hostname === '[::1]';
}

function textFault(uri: string): string | undefined {
  if (uri === '') return 'is empty';
  if (uri.length > URI_LENGTH_MAX) return `is longer than ${URI_LENGTH_MAX} characters`;
  if (uri.includes('*')) return 'must not have a wildcard: register each address by itself';
  if (!URI_CHARACTERS.test(uri)) return 'has a character that no URI may have: encode it, or leave it out';
  if (/%(?![0-9A-Fa-f]{2})/.test(uri)) return 'has a percent sign without two hexadecimal digits';
  if (/%(?:[01][0-9a-f]|7f|5c)/i.test(uri)) return 'must not hide a control character or a backslash';
  if (uri.includes('#')) return 'must not have a fragment: remove the # and what follows';
  return URL.canParse(uri) ? undefined : 'is not an absolute URI such as https://app.example.com/callback';
}

function parsedFault(uri: string, rules: UriRules): string | undefined {
  const url = new URL(uri);
  if (url.username !== '' || url.password !== '') return 'must not have a user or password';
  const web = url.protocol === 'https:' || url.protocol === 'http:';
  return (web ? webFault(url, rules) : customFault(url, uri, rules)) ?? formFault(url, uri, rules);
}

function webFault(url: URL, rules: UriRules): string | undefined {
  if (!HOST.test(url.hostname)) return 'has a host that is no plain name or address';
  if (/^(?:0\.0\.0\.0|\[::\])$/.test(url.hostname)) return 'must not name "every address": use localhost';
  if (url.port === '0') return 'must not have port 0';
  if (url.protocol === 'http:' && rules.kind === 'initiate-login')
    return 'must use https, on localhost too (OpenID Connect Core 4)';
  if (url.protocol === 'http:' && rules.production && !isLoopbackHost(url.hostname))
    return 'must use https: http is for localhost, 127.0.0.1 and [::1] only';
  return undefined;
}

function customFault(url: URL, uri: string, rules: UriRules): string | undefined {
  const scheme = url.protocol.slice(0, -1);
  if (TAKEN_SCHEMES.has(scheme)) return `must not use the scheme ${scheme}`;
  if (rules.kind === 'initiate-login' || rules.kind === 'back-channel') return 'must use https';
  if (!CUSTOM_SCHEME.test(scheme) || !uri.startsWith(`${scheme}:/`))
    return 'must be https, or an app scheme such as com.example.app:/callback';
  return undefined;
}

function formFault(url: URL, uri: string, rules: UriRules): string | undefined {
  if (url.href !== uri && url.href !== withPath(uri)) return `must be written as ${url.href}`;
  const path = url.pathname;
  if (/%(?:25|2e|2f)/i.test(path)) return 'must not have an encoded %, dot or slash in its path';
  if (path.includes('//')) return 'must not have an empty path segment (//)';
  const isSeenByBrowser = rules.kind === 'redirect' || rules.kind === 'post-logout';
  const own = ANSWER_PARAMETERS.find((name) => isSeenByBrowser && url.searchParams.has(name));
  return own === undefined ? undefined : `must not have the parameter ${own}: the answer brings it`;
}

/** A web address may leave out the slash of an empty path. */
function withPath(uri: string): string {
  return uri.replace(/^(https?:\/\/[^/?]+)(?=\?|$)/, '$1/');
}
