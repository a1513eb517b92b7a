// The server and those who use it: browsers, apps, mailboxes and the clock, for one sequence after the other.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OutgoingMail } from '../../src/mail/transport.ts';
import type { SettingValues } from '../../src/settings/definitions.ts';
import { AppBrowser, formsOf, type Landing } from '../support/app-client.ts';
import type { FakeClock } from '../support/clock.ts';
import { codeIn, createMailbox, linkIn, notMeIn } from '../support/mailbox.ts';
import { postForm } from '../support/oauth-requests.ts';
import { freePort, startTestServer, type TestServer, type TestServerOptions } from '../support/server.ts';
import { homeOf, postOn } from '../support/sign-in-steps.ts';
import { APPS, type App, PEOPLE, type Who } from './app-rules.ts';
import { type Facts, factsStored, seenIn } from './seen.ts';
import type { Mail, Rules, Visit, World } from './sign-in-rules.ts';

type Start = (options?: TestServerOptions) => Promise<TestServer>;

export interface SceneOptions {
  readonly rules: Rules;
  readonly clock: FakeClock;
  /** A SQLite file of its own where none is given. */
  readonly database?: string;
  /** Another build of the server, for those who want to see the model fail. */
  readonly start?: Start;
}

interface Registered {
  readonly id: string;
  readonly secret: string;
}

/** Where the app gets its answers: nobody listens there. */
const redirectUri = (app: App) => `http://localhost:9/${app}`;

/** A code of the longest length never grows while there is an alarm, and nobody meets it by chance. */
function settingsOf(rules: Rules): Partial<SettingValues> {
  return {
    'passwordless.code_length': 10,
    'passwordless.regenerate_on_resend': rules.newestOnly,
    'passwordless.enforce_same_browser': rules.sameBrowserOnly,
    'limits.guesses_per_attempt': rules.guessesMax,
    'limits.resend_after_seconds': rules.pauseSeconds,
    'limits.mails_per_address_minute': rules.mailsPerMinute,
    'limits.puzzles': false,
  };
}

/** Starts the server for many sequences; `restart` ends it and starts it over the same database and address. */
export async function openScene(options: SceneOptions): Promise<Scene> {
  const { clock, start = startTestServer } = options;
  const folder = mkdtempSync(join(tmpdir(), 'postern-model-'));
  const mailbox = createMailbox();
  const listen = { host: '127.0.0.1', port: await freePort() };
  const database = options.database ?? `sqlite:${join(folder, 'postern.db')}`;
  const begin = () =>
    start({
      clock,
      transport: mailbox.transport,
      database,
      settings: settingsOf(options.rules),
      config: { listen },
    });
  const server = await begin();
  const apps = new Map<App, Registered>();
  for (const name of APPS) {
    const made = await server.rooms.clients.create({ name, redirectUris: [redirectUri(name)] });
    apps.set(name, { id: made.client.id, secret: made.clientSecret ?? '' });
  }
  return new Scene({
    clock,
    mailbox,
    apps,
    server,
    begin,
    cleanUp: () => rmSync(folder, { recursive: true }),
  });
}

interface SceneParts {
  readonly clock: FakeClock;
  readonly mailbox: ReturnType<typeof createMailbox>;
  readonly apps: ReadonlyMap<App, Registered>;
  readonly begin: () => Promise<TestServer>;
  readonly cleanUp: () => void;
  server: TestServer;
}

export class Scene {
  /** What commands have come to, to see that they come to everything. */
  readonly reached = new Set<string>();
  played = 0;
  readonly #parts: SceneParts;
  readonly #browsers = new Map<Who, AppBrowser>();
  #sequence = 0;
  #since = 0;

  constructor(parts: SceneParts) {
    this.#parts = parts;
  }

  /** New browsers and addresses, at an instant after all that has happened. */
  reset(): number {
    const { clock, mailbox, server } = this.#parts;
    clock.advance(120_000);
    mailbox.mails.length = 0;
    this.#sequence += 1;
    this.#since = clock.now();
    for (const who of PEOPLE) this.#browsers.set(who, new AppBrowser(server));
    return this.#since;
  }

  get since(): number {
    return this.#since;
  }

  async close(): Promise<void> {
    await this.#parts.server.stop();
    this.#parts.cleanUp();
  }

  /** The process ends, and another one goes on with its database. */
  async restart(): Promise<void> {
    await this.#parts.server.stop();
    this.#parts.server = await this.#parts.begin();
  }

  setClock(to: number): void {
    this.#parts.clock.set(to);
  }

  addressOf(who: Who): string {
    return `${who}${this.#sequence}@acme.com`;
  }

