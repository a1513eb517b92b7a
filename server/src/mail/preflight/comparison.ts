import type { Finding } from '../../platform/finding.ts';
import { tagsOf } from './dkim.ts';
import { isWithin } from './domains.ts';
import type { Received } from './received.ts';
import type { TestMail } from './test-mail.ts';

/** Filters of the recipient's own company that put themselves before every link. */
const FILTERS = [
  'safelinks.protection.outlook.com',
  'urldefense.com',
  'urldefense.proofpoint.com',
  'protect.mimecast.com',
  'mimecastprotect.com',
  'linkprotect.cudasvc.com',
  'secure-web.cisco.com',
  'clicktime.symantec.com',
  'protection.sophos.com',
];

const WHY = {
  links:
    'A rewritten link goes through a stranger who can use it, and people see an address that is not yours.',
  images: 'An image that is loaded tells who opened which mail when, and makes a mail look like advertising.',
  text: 'Programs without HTML, screen readers and spam filters read the text part.',
  received: 'What the receiver wrote into the mail is what counts in the end.',
} as const;

/** What became of a mail on its way; `untrack` says where the service is told to leave mails alone. */
export function compareMail(sent: TestMail, received: Received, untrack: string): Finding[] {
  const links = [...hrefsOf(received.html ?? ''), ...urlsOf(received.text ?? '')];
  return [
    compareLinks(sent, links, untrack),
    images(received, untrack),
    textPart(sent, received),
    ...proofs(received),
  ];
}

/** The links of a mail as they arrived, against the one that was sent. */
export function compareLinks(sent: TestMail, links: readonly string[], untrack: string): Finding {
  const [id, why] = ['mail.links', WHY.links];
  const foreign = links.filter((link) => link !== sent.link);
  const [strange] = foreign;
  if (strange === undefined && links.length > 0)
    return { id, why, status: 'ok', what: 'The link arrived as it was sent.' };
  if (strange === undefined)
    return {
      id,
      why,
      status: 'fail',
      what: 'The link did not arrive.',
      fix: 'Look which filter on the way takes links out, and let it leave yours.',
    };
  const host = URL.canParse(strange) ? new URL(strange).hostname : strange.slice(0, 80);
  const own = new URL(sent.link).hostname;
  if (FILTERS.some((filter) => isWithin(host, filter)))
    return {
      id,
      why,
      status: 'warn',
      what: `A filter of the recipient leads the link over ${host}.`,
      fix: `Ask who runs the filter to leave links to ${own} alone; codes work all the same.`,
    };
  const isAltered = host === own;
  const what = isAltered
    ? `The link arrived with something added: ${strange.slice(0, 200)}`
    : `The link was rewritten: it leads over ${host}.`;
  return { id, why, status: 'fail', what, fix: untrack };
}

function images({ html = '' }: Received, untrack: string): Finding {
  const [id, why] = ['mail.images', WHY.images];
  const sources = [...html.matchAll(/<img\b[^>]*/gi)].map(([tag]) => attribute(tag, 'src') ?? 'an image');
  const [first] = sources;
  if (first === undefined) return { id, why, status: 'ok', what: 'No image was added.' };
  const host = URL.canParse(first) ? new URL(first).hostname : first.slice(0, 80);
  return { id, why, status: 'fail', what: `An image was added that is loaded from ${host}.`, fix: untrack };
}

function textPart(sent: TestMail, { text }: Received): Finding {
  const [id, why] = ['mail.text', WHY.text];
  const fix =
    'Look at the settings of the service for parts and footers that it makes itself, and at relays on the way.';
  if (text === undefined) return { id, why, status: 'fail', what: 'The text part did not arrive.', fix };
  // Links have a finding of their own.
  const words = (all: string) =>
    all
      .replace(/https?:\/\/\S+/g, '')
      .replace(/\s+/g, ' ')
      .trim();
  if (words(text) === words(sent.text))
    return { id, why, status: 'ok', what: 'The text part arrived as it was sent.' };
  return { id, why, status: 'warn', what: 'The text part was changed on its way.', fix };
}

/** The topmost field is that of the receiver itself (RFC 8601 5). */
function proofs(received: Received): Finding[] {
  const [results] = received.fields('authentication-results');
  if (results === undefined) return [];
  const [id, why] = ['mail.received', WHY.received];
  const said = ['spf', 'dkim', 'dmarc'].map((method) => {
    const outcomes = [...results.matchAll(new RegExp(`\\b${method}=(\\w+)`, 'gi'))].map(
      ([, one = '']) => one,
    );
    return {
      method,
      outcome: outcomes.includes('pass') ? 'pass' : (outcomes[0] ?? 'not told').toLowerCase(),
    };
  });
  const words = said.map(({ method, outcome }) => `${method}=${outcome}`).join(', ');
  const bad = said.filter(({ outcome }) => outcome !== 'pass');
  if (bad.length === 0) return [{ id, why, status: 'ok', what: `The receiver says ${words}.` }];
  const isLost = said.some(({ method, outcome }) => method === 'dmarc' && outcome === 'fail');
  const names = bad.map(({ method }) => method.toUpperCase()).join(', ');
  const fix = `Do what the findings about ${names} say, and send another test mail.`;
  return [{ id, why, status: isLost ? 'fail' : 'warn', what: `The receiver says ${words}.`, fix }];
}

/** The selectors of the signatures for a domain (RFC 6376 3.5). */
export function selectorsIn(received: Received, domain: string): string[] {
  const signatures = received.fields('dkim-signature').map(tagsOf);
  const own = signatures.filter((tags) => tags.get('d')?.toLowerCase() === domain);
  return own.map((tags) => tags.get('s') ?? '').filter((selector) => selector !== '');
}

function hrefsOf(html: string): string[] {
  return [...html.matchAll(/<a\b[^>]*/gi)].flatMap(([tag]) => attribute(tag, 'href') ?? []);
}

function urlsOf(text: string): string[] {
  return [...text.matchAll(/https?:\/\/[^\s<>"')\]]+/g)].map(([url]) => url);
}

function attribute(tag: string, name: string): string | undefined {
  const found = new RegExp(`\\b${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s>]+))`, 'i').exec(tag);
  const value = found?.[1] ?? found?.[2] ?? found?.[3];
  return value
    ?.replace(/&#(?:x([0-9a-f]{1,6})|(\d{1,7}));/gi, (_all, hex?: string, digits?: string) =>
      String.fromCodePoint(Math.min(hex ? Number.parseInt(hex, 16) : Number(digits), 0x10ffff)),
    )
    .replaceAll('&amp;', '&');
}
