import type { Mailbox } from './mailbox.ts';
import type { TestServer } from './server.ts';

interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly path: string;
  /** An instant; the jar forgets the cookie then. */
  readonly expiresAt: number;
}

/** Where a browser ended: on a page of ours, or sent away to an app. */
export interface Landing {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
  /** The address elsewhere that the redirect or the page leads to, with what a form would post as its query. */
  readonly away?: URL;
}

/** A browser without scripts, in this process: keeps cookies by path and age, and counts its requests. */
export class AppBrowser {
  requests = 0;
  readonly #origin: string;
  #cookies: Cookie[] = [];

  constructor(server: { url: string }) {
    this.#origin = server.url;
  }

  /** Follows redirects within the server, as an address typed or a link clicked would. */
  async open(url: string, headers: Record<string, string> = {}): Promise<Landing> {
    let at = new URL(url, this.#origin).href;
    for (let hops = 0; hops < 10; hops += 1) {
      const landing = await this.send(at, { headers });
      const location = landing.headers.get('location');
      if (location === null || landing.away) return landing;
      at = new URL(location, at).href;
    }
    throw new Error(`too many redirects from ${url}`);
  }

  /** Posts the form of a page whose action ends in `to`, with its hidden fields and the given ones. */
  async submit(page: Landing, to: string, fields: Record<string, string> = {}): Promise<Landing> {
    const form = formsOf(page.body).find(({ action }) => action.endsWith(to));
    if (form === undefined) throw new Error(`no form leads to ${to} on ${titleOf(page)}`);
    const answer = await this.post(form.action, { ...form.fields, ...fields });
    const location = answer.headers.get('location');
    return location === null || answer.away ? answer : this.open(new URL(location, answer.url).href);
  }

  post(url: string, fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Landing> {
    return this.send(new URL(url, this.#origin).href, {
      method: 'POST',
      headers: { origin: this.#origin, 'sec-fetch-site': 'same-origin', ...headers },
      body: new URLSearchParams(fields),
    });
  }

  /** One request with the cookies that belong to it; redirects are left to the caller. */
  async send(url: string, init: RequestInit & { headers?: Record<string, string> } = {}): Promise<Landing> {
    this.requests += 1;
    const cookie = this.#cookieHeader(new URL(url).pathname);
    const headers = { accept: 'text/html', ...(cookie !== '' && { cookie }), ...init.headers };
    const response = await fetch(url, { redirect: 'manual', ...init, headers });
    for (const line of response.headers.getSetCookie()) this.#keep(line);
    const landing = {
      url,
      status: response.status,
      headers: response.headers,
      body: await response.text(),
    };
    const away = awayOf(landing, this.#origin);
    return away === undefined ? landing : { ...landing, away };
  }

  cookie(name: string): string | undefined {
    return this.#cookies.find((cookie) => cookie.name === name)?.value;
  }

  #cookieHeader(path: string): string {
    const due = this.#cookies.filter((cookie) => cookie.expiresAt > Date.now() && isBelow(path, cookie.path));
    return due.map(({ name, value }) => `${name}=${value}`).join('; ');
  }

  #keep(line: string): void {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
    const attribute = (name: string) =>
      attributes.find((one) => one.toLowerCase().startsWith(`${name}=`))?.slice(name.length + 1);
    const name = pair.slice(0, pair.indexOf('='));
    const path = attribute('path') ?? '/';
    const maxAge = attribute('max-age');
    const expires = attribute('expires');
    const expiresAt =
      maxAge !== undefined
        ? Date.now() + Number(maxAge) * 1000
        : expires === undefined
          ? Number.POSITIVE_INFINITY
          : Date.parse(expires);
    this.#cookies = this.#cookies.filter((cookie) => cookie.name !== name || cookie.path !== path);
    if (expiresAt > Date.now())
      this.#cookies.push({ name, value: pair.slice(name.length + 1), path, expiresAt });
  }
}

function isBelow(path: string, cookiePath: string): boolean {
  return cookiePath === '/' || path === cookiePath || path.startsWith(`${cookiePath}/`);
}

function awayOf(landing: Landing, origin: string): URL | undefined {
  const elsewhere = (target: string | null | undefined) => {
    const url = target ? URL.parse(target, landing.url) : null;
    return url === null || url.origin === origin ? undefined : url;
  };
  const refresh = /<meta http-equiv="refresh" content="0;url=([^"]*)">/.exec(landing.body)?.[1];
  const away = elsewhere(landing.headers.get('location')) ?? elsewhere(refresh && decodeEntities(refresh));
  if (away !== undefined) return away;
  const [form] = formsOf(landing.body);
  const target = elsewhere(form?.action);
  for (const [name, value] of Object.entries(form?.fields ?? {})) target?.searchParams.set(name, value);
  return target;
}

