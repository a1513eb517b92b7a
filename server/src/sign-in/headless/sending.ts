import { begin, type Pending, transition } from '../../core/attempt.ts';
import { domainOf, type Email } from '../../core/email.ts';
import { CODE_LENGTH_MAX } from '../../core/guessing.ts';
import type { Instant } from '../../core/ids.ts';
import type { Problem } from '../../core/problems.ts';
import { MINUTE, SECOND } from '../../core/units.ts';
import { recordEvent } from '../../events/store.ts';
import type { Queries } from '../../platform/database/schema.ts';
import { newId, random } from '../../platform/random.ts';
import type { SettingValues } from '../../settings/definitions.ts';
import { Budgets, clientSource, policyOf } from '../limits.ts';
import { accountDecision, queueMail, requireActive } from '../sign-in.ts';
import { type AttemptRecord, insertAttempt, lockAttempt, saveAttempt } from '../store.ts';
import { type HeadlessParts, type Named, overdue, requireAttempt, tooMany } from './finding.ts';
import {
  holdsOf,
  kindsFor,
  type Method,
  noAddress,
  type Options,
  optionsOf,
  readSending,
  type Sending,
  sealOptions,
} from './options.ts';
import { saveShape } from './store.ts';
import { requireVariables } from './variables.ts';

/** 50 characters of base64url, as the contract of the SDKs has them: 300 bits. */
const ID_LENGTH = 50;
const ID_BITS = 300;

/** Of a code that nobody guesses, however often: what an address gets that has no guesses left, and no link. */
const LONG_CODE = CODE_LENGTH_MAX + 2;

/** What an app hears of a mail that was asked for, whatever became of it. */
export interface Sent {
  readonly record: AttemptRecord;
  readonly authRequestId: string;
  readonly expiresAt: Instant;
  /** Seconds. */
  readonly expiresIn: number;
  readonly method: Method;
}

type Asked = { record: AttemptRecord } | { refusal: Problem };

/**
 * Begins an attempt for an app that shows its own pages, and queues its mail. The answer, the writes and the
 * work are the same whatever the account is; only the limits of the address are told, which know no accounts.
 */
export async function sendHeadless(parts: HeadlessParts, wanted: Sending): Promise<Sent> {
  const settings = await parts.settings.current();
  requireActive(settings);
  const { email, options } = readSending(wanted, settings);
  const wish = {
    kinds: kindsFor(options, holdsOf(options, false)),
    locales: [settings['branding.language']],
    clientId: wanted.client.id,
  };
  await requireVariables(parts, wish, options.variables ?? {});
  if (settings['email.check_domain']) await requireMailDomain(parts, email);
  const authRequestId = random.token(ID_BITS).slice(0, ID_LENGTH);
  const now = parts.clock.now();
  const source = clientSource(wanted.client.id);
  const asked = await parts.database.write(async (q): Promise<Asked> => {
    const budgets = await Budgets.lock(q, { email, source }, { secrets: parts.secrets, settings, now });
    const record = newRecord(parts, { wanted, email, options, authRequestId, now, settings, budgets });
    const refusal = spend(parts, budgets);
    if (refusal) return { refusal };
    budgets.spendStart();
    await budgets.save();
    await insertAttempt(q, record);
    await askForMail(q, { record, settings, options, now });
    return { record };
  });
  return answerTo(parts, asked, { authRequestId, options });
}

async function requireMailDomain({ mailDomains }: HeadlessParts, email: Email): Promise<void> {
  if ((await mailDomains?.takesMail(domainOf(email))) === 'no')
    throw noAddress('has a domain that takes no mail');
}

/** Sends one mail more, for as long again as the first one. The id stays the same. */
export async function resendHeadless(parts: HeadlessParts, wanted: Named): Promise<Sent> {
  const found = await requireAttempt(parts, wanted);
  const options = optionsOf(parts.secrets, found);
  const settings = await parts.settings.current();
  requireActive(settings);
  const now = parts.clock.now();
  const source = clientSource(wanted.clientId);
  const { email } = found.attempt;
  const asked = await parts.database.write(async (q): Promise<Asked> => {
    const budgets = await Budgets.lock(q, { email, source }, { secrets: parts.secrets, settings, now });
    const record = (await lockAttempt(q, found.attempt.id)) ?? found;
    const { next, outcome } = transition(record.attempt, mailAsked(record, options, now), now);
    if (outcome !== 'mailed') return { refusal: notMailed(outcome) };
    const refusal = spend(parts, budgets);
    if (refusal) return { refusal };
    const shape = shapeOf(parts, { options, settings, budgets, before: record });
    const after = { ...record, ...shape, attempt: next };
    await budgets.save();
    await saveAttempt(q, next);
    await saveShape(q, next.id, shape);
    await askForMail(q, { record: after, settings, options, now });
    return { record: after };
  });
  return answerTo(parts, asked, { authRequestId: wanted.authRequestId, options });
}

