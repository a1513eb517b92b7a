import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { pageHeaders } from '../../src/platform/http/html.ts';
import { openBrowser, type PageOptions, type TestBrowser } from '../support/browser.ts';
import { hostileStrings } from '../support/hostile-strings.ts';
import { plainTexts, type Sample, samples, type Texts } from '../support/page-samples.ts';
import { openPageServer, type PageServer } from '../support/page-server.ts';

let browser: TestBrowser;
let server: PageServer;
before(async () => {
  [browser, server] = await Promise.all([openBrowser(), openPageServer()]);
});
after(async () => {
  await browser.close();
  await server.close();
});

/** The page as it looks before it goes on by itself. */
function still(markup: string): string {
  return markup.replace(/ data-self-post="\w+"/, '').replace(/<meta http-equiv="refresh"[^>]*>/, '');
}

async function open(page: Page, markup: string): Promise<void> {
  server.put('/page', { text: markup });
  await page.goto(`${server.origin}/page`);
}

const LOOKS: ReadonlyArray<PageOptions> = [
  { width: 1280 },
  { width: 1280, dark: true },
  { width: 320 },
  { width: 320, dark: true },
  { width: 320, rtl: true },
];

describe('a page as a person meets it', () => {
  for (const look of LOOKS) {
    const named = `${look.width} px, ${look.dark ? 'dark' : 'light'}${look.rtl ? ', right to left' : ''}`;

    it(`is accessible, keeps still, overflows nowhere and is easy to hit, at ${named}`, async () => {
      const page = await browser.newPage(look);
      for (const [name, render] of samples) {
        await open(page, still(render(plainTexts)));
        assert.equal(await page.evaluate(() => document.dir), look.rtl ? 'rtl' : 'ltr');
        assert.deepEqual(await page.evaluate(layoutFaults), [], name);
        assert.deepEqual(await axeFaults(page), [], name);
      }
      await page.context().close();
    });
  }

  it('has room for the longest texts on the smallest screen', async () => {
    const page = await browser.newPage({ width: 320 });
    for (const [name, render] of samples) {
      await open(page, still(render(longTexts())));
      assert.deepEqual(await page.evaluate(layoutFaults), [], name);
    }
    await page.context().close();
  });

  it('says nothing on the console', async () => {
    const page = await browser.newPage();
    const said: string[] = [];
    page.on('console', (message) => said.push(message.text()));
    page.on('pageerror', (error) => said.push(error.message));
    for (const [, render] of samples) await open(page, still(render(plainTexts)));
    assert.deepEqual(said, []);
    await page.context().close();
  });
});

async function axeFaults(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { violations } = await Reflect.get(window, 'axe').run();
    return violations.map((each: { id: string; help: string }) => `${each.id}: ${each.help}`);
  });
}

/** Runs in the page. */
async function layoutFaults(): Promise<string[]> {
  const faults: string[] = [];
  if (document.documentElement.scrollWidth > innerWidth) faults.push('scrolls sideways');
  for (const part of document.querySelectorAll<HTMLElement>('main *, footer *')) {
    const box = part.getBoundingClientRect();
    if (part.className !== 'vh' && (box.right > innerWidth + 1 || box.left < -1))
      faults.push(`${part.tagName} sticks out`);
  }
  for (const target of document.querySelectorAll('button, a, summary, input:not([type=hidden])')) {
    const { height } = target.getBoundingClientRect();
    if (height > 0 && height < 44) faults.push(`${target.tagName} is ${height} px high`);
  }
  for (const input of document.querySelectorAll('input:not([type=hidden])'))
    if (Number.parseFloat(getComputedStyle(input).fontSize) < 16)
      faults.push('a phone would zoom into the field');
  const shifts = await new Promise<number>((resolve) => {
    const observer = new PerformanceObserver((list) => resolve(list.getEntries().length));
    observer.observe({ type: 'layout-shift', buffered: true });
    setTimeout(() => resolve(0), 20);
  });
  if (shifts > 0) faults.push('moves while it loads');
  return faults;
}

function longTexts(): Texts {
  const email = `${'ana'.repeat(20)}@${'long-label-of-a-domain.'.repeat(8)}com`;
  return {
    ...plainTexts,
    email,
    appName: 'W'.repeat(60),
    host: `${'id-of-acme.'.repeat(8)}example.com`,
    ip: '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff',
    scope: 'x'.repeat(80),
    description: 'y'.repeat(200),
    error: 'z'.repeat(60),
    requestId: 'w'.repeat(60),
  };
}

