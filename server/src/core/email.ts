/** A canonical address: the only form that is stored, looked up and sent to. */
export type Email = string & { readonly brand: 'Email' };

export type EmailFault =
  | 'empty'
  | 'too-long'
  | 'no-at-sign'
  | 'several-addresses'
  | 'bad-local-part'
  | 'bad-domain';

/** The part after the at sign. */
export function domainOf(email: Email): string {
  return email.slice(email.lastIndexOf('@') + 1);
}

/** RFC 5321 4.5.3.1: 64 octets before the at sign; RFC 3696 erratum 1690: 254 in all. */
const LOCAL_PART_MAX = 64;
const ADDRESS_MAX = 254;

/**
 * RFC 5322 dot-atom, ASCII only: folding of other alphabets is how accounts get taken over. Without `%` and
 * `!`, which relays read as a route to another domain, and without the start of an encoded word, `=?`.
 */
const LOCAL_PART = /^(?!.*=\?)[A-Za-z0-9#$&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9#$&'*+/=?^_`{|}~-]+)*$/;
const DOMAIN_LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Reads one address and gives its canonical form: local part ASCII and lower case, domain as lower-case
 * A-labels (UTS 46 through the URL parser's rules is done by the caller with `toAscii`).
 * Never returns an address that a mail library could read as another one, or as two.
 */
export function parseEmail(
  input: string,
  toAscii: (domain: string) => string,
): Email | { fault: EmailFault } {
  const text = input.trim();
  if (text === '') return { fault: 'empty' };
  if (text.length > ADDRESS_MAX) return { fault: 'too-long' };
  if (/[,;<>()[\]\\"\s\p{Cc}\p{Cf}]/u.test(text)) return { fault: 'several-addresses' };
  const at = text.lastIndexOf('@');
  if (at < 1) return { fault: 'no-at-sign' };
  const local = text.slice(0, at);
  if (local.length > LOCAL_PART_MAX || !LOCAL_PART.test(local)) return { fault: 'bad-local-part' };
  const domain = canonicalDomain(text.slice(at + 1), toAscii);
  if (domain === undefined) return { fault: 'bad-domain' };
  const address = `${local.toLowerCase()}@${domain}`;
  return address.length > ADDRESS_MAX ? { fault: 'too-long' } : (address as Email);
}

function canonicalDomain(input: string, toAscii: (domain: string) => string): string | undefined {
  if (!isPlainDomain(input)) return undefined;
  const ascii = toAscii(input).toLowerCase();
  const labels = ascii.split('.');
  if (labels.length < 2 || !labels.every((label) => DOMAIN_LABEL.test(label))) return undefined;
  return /^[0-9]+$/.test(labels.at(-1) ?? '') ? undefined : ascii;
}

/**
 * Compatibility forms (full-width letters, ligatures, circled digits, Kelvin sign) map to other
 * characters under UTS 46, invisible ones to nothing, the ideographic full stop to a dot; an address that
 * changes that way is refused rather than repaired.
 */
function isPlainDomain(domain: string): boolean {
  return (
    domain === domain.normalize('NFKC') && !/[%:/?#@\u3002]|\p{Default_Ignorable_Code_Point}/u.test(domain)
  );
}

/** The key under which guesses and mails of one mailbox are counted: a tag or Gmail's dots buy no new budget. */
export function mailboxOf(email: Email): string {
  const at = email.lastIndexOf('@');
  const domain = email.slice(at + 1);
  const local = email.slice(0, at).replace(/(?<=.)\+.*$/, '');
  const gmail = domain === 'gmail.com' || domain === 'googlemail.com';
  return gmail ? `${local.replaceAll('.', '')}@gmail.com` : `${local}@${domain}`;
}

/** `a…@example.com`: enough to recognise one's own address, too little to learn another's. */
export function maskEmail(email: Email): string {
  const at = email.lastIndexOf('@');
  return `${email.slice(0, 1)}…${email.slice(at)}`;
}
