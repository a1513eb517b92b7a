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
  /** When its mails were asked for, oldest first; their number is the step that a form must name to ask for one more. */
  readonly mailedAt: readonly Instant[];
  /** Keyed hashes of the wrong codes: the same one twice between two mails is a double click, not a second guess. */
  readonly wrongGuesses: readonly string[];
}

/** `approval`: the link was opened in another browser, and the number shown in the first one chosen there. */
export type Proof = 'code' | 'link' | 'approval';

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

/** The owner of the address has said that it was not them who asked. */
export interface Disowned extends Common {
  readonly state: 'disowned';
  readonly disownedAt: Instant;
}

export type Attempt = Pending | Satisfied | Redeemed | Locked | Expired | Superseded | Disowned;
export type AttemptState = Attempt['state'];

/** What can happen to an attempt. Time is not an event: it is judged first, whatever happens. */
export type AttemptEvent =
  | {
      readonly type: 'mail-asked';
      readonly step: number;
      readonly validUntil: Instant;
      /** Between the first mail and the second; each pause after it is twice as long, up to four times. */
      readonly pauseMs: number;
    }
  | {
      readonly type: 'code-entered';
      readonly matches: boolean;
      readonly guess: string;
      readonly guessesMax: number;
    }
  | { readonly type: 'link-confirmed' }
  | { readonly type: 'approved'; readonly matches: boolean }
  | { readonly type: 'disowned' }
  | { readonly type: 'redeemed'; readonly userId: UserId }
  | { readonly type: 'replaced' };

export type AttemptOutcome =
  | 'mailed'
  | 'already-mailed'
  | 'too-soon'
  | 'mails-spent'
  | 'proved'
  | 'already-proved'
  | 'wrong'
  | 'locked'
  | 'redeemed'
  | 'already-redeemed'
  | 'not-proved'
  | 'expired'
  | 'superseded'
  | 'disowned';

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
  return { ...seed, state: 'pending', mailedAt: [], wrongGuesses: [] };
}

/** The one place that decides what an event does to an attempt. Total: every state answers every event. */
export function transition(attempt: Attempt, event: AttemptEvent, now: Instant): Transition {
  const current = timePassed(attempt, now);
  if (event.type === 'disowned') return disown(current, now);
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
    case 'disowned':
      return { next: current, outcome: 'disowned' };
    default:
      return current satisfies never;
  }
}

/** The state an attempt is in at `now`: what was not redeemed in time has expired. */
export function timePassed(attempt: Attempt, now: Instant): Attempt {
  const open = attempt.state === 'pending' || attempt.state === 'satisfied';
  return open && now >= attempt.expiresAt ? { ...common(attempt), state: 'expired' } : attempt;
}

/** When the attempt may ask for its next mail; in the past where it may now. */
export function nextMailAt(attempt: Attempt, pauseMs: number): Instant {
  const { mailedAt } = attempt;
  const growth = Math.min(4, 2 ** (mailedAt.length - 1));
  return (mailedAt.at(-1) ?? -Infinity) + pauseMs * growth;
}

type AttemptChange = Exclude<AttemptEvent, { type: 'disowned' }>;

function whilePending(attempt: Pending, event: AttemptChange, now: Instant): Transition {
  switch (event.type) {
    case 'mail-asked':
      return mailAsked(attempt, event, now);
    case 'code-entered':
      return codeEntered(attempt, event, now);
    case 'link-confirmed':
      return { next: proved(attempt, 'link', now), outcome: 'proved' };
    case 'approved':
      return event.matches
        ? { next: proved(attempt, 'approval', now), outcome: 'proved' }
        : locked(attempt, attempt.wrongGuesses, now);
    case 'redeemed':
      return { next: attempt, outcome: 'not-proved' };
    case 'replaced':
      return supersede(attempt, now);
    default:
      return event satisfies never;
  }
}

function mailAsked(attempt: Pending, event: AttemptEvent & { type: 'mail-asked' }, now: Instant): Transition {
  const { mailedAt } = attempt;
  if (event.step !== mailedAt.length) return { next: attempt, outcome: 'already-mailed' };
  if (mailedAt.length >= MAILS_MAX) return { next: attempt, outcome: 'mails-spent' };
  if (now < nextMailAt(attempt, event.pauseMs)) return { next: attempt, outcome: 'too-soon' };
  const expiresAt = Math.max(attempt.expiresAt, event.validUntil);
  return { next: { ...attempt, mailedAt: [...mailedAt, now], expiresAt }, outcome: 'mailed' };
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

function whileSatisfied(attempt: Satisfied, event: AttemptChange, now: Instant): Transition {
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
    case 'approved':
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

/** Whatever it has come to: what was begun is stopped, and what was redeemed is known to be somebody else's. */
function disown(attempt: Attempt, now: Instant): Transition {
  if (attempt.state === 'disowned') return { next: attempt, outcome: 'disowned' };
  return { next: { ...common(attempt), state: 'disowned', disownedAt: now }, outcome: 'disowned' };
}

function common(attempt: Attempt): Common {
  const { id, email, clientId, createdAt, expiresAt, mailedAt, wrongGuesses } = attempt;
  return { id, email, clientId, createdAt, expiresAt, mailedAt, wrongGuesses };
}
