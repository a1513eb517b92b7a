import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { MINUTE } from '../../src/core/units.ts';
import { createMailDomains, type MailDomains } from '../../src/platform/mail-domains.ts';
import { type DnsServer, startDnsServer, type Zone } from '../fixtures/dns-server.ts';

const HOME_V6 = '20010db8000000000000000000000001';

const cases: [title: string, zone: Zone | undefined, takes: 'yes' | 'no' | 'unknown'][] = [
  ['a mail exchanger', { mx: [[10, 'mx.acme.example']] }, 'yes'],
  ['a null MX', { mx: [[0, '.']] }, 'no'],
  ['a null MX, and an address for its website', { mx: [[0, '.']], a: ['192.0.2.1'] }, 'no'],
  [
    'a null MX beside a real one, as RFC 7505 forbids',
    {
      mx: [
        [0, '.'],
        [5, 'mx.acme.example'],
      ],
    },
    'yes',
  ],
  ['no MX, but an IPv4 address', { a: ['192.0.2.1'] }, 'yes'],
  ['no MX, but an IPv6 address', { aaaa: [HOME_V6] }, 'yes'],
  ['neither MX nor address', {}, 'no'],
  ['no entry at all', undefined, 'no'],
  ['a server that fails', { failure: 'SERVFAIL' }, 'unknown'],
  ['a server that refuses', { failure: 'REFUSED' }, 'unknown'],
  ['a server that is silent', { silent: 'all' }, 'unknown'],
  ['no MX, and silence about addresses', { silent: 'addresses' }, 'unknown'],
];

let dns: DnsServer;
let now = 0;
let domains: MailDomains;

before(async () => {
  dns = await startDnsServer({});
});
after(() => dns.stop());
beforeEach(() => {
  dns.zones.clear();
  dns.asked.length = 0;
  domains = createMailDomains({ resolver: dns.resolver, clock: { now: () => now } });
});

describe('a domain with', () => {
  for (const [title, zone, takes] of cases)
    it(`${title} ${{ yes: 'takes mail', no: 'takes none', unknown: 'may take mail' }[takes]}`, async () => {
      if (zone) dns.zones.set('acme.example', zone);
      const began = performance.now();
      assert.equal(await domains.takesMail('acme.example'), takes);
      assert.ok(performance.now() - began < 1300);
    });
});

describe('what the DNS says of a domain', () => {
  it('is waited for a second, and known to the next one who asks when it comes later', async () => {
    const patient = { resolveMx: (name: string) => pause(1300).then(() => dns.resolver.resolveMx(name)) };
    dns.zones.set('slow.example', { mx: [[0, '.']] });
    const slow = createMailDomains({
      resolver: Object.assign(Object.create(dns.resolver), patient),
      clock: { now: () => now },
    });
    const began = performance.now();
    assert.equal(await slow.takesMail('slow.example'), 'unknown');
    const took = performance.now() - began;
    assert.ok(took >= 990 && took < 1250, `${took} ms`);
    await pause(500);
    assert.equal(await slow.takesMail('slow.example'), 'no');
  });

  it('is asked once by all who ask at the same moment', async () => {
    dns.zones.set('acme.example', { mx: [[10, 'mx.acme.example']] });
    const answers = await Promise.all(Array.from({ length: 50 }, () => domains.takesMail('acme.example')));
    assert.deepEqual(new Set(answers), new Set(['yes']));
    assert.deepEqual(dns.asked, ['MX acme.example']);
  });

  it('is kept for ten minutes when it takes mail, and for one when it does not or nobody knows', async () => {
    dns.zones.set('yes.example', { mx: [[10, 'mx.acme.example']] });
    dns.zones.set('no.example', { mx: [[0, '.']] });
    dns.zones.set('broken.example', { failure: 'SERVFAIL' });
    const questions = async (afterMs: number) => {
      now += afterMs;
      dns.asked.length = 0;
      for (const name of ['yes', 'no', 'broken']) await domains.takesMail(`${name}.example`);
      return [...new Set(dns.asked)].map((question) => question.replace(/^MX |\.example$/g, ''));
    };
    assert.deepEqual(await questions(0), ['yes', 'no', 'broken']);
    assert.deepEqual(await questions(MINUTE - 1), []);
    assert.deepEqual(await questions(1), ['no', 'broken']);
    assert.deepEqual(await questions(9 * MINUTE), ['yes', 'no', 'broken']);
  });

  it('is kept for five thousand domains, the oldest of which goes first', async () => {
    let asked = 0;
    const counting = {
      resolveMx: async () => {
        asked += 1;
        return [{ priority: 1, exchange: 'mx.acme.example' }];
      },
      resolve4: async () => [],
      resolve6: async () => [],
    };
    const many = createMailDomains({ resolver: counting, clock: { now: () => now } });
    for (let at = 0; at <= 5000; at += 1) await many.takesMail(`d${at}.example`);
    assert.equal(asked, 5001);
    await many.takesMail('d1.example');
    assert.equal(asked, 5001);
    await many.takesMail('d0.example');
    assert.equal(asked, 5002);
  });

  it('is not asked for more than a hundred domains at once: the next ones are let through', async () => {
    const silent = {
      resolveMx: () => new Promise<never>(() => undefined),
      resolve4: async () => [],
      resolve6: async () => [],
    };
    const flooded = createMailDomains({ resolver: silent, clock: { now: () => now } });
    const waiting = Array.from({ length: 100 }, (_, at) => flooded.takesMail(`d${at}.example`));
    const began = performance.now();
    assert.equal(await flooded.takesMail('one-more.example'), 'unknown');
    assert.ok(performance.now() - began < 100);
    assert.deepEqual(new Set(await Promise.all(waiting)), new Set(['unknown']));
  });

  it('is not asked for domains that everybody knows', async () => {
    for (const domain of ['gmail.com', 'outlook.com', 'yahoo.co.uk', 'icloud.com', 'proton.me'])
      assert.equal(await domains.takesMail(domain), 'yes');
    assert.deepEqual(dns.asked, []);
    assert.deepEqual(domains.mailHosts('gmail.com'), []);
    assert.deepEqual(dns.asked, []);
  });
});

describe('the mail exchangers of a domain', () => {
  it('are known after the first answer, the preferred one first', async () => {
    dns.zones.set('acme.example', {
      mx: [
        [20, 'b.google.example'],
        [5, 'a.google.example'],
        [0, '.'],
      ],
    });
    await domains.takesMail('acme.example');
    assert.deepEqual(domains.mailHosts('acme.example'), ['a.google.example', 'b.google.example']);
  });

  it('are asked for, without waiting, where no answer is known', async () => {
    dns.zones.set('acme.example', { mx: [[20, 'mx.acme.example']] });
    assert.deepEqual(domains.mailHosts('acme.example'), []);
    while (domains.mailHosts('acme.example').length === 0) await pause(5);
    assert.deepEqual(dns.asked, ['MX acme.example']);
  });

  it('are none of a domain that takes no mail', async () => {
    dns.zones.set('acme.example', { mx: [[0, '.']] });
    await domains.takesMail('acme.example');
    assert.deepEqual(domains.mailHosts('acme.example'), []);
  });
});
