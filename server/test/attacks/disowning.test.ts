import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AppBrowser, formsOf, titleOf } from '../support/app-client.ts';
import { openBrowser, type TestBrowser } from '../support/browser.ts';
import { createMailbox, notMeIn } from '../support/mailbox.ts';
import { startTestServer } from '../support/server.ts';
import { type Asked, ask, enter, isSignedIn, type Site, someone, stateOf } from '../support/sign-in-steps.ts';

let site: Site;
let chromium: TestBrowser;
before(async () => {
  const mailbox = createMailbox();
  site = { mailbox, server: await startTestServer({ transport: mailbox.transport }) };
  chromium = await openBrowser();
});
after(async () => {
  await chromium.close();
  await site.server.stop();
});

interface Opening {
  readonly what: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly status?: number;
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const PRESSED = 'answer=not-me';

/** What reaches the link without a person who presses the button of its page. */
const OPENINGS: readonly Opening[] = [
  { what: 'a GET' },
  { what: 'a HEAD', method: 'HEAD' },
  { what: 'a prefetch', headers: { 'sec-purpose': 'prefetch;prerender' } },
  { what: 'a scanner', headers: { 'user-agent': 'Barracuda Sentinel (EE)' } },
  { what: 'a GET with the answer in its query', headers: {} },
  { what: 'a POST of nothing', method: 'POST' },
  { what: 'a POST of another answer', method: 'POST', headers: FORM, body: 'answer=yes' },
  { what: 'a one-click unsubscribe', method: 'POST', headers: FORM, body: 'List-Unsubscribe=One-Click' },
  {
    what: 'a form of another site',
    method: 'POST',
    headers: { ...FORM, origin: 'http://evil.example', 'sec-fetch-site': 'cross-site' },
    body: PRESSED,
    status: 403,
  },
  {
    what: 'a form of a neighbour',
    method: 'POST',
    headers: { ...FORM, 'sec-fetch-site': 'same-site' },
    body: PRESSED,
    status: 403,
  },
  {
    what: 'a form from nowhere',
    method: 'POST',
    headers: { ...FORM, origin: 'null' },
    body: PRESSED,
    status: 403,
  },
  { what: 'a POST of JSON', method: 'POST', headers: { 'content-type': 'application/json' }, status: 415 },
];

function open(asked: Asked, { method = 'GET', headers = {}, body, what }: Opening) {
  const query = what.includes('query') ? `?${PRESSED}` : '';
  return new AppBrowser(site.server).send(`${site.server.url}${notMeIn(asked.mail)}${query}`, {
    method,
    headers,
    ...(body !== undefined && { body }),
  });
}

describe('The link that disowns a sign-in', () => {
  for (const one of OPENINGS)
    it(`does nothing by ${one.what}, twenty times at once`, async () => {
      const asked = await ask(site, someone());
      const stored = await stateOf(site.server);
      const answers = await Promise.all(Array.from({ length: 20 }, () => open(asked, one)));
      for (const answer of answers) {
        assert.equal(answer.status, one.status ?? 200);
        assert.equal(answer.headers.getSetCookie().length, 0);
      }
      assert.deepEqual(await stateOf(site.server), stored);
      assert.ok(isSignedIn(await enter(asked, asked.code)));
    });

  it('does nothing in a whole browser that runs scripts, until somebody presses the button', async () => {
    const asked = await ask(site, someone());
    const stored = await stateOf(site.server);
    const page = await chromium.newPage();
    const methods: string[] = [];
    page.on('request', (request) => methods.push(request.method()));
    await page.goto(`${site.server.url}${notMeIn(asked.mail)}`, { waitUntil: 'networkidle' });
    await page.mouse.move(200, 200);
    await page.reload({ waitUntil: 'networkidle' });
    assert.deepEqual([...new Set(methods)], ['GET']);
    assert.deepEqual(await stateOf(site.server), stored);
    await page.getByRole('button', { name: 'It was not me' }).click();
    await page.getByRole('heading', { name: 'It is stopped' }).waitFor();
    await page.context().close();
    assert.ok(!isSignedIn(await enter(asked, asked.code)));
  });

  it('says nothing of the token to another site, to a cache or to a search engine', async () => {
    const asked = await ask(site, someone());
    const page = await open(asked, { what: 'a GET' });
    assert.equal(page.headers.get('referrer-policy'), 'same-origin');
    assert.equal(page.headers.get('cache-control'), 'no-store');
    assert.equal(page.headers.get('x-robots-tag'), 'noindex');
    assert.doesNotMatch(page.body, /<script|data-self-post|https?:\/\/(?!localhost)/);
    assert.deepEqual(formsOf(page.body), [{ action: notMeIn(asked.mail), fields: { answer: 'not-me' } }]);
  });

  it('is no sign-in: its token is worth nothing as a link, and the link of the sign-in nothing as it', async () => {
    const asked = await ask(site, someone());
    const swapped = notMeIn(asked.mail).replace('/not-me/', '/l/');
    assert.match(titleOf(await asked.browser.open(swapped)), /^This link does not work/);
    assert.ok(!isSignedIn(await asked.browser.post(swapped, {})));
    const other = asked.link.replace('/l/', '/not-me/');
    const answer = await new AppBrowser(site.server).post(other, { answer: 'not-me' });
    assert.match(titleOf(answer), /^This link does not work/);
    assert.ok(isSignedIn(await enter(asked, asked.code)));
  });
});
