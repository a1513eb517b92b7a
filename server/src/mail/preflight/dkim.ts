import { createPublicKey, type KeyObject } from 'node:crypto';
import type { Finding } from '../../platform/finding.ts';
import { type Answer, type Dns, recordsIn } from './answers.ts';
import type { Found, Way } from './ways.ts';

/** RFC 8301 3.2: verifiers take no key that is shorter; the second is what signers should have. */
const BITS_MIN = 1024;
const BITS_GOOD = 2048;

const why = 'DKIM signs each mail, so that it passes wherever it is forwarded to (RFC 6376).';

/** The keys of the domain that signs: those of `selectors`, or else those where the service has them. */
export async function dkimFinding(dns: Dns, way: Way, selectors: readonly string[]): Promise<Finding> {
  return { id: 'mail.dkim', why, ...(await found(dns, way, selectors)) };
}

async function found(dns: Dns, way: Way, given: readonly string[]): Promise<Found> {
  const tried = given.length > 0 ? given : (way.service?.selectors ?? []);
  const zone = `_domainkey.${way.signs}`;
  if (tried.length === 0) return anyKey(way, zone, await dns.txt(zone));
  const answers = await Promise.all(tried.map((one) => dns.txt(`${one}.${zone}`)));
  const keys = answers.flatMap((answer, index) =>
    recordsIn(answer).map((text) => ({ at: `${tried[index]}.${zone}`, text })),
  );
  if (keys.length > 0)
    return keys.map(({ at, text }) => judgedKey(at, text)).toSorted(worst)[0] ?? noKey(way);
  if (answers.includes('failed')) return silent(zone);
  return noKey(way, tried);
}

/** A name above others exists even where it holds nothing (RFC 8020). */
function anyKey(way: Way, zone: string, answer: Answer<string>): Found {
  if (answer === 'failed') return silent(zone);
  if (answer === 'no such domain') return noKey(way);
  return {
    status: 'ok',
    what: `There are DKIM keys of ${way.signs}; to look at one, give its --selector.`,
  };
}

const ORDER = { fail: 0, warn: 1, ok: 2 } as const;
const worst = (one: Found, other: Found) => ORDER[one.status] - ORDER[other.status];

function noKey({ signs, service }: Way, tried: readonly string[] = []): Found {
  const names = tried.map((one) => `${one}._domainkey`).join(', ');
  const looked = tried.length === 0 ? '' : ` (looked for ${names})`;
  const place = service === undefined ? 'the mail server' : service.title;
  return {
    status: 'fail',
    what: `There is no DKIM key of ${signs}${looked}.`,
    fix: `Let ${place} sign for ${signs}, and publish the record that it shows, at SELECTOR._domainkey.${signs}. Where the key has another selector, give it with --selector.`,
  };
}

function silent(zone: string): Found {
  return {
    status: 'warn',
    what: `The DNS does not say which DKIM keys are below ${zone}.`,
    fix: 'Look whether the name servers of the domain answer, and try again.',
  };
}

function judgedKey(at: string, text: string): Found {
  const tags = tagsOf(text);
  const anew = `Make a new key of ${BITS_GOOD} bits where mail is signed, and publish it at ${at}.`;
  const bad = (what: string, fix = anew): Found => ({
    status: 'fail',
    what: `The DKIM key ${at} ${what}`,
    fix,
  });
  if ((tags.get('v') ?? 'DKIM1') !== 'DKIM1')
    return bad('has another version than DKIM1.', 'Begin its record with v=DKIM1;');
  const key = tags.get('p');
  if (key === undefined) return bad('holds no key: the tag p= is missing.');
  if (key === '') return bad('is revoked: its tag p= is empty.');
  const kind = tags.get('k') ?? 'rsa';
  if (kind === 'ed25519') return good(at, 'Ed25519', tags);
  const bits = rsaKey(key)?.asymmetricKeyDetails?.modulusLength;
  if (kind !== 'rsa' || bits === undefined)
    return bad('cannot be read: it was cut off or changed when it was pasted.');
  if (bits < BITS_MIN) return bad(`has ${bits} bits: receivers take no signature by it.`);
  if (bits < BITS_GOOD) return { ...bad(`has ${bits} bits; ${BITS_GOOD} are due.`), status: 'warn' };
  return good(at, `${bits} bits`, tags);
}

function good(at: string, size: string, tags: ReadonlyMap<string, string>): Found {
  const what = `The DKIM key ${at} is well (${size}).`;
  if (tags.get('t')?.split(':').includes('y') !== true) return { status: 'ok', what };
  const fix = `Take t=y out of its record at ${at}.`;
  return { status: 'warn', what: `The DKIM key ${at} says that it is being tried out (t=y).`, fix };
}

/** `name=value; name=value`, without white space, as DKIM and DMARC have it. */
export function tagsOf(text: string): ReadonlyMap<string, string> {
  const pairs = text.split(';').map((tag) => {
    const [name = '', ...value] = tag.split('=');
    return [name.trim().toLowerCase(), value.join('=').replace(/\s+/g, '')] as const;
  });
  return new Map(pairs.filter(([name]) => name !== ''));
}

/** A SubjectPublicKeyInfo, or the bare key that some publish. */
function rsaKey(base64: string): KeyObject | undefined {
  const key = Buffer.from(base64, 'base64');
  for (const type of ['spki', 'pkcs1'] as const) {
    try {
      const read = createPublicKey({ key, format: 'der', type });
      if (read.asymmetricKeyType === 'rsa') return read;
    } catch {
      // the other form, or none
    }
  }
  return undefined;
}
