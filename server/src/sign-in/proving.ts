import { LIVE_CODES_MAX, type Transition, transition } from '../core/attempt.ts';
import { normaliseCode } from '../core/code.ts';
import type { Instant } from '../core/ids.ts';
import { recordEvent } from '../events/store.ts';
import type { Queries } from '../platform/database/schema.ts';
import { deriveKey, openWith } from '../platform/secrets.ts';
import type { SettingValues } from '../settings/definitions.ts';
import { findOrCreateUser } from '../users/store.ts';
import { numberOf } from './approving.ts';
import { Budgets, codesAllowed, policyOf } from './limits.ts';
import { asOf, currentAttempt, type Parts } from './sign-in.ts';
import {
  type AttemptRecord,
  findAttempt,
  findMailByLink,
  lockAttempt,
  type MailRecord,
  mailsOf,
  saveAttempt,
} from './store.ts';

export type Judged =
  | { kind: 'none' }
  | { kind: 'busy'; retryAfterMs: number }
  | {
      kind: 'empty' | 'codes-off' | 'judged';
      record: AttemptRecord;
      outcome?: Transition['outcome'];
      left: number;
    };

/**
 * Judges one code against the live codes of the attempt, at most `limits.guesses_per_attempt` times in
 * all and under the budget of the address. What a failure counts is committed with the failure.
 */
export async function enterCode(
  parts: Parts,
  entry: { interactionUid: string; input: string; source: string | undefined },
): Promise<Judged> {
  const settings = await parts.settings.current();
  const found = await currentAttempt(parts, entry.interactionUid);
  if (!found) return { kind: 'none' };
  const code = normaliseCode(entry.input, {
    length: found.codeLength,
    alphabet: settings['passwordless.code_alphabet'],
  });
  if (code === '') return { kind: 'empty', record: found, left: guessesLeft(found, settings) };
  const signUpLater = await parts.interceptors.asks('PRE_SIGNUP');
  const now = parts.clock.now();
  return parts.database.write(async (q): Promise<Judged> => {
    const budgets = await Budgets.lock(
      q,
      { email: found.attempt.email, source: entry.source },
      { secrets: parts.secrets, settings, now },
    );
    const record = await lockAttempt(q, found.attempt.id);
    if (!record) return { kind: 'none' };
    if (budgets.guessWaitMs > 0) return { kind: 'busy', retryAfterMs: budgets.guessWaitMs };
    if (!budgets.codesAllowed && record.attempt.state === 'pending') return refused(q, record, now);
    const matches = await isLiveCode(q, parts, { record, code, settings, now });
    const guess = parts.secrets.hash(
      'attempt-code',
      `guess:${record.attempt.id}:${record.attempt.mailedAt.length}:${code}`,
    );
    const moved = transition(
      record.attempt,
      { type: 'code-entered', matches, guess, guessesMax: policyOf(settings).guessesPerAttempt },
      now,
    );
    if (moved.next.wrongGuesses.length > record.attempt.wrongGuesses.length) budgets.countFailure();
    await budgets.save();
    await settle(q, { record, moved, now, signUpLater });
    const after = { ...record, attempt: moved.next };
    return { kind: 'judged', record: after, outcome: moved.outcome, left: guessesLeft(after, settings) };
  });
}

async function refused(q: Queries, record: AttemptRecord, now: Instant): Promise<Judged> {
  await recordEvent(
    q,
    { type: 'attempt.code_refused', attemptId: record.attempt.id, data: { reason: 'address-failures' } },
    now,
  );
  return { kind: 'codes-off', record, left: 0 };
}

export type LinkView =
  | { kind: 'unknown' }
  | { kind: 'here'; record: AttemptRecord }
  | { kind: 'elsewhere'; record: AttemptRecord; code?: string; approvable: boolean }
  | { kind: 'used' | 'expired' | 'superseded' | 'stopped'; record: AttemptRecord; sentAt: Instant };

