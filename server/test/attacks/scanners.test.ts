import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { AppBrowser, formsOf, titleOf } from '../support/app-client.ts';
import { openBrowser, type TestBrowser } from '../support/browser.ts';
import { createMailbox } from '../support/mailbox.ts';
import { startTestServer } from '../support/server.ts';
import {
  type Asked,
  ask,
  askAgain,
  enter,
  eventReader,
  isSignedIn,
  type Site,
  someone,
  stateOf,
} from '../support/sign-in-steps.ts';

const CHROME_ON_MAC =
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36';

/** Programs that open what is in a mail before the person does. */
const AGENTS = [
  'Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2; WOW64; Trident/6.0) SafeLinks',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0 Safari/537.36 Edg/129.0',
  'Barracuda Sentinel (EE)',
  'BingPreview/1.0b',
  'Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)',
  'facebookexternalhit/1.1',
  'GoogleImageProxy',
  'Mozilla/5.0 (compatible; proofpoint)',
  'python-requests/2.31',
  'curl/8.5',
  '',
  CHROME_ON_MAC,
];

interface Scan {
  readonly what: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly times?: number;
}

const SCANS: readonly Scan[] = [
  { what: 'HEAD', method: 'HEAD', times: 3 },
  { what: 'twenty GETs at once', times: 20 },
  { what: 'a prefetch', headers: { 'sec-purpose': 'prefetch' } },
  {
    what: 'a prerender',
    headers: {
      'sec-purpose': 'prefetch;prerender',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
    },
  },
  { what: 'a prefetch as older browsers name it', headers: { purpose: 'prefetch', 'x-moz': 'prefetch' } },
  { what: 'a preview', headers: { 'x-purpose': 'preview' } },
  { what: 'a request for a part', headers: { range: 'bytes=0-10' } },
  { what: 'OPTIONS', method: 'OPTIONS' },
  { what: 'a POST without a cookie', method: 'POST' },
  {
    what: 'a POST without a cookie, as from our own page',
    method: 'POST',
    headers: { 'sec-fetch-site': 'same-origin' },
  },
  {
    what: 'a POST by a form of another site',
    method: 'POST',
    headers: { 'sec-fetch-site': 'cross-site', origin: 'http://evil.example' },
  },
  ...AGENTS.map((agent) => ({ what: `a GET by "${agent.slice(0, 30)}"`, headers: { 'user-agent': agent } })),
];

let site: Site;
let chromium: TestBrowser;
before(async () => {
  const mailbox = createMailbox();
  const config = { trustProxy: ['127.0.0.1'] };
  site = { mailbox, server: await startTestServer({ transport: mailbox.transport, config }) };
  chromium = await openBrowser();
});
after(async () => {
  await chromium.close();
  await site.server.stop();
});
afterEach(() => site.server.rooms.settings.set('passwordless.enforce_same_browser', false));

async function scan(asked: Asked, { method = 'GET', headers = {}, times = 1 }: Scan): Promise<void> {
  const answers = await Promise.all(
    Array.from({ length: times }, (_, at) =>
      new AppBrowser(site.server).send(`${site.server.url}${asked.link}`, {
        method,
        headers: { 'x-forwarded-for': `198.51.100.${at}`, ...headers },
      }),
    ),
  );
  for (const answer of answers) {
    assert.ok(answer.status < 500 && !isSignedIn(answer));
    assert.equal(answer.headers.getSetCookie().length, 0, 'no cookie for a scanner');
    assert.equal(answer.away, undefined);
  }
}

describe('A link that a scanner opens first', () => {
  for (const one of SCANS)
    it(`with ${one.what} is as good as new: nothing is written, and the person signs in by it`, async () => {
      const asked = await ask(site, someone());
      const stored = await stateOf(site.server);
      await scan(asked, one);
      assert.deepEqual(await stateOf(site.server), stored);
      const page = await asked.browser.open(asked.link);
      assert.match(titleOf(page), /^Signing you in/);
      assert.ok(isSignedIn(await asked.browser.post(asked.link, {})));
    });

  it('leaves the code as good as new too', async () => {
    const asked = await ask(site, someone());
    for (const one of SCANS) await scan(asked, one);
    assert.ok(isSignedIn(await enter(asked, asked.code)));
  });

  it('in a whole browser that runs scripts is as good as new, and that browser has no session', async () => {
    const asked = await ask(site, someone());
    const stored = await stateOf(site.server);
    const page = await chromium.newPage();
    const methods: string[] = [];
    page.on('request', (request) => methods.push(request.method()));
    await page.goto(`${site.server.url}${asked.link}`, { waitUntil: 'networkidle' });
    for (const button of await page.locator('button, a, input').all()) await button.click();
    await page.reload({ waitUntil: 'networkidle' });
    assert.ok(
      methods.every((method) => method === 'GET'),
      methods.join(),
    );
    assert.deepEqual(await page.context().cookies(), []);
    assert.deepEqual(await stateOf(site.server), stored);
    await page.context().close();
    assert.ok(isSignedIn(await asked.browser.post(asked.link, {})));
  });

  it('may be opened a hundred times by many programs while the person reads the mail', async () => {
    const asked = await ask(site, someone());
    const events = eventReader(site.server);
    await events();
    await Promise.all(
      AGENTS.map((agent) => scan(asked, { what: '', headers: { 'user-agent': agent }, times: 9 })),
    );
    assert.deepEqual(await events(), []);
    const [byLink, byCode] = await Promise.all([
      asked.browser.post(asked.link, {}),
      enter(asked, asked.code),
    ]);
    assert.equal([byLink, byCode].filter(isSignedIn).length, 1, 'once, whichever is first');
  });
});

