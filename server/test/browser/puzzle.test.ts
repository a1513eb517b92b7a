import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { openBrowser, type TestBrowser } from '../support/browser.ts';
import { createMailbox } from '../support/mailbox.ts';
import { authorizeUrl } from '../support/oauth-requests.ts';
import { startTestServer } from '../support/server.ts';
import { ask, type Site, someone } from '../support/sign-in-steps.ts';

let site: Site;
let browser: TestBrowser;

before(async () => {
  const mailbox = createMailbox();
  const settings = { 'limits.starts_per_source_hour': 40 };
  [site, browser] = await Promise.all([
    startTestServer({ transport: mailbox.transport, settings }).then((server) => ({ mailbox, server })),
    openBrowser(),
  ]);
  for (let starts = 0; starts < 18; starts += 1) {
    await site.server.rooms.settings.set('limits.puzzles', starts >= 17);
    await ask(site, someone());
  }
});
after(async () => {
  await browser.close();
  await site.server.stop();
});

async function typeAddress(page: Page): Promise<string> {
  const email = someone();
  await page.goto(new URL(authorizeUrl(site.server), site.server.url).href);
  await page.fill('input[name=email]', email);
  await page.getByRole('button', { name: 'Continue', exact: true }).click();
  return email;
}

describe('A puzzle in a browser', () => {
  it('is solved by itself, in one more round trip', async () => {
    const page = await browser.newPage();
    const posts: string[] = [];
    page.on('request', (request) => {
      if (request.method() === 'POST') posts.push(new URL(request.url()).pathname.split('/').at(-1) ?? '');
    });
    const email = await typeAddress(page);
    await page.getByRole('heading', { name: 'Check your email' }).waitFor();
    assert.deepEqual(posts, ['start', 'start']);
    await site.server.mailIdle();
    assert.equal(site.mailbox.to(email).length, 1);
    await page.context().close();
  });

  it('lets somebody without scripts go on by the button', async () => {
    const page = await browser.newPage({ javaScript: false });
    const email = await typeAddress(page);
    await page.getByRole('heading', { name: 'One moment' }).waitFor();
    await page.getByRole('button', { name: 'Continue', exact: true }).click();
    await page.getByRole('heading', { name: 'Check your email' }).waitFor();
    await site.server.mailIdle();
    assert.equal(site.mailbox.to(email).length, 1);
    await page.context().close();
  });
});
