import { type Attempt, begin, timePassed, transition } from '../core/attempt.ts';
import type { Email } from '../core/email.ts';
import type { ClientId, Instant } from '../core/ids.ts';
import { Problem } from '../core/problems.ts';
import type { Requester } from '../core/requester.ts';
import { SECOND } from '../core/units.ts';
import type { Interceptors } from '../events/interceptors/interceptors.ts';
import { recordEvent } from '../events/store.ts';
import { enqueueMail } from '../mail/store.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/database.ts';
import type { Queries } from '../platform/database/schema.ts';
import { newId } from '../platform/random.ts';
import type { Secrets } from '../platform/secrets.ts';
import type { SettingValues } from '../settings/definitions.ts';
import type { Settings } from '../settings/settings.ts';
import { findUserByEmail } from '../users/store.ts';
import { gate, type Puzzle, type Solution } from './guarding/puzzle.ts';
import type { Watch } from './guarding/watch.ts';
import { Budgets, policyOf } from './limits.ts';
import { signUpAllowed } from './sign-up.ts';
import {
  type AttemptRecord,
  type HeadlessPart,
  insertAttempt,
  latestAttempt,
  lockAttempt,
  saveAttempt,
  setLinksOnly,
} from './store.ts';

export interface Parts {
  readonly database: Database;
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly settings: Settings;
  /** Tells the outbox that a transaction has left it something to hand over. */
  readonly mailQueued: () => void;
  readonly watch: Watch;
  readonly interceptors: Interceptors;
}

/** Who asks, from where, on behalf of which client. */
export interface Asking {
  readonly interactionUid: string;
  readonly browser: string;
  readonly clientId: ClientId;
  readonly source: string;
  readonly requester: Requester;
  /** Of the puzzle that stood before the mail, where one did. */
  readonly solution?: Solution;
  /** The authorization request, sealed: what links and old pages go on with when the interaction is over. */
  readonly request?: string;
  /** Of an app that shows its own pages. */
  readonly headless?: HeadlessPart;
}

export type Started =
  | { kind: 'attempt'; record: AttemptRecord }
  | { kind: 'busy'; retryAfterMs: number }
  | Puzzle;

/** The newest attempt of an interaction as it stands now. */
export async function currentAttempt(
  parts: Parts,
  interactionUid: string,
): Promise<AttemptRecord | undefined> {
  const hashes = parts.secrets.hashes('interaction', interactionUid);
  const record = await parts.database.read((q) => latestAttempt(q, hashes));
  return record && asOf(record, parts.clock.now());
}

/**
 * Begins an attempt and queues its first mail; where one for the same address is open already, a second
 * click, gives that one. Does the same writes for every address: whether the mail leaves is only in them.
 */
export async function start(parts: Parts, asking: Asking, email: Email): Promise<Started> {
  const settings = await parts.settings.current();
  requireActive(settings);
  const now = parts.clock.now();
  const started = await parts.database.write(async (q): Promise<Started> => {
    const budgets = await Budgets.lock(
      q,
      { email, source: asking.source },
      { secrets: parts.secrets, settings, now },
    );
    if (budgets.startWaitMs > 0) return { kind: 'busy', retryAfterMs: budgets.startWaitMs };
    const newest = await latestAttempt(q, parts.secrets.hashes('interaction', asking.interactionUid));
    const latest = newest && (await lockAttempt(q, newest.attempt.id));
    const open = latest && openFor(asOf(latest, now), email);
    if (open) return { kind: 'attempt', record: open };
    const generation = (latest?.generation ?? 0) + 1;
    const puzzle = gate(
      { ...parts, settings, budgets, now },
      { interactionUid: asking.interactionUid, email, step: `start ${generation}` },
      asking.solution,
    );
    if (puzzle) return puzzle;
    const fresh = newRecord(parts, {
      asking,
      email,
      settings,
      now,
      generation,
      linksOnly: !budgets.codesAllowed,
    });
    if (!(await insertAttempt(q, fresh)))
      return { kind: 'attempt', record: await begunMeanwhile(q, parts, asking) };
    if (latest) await supersede(q, latest, now);
    budgets.spendStart();
    const decision = await mailDecision(q, { email, settings, budgets, watch: parts.watch });
    await budgets.save();
    await queueMail(q, { record: fresh, decision, notAfter: validUntil(settings, now), now });
    await recordEvent(
      q,
      { type: 'attempt.started', attemptId: fresh.attempt.id, clientId: asking.clientId, data: { decision } },
      now,
    );
    return { kind: 'attempt', record: fresh };
  });
  parts.mailQueued();
  return started;
}

