import { SignJWT } from 'jose';
import { findClient } from '../../clients/store.ts';
import type { ClientId, SessionId } from '../../core/ids.ts';
import { DAY, MINUTE, SECOND } from '../../core/units.ts';
import type { Delivery, FanOut, NewDelivery, PreparedRequest } from '../../events/deliveries/delivery.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/database/database.ts';
import { newId } from '../../platform/random.ts';
import type { Settings } from '../../settings/settings.ts';
import type { Keys } from '../keys.ts';
import { findSession } from './store.ts';

/** An app that was away for longer has asked for new tokens meanwhile, and was refused. */
const WORTH_TELLING_FOR = DAY;

/** OpenID Connect Back-Channel Logout 1.0, 2.4: short, so that a copy is soon worthless. */
const TOKEN_LIFE = 2 * MINUTE;

const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout';

/** What a delivery remembers: the token itself is made when it leaves. */
interface Notice {
  readonly sessionId: string;
  readonly userId: string;
  readonly clientId: ClientId;
  readonly uri: string;
}

/** The end of a session is told to every app that was signed in to under it, at each address that it has for this. */
export const fanOutLogout: FanOut = async (q, event) => {
  const { sessionId, userId } = event;
  if (event.type !== 'session.ended' || sessionId === undefined || userId === undefined) return [];
  const session = await findSession(q, sessionId as SessionId, event.at);
  const deliveries: NewDelivery[] = [];
  for (const clientId of session?.clients ?? []) {
    const client = await findClient(q, clientId);
    for (const uri of client?.backChannelLogoutUris ?? []) {
      const notice: Notice = { sessionId, userId, clientId, uri };
      deliveries.push({
        kind: 'logout',
        targetId: clientId,
        eventId: event.id,
        eventType: event.type,
        body: JSON.stringify(notice),
        notAfter: event.at + WORTH_TELLING_FOR,
      });
    }
  }
  return deliveries;
};

export interface BackChannelParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly keys: Keys;
  readonly settings: Settings;
  readonly origin: URL;
}

/** Signs the logout token of a delivery, anew for each try (OpenID Connect Back-Channel Logout 1.0, 2.4 and 2.5). */
export function prepareLogout(
  parts: BackChannelParts,
): (delivery: Pick<Delivery, 'body'>) => Promise<PreparedRequest | undefined> {
  return async ({ body }) => {
    const notice: Notice = JSON.parse(body);
    const client = await parts.database.read((q) => findClient(q, notice.clientId));
    if (!client?.backChannelLogoutUris.includes(notice.uri)) return undefined;
    const token = await logoutToken(parts, { notice, alg: client.idTokenAlg });
    return {
      url: notice.uri,
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: new URLSearchParams({ logout_token: token }).toString(),
      reach: await reachOf(parts),
    };
  };
}

async function logoutToken(
  parts: BackChannelParts,
  { notice, alg }: { notice: Notice; alg: string },
): Promise<string> {
  const ring = await parts.keys.ring();
  const key = ring.find((candidate) => candidate.alg === alg && candidate.state === 'current');
  if (key === undefined) throw new Error(`there is no current signing key for ${alg}`);
  const now = parts.clock.now();
  const iat = Math.floor(now / SECOND);
  const claims = {
    iss: parts.origin.origin,
    aud: [notice.clientId],
    iat,
    exp: iat + TOKEN_LIFE / SECOND,
    jti: newId('tkn', now),
    sub: notice.userId,
    sid: notice.sessionId,
    events: { [LOGOUT_EVENT]: {} },
  };
  return new SignJWT(claims)
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'logout+jwt' })
    .sign(key.privateKey);
}

/** Beside a server that is used from its own machine only, so are the apps. */
async function reachOf({ settings, origin }: BackChannelParts): Promise<'public' | 'private'> {
  const isLocal = origin.protocol === 'http:';
  return isLocal || (await settings.current())['session.back_channel_private'] ? 'private' : 'public';
}
