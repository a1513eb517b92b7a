import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { openBrowser, type PageOptions } from '../server/test/support/browser.ts';
import { startTestServer } from '../server/test/support/server.ts';

/** Pictures of the real server's pages, as README.md shows them. */
const folder = join(import.meta.dirname, '..', 'docs', 'images');
const looks: Record<string, PageOptions> = { light: {}, dark: { dark: true } };

mkdirSync(folder, { recursive: true });
const server = await startTestServer({ config: { mode: 'dev' } });
const browser = await openBrowser();
for (const [name, look] of Object.entries(looks)) {
  const page = await browser.newPage({ width: 900, height: 760, ...look });
  await page.goto(authorizeUrl());
  await take(page, `sign-in-${name}`);
  await page.fill('input[name="email"]', 'ana@example.com');
  await page.getByRole('button', { name: 'Continue', exact: true }).click();
  await page.waitForSelector('input[name="code"]');
  await take(page, `code-${name}`);
}
await browser.close();
await server.stop();

function authorizeUrl(): string {
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: server.app.id,
    redirect_uri: server.app.redirectUri,
    scope: 'openid email',
  });
  return `${server.url}/oauth/authorize?${query}`;
}

async function take(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(folder, `${name}.png`) });
  console.log(`docs/images/${name}.png`);
}
