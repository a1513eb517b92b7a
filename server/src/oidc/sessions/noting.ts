import Provider, { type KoaContextWithOIDC } from 'oidc-provider';
import { type ClientId, type Instant, isId, type SessionId, type UserId } from '../../core/ids.ts';
import { describeDevice } from '../../core/requester.ts';
import { SECOND } from '../../core/units.ts';
import type { Claims } from '../../events/interceptors/answer.ts';
import type { Clock } from '../../platform/clock.ts';
import { addressOf } from '../../platform/http/front-door.ts';
import type { Settings } from '../../settings/settings.ts';
import { saveClaims } from '../intercepting/store.ts';
import { currentWork, type Step } from '../unit-of-work.ts';
import { noteEnd, noteSession, noteUse } from './store.ts';

interface NotingParts {
  readonly clock: Clock;
  readonly settings: Settings;
}

interface SessionLike {
  readonly uid: string;
  readonly accountId?: string;
  readonly loginTs?: number;
  readonly authorizations?: { [clientId: string]: { grantId?: string } };
}

/** Whenever the library writes a session, its row is written with it, in the same transaction. */
export function installSessionRows(provider: Provider, parts: NotingParts): void {
  const { save } = provider.Session.prototype;
  Object.assign(provider.Session.prototype, {
    async save(this: SessionLike, ttl: number) {
      const saved: unknown = await Reflect.apply(save, this, [ttl]);
      const step = rowStep(parts, this);
      const work = currentWork();
      if (step) work?.steps.push(step);
      if (step && work?.claims) work.steps.push(claimsStep(this.uid as SessionId, work.claims.claims));
      return saved;
    },
  });
}

function rowStep(parts: NotingParts, session: SessionLike): Step | undefined {
  const { uid, accountId, loginTs } = session;
  if (!isId('ses', uid) || accountId === undefined || !isId('usr', accountId) || loginTs === undefined)
    return undefined;
  const now = parts.clock.now();
  const request = Provider.ctx?.req ?? currentWork()?.request;
  const absoluteExpiresAt = loginTs * SECOND + parts.settings.snapshot()['session.absolute_seconds'] * SECOND;
  const row = {
    id: uid,
    userId: accountId,
    createdAt: now,
    lastActiveAt: now,
    idleExpiresAt: Math.min(idleEnd(parts, now), absoluteExpiresAt),
    absoluteExpiresAt,
    device: describeDevice(request?.headers['user-agent'] ?? '', request ? addressOf(request) : ''),
    clients: clientsOf(session),
  };
  return (q) => noteSession(q, row);
}

function claimsStep(id: SessionId, claims: Claims | undefined): Step {
  return (q) => saveClaims(q, id, claims);
}

/** Those that the library has let in: it also opens an empty entry for one that it only looked for. */
function clientsOf({ authorizations = {} }: SessionLike): ClientId[] {
  return Object.entries(authorizations)
    .filter(([, { grantId }]) => grantId !== undefined)
    .map(([id]) => id as ClientId);
}

function idleEnd({ settings }: NotingParts, now: Instant): Instant {
  return now + settings.snapshot()['session.idle_seconds'] * SECOND;
}

/** What the library's answer means for the row of a session: a logout ends it, a refresh is a use of it. */
export function sessionSteps(ctx: KoaContextWithOIDC, parts: NotingParts): Step[] {
  const at = parts.clock.now();
  const ended = endedSession(ctx);
  if (ended) return [async (q) => void (await noteEnd(q, { id: ended.id, as: 'logout', at }))];
  // A code is exchanged within a minute of the sign-in, which is noted already.
  const isRefresh = ctx.oidc?.route === 'token' && ctx.oidc.params?.grant_type === 'refresh_token';
  const used = isRefresh && ctx.status === 200 ? ctx.oidc.entities.AccessToken?.sid : undefined;
  if (used === undefined || !isId('ses', used)) return [];
  return [(q) => noteUse(q, { id: used, at, idleExpiresAt: idleEnd(parts, at) })];
}

/** Only where the whole session was ended: the library marks it, and sends a cookie that deletes its own. */
export function endedSession(ctx: KoaContextWithOIDC): { id: SessionId; userId: UserId } | undefined {
  const { route, session } = ctx.oidc ?? {};
  if (route !== 'end_session_confirm' || !session?.accountId) return undefined;
  const isDestroyed = 'destroyed' in session && session.destroyed === true;
  return isDestroyed ? { id: session.uid as SessionId, userId: session.accountId as UserId } : undefined;
}