export type Resent =
  | { kind: 'busy'; retryAfterMs: number }
  | Puzzle
  | { kind: 'none' }
  | { kind: 'sent' | 'repeated' | 'too-soon' | 'spent' | 'closed'; record: AttemptRecord };

/** Sends one mail more. `step` is the number of mails when the form was made: a form works once. */
export async function resend(parts: Parts, asking: Asking, step: number): Promise<Resent> {
  const found = await currentAttempt(parts, asking.interactionUid);
  if (!found) return { kind: 'none' };
  const settings = await parts.settings.current();
  requireActive(settings);
  const now = parts.clock.now();
  const resent = await parts.database.write(async (q): Promise<Resent> => {
    const budgets = await Budgets.lock(
      q,
      { email: found.attempt.email, source: asking.source },
      { secrets: parts.secrets, settings, now },
    );
    if (budgets.startWaitMs > 0) return { kind: 'busy', retryAfterMs: budgets.startWaitMs };
    const record = await lockAttempt(q, found.attempt.id);
    if (!record) return { kind: 'none' };
    const pauseMs = settings['limits.resend_after_seconds'] * SECOND;
    const asked = { type: 'mail-asked', step, validUntil: validUntil(settings, now), pauseMs } as const;
    const { next, outcome } = transition(record.attempt, asked, now);
    const after = { ...record, attempt: next, linksOnly: !budgets.codesAllowed };
    if (outcome === 'already-mailed') return { kind: 'repeated', record: after };
    if (outcome === 'too-soon') return { kind: 'too-soon', record: after };
    if (outcome === 'mails-spent') return { kind: 'spent', record: after };
    if (outcome !== 'mailed') return { kind: 'closed', record: after };
    const puzzle = gate(
      { ...parts, settings, budgets, now },
      { interactionUid: asking.interactionUid, email: next.email, step: `resend ${next.id} ${step}` },
      asking.solution,
    );
    if (puzzle) return puzzle;
    const decision = await mailDecision(q, { email: next.email, settings, budgets, watch: parts.watch });
    await budgets.save();
    await saveAttempt(q, next);
    await setLinksOnly(q, next.id, after.linksOnly);
    await queueMail(q, { record: after, decision, notAfter: asked.validUntil, now });
    await recordEvent(q, { type: 'attempt.mail_asked', attemptId: next.id, data: { decision } }, now);
    return { kind: 'sent', record: after };
  });
  parts.mailQueued();
  return resent;
}

/** The owner may switch signing in off. Throws `connection_not_active`. */
export function requireActive(settings: SettingValues): void {
  if (settings['passwordless.enabled']) return;
  throw new Problem(
    'connection_not_active',
    'Nobody can sign in at the moment: the owner has switched it off.',
  );
}

/** Ends an attempt, so that another one can be begun. */
export async function abandon(parts: Parts, id: Attempt['id']): Promise<void> {
  await parts.database.write(async (q) => {
    const record = await lockAttempt(q, id);
    if (record) await supersede(q, record, parts.clock.now());
  });
}

/** The record with its attempt as time has left it. */
export function asOf(record: AttemptRecord, now: Instant): AttemptRecord {
  return { ...record, attempt: timePassed(record.attempt, now) };
}

