import { createHash } from 'node:crypto';
import type { Email } from '../../core/email.ts';
import type { Instant } from '../../core/ids.ts';
import { beginsWithZeros, puzzleBits } from '../../core/puzzle.ts';
import { MINUTE } from '../../core/units.ts';
import { type Secrets, sameText } from '../../platform/secrets.ts';
import type { SettingValues } from '../../settings/definitions.ts';
import type { Budgets } from '../limits.ts';
import type { Watch } from './watch.ts';

/** What came with a form: the challenge that its page posed, and what the browser found. */
export interface Solution {
  readonly challenge: string;
  readonly answer: string;
}

/** A sum to do before the form is taken: an `n` for which SHA-256 of `challenge:n` begins with `bits` zeros. */
export interface Puzzle {
  readonly kind: 'puzzle';
  readonly challenge: string;
  readonly bits: number;
  /** Somebody without scripts may go on after this long; 0 where they have not asked yet. */
  readonly retryAfterMs: number;
}

/** The one thing that a solution is good for; once it is done, the step is another one. */
export interface Occasion {
  readonly interactionUid: string;
  readonly email: Email;
  readonly step: string;
}

interface GateParts {
  readonly secrets: Secrets;
  readonly settings: SettingValues;
  readonly watch: Watch;
  readonly budgets: Budgets;
  readonly now: Instant;
}

/** Long enough for a slow phone that is put away in between. */
const SOLVED_WITHIN = 5 * MINUTE;

/** 128 bits are enough, and leave the challenge and its answer in one block of SHA-256. */
const MAC_LENGTH = 22;

/**
 * The puzzle that stands before a mail, or nothing when the way is free: nothing presses, the puzzle is
 * solved, or it is the turn of somebody without scripts. Depends on the source, on counters of the address
 * that move the same whether the account exists, and on the watch: on nothing else.
 */
export function gate(
  parts: GateParts,
  occasion: Occasion,
  solution: Solution | undefined,
): Puzzle | undefined {
  const { budgets, watch, settings } = parts;
  const { alarm, mailPressure } = watch;
  const bits = settings['limits.puzzles'] ? puzzleBits({ ...budgets.pressure, alarm, mailPressure }) : 0;
  if (bits === 0) return undefined;
  const posed = solution && posedBits(parts, occasion, solution.challenge);
  if (solution && posed !== undefined && isSolved(solution, posed)) return undefined;
  const asksToWait = posed !== undefined && solution?.answer === '';
  if (asksToWait && budgets.takeTurn()) return undefined;
  return { ...pose(parts, occasion, bits), retryAfterMs: asksToWait ? budgets.turnWaitMs : 0 };
}

function pose(parts: GateParts, occasion: Occasion, bits: number): Omit<Puzzle, 'retryAfterMs'> {
  const terms = `${(parts.now + SOLVED_WITHIN).toString(36)}.${bits}`;
  const mac = parts.secrets.hash('puzzle', bound(occasion, terms)).slice(0, MAC_LENGTH);
  return { kind: 'puzzle', challenge: `${terms}.${mac}`, bits };
}

/** How hard the challenge was when it was posed, if it was posed for this occasion and is not too old. */
function posedBits(parts: GateParts, occasion: Occasion, challenge: string): number | undefined {
  const [, terms = '', expiry = '', bits = '', mac = ''] =
    /^(([0-9a-z]{1,11})\.(\d{2}))\.([\w-]{22})$/.exec(challenge) ?? [];
  const known = parts.secrets
    .hashes('puzzle', bound(occasion, terms))
    .map((each) => sameText(each.slice(0, MAC_LENGTH), mac))
    .includes(true);
  return known && parts.now < Number.parseInt(expiry, 36) ? Number(bits) : undefined;
}

function bound({ interactionUid, email, step }: Occasion, terms: string): string {
  return JSON.stringify([interactionUid, email, step, terms]);
}

function isSolved({ challenge, answer }: Solution, bits: number): boolean {
  if (!/^\d{1,12}$/.test(answer)) return false;
  return beginsWithZeros(createHash('sha256').update(`${challenge}:${answer}`).digest(), bits);
}
