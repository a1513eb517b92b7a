import { BlockList, isIP } from 'node:net';
import { type Answer, type Dns, recordsIn } from './answers.ts';
import { isSpf, parseSpf, type Term } from './spf-record.ts';

/** What following a record through the DNS has shown. */
export interface Walk {
  /** Questions that a receiver needs; it gives up after ten (RFC 7208 4.6.4). */
  lookups: number;
  /** Those among them without an answer. */
  voids: number;
  /** Domains whose records are taken in. */
  readonly reached: Set<string>;
  /** How everybody else is judged: the qualifier of `all`; undefined where nothing says. */
  end: string | undefined;
  /** The first thing that makes a receiver give up. */
  trouble: string | undefined;
  /** What cannot be followed without a mail, so nobody knows which addresses it names. */
  isOpen: boolean;
  readonly networks: BlockList;
}

/** Where following ends in any case: records that lead in a circle. */
const LOOKUPS_END = 40;

/** Follows a record as a receiver would, but past the limit, to say by how much. */
export async function walkSpf(dns: Dns, domain: string, record: string): Promise<Walk> {
  const walk: Walk = {
    lookups: 0,
    voids: 0,
    reached: new Set(),
    end: undefined,
    trouble: undefined,
    isOpen: false,
    networks: new BlockList(),
  };
  walk.end = await follow({ dns, walk }, domain, record);
  return walk;
}

/** Whether the record lets this address send. */
export function covers({ networks }: Walk, address: string): boolean {
  return networks.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

interface Step {
  readonly dns: Dns;
  readonly walk: Walk;
}

/** Gives the end of the record. */
async function follow(step: Step, domain: string, record: string): Promise<string | undefined> {
  const terms = parseSpf(record);
  if ('wrong' in terms) {
    step.walk.trouble ??= `${domain} has the term ${JSON.stringify(terms.wrong.slice(0, 60))}, which does not exist`;
    return undefined;
  }
  for (const term of terms) if (term.kind === 'mechanism') await mechanism(step, domain, term);
  const all = terms.find((term) => term.kind === 'mechanism' && term.name === 'all');
  if (all?.kind === 'mechanism') return all.qualifier;
  const redirect = terms.find(({ kind, name }) => kind === 'modifier' && name === 'redirect');
  return redirect === undefined ? undefined : into(step, redirect.value);
}

/** The record of another domain: without one the whole is void (RFC 7208 5.2, 6.1). */
async function into(step: Step, domain: string): Promise<string | undefined> {
  const { walk, dns } = step;
  walk.lookups += 1;
  if (domain.includes('%')) walk.isOpen = true;
  if (domain.includes('%') || walk.lookups > LOOKUPS_END) return undefined;
  const name = domain.toLowerCase().replace(/\.$/, '');
  const answer = await dns.txt(name);
  count(walk, answer);
  const records = recordsIn(answer).filter(isSpf);
  walk.reached.add(name);
  const [record] = records;
  if (record !== undefined && records.length === 1) return follow(step, name, record);
  if (answer === 'failed') walk.trouble ??= `${name} could not be looked up`;
  else walk.trouble ??= `${name}, which it includes, has ${records.length || 'no'} SPF records`;
  return undefined;
}

async function mechanism(step: Step, domain: string, term: Term & { kind: 'mechanism' }): Promise<void> {
  const { walk } = step;
  if (walk.lookups > LOOKUPS_END) return;
  const lets = term.qualifier === '+';
  switch (term.name) {
    case 'include':
      await into(step, term.value);
      return;
    case 'ip4':
    case 'ip6':
      if (!added(walk, term.value, lets))
        walk.trouble ??= `${domain} has ${term.name}:${term.value.slice(0, 60)}, which is no address`;
      return;
    case 'a':
    case 'mx':
      await named(step, domain, term);
      return;
    case 'ptr':
    case 'exists':
      walk.lookups += 1;
      walk.isOpen = true;
  }
}

async function named({ dns, walk }: Step, domain: string, term: Term & { kind: 'mechanism' }): Promise<void> {
  const [name = '', bits] = term.value.split('/');
  const target = name === '' ? domain : name;
  walk.lookups += 1;
  if (target.includes('%')) {
    walk.isOpen = true;
    return;
  }
  const hosts = term.name === 'a' ? [target] : await exchangers(dns, walk, target);
  const answers = await Promise.all(hosts.map((host) => dns.addresses(host)));
  if (term.name === 'a') for (const answer of answers) count(walk, answer);
  const addresses = answers.flatMap(recordsIn);
  for (const address of addresses)
    added(walk, bits && isIP(address) === 4 ? `${address}/${bits}` : address, term.qualifier === '+');
}

async function exchangers(dns: Dns, walk: Walk, name: string): Promise<string[]> {
  const answer = await dns.mx(name);
  count(walk, answer);
  return recordsIn(answer).map(({ exchange }) => exchange);
}

function count(walk: Walk, answer: Answer<unknown>): void {
  if (answer === 'none' || answer === 'no such domain') walk.voids += 1;
}

function added({ networks }: Walk, text: string, lets: boolean): boolean {
  const [address = '', bits] = text.split('/');
  const family = isIP(address);
  const most = family === 4 ? 32 : 128;
  const length = bits === undefined ? most : Number(bits);
  if (family === 0 || !/^\d{1,3}$/.test(bits ?? '0') || length > most) return false;
  if (lets) networks.addSubnet(address, length, family === 4 ? 'ipv4' : 'ipv6');
  return true;
}
