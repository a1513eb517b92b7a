import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { openBrowser, type TestBrowser } from '../../support/browser.ts';
import { hostileStrings } from '../../support/hostile-strings.ts';
import { good, rendered } from '../../support/templates.ts';

let browser: TestBrowser;
let page: Page;
before(async () => {
  browser = await openBrowser();
  page = await browser.newPage();
});
after(() => browser.close());

/** Every element with the names of its attributes, and where it leads, as a browser reads the mail. */
function structuresOf(mails: string[]): Promise<string[]> {
  return page.evaluate((sources) => {
    const entry = (element: Element) => {
      const names = element.getAttributeNames().toSorted().join(' ');
      const host = element instanceof HTMLAnchorElement ? element.host : '';
      return `${element.parentElement?.tagName}>${element.tagName} ${names} ${host}`;
    };
    return sources.map((source) => {
      const parsed = new DOMParser().parseFromString(source, 'text/html');
      const comments = source.split('<!--').length;
      return [...[...parsed.querySelectorAll('*')].map(entry), `${comments}`].join('\n');
    });
  }, mails);
}

describe('a mail from a template, as a browser reads it', () => {
  it('has the same elements, attributes and hosts whatever its values are', async () => {
    const endings = [
      '-->',
      '--!>',
      '--',
      '<!--',
      '"',
      "'",
      '`',
      '</title>',
      '</style>',
      '<![endif]-->',
      '{{ code }}',
    ];
    const values = [...hostileStrings, ...endings, ...endings.map((ending) => `x${ending}`)];
    const mails = values.map(
      (value) =>
        rendered(good, { 'app.name': value, host: value, 'user.email': value, 'request.ip': value }).html,
    );
    const [benign, ...structures] = await structuresOf([rendered(good).html, ...mails]);
    assert.match(benign ?? '', /P>A|BODY>A href id\.example\.com/);
    for (const [at, structure] of structures.entries()) assert.equal(structure, benign, values[at] ?? '');
  });
});