describe('A link opened in another browser', () => {
  it('signs nobody in; it shows the code and who asked, from where and when', async () => {
    const asked = await ask(site, someone());
    const other = new AppBrowser(site.server);
    const page = await other.open(asked.link, { 'user-agent': 'another', 'x-forwarded-for': '198.51.100.1' });
    assert.match(titleOf(page), /^Almost there/);
    assert.ok(page.body.replaceAll(/<\/?span>/g, '').includes(asked.code));
    for (const fact of ['Acme', 'just now']) assert.ok(page.body.includes(fact), fact);
    assert.deepEqual(formsOf(page.body), [], 'there is nothing to press');
    assert.ok(!isSignedIn(await other.post(asked.link, {})));
    assert.equal(other.cookie('postern_session'), undefined);
    assert.ok(isSignedIn(await enter(asked, asked.code)), 'the code works where it was asked for');
  });

  it('names the browser, the system and the network that asked, not those that look', async () => {
    const browser = new AppBrowser(site.server);
    const { home } = await ask(site, someone(), { browser });
    await askAgain(site, { browser, home }, { path: 'address' });
    const headers = { 'user-agent': CHROME_ON_MAC, 'x-forwarded-for': '203.0.113.7' };
    const asked = await askAgain(
      site,
      { browser, home },
      { path: 'start', fields: { email: someone() }, headers },
    );
    const page = await new AppBrowser(site.server).open(asked.link, {
      'user-agent': 'Firefox/1 Android',
      'x-forwarded-for': '198.51.100.9',
    });
    for (const fact of ['Chrome', 'macOS', '203.0.113.7']) assert.ok(page.body.includes(fact), fact);
    assert.doesNotMatch(page.body, /Firefox|Android|198\.51\.100\.9/);
  });

  it('does not finish the sign-in of somebody else who asked for it', async () => {
    const attacker = await ask(site, someone());
    const victim = new AppBrowser(site.server);
    await victim.open(attacker.link);
    await victim.post(attacker.link, {});
    const status = await attacker.browser.send(`${site.server.url}${attacker.home}/status`);
    assert.equal(JSON.parse(status.body).state, 'pending');
    assert.ok(!isSignedIn(await attacker.browser.post(`${attacker.home}/continue`, {})));
    assert.match(titleOf(await attacker.browser.open(attacker.home)), /^Check your email/);
  });

  it('shows nothing to type where only the same browser will do', async () => {
    await site.server.rooms.settings.set('passwordless.enforce_same_browser', true);
    const asked = await ask(site, someone());
    const page = await new AppBrowser(site.server).open(asked.link);
    assert.match(titleOf(page), /^Open the link where you started/);
    assert.doesNotMatch(
      page.body.replaceAll(/<[^>]*>/g, ''),
      new RegExp(`${asked.code}|${asked.code.slice(0, 3)}\\s?${asked.code.slice(3)}`),
    );
    assert.ok(isSignedIn(await asked.browser.post(asked.link, {})));
  });

  it('does not end the sign-in that waits: the same person may still use it where they started', async () => {
    const asked = await ask(site, someone());
    await new AppBrowser(site.server).open(asked.link);
    assert.ok(isSignedIn(await asked.browser.post(asked.link, {})));
  });

  it('is told apart when it is used, replaced or unknown, and then shows no code', async () => {
    const used = await ask(site, someone());
    await enter(used, used.code);
    const replaced = await ask(site, someone());
    await askAgain(site, replaced, { path: 'address' });
    const shown: ReadonlyArray<readonly [link: string, title: RegExp]> = [
      [used.link, /^You already used this link/],
      [replaced.link, /^There is a newer link/],
      ['/l/0000000000000000000000', /^This link does not work/],
      [used.link.slice(0, -1), /^This link does not work/],
      [`${used.link}A`, /^This link does not work/],
      [used.link.toLowerCase(), /^This link does not work/],
    ];
    for (const [link, title] of shown)
      for (const browser of [used.browser, new AppBrowser(site.server)]) {
        const page = await browser.open(link);
        assert.match(titleOf(page), title);
        assert.doesNotMatch(page.body, /class="shown"/);
        assert.ok(!isSignedIn(await browser.post(link, {})));
      }
  });
});
