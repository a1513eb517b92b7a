import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv6 } from 'node:net';

/** Proxies, by address or CIDR, whose word about the client's address counts. */
export function trustedProxies(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = '', bits] = entry.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

/**
 * The address a request came from: the peer, or, when the peer is a trusted proxy, the last address in
 * `X-Forwarded-For` (or `Forwarded`, RFC 7239) that is not itself a trusted proxy.
 */
export function clientAddress(request: IncomingMessage, proxies: BlockList): string {
  const hops = [...forwardedFor(request), plain(request.socket.remoteAddress ?? '')];
  for (const hop of hops.toReversed()) {
    if (isIP(hop) === 0) break;
    if (!proxies.check(hop, isIPv6(hop) ? 'ipv6' : 'ipv4')) return hop;
  }
  return plain(request.socket.remoteAddress ?? '');
}

function forwardedFor(request: IncomingMessage): string[] {
  const forwarded = request.headers.forwarded;
  const list =
    forwarded === undefined ? String(request.headers['x-forwarded-for'] ?? '') : forParameters(forwarded);
  return list.length > 2000 ? [] : list.split(',').map((entry) => plain(entry.trim()));
}

function forParameters(header: string): string {
  return [...header.matchAll(/for="?\[?([^\]",;]+)/gi)].map(([, address]) => address).join(',');
}

/** IPv4 in its own form, also where the system hands it out mapped into IPv6. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '').replace(/%.*$/, '');
}

/** What a limit counts as one source: an IPv4 address, or the /64 that one subscriber owns. */
export function sourceOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail = ''] = address.toLowerCase().split('::');
  const front = head.split(':').filter(Boolean);
  const back = tail.split(':').filter(Boolean);
  const zeros: string[] = address.includes('::') ? Array(8 - front.length - back.length).fill('0') : [];
  const groups = [...front, ...zeros, ...back]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16));
  return `${groups.join(':')}::/64`;
}