function openFor(record: AttemptRecord, email: Email): AttemptRecord | undefined {
  const { state } = record.attempt;
  if (state === 'redeemed') return record;
  return (state === 'pending' || state === 'satisfied') && record.attempt.email === email
    ? record
    : undefined;
}

interface Seed {
  asking: Asking;
  email: Email;
  settings: SettingValues;
  now: Instant;
  generation: number;
  linksOnly: boolean;
}

function newRecord(parts: Parts, seed: Seed): AttemptRecord {
  const { asking, email, now } = seed;
  const id = newId('req', now);
  const expiresAt = validUntil(seed.settings, now);
  const first = transition(
    begin({ id, email, clientId: asking.clientId, createdAt: now, expiresAt }),
    { type: 'mail-asked', step: 0, validUntil: expiresAt, pauseMs: 0 },
    now,
  );
  return {
    attempt: first.next,
    interactionHash: parts.secrets.hash('interaction', asking.interactionUid),
    interactionSealed: parts.secrets.seal('interaction', asking.interactionUid, id),
    generation: seed.generation,
    browserHash: parts.secrets.hash('browser', asking.browser),
    linksOnly: seed.linksOnly,
    codeLength: policyOf(seed.settings, parts.watch.alarm).codeLength,
    requester: asking.requester,
    requestSealed: asking.request || undefined,
    sessionId: undefined,
    ...(asking.headless && { headless: asking.headless }),
  };
}

function validUntil(settings: SettingValues, now: Instant): Instant {
  return now + settings['passwordless.validity_seconds'] * SECOND;
}

async function begunMeanwhile(q: Queries, parts: Parts, asking: Asking): Promise<AttemptRecord> {
  const record = await latestAttempt(q, parts.secrets.hashes('interaction', asking.interactionUid));
  if (!record) throw new Error('an attempt that was just begun is gone');
  return record;
}

async function supersede(q: Queries, record: AttemptRecord, now: Instant): Promise<void> {
  const { next, outcome } = transition(record.attempt, { type: 'replaced' }, now);
  if (outcome !== 'superseded' || next === record.attempt) return;
  await saveAttempt(q, next);
  await recordEvent(q, { type: 'attempt.superseded', attemptId: next.id }, now);
}

type Decision = 'send' | 'user-disabled' | 'sign-up-closed' | 'address-limited' | 'deployment-limited';

/**
 * Why a mail may not leave; asks every question whatever the first answer, so that no answer is quicker.
 * The limits come first: what they count must not depend on the account.
 */
async function mailDecision(
  q: Queries,
  about: { email: Email; settings: SettingValues; budgets: Budgets; watch: Watch },
): Promise<Decision> {
  const account = await accountDecision(q, about);
  if (!about.budgets.spendMail()) return 'address-limited';
  return about.watch.spendMail() ? account : 'deployment-limited';
}

/** What the account, or that there is none, says of a mail to it; the same work for every address. */
export async function accountDecision(
  q: Queries,
  about: { email: Email; settings: SettingValues },
): Promise<Decision> {
  const user = await findUserByEmail(q, about.email);
  const mayJoin = signUpAllowed(about.email, about.settings);
  if (user?.status === 'disabled') return 'user-disabled';
  return user || mayJoin ? 'send' : 'sign-up-closed';
}

/** Asks for the mail of an attempt; what it holds works until `notAfter`. */
export async function queueMail(
  q: Queries,
  mail: { record: AttemptRecord; decision: Decision; notAfter: Instant; now: Instant },
): Promise<void> {
  const { attempt } = mail.record;
  const { notAfter } = mail;
  const held = mail.decision === 'send' ? {} : { held: mail.decision };
  await enqueueMail(
    q,
    {
      id: newId('msg', mail.now),
      kind: 'sign-in',
      attemptId: attempt.id,
      to: attempt.email,
      notAfter,
      ...held,
    },
    mail.now,
  );
}
