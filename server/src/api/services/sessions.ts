import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type { SessionService } from '../../../generated/scalekit/v1/sessions/sessions_pb.js';
import type { Device } from '../../core/requester.ts';
import {
  revokeSession,
  revokeSessionsOfUser,
  sessionsOfUser,
  showSession,
} from '../../oidc/sessions/sessions.ts';
import type { Session } from '../../oidc/sessions/store.ts';
import { instantOf } from '../instants.ts';
import type { ApiParts } from '../parts.ts';

/** Where people are signed in, and how that is ended. */
export function sessionsService(parts: ApiParts): ServiceImpl<typeof SessionService> {
  return {
    getSession: async ({ sessionId }) => details(await showSession(parts, sessionId)),
    getUserSessions: async ({ userId, pageSize, pageToken, filter }) => {
      const found = await sessionsOfUser(parts, {
        userId,
        statuses: filter?.status ?? [],
        from: instantOf(filter?.startTime),
        until: instantOf(filter?.endTime),
        size: pageSize,
        token: pageToken,
      });
      return {
        sessions: found.rows.map(details),
        nextPageToken: found.nextToken,
        prevPageToken: found.prevToken,
        totalSize: found.total,
      };
    },
    revokeSession: async ({ sessionId }) => ({
      revokedSession: revoked(await revokeSession(parts, sessionId)),
    }),
    revokeAllUserSessions: async ({ userId }) => {
      const sessions = await revokeSessionsOfUser(parts, userId);
      return { revokedSessions: sessions.map(revoked), totalRevoked: sessions.length };
    },
  };
}

function details(session: Session) {
  return {
    ...timesOf(session),
    status: session.status as string,
    device: deviceOf(session.device),
    authenticatedClients: session.clients.map((clientId) => ({ clientId })),
  };
}

/** Says so also of one that had ended in another way before. */
function revoked(session: Session) {
  return { ...timesOf(session), status: 'revoked' };
}

function timesOf(session: Session) {
  const { status, endedAt } = session;
  const expiresAt = Math.min(session.idleExpiresAt, session.absoluteExpiresAt);
  return {
    sessionId: session.id,
    userId: session.userId,
    createdAt: timestampFromMs(session.createdAt),
    updatedAt: timestampFromMs(session.updatedAt),
    lastActiveAt: timestampFromMs(session.lastActiveAt),
    idleExpiresAt: timestampFromMs(session.idleExpiresAt),
    absoluteExpiresAt: timestampFromMs(session.absoluteExpiresAt),
    ...(status === 'expired' && { expiredAt: timestampFromMs(expiresAt) }),
    ...(status === 'revoked' && endedAt !== undefined && { expiredAt: timestampFromMs(endedAt) }),
    ...(status === 'logout' && endedAt !== undefined && { logoutAt: timestampFromMs(endedAt) }),
  };
}

/** The browser in its own words is not kept: these are ours. */
function deviceOf({ type, browser, browserVersion, os, osVersion, ip }: Device) {
  const words = [
    browser && [browser, browserVersion].filter(Boolean).join('/'),
    [os, osVersion].filter(Boolean).join(' '),
  ];
  return {
    userAgent: words.filter(Boolean).join(' on '),
    os,
    osVersion,
    browser,
    browserVersion,
    deviceType: type as string,
    ip,
  };
}
