import type { CallOptions } from '../http.ts';
import { type ApiCaller, type Page, type PageOptions, pathOf } from './caller.ts';

export type SessionStatus = 'active' | 'expired' | 'revoked' | 'logout';

export interface SessionDevice {
  readonly userAgent: string;
  readonly os: string;
  readonly osVersion: string;
  readonly browser: string;
  readonly browserVersion: string;
  readonly deviceType: string;
  readonly ip: string;
}

export interface RevokedSession {
  readonly sessionId: string;
  readonly userId: string;
  readonly status: SessionStatus;
  readonly createdAt?: Date;
  readonly updatedAt?: Date;
  readonly lastActiveAt?: Date;
  readonly idleExpiresAt?: Date;
  readonly absoluteExpiresAt?: Date;
  readonly expiredAt?: Date;
  readonly logoutAt?: Date;
}

export interface Session extends RevokedSession {
  readonly device?: SessionDevice;
  readonly authenticatedClients: readonly { readonly clientId: string; readonly organizationId: string }[];
}

export interface SessionsPage extends Page {
  readonly sessions: readonly Session[];
  readonly totalSize: number;
}

export interface SessionsOptions extends PageOptions {
  readonly filter?:
    | {
        /** In any case. */
        readonly status?: readonly string[] | undefined;
        readonly startTime?: Date | undefined;
        readonly endTime?: Date | undefined;
      }
    | undefined;
}

/** Where people are signed in, and how that is ended. */
export class SessionClient {
  readonly #api: ApiCaller;

  constructor(api: ApiCaller) {
    this.#api = api;
  }

  getSession(sessionId: string, call?: CallOptions): Promise<Session> {
    return this.#api.call({ method: 'GET', path: pathOf`/sessions/${sessionId}`, call });
  }

  getUserSessions(userId: string, options: SessionsOptions = {}): Promise<SessionsPage> {
    const { pageSize, pageToken, filter, ...call } = options;
    const query = { pageSize, pageToken, filter };
    return this.#api.call({ method: 'GET', path: pathOf`/users/${userId}/sessions`, query, call });
  }

  /** Ends a session, and with it the refresh tokens of every client in it. */
  revokeSession(sessionId: string, call?: CallOptions): Promise<{ readonly revokedSession: RevokedSession }> {
    return this.#api.call({ method: 'POST', path: pathOf`/sessions/${sessionId}/revoke`, call });
  }

  revokeAllUserSessions(
    userId: string,
    call?: CallOptions,
  ): Promise<{ readonly revokedSessions: readonly RevokedSession[]; readonly totalRevoked: number }> {
    return this.#api.call({ method: 'POST', path: pathOf`/users/${userId}/sessions/revoke`, call });
  }
}
