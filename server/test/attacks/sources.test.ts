import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Config } from '../../src/platform/config.ts';
import { AppBrowser, titleOf } from '../support/app-client.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { createMailbox } from '../support/mailbox.ts';
import { startTestServer } from '../support/server.ts';
import { ask, begin, enter, isSignedIn, type Site, wrongCode } from '../support/sign-in-steps.ts';

const HOUR = 3_600_000;
const STARTS = 3;
const FAILURES = 4;

let clock: FakeClock;
let made = 0;

async function open(config: Partial<Config>, database?: string): Promise<Site> {
  const mailbox = createMailbox();
  const settings = {
    'limits.starts_per_source_hour': STARTS,
    'limits.failures_per_source_hour': FAILURES,
    'limits.puzzles': false,
  };
  const given = { transport: mailbox.transport, clock, settings, config, ...(database && { database }) };
  return { mailbox, server: await startTestServer(given) };
}

/** Starts a sign-in for a new address: the status, 429 where the source has used up its budget. */
async function start(site: Site, headers: Record<string, string> = {}): Promise<number> {
  made += 1;
  const { browser, home } = await begin(site);
  return (await browser.post(`${home}/start`, { email: `person${made}@acme.com` }, headers)).status;
}

/** How many sign-ins start when each has the next of these headers. */
async function startsWith(site: Site, headers: ReadonlyArray<Record<string, string>>): Promise<number> {
  const statuses: number[] = [];
  for (const header of headers) statuses.push(await start(site, header));
  assert.ok(statuses.every((status) => status === 200 || status === 429));
  return statuses.filter((status) => status === 200).length;
}

const times = <T>(count: number, make: (at: number) => T): T[] =>
  Array.from({ length: count }, (_, at) => make(at));

before(() => {
  clock = createFakeClock();
});
after(() => clock.release());
// Budgets of an hour are counted by the minute: two hours later everything is forgiven.
beforeEach(() => clock.advance(2 * HOUR));

describe('The budget of a network, reached directly', () => {
  let site: Site;
  before(async () => {
    site = await open({});
  });
  after(() => site.server.stop());

  it('ends after so many starts, says when to come back, and begins anew after the hour', async () => {
    assert.equal(
      await startsWith(
        site,
        times(STARTS, () => ({})),
      ),
      STARTS,
    );
    const { browser, home } = await begin(site);
    const busy = await browser.post(`${home}/start`, { email: 'late@acme.com' });
    assert.equal(busy.status, 429);
    assert.equal(titleOf(busy), 'Please wait a little');
    const wait = Number(busy.headers.get('retry-after'));
    assert.ok(wait > 0 && wait <= 3700, `${wait} s`);
    assert.equal(site.mailbox.to('late@acme.com').length, 0);
    clock.advance(wait * 1000);
    assert.equal(await start(site), 200);
  });

  const forged = [
    'x-forwarded-for',
    'x-real-ip',
    'x-client-ip',
    'true-client-ip',
    'cf-connecting-ip',
    'fastly-client-ip',
    'x-cluster-client-ip',
    'x-originating-ip',
    'x-remote-addr',
  ];
  for (const name of forged)
    it(`is not made larger by ${name}`, async () => {
      assert.equal(
        await startsWith(
          site,
          times(6, (at) => ({ [name]: `203.0.113.${at}` })),
        ),
        STARTS,
      );
    });

  it('is not made larger by Forwarded, by claims to be this machine or by nonsense', async () => {
    const headers = [
      { forwarded: 'for=203.0.113.1' },
      { forwarded: 'for="[2001:db8::1]"' },
      { 'x-forwarded-for': '127.0.0.1' },
      { 'x-forwarded-for': 'unknown' },
      { 'x-forwarded-for': '::1' },
      { 'x-forwarded-for': 'a'.repeat(9000) },
    ];
    assert.equal(await startsWith(site, headers), STARTS);
  });

  it('lets what was started within it be finished', async () => {
    const asked = await ask(site, 'last@acme.com');
    await startsWith(
      site,
      times(STARTS - 1, () => ({})),
    );
    assert.equal(await start(site), 429);
    assert.ok(isSignedIn(await enter(asked, asked.code)));
  });

  it('counts wrong codes over all addresses, and then judges none of this network, right or wrong', async () => {
    const victims = [
      await ask(site, 'one@acme.com'),
      await ask(site, 'two@acme.com'),
      await ask(site, 'three@acme.com'),
    ];
    for (const by of [1, 2])
      for (const victim of victims.slice(0, 2)) await enter(victim, wrongCode(victim.code, by));
    const third = victims[2] ?? assert.fail();
    const busy = await enter(third, third.code);
    assert.equal(busy.status, 429);
    assert.ok(Number(busy.headers.get('retry-after')) > 0);
    assert.ok(isSignedIn(await third.browser.post(third.link, {})), 'the link works: it is not guessed');
  });
});

