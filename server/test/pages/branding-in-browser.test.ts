import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { accentsOf } from '../../src/core/branding/accents.ts';
import { wordsFor } from '../../src/platform/words/words.ts';
import type { SettingValues } from '../../src/settings/definitions.ts';
import { codePage } from '../../src/sign-in/code-page.ts';
import { linkElsewherePage } from '../../src/sign-in/link-pages.ts';
import { openBrowser, type TestBrowser } from '../support/browser.ts';
import { brandWith } from '../support/page-samples.ts';
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

/** A readable one, ones that are corrected, a grey, a black. */
const COLOURS = ['#7a1f5c', '#e8590c', '#0a9396', '#3b82f6', '#8a8a8a', '#000000'];

const ID = 'a'.repeat(32);
const LOGO: Partial<SettingValues> = { 'branding.logo': `${ID}-120x40.svg` };

const about = {
  words: wordsFor('en'),
  uid: 'kX3uT0b9cQ2v',
  token: 'q5cJ0mJ9v1Yx7hQ2uWc3Zg',
  appName: 'Acme',
  host: 'id.acme.com',
  path: '/interaction/kX3uT0b9cQ2v',
};

/** Between them they have every pair of colours that a brand changes. */
function pagesWith(values: Partial<SettingValues>): string[] {
  const brand = brandWith(values);
  const code = codePage({
    ...about,
    brand,
    email: 'ana@example.com',
    step: 2,
    asked: 'sent',
    method: 'link_otp',
    codeLength: 6,
    numeric: true,
    validMs: 600_000,
    sentAt: Date.UTC(2030, 0, 1),
    newestOnly: false,
    delivery: 'queued',
    resendAfterMs: 0,
  });
  const requester = { browser: 'Chrome', os: 'macOS', ip: '203.0.113.7' };
  return [code, linkElsewherePage({ ...about, brand, requester, sinceMs: 60_000, code: '482913' })];
}

async function open(page: Page, markup: string): Promise<void> {
  server.put('/page', { text: markup });
  await page.goto(`${server.origin}/page`);
  await page.waitForLoadState('networkidle');
}

async function faultsOf(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { violations } = await Reflect.get(window, 'axe').run();
    return violations.map(
      (each: { id: string; nodes: { html: string }[] }) => `${each.id}: ${each.nodes[0]?.html}`,
    );
  });
}

/** The ground of the main button, as the browser shows it. */
function buttonOf(page: Page): Promise<string> {
  return page.evaluate(() => {
    const button = document.querySelector('button:not(.quiet):not(.second)');
    return button ? getComputedStyle(button).backgroundColor : 'none';
  });
}

function rgb(colour: string): string {
  const parts = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
  return `rgb(${parts.join(', ')})`;
}

describe('a page with the colours of a brand', () => {
  for (const mode of ['light', 'dark'] as const)
    it(`is accessible in every one of six, ${mode}, and shows them`, async () => {
      const page = await browser.newPage({ dark: mode === 'dark' });
      const said: string[] = [];
      page.on('console', (message) => said.push(message.text()));
      for (const colour of COLOURS) {
        const [code = '', elsewhere = ''] = pagesWith({ 'branding.colour': colour, ...LOGO });
        await open(page, elsewhere);
        assert.deepEqual(await faultsOf(page), [], colour);
        await open(page, code);
        assert.deepEqual(await faultsOf(page), [], colour);
        assert.equal(await buttonOf(page), rgb(accentsOf({ colour })[mode].act), colour);
      }
      assert.deepEqual(said, []);
      await page.context().close();
    });
});

describe('a page with a logo', () => {
  const looks: [name: string, values: Partial<SettingValues>, dark: boolean, path: string, width: number][] =
    [
      ['one', LOGO, false, `/logos/${ID}-120x40.svg`, 120],
      ['one, in the dark', LOGO, true, `/logos/${ID}-120x40.svg`, 120],
      ['two, in the light', twoLogos(), false, `/logos/${ID}-120x40.svg`, 120],
      ['two, in the dark', twoLogos(), true, `/logos/${ID}-60x20.svg`, 60],
    ];

  for (const [name, values, dark, path, width] of looks)
    it(`keeps still when it comes late, and takes the right one of ${name}`, async () => {
      const page = await browser.newPage({ dark, width: 320 });
      const [code = ''] = pagesWith(values);
      server.clear();
      const text = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 3 1"><path d="M0 0h3v1H0z"/></svg>';
      server.put(path, { text, headers: { 'content-type': 'image/svg+xml' }, afterMs: 300 });
      await open(page, code);
      const seen = await page.evaluate(shownLogo);
      assert.deepEqual(seen, { width, loaded: true, shifts: 0, alt: 'Acme' });
      assert.deepEqual(
        server.received.map((request) => request.path).filter((each) => each.startsWith('/logos/')),
        [path],
      );
      await page.context().close();
    });

  it('would move without the size that it says', async () => {
    const page = await browser.newPage({ width: 320 });
    const [code = ''] = pagesWith(LOGO);
    server.clear();
    server.put(`/logos/${ID}-120x40.svg`, {
      text: '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 3 1"/>',
      headers: { 'content-type': 'image/svg+xml' },
      afterMs: 300,
    });
    await open(page, code.replace(/ width="120" height="40"/, ''));
    assert.notEqual((await page.evaluate(shownLogo)).shifts, 0);
    await page.context().close();
  });

  it('has a white ground for it where there is none for the dark', async () => {
    const page = await browser.newPage({ dark: true });
    const ground = () =>
      page.evaluate(() => {
        const img = document.querySelector('.app img');
        return img && getComputedStyle(img).backgroundColor;
      });
    await open(page, pagesWith(LOGO)[0] ?? '');
    assert.equal(await ground(), 'rgb(255, 255, 255)');
    await open(page, pagesWith(twoLogos())[0] ?? '');
    assert.equal(await ground(), 'rgba(0, 0, 0, 0)');
    await page.context().close();
  });
});

function twoLogos(): Partial<SettingValues> {
  return { ...LOGO, 'branding.logo_dark': `${ID}-60x20.svg` };
}

/** Runs in the page, when everything has come. */
async function shownLogo() {
  const img = document.querySelector<HTMLImageElement>('.app img');
  const shifts = await new Promise<number>((resolve) => {
    const observer = new PerformanceObserver((list) => resolve(list.getEntries().length));
    observer.observe({ type: 'layout-shift', buffered: true });
    setTimeout(() => resolve(0), 100);
  });
  return {
    width: img?.getBoundingClientRect().width,
    loaded: (img?.naturalWidth ?? 0) > 0,
    shifts,
    alt: img?.alt,
  };
}
