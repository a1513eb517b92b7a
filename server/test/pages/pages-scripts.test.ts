import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import type { BrowserContext, Page } from 'playwright-core';
import { normaliseCode, symbolsOf } from '../../src/core/code.ts';
import { codeIn } from '../../src/platform/http/page-scripts.ts';
import { wordsFor } from '../../src/platform/words/words.ts';
import { type CodePage, codePage } from '../../src/sign-in/code-page.ts';
import { linkElsewherePage, linkHerePage } from '../../src/sign-in/link-pages.ts';
import { continuePage, emailPage, leavingPage } from '../../src/sign-in/pages.ts';
import { openBrowser, type PageOptions, type TestBrowser } from '../support/browser.ts';
import { openPageServer, type PageServer } from '../support/page-server.ts';

let browser: TestBrowser;
let server: PageServer;
let context: BrowserContext;
before(async () => {
  [browser, server] = await Promise.all([openBrowser(), openPageServer()]);
});
beforeEach(() => server.clear());
afterEach(() => context?.close());
after(async () => {
  await browser.close();
  await server.close();
});

const about = {
  words: wordsFor('en'),
  uid: 'abc',
  appName: 'Acme',
  host: 'id.acme.com',
  email: 'ana@example.com',
};
const code = (extra: Partial<CodePage> = {}) =>
  codePage({
    ...about,
    step: 2,
    method: 'link_otp',
    codeLength: 6,
    numeric: true,
    validMs: 600_000,
    sentAt: Date.UTC(2030, 5, 3, 14, 3),
    newestOnly: false,
    delivery: 'queued',
    resendAfterMs: 30_000,
    ...extra,
  });
const JSON_TYPE = { 'content-type': 'application/json' };
const fieldsOf = (body: string | undefined) => Object.fromEntries(new URLSearchParams(body));

async function show(
  markup: string,
  options: PageOptions & { before?: (page: Page) => Promise<unknown> } = {},
): Promise<Page> {
  context = await browser.newContext(options);
  const page = await context.newPage();
  await options.before?.(page);
  server.put('/page', { text: markup });
  await page.goto(`${server.origin}/page`);
  if (markup.includes(' autofocus>')) await page.locator('input:focus').waitFor();
  return page;
}

/** A tab that is in the background, or prerendered, until `window.seen` says otherwise. */
const unseen = (property: 'visibilityState' | 'prerendering') => (page: Page) =>
  page.addInitScript((name) => {
    const hidden = () => !Reflect.get(window, 'seen');
    const get = () => (name === 'prerendering' ? hidden() : hidden() ? 'hidden' : 'visible');
    Object.defineProperty(document, name, { get });
    addEventListener('pagehide', () => Reflect.set(window, 'seen', false));
  }, property);

/** A moment later, so that the answer to the test is not lost when the page goes on at once. */
const reveal = (page: Page, event: 'visibilitychange' | 'prerenderingchange', times = 1) =>
  page.evaluate(
    ([name, count]) => {
      const show = () => {
        Reflect.set(window, 'seen', true);
        for (let at = 0; at < count; at += 1) document.dispatchEvent(new Event(name));
      };
      setTimeout(show, 50);
    },
    [event, times] as const,
  );

const settle = (page: Page) => page.waitForTimeout(150);

