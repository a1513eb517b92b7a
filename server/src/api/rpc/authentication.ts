import type { IncomingMessage } from 'node:http';
import type { HandlerContext } from '@connectrpc/connect';
import { createContextKey } from '@connectrpc/connect';
import { type ClientId, isId } from '../../core/ids.ts';
import { Problem } from '../../core/problems.ts';
import { clientOfToken } from '../../oidc/api-tokens.ts';
import { addressOf } from '../../platform/http/front-door.ts';
import type { ApiParts } from '../parts.ts';
import { apiAccess } from './caller-store.ts';

/** Who calls: a client, and the network address that its request came from. */
export interface Caller {
  readonly clientId: ClientId;
  readonly address: string;
}

export const CALLER = createContextKey<Caller | undefined>(undefined);

/** Who calls a method that is being carried out. */
export function callerOf(context: HandlerContext): Caller {
  const caller = context.values.get(CALLER);
  if (caller === undefined) throw new Error('a method was reached without authentication');
  return caller;
}

/** gRPC channels may add the token they were opened with to the one of the call: two, of which one may be stale. */
const TOKENS_MAX = 4;

/** Finds the client whose access token a request carries. Throws `unauthenticated` or `permission_denied`. */
export async function authenticate(parts: ApiParts, request: IncomingMessage): Promise<Caller> {
  const tokens = bearersOf(request);
  if (tokens.length === 0)
    throw new Problem(
      'unauthenticated',
      'Token empty: send a token of the client_credentials grant as `Authorization: Bearer`.',
    );
  for (const token of tokens.slice(0, TOKENS_MAX)) {
    const clientId = await clientOfToken(parts, token);
    if (clientId === undefined || !isId('skc', clientId)) continue;
    const access = await parts.database.read((q) => apiAccess(q, clientId));
    if (access === undefined) continue;
    if (access) return { clientId, address: addressOf(request) };
    throw new Problem('permission_denied', 'This client may sign people in, but not call the API.');
  }
  throw new Problem(
    'unauthenticated',
    'Token invalid or expired: ask /oauth/token for a new one with grant_type=client_credentials.',
  );
}

/** Node keeps only the first `authorization` in `headers`; the raw ones have all. */
function bearersOf({ rawHeaders }: IncomingMessage): string[] {
  const values = rawHeaders.filter((_text, at) => at % 2 === 1 && isAuthorization(rawHeaders[at - 1]));
  return values.flatMap((value) => /^bearer +(\S+) *$/i.exec(value)?.[1] ?? []);
}

function isAuthorization(name = ''): boolean {
  return name.length === 13 && name.toLowerCase() === 'authorization';
}
