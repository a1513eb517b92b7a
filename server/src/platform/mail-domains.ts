import type { MxRecord } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { mailHostOf } from '../core/mail-hosts.ts';
import { MINUTE, SECOND } from '../core/units.ts';
import type { Clock } from './clock.ts';

/** Of `node:dns/promises`, what is asked here. */
export interface MailResolver {
  resolveMx(domain: string): Promise<MxRecord[]>;
  resolve4(domain: string): Promise<string[]>;
  resolve6(domain: string): Promise<string[]>;
}

/** Asks the servers of the machine; two tries, so that one lost packet decides nothing. */
export function systemResolver(): MailResolver {
  return new Resolver({ timeout: 2 * SECOND, tries: 2 });
}

export interface MailDomains {
  /**
   * Whether a domain takes mail: not with a null MX (RFC 7505), and not with neither MX nor address
   * (RFC 5321 5.1). `unknown` where the DNS does not say within a second. Never rejects.
   */
  takesMail(domain: string): Promise<'yes' | 'no' | 'unknown'>;
  /** The mail exchangers that the last answer named, the preferred one first; asks for them if there is none. */
  mailHosts(domain: string): readonly string[];
}

interface Answer {
  readonly takes: 'yes' | 'no' | 'unknown';
  readonly hosts: readonly string[];
}

const ANSWER_WITHIN = SECOND;
const YES_FOR = 10 * MINUTE;

/** A domain that is being set up is not refused for long; a DNS that fails is not asked at each sign-in. */
const NO_FOR = MINUTE;

const ENTRIES_MAX = 5000;

/** Questions under way at once; past it nobody waits, and the DNS of others is not flooded in our name. */
const ASKING_MAX = 100;

/** The domains of addresses, as the DNS knows them; everything that it says of one domain is kept for a while. */
export function createMailDomains(parts: { resolver: MailResolver; clock: Clock }): MailDomains {
  const known = new Map<string, { answer: Answer; until: number }>();
  const asking = new Map<string, Promise<Answer>>();
  const remembered = (domain: string) => {
    const entry = known.get(domain);
    return entry && parts.clock.now() < entry.until ? entry.answer : undefined;
  };
  const remember = (domain: string, answer: Answer) => {
    known.delete(domain); // so that the oldest stands first
    known.set(domain, { answer, until: parts.clock.now() + (answer.takes === 'yes' ? YES_FOR : NO_FOR) });
    for (const oldest of known.keys()) if (known.size > ENTRIES_MAX) known.delete(oldest);
    return answer;
  };
  const ask = (domain: string): Promise<Answer> => {
    const running = asking.get(domain);
    if (running) return running;
    if (asking.size >= ASKING_MAX) return Promise.resolve(UNKNOWN);
    const answer = lookUp(parts.resolver, domain)
      .then((found) => remember(domain, found))
      .finally(() => asking.delete(domain));
    asking.set(domain, answer);
    return answer;
  };
  return {
    takesMail: async (domain) => {
      if (mailHostOf(domain) !== undefined) return 'yes';
      return (remembered(domain) ?? (await within(ANSWER_WITHIN, ask(domain)))).takes;
    },
    mailHosts: (domain) => {
      const answer = remembered(domain);
      if (!answer && mailHostOf(domain) === undefined) void ask(domain);
      return answer?.hosts ?? [];
    },
  };
}

const UNKNOWN: Answer = { takes: 'unknown', hosts: [] };
const NO: Answer = { takes: 'no', hosts: [] };

/** The answer, or `unknown` when it takes longer; what comes later is still remembered. */
async function within(milliseconds: number, answer: Promise<Answer>): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const timer = setTimeout(() => resolve(UNKNOWN), milliseconds);
  try {
    return await Promise.race([answer, promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function lookUp(resolver: MailResolver, domain: string): Promise<Answer> {
  const mx = await answerOf(resolver.resolveMx(domain));
  if (mx === 'failed') return UNKNOWN;
  if (mx === 'no such domain') return NO;
  if (mx !== 'none') return judgedBy(mx);
  const addresses = await Promise.all([
    answerOf(resolver.resolve4(domain)),
    answerOf(resolver.resolve6(domain)),
  ]);
  if (addresses.some((found) => Array.isArray(found))) return { takes: 'yes', hosts: [] };
  return addresses.includes('failed') ? UNKNOWN : NO;
}

/** A null MX is a single record that names the root; a root among others is none at all. */
function judgedBy(records: readonly MxRecord[]): Answer {
  const named = records.filter(({ exchange }) => exchange !== '' && exchange !== '.');
  if (named.length === 0) return NO;
  const hosts = named.toSorted((a, b) => a.priority - b.priority).map(({ exchange }) => exchange);
  return { takes: 'yes', hosts };
}

/** What the DNS says; `failed` is everything that is no answer: a server's failure, no network, a timeout. */
export async function answerOf<T>(
  question: Promise<T[]>,
): Promise<T[] | 'none' | 'no such domain' | 'failed'> {
  try {
    const records = await question;
    return records.length > 0 ? records : 'none';
  } catch (failure) {
    const code = failure instanceof Error && 'code' in failure ? failure.code : undefined;
    if (code === 'ENODATA') return 'none';
    return code === 'ENOTFOUND' ? 'no such domain' : 'failed';
  }
}