interface Form {
  readonly action: string;
  readonly fields: Record<string, string>;
}

/** The forms of a page, with the values that their fields already have. */
export function formsOf(html: string): Form[] {
  return [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)].map(([, tag = '', inside = '']) => ({
    action: attributeOf(tag, 'action') ?? '',
    fields: Object.fromEntries(
      [...inside.matchAll(/<input\b([^>]*)>/g)]
        .filter(([, input = '']) => isSent(input))
        .map(([, input = '']) => [attributeOf(input, 'name') ?? '', attributeOf(input, 'value') ?? '']),
    ),
  }));
}

function isSent(input: string): boolean {
  return attributeOf(input, 'type') !== 'checkbox' || / checked\b/.test(input);
}

function attributeOf(tag: string, name: string): string | undefined {
  const value = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1];
  return value === undefined ? undefined : decodeEntities(value);
}

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

export function decodeEntities(text: string): string {
  return text.replace(/&(#x[\da-f]+|#\d+|\w+);/gi, (whole, name: string) => {
    if (name.startsWith('#x') || name.startsWith('#X'))
      return String.fromCodePoint(Number.parseInt(name.slice(2), 16));
    if (name.startsWith('#')) return String.fromCodePoint(Number(name.slice(1)));
    return NAMED[name] ?? whole;
  });
}

export function titleOf(page: { body: string }): string {
  return decodeEntities(/<title>([^<]*)<\/title>/.exec(page.body)?.[1] ?? page.body.slice(0, 200));
}

export interface SignIn {
  readonly server: TestServer;
  readonly mailbox: Mailbox;
  /** The authorization URL that the app sends the browser to. */
  readonly url: string;
  /** A new address each time by default: one address gets only so many mails a minute. */
  readonly email?: string;
  readonly by?: 'code' | 'link';
  /** A browser that has been here before; a new one by default. */
  readonly browser?: AppBrowser;
}

export interface SignedIn {
  /** The address at the app, with what came along: code, state, iss. */
  readonly callback: URL;
  readonly browser: AppBrowser;
  /** HTTP requests of the browser, from the authorization request on. */
  readonly requests: number;
}

let addresses = 0;

export function newAddress(): string {
  addresses += 1;
  return `person-${addresses}@example.com`;
}

/** Carries a person through the hosted pages, from the authorization request to the app's callback. */
export async function signIn(how: SignIn): Promise<SignedIn> {
  const browser = how.browser ?? new AppBrowser(how.server);
  const before = browser.requests;
  const first = await browser.open(how.url);
  const last = first.away ? first : await prove(browser, first, how);
  if (last.away === undefined) throw new Error(`the sign-in stopped at "${titleOf(last)}"`);
  return { callback: last.away, browser, requests: browser.requests - before };
}

/** From the page that asks for the address to the answer that leads to the app. */
export async function prove(browser: AppBrowser, page: Landing, how: Omit<SignIn, 'url'>): Promise<Landing> {
  const email = how.email ?? newAddress();
  const sent = how.mailbox.to(email).length;
  const asked = await browser.submit(page, '/start', { email });
  await how.server.mailIdle();
  const mail = how.mailbox.to(email)[sent];
  if (mail === undefined) throw new Error(`no mail came to ${email}: "${titleOf(asked)}"`);
  if (how.by !== 'link') return browser.submit(asked, '/code', { code: mail.facts?.code ?? '' });
  const link = new URL(mail.facts?.link ?? '');
  return browser.submit(await browser.open(link.href), link.pathname);
}
