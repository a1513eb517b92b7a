import type { IncomingMessage } from 'node:http';
import { BlockList } from 'node:net';
import { Problem } from '../../core/problems.ts';
import { clientAddress, dropUntrusted } from './addresses.ts';

/** Asked by machines beside the server under whatever name they know it. */
const ANY_HOST = new Set(['/healthz', '/readyz', '/metrics']);

const addresses = new WeakMap<IncomingMessage, string>();
const passedOn = new WeakSet<IncomingMessage>();

const NO_PROXIES = new BlockList();

/**
 * Makes a request say only what is true: the one configured origin (house invariant 8), no forwarded
 * headers but ours, one slash where somebody joined two. Refuses other hosts with `wrong_host`.
 */
export function admit(request: IncomingMessage, door: { origin: URL; proxies: BlockList }): void {
  const address = clientAddress(request, door.proxies);
  addresses.set(request, address);
  if (isForwarded(request) && address === clientAddress(request, NO_PROXIES)) passedOn.add(request);
  dropUntrusted(request, door.proxies);
  if (hostLines(request) > 1 || hostLines(request) < hostsMin(request))
    throw new Problem('invalid_request', 'Send the Host header once.');
  const { authority, rest } = targetOf(request);
  request.url = rest.replace(/^\/{2,}/, '/');
  const path = pathOf(request);
  if (!hostsOf(request, authority).every((host) => isHostOf(door.origin, host)) && !ANY_HOST.has(path)) {
    throw new Problem(
      'wrong_host',
      `This server answers at ${door.origin.origin}. Open that address; behind a proxy, let it pass the Host header on.`,
    );
  }
  for (const name of ['forwarded', 'x-forwarded-host', 'x-forwarded-port', 'x-real-ip'])
    delete request.headers[name];
  request.headers.host = door.origin.host;
  if (request.headers[':authority'] !== undefined) request.headers[':authority'] = door.origin.host;
  request.headers['x-forwarded-proto'] = door.origin.protocol.slice(0, -1);
  request.headers['x-forwarded-for'] = addressOf(request);
}

/** HTTP/2 names the host in a field of its own, and may leave this one out (RFC 9113 8.3.1). */
function hostsMin({ httpVersion, headers }: IncomingMessage): number {
  return httpVersion === '1.0' || headers[':authority'] !== undefined ? 0 : 1;
}

/** Every host that a request names: whoever reads one of them must mean the same. */
function hostsOf({ headers }: IncomingMessage, authority: string | undefined): (string | undefined)[] {
  const told = [headers.host, headers[':authority'], authority].filter((host) => host !== undefined);
  return told.length === 0 ? [undefined] : told.map(String);
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'https:': ':443', 'http:': ':80' };

/** Clients of gRPC name the port too where it is the one of the scheme: the same host (RFC 9110 4.2.3). */
function isHostOf({ host, port, protocol }: URL, named: string | undefined): boolean {
  const name = named?.toLowerCase();
  return name === host || (port === '' && name === host + DEFAULT_PORTS[protocol]);
}

/** Two of them are two answers to whose request this is (RFC 9112 3.2). */
function hostLines(request: IncomingMessage): number {
  return request.rawHeaders.filter((text, at) => at % 2 === 0 && text.length === 4 && /^host$/i.test(text))
    .length;
}

/** A target may be a whole URL (RFC 9112 3.2.2); then it names the host too. */
function targetOf(request: IncomingMessage): { authority?: string; rest: string } {
  const url = request.url ?? '/';
  const [, authority, rest = ''] = /^https?:\/\/([^/?#]*)(.*)$/i.exec(url) ?? [];
  return authority === undefined
    ? { rest: url }
    : { authority, rest: rest.startsWith('/') ? rest : `/${rest}` };
}

/** The client's address, as `admit` found it. */
export function addressOf(request: IncomingMessage): string {
  return addresses.get(request) ?? '';
}

function isForwarded({ headers }: IncomingMessage): boolean {
  return ['forwarded', 'x-forwarded-for', 'x-real-ip'].some((name) => headers[name] !== undefined);
}

/** Whether somebody whose word does not count has passed the request on: its address is that of a proxy, not of its client. */
export function isPassedOn(request: IncomingMessage): boolean {
  return passedOn.has(request);
}

/** The path of a request, without its query. */
export function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] ?? '/';
}

/** The value of one cookie; the first where a name is sent twice. */
export function cookieOf(request: IncomingMessage, name: string): string | undefined {
  const pair = (request.headers.cookie ?? '').split(';').find((part) => part.trim().startsWith(`${name}=`));
  return pair?.slice(pair.indexOf('=') + 1).trim();
}

/**
 * Refuses a form that another site made a browser send. Browsers always name the origin of a POST, or
 * `Sec-Fetch-Site`; a program that sends neither has no cookie of a person to misuse.
 */
export function requireSameOrigin(request: IncomingMessage, origin: string): void {
  const site = request.headers['sec-fetch-site'];
  const from = request.headers.origin;
  const honest =
    site === undefined ? from === undefined || from === origin : site === 'same-origin' || site === 'none';
  if (!honest)
    throw new Problem('cross_site_request', 'Go back to the sign-in page and use the button there.');
}
