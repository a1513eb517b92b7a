import type { Email } from './email.ts';
import type { AttemptId, ClientId, Instant, UserId } from './ids.ts';
import { MINUTE } from './units.ts';

/** What every state of an attempt knows. */
interface Common {
  readonly id: AttemptId;
  readonly email: Email;
  readonly clientId: ClientId;
  readonly createdAt: Instant;
  readonly expiresAt: Instant;
  /** Mails asked for so far; also the number of the step that a form must name to ask for one more. */
  readonly mails: number;
  /** Keyed hashes of the wrong codes: the same one twice between two mails is a double click, not a second guess. */
  readonly wrongGuesses: readonly string[];
}

export type Proof = 'code' | 'link';

export interface Pending extends Common {
  readonly state: 'pending';
}
export interface Satisfied extends Common {
  readonly state: 'satisfied';
  readonly provedBy: Proof;
  readonly provedAt: Instant;
}
export interface Redeemed extends Common {
  readonly state: 'redeemed';
  readonly provedBy: Proof;
  readonly provedAt: Instant;
  readonly redeemedAt: Instant;
  readonly userId: UserId;
}
export interface Locked extends Common {
  readonly state: 'locked';
  readonly lockedAt: Instant;
}
export interface Expired extends Common {
  readonly state: 'expired';
}
export interface Superseded extends Common {
  readonly state: 'superseded';
  readonly supersededAt: Instant;
}

export type Attempt = Pending | Satisfied | Redeemed | Locked | Expired | Superseded;
export type AttemptState = Attempt['state'];

/** What can happen to an attempt. Time is not an event: it is judged first, whatever happens. */
export type AttemptEvent =
  | { readonly type: 'mail-asked'; readonly step: number; readonly validUntil: Instant }
  | {
      readonly type: 'code-entered';
      readonly matches: boolean;
      readonly guess: string;
      readonly guessesMax: number;
    }
  | { readonly type: 'link-confirmed' }
  | { readonly type: 'redeemed'; readonly userId: UserId }
  | { readonly type: 'replaced' };

export type AttemptOutcome =
  | 'mailed'
  | 'already-mailed'
  | 'mails-spent'
  | 'proved'
  | 'already-proved'
  | 'wrong'
  | 'locked'
  | 'redeemed'
  | 'already-redeemed'
  | 'not-proved'
  | 'expired'
  | 'superseded';

export interface Transition {
  readonly next: Attempt;
  readonly outcome: AttemptOutcome;
}

/** Mails per attempt: past it, the person starts a new one, under the limits of the address. */
export const MAILS_MAX = 5;

/** Codes of one attempt that can be right at the same moment. */
export const LIVE_CODES_MAX = 3;

/** A proof given in the last second of a code's life can still be redeemed, also after a crash in between. */
export const REDEEM_WITHIN = MINUTE;

/** A new attempt, before its first mail. */
export function begin(seed: Pick<Common, 'id' | 'email' | 'clientId' | 'createdAt' | 'expiresAt'>): Pending {
  return { ...seed, state: 'pending', mails: 0, wrongGuesses: [] };
}

/** The one place that decides what an event does to an attempt. Total: every state answers every event. */
export function transition(attempt: Attempt, event: AttemptEvent, now: Instant): Transition {
  const current = timePassed(attempt, now);
  switch (current.state) {
    case 'pending':
      return whilePending(current, event, now);
    case 'satisfied':
      return whileSatisfied(current, event, now);
    case 'redeemed':
      return { next: current, outcome: 'already-redeemed' };
    case 'locked':
      return event.type === 'replaced' ? supersede(current, now) : { next: current, outcome: 'locked' };
    case 'expired':
      return event.type === 'replaced' ? supersede(current, now) : { next: current, outcome: 'expired' };
    case 'superseded':
      return { next: current, outcome: 'superseded' };
    default:
      return current satisfies never;
  }
}

/** The state an attempt is in at `now`: what was not redeemed in time has expired. */
export function timePassed(attempt: Attempt, now: Instant): Attempt {
  const open = attempt.state === 'pending' || attempt.state === 'satisfied';
  return open && now >= attempt.expiresAt ? { ...common(attempt), state: 'expired' } : attempt;
}

function whilePending(attempt: Pending, event: AttemptEvent, now: Instant): Transition {
  switch (event.type) {
    case 'mail-asked':
      return mailAsked(attempt, event);
    case 'code-entered':
      return codeEntered(attempt, event, now);
    case 'link-confirmed':
      return { next: proved(attempt, 'link', now), outcome: 'proved' };
    case 'redeemed':
      return { next: attempt, outcome: 'not-proved' };
    case 'replaced':
      return supersede(attempt, now);
    default:
      return event satisfies never;
  }
}

function mailAsked(attempt: Pending, event: AttemptEvent & { type: 'mail-asked' }): Transition {
  if (event.step !== attempt.mails) return { next: attempt, outcome: 'already-mailed' };
  if (attempt.mails >= MAILS_MAX) return { next: attempt, outcome: 'mails-spent' };
  return {
    next: { ...attempt, mails: attempt.mails + 1, expiresAt: Math.max(attempt.expiresAt, event.validUntil) },
    outcome: 'mailed',
  };
}

function codeEntered(
  attempt: Pending,
  event: AttemptEvent & { type: 'code-entered' },
  now: Instant,
): Transition {
  const { wrongGuesses: earlier } = attempt;
  if (earlier.length >= event.guessesMax) return locked(attempt, earlier, now); // the owner lowered it
  if (event.matches) return { next: proved(attempt, 'code', now), outcome: 'proved' };
  if (earlier.includes(event.guess)) return { next: attempt, outcome: 'wrong' };
  const wrongGuesses = [...earlier, event.guess];
  if (wrongGuesses.length >= event.guessesMax) return locked(attempt, wrongGuesses, now);
  return { next: { ...attempt, wrongGuesses }, outcome: 'wrong' };
}

function locked(attempt: Pending, wrongGuesses: readonly string[], now: Instant): Transition {
  return { next: { ...common(attempt), wrongGuesses, state: 'locked', lockedAt: now }, outcome: 'locked' };
}

function whileSatisfied(attempt: Satisfied, event: AttemptEvent, now: Instant): Transition {
  switch (event.type) {
    case 'redeemed':
      return {
        next: { ...attempt, state: 'redeemed', redeemedAt: now, userId: event.userId },
        outcome: 'redeemed',
      };
    case 'replaced':
      return supersede(attempt, now);
    case 'mail-asked':
    case 'code-entered':
    case 'link-confirmed':
      return { next: attempt, outcome: 'already-proved' };
    default:
      return event satisfies never;
  }
}

function proved(attempt: Pending, provedBy: Proof, now: Instant): Satisfied {
  const expiresAt = Math.max(attempt.expiresAt, now + REDEEM_WITHIN);
  return { ...common(attempt), expiresAt, state: 'satisfied', provedBy, provedAt: now };
}

function supersede(attempt: Attempt, now: Instant): Transition {
  return { next: { ...common(attempt), state: 'superseded', supersededAt: now }, outcome: 'superseded' };
}

function common(attempt: Attempt): Common {
  const { id, email, clientId, createdAt, expiresAt, mails, wrongGuesses } = attempt;
  return { id, email, clientId, createdAt, expiresAt, mails, wrongGuesses };
}
