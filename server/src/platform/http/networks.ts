import { BlockList, isIP, SocketAddress } from 'node:net';

/** Networks that are nobody's on the public internet (IANA special-purpose registries), and their disguises. */
const SPECIAL: readonly string[] = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
  '::/96',
  '::ffff:0:0/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  'fc00::/7',
  'fe80::/9',
  'ff00::/8',
];

/** Where cloud machines ask for their own credentials, also in the disguise of IPv4 as IPv6. */
const LINK_LOCAL: readonly string[] = ['169.254.0.0/16', 'fe80::/10', 'fd00:ec2::/32', '::ffff:0:0/96'];

/** Behind it a network that speaks IPv6 alone shows the IPv4 addresses of the world (RFC 6052). */
const TRANSLATED: readonly string[] = ['64:ff9b::/96'];

const special = listsOf(SPECIAL);
const linkLocal = listsOf(LINK_LOCAL);
const translated = listsOf(TRANSLATED);

/** Whether an address is reachable by everybody. False for what is no address. */
export function isPublicAddress(address: string): boolean {
  const meant = untranslated(address);
  return isIP(meant) !== 0 && !isIn(special, meant);
}

/** Addresses that only this machine's own network gives a meaning, whatever an owner allows. */
export function isLinkLocal(address: string): boolean {
  return isIn(linkLocal, untranslated(address));
}

/** The IPv4 address that a translated one stands for. */
function untranslated(address: string): string {
  if (!isIn(translated, address)) return address;
  const plain = new SocketAddress({ address, family: 'ipv6' }).address;
  if (plain.includes('.')) return plain.slice(plain.lastIndexOf(':') + 1);
  const groups = (plain.split('::')[1] ?? '').split(':').filter(Boolean);
  const [high = 0, low = 0] = ['0', '0', ...groups].slice(-2).map((group) => Number.parseInt(group, 16));
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** One list for each family: a list takes every IPv4 address for one that is mapped into IPv6. */
interface Lists {
  readonly ipv4: BlockList;
  readonly ipv6: BlockList;
}

function isIn(lists: Lists, address: string): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  return family === 6 ? lists.ipv6.check(address, 'ipv6') : lists.ipv4.check(address, 'ipv4');
}

function listsOf(ranges: readonly string[]): Lists {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const range of ranges) {
    const [address = '', bits] = range.split('/');
    const family = address.includes(':') ? 'ipv6' : 'ipv4';
    lists[family].addSubnet(address, Number(bits), family);
  }
  return lists;
}
