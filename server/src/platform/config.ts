import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { nearest } from '../core/nearest.ts';
import { Problem } from '../core/problems.ts';
import { isLoopbackHost } from '../core/redirect-uri.ts';
import {
  type Address,
  Fault,
  keyFits,
  type LogLevel,
  parseCertificate,
  parseDatabase,
  parseListen,
  parseLogLevel,
  parseMailFrom,
  parseOrigin,
  parsePrivateKey,
  parseSecrets,
  parseSmtpUrl,
  parseTrustProxy,
  parseWorkers,
  readText,
} from './config-values.ts';
import { isMemory, isSqlite, keptSecrets, secretFaults } from './kept-secret.ts';

export type { LogLevel } from './config-values.ts';

/** `dev` fills in everything; `serve` refuses what only development may leave out; `tool` works beside either. */
export type Mode = 'dev' | 'serve' | 'tool';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Config {
  readonly mode: Mode;
  /** The issuer: an origin, without a trailing slash. */
  readonly url: string;
  readonly listen: Address;
  readonly database: string;
  /** Newest first; at least one. */
  readonly secrets: readonly string[];
  readonly smtpUrl?: string;
  readonly mailFrom: string;
  /** Addresses and CIDR ranges. */
  readonly trustProxy: readonly string[];
  readonly workers: number;
  /** PEM texts, known to belong together. */
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly logLevel: LogLevel;
  /** Where development keeps what it makes: the secret, the quickstart's credentials. */
  readonly dataDir: string;
}

/** What a command's flags decide over the environment. */
export interface Overrides {
  readonly port?: number;
  readonly data?: string;
}

/** The process's environment: the only place that reads it. */
export const environment: Environment = process.env;

const NAMES = [
  'POSTERN_URL',
  'POSTERN_LISTEN',
  'POSTERN_DATABASE',
  'POSTERN_SECRET',
  'POSTERN_SMTP_URL',
  'POSTERN_MAIL_FROM',
  'POSTERN_TRUST_PROXY',
  'POSTERN_WORKERS',
  'POSTERN_TLS_CERT',
  'POSTERN_TLS_KEY',
  'POSTERN_LOG',
] as const;
type Name = (typeof NAMES)[number];

/** These hold secrets, so they may also be given as `NAME_FILE`, the path of a file with the value. */
const WITH_FILE: readonly Name[] = ['POSTERN_SECRET', 'POSTERN_DATABASE', 'POSTERN_SMTP_URL'];

/** Read by the tests and benchmarks, not by the server. */
const TEST_NAME = /^POSTERN_(?:TEST|BENCH)_/;

/** Kubernetes gives these to every container once a service is called "postern". */
const SERVICE_LINK = /_SERVICE_(?:HOST|PORT)(?:_|$)|_PORT_\d+_(?:TCP|UDP)(?:_|$)/;

const DEFAULT_PORT = 4000;
const DEFAULT_DATA = './data';

/**
 * Reads every POSTERN_* variable, or refuses (`configuration_invalid`) with all that is wrong with them,
 * a line each. In development it makes the master secret and keeps it beside the database.
 */
export function readConfig(env: Environment, mode: Mode, overrides: Overrides = {}): Config {
  const faults = unknownNames(env);
  const source = sourceOf(env, faults);
  const data = overrides.data ?? DEFAULT_DATA;
  const database = source.take('POSTERN_DATABASE', parseDatabase, `sqlite:${join(data, 'postern.db')}`);
  const url = source.take('POSTERN_URL', parseOrigin, `http://localhost:${overrides.port ?? DEFAULT_PORT}`);
  const tls = tlsOf(source, faults);
  const config = {
    mode,
    url,
    database,
    ...tls,
    ...mailOf(source, url),
    listen: listenOf(source, { url, ownTls: tls.tls !== undefined, port: overrides.port }),
    secrets: source.take('POSTERN_SECRET', parseSecrets, []),
    trustProxy: source.take('POSTERN_TRUST_PROXY', parseTrustProxy, []),
    workers: source.take('POSTERN_WORKERS', parseWorkers, defaultWorkers(mode, database)),
    logLevel: source.take('POSTERN_LOG', parseLogLevel, 'info'),
    dataDir: overrides.data ?? dataDirOf(database),
  };
  if (isSqlite(database) && config.workers > 1)
    faults.push('POSTERN_WORKERS must be 1 on SQLite: for more, give POSTERN_DATABASE a PostgreSQL');
  if (mode === 'serve') faults.push(...productionFaults(config, source));
  else if (!source.has('POSTERN_SECRET')) faults.push(...secretFaults(config));
  if (faults.length > 0) throw new Problem('configuration_invalid', listed(faults));
  return config.secrets.length > 0 ? config : { ...config, secrets: keptSecrets(config) };
}

interface Source {
  has(name: Name): boolean;
  take<T>(name: Name, parse: (text: string) => T | Fault, fallback: T): T;
}

