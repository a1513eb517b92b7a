import { LIVE_CODES_MAX } from './attempt.ts';
import { type CodeAlphabet, symbolsOf } from './code.ts';

/** What the owner has decided, and whether more wrong codes than usual come in everywhere. */
export interface GuessLimits {
  /** A code of one address is guessed with a chance of 1 in this many a day, at most. */
  readonly odds: number;
  readonly codeLength: number;
  readonly alphabet: CodeAlphabet;
  readonly failuresPerAddress: number;
  readonly guessesPerAttempt: number;
  readonly regenerateOnResend: boolean;
  readonly alarm?: boolean;
}

/** What follows from it: how codes are made, and how often they may be missed. */
export interface GuessPolicy {
  readonly codeLength: number;
  readonly guessesPerAttempt: number;
  /** Wrong codes for one address in 30 days; all of them may come on one day. */
  readonly failuresPerAddress: number;
  readonly liveCodes: number;
  readonly chancePerDay: number;
  readonly chancePerAttempt: number;
}

/** More symbols than this nobody types without a mistake. */
export const CODE_LENGTH_MAX = 10;

/** By this many symbols codes grow while there is an alarm: 6 digits become 8, a hundred times harder to guess. */
const ALARM_SYMBOLS = 2;

/**
 * Keeps the chance that somebody guesses a code of one address in one day at 1 in `odds` or below: fewer
 * failures first, longer codes when an attempt would not get its guesses, fewer guesses when codes cannot
 * grow. With more odds than the longest codes give, one guess remains.
 */
export function guessPolicy(limits: GuessLimits): GuessPolicy {
  const liveCodes = limits.regenerateOnResend ? 1 : LIVE_CODES_MAX;
  const symbols = symbolsOf(limits.alphabet).length;
  const affordable = (length: number) => Math.floor(symbols ** length / (liveCodes * limits.odds));
  const needed = Math.min(limits.guessesPerAttempt, limits.failuresPerAddress);
  let length = limits.codeLength;
  while (length < CODE_LENGTH_MAX && affordable(length) < needed) length += 1;
  const failuresPerAddress = Math.max(1, Math.min(limits.failuresPerAddress, affordable(length)));
  const guessesPerAttempt = Math.min(limits.guessesPerAttempt, failuresPerAddress);
  // An alarm buys no failures: codes that were sent before it are as short as they were.
  const codeLength = limits.alarm === true ? Math.min(CODE_LENGTH_MAX, length + ALARM_SYMBOLS) : length;
  const chanceOf = (guesses: number) =>
    chanceOfLuckyGuess({ guesses, liveCodes, space: symbols ** codeLength });
  return {
    codeLength,
    guessesPerAttempt,
    failuresPerAddress,
    liveCodes,
    chancePerDay: chanceOf(failuresPerAddress),
    chancePerAttempt: chanceOf(guessesPerAttempt),
  };
}

/** An upper bound of the chance that at least one of `guesses` blind guesses meets one of `liveCodes` codes. */
function chanceOfLuckyGuess(of: { guesses: number; liveCodes: number; space: number }): number {
  return Math.min(1, (of.guesses * of.liveCodes) / of.space);
}
