import { isIP } from 'node:net';
import type { Finding } from '../../platform/finding.ts';
import { isPublicAddress } from '../../platform/http/networks.ts';
import { type Dns, recordsIn } from './answers.ts';
import { txtRecord } from './domains.ts';
import { isSpf, merged, withEnd, withTerm } from './spf-record.ts';
import { covers, type Walk, walkSpf } from './spf-walk.ts';
import type { Found, Way } from './ways.ts';

const LOOKUPS_MAX = 10;
const VOIDS_MAX = 2;

const why =
  'SPF names the servers that may send for a domain; receivers refuse or doubt the others (RFC 7208).';

/** The SPF record by which receivers judge the mail of this way. */
export async function spfFinding(dns: Dns, way: Way): Promise<Finding> {
  const name = way.envelope ?? way.sender.domain;
  return { id: 'mail.spf', why, ...(await found(dns, way, name)) };
}

async function found(dns: Dns, way: Way, name: string): Promise<Found> {
  const answer = await dns.txt(name);
  const again = 'Look whether the name servers of the domain answer, and try again.';
  if (answer === 'failed')
    return { status: 'warn', what: `The DNS does not say which SPF record ${name} has.`, fix: again };
  const records = recordsIn(answer).filter(isSpf);
  const [record] = records;
  if (record === undefined) return missing(dns, way, name);
  if (records.length > 1) {
    const what = `${name} has ${records.length} SPF records: receivers then take none of them.`;
    return { status: 'fail', what, fix: `Put one in their place: ${txtRecord(name, merged(records))}` };
  }
  const walk = await walkSpf(dns, name, record);
  const fault = faultOf(name, record, walk) ?? (await senderFault(dns, way, { name, record, walk }));
  return fault ?? { status: 'ok', what: `SPF of ${name} is well, with ${walk.lookups} of ten lookups.` };
}

/** Where the service has an envelope of its own, receivers do not ask for ours. */
async function missing(dns: Dns, way: Way, name: string): Promise<Found> {
  const term = way.service?.spf[0];
  const addresses = term === undefined ? await relayAddresses(dns, way) : [];
  const servers = addresses.map((address) => `${address.includes(':') ? 'ip6' : 'ip4'}:${address}`);
  const terms = term === undefined ? servers : [`include:${term}`];
  const record = txtRecord(name, ['v=spf1', ...terms, '~all'].join(' '));
  const more = terms.length > 0 ? '' : ', with the addresses of what sends before ~all';
  const status = way.envelope === undefined ? 'warn' : 'fail';
  return { status, what: `${name} has no SPF record.`, fix: `Publish: ${record}${more}` };
}

function faultOf(name: string, record: string, walk: Walk): Found | undefined {
  const publish = (better: string) => `Publish in its place: ${txtRecord(name, better)}`;
  if (walk.trouble !== undefined)
    return {
      status: 'fail',
      what: `Receivers cannot read SPF of ${name}: ${walk.trouble}.`,
      fix: `Take that out of the record, or correct it: ${txtRecord(name, record)}`,
    };
  if (walk.lookups > LOOKUPS_MAX)
    return {
      status: 'fail',
      what: `SPF of ${name} needs ${walk.lookups} lookups; receivers give up after ${LOOKUPS_MAX}.`,
      fix: `Take the include: of services that send nothing any more out of ${txtRecord(name, record)}`,
    };
  if (walk.end === '+')
    return {
      status: 'fail',
      what: `SPF of ${name} ends in +all: everybody may send for it.`,
      fix: publish(withEnd(record)),
    };
  if (walk.end === undefined || walk.end === '?')
    return {
      status: 'warn',
      what: `SPF of ${name} does not say that others may not send: it ends in neither ~all nor -all.`,
      fix: publish(withEnd(record)),
    };
  if (walk.voids > VOIDS_MAX)
    return {
      status: 'warn',
      what: `SPF of ${name} asks for ${walk.voids} names that do not exist; some receivers give up after two.`,
      fix: `Take the names that are gone out of ${txtRecord(name, record)}`,
    };
  return undefined;
}

interface Published {
  readonly name: string;
  readonly record: string;
  readonly walk: Walk;
}

/** Whether what sends is among those that may. */
async function senderFault(
  dns: Dns,
  way: Way,
  { name, record, walk }: Published,
): Promise<Found | undefined> {
  const { service, envelope } = way;
  if (envelope === undefined) return undefined;
  const [term] = service?.spf ?? [];
  if (service !== undefined && term !== undefined) {
    if (service.spf.some((one) => walk.reached.has(one)) || walk.isOpen) return undefined;
    const fix = `Publish in its place: ${txtRecord(name, withTerm(record, `include:${term}`))}`;
    return { status: 'fail', what: `SPF of ${name} does not let ${service.title} send.`, fix };
  }
  const left = (await relayAddresses(dns, way)).filter((address) => !covers(walk, address));
  if (left.length === 0 || walk.isOpen) return undefined;
  const terms = left.map((address) => `${address.includes(':') ? 'ip6' : 'ip4'}:${address}`);
  const better = terms.reduce(withTerm, record);
  return {
    status: 'warn',
    what: `SPF of ${name} does not let ${way.relay?.host} send (${left.join(', ')}).`,
    fix: `Unless it sends from another address, publish in its place: ${txtRecord(name, better)}`,
  };
}

/** The public addresses of somebody's own mail server. */
export async function relayAddresses(dns: Dns, { relay, service }: Way): Promise<readonly string[]> {
  if (relay === undefined || service !== undefined) return [];
  if (isIP(relay.host) !== 0) return [relay.host].filter(isPublicAddress);
  return recordsIn(await dns.addresses(relay.host)).filter(isPublicAddress);
}
