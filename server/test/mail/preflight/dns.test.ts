import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { waysOf } from '../../../src/mail/preflight/ways.ts';
import { by, clean, long, ownRelay, RELAY, type Seeded, seen, short, spf } from './zones.ts';

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
});
