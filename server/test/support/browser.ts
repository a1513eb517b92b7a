import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

export interface PageOptions {
  /** Pages must be complete without scripts; `false` turns them off for the page, not for the test. */
  javaScript?: boolean;
  dark?: boolean;
  /** CSS pixels. */
  width?: number;
  height?: number;
  /** Turns the document right to left, as for a person who reads Arabic. */
  rtl?: boolean;
  /** Device pixels to a CSS pixel: 4 is a zoom of 400 %. */
  scale?: number;
  /** The colours of the system in place of those of the page, as in a contrast theme. */
  forcedColors?: boolean;
  /** Takes a certificate that nobody knows, as that of a test is. */
  anyCertificate?: boolean;
}

export interface TestBrowser {
  /** A page in a context of its own: its cookies are shared with no other page. */
  newPage(options?: PageOptions): Promise<Page>;
  /** A context, for stories with two tabs of the same person. */
  newContext(options?: PageOptions): Promise<BrowserContext>;
  close(): Promise<void>;
}

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

/** Starts the Chromium that the machine has; `POSTERN_TEST_BROWSER` names another one. */
export async function openBrowser(): Promise<TestBrowser> {
  const executablePath = process.env.POSTERN_TEST_BROWSER ?? '/usr/bin/chromium';
  const browser = await chromium.launch({ executablePath, args: ARGUMENTS });
  const newContext = (options: PageOptions = {}) => contextOf(browser, options);
  return {
    newContext,
    newPage: async (options) => (await newContext(options)).newPage(),
    close: () => browser.close(),
  };
}

async function contextOf(browser: Browser, options: PageOptions): Promise<BrowserContext> {
  const context = await browser.newContext({
    javaScriptEnabled: options.javaScript ?? true,
    colorScheme: options.dark ? 'dark' : 'light',
    viewport: { width: options.width ?? 1280, height: options.height ?? 800 },
    deviceScaleFactor: options.scale ?? 1,
    forcedColors: options.forcedColors ? 'active' : 'none',
    locale: 'en-GB',
    ignoreHTTPSErrors: options.anyCertificate ?? false,
  });
  if (options.rtl) await context.addInitScript(turnRightToLeft);
  return context;
}

/** Runs before the page is parsed, and turns it before it is shown. */
function turnRightToLeft(): void {
  const turn = () => {
    if (document.documentElement?.dir === 'ltr') document.documentElement.dir = 'rtl';
  };
  new MutationObserver(turn).observe(document, { childList: true });
}