function answerTo(
  parts: HeadlessParts,
  asked: Asked,
  { authRequestId, options }: { authRequestId: string; options: Options },
): Sent {
  if ('refusal' in asked) throw asked.refusal;
  parts.mailQueued();
  const { record } = asked;
  const { expiresIn, method } = options;
  return { record, authRequestId, expiresAt: record.attempt.expiresAt, expiresIn, method };
}

/** Takes one mail of every budget, or says which one is empty. */
function spend(parts: HeadlessParts, budgets: Budgets): Problem | undefined {
  if (budgets.startWaitMs > 0) return tooMany('this app has begun very many sign-ins.', budgets.startWaitMs);
  if (budgets.mailWaitMs > 0) return tooMany('this address has had its mails.', budgets.mailWaitMs);
  budgets.spendMail();
  if (parts.watch.spendMail()) return undefined;
  return tooMany('very many mails are leaving.', MINUTE);
}

function notMailed(outcome: ReturnType<typeof transition>['outcome']): Problem {
  if (outcome === 'locked') return tooMany('the codes of this sign-in were wrong too often. Begin again.');
  if (outcome === 'mails-spent') return tooMany('this sign-in has had its mails. Begin again.');
  return overdue();
}

function mailAsked({ attempt }: { attempt: AttemptRecord['attempt'] }, options: Options, now: Instant) {
  const validUntil = now + options.expiresIn * SECOND;
  return { type: 'mail-asked', step: attempt.mailedAt.length, validUntil, pauseMs: 0 } as const;
}

interface Seed {
  readonly wanted: Sending;
  readonly email: Email;
  readonly options: Options;
  readonly authRequestId: string;
  readonly now: Instant;
  readonly settings: SettingValues;
  readonly budgets: Budgets;
}

function newRecord(parts: HeadlessParts, seed: Seed): AttemptRecord {
  const { wanted, email, options, authRequestId, now } = seed;
  const { secrets } = parts;
  const id = newId('req', now);
  const expiresAt = now + options.expiresIn * SECOND;
  const attempt: Pending = begin({ id, email, clientId: wanted.client.id, createdAt: now, expiresAt });
  return {
    attempt: transition(attempt, mailAsked({ attempt }, options, now), now).next,
    interactionHash: secrets.hash('interaction', authRequestId),
    interactionSealed: secrets.seal('interaction', authRequestId, id),
    generation: 1,
    browserHash: secrets.hash('browser', random.token(128)), // of no browser
    ...shapeOf(parts, seed),
    requester: {},
    requestSealed: undefined,
    sessionId: undefined,
    headless: { flow: 'headless', sealed: sealOptions(secrets, options, id) },
  };
}

/** Where no guesses of the address are left, its mails hold a link alone, or a code beyond guessing. */
function shapeOf(
  parts: HeadlessParts,
  given: Pick<Seed, 'options' | 'settings' | 'budgets'> & { before?: AttemptRecord },
): { linksOnly: boolean; codeLength: number } {
  const { options, settings, budgets, before } = given;
  const codeLength = before?.codeLength ?? policyOf(settings, parts.watch.alarm).codeLength;
  if (budgets.codesAllowed) return { linksOnly: false, codeLength };
  return options.linkUri === undefined
    ? { linksOnly: false, codeLength: LONG_CODE }
    : { linksOnly: true, codeLength };
}

/** Whether codes of this attempt may be judged for an address that has no guesses left. */
export function isBeyondGuessing({ codeLength }: AttemptRecord): boolean {
  return codeLength >= LONG_CODE;
}

async function askForMail(
  q: Queries,
  ask: { record: AttemptRecord; settings: SettingValues; options: Options; now: Instant },
): Promise<void> {
  const { record, settings, options, now } = ask;
  const { id: attemptId, email, clientId, mailedAt } = record.attempt;
  const decision = await accountDecision(q, { email, settings });
  await queueMail(q, { record, decision, notAfter: now + options.expiresIn * SECOND, now });
  const data = { decision };
  const isFirst = mailedAt.length === 1;
  await recordEvent(
    q,
    isFirst
      ? { type: 'attempt.started', attemptId, clientId, data }
      : { type: 'attempt.mail_asked', attemptId, data },
    now,
  );
}
