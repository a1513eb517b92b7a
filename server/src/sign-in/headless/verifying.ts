import { type Transition, transition } from '../../core/attempt.ts';
import { normaliseCode } from '../../core/code.ts';
import type { Email } from '../../core/email.ts';
import type { Instant } from '../../core/ids.ts';
import { Problem } from '../../core/problems.ts';
import { MINUTE } from '../../core/units.ts';
import { recordEvent } from '../../events/store.ts';
import type { Queries } from '../../platform/database/schema.ts';
import type { SettingValues } from '../../settings/definitions.ts';
import { Budgets, policyOf } from '../limits.ts';
import { isLiveCode, settle } from '../proving.ts';
import { asOf } from '../sign-in.ts';
import {
  type AttemptRecord,
  findAttempt,
  findMailByLink,
  lockAttempt,
  type MailRecord,
  mailsOf,
} from '../store.ts';
import { type HeadlessParts, isOf, type Named, overdue, requireAttempt, tooMany } from './finding.ts';
import { type Method, type Options, optionsOf, requireLength, sealOptions } from './options.ts';
import { isBeyondGuessing } from './sending.ts';
import { saveSealed } from './store.ts';

/** What proved an address proves it again for so long: replies get lost, and clients try again. */
const REPEAT_WITHIN = MINUTE;

/** What the contract of the SDKs allows. */
const CODE_MAX = 20;
const TOKEN_MAX = 100;

export type Credential = { readonly code: string } | { readonly linkToken: string };

interface Verifying extends Omit<Named, 'authRequestId'> {
  readonly credential: Credential;
  readonly authRequestId?: string | undefined;
}

/** An address that was proved, with what the app gave along when it asked. */
export interface Verified {
  readonly record: AttemptRecord;
  readonly email: Email;
  readonly state: string | undefined;
  readonly template: Options['template'];
  readonly method: Method;
}

/**
 * Judges a code or a link. What a wrong code counts is committed with the refusal, the same one twice counts
 * once, and what was right is right again for a minute, so that no retry changes an answer.
 */
export async function verifyHeadless(parts: HeadlessParts, wanted: Verifying): Promise<Verified> {
  const { record, options } =
    'code' in wanted.credential
      ? await byCode(parts, wanted, wanted.credential.code)
      : await byLink(parts, wanted, wanted.credential.linkToken);
  const { state, template, method } = options;
  return { record, email: record.attempt.email, state, template, method };
}

type Judged = { record: AttemptRecord; options: Options };

async function byCode(parts: HeadlessParts, wanted: Verifying, input: string): Promise<Judged> {
  const { authRequestId = '' } = wanted;
  const found = await requireAttempt(parts, { ...wanted, authRequestId });
  requireLength('code', input, CODE_MAX);
  const settings = await parts.settings.current();
  const now = parts.clock.now();
  const { email, id } = found.attempt;
  const of = { email, source: undefined }; // all of its people come from the app's servers
  return conclude(
    await parts.database.write(async (q): Promise<Judged | Problem> => {
      const budgets = await Budgets.lock(q, of, { secrets: parts.secrets, settings, now });
      const record = (await lockAttempt(q, id)) ?? found;
      const alphabet = settings['passwordless.code_alphabet'];
      const code = normaliseCode(input, { length: record.codeLength, alphabet });
      const proof = { purpose: 'attempt-code', value: `${id}:${code}` } as const;
      const earlier = judgeEarlier(parts, { record, proof, now });
      if (earlier) return earlier;
      if (code === '') return wrong();
      if (!budgets.codesAllowed && !isBeyondGuessing(record)) return codesOff(q, record, now);
      const moved = await judgeCode(q, parts, { record, code, settings, now });
      if (moved.next.wrongGuesses.length > record.attempt.wrongGuesses.length) budgets.countFailure();
      await budgets.save();
      return move(q, parts, { record, moved, proof, now });
    }),
  );
}

async function judgeCode(
  q: Queries,
  parts: HeadlessParts,
  facts: { record: AttemptRecord; code: string; settings: SettingValues; now: Instant },
): Promise<Transition> {
  const { attempt } = facts.record;
  const matches = await isLiveCode(q, parts, facts);
  const about = `guess:${attempt.id}:${attempt.mailedAt.length}:${facts.code}`;
  const guess = parts.secrets.hash('attempt-code', about);
  const guessesMax = policyOf(facts.settings).guessesPerAttempt;
  return transition(attempt, { type: 'code-entered', matches, guess, guessesMax }, facts.now);
}

