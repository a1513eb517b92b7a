import { createFirstBits } from '../../src/platform/http/puzzle-script.ts';

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

/** The fields that the page's script adds to the form: the smallest answer there is. */
export function solved({ challenge, bits }: PosedPuzzle): { challenge: string; answer: string } {
  const firstBits = createFirstBits();
  for (let n = 0; ; n += 1)
    if (Math.clz32(firstBits(`${challenge}:${n}`)) >= bits) return { challenge, answer: String(n) };
}
