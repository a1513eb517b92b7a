export type CodeAlphabet = 'numeric' | 'alphanumeric';

/** No 0/O, 1/I/L, 2/Z, 5/S, 8/B and no vowels: nothing to mix up, nothing to spell. */
export const ALPHANUMERIC = '34679CDFGHJKMNPQRTVWXY';
export const NUMERIC = '0123456789';

/** The symbols of an alphabet; codes are drawn from it uniformly. */
export function symbolsOf(alphabet: CodeAlphabet): string {
  return alphabet === 'numeric' ? NUMERIC : ALPHANUMERIC;
}

/**
 * Finds the code in what a person typed or pasted: a sentence, spaces, dashes, full-width or
 * Arabic-Indic digits. Returns '' when there is none of the wanted length.
 */
export function normaliseCode(input: string, shape: { length: number; alphabet: CodeAlphabet }): string {
  const text = asciiDigits(input.slice(0, 500).normalize('NFKC')).toUpperCase();
  const symbols = symbolsOf(shape.alphabet);
  const joined = [...text].filter((symbol) => symbols.includes(symbol)).join('');
  if (joined.length === shape.length && !/[A-Z]{2,}.*\s/.test(text)) return joined;
  return codeInSentence(text, shape.length, symbols) ?? '';
}

/** Groups that touch or are joined by spaces and dashes, longest first, so "123 456" beats "10 minutes". */
function codeInSentence(text: string, length: number, symbols: string): string | undefined {
  const group = new RegExp(
    `(?<![\\p{L}\\p{N}])[${symbols}](?:[\\s\\p{Pd}]?[${symbols}]){${length - 1}}(?![\\p{L}\\p{N}])`,
    'gu',
  );
  const found = [...text.matchAll(group)].map(([match]) =>
    [...match].filter((symbol) => symbols.includes(symbol)).join(''),
  );
  const distinct = new Set(found);
  return distinct.size === 1 ? found[0] : undefined;
}

/** NFKC leaves Arabic-Indic, Persian and other decimal digits alone; each block of ten starts at its zero. */
function asciiDigits(text: string): string {
  return text.replace(/\p{Nd}/gu, (digit) => String(digitValue(digit.codePointAt(0) ?? 0)));
}

function digitValue(codePoint: number): number {
  let zero = codePoint;
  while (codePoint - zero < 9 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero -= 1;
  return codePoint - zero;
}

/** `482913` as `482 913`: how a code is shown; the digits themselves stay together when copied. */
export function groupCode(code: string): string[] {
  const half = Math.ceil(code.length / 2);
  return code.length < 6 ? [code] : [code.slice(0, half), code.slice(half)];
}

/** Chance that at least one of `guesses` blind guesses meets one of `liveCodes` codes. */
export function chanceOfLuckyGuess(shape: {
  length: number;
  alphabet: CodeAlphabet;
  guesses: number;
  liveCodes: number;
}): number {
  const space = symbolsOf(shape.alphabet).length ** shape.length;
  return Math.min(1, (shape.guesses * shape.liveCodes) / space);
}
