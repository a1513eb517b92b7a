/* These functions run in the browser too, under the same rules as those in page-scripts.ts. */

export function numberAt(list: Int32Array, index: number): number {
  return list[index] ?? 0;
}

export function turned(x: number, by: number): number {
  return (x >>> by) | (x << (32 - by));
}

/** What SHA-256 begins with, and what it adds in each round: made of the roots of the first primes. */
export function shaConstants(): { start: Int32Array; rounds: Int32Array } {
  const [start, rounds] = [new Int32Array(8), new Int32Array(64)];
  const fraction = (root: number) => (root % 1) * 2 ** 32;
  for (let n = 2, found = 0; found < 64; n += 1) {
    let divisor = 2;
    while (n % divisor) divisor += 1;
    if (divisor < n) continue;
    start[found] = fraction(Math.sqrt(n)); // past the eighth nothing is written
    rounds[found] = fraction(Math.cbrt(n));
    found += 1;
  }
  return { start, rounds };
}

/**
 * Makes the function that gives the first 32 bits of SHA-256 (FIPS 180-4) of a text of at most 55 ASCII
 * characters. Synchronous: a promise for each of so many short texts costs more than its hash.
 */
export function createFirstBits(): (text: string) => number {
  const { start, rounds } = shaConstants();
  const [words, state] = [new Int32Array(64), new Int32Array(8)];
  const extend = (at: number) => {
    const [x, y] = [numberAt(words, at - 15), numberAt(words, at - 2)];
    const near = turned(x, 7) ^ turned(x, 18) ^ (x >>> 3);
    const far = turned(y, 17) ^ turned(y, 19) ^ (y >>> 10);
    words[at] = numberAt(words, at - 16) + near + numberAt(words, at - 7) + far;
  };
  /** The eight words of the state change places at each round: `a` is where `h` was. */
  const round = (at: number) => {
    const of = (place: number) => numberAt(state, (place - at) & 7);
    const [a, b, e] = [of(0), of(1), of(4)];
    const chosen = (e & of(5)) ^ (~e & of(6));
    const most = (a & b) ^ (a & of(2)) ^ (b & of(2));
    const first =
      of(7) +
      (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) +
      chosen +
      numberAt(rounds, at) +
      numberAt(words, at);
    state[(3 - at) & 7] = of(3) + first;
    state[(7 - at) & 7] = first + (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + most;
  };
  return (text) => {
    words.fill(0, 0, 16);
    for (let at = 0; at < text.length; at += 1)
      words[at >> 2] = numberAt(words, at >> 2) | (text.charCodeAt(at) << (24 - 8 * (at & 3)));
    words[text.length >> 2] = numberAt(words, text.length >> 2) | (128 << (24 - 8 * (text.length & 3)));
    words[15] = text.length * 8;
    state.set(start);
    for (let at = 16; at < 64; at += 1) extend(at);
    for (let at = 0; at < 64; at += 1) round(at);
    return (numberAt(start, 0) + numberAt(state, 0)) >>> 0;
  };
}

/** Looks for the answer, a slice of time after the other, and sends it. */
export function solvePuzzle(): void {
  const answer = document.querySelector<HTMLInputElement>('input[name=answer]');
  const challenge = document.querySelector<HTMLInputElement>('input[name=challenge]')?.value;
  const shown = document.querySelector('progress');
  if (answer === null || shown === null) return;
  const bits = Number(answer.dataset.bits);
  const firstBits = createFirstBits();
  let tried = 0;
  const work = () => {
    const until = performance.now() + 30;
    while (performance.now() < until)
      for (const end = tried + 200; tried < end; tried += 1)
        if (Math.clz32(firstBits(`${challenge}:${tried}`)) >= bits) {
          answer.value = String(tried);
          answer.form?.requestSubmit();
          return;
        }
    shown.value = 1 - (1 - 2 ** -bits) ** tried; // how likely it was to have been found by now
    setTimeout(work);
  };
  work();
}
