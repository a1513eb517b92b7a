import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { registrableDomain } from '../../../src/mail/preflight/domains.ts';
import {
  by,
  clean,
  long,
  ownRelay,
  RELAY,
  type Seeded,
  seen,
  spf,
  tiny,
  URL_OF,
  type Zones,
} from './zones.ts';

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

describe('the preflight of mail, in detail,', () => {
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