/** What a link means to the browser that opened it. Changes nothing: scanners open links too. */
export async function viewLink(
  parts: Parts,
  link: { token: string; browser: string | undefined },
): Promise<LinkView> {
  const settings = await parts.settings.current();
  const found = await parts.database.read((q) => recordOfLink(q, parts, { token: link.token, settings }));
  if (!found) return { kind: 'unknown' };
  return judgeLink(parts, { ...found, ...link, settings });
}

/**
 * Proves the address by a link that was opened in the browser that asked for it. Anywhere else, and for
 * a link that is over, it is only looked at.
 */
export async function confirmLink(
  parts: Parts,
  link: { token: string; browser: string | undefined },
): Promise<LinkView> {
  const settings = await parts.settings.current();
  const signUpLater = await parts.interceptors.asks('PRE_SIGNUP');
  const now = parts.clock.now();
  return parts.database.write(async (q): Promise<LinkView> => {
    const found = await recordOfLink(q, parts, { token: link.token, settings });
    const record = found && (await lockAttempt(q, found.record.attempt.id));
    if (!found || !record) return { kind: 'unknown' };
    const view = judgeLink(parts, { ...found, record, ...link, settings });
    if (view.kind !== 'here') return view;
    const moved = transition(record.attempt, { type: 'link-confirmed' }, now);
    await settle(q, { record, moved, now, signUpLater });
    return { kind: 'here', record: { ...record, attempt: moved.next } };
  });
}

export type Approval =
  | { kind: 'approved'; record: AttemptRecord }
  | { kind: 'mismatch'; record: AttemptRecord };

/**
 * Approves the sign-in from another browser, where the owner allows it, by the number that the first one
 * shows. One wrong number ends the attempt.
 */
export async function approveLink(
  parts: Parts,
  link: { token: string; browser: string | undefined; number: string },
): Promise<LinkView | Approval> {
  const settings = await parts.settings.current();
  const signUpLater = await parts.interceptors.asks('PRE_SIGNUP');
  const now = parts.clock.now();
  return parts.database.write(async (q) => {
    const found = await recordOfLink(q, parts, { token: link.token, settings });
    const record = found && (await lockAttempt(q, found.record.attempt.id));
    if (!found || !record) return { kind: 'unknown' };
    const view = judgeLink(parts, { ...found, record, ...link, settings });
    if (view.kind !== 'elsewhere' || !view.approvable) return view;
    const matches = link.number === numberOf(parts.secrets, record.attempt.id);
    const moved = transition(record.attempt, { type: 'approved', matches }, now);
    await settle(q, { record, moved, now, signUpLater });
    return { kind: matches ? 'approved' : 'mismatch', record: { ...record, attempt: moved.next } };
  });
}

/** The interaction a link goes on with; only for the browser that `confirmLink` has found to be the one that asked. */
export function interactionOf(parts: Parts, record: AttemptRecord): string | undefined {
  return parts.secrets.open('interaction', record.interactionSealed, record.attempt.id);
}

interface LinkFacts {
  record: AttemptRecord;
  mail: MailRecord;
  latest: boolean;
  codesOn: boolean;
  token: string;
  browser: string | undefined;
  settings: SettingValues;
}

function judgeLink(parts: Parts, facts: LinkFacts): LinkView {
  const now = parts.clock.now();
  const record = asOf(facts.record, now);
  const { state } = record.attempt;
  const sameBrowser =
    facts.browser !== undefined && parts.secrets.matches('browser', facts.browser, record.browserHash);
  const over = { record, sentAt: facts.mail.createdAt };
  if (state === 'redeemed') return { kind: 'used', ...over };
  if (state === 'superseded') return { kind: 'superseded', ...over };
  if (state === 'locked' || state === 'disowned') return { kind: 'stopped', ...over };
  if (state === 'satisfied') return sameBrowser ? { kind: 'here', record } : { kind: 'used', ...over };
  if (state === 'expired' || now >= facts.mail.expiresAt) return { kind: 'expired', ...over };
  if (facts.settings['passwordless.regenerate_on_resend'] && !facts.latest)
    return { kind: 'superseded', ...over };
  if (sameBrowser) return { kind: 'here', record };
  const bound = facts.settings['passwordless.enforce_same_browser'];
  const code = bound ? undefined : unsealed(facts);
  const approvable = facts.settings['passwordless.remote_approval'] && !bound;
  return { kind: 'elsewhere', record, approvable, ...(code !== undefined && { code }) };
}

