import { findClient } from '../../clients/store.ts';
import { transition } from '../../core/attempt.ts';
import type { Instant, SessionId } from '../../core/ids.ts';
import { DAY } from '../../core/units.ts';
import { recordEvent } from '../../events/store.ts';
import { enqueueMail } from '../../mail/store.ts';
import type { Queries } from '../../platform/database/schema.ts';
import { sourceOf } from '../../platform/http/addresses.ts';
import { newId } from '../../platform/random.ts';
import type { SettingValues } from '../../settings/definitions.ts';
import { type Brand, brandOf } from '../branding.ts';
import { Budgets } from '../limits.ts';
import { interactionOf } from '../proving.ts';
import { asOf, type Parts } from '../sign-in.ts';
import {
  type AttemptRecord,
  findAttempt,
  findMailByDisown,
  latestAttempt,
  lockAttempt,
  saveAttempt,
} from '../store.ts';

/** A confirmation that comes later than this would only confuse. */
const CONFIRM_WITHIN = DAY;

/** The page of a mail's "it was not me". */
export function disownPath(token: string): string {
  return `/not-me/${encodeURIComponent(token)}`;
}

export function disownLink(origin: URL, token: string): string {
  return new URL(disownPath(token), origin).href;
}

export type DisownView =
  | { kind: 'unknown' }
  | {
      kind: 'known';
      record: AttemptRecord;
      appName: string;
      brand: Brand;
      /** The owner has said it already. */
      done: boolean;
      /** What was signed in to by it. */
      sessions: readonly SessionId[];
    };

/** What the link of a mail that nobody asked for stands for. Changes nothing: scanners open links too. */
export async function viewDisown(parts: Parts, token: string): Promise<DisownView> {
  return parts.database.read(async (q) => {
    const record = await recordOfDisown(q, parts, token);
    return record ? viewOf(q, parts, await withSuccessor(q, parts, record)) : { kind: 'unknown' };
  });
}

/**
 * Stops the attempt whose mail held the link, counts it against who asked, and records it; where another
 * attempt for the same address took its place, that one too. Said twice, it is done once. The caller ends
 * the sessions, in this same transaction.
 */
export async function disown(
  q: Queries,
  parts: Parts,
  given: { token: string; settings: SettingValues; now: Instant },
): Promise<DisownView> {
  const found = await recordOfDisown(q, parts, given.token);
  if (!found) return { kind: 'unknown' };
  const { secrets } = parts;
  const source = found.headless?.flow === 'headless' ? undefined : sourceOf(found.requester.ip ?? '');
  const budgets = await Budgets.lock(q, { email: found.attempt.email, source }, { secrets, ...given });
  const record = await lockAttempt(q, found.attempt.id);
  if (!record) return { kind: 'unknown' };
  const { state } = record.attempt;
  const [, successor] = state === 'superseded' ? await withSuccessor(q, parts, record) : [];
  const next = successor && (await lockAttempt(q, successor.attempt.id));
  if (state !== 'disowned') {
    budgets.countDisowned();
    await budgets.save();
    await confirm(q, record, given.now);
  }
  const stopped = await stop(q, record, given.now);
  return viewOf(q, parts, next ? [stopped, await stop(q, next, given.now)] : [stopped]);
}

/** A mail to the mailbox that said so, once: whoever reads it with its owner shall not have the only word. */
async function confirm(q: Queries, { attempt }: AttemptRecord, now: Instant): Promise<void> {
  const { id: attemptId, email: to } = attempt;
  await enqueueMail(
    q,
    { id: newId('msg', now), kind: 'disowned', attemptId, to, notAfter: now + CONFIRM_WITHIN },
    now,
  );
}

async function stop(q: Queries, record: AttemptRecord, now: Instant): Promise<AttemptRecord> {
  const { next } = transition(record.attempt, { type: 'disowned' }, now);
  if (next === record.attempt) return record;
  await saveAttempt(q, next);
  const { state: was } = asOf(record, now).attempt;
  const { id: attemptId, clientId } = next;
  await recordEvent(q, { type: 'attempt.disowned', attemptId, clientId, data: { was } }, now);
  return { ...record, attempt: next };
}

/** The attempt, and the newest of its interaction where that took its place for the same address. */
async function withSuccessor(q: Queries, parts: Parts, record: AttemptRecord): Promise<AttemptRecord[]> {
  const { id, state, email } = record.attempt;
  const uid = state === 'superseded' ? interactionOf(parts, record) : undefined;
  if (uid === undefined) return [record];
  const newest = await latestAttempt(q, parts.secrets.hashes('interaction', uid));
  const isSuccessor = newest && newest.attempt.id !== id && newest.attempt.email === email;
  return isSuccessor ? [record, newest] : [record];
}

async function viewOf(
  q: Queries,
  parts: Parts,
  [record, ...others]: readonly AttemptRecord[],
): Promise<DisownView> {
  if (!record) return { kind: 'unknown' };
  const client = await findClient(q, record.attempt.clientId);
  return {
    kind: 'known',
    record,
    brand: brandOf(parts, client?.branding),
    appName: client?.name ?? parts.settings.snapshot()['branding.name'],
    done: record.attempt.state === 'disowned',
    sessions: [record, ...others].flatMap(({ sessionId }) => sessionId ?? []),
  };
}

async function recordOfDisown(q: Queries, parts: Parts, token: string): Promise<AttemptRecord | undefined> {
  const mail = await findMailByDisown(q, parts.secrets.hashes('disown-token', token));
  return mail && findAttempt(q, mail.attemptId);
}