describe('the code field', () => {
  const pastes = [
    '482913',
    '482 913',
    '482-913',
    'Your code is 482 913.',
    '４８２９１３',
    '٤٨٢٩١٣',
    '482\u00a0913',
    '482\n913',
    '482\t913',
    '482\u2013913',
    '  482913  ',
    '482913 is your Acme code',
  ];
  for (const text of pastes) {
    it(`takes ${JSON.stringify(text)} when it is pasted, and goes on once by itself`, async () => {
      const page = await show(code());
      await context.grantPermissions(['clipboard-read', 'clipboard-write']);
      await page.evaluate((value) => navigator.clipboard.writeText(value), text);
      await page.keyboard.press('Control+V');
      await page.waitForURL('**/interaction/abc/code');
      await settle(page);
      assert.deepEqual(
        server.posts().map(({ body }) => fieldsOf(body)),
        [{ step: '2', code: '482913' }],
      );
    });
  }

  it('has the focus, also after a wrong code, and goes on when the last digit is typed', async () => {
    const page = await show(code({ fault: { kind: 'wrong', left: 3 } }));
    await page.keyboard.type('48291');
    await settle(page);
    assert.equal(server.posts().length, 0);
    await page.keyboard.type('3');
    await page.waitForURL('**/interaction/abc/code');
  });

  it('goes on once when AutoFill says `input` twice', async () => {
    const page = await show(code());
    await page.evaluate(() => {
      const field = document.querySelector<HTMLInputElement>('input[name=code]');
      if (field === null) return;
      field.value = '482913';
      field.dispatchEvent(new Event('input', { bubbles: true }));
      field.dispatchEvent(new Event('input', { bubbles: true }));
    });
    await page.waitForURL('**/interaction/abc/code');
    await settle(page);
    assert.equal(server.posts().length, 1);
  });

  it('waits for the end of a composition', async () => {
    const page = await show(code());
    const session = await context.newCDPSession(page);
    await session.send('Input.imeSetComposition', {
      text: '４８２９１３',
      selectionStart: 6,
      selectionEnd: 6,
    });
    await settle(page);
    assert.equal(server.posts().length, 0);
    await session.send('Input.insertText', { text: '４８２９１３' });
    await page.waitForURL('**/interaction/abc/code');
  });

  it('reads codes of letters and digits too', async () => {
    const page = await show(code({ numeric: false, codeLength: 8 }));
    await page.keyboard.type('cdfg-3467');
    await page.waitForURL('**/interaction/abc/code');
    assert.equal(fieldsOf(server.posts()[0]?.body).code, 'CDFG3467');
  });

  it('reads what the server reads', () => {
    const piece = fc.constantFrom(
      '4',
      '8',
      '7',
      'C',
      'f',
      '٤',
      '４',
      ' ',
      '-',
      '–',
      '\u00a0',
      'is your code ',
      'Ab',
      '.',
    );
    const length = fc.integer({ min: 6, max: 10 });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 24 }), length, fc.boolean(), (pieces, size, numeric) => {
        const alphabet = numeric ? 'numeric' : 'alphanumeric';
        const server = normaliseCode(pieces.join(''), { length: size, alphabet });
        assert.equal(codeIn(pieces.join(''), size, symbolsOf(alphabet)) ?? '', server);
      }),
      { numRuns: 2000 },
    );
  });

  it('works without scripts, and does not promise what it then cannot do', async () => {
    const page = await show(code(), { javaScript: false });
    assert.doesNotMatch(await page.innerText('main'), /by itself/);
    await page.fill('input[name="code"]', ' 482 913 ');
    await page.click('button:text-is("Continue")');
    await page.waitForURL('**/interaction/abc/code');
    assert.deepEqual(fieldsOf(server.posts()[0]?.body), { step: '2', code: ' 482 913 ' });
  });
});

describe('a page that posts itself', () => {
  const email = emailPage({ ...about, create: false, sends: true });
  const pages = [
    ['/interaction/abc/start', email, { step: '0', email: 'ana@example.com' }],
    ['/l/tok', linkHerePage({ ...about, token: 'tok' }), {}],
    ['/interaction/abc/continue', continuePage(about), {}],
  ] as const;
  for (const [path, markup, fields] of pages) {
    it(`posts to ${path} once, as soon as it is seen`, async () => {
      const page = await show(markup);
      await page.waitForURL(`**${path}`);
      await settle(page);
      assert.deepEqual(
        server.posts().map((each) => [each.path, fieldsOf(each.body)]),
        [[path, fields]],
      );
      assert.equal(server.posts()[0]?.headers.origin, server.origin);
    });

    it(`posts nothing to ${path} without scripts, but has the button`, async () => {
      const page = await show(markup, { javaScript: false });
      await settle(page);
      assert.equal(server.posts().length, 0);
      await page.click('button:text-is("Continue")');
      await page.waitForURL(`**${path}`);
      assert.deepEqual(fieldsOf(server.posts()[0]?.body), fields);
    });
  }

  for (const [property, event] of [
    ['visibilityState', 'visibilitychange'],
    ['prerendering', 'prerenderingchange'],
  ] as const) {
    it(`waits while ${property} says that nobody sees it`, async () => {
      const page = await show(email, { before: unseen(property) });
      await settle(page);
      assert.equal(server.posts().length, 0);
      await reveal(page, event);
      await page.waitForURL('**/interaction/abc/start');
      assert.equal(server.posts().length, 1);
    });
  }

  it('posts once when it is seen again and again while the answer is slow', async () => {
    server.put('/interaction/abc/start', { text: '', afterMs: 400 });
    const page = await show(email, { before: unseen('visibilityState') });
    await reveal(page, 'visibilitychange', 3);
    await page.waitForURL('**/interaction/abc/start');
    assert.equal(server.posts().length, 1);
  });
});

