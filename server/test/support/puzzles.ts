import { createHash } from 'node:crypto';
import { beginsWithZeros } from '../../src/core/puzzle.ts';

export interface PosedPuzzle {
  readonly challenge: string;
  readonly bits: number;
}

/** The puzzle that a page poses, if it does. */
export function puzzleIn(body: string): PosedPuzzle | undefined {
  const [, challenge] = /name="challenge" value="([^"]+)"/.exec(body) ?? [];
  const [, bits] = /data-bits="(\d+)"/.exec(body) ?? [];
  return challenge === undefined ? undefined : { challenge, bits: Number(bits) };
}

/** The fields that a browser adds to the form: the smallest answer there is. */
export function solved({ challenge, bits }: PosedPuzzle): { challenge: string; answer: string } {
  for (let n = 0; ; n += 1)
    if (beginsWithZeros(createHash('sha256').update(`${challenge}:${n}`).digest(), bits))
      return { challenge, answer: String(n) };
}
