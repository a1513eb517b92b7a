/** Under an ending of two letters these are endings themselves, as `co` is in `co.uk`. */
const SECOND_LEVELS = new Set(
  'ac co com edu gen go gob gouv gov gv id lg ltd me mil ne net nhs nom or org plc sch web'.split(' '),
);

/** Nobody can have these (RFC 2606, RFC 6761, RFC 8375, RFC 9476). */
const RESERVED =
  /(?:^|\.)(?:example(?:\.(?:com|net|org))?|invalid|test|localhost|local|internal|alt|home\.arpa)$/i;

/**
 * The part of a name that somebody has registered: `acme.co.uk` of `id.acme.co.uk`. A guess without the list
 * of all endings; where it errs, it takes two owners under a rare ending for one.
 */
export function registrableDomain(name: string): string {
  const labels = name.toLowerCase().replace(/\.$/, '').split('.');
  const isLong = labels.at(-1)?.length === 2 && SECOND_LEVELS.has(labels.at(-2) ?? '');
  return labels.slice(isLong ? -3 : -2).join('.');
}

export function shareOwner(one: string, other: string): boolean {
  return registrableDomain(one) === registrableDomain(other);
}

export function isReservedDomain(name: string): boolean {
  return !name.includes('.') || RESERVED.test(name);
}

/** `acme.com` in `mail.acme.com`, and in itself. */
export function isWithin(name: string, domain: string): boolean {
  return name === domain || name.endsWith(`.${domain}`);
}

/** A line of a zone. */
export function txtRecord(name: string, value: string): string {
  return `${name}. TXT "${value}"`;
}
