import type { Client } from '../../clients/store.ts';
import { isLoopbackHost } from '../../core/redirect-uri.ts';

/** What the contract of the SDKs allows. */
export const LINK_URI_MAX = 1000;

const LINK_PARAMETER = 'link_token';

/** Nothing that a parser drops, and nothing that could end a value in a mail. */
const FOREIGN = /[\s\p{C}\\"'<>`]/u;

/**
 * Why the link of a mail may not lead to `uri`, as the rest of a sentence; undefined when it may. It leads
 * to an origin that the client has registered, whatever the path: where that is, the owner has said.
 */
export function mailedLinkFault(uri: string, client: Client): string | undefined {
  if (FOREIGN.test(uri)) return 'has a character that no URI may have';
  if (!/^[a-z][a-z0-9+.-]*:\//i.test(uri) || !URL.canParse(uri)) return 'is not an absolute URI';
  const url = new URL(uri);
  if (url.username !== '' || url.password !== '') return 'must not have a user or password';
  if (url.searchParams.has(LINK_PARAMETER) || url.hash.includes(LINK_PARAMETER))
    return `must not have ${LINK_PARAMETER} already`;
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname)) return 'must use https';
  const registered = [
    ...client.redirectUris,
    ...client.postLogoutRedirectUris,
    ...(client.initiateLoginUri === undefined ? [] : [client.initiateLoginUri]),
  ];
  if (registered.some((known) => placeOf(known) === placeOf(uri))) return undefined;
  return 'is at an origin that the client has not registered';
}

/** The address in the mail: the token joins the query, the fragment stays. */
export function mailedLink(uri: string, token: string): string {
  const url = new URL(uri);
  const query = url.search.replace(/^\?/, '').replace(/&$/, '');
  const own = `${LINK_PARAMETER}=${encodeURIComponent(token)}`;
  url.search = query === '' ? own : `${query}&${own}`;
  return written(url);
}

/** What every link to a page begins with. */
export function withoutQuery(uri: string): string {
  return written(new URL(uri)).replace(/[?#].*$/, '');
}

/** Mails put addresses in quotes of either kind. */
function written(url: URL): string {
  return url.href.replaceAll("'", '%27');
}

/** Where the app is in a browser: of the mailed link, or else of its first registered web address. */
export function appHost(uri: string | undefined, client: Client | undefined): string | undefined {
  const urls = [...(uri === undefined ? [] : [uri]), ...(client?.redirectUris ?? [])];
  return urls.flatMap((each) => webHostOf(each) ?? [])[0];
}

function webHostOf(uri: string): string | undefined {
  if (!URL.canParse(uri)) return undefined;
  const { protocol, host } = new URL(uri);
  return protocol === 'https:' || protocol === 'http:' ? host : undefined;
}

/** Scheme, host and port; of a scheme of the app's own there is no origin that a browser would compare. */
function placeOf(uri: string): string | undefined {
  if (!URL.canParse(uri)) return undefined;
  const { protocol, host } = new URL(uri);
  return `${protocol}//${host.toLowerCase()}`;
}
