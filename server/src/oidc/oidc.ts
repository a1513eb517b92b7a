import type { IncomingMessage, ServerResponse } from 'node:http';
import type Provider from 'oidc-provider';
import { SECOND } from '../core/units.ts';
import type { MailDomains } from '../platform/mail-domains.ts';
import type { Parts } from '../sign-in/sign-in.ts';
import type { Keys } from './keys.ts';
import { createProvider, type ProviderParts } from './provider.ts';
import { installTransaction, type TransactionParts } from './transaction.ts';

/** What the pages and the dispatcher work with. */
export interface OidcParts extends Parts, ProviderParts {
  /** The library as it is configured now; a rotation of keys makes a new one. */
  provider(): Provider;
  handleByLibrary(request: IncomingMessage, response: ServerResponse): void;
  /** The address that our mails come from. */
  readonly mailSender: string;
  /** Where mails really leave; the development inbox takes every address. */
  readonly mailDomains?: MailDomains | undefined;
}

/** A rotation by another process is seen within this; its key was published long before. */
const RING_FRESH_FOR = 5 * SECOND;

/** Starts the library and keeps its keys those of the store. */
export async function createOidc(
  parts: TransactionParts & Parts & Pick<OidcParts, 'mailSender' | 'mailDomains'> & { keys: Keys },
): Promise<OidcParts> {
  let active = await build(parts);
  let checkedAt = parts.clock.now();
  const refresh = async () => {
    const ring = await parts.keys.ring();
    if (versionOf(ring) !== active.version) active = await build(parts);
  };
  const current = () => {
    if (Math.abs(parts.clock.now() - checkedAt) >= RING_FRESH_FOR) {
      checkedAt = parts.clock.now();
      refresh().catch((failure: Error) =>
        parts.log.error({ failure: failure.message }, 'the signing keys could not be read'),
      );
    }
    return active;
  };
  return {
    ...parts,
    provider: () => current().provider,
    handleByLibrary: (request, response) => void current().handle(request, response),
  };
}

async function build(parts: TransactionParts & { keys: Keys }) {
  const ring = await parts.keys.ring();
  const provider = createProvider(parts, ring);
  installTransaction(provider, parts);
  provider.on('server_error', (_ctx, failure) =>
    parts.log.error({ failure: failure.message, stack: failure.stack }, 'the OIDC library failed'),
  );
  provider.on('grant.error', explainGrant);
  return { provider, handle: provider.callback(), version: versionOf(ring) };
}

/** The library hides why a grant is invalid; the client that sent it is told (RFC 6749 5.2). */
function explainGrant(
  ctx: { body: unknown },
  failure: { error: string; error_detail?: string | undefined },
): void {
  if (failure.error !== 'invalid_grant' || failure.error_detail === undefined) return;
  ctx.body = { error: failure.error, error_description: failure.error_detail };
}

function versionOf(ring: { kid: string; state: string }[]): string {
  return ring.map(({ kid, state }) => `${kid}:${state}`).join(',');
}

/** The paths that the library serves itself, with the methods they take; everything else is ours. */
const LIBRARY_PATHS: ReadonlyMap<string, readonly string[]> = new Map([
  ['/oauth/authorize', ['GET', 'POST']],
  ['/oauth/token', ['POST']],
  ['/oauth/introspect', ['POST']],
  ['/keys', ['GET', 'HEAD']],
  ['/userinfo', ['GET', 'HEAD', 'POST']],
  ['/revoke', ['POST']],
  ['/oidc/logout', ['GET', 'POST']],
  ['/oidc/logout/confirm', ['POST']],
  ['/oidc/logout/success', ['GET', 'HEAD']],
  ['/.well-known/openid-configuration', ['GET', 'HEAD']],
  ['/.well-known/oauth-authorization-server', ['GET', 'HEAD']],
]);

/** What a browser asks before a script of another origin may call (CORS); the library answers it. */
const isPreflight = ({ method, headers }: IncomingMessage) =>
  method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;

/** Other names that SDKs know for the same endpoints. */
const ALIASES: Readonly<Record<string, string>> = {
  '/authorize': '/oauth/authorize',
  '/end_session': '/oidc/logout',
};

/** Endpoints that a browser may also post to; the post becomes the same request by GET. */
const POSTED_TO = new Set(['/oauth/authorize', '/oidc/logout']);

export type Route =
  | { kind: 'library' }
  | { kind: 'ours' }
  | { kind: 'form'; path: string }
  | { kind: 'refused'; allow: string };

/** Decides who answers, and writes the one name of an endpoint into the request. */
export function routeOf(request: IncomingMessage): Route {
  const url = request.url ?? '/';
  const [asked = '/'] = url.split('?', 1);
  const path = ALIASES[asked] ?? asked;
  const methods = LIBRARY_PATHS.get(path);
  if (methods === undefined) return { kind: 'ours' };
  request.url = path + url.slice(asked.length);
  if (path === '/oauth/token') dropStaleBearer(request);
  if (!methods.includes(request.method ?? '') && !isPreflight(request))
    return { kind: 'refused', allow: methods.join(', ') };
  if (request.method === 'POST' && POSTED_TO.has(path)) return { kind: 'form', path };
  return { kind: 'library' };
}

/** Some SDKs send the token they last had along with the client's credentials; here it authenticates nobody. */
function dropStaleBearer(request: IncomingMessage): void {
  if (/^bearer /i.test(request.headers.authorization ?? '')) delete request.headers.authorization;
}
