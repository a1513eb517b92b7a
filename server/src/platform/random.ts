import { randomBytes, randomInt } from 'node:crypto';
import { type Instant, isId } from '../core/ids.ts';

/** Uniform draws from the operating system's generator. */
export const random = {
  /** `bits` of randomness as base64url, without padding. */
  token(bits: number): string {
    return randomBytes(Math.ceil(bits / 8)).toString('base64url');
  },
  bytes(count: number): Buffer {
    return randomBytes(count);
  },
  /** `length` symbols, each equally likely. */
  symbols(length: number, alphabet: string): string {
    return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
  },
};

let last = 0n;

/**
 * A time-ordered identifier `prefix_` + 19 digits: milliseconds and six random digits, never twice in a
 * process; two processes meet once in a million ids of the same millisecond, which a primary key refuses.
 */
export function newId<P extends string>(prefix: P, now: Instant): `${P}_${string}` {
  const drawn = BigInt(now) * 1_000_000n + BigInt(randomInt(1_000_000));
  last = drawn > last || last - drawn > 60_000_000_000n ? drawn : last + 1n;
  const id = `${prefix}_${last}`;
  if (!isId(prefix, id)) throw new Error(`made an identifier that is none: ${id}`);
  return id;
}
