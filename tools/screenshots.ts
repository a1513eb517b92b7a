import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { type Measured, measure } from '../server/test/accessibility/measuring.ts';
import { modes } from '../server/test/accessibility/modes.ts';
import { openBrowser, type PageOptions, type TestBrowser } from '../server/test/support/browser.ts';
import { samples } from '../server/test/support/page-samples.ts';
import { openPageServer, type PageServer } from '../server/test/support/page-server.ts';
import { startTestServer, type TestServer } from '../server/test/support/server.ts';
import { gallery, SHEETS } from './pictures/gallery.ts';
import { withMeasured } from './pictures/measured.ts';
import { openSheets } from './pictures/sheets.ts';

// Pictures of the real server's pages for README.md, a sheet of every page for docs/pages.md, and what is
// measured for docs/accessibility.md.
const docs = join(import.meta.dirname, '..', 'docs');
const looks: Record<string, PageOptions> = { light: {}, dark: { dark: true } };

mkdirSync(join(docs, SHEETS), { recursive: true });
const browser = await openBrowser();
await pictureServer(browser);
const server = await openPageServer();
await pictureSamples(browser, server);
await measureSamples(browser, server);
await server.close();
await browser.close();

async function pictureServer(at: TestBrowser): Promise<void> {
  const running = await startTestServer({ config: { mode: 'dev' } });
  for (const [name, look] of Object.entries(looks)) {
    const page = await at.newPage({ width: 900, height: 760, ...look });
    await page.goto(authorizeUrl(running));
    await take(page, `sign-in-${name}`);
    await page.fill('input[name="email"]', 'ana@example.com');
    await page.getByRole('button', { name: 'Continue', exact: true }).click();
    await page.waitForSelector('input[name="code"]');
    await take(page, `code-${name}`);
    await page.context().close();
  }
  await running.stop();
}

function authorizeUrl({ url, app }: TestServer): string {
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: app.id,
    redirect_uri: app.redirectUri,
    scope: 'openid email',
  });
  return `${url}/oauth/authorize?${query}`;
}

async function take(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(docs, 'images', `${name}.png`) });
  console.log(`docs/images/${name}.png`);
}

async function pictureSamples(at: TestBrowser, pages: PageServer): Promise<void> {
  const names = new Set(samples.map(([name]) => `${name}.jpg`));
  for (const file of readdirSync(join(docs, SHEETS))) if (!names.has(file)) rmSync(join(docs, SHEETS, file));
  const sheets = await openSheets(at, pages);
  for (const sample of samples) {
    const picture = await sheets.take(sample);
    writeFileSync(join(docs, SHEETS, `${sample[0]}.jpg`), picture);
    console.log(`docs/${SHEETS}/${sample[0]}.jpg  ${Math.round(picture.length / 1000)} kB`);
  }
  writeFileSync(join(docs, 'pages.md'), gallery(samples));
}

async function measureSamples(at: TestBrowser, pages: PageServer): Promise<void> {
  const measured: Measured[] = [];
  for (const mode of modes) {
    const seen = await measure({ browser: at, server: pages }, mode, samples);
    console.log(`${seen.mode}: ${seen.pages} pages, ${seen.faults.length} violations`);
    measured.push(seen);
  }
  const file = join(docs, 'accessibility.md');
  writeFileSync(file, withMeasured(readFileSync(file, 'utf8'), measured));
}