describe('the page that waits for the mail', () => {
  const status = '/interaction/abc/status';
  const say = (state: string) => server.put(status, { text: JSON.stringify({ state }), headers: JSON_TYPE });

  const questions = () => server.received.filter(({ path }) => path === status).length;

  it('goes on at its first question, after 2 s, when the sign-in went on elsewhere', async () => {
    say('satisfied');
    const page = await show(code());
    await page.waitForURL('**/interaction/abc');
    assert.equal(questions(), 1);
  });

  it('stays while nothing happens, and when the server is in trouble', async () => {
    say('pending');
    const page = await show(code());
    await page.waitForTimeout(2300);
    server.put(status, { text: 'not JSON' });
    await page.waitForTimeout(2500);
    assert.ok(questions() >= 1);
    assert.equal(new URL(page.url()).pathname, '/page');
  });

  it('asks nothing in the background, and at once when the person comes back', async () => {
    say('satisfied');
    const page = await show(code(), { before: unseen('visibilityState') });
    await page.waitForTimeout(2300);
    assert.equal(questions(), 0);
    await reveal(page, 'visibilitychange');
    await page.waitForURL('**/interaction/abc');
    assert.equal(questions(), 1);
  });

  it('lets a code that is on its way arrive', async () => {
    say('pending');
    server.put('/interaction/abc/code', { text: '<title>Arrived</title>', afterMs: 3000 });
    const page = await show(code());
    await page.keyboard.type('482913');
    say('redeemed');
    await page.waitForURL('**/interaction/abc/code');
    assert.equal(server.posts().length, 1);
  });

  it('counts down to the next mail, and says once that it can be asked for', async () => {
    const page = await show(code(), { before: (each) => each.clock.install() });
    const button = page.locator('button:text-is("Send another email")');
    assert.equal(await button.getAttribute('aria-disabled'), 'true');
    await button.dispatchEvent('click');
    await page.clock.runFor(10_000);
    assert.match(await page.innerText('main'), /Send another email in 20 s/);
    assert.equal(server.posts().length, 0);
    await page.clock.runFor(21_000);
    assert.equal(await page.innerText('[role=status]'), 'You can ask for another email now.');
    await button.click();
    await page.waitForURL('**/interaction/abc/resend');
    assert.deepEqual(fieldsOf(server.posts()[0]?.body), { step: '2' });
  });

  it('sends a form once, however often it is pressed', async () => {
    server.put('/interaction/abc/address', { text: '', afterMs: 400 });
    const page = await show(code());
    await page.dblclick('button:text-is("Use a different address")');
    await page.waitForURL('**/interaction/abc/address');
    assert.equal(server.posts().length, 1);
  });

  it('has a way on without scripts for those who opened the link', async () => {
    const page = await show(code(), { javaScript: false });
    await page.click('a:text-is("I have opened the link")');
    await page.waitForURL('**/interaction/abc');
  });
});

describe('other pages', () => {
  for (const javaScript of [true, false]) {
    it(`leave for the app at once, and ask for the address once, ${javaScript ? 'with' : 'without'} scripts`, async () => {
      server.put('/callback?code=1&state=2', { text: '<title>App</title>', afterMs: 200 });
      const page = await show(
        leavingPage({ words: about.words, to: `${server.origin}/callback?code=1&state=2`, appName: 'Acme' }),
        { javaScript },
      );
      await page.waitForURL('**/callback?code=1&state=2');
      await settle(page);
      assert.equal(server.received.filter(({ path }) => path.startsWith('/callback')).length, 1);
      assert.equal(await page.evaluate(() => history.length), 2);
    });
  }

  it('show a code that is copied without the gap', async () => {
    const page = await show(
      linkElsewherePage({ ...about, token: 'tok', code: '482913', requester: {}, sinceMs: 60_000 }),
    );
    await page.click('.shown');
    assert.equal(await page.evaluate(() => String(getSelection()).trim()), '482913');
  });

  it('keep each button in a form of its own, so that pressing Enter in a field means Continue', async () => {
    const page = await show(emailPage({ ...about, create: false, sends: false }));
    await page.keyboard.press('Enter');
    await page.waitForURL('**/interaction/abc/start');
  });
});
