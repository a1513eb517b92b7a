import type { MailPressure } from './tripwire.ts';

/** How much of what somebody may do is used up, from 0 to 1, and what else speaks for caution. */
export interface Pressure {
  /** Of the sign-ins that a source may start in an hour. */
  readonly starts: number;
  /** Of the wrong codes that a source may enter in an hour. */
  readonly failures: number;
  /** Of the mails that an address may get in a day. */
  readonly mails: number;
  /** The owner of the address has lately said that it was not them. */
  readonly disowned: boolean;
  /** More wrong codes come in everywhere than people type. */
  readonly alarm: boolean;
  readonly mailPressure: MailPressure;
}

/** Solved before a person sees the page: 16,000 hashes. */
const BITS_MIN = 14;

/** A million hashes: seconds in a browser, and for a bot as expensive as a mail is worth. */
const BITS_MAX = 20;

/** From these shares on there is a puzzle; whoever shares a network with many others stays below. */
const STARTS_FROM = 1 / 4;
const FAILURES_FROM = 1 / 2;
const MAILS_FROM = 1 / 2;

/** How hard the puzzle is, in leading zero bits of SHA-256; 0 for none. The worst of all pressures decides. */
export function puzzleBits(pressure: Pressure): number {
  const height = Math.max(
    above(pressure.starts, STARTS_FROM),
    above(pressure.failures, FAILURES_FROM),
    above(pressure.mails, MAILS_FROM),
    pressure.disowned ? 0.5 : NONE,
    pressure.alarm ? 0.5 : NONE,
    { none: NONE, high: 0.5, full: 1 }[pressure.mailPressure],
  );
  return height === NONE ? 0 : BITS_MIN + Math.round(height * (BITS_MAX - BITS_MIN));
}

/** Whether a digest begins with so many zero bits. */
export function beginsWithZeros(digest: Uint8Array, bits: number): boolean {
  const whole = bits >> 3;
  const rest = (digest[whole] ?? 0xff) >> (8 - (bits & 7));
  return digest.subarray(0, whole).every((byte) => byte === 0) && rest === 0;
}

const NONE = -1;

/** How far a share is above where it begins to count: 0 to 1. */
function above(share: number, from: number): number {
  return share > from ? Math.min(1, (share - from) / (1 - from)) : NONE;
}
