import { isIP } from 'node:net';
import type { Finding } from '../../platform/finding.ts';
import { type Dns, recordsIn } from './answers.ts';
import { relayAddresses } from './spf.ts';
import type { Found, Way } from './ways.ts';

const mxWhy = 'Bounces and replies go there; some receivers refuse mail from a domain that takes none.';
const ptrWhy = 'Gmail, Yahoo and others refuse mail from an address without a name that leads back to it.';

/** Whether the sender's domain takes mail (RFC 5321 5.1, RFC 7505). */
export async function mxFinding(dns: Dns, way: Way): Promise<Finding> {
  return { id: 'mail.mx', why: mxWhy, ...(await mxFound(dns, way)) };
}

async function mxFound(dns: Dns, { sender }: Way): Promise<Found> {
  const { domain } = sender;
  const fix = `Publish: ${domain}. MX 10 MAIL-SERVER. with the name of a server that takes its mail.`;
  const answer = await dns.mx(domain);
  if (answer === 'failed')
    return {
      status: 'warn',
      what: `The DNS does not say who takes mail for ${domain}.`,
      fix: 'Look whether the name servers of the domain answer, and try again.',
    };
  const hosts = recordsIn(answer).map(({ exchange }) => exchange);
  const named = hosts.filter((host) => host !== '' && host !== '.');
  if (hosts.length > 0 && named.length === 0)
    return { status: 'fail', what: `${domain} says that it takes no mail (a null MX).`, fix };
  if (named.length > 0) {
    const addresses = await Promise.all(named.map((host) => dns.addresses(host)));
    if (addresses.every((one) => one === 'none' || one === 'no such domain'))
      return {
        status: 'fail',
        what: `No mail server of ${domain} has an address: ${named.join(', ')}.`,
        fix,
      };
    return { status: 'ok', what: `${domain} takes mail at ${named.join(', ')}.` };
  }
  const itself = await dns.addresses(domain);
  if (typeof itself !== 'string')
    return { status: 'warn', what: `${domain} has no MX record, only an address.`, fix };
  return {
    status: 'fail',
    what: `${domain} takes no mail: it has neither an MX record nor an address.`,
    fix,
  };
}

/** Whether the addresses of somebody's own relay have names that lead back. Nothing to say of any other. */
export async function ptrFindings(dns: Dns, way: Way): Promise<Finding[]> {
  const addresses = await relayAddresses(dns, way);
  const found = await Promise.all(addresses.map((address) => ptrFound(dns, way, address)));
  return found.map((each) => ({ id: 'mail.ptr', why: ptrWhy, ...each }));
}

async function ptrFound(dns: Dns, { relay, sender }: Way, address: string): Promise<Found> {
  const host = relay === undefined || isIP(relay.host) !== 0 ? `mail.${sender.domain}` : relay.host;
  const zone = `${pointerName(address)}. PTR ${host}.`;
  const fix = `Let who gives you the address publish: ${zone} If mail leaves from another address, look at that one.`;
  const names = await dns.names(address);
  if (names === 'failed')
    return { status: 'warn', what: `The DNS does not say which name ${address} has.`, fix };
  const known = recordsIn(names);
  if (known.length === 0) return { status: 'warn', what: `${address} has no name (PTR).`, fix };
  for (const name of known)
    if (recordsIn(await dns.addresses(name)).some((one) => same(one, address)))
      return { status: 'ok', what: `${address} is ${name}, and the other way round.` };
  const type = address.includes(':') ? 'AAAA' : 'A';
  return {
    status: 'warn',
    what: `${address} is called ${known.join(', ')}, which does not lead back to it.`,
    fix: `Publish: ${known[0]}. ${type} ${address}, or let who gives you the address publish: ${zone}`,
  };
}

/** The name under which an address has its names (RFC 1035 3.5, RFC 3596 2.5). */
function pointerName(address: string): string {
  if (!address.includes(':')) return `${address.split('.').reverse().join('.')}.in-addr.arpa`;
  return `${[...expanded(address)].reverse().join('.')}.ip6.arpa`;
}

/** The 32 digits of an IPv6 address. */
function expanded(address: string): string {
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (text: string | undefined) => (text ? text.split(':') : []);
  const missing = 8 - groups(head).length - groups(tail).length;
  const all = [...groups(head), ...Array.from({ length: missing }, () => '0'), ...groups(tail)];
  return all.map((group) => group.padStart(4, '0')).join('');
}

function same(one: string, other: string): boolean {
  const text = (address: string) => (address.includes(':') ? expanded(address) : address);
  return text(one) === text(other);
}
