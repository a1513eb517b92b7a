import type { Page } from 'playwright-core';
import { type Words, wordsFor } from '../../server/src/platform/words/words.ts';
import type { PageOptions, TestBrowser } from '../../server/test/support/browser.ts';
import { plainTexts, type Sample, still } from '../../server/test/support/page-samples.ts';
import type { PageServer } from '../../server/test/support/page-server.ts';

interface View {
  readonly label: string;
  readonly look: PageOptions;
  readonly words: Words;
}

const english = wordsFor('en');
const arabic = wordsFor('ar', 'en');
const desktop = { width: 720, height: 600 };
const phone = { width: 375, height: 700 };

/** How each page is shown, in the order of the sheet. */
const views: readonly View[] = [
  { label: 'Desktop, light', look: desktop, words: english },
  { label: 'Desktop, dark', look: { ...desktop, dark: true }, words: english },
  { label: 'Phone, light', look: phone, words: english },
  { label: 'Phone, dark', look: { ...phone, dark: true }, words: english },
  { label: 'Phone, from right to left', look: { ...phone, rtl: true }, words: arabic },
];

/** Pictures of pages, each on one sheet in every view. */
export interface Sheets {
  /** A JPEG. */
  take(sample: Sample): Promise<Buffer>;
}

export async function openSheets(browser: TestBrowser, server: PageServer): Promise<Sheets> {
  const pages = await Promise.all(views.map(({ look }) => browser.newPage(look)));
  const canvas = await browser.newPage({ width: 884, height: 900 });
  return {
    take: async ([, render]) => {
      const pictures: string[] = [];
      for (const [at, page] of pages.entries())
        pictures.push(await pictureOf(page, server, still(render(plainTexts, views[at]?.words))));
      await canvas.setContent(sheet(pictures));
      await canvas
        .locator('img')
        .last()
        .evaluate((image: HTMLImageElement) => image.decode());
      return canvas.locator('main').screenshot({ type: 'jpeg', quality: 70 });
    },
  };
}

async function pictureOf(page: Page, server: PageServer, markup: string): Promise<string> {
  server.put('/page', { text: markup });
  await page.goto(`${server.origin}/page`);
  const picture = await page.screenshot({ fullPage: true, animations: 'disabled' });
  return picture.toString('base64');
}

function sheet(pictures: readonly string[]): string {
  const figures = pictures.map(
    (picture, at) =>
      `<figure><figcaption>${views[at]?.label}</figcaption><img alt="" src="data:image/png;base64,${picture}"></figure>`,
  );
  const rows = [figures.slice(0, 2), figures.slice(2)].map((row) => `<div>${row.join('')}</div>`);
  return `<!doctype html><style>${STYLE}</style><main>${rows.join('')}</main>`;
}

const STYLE = `
body{margin:0}
main{display:grid;gap:18px;width:848px;padding:18px;background:#c9d0cc;font:500 13px/1 system-ui,sans-serif;color:#18211e}
div{display:flex;align-items:flex-start;gap:18px}
figure{flex:1;margin:0}
figcaption{margin:0 0 8px}
img{display:block;width:100%;border-radius:10px}
`;
