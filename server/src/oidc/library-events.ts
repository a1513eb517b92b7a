import type { KoaContextWithOIDC } from 'oidc-provider';
import type { Event } from '../core/events.ts';
import type { ClientId, SessionId, UserId } from '../core/ids.ts';
import { endedSession } from './sessions/noting.ts';

/** What happened, as far as only the library's answer tells it; written with what the library wrote. */
export function eventsOf(ctx: KoaContextWithOIDC): Event[] {
  switch (ctx.oidc?.route) {
    case 'token':
      return tokenIssued(ctx);
    case 'resume':
      return sessionStarted(ctx);
    case 'end_session_confirm':
      return sessionEnded(ctx);
    default:
      return [];
  }
}

function tokenIssued(ctx: KoaContextWithOIDC): Event[] {
  const { client, entities, params } = ctx.oidc;
  if (ctx.status !== 200 || client === undefined) return [];
  const account = entities.AccessToken?.accountId;
  const person = account === undefined ? {} : { userId: account as UserId };
  return [
    {
      type: 'token.issued',
      clientId: client.clientId as ClientId,
      ...person,
      data: { grant: String(params?.grant_type) },
    },
  ];
}

function sessionStarted(ctx: KoaContextWithOIDC): Event[] {
  const { client, session, result } = ctx.oidc;
  if (!result?.login || !session?.accountId || client === undefined) return [];
  const sessionId = session.uid as SessionId;
  return [
    {
      type: 'session.started',
      userId: session.accountId as UserId,
      clientId: client.clientId as ClientId,
      sessionId,
    },
  ];
}

function sessionEnded(ctx: KoaContextWithOIDC): Event[] {
  const ended = endedSession(ctx);
  if (!ended) return [];
  return [{ type: 'session.ended', sessionId: ended.id, userId: ended.userId, data: { as: 'logout' } }];
}
