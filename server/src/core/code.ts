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
 * Arabic-Indic digits. Returns '' when there is none of the wanted length, or more than one.
 */
export function normaliseCode(input: string, shape: { length: number; alphabet: CodeAlphabet }): string {
  const text = asciiDigits(input.slice(0, 500).normalize('NFKC')).toUpperCase();
  const typed = text.replace(/[^\p{L}\p{N}]/gu, '');
  const code = new RegExp(`^[${symbolsOf(shape.alphabet)}]{${shape.length}}$`);
  return code.test(typed) ? typed : codeInSentence(text, shape);
}

/** Whole words that are the code, and neighbours that are when joined: "123 456", not a part of "123 4567". */
function codeInSentence(text: string, shape: { length: number; alphabet: CodeAlphabet }): string {
  const symbols = symbolsOf(shape.alphabet);
  const edge = shape.alphabet === 'numeric' ? '\\p{N}' : '\\p{N}\\p{Script=Latin}';
  const word = `(?<![${edge}])[${symbols}]+(?![${edge}])`;
  const words = [...text.matchAll(new RegExp(word, 'gu'))];
  const joined = [...text.matchAll(new RegExp(`${word}(?:[\\s\\p{Pd}]{1,3}${word})*`, 'gu'))];
  const found = [...words, ...joined].map(([match]) => match.replace(/[\s\p{Pd}]/gu, ''));
  const distinct = new Set(found.filter((candidate) => candidate.length === shape.length));
  return distinct.size === 1 ? [...distinct].join('') : '';
}

/** NFKC leaves Arabic-Indic, Persian and other decimal digits alone; they stand in runs of ten, zero first. */
function asciiDigits(text: string): string {
  return text.replace(/\p{Nd}/gu, (digit) => String(digitValue(digit.codePointAt(0) ?? 0)));
}

function digitValue(codePoint: number): number {
  let first = codePoint;
  while (/\p{Nd}/u.test(String.fromCodePoint(first - 1))) first -= 1;
  return (codePoint - first) % 10;
}

/** `482913` as `482 913`: how a code is shown; the digits themselves stay together when copied. */
export function groupCode(code: string): string[] {
  const half = Math.ceil(code.length / 2);
  return code.length < 6 ? [code] : [code.slice(0, half), code.slice(half)];
}
