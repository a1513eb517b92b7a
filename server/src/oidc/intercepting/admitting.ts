import { transition } from '../../core/attempt.ts';
import { type AttemptId, type ClientId, PASSWORDLESS_CONNECTION } from '../../core/ids.ts';
import type { Claims } from '../../events/interceptors/answer.ts';
import type { Asked, Question } from '../../events/interceptors/asking.ts';
import type { InterceptorKind } from '../../events/interceptors/store.ts';
import { recordEvent } from '../../events/store.ts';
import type { Queries } from '../../platform/database/schema.ts';
import { type AttemptRecord, lockAttempt, saveAttempt } from '../../sign-in/store.ts';
import { findOrCreateUser, findUserByEmail, type User } from '../../users/store.ts';
import type { OidcParts } from '../oidc.ts';

type AdmittingParts = Pick<OidcParts, 'database' | 'clock' | 'interceptors'>;

/** Whether a proof may become a session. */
export type Admission =
  | {
      readonly kind: 'admitted';
      readonly user: User;
      /** Undefined where nobody was asked; `claims` is what the session's tokens say from now on. */
      readonly asked?: { readonly claims: Claims | undefined };
    }
  | { readonly kind: 'denied'; readonly asked: Asked; readonly message: string }
  /** There is no such person, or they may not sign in. */
  | { readonly kind: 'lost' };

/** Attempts that are being decided on. */
const underway = new Map<AttemptId, Promise<Admission>>();

/**
 * Finds the user behind a proof, and asks the owner's interceptors: before the first user of an address is
 * made, and before a session begins. Outside of transactions: an interceptor takes its time. A form that is
 * sent again meanwhile waits for the same answer.
 */
export function admit(parts: AdmittingParts, record: AttemptRecord): Promise<Admission> {
  const { id } = record.attempt;
  const admission = underway.get(id) ?? decide(parts, record).finally(() => underway.delete(id));
  underway.set(id, admission);
  return admission;
}

async function decide(parts: AdmittingParts, record: AttemptRecord): Promise<Admission> {
  const { email } = record.attempt;
  const known = await parts.database.read((q) => findUserByEmail(q, email));
  const signedUp = known ? ({ kind: 'admitted', user: known } as const) : await signUp(parts, record);
  if (signedUp.kind !== 'admitted') return signedUp;
  if (signedUp.user.status !== 'active') return { kind: 'lost' };
  const asked = await ask(parts, 'PRE_SESSION_CREATION', { record, user: signedUp.user });
  if (asked === undefined) return signedUp;
  const { answer } = asked;
  if (answer.decision === 'deny') return { kind: 'denied', asked, message: answer.message };
  return { ...signedUp, asked: { claims: answer.claims } };
}

/** Without an interceptor the user was made with the proof: one who is not there was deleted since. */
async function signUp(parts: AdmittingParts, record: AttemptRecord): Promise<Admission> {
  const asked = await ask(parts, 'PRE_SIGNUP', { record });
  if (asked === undefined) return { kind: 'lost' };
  if (asked.answer.decision === 'deny') return { kind: 'denied', asked, message: asked.answer.message };
  return parts.database.write(async (q): Promise<Admission> => {
    const now = parts.clock.now();
    const locked = await lockAttempt(q, record.attempt.id);
    if (locked?.attempt.state !== 'satisfied') return { kind: 'lost' }; // ended while the question was out
    const { user, created } = await findOrCreateUser(q, record.attempt.email, now);
    if (created) await recordEvent(q, { type: 'user.created', userId: user.id }, now);
    return { kind: 'admitted', user };
  });
}

async function ask(
  parts: AdmittingParts,
  kind: InterceptorKind,
  of: { record: AttemptRecord; user?: User },
): Promise<Asked | undefined> {
  if (!(await parts.interceptors.asks(kind))) return undefined;
  const asked = await parts.interceptors.ask(kind, questionOf(of));
  const reason = asked?.failure;
  if (asked === undefined || reason === undefined) return asked;
  const { attempt } = of.record;
  const data = { interceptorId: asked.interceptorId, kind, reason };
  const failed = { type: 'interceptor.failed', attemptId: attempt.id, clientId: attempt.clientId } as const;
  await parts.database.write((q) => recordEvent(q, { ...failed, data }, parts.clock.now()));
  return asked;
}

function questionOf({ record, user }: { record: AttemptRecord; user?: User }): Question {
  const { attempt, requester } = record;
  return {
    context: {
      user_email: attempt.email,
      auth_request_id: attempt.id,
      client_id: attempt.clientId,
      connection_details: [{ id: PASSWORDLESS_CONNECTION, type: 'PASSWORDLESS', provider: 'SCALEKIT' }],
      device_details: {
        browser: requester.browser ?? '',
        os: requester.os ?? '',
        ip: requester.ip ?? '',
        country: requester.country ?? '',
      },
    },
    data: {
      user:
        user === undefined
          ? null
          : {
              id: user.id,
              email: user.email,
              external_id: user.externalId ?? null,
              create_time: new Date(user.createdAt).toISOString(),
              metadata: user.metadata,
            },
    },
  };
}

/** Ends an attempt that an interceptor has denied, in the caller's transaction: its code and links do nothing more. */
export function denial(
  parts: AdmittingParts,
  of: { record: AttemptRecord; asked: Asked },
): (q: Queries) => Promise<void> {
  return async (q) => {
    const now = parts.clock.now();
    const { interceptorId, kind } = of.asked;
    const record = await lockAttempt(q, of.record.attempt.id);
    if (record?.attempt.state !== 'satisfied') return;
    await saveAttempt(q, transition(record.attempt, { type: 'replaced' }, now).next);
    const about: { attemptId: typeof record.attempt.id; clientId: ClientId } = {
      attemptId: record.attempt.id,
      clientId: record.attempt.clientId,
    };
    await recordEvent(q, { type: 'interceptor.denied', ...about, data: { interceptorId, kind } }, now);
  };
}
