import assert from 'node:assert/strict';
import type { BrowserContext, ConsoleMessage, Page } from 'playwright-core';
import type { OutgoingMail } from '../../src/mail/transport.ts';
import type { SettingValues } from '../../src/settings/definitions.ts';
import { openBrowser, type PageOptions, type TestBrowser } from './browser.ts';
import type { FakeClock } from './clock.ts';
import { createMailbox } from './mailbox.ts';
import { authorizeUrl } from './oauth-requests.ts';
import { openPageServer, type PageServer } from './page-server.ts';
import { startTestServer } from './server.ts';
import type { Site } from './sign-in-steps.ts';

/** An app that a browser can come back to. */
export interface App {
  readonly name: string;
  readonly id: string;
  readonly secret: string;
  readonly redirectUri: string;
}

/** The whole server, two apps and a browser, for stories of people. */
export interface Stage extends Site {
  readonly apps: PageServer;
  readonly acme: App;
  readonly globex: App;
  readonly browser: TestBrowser;
  /** Somebody at a browser of their own. */
  arrive(options?: PageOptions): Promise<Person>;
  /** The newest mail to an address, once everything that was asked for has been sent. */
  mailTo(email: string): Promise<OutgoingMail & { readonly code: string; readonly link: string }>;
  /** Ends the browsers of all who have arrived, and complains if one of their pages did. */
  empty(): Promise<void>;
  close(): Promise<void>;
}

export interface Person {
  readonly context: BrowserContext;
  readonly page: Page;
  readonly javaScript: boolean;
}

export interface StageOptions {
  readonly settings?: Partial<SettingValues>;
  readonly clock?: FakeClock;
}

export async function openStage(options: StageOptions = {}): Promise<Stage> {
  const mailbox = createMailbox();
  const [server, apps, browser] = await Promise.all([
    startTestServer({ transport: mailbox.transport, ...options }),
    openPageServer(),
    openBrowser(),
  ]);
  const register = async (name: string): Promise<App> => {
    const redirectUri = `${apps.origin}/${name.toLowerCase()}/callback`;
    const initiateLoginUri = `https://${name.toLowerCase()}.example/sign-in`;
    const wanted = { name, redirectUris: [redirectUri], initiateLoginUri };
    const { client, clientSecret = '' } = await server.rooms.clients.create(wanted);
    return { name, id: client.id, secret: clientSecret, redirectUri };
  };
  const [acme, globex] = [await register('Acme'), await register('Globex')];
  const people: Person[] = [];
  const complaints: string[] = [];
  return {
    server,
    mailbox,
    apps,
    acme,
    globex,
    browser,
    arrive: async (look = {}) => {
      const context = await browser.newContext(look);
      context.setDefaultTimeout(10_000);
      listen(context, complaints);
      await context.route('https://*.example/**', (route) => route.fulfill({ body: 'An app' }));
      const person = { context, page: await context.newPage(), javaScript: look.javaScript ?? true };
      people.push(person);
      return person;
    },
    mailTo: async (email) => {
      await server.mailIdle();
      const mail = mailbox.to(email).at(-1) ?? assert.fail(`no mail came to ${email}`);
      return { ...mail, code: mail.facts?.code ?? '', link: mail.facts?.link ?? '' };
    },
    empty: async () => {
      await Promise.all(people.splice(0).map(({ context }) => context.close()));
      assert.deepEqual(complaints.splice(0), []);
    },
    close: async () => {
      await Promise.all([browser.close(), apps.close(), server.stop()]);
    },
  };
}

/** Errors of scripts and everything on the console, which is where a browser says what the policy refused. */
function listen(context: BrowserContext, complaints: string[]): void {
  context.on('weberror', (error) => complaints.push(String(error.error())));
  context.on('console', (message) => {
    if (!isStatus(message)) complaints.push(`${message.type()}: ${message.text()}`);
  });
}

/** A browser reports every answer from 400 on, which is how pages with something to correct come. */
function isStatus(message: ConsoleMessage): boolean {
  return /^Failed to load resource: the server responded with a status of 4\d\d /.test(message.text());
}

/** Opens an app's authorization request: Acme's, unless another one is named. */
export async function askToSignIn(
  stage: Stage,
  { page }: { page: Page },
  { app = stage.acme, ...params }: { app?: App; state?: string; login_hint?: string; prompt?: string } = {},
): Promise<void> {
  await page.goto(authorizeUrl({ ...stage.server, app: { ...stage.server.app, ...app } }, params));
}

/** Presses the button with exactly this text, or the one that leads on. */
export async function press({ page }: { page: Page }, name = 'Continue'): Promise<void> {
  await page.getByRole('button', { name, exact: true }).click();
}

/** Fills in the address and waits for the page that asks for the code. */
export async function giveAddress(person: Person, email: string): Promise<void> {
  await person.page.fill('input[name="email"]', email);
  await press(person);
  await codeField(person).waitFor();
}

export function codeField({ page }: { page: Page }) {
  return page.locator('input[data-scope="pin-input"][data-part="input"]');
}

/** Types the code as keys; the page goes on by itself where it can. */
export async function giveCode(person: Person, code: string): Promise<void> {
  await codeField(person).fill(code);
  if (!person.javaScript) await press(person);
}

/** The heading that a page shows, once it does. */
export async function heading({ page }: { page: Page }, name: string | RegExp): Promise<void> {
  await page.getByRole('heading', { level: 1, name }).waitFor();
}

/** What the app got in the end. */
export async function backAtApp(person: { page: Page }, app: App): Promise<Record<string, string>> {
  await person.page.waitForURL((url) => url.href.startsWith(`${app.redirectUri}?`));
  return Object.fromEntries(new URL(person.page.url()).searchParams);
}

/** The app got a code for the request that it had made. */
export async function assertSignedIn(person: { page: Page }, app: App, state = 'a state'): Promise<void> {
  const answer = await backAtApp(person, app);
  assert.equal(answer.state, state);
  assert.match(answer.code ?? '', /^[\w-]{20,}$/, JSON.stringify(answer));
}
