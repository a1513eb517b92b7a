import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv6, SocketAddress } from 'node:net';

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
 * `X-Forwarded-For` or `Forwarded` (RFC 7239) that is not itself a trusted proxy. A proxy writes one of the
 * two and lets the other pass as the client wrote it, so where both are there and differ neither counts.
 */
export function clientAddress(request: IncomingMessage, proxies: BlockList): string {
  const peer = plain(request.socket.remoteAddress ?? '');
  if (!isTrusted(peer, proxies)) return peer;
  const { forwarded, 'x-forwarded-for': listed } = request.headers;
  const told = [
    ...(listed === undefined ? [] : [nearestClient(String(listed), proxies)]),
    ...(forwarded === undefined ? [] : [nearestClient(forParameters(forwarded), proxies)]),
  ];
  const [first, ...others] = told;
  return first !== undefined && others.every((other) => other === first) ? first : peer;
}

function isTrusted(address: string, proxies: BlockList): boolean {
  return isIP(address) !== 0 && proxies.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

/** Undefined where what the nearest proxies wrote is no address: nothing further from us is to be believed. */
function nearestClient(list: string, proxies: BlockList): string | undefined {
  const hops = list.length > 2000 ? [] : list.split(',').map((entry) => plain(entry.trim()));
  const nearest = hops.findLast((hop) => !isTrusted(hop, proxies));
  return nearest !== undefined && isIP(nearest) !== 0 ? nearest : undefined;
}

function forParameters(header: string): string {
  return [...header.matchAll(/for="?([^",;]+)/gi)].map(([, address]) => address).join(',');
}

/** One form for one address: without port, brackets and zone, and IPv4 also where it comes mapped into IPv6. */
function plain(written: string): string {
  const [, bracketed, dotted] = /^(?:\[([^\]]*)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+)$/.exec(written) ?? [];
  const address = (bracketed ?? dotted ?? written).replace(/%.*$/, '');
  if (!isIPv6(address)) return address;
  return new SocketAddress({ address, family: 'ipv6' }).address.replace(/^::ffff:(?=\d+\.)/, '');
}

/** What common proxies say of the country a request came from (ISO 3166); the front door lets it pass from trusted ones only. */
const COUNTRY_HEADERS = [
  'cf-ipcountry',
  'cloudfront-viewer-country',
  'x-vercel-ip-country',
  'x-appengine-country',
];

export function countryOf(request: IncomingMessage): { country?: string } {
  const told = COUNTRY_HEADERS.map((name) => request.headers[name]).find((value) => value !== undefined);
  const [code] = /^[A-Z]{2}$/.exec(String(told)) ?? [];
  return code === undefined || code === 'XX' ? {} : { country: code };
}

/** Takes away what a client may have written itself. */
export function dropUntrusted(request: IncomingMessage, proxies: BlockList): void {
  if (isTrusted(plain(request.socket.remoteAddress ?? ''), proxies)) return;
  for (const name of COUNTRY_HEADERS) delete request.headers[name];
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
