import { recentEvents } from '../../src/events/store.ts';
import type { OutgoingMail } from '../../src/mail/transport.ts';
import { AppBrowser, formsOf, type Landing, titleOf } from './app-client.ts';
import { codeIn, linkIn, type Mailbox } from './mailbox.ts';
import { authorizeUrl } from './oauth-requests.ts';
import type { TestServer } from './server.ts';

/** The server, and where its mails arrive. */
export interface Site {
  readonly server: TestServer;
  readonly mailbox: Mailbox;
}

/** A sign-in that waits for its mail to be read. */
export interface Asked {
  readonly browser: AppBrowser;
  /** The page that the form with the address led to. */
  readonly page: Landing;
  /** `/interaction/…` */
  readonly home: string;
  /** The mail that this form caused. */
  readonly mail: OutgoingMail | undefined;
  readonly code: string;
  /** `/l/…` */
  readonly link: string;
}

export interface Asking {
  readonly browser?: AppBrowser;
  readonly params?: Readonly<Record<string, string | undefined>>;
  /** For every request, as `x-forwarded-for` behind a proxy. */
  readonly headers?: Record<string, string>;
}

let people = 0;

/** An address that nobody in this process has used: it meets no limit. */
export function someone(): string {
  people += 1;
  return `person${people}@acme.com`;
}

/** Opens the app's authorization request: the page, and the address of its interaction. */
export async function begin({ server }: Site, how: Asking = {}) {
  const browser = how.browser ?? new AppBrowser(server);
  const page = await browser.open(authorizeUrl(server, how.params), how.headers);
  return { browser, page, home: homeOf(page) };
}

/** Asks for a mail to an address, and reads what came of it. */
export async function ask(site: Site, email: string, how: Asking = {}): Promise<Asked> {
  const { browser, home } = await begin(site, how);
  return askAgain(site, { browser, home }, { path: 'start', fields: { email }, ...how });
}

/** Posts a form below an interaction and reads the mail that it caused, if it did. */
export async function askAgain(
  { server, mailbox }: Site,
  at: { browser: AppBrowser; home: string },
  form: { path: string; fields?: Record<string, string>; headers?: Record<string, string> },
): Promise<Asked> {
  const sent = mailbox.mails.length;
  const page = await at.browser.post(`${at.home}/${form.path}`, form.fields ?? {}, form.headers);
  await server.mailIdle();
  const mail = mailbox.mails.slice(sent).at(-1);
  const link = mail && /\/l\//.test(mail.text) ? linkIn(mail) : '';
  return { ...at, page, mail, code: mail ? codeIn(mail) : '', link };
}

/** Types a code into the page of an interaction. */
export function enter(
  at: { browser: AppBrowser; home: string },
  code: string,
  headers = {},
): Promise<Landing> {
  return at.browser.post(`${at.home}/code`, { code }, headers);
}

/** The address of the interaction that a page belongs to. */
export function homeOf(page: Landing): string {
  const home = /\/interaction\/[\w-]+/.exec(page.body)?.[0];
  if (home === undefined) throw new Error(`the page "${titleOf(page)}" belongs to no interaction`);
  return home;
}

/** Another code of the same length: wrong, and a different one for each `by`. */
export function wrongCode(code: string, by = 1): string {
  const number = (Number(code) + by) % 10 ** code.length;
  return String(number).padStart(code.length, '0');
}

/** Whether the app got a code for this sign-in. */
export function isSignedIn(landing: Landing): boolean {
  return landing.away?.searchParams.has('code') ?? false;
}

/** The types of what happened since the last call, oldest first. */
export function eventReader(server: TestServer): () => Promise<string[]> {
  let seen = 0;
  return async () => {
    const events = await server.rooms.database.read((q) => recentEvents(q, 100_000));
    const fresh = events.slice(0, events.length - seen).toReversed();
    seen = events.length;
    return fresh.map(({ type }) => type);
  };
}

/** Every row of the tables that a sign-in touches, as text: equal texts mean that nothing was written. */
export async function stateOf(server: TestServer): Promise<Record<string, string>> {
  const tables = [
    'attempts',
    'attempt_mails',
    'outbox',
    'limits',
    'oidc_records',
    'events',
    'users',
  ] as const;
  const contents = await server.rooms.database.read(async (q) => {
    const found: [string, string][] = [];
    for (const table of tables) {
      const rows = await q.selectFrom(table).selectAll().execute();
      found.push([table, JSON.stringify(rows.map((row) => JSON.stringify(row)).toSorted())]);
    }
    return found;
  });
  return Object.fromEntries(contents);
}

/** The authorization request that the forms of a page carry, sealed. */
export function sealedIn(page: Landing): string {
  const sealed = formsOf(page.body).find(({ fields }) => fields.request)?.fields.request;
  if (sealed === undefined) throw new Error('no form of this page carries a request');
  return sealed;
}

/** Posts as a browser does: a 307 is the same form once more, a 303 a page to open. */
export async function postOn(
  browser: AppBrowser,
  url: string,
  fields: Record<string, string>,
): Promise<Landing> {
  const answer = await browser.post(url, fields);
  const location = answer.headers.get('location');
  if (location === null || answer.away) return answer;
  return answer.status === 307 ? postOn(browser, location, fields) : browser.open(location);
}

/** Where a sign-in has come to at the app: its address there with the parameters, however they travel. */
export function answerOf(landing: Landing): Record<string, string> {
  const { away } = landing;
  if (away === undefined) return {};
  return Object.fromEntries(new URLSearchParams(away.hash ? away.hash.slice(1) : away.search));
}
