// What the product shows and stores, in the words of the model.
import english from '../../languages/en.json' with { type: 'json' };
import { type Landing, titleOf } from '../support/app-client.ts';
import type { TestServer } from '../support/server.ts';
import { APPS } from './app-rules.ts';
import { shows, type World } from './sign-in-rules.ts';

/** The pages by their titles, whatever these say in this release. */
const TITLES = {
  email: ['email.title'],
  code: ['code.title'],
  continue: ['continue.title'],
  locked: ['stopped.locked_title'],
  expired: ['stopped.expired_title'],
  'mails spent': ['stopped.mails_spent_title'],
  stopped: ['stopped.disowned_title', 'link.stopped_title'],
  done: ['done.title'],
  lost: ['lost.title'],
  'link elsewhere': ['link.elsewhere_title'],
  'link elsewhere and bound': ['link.elsewhere_title_bound'],
  'link used': ['link.used_title'],
  'link expired': ['link.expired_title'],
  'link superseded': ['link.superseded_title'],
  'link unknown': ['link.unknown_title'],
  disown: ['disown.title'],
  disowned: ['disown.done_title'],
  'sign out': ['sign_out.title'],
  'signed out': ['signed_out.title'],
  refused: ['error.title'],
} as const satisfies Record<string, readonly (keyof typeof english)[]>;

/** What there is to come to, on pages and at apps. */
export const ENDS: readonly string[] = [
  ...Object.keys(TITLES).filter((page) => page !== 'sign out'),
  ...APPS.map((app) => `${app} gets a code`),
  ...APPS.map((app) => `${app} gets access_denied`),
  'choice',
  'Acme gets login_required',
  'tokens',
  'no tokens',
  'same',
];

const pages = new Map<string, string>(
  Object.entries(TITLES).flatMap(([page, keys]) => keys.map((key) => [english[key], page] as const)),
);

/** The page or the app that a browser has come to, as one line. */
export function seenIn(landing: Landing): string {
  const { away } = landing;
  if (away) {
    const { searchParams: answer } = away;
    return `${appAt(away)} gets ${answer.has('code') ? 'a code' : answer.get('error')}`;
  }
  const whole = titleOf(landing).replace(`${english['page.error']} `, '');
  const title = APPS.reduce(
    (text, app) => text.replace(new RegExp(` - ${app}$`), '').replace(app, '{app}'),
    whole,
  );
  if (landing.body.includes('/keep"')) return shows('choice', landing.status); // its title is that of another page
  const page = shows(pages.get(title) ?? `"${title}"`, landing.status);
  const code = page.startsWith('link elsewhere ') ? codeShown(landing) : undefined;
  return code === undefined ? page : `${page} ${code}`;
}

/** Each app waits at a path with its name. */
function appAt(url: URL): string {
  return APPS.find((app) => url.pathname === `/${app}`) ?? url.href;
}

/** The code on the page of a link that was opened elsewhere. */
export function codeShown({ body }: Landing): string | undefined {
  const shown = /<p class="shown" dir="ltr">(.*?)<\/p>/.exec(body)?.[1];
  return shown?.replace(/<[^>]*>/g, '');
}

/** What counts in the store, of everything that was written since `since`. */
export interface Facts {
  readonly attempts: readonly string[];
  readonly mailsHeld: number;
  readonly mailsSent: number;
  readonly events: Record<string, number>;
}

export function factsWanted(world: World): Facts {
  const attempts = world.attempts.map(
    (attempt) =>
      `${attempt.to} ${world.stateOf(attempt)}, ${attempt.askedAt.length} mails, ${attempt.wrong.size} wrong`,
  );
  const { mailsHeld, letters, events } = world;
  return { attempts, mailsHeld, mailsSent: letters.length, events: sorted(events) };
}

/** Not those of the owner, and not those of the guard, which counts in real time. */
const OF_SIGN_INS = /^(?:attempt|mail|session|token|user)\./;

/** Identifiers are in the order of time: rows since an instant are those with a higher one. */
export async function factsStored(server: TestServer, since: number, now: number): Promise<Facts> {
  const from = (prefix: string) => `${prefix}_${BigInt(since) * 1_000_000n}`;
  return server.rooms.database.read(async (q) => {
    const attempts = await q
      .selectFrom('attempts')
      .select(['email', 'state', 'mails', 'wrong_guesses', 'expires_at', 'disowned_at'])
      .where('id', '>=', from('req'))
      .orderBy('id')
      .execute();
    const mails = await q.selectFrom('outbox').select('state').where('id', '>=', from('msg')).execute();
    const events = await q.selectFrom('events').select('type').where('id', '>=', from('evt')).execute();
    return {
      attempts: attempts.map((row) => described(row, now)),
      mailsHeld: mails.filter(({ state }) => state === 'held').length,
      mailsSent: mails.filter(({ state }) => state === 'sent').length,
      events: sorted(countsOf(events.map(({ type }) => type).filter((type) => OF_SIGN_INS.test(type)))),
    };
  });
}

interface AttemptRow {
  readonly email: string;
  readonly state: string;
  readonly mails: number;
  readonly wrong_guesses: string;
  readonly expires_at: number;
  readonly disowned_at: number | null;
}

function described(row: AttemptRow, now: number): string {
  const isOpen = row.state === 'pending' || row.state === 'satisfied';
  const state = isOpen && now >= row.expires_at ? 'expired' : row.disowned_at ? 'disowned' : row.state;
  const wrong = (row.wrong_guesses.match(/"[^"]+"/g) ?? []).length;
  return `${/^[a-z]+/.exec(row.email)} ${state}, ${row.mails} mails, ${wrong} wrong`;
}

function countsOf(types: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const type of types) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}

function sorted(counts: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).toSorted(([a], [b]) => a.localeCompare(b)));
}
