import { BlockList, isIP } from 'node:net';

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
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  'fc00::/7',
  'fe80::/9',
  'ff00::/8',
];

/** Where cloud machines ask for their own credentials; nobody has another service there. */
const LINK_LOCAL: readonly string[] = ['169.254.0.0/16', 'fe80::/10', 'fd00:ec2::/32'];

const special = listsOf(SPECIAL);
const linkLocal = listsOf(LINK_LOCAL);

/** Whether an address is reachable by everybody. False for what is no address. */
export function isPublicAddress(address: string): boolean {
  return isIP(address) !== 0 && !isIn(special, address);
}

/** Addresses that only this machine's own network gives a meaning, whatever an owner allows. */
export function isLinkLocal(address: string): boolean {
  return isIn(linkLocal, address.replace(/^::ffff:(?=\d+\.)/i, ''));
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
