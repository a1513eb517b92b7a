import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { openDns } from '../../../src/mail/preflight/answers.ts';
import { registrableDomain } from '../../../src/mail/preflight/domains.ts';
import { preflight } from '../../../src/mail/preflight/preflight.ts';
import { type Way, waysOf } from '../../../src/mail/preflight/ways.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import type { Finding } from '../../../src/platform/finding.ts';
import { type DnsServer, startDnsServer, type Zone } from '../../fixtures/dns-server.ts';

const URL_OF = 'https://id.acme.com';

/** Of the network that nobody has to look like one on the internet. */
const RELAY = '45.33.32.156';

const keyOf = (bits: number) =>
  generateKeyPairSync('rsa', { modulusLength: bits })
    .publicKey.export({ type: 'spki', format: 'der' })
    .toString('base64');
const [long, short, tiny] = [keyOf(2048), keyOf(1024), keyOf(512)];

type Zones = Record<string, Zone>;

/** A deployment whose mail is well: its own relay, SPF, a key, DMARC, MX and a name that leads back. */
const clean: Zones = {
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

const ownRelay = (from = 'Acme <sign-in@acme.com>') =>
  waysOf([], { smtpUrl: 'smtp://relay.acme.com:25?tls=off', mailFrom: from });

/** By the API of a service: no connection is made. */
function by(kind: string, from = 'Acme <sign-in@acme.com>', options: Record<string, unknown> = {}): Way[] {
  const record = { id: 'prv_1' as const, name: kind, position: 1, enabled: true, domains: [] };
  const rest = { secrets: {}, trouble: undefined, createdAt: 0, updatedAt: 0 };
  return waysOf([{ ...record, ...rest, kind, from, options }], { mailFrom: 'nobody@acme.com' });
}

let dns: DnsServer;
before(async () => {
  dns = await startDnsServer({});
});
after(() => dns.stop());

async function seen(
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
interface Seeded {
  readonly what: string;
  readonly zones: Zones;
  readonly ways?: () => Way[];
  readonly url?: string;
  readonly finds: string;
  readonly status: Finding['status'];
  readonly says: RegExp;
  readonly fix: RegExp;
}

const spf = (...txt: string[]): Zones => ({ 'acme.com': { ...clean['acme.com'], txt } });
const many = Object.fromEntries(
  Array.from({ length: 11 }, (_, n) => [`s${n}.example.net`, { txt: ['v=spf1 ip4:9.9.9.9 ~all'] }]),
);

const seeded: readonly Seeded[] = [
  {
    what: 'no SPF record',
    zones: spf('something else'),
    finds: 'mail.spf',
    status: 'fail',
    says: /no SPF record/,
    fix: new RegExp(`acme\\.com\\. TXT "v=spf1 ip4:${RELAY} ~all"`),
  },
  {
    what: 'two SPF records',
    zones: spf('v=spf1 include:sendgrid.net ~all', `v=spf1 ip4:${RELAY} -all`),
    finds: 'mail.spf',
    status: 'fail',
    says: /2 SPF records/,
    fix: new RegExp(`TXT "v=spf1 include:sendgrid\\.net ip4:${RELAY} ~all"`),
  },
  {
    what: 'SPF that lets everybody send',
    zones: spf(`v=spf1 ip4:${RELAY} +all`),
    finds: 'mail.spf',
    status: 'fail',
    says: /\+all/,
    fix: new RegExp(`TXT "v=spf1 ip4:${RELAY} ~all"`),
  },
  {
    what: 'SPF without an end',
    zones: spf(`v=spf1 ip4:${RELAY}`),
    finds: 'mail.spf',
    status: 'warn',
    says: /neither ~all nor -all/,
    fix: / ~all"/,
  },
  {
    what: 'SPF with more than ten lookups',
    zones: {
      ...many,
      ...spf(
        `v=spf1 ip4:${RELAY} ${Object.keys(many)
          .map((name) => `include:${name}`)
          .join(' ')} ~all`,
      ),
    },
    finds: 'mail.spf',
    status: 'fail',
    says: /11 lookups/,
    fix: /Take the include:/,
  },
  {
    what: 'SPF with a word that does not exist',
    zones: spf(`v=spf1 ipv4:${RELAY} ~all`),
    finds: 'mail.spf',
    status: 'fail',
    says: /ipv4:/,
    fix: /correct it/,
  },
  {
    what: 'SPF without the service that sends',
    zones: {
      ...spf('v=spf1 include:sendgrid.net ~all'),
      'google._domainkey.acme.com': { txt: [`p=${long}`] },
    },
    ways: () => waysOf([], { smtpUrl: 'smtp://smtp-relay.gmail.com:587?tls=off', mailFrom: 'a@acme.com' }),
    finds: 'mail.spf',
    status: 'fail',
    says: /does not let Google send/,
    fix: /"v=spf1 include:sendgrid\.net include:_spf\.google\.com ~all"/,
  },
  {
    what: 'no DKIM key',
    zones: { 's1._domainkey.acme.com': {} },
    finds: 'mail.dkim',
    status: 'fail',
    says: /no DKIM key.*s1\._domainkey/,
    fix: /publish the record/,
  },
  {
    what: 'a revoked DKIM key',
    zones: { 's1._domainkey.acme.com': { txt: ['v=DKIM1; k=rsa; p='] } },
    finds: 'mail.dkim',
    status: 'fail',
    says: /revoked/,
    fix: /2048 bits.*s1\._domainkey\.acme\.com/,
  },
  {
    what: 'a DKIM key of 1024 bits',
    zones: { 's1._domainkey.acme.com': { txt: [`v=DKIM1; p=${short}`] } },
    finds: 'mail.dkim',
    status: 'warn',
    says: /1024 bits/,
    fix: /2048 bits/,
  },
  {
    what: 'no DMARC record',
    zones: { '_dmarc.acme.com': {} },
    finds: 'mail.dmarc',
    status: 'fail',
    says: /no DMARC record/,
    fix: /_dmarc\.acme\.com\. TXT "v=DMARC1; p=none; rua=mailto:dmarc@acme\.com"/,
  },
  {
    what: 'DMARC without reports',
    zones: { '_dmarc.acme.com': { txt: ['v=DMARC1; p=reject'] } },
    finds: 'mail.dmarc',
    status: 'warn',
    says: /no reports/,
    fix: /"v=DMARC1; p=reject; rua=mailto:dmarc@acme\.com"/,
  },
  {
    what: 'mail signed for another domain',
    zones: {
      's1._domainkey.mg.acme-mail.net': { txt: [`p=${long}`] },
      'mg.acme-mail.net': { txt: ['v=spf1 include:mailgun.org ~all'] },
      'mailgun.org': { txt: ['v=spf1 ip4:9.9.9.9 ~all'] },
    },
    ways: () => by('mailgun', 'sign-in@acme.com', { domain: 'mg.acme-mail.net' }),
    finds: 'mail.alignment',
    status: 'fail',
    says: /signed for mg\.acme-mail\.net/,
    fix: /sender in mg\.acme-mail\.net/,
  },
  {
    what: 'a domain that takes no mail',
    zones: { 'acme.com': { ...clean['acme.com'], mx: [[0, '.']] } },
    finds: 'mail.mx',
    status: 'fail',
    says: /null MX/,
    fix: /acme\.com\. MX 10/,
  },
  {
    what: 'a relay whose name does not lead back',
    zones: { '156.32.33.45.in-addr.arpa': { ptr: ['45-33-32-156.hosting.net'] } },
    finds: 'mail.ptr',
    status: 'warn',
    says: /45-33-32-156\.hosting\.net.*does not lead back/,
    fix: /156\.32\.33\.45\.in-addr\.arpa\. PTR relay\.acme\.com\./,
  },
];

describe('the preflight of mail', () => {
  it("finds nothing where all is well, with a relay of one's own and with a service", async () => {
    assert.deepEqual((await seen(clean, ownRelay())).troubled, []);
    assert.deepEqual((await seen(clean, by('sendgrid'), { selectors: [] })).troubled, []);
    assert.deepEqual((await seen(clean, by('ses'), { selectors: [] })).troubled, []);
    assert.deepEqual((await seen(clean, by('http'), { selectors: [] })).troubled, []);
  });

  it('knows 15 mistakes', () => assert.equal(seeded.length, 15));

  for (const { what, zones, ways = ownRelay, finds, status, says, fix } of seeded) {
    it(`finds ${what}`, async () => {
      const { of } = await seen({ ...clean, ...zones }, ways());
      assert.equal(of(finds).status, status);
      assert.match(of(finds).what, says);
      assert.match(of(finds).fix ?? '', fix);
      if (status === 'fail' && finds !== 'mail.mx') assert.equal(of('mail.bulk').status, 'warn');
    });
  }

  const others: Omit<Seeded, 'status'>[] = [
    {
      what: 'SPF that includes what is gone',
      zones: spf(`v=spf1 ip4:${RELAY} include:gone.example.net ~all`),
      finds: 'mail.spf',
      says: /gone\.example\.net.*no SPF records/,
      fix: /Take that out/,
    },
    {
      what: 'SPF that leads in a circle',
      zones: spf('v=spf1 include:acme.com ~all'),
      finds: 'mail.spf',
      says: /needs 4\d lookups/,
      fix: /include:/,
    },
    {
      what: 'a relay that SPF leaves out',
      zones: spf('v=spf1 a:mx.acme.com mx ip6:2600::/32 ~all'),
      finds: 'mail.spf',
      says: /does not let relay\.acme\.com send/,
      fix: new RegExp(`ip4:${RELAY} ~all"`),
    },
    {
      what: 'a DKIM key that nobody takes',
      zones: { 's1._domainkey.acme.com': { txt: [`v=DKIM1; p=${tiny}`] } },
      finds: 'mail.dkim',
      says: /512 bits/,
      fix: /2048/,
    },
    {
      what: 'a DKIM key that was cut off',
      zones: { 's1._domainkey.acme.com': { txt: [`v=DKIM1; p=${long.slice(0, 200)}`] } },
      finds: 'mail.dkim',
      says: /cut off/,
      fix: /2048/,
    },
    {
      what: 'a DKIM key that is being tried out',
      zones: { 's1._domainkey.acme.com': { txt: [`t=y; p=${long}`] } },
      finds: 'mail.dkim',
      says: /t=y/,
      fix: /Take t=y out/,
    },
    {
      what: 'two DMARC records',
      zones: { '_dmarc.acme.com': { txt: ['v=DMARC1; p=reject', 'v=DMARC1; p=none'] } },
      finds: 'mail.dmarc',
      says: /2 DMARC records/,
      fix: /p=reject/,
    },
    {
      what: 'DMARC that only watches',
      zones: { '_dmarc.acme.com': { txt: ['v=DMARC1; p=none; rua=mailto:dmarc@acme.com'] } },
      finds: 'mail.dmarc',
      says: /only watches/,
      fix: /p=quarantine/,
    },
    {
      what: 'DMARC for a part of the mails',
      zones: { '_dmarc.acme.com': { txt: ['v=DMARC1; p=reject; pct=20; rua=mailto:dmarc@acme.com'] } },
      finds: 'mail.dmarc',
      says: /20 of 100/,
      fix: /pct=100/,
    },
    {
      what: 'DMARC without a policy',
      zones: { '_dmarc.acme.com': { txt: ['v=DMARC1; rua=mailto:dmarc@acme.com'] } },
      finds: 'mail.dmarc',
      says: /p= is missing/,
      fix: /p=none/,
    },
    {
      what: 'reports to a domain that has not agreed',
      zones: { '_dmarc.acme.com': { txt: ['v=DMARC1; p=reject; rua=mailto:acme@reports.net'] } },
      finds: 'mail.dmarc',
      says: /reports\.net/,
      fix: /acme\.com\._report\._dmarc\.reports\.net\. TXT "v=DMARC1"/,
    },
    {
      what: 'a domain without MX and address',
      zones: { 'acme.com': { txt: clean['acme.com']?.txt ?? [] } },
      finds: 'mail.mx',
      says: /neither/,
      fix: /MX 10/,
    },
    {
      what: 'a mail server without an address',
      zones: { 'mx.acme.com': {} },
      finds: 'mail.mx',
      says: /has an address/,
      fix: /MX 10/,
    },
    {
      what: 'a relay without a name',
      zones: { '156.32.33.45.in-addr.arpa': {} },
      finds: 'mail.ptr',
      says: /has no name/,
      fix: /PTR relay\.acme\.com\./,
    },
    {
      what: 'a sign-in host of another owner',
      zones: {},
      url: 'https://login.acme.co.uk',
      finds: 'mail.host',
      says: /two owners/,
      fix: /sign-in@acme\.co\.uk/,
    },
    {
      what: 'a sender in a domain that nobody has',
      zones: {},
      ways: () => ownRelay('sign-in@id.postern.localhost'),
      finds: 'mail.sender',
      says: /Nobody has/,
      fix: /POSTERN_MAIL_FROM/,
    },
    {
      what: 'a sender at a free mailbox',
      zones: {},
      ways: () => ownRelay('noreply@gmail.com'),
      finds: 'mail.sender',
      says: /only its own servers/,
      fix: /domain of your own/,
    },
  ];
  for (const { what, zones, ways = ownRelay, url = URL_OF, finds, says, fix } of others) {
    it(`finds ${what}`, async () => {
      const { of } = await seen({ ...clean, ...zones }, ways(), { url });
      assert.notEqual(of(finds).status, 'ok');
      assert.match(of(finds).what, says);
      assert.match(of(finds).fix ?? '', fix);
    });
  }

  it('warns, and refuses nothing, while the DNS is silent', async () => {
    const silent = { failure: 'SERVFAIL' as const };
    const zones = {
      ...clean,
      'acme.com': silent,
      's1._domainkey.acme.com': silent,
      '_dmarc.acme.com': silent,
    };
    const { troubled } = await seen(zones, ownRelay());
    assert.deepEqual(
      troubled.map(({ id, status }) => `${id} ${status}`),
      ['mail.spf warn', 'mail.dkim warn', 'mail.dmarc warn', 'mail.mx warn'],
    );
  });

  it('takes the policy of the owner for a domain below, and judges it by sp=', async () => {
    const below: Zones = {
      ...clean,
      'in.acme.com': { ...clean['acme.com'] },
      's1._domainkey.in.acme.com': { txt: [`p=${long}`] },
    };
    assert.deepEqual((await seen(below, ownRelay('a@in.acme.com'))).troubled, []);
    const lax = { '_dmarc.acme.com': { txt: ['v=DMARC1; p=reject; sp=none; rua=mailto:d@acme.com'] } };
    const { of } = await seen({ ...below, ...lax }, ownRelay('a@in.acme.com'));
    assert.match(of('mail.dmarc').fix ?? '', /sp=quarantine/);
  });

  it('looks at the record of Resend where Resend has it', async () => {
    const zones: Zones = {
      ...clean,
      'resend._domainkey.acme.com': { txt: [`p=${long}`] },
      'send.acme.com': { txt: ['v=spf1 include:amazonses.com ~all'] },
      'amazonses.com': { txt: ['v=spf1 ip4:199.255.192.0/22 ~all'] },
    };
    assert.deepEqual((await seen(zones, by('resend'), { selectors: [] })).troubled, []);
    const strict = { '_dmarc.acme.com': { txt: ['v=DMARC1; p=reject; aspf=s; rua=mailto:d@acme.com'] } };
    assert.deepEqual((await seen({ ...zones, ...strict }, by('resend'), { selectors: [] })).troubled, []);
    const without = { 'send.acme.com': {}, 'resend._domainkey.acme.com': {} };
    const { of } = await seen({ ...zones, ...without }, by('resend'), { selectors: [] });
    assert.match(of('mail.spf').fix ?? '', /send\.acme\.com\. TXT "v=spf1 include:amazonses\.com ~all"/);
    assert.equal(of('mail.alignment').status, 'fail');
  });

  it('says which provider it speaks of where there are several', async () => {
    const { troubled } = await seen({ ...clean, 'acme.com': { mx: [[0, '.']] } }, [
      ...by('ses'),
      ...by('sendgrid'),
    ]);
    assert.ok(troubled.some(({ what }) => what.startsWith('ses: ')));
    assert.ok(troubled.some(({ what }) => what.startsWith('sendgrid: ')));
  });
});

describe('the owner of a domain', () => {
  it('is told from the right', () => {
    for (const [name, owner] of [
      ['id.acme.com', 'acme.com'],
      ['a.b.acme.co.uk', 'acme.co.uk'],
      ['acme.co.uk', 'acme.co.uk'],
      ['login.acme.com.br.', 'acme.com.br'],
      ['x.acme.de', 'acme.de'],
      ['co.acme.io', 'acme.io'],
      ['ACME.com', 'acme.com'],
    ] as const)
      assert.equal(registrableDomain(name), owner);
  });
});