describe('The budget of a network, reached through a trusted proxy', () => {
  let site: Site;
  before(async () => {
    site = await open({ trustProxy: ['127.0.0.1', '10.0.0.0/8', '2001:db8:ffff::/48'] });
  });
  after(() => site.server.stop());
  const by = (address: string) => ({ 'x-forwarded-for': address });

  it('is that of each client the proxy names', async () => {
    assert.equal(
      await startsWith(
        site,
        times(6, (at) => by(`203.0.113.${at}`)),
      ),
      6,
    );
    assert.equal(
      await startsWith(
        site,
        times(6, () => by('203.0.113.99')),
      ),
      STARTS,
    );
  });

  it('is not made larger by what the client wrote in front', async () => {
    const fronts = ['198.51.100.1', '127.0.0.1', '10.1.2.3', 'unknown', '', '203.0.113.200, 198.51.100.2'];
    assert.equal(
      await startsWith(
        site,
        fronts.map((front) => by(`${front}, 203.0.113.50`)),
      ),
      STARTS,
    );
  });

  it('looks through a chain of proxies it trusts, and no further', async () => {
    const chains = [
      '203.0.113.51, 10.0.0.7',
      '203.0.113.51, 10.0.0.7, 10.9.9.9',
      '203.0.113.51, 2001:db8:ffff::1',
      '198.51.100.9, 203.0.113.51, 10.0.0.7',
    ];
    assert.equal(await startsWith(site, chains.map(by)), STARTS);
  });

  it('is one for all addresses of an IPv6 /64, and another for the next', async () => {
    assert.equal(
      await startsWith(
        site,
        times(8, (at) => by(`2001:db8:1:2:${at}::${at}`)),
      ),
      STARTS,
    );
    assert.equal(
      await startsWith(
        site,
        times(8, (at) => by(`2001:db8:1:${at + 3}::1`)),
      ),
      8,
    );
  });

  const aliases: ReadonlyArray<readonly [what: string, written: readonly string[]]> = [
    [
      'IPv6',
      [
        '2001:db8:5::1',
        '2001:DB8:5::1',
        '2001:0db8:0005:0000:0000:0000:0000:0001',
        '2001:db8:5:0::1',
        '[2001:db8:5::1]',
        '[2001:db8:5::1]:4711',
        '2001:db8:5::1%eth0',
      ],
    ],
    [
      'IPv4',
      [
        '203.0.113.60',
        '203.0.113.60:4711',
        '::ffff:203.0.113.60',
        '::FFFF:203.0.113.60',
        '::ffff:cb00:713c',
        '0:0:0:0:0:ffff:203.0.113.60',
        '[::ffff:203.0.113.60]:80',
      ],
    ],
  ];
  for (const [what, written] of aliases)
    it(`is the same however one ${what} address is written`, async () => {
      assert.equal(await startsWith(site, written.map(by)), STARTS);
    });

  it('is the proxy’s own where what it names is no address', async () => {
    const nonsense = [
      'unknown',
      '_hidden',
      '',
      ' ',
      '203.0.113',
      '999.1.1.1',
      `${'1.1.1.1, '.repeat(900)}1.1.1.1`,
      '203.0.113.1 203.0.113.2',
    ];
    assert.equal(await startsWith(site, nonsense.map(by)), STARTS);
  });

  it('takes Forwarded too, in each of its forms', async () => {
    const written = [
      'for=203.0.113.70',
      'For="203.0.113.70:4711"',
      'for=203.0.113.70;proto=https;by=10.0.0.1',
      'for=198.51.100.1, for=203.0.113.70',
    ];
    assert.equal(
      await startsWith(
        site,
        written.map((forwarded) => ({ forwarded })),
      ),
      STARTS,
    );
    const six = [
      'for="[2001:db8:9::1]:80"',
      'for="[2001:db8:9::2]"',
      'for="[2001:db8:9:0:1::]"',
      'FOR="[2001:DB8:9::3]"',
    ];
    assert.equal(
      await startsWith(
        site,
        six.map((forwarded) => ({ forwarded })),
      ),
      STARTS,
    );
  });

  it('is not made larger by the one of two headers that the proxy lets pass', async () => {
    const rotated = times(6, (at) => ({
      'x-forwarded-for': '203.0.113.80',
      forwarded: `for=198.51.100.${at}`,
    }));
    assert.equal(await startsWith(site, rotated), STARTS);
    clock.advance(2 * HOUR);
    const other = times(6, (at) => ({
      forwarded: 'for=203.0.113.81',
      'x-forwarded-for': `198.51.100.${at}`,
    }));
    assert.equal(await startsWith(site, other), STARTS);
    assert.equal(
      await startsWith(
        site,
        times(6, () => ({ 'x-forwarded-for': '203.0.113.82', forwarded: 'for=203.0.113.82' })),
      ),
      STARTS,
    );
  });

  it('lets others guess on: one network’s wrong codes stop nobody elsewhere', async () => {
    const asked = await ask(site, 'ada@acme.com');
    for (let at = 1; at <= FAILURES; at += 1)
      await enter(asked, wrongCode(asked.code, at), by('198.51.100.77'));
    assert.equal((await enter(asked, asked.code, by('198.51.100.77'))).status, 429);
    assert.ok(isSignedIn(await enter(asked, asked.code, by('203.0.113.90'))));
  });

  it('goes with the address that the mail names', async () => {
    const { browser, home } = await begin(site);
    await browser.post(`${home}/start`, { email: 'where@acme.com' }, by('198.51.100.1, 203.0.113.91'));
    await site.server.mailIdle();
    assert.match(site.mailbox.to('where@acme.com')[0]?.text ?? '', /from 203\.0\.113\.91\./);
  });
});

describe('The budget of a network', () => {
  it('is shared by all processes and outlives each of them', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'postern-test-'));
    const database = `sqlite:${join(folder, 'postern.db')}`;
    const first = await open({}, database);
    assert.equal(
      await startsWith(
        first,
        times(2, () => ({})),
      ),
      2,
    );
    const second = await open({}, database);
    assert.equal(
      await startsWith(
        second,
        times(2, () => ({})),
      ),
      1,
    );
    await Promise.all([first.server.stop(), second.server.stop()]);
    const third = await open({}, database);
    assert.equal(await start(third), 429);
    assert.equal((await new AppBrowser(third.server).send(`${third.server.url}/keys`)).status, 200);
    await third.server.stop();
    rmSync(folder, { recursive: true, force: true });
  });
});