describe('a hostile text', () => {
  const MARKER = 'Marker7';
  const withTexts = ([, render]: Sample, text: string) => {
    const { backTo, to, action } = plainTexts;
    const texts = Object.keys(plainTexts).map((name) => [name, text]);
    return render({ ...plainTexts, ...Object.fromEntries(texts), backTo, to, action });
  };

  it('comes in sixty kinds', () => assert.equal(new Set(hostileStrings).size, 60));

  it('is a text in every page, and changes no element around it', async () => {
    const page = await browser.newPage();
    server.put('/blank', { text: '', headers: { 'content-type': 'text/html' } });
    await page.goto(`${server.origin}/blank`);
    for (const sample of samples) {
      const pages = hostileStrings.map((text) => [text, withTexts(sample, text)]);
      const faults = await page.evaluate(markupFaults, {
        marker: MARKER,
        marked: withTexts(sample, MARKER),
        pages,
      });
      assert.deepEqual(faults, [], sample[0]);
    }
    await page.context().close();
  });

  it('does nothing in a live page', async () => {
    const page = await browser.newPage();
    const said = listenTo(page);
    const all = hostileStrings.join('\n');
    const code = samples.filter(([name]) => name === 'code' || name === 'link-elsewhere');
    const live = [
      ...samples.map((sample) => withTexts(sample, all)),
      ...code.flatMap((sample) => hostileStrings.map((text) => withTexts(sample, text))),
    ];
    for (const markup of live) await open(page, still(markup));
    assert.deepEqual(said, []);
    await page.context().close();
  });

  it('arrives whole when it is posted to the app', async () => {
    const all = hostileStrings.join(' ').replaceAll('\n', ' ');
    const page = await browser.newPage();
    const said = listenTo(page);
    const formPost = samples.find(([name]) => name === 'form-post');
    const markup = formPost?.[1]({ ...plainTexts, field: all, action: `${server.origin}/callback` }) ?? '';
    server.clear();
    server.put('/page', {
      text: markup,
      headers: pageHeaders(markup, { formAction: `${server.origin}/callback` }),
    });
    await page.goto(`${server.origin}/page`);
    await page.waitForURL('**/callback');
    assert.deepEqual(
      server.posts().map(({ body }) => new URLSearchParams(body).get('state')),
      [all],
    );
    assert.deepEqual(said, []);
    await page.context().close();
  });
});

/** Dialogs, messages and requests elsewhere. */
function listenTo(page: Page): string[] {
  const said: string[] = [];
  page.on('dialog', (dialog) => {
    said.push(`dialog: ${dialog.message()}`);
    dialog.dismiss().catch(() => {});
  });
  page.on('console', (message) => said.push(message.text()));
  page.on('pageerror', (error) => said.push(error.message));
  page.on('request', (request) => {
    if (!request.url().startsWith(server.origin)) said.push(request.url());
  });
  return said;
}

/** Runs in a blank page: walks two parsed documents side by side. */
function markupFaults(given: { marker: string; marked: string; pages: string[][] }): string[] {
  const partsOf = (markup: string) => {
    const parsed = new DOMParser().parseFromString(markup, 'text/html');
    return [...parsed.querySelectorAll('*')].flatMap((element) => [
      [`<${element.tagName}>`, ''],
      ...[...element.attributes].map(({ name, value }) => [`${element.tagName} ${name}`, value]),
      [
        `${element.tagName} text`,
        [...element.childNodes].map((node) => (node.nodeType === 3 ? node.nodeValue : '|')).join(''),
      ],
    ]);
  };
  const marked = partsOf(given.marked);
  return given.pages.flatMap(([text = '', markup = '']) => {
    const parts = partsOf(markup);
    if (parts.length !== marked.length) return [`${text}: ${parts.length} parts for ${marked.length}`];
    return parts.flatMap(([kind, value = ''], at) => {
      const [expectedKind, template = ''] = marked[at] ?? [];
      if (kind !== expectedKind) return [`${text}: ${kind} for ${expectedKind}`];
      const tail = text.slice(text.lastIndexOf('@') + 1);
      const allowed = [text, encodeURIComponent(text), tail].map((each) =>
        template.replaceAll(given.marker, () => each),
      );
      return template.includes(given.marker) && !allowed.includes(value)
        ? [`${text}: ${kind} is ${value}`]
        : [];
    });
  });
}