/** The code of the same mail, readable by nobody but the holder of its link; none that would be refused. */
function unsealed(facts: LinkFacts): string | undefined {
  if (facts.mail.sealedCode === undefined || facts.record.linksOnly || !facts.codesOn) return undefined;
  return openWith(deriveKey(facts.token, 'link-seal'), facts.mail.sealedCode, facts.record.attempt.id);
}

async function recordOfLink(q: Queries, parts: Parts, link: { token: string; settings: SettingValues }) {
  const mail = await findMailByLink(q, parts.secrets.hashes('link-token', link.token));
  const record = mail && (await findAttempt(q, mail.attemptId));
  if (!mail || !record || record.headless) return undefined; // the link of an app is the app's to open
  const [newest] = await mailsOf(q, mail.attemptId);
  const given = { secrets: parts.secrets, settings: link.settings, now: parts.clock.now() };
  const codesOn = await codesAllowed(q, record.attempt.email, given);
  return { mail, record, latest: newest?.id === mail.id, codesOn };
}

interface CodeFacts {
  record: AttemptRecord;
  code: string;
  settings: SettingValues;
  now: Instant;
}

/** Compares with every live code, so that the time taken does not tell which one was near. */
export async function isLiveCode(q: Queries, parts: Parts, facts: CodeFacts): Promise<boolean> {
  const { attempt } = facts.record;
  const kept = facts.settings['passwordless.regenerate_on_resend'] ? 1 : LIVE_CODES_MAX;
  const mails = (await mailsOf(q, attempt.id)).slice(0, kept).filter((mail) => facts.now < mail.expiresAt);
  const hashes = mails.flatMap((mail) => mail.codeHash ?? []);
  return hashes
    .map((hash) => parts.secrets.matches('attempt-code', `${attempt.id}:${facts.code}`, hash))
    .includes(true);
}

/** Writes what an attempt has moved to, with its events; who proves an address to us becomes a user. */
export async function settle(
  q: Queries,
  change: {
    record: AttemptRecord;
    moved: Transition;
    now: Instant;
    /** The owner is asked before there is a user: the sign-in makes it when it is finished. */
    signUpLater?: boolean;
  },
): Promise<void> {
  const { record, moved, now } = change;
  if (moved.next === record.attempt) return;
  await saveAttempt(q, moved.next);
  const attemptId = moved.next.id;
  if (moved.outcome === 'wrong')
    await recordEvent(
      q,
      { type: 'attempt.code_wrong', attemptId, data: { guesses: moved.next.wrongGuesses.length } },
      now,
    );
  if (moved.outcome === 'locked') await recordEvent(q, { type: 'attempt.locked', attemptId }, now);
  if (moved.next.state !== 'satisfied') return;
  await recordEvent(
    q,
    { type: 'attempt.satisfied', attemptId, data: { provedBy: moved.next.provedBy } },
    now,
  );
  if (change.signUpLater) return;
  if (record.headless?.flow === 'headless') return; // the app keeps its own users
  const { user, created } = await findOrCreateUser(q, moved.next.email, now);
  if (created) await recordEvent(q, { type: 'user.created', userId: user.id }, now);
}

function guessesLeft(record: AttemptRecord, settings: SettingValues): number {
  return Math.max(0, policyOf(settings).guessesPerAttempt - record.attempt.wrongGuesses.length);
}