/** Values by name; a value that cannot be used is a fault, and reading goes on with the fallback. */
function sourceOf(env: Environment, faults: string[]): Source {
  const given = (name: string) => (env[name]?.trim() ?? '') !== '';
  const has = (name: Name) => given(name) || (WITH_FILE.includes(name) && given(`${name}_FILE`));
  return {
    has,
    take: (name, parse, fallback) => {
      if (!has(name)) return fallback;
      const file = `${name}_FILE`;
      const fromFile = WITH_FILE.includes(name) && given(file);
      if (fromFile && given(name)) faults.push(`${name} and ${file} are both set: keep one`);
      const text = fromFile ? readText(env[file]?.trim() ?? '') : (env[name]?.trim() ?? '');
      const value = text instanceof Fault ? text : parse(text);
      if (!(value instanceof Fault)) return value;
      faults.push(`${fromFile ? file : name} ${value.todo}`);
      return fallback;
    },
  };
}

function unknownNames(env: Environment): string[] {
  const known = [...NAMES, ...WITH_FILE.map((name) => `${name}_FILE`)];
  return Object.keys(env)
    .filter((name) => name.startsWith('POSTERN_') && !known.includes(name) && !TEST_NAME.test(name))
    .filter((name) => !SERVICE_LINK.test(name) && !/^(?:tcp|udp):\/\//.test(env[name] ?? ''))
    .map((name) => {
      const meant = /^POSTERN_(?:PORT|HOST)$/.test(name) ? 'POSTERN_LISTEN' : nearestName(name, known);
      return meant === undefined
        ? `${name} means nothing here: remove it`
        : `${name} means nothing here: did you mean ${meant}?`;
    });
}

/** The prefix that all share says nothing. */
function nearestName(name: string, known: string[]): string | undefined {
  const withoutPrefix = (full: string) => full.replace(/^POSTERN_/, '');
  const meant = nearest(withoutPrefix(name), known.map(withoutPrefix));
  return known.find((full) => withoutPrefix(full) === meant);
}

function listenOf(source: Source, by: { url: string; ownTls: boolean; port: number | undefined }): Address {
  const listen = source.take('POSTERN_LISTEN', parseListen, defaultListen(by.url, by.ownTls));
  return by.port === undefined ? listen : { ...listen, port: by.port };
}

/** Loopback stays on loopback; https without a certificate of our own means a proxy in front of us. */
function defaultListen(url: string, ownTls: boolean): Address {
  const { hostname, port, protocol } = new URL(url);
  const proxied = protocol === 'https:' && !ownTls;
  const ownPort = port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
  const loopback = hostname === '[::1]' ? '::1' : '127.0.0.1';
  return {
    host: isLoopbackHost(hostname) ? loopback : '0.0.0.0',
    port: proxied ? DEFAULT_PORT : ownPort,
  };
}

function mailOf(source: Source, url: string): { mailFrom: string; smtpUrl?: string } {
  const { hostname } = new URL(url);
  const ownSender = `Postern <sign-in@${hostname}>`;
  const sender = parseMailFrom(ownSender) === ownSender ? ownSender : 'Postern <sign-in@postern.localhost>';
  const mailFrom = source.take('POSTERN_MAIL_FROM', parseMailFrom, sender);
  const smtpUrl = source.take('POSTERN_SMTP_URL', parseSmtpUrl, '');
  return smtpUrl === '' ? { mailFrom } : { mailFrom, smtpUrl };
}

function tlsOf(source: Source, faults: string[]): { tls?: { cert: string; key: string } } {
  const cert = source.take('POSTERN_TLS_CERT', parseCertificate, '');
  const key = source.take('POSTERN_TLS_KEY', parsePrivateKey, '');
  if (source.has('POSTERN_TLS_CERT') !== source.has('POSTERN_TLS_KEY'))
    faults.push('POSTERN_TLS_CERT and POSTERN_TLS_KEY belong together: set both, or neither');
  if (cert === '' || key === '') return {};
  if (!keyFits(cert, key)) faults.push('POSTERN_TLS_KEY is not the key of POSTERN_TLS_CERT: give its own');
  return { tls: { cert, key } };
}

/** What development may leave out. */
function productionFaults(config: Config, source: Source): string[] {
  const { protocol, hostname } = new URL(config.url);
  const faults: string[] = [];
  if (!source.has('POSTERN_URL'))
    faults.push('POSTERN_URL is not set: give the public address, such as https://id.example.com');
  else if (protocol === 'http:' && !isLoopbackHost(hostname))
    faults.push('POSTERN_URL must use https: http is for localhost, 127.0.0.1 and [::1] only');
  if (!source.has('POSTERN_SECRET'))
    faults.push('POSTERN_SECRET is not set: make one with `openssl rand -base64 48` and keep it safe');
  if (source.has('POSTERN_SMTP_URL') && !source.has('POSTERN_MAIL_FROM'))
    faults.push('POSTERN_MAIL_FROM is not set: give the sender, such as Example <sign-in@example.com>');
  if (isMemory(config.database))
    faults.push('POSTERN_DATABASE must be a file or a PostgreSQL: memory forgets everyone at the next start');
  return faults;
}

function dataDirOf(database: string): string {
  return isSqlite(database) && !isMemory(database) ? dirname(database.slice('sqlite:'.length)) : DEFAULT_DATA;
}

function defaultWorkers(mode: Mode, database: string): number {
  return mode === 'serve' && !isSqlite(database) ? availableParallelism() : 1;
}

function listed(faults: string[]): string {
  return faults.map((fault) => (faults.length === 1 ? fault : `- ${fault}`)).join('\n');
}
