import { type ClientId, type Instant, isId } from '../core/ids.ts';
import type { RecordedEvent } from '../events/deliveries/delivery.ts';
import type { ComposeData } from '../events/webhooks/carrier.ts';
import { findSession, type Session } from '../oidc/sessions/store.ts';
import type { Queries } from '../platform/database/schema.ts';
import { findAttempt } from '../sign-in/store.ts';
import { findUser, type User } from '../users/store.ts';

type Json = Record<string, unknown>;

/**
 * What an event says outside: the people, sessions and attempts that it names, as they are now. Never a
 * code, a link or a token: there is none in what is read here.
 */
export const composeWebhook: ComposeData = async (q, event, name) => {
  if (name === 'user.signup')
    return { object: 'OrgMembership', data: { organization: null, user: await userPart(q, event.userId) } };
  if (name === 'user.login' || name === 'user.logout')
    return {
      object: 'User',
      data: { user: await userPart(q, event.userId), user_session: await sessionPart(q, event) },
    };
  return { object: objectOf(name), data: await ownData(q, event) };
};

async function ownData(q: Queries, event: RecordedEvent): Promise<Json> {
  const { attemptId, userId, sessionId, clientId } = event;
  return {
    ...snakeCased(JSON.parse(event.data)),
    ...(attemptId !== undefined && { attempt: await attemptPart(q, attemptId) }),
    ...(userId !== undefined && { user: await userPart(q, userId) }),
    ...(sessionId !== undefined && { user_session: await sessionPart(q, event) }),
    ...(clientId !== undefined && { client_id: clientId }),
  };
}

/** A user who was deleted meanwhile is only an id. */
async function userPart(q: Queries, id: string | undefined): Promise<Json | null> {
  if (id === undefined) return null;
  const user = await findUser(q, id);
  return user === undefined ? { id } : userJson(user);
}

function userJson(user: User): Json {
  const { customAttributes, metadata, ...profile } = user.profile;
  return {
    id: user.id,
    email: user.email,
    external_id: user.externalId ?? null,
    status: user.status,
    create_time: instant(user.createdAt),
    update_time: instant(user.updatedAt),
    last_login_time: user.lastSignInAt === undefined ? null : instant(user.lastSignInAt),
    user_profile: {
      ...snakeCased({ ...profile }),
      email_verified: user.lastSignInAt !== undefined,
      custom_attributes: customAttributes ?? {},
      metadata: metadata ?? {},
    },
    metadata: user.metadata,
  };
}

/** A session that began before there were rows of them is only an id. */
async function sessionPart(q: Queries, event: RecordedEvent): Promise<Json | null> {
  const { sessionId, userId } = event;
  if (sessionId === undefined || !isId('ses', sessionId)) return null;
  const session = await findSession(q, sessionId, event.at);
  return session === undefined
    ? { session_id: sessionId, user_id: userId ?? null }
    : sessionJson(session, event.clientId);
}

function sessionJson(session: Session, clientId: string | undefined): Json {
  const { device } = session;
  const clients = clientId === undefined ? session.clients : withClient(session.clients, clientId);
  return {
    session_id: session.id,
    user_id: session.userId,
    status: session.status,
    created_at: instant(session.createdAt),
    updated_at: instant(session.updatedAt),
    last_active_at: instant(session.lastActiveAt),
    idle_expires_at: instant(session.idleExpiresAt),
    absolute_expires_at: instant(session.absoluteExpiresAt),
    logout_at: session.endedAt === undefined ? null : instant(session.endedAt),
    device: {
      os: device.os,
      os_version: device.osVersion,
      browser: device.browser,
      browser_version: device.browserVersion,
      device_type: device.type,
      ip: device.ip,
    },
    authenticated_clients: clients.map((id) => ({ client_id: id })),
  };
}

function withClient(known: readonly ClientId[], id: string): readonly string[] {
  return known.some((one) => one === id) ? known : [...known, id];
}

async function attemptPart(q: Queries, id: string): Promise<Json> {
  const record = isId('req', id) ? await findAttempt(q, id) : undefined;
  if (record === undefined) return { id };
  const { attempt } = record;
  return {
    id,
    email: attempt.email,
    status: attempt.state,
    client_id: attempt.clientId,
    created_at: instant(attempt.createdAt),
    expires_at: instant(attempt.expiresAt),
  };
}

function objectOf(name: string): string {
  const room = name.slice(0, name.indexOf('.'));
  return room.slice(0, 1).toUpperCase() + room.slice(1);
}

function instant(at: Instant): string {
  return new Date(at).toISOString();
}

function snakeCased(data: Json): Json {
  return Object.fromEntries(
    Object.entries(data).map(([name, value]) => [
      name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`),
      value,
    ]),
  );
}