async function codesOff(q: Queries, { attempt }: AttemptRecord, now: Instant): Promise<Problem> {
  const data = { reason: 'address-failures' };
  await recordEvent(q, { type: 'attempt.code_refused', attemptId: attempt.id, data }, now);
  return tooMany('codes of this address were wrong too often. Send a new mail.');
}

async function byLink(parts: HeadlessParts, wanted: Verifying, token: string): Promise<Judged> {
  const settings = await parts.settings.current();
  const { authRequestId = '' } = wanted;
  const named =
    authRequestId !== '' || settings['passwordless.enforce_same_browser']
      ? await requireAttempt(parts, { ...wanted, authRequestId })
      : undefined;
  requireLength('link_token', token, TOKEN_MAX);
  const now = parts.clock.now();
  const proof = { purpose: 'link-token', value: token } as const;
  return conclude(
    await parts.database.write(async (q): Promise<Judged | Problem> => {
      const found = await mailOf(q, parts, { ...wanted, token });
      const record = found && (await lockAttempt(q, found.attemptId));
      if (!record || (named && named.attempt.id !== record.attempt.id)) return wrong();
      const earlier = judgeEarlier(parts, { record, proof, now });
      if (earlier) return earlier;
      if (now >= found.expiresAt) return overdue();
      const [newest] = await mailsOf(q, record.attempt.id);
      if (settings['passwordless.regenerate_on_resend'] && newest?.id !== found.id) return wrong();
      const moved = transition(record.attempt, { type: 'link-confirmed' }, now);
      return move(q, parts, { record, moved, proof, now });
    }),
  );
}

async function mailOf(
  q: Queries,
  parts: HeadlessParts,
  of: Pick<Verifying, 'clientId'> & { token: string },
): Promise<MailRecord | undefined> {
  const mail = await findMailByLink(q, parts.secrets.hashes('link-token', of.token));
  const record = mail && (await findAttempt(q, mail.attemptId));
  return record && isOf(record, of) ? mail : undefined;
}

interface Proof {
  readonly purpose: 'attempt-code' | 'link-token';
  readonly value: string;
}

/** What an attempt that is over says; nothing while it waits for its proof. */
function judgeEarlier(
  parts: HeadlessParts,
  given: { record: AttemptRecord; proof: Proof; now: Instant },
): Judged | Problem | undefined {
  const { proof, now } = given;
  const record = asOf(given.record, now);
  const { attempt } = record;
  switch (attempt.state) {
    case 'pending':
      return undefined;
    case 'satisfied':
    case 'redeemed': {
      const options = optionsOf(parts.secrets, record);
      const isSame = parts.secrets.matches(proof.purpose, proof.value, options.proof ?? '');
      return isSame && now - attempt.provedAt < REPEAT_WITHIN ? { record, options } : wrong();
    }
    case 'locked':
      return tooMany('the codes of this sign-in were wrong too often. Begin again.');
    case 'expired':
    case 'superseded':
    case 'disowned':
      return overdue();
    default:
      return attempt satisfies never;
  }
}

/** Writes what the proof has come to. */
async function move(
  q: Queries,
  parts: HeadlessParts,
  change: { record: AttemptRecord; moved: Transition; proof: Proof; now: Instant },
): Promise<Judged | Problem> {
  const { record, moved, proof, now } = change;
  await settle(q, { record, moved, now });
  if (moved.next.state !== 'satisfied') return wrong();
  const { purpose, value } = proof;
  const options = { ...optionsOf(parts.secrets, record), proof: parts.secrets.hash(purpose, value) };
  const sealed = sealOptions(parts.secrets, options, moved.next.id);
  await saveSealed(q, moved.next.id, sealed);
  const headless = record.headless && { ...record.headless, sealed };
  return { record: { ...record, attempt: moved.next, ...(headless && { headless }) }, options };
}

function conclude(judged: Judged | Problem): Judged {
  if (judged instanceof Problem) throw judged;
  return judged;
}

function wrong(): Problem {
  return new Problem(
    'verification_failed',
    'verification failed: the code or link is not the right one, or was used before.',
  );
}
