import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { BlockList, isIP, isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';
import { parseEmail } from '../core/email.ts';

/** Why a value cannot be used, said as what to do: the words after the variable's name. */
export class Fault {
  readonly todo: string;

  constructor(todo: string) {
    this.todo = todo;
  }
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A master secret carries at least the 256 bits of the keys that are derived from it. */
export const SECRET_BYTES_MIN = 32;

/** Fewer different symbols than this in 32 bytes is a word typed several times, not a random draw. */
const SECRET_SYMBOLS_MIN = 8;

const WORKERS_MAX = 256;

/** The issuer: an http(s) origin in the one form that every comparison uses. */
export function parseOrigin(text: string): string | Fault {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    return new Fault('must be an address such as https://id.example.com');
  if (url.href !== `${url.origin}/`)
    return new Fault('must be an origin only: remove what follows the host and port, and any user');
  const written = text.replace(/\/$/, '');
  return written === url.origin ? written : new Fault(`must be written as ${url.origin}`);
}

/** `host:port`; IPv6 in brackets. */
export function parseListen(text: string): Address | Fault {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const usable = host !== undefined && Number(port) <= 65_535 && (bracketed === undefined || isIPv6(host));
  return usable
    ? { host, port: Number(port) }
    : new Fault('must be host:port, such as 0.0.0.0:4000 or [::1]:4000');
}

/** `sqlite:PATH` or a PostgreSQL URL, which is not shown: it may hold a password. */
export function parseDatabase(text: string): string | Fault {
  if (/^sqlite:(?!\/\/).+$/.test(text)) return text;
  const postgres = /^postgres(?:ql)?:\/\//.test(text) && URL.canParse(text);
  return postgres
    ? text
    : new Fault('must be sqlite:PATH or postgres://user:password@host/name (encode special characters)');
}

/** One secret or several, newest first, separated by commas or line ends. */
export function parseSecrets(text: string): string[] | Fault {
  const secrets = text.split(/[\s,]+/).filter((secret) => secret !== '');
  if (secrets.some((secret) => Buffer.byteLength(secret) < SECRET_BYTES_MIN))
    return new Fault(
      `must be ${SECRET_BYTES_MIN} bytes or more: make one with \`openssl rand -base64 48\` (several: newest first, with commas)`,
    );
  if (secrets.some((secret) => new Set(secret).size < SECRET_SYMBOLS_MIN))
    return new Fault('is not random: make one with `openssl rand -base64 48`');
  return secrets;
}

/** Not shown either. */
export function parseSmtpUrl(text: string): string | Fault {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^smtps?:$/.test(url.protocol) && url.hostname !== ''
    ? text
    : new Fault('must be smtps://user:password@host:465 or smtp://host:587 (encode special characters)');
}

/** `Name <address>` or an address. */
export function parseMailFrom(text: string): string | Fault {
  const [, name = '', bracketed] = /^([^<>]*)<([^<>]+)>$/.exec(text) ?? [];
  const address = parseEmail(bracketed ?? text, domainToASCII);
  return typeof address === 'string' && !/[\p{Cc}",;:@\\]/u.test(name)
    ? text
    : new Fault('must be an address, alone or as: Example <sign-in@example.com>');
}

/** Addresses and CIDR ranges of proxies, separated by commas or spaces. */
export function parseTrustProxy(text: string): string[] | Fault {
  const entries = text.split(/[\s,]+/).filter((entry) => entry !== '');
  const wrong = entries.find((entry) => !isAddressOrRange(entry));
  if (wrong === undefined) return entries;
  return new Fault(
    `has ${JSON.stringify(wrong)}, which is no address or range: list the proxies themselves, such as 10.0.0.5, 10.1.0.0/16`,
  );
}

/** A range of all addresses would let anyone choose the address that limits count. */
function isAddressOrRange(entry: string): boolean {
  const [, address = '', bits] = /^([0-9A-Fa-f:.]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
  const family = isIP(address);
  if (family === 0 || bits === undefined) return family !== 0;
  if (Number(bits) < 1 || Number(bits) > (family === 6 ? 128 : 32)) return false;
  new BlockList().addSubnet(address, Number(bits), family === 6 ? 'ipv6' : 'ipv4');
  return true;
}

export function parseWorkers(text: string): number | Fault {
  const workers = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  return workers >= 1 && workers <= WORKERS_MAX
    ? workers
    : new Fault(`must be a whole number from 1 to ${WORKERS_MAX}`);
}

export function parseLogLevel(text: string): LogLevel | Fault {
  return LOG_LEVELS.find((level) => level === text) ?? new Fault(`must be one of ${LOG_LEVELS.join(', ')}`);
}

/** The text of a PEM file that holds certificates, the server's own first. */
export function parseCertificate(path: string): string | Fault {
  return pemFile(path, (text) => new X509Certificate(text), 'a PEM file with the certificate chain');
}

export function parsePrivateKey(path: string): string | Fault {
  return pemFile(path, (text) => createPrivateKey(text), 'a PEM file with the private key');
}

/** Whether the key is the certificate's own; otherwise every connection would fail. */
export function keyFits(cert: string, key: string): boolean {
  return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
}

function pemFile(path: string, check: (text: string) => unknown, what: string): string | Fault {
  const text = readText(path);
  if (text instanceof Fault) return text;
  try {
    check(text);
    return text;
  } catch {
    return new Fault(`must name ${what}`);
  }
}

/** A file's text without the line end that editors add. */
export function readText(path: string): string | Fault {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (failure) {
    const code = failure instanceof Error && 'code' in failure ? String(failure.code) : 'unknown reason';
    return new Fault(`names a file that cannot be read (${code}): check the path and its permissions`);
  }
}