  open(who: Who, app: App, params: Record<string, string> = {}): Promise<Landing> {
    const query = {
      response_type: 'code',
      client_id: this.#app(app).id,
      redirect_uri: redirectUri(app),
      scope: 'openid email offline_access',
      state: 'a state',
      ...params,
    };
    return this.#browser(who).open(`/oauth/authorize?${new URLSearchParams(query)}`);
  }

  /** A form of a page: in the browser that it was made for with the request that it carries. */
  async post(
    visit: Visit,
    by: Who,
    form: { step: string; fields?: Record<string, string> },
  ): Promise<Landing> {
    const request = by === visit.browser ? { request: visit.sealed } : {};
    const landing = await postOn(this.#browser(by), `${visit.home}/${form.step}`, {
      ...request,
      ...form.fields,
    });
    await this.#parts.server.mailIdle();
    return landing;
  }

  /** A form without fields, as it is on the pages of links. */
  async send(path: string, by: Who, form: { fields?: Record<string, string>; from?: 'elsewhere' } = {}) {
    const { fields = {}, from } = form;
    const foreign = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
    if (from) return this.#browser(by).post(path, fields, foreign);
    const landing = await postOn(this.#browser(by), path, fields);
    await this.#parts.server.mailIdle();
    return landing;
  }

  /** An address that is opened: by somebody's browser, or by a program that keeps no cookies. */
  get(path: string, by: Who | 'scanner', method = 'GET'): Promise<Landing> {
    const { server } = this.#parts;
    const browser = by === 'scanner' ? new AppBrowser(server) : this.#browser(by);
    return method === 'GET' ? browser.open(path) : browser.send(`${server.url}${path}`, { method });
  }

  /** The button of a page outside a sign-in. */
  submit(who: Who, page: Landing, to: string): Promise<Landing> {
    return this.#browser(who).submit(page, to);
  }

  redeem(code: string, by: App, of: App): Promise<TokenReply> {
    return this.#token(by, { grant_type: 'authorization_code', code, redirect_uri: redirectUri(of) });
  }

  refresh(token: string, by: App): Promise<TokenReply> {
    return this.#token(by, { grant_type: 'refresh_token', refresh_token: token });
  }

  /** Gives the world the names by which the product calls what has just come into being there. */
  learn(world: World, landing: Landing | undefined): void {
    const visit = world.visits.at(-1);
    if (visit?.home === '' && landing) {
      visit.home = homeOf(landing);
      visit.sealed = formsOf(landing.body).find(({ fields }) => fields.request)?.fields.request ?? '';
    }
    const code = world.apps.codes.at(-1);
    if (code?.value === '') code.value = landing?.away?.searchParams.get('code') ?? '';
    const { mails } = this.#parts.mailbox;
    for (const [at, arrived] of mails.entries()) {
      const letter = world.letters[at];
      if (letter === undefined) throw new Error(`a mail that nobody asked for came to ${arrived.to}`);
      if (arrived.to !== this.addressOf(letter.to)) throw new Error(`a mail went astray to ${arrived.to}`);
      if (letter.mail) readInto(letter.mail, arrived);
      else if (/\d{10}|\/l\//.test(arrived.text))
        throw new Error('a mail that only tells holds a code or a link');
    }
    if (mails.length < world.letters.length) throw new Error('a mail did not come');
  }

  /** What is seen in the middle of a command. */
  told(world: World, seen: Landing | string): string {
    if (typeof seen === 'string') return seen;
    this.learn(world, seen);
    return seenIn(seen);
  }

  facts(): Promise<Facts> {
    return factsStored(this.#parts.server, this.#since, this.#parts.clock.now());
  }

  async #token(by: App, fields: Record<string, string>): Promise<TokenReply> {
    const { id, secret } = this.#app(by);
    const url = `${this.#parts.server.url}/oauth/token`;
    const { status, body } = await postForm(url, { client_id: id, client_secret: secret, ...fields });
    return { status, body };
  }

  #app(name: App): Registered {
    return this.#parts.apps.get(name) ?? { id: '', secret: '' };
  }

  #browser(who: Who): AppBrowser {
    const browser = this.#browsers.get(who);
    if (browser === undefined) throw new Error('the scene was not reset');
    return browser;
  }
}

function readInto(mail: Mail, arrived: OutgoingMail): void {
  mail.code = codeIn(arrived);
  mail.link = linkIn(arrived);
  mail.notMe = notMeIn(arrived);
}

export interface TokenReply {
  readonly status: number;
  readonly body: Record<string, unknown>;
}
