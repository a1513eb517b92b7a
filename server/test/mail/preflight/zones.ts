import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before } from 'node:test';
import { openDns } from '../../../src/mail/preflight/answers.ts';
import { preflight } from '../../../src/mail/preflight/preflight.ts';
import { type Way, waysOf } from '../../../src/mail/preflight/ways.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import type { Finding } from '../../../src/platform/finding.ts';
import { type DnsServer, startDnsServer, type Zone } from '../../fixtures/dns-server.ts';

export const URL_OF = 'https://id.acme.com';

/** An address that everybody could reach; nothing is ever sent to it. */
export const RELAY = '45.33.32.156';

const keyOf = (bits: number) =>
  generateKeyPairSync('rsa', { modulusLength: bits })
    .publicKey.export({ type: 'spki', format: 'der' })
    .toString('base64');
export const [long, short, tiny] = [keyOf(2048), keyOf(1024), keyOf(512)];

export type Zones = Record<string, Zone>;

/** A deployment whose mail is well: its own relay, SPF, a key, DMARC, MX and a name that leads back. */
export const clean: Zones = {
  'acme.com': {
    txt: ['a-proof=of-something-else', `v=spf1 ip4:${RELAY} include:sendgrid.net -all`],
    mx: [[10, 'mx.acme.com']],
  },
  'sendgrid.net': { txt: ['v=spf1 ip4:167.89.0.0/17 ~all'] },
  's1._domainkey.acme.com': { txt: [`k=rsa; t=s; p=${long}`] },
  '_dmarc.acme.com': { txt: ['v=DMARC1; p=reject; rua=mailto:dmarc@acme.com'] },
  'mx.acme.com': { a: ['45.33.32.157'] },
  'relay.acme.com': { a: [RELAY] },
  '156.32.33.45.in-addr.arpa': { ptr: ['relay.acme.com'] },
};

export const ownRelay = (from = 'Acme <sign-in@acme.com>') =>
  waysOf([], { smtpUrl: 'smtp://relay.acme.com:25?tls=off', mailFrom: from });

/** By the API of a service: no connection is made. */
export function by(
  kind: string,
  from = 'Acme <sign-in@acme.com>',
  options: Record<string, unknown> = {},
): Way[] {
  const record = { id: 'prv_1' as const, name: kind, position: 1, enabled: true, domains: [] };
  const rest = { secrets: {}, trouble: undefined, createdAt: 0, updatedAt: 0 };
  return waysOf([{ ...record, ...rest, kind, from, options }], { mailFrom: 'nobody@acme.com' });
}

let dns: DnsServer;
before(async () => {
  dns = await startDnsServer({});
});
after(() => dns.stop());

export async function seen(
  zones: Zones,
  ways: readonly Way[],
  { url = URL_OF, selectors = ['s1'] }: { url?: string; selectors?: string[] } = {},
): Promise<{ troubled: Finding[]; of(id: string): Finding }> {
  dns.zones.clear();
  for (const [name, zone] of Object.entries(zones)) dns.zones.set(name, zone);
  const all = await preflight(ways, { dns: openDns(dns.address), clock: systemClock, url, selectors });
  for (const { what, why } of all) for (const text of [what, why]) assert.match(text, /^\S.*\S$/);
  const troubled = all.filter(({ status, id, what }) => status !== 'ok' && !/without TLS/.test(what) && id);
  for (const { fix } of troubled) assert.match(fix ?? '', /^\S.*\S$/);
  return { troubled, of: (id) => all.find((one) => one.id === id) ?? assert.fail(`no ${id}`) };
}

/** One thing made wrong in a deployment that is well, and what must be found. */
export interface Seeded {
  readonly what: string;
  readonly zones: Zones;
  readonly ways?: () => Way[];
  readonly url?: string;
  readonly finds: string;
  readonly status: Finding['status'];
  readonly says: RegExp;
  readonly fix: RegExp;
}

export const spf = (...txt: string[]): Zones => ({ 'acme.com': { ...clean['acme.com'], txt } });
