import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { pageHeaders } from '../../src/platform/http/html.ts';
import { openBrowser, type TestBrowser } from '../support/browser.ts';
import { hostileStrings } from '../support/hostile-strings.ts';
import { plainTexts, type Sample, samples, still } from '../support/page-samples.ts';
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

async function open(page: Page, markup: string): Promise<void> {
  server.put('/page', { text: markup });
  await page.goto(`${server.origin}/page`);
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
