/** One term of an SPF record (RFC 7208 4.6.1). */
export type Term =
  | { readonly kind: 'mechanism'; readonly qualifier: string; readonly name: string; readonly value: string }
  | { readonly kind: 'modifier'; readonly name: string; readonly value: string };

const MECHANISM = /^([+?~-]?)(all|include|a|mx|ptr|ip4|ip6|exists)(?:([:/])(.*))?$/i;
const MODIFIER = /^([a-z][a-z0-9_.-]*)=(.*)$/i;
const NEEDS_VALUE = /^(?:include|ip4|ip6|exists)$/;

/** Whether a text is an SPF record, rather than anything else that stands in a TXT record. */
export function isSpf(text: string): boolean {
  return /^v=spf1(?: |$)/i.test(text);
}

/** The terms of a record, or the first one that receivers do not understand. */
export function parseSpf(record: string): readonly Term[] | { readonly wrong: string } {
  const terms: Term[] = [];
  for (const word of record.split(/ +/).slice(1).filter(Boolean)) {
    const term = termOf(word);
    if (term === undefined) return { wrong: word };
    terms.push(term);
  }
  return terms;
}

function termOf(word: string): Term | undefined {
  const [, qualifier, name = '', mark = '', rest = ''] = MECHANISM.exec(word) ?? [];
  if (qualifier !== undefined) {
    const kind = name.toLowerCase();
    const value = mark === '/' ? `/${rest}` : rest;
    const isWrong = kind === 'all' ? mark !== '' : NEEDS_VALUE.test(kind) && (mark !== ':' || rest === '');
    return isWrong ? undefined : { kind: 'mechanism', qualifier: qualifier || '+', name: kind, value };
  }
  const [, modifier, value = ''] = MODIFIER.exec(word) ?? [];
  return modifier === undefined ? undefined : { kind: 'modifier', name: modifier.toLowerCase(), value };
}

/** The record with another term before its end. */
export function withTerm(record: string, term: string): string {
  const words = record.split(/ +/).filter(Boolean);
  const end = words.findIndex((word) => /^(?:[+?~-]?all$|redirect=)/i.test(word));
  return words.toSpliced(end < 0 ? words.length : end, 0, term).join(' ');
}

/** The record with the end that refuses everybody else. */
export function withEnd(record: string): string {
  const words = record.split(/ +/).filter((word) => word !== '' && !/^[+?~-]?all$/i.test(word));
  return [...words, '~all'].join(' ');
}

/** One record that says what several say. */
export function merged(records: readonly string[]): string {
  const words = records.flatMap((record) => record.split(/ +/).slice(1));
  return withEnd(['v=spf1', ...new Set(words.filter(Boolean))].join(' '));
}
