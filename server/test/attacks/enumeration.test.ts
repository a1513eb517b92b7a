import assert from 'node:assert/strict';
import { StatementSync } from 'node:sqlite';
import { after, before, describe, it } from 'node:test';
import { parseEmail } from '../../src/core/email.ts';
import { puzzleIn, solved } from '../fixtures/puzzles.ts';
import type { AppBrowser } from '../support/app-client.ts';
import { createMailbox } from '../support/mailbox.ts';
import { exchange, type RawAnswer } from '../support/raw-http.ts';
import { startTestServer } from '../support/server.ts';
import {
  ask,
  askAgain,
  begin,
  enter,
  isSignedIn,
  type Site,
  someone,
  wrongCode,
} from '../support/sign-in-steps.ts';

/** Addresses of equal length whose answers must not be told apart. */
const PEOPLE = {
  known: 'known@allowed.example',
  unknown: 'fresh@allowed.example',
  disabled: 'goner@allowed.example',
  'not allowed to sign up': 'fresh@blocked.example',
  'past the limit of mails': 'often@allowed.example',
} as const;
type Kind = keyof typeof PEOPLE;
const KINDS = Object.keys(PEOPLE) as Kind[];

let site: Site;
/** What each transaction wrote and read, in order, as `insert attempts`. */
const transactions: string[][] = [];

before(async () => {
  const mailbox = createMailbox();
  const settings = { 'sign_up.blocked_domains': ['blocked.example'], 'limits.mails_per_address_minute': 6 };
  site = { mailbox, server: await startTestServer({ transport: mailbox.transport, settings }) };
  for (const kind of ['known', 'disabled', 'past the limit of mails'] as const) await signUp(PEOPLE[kind]);
  await site.server.rooms.users.disable(PEOPLE.disabled);
  for (let mails = 0; mails < 8; mails += 1) await ask(site, PEOPLE['past the limit of mails']);
  watchTransactions();
});
after(() => site.server.stop());

async function signUp(email: string): Promise<void> {
  const asked = await ask(site, email);
  assert.ok(isSignedIn(await enter(asked, asked.code)));
}

/** Notes every statement that reaches SQLite inside a transaction, by what it does to which table. */
function watchTransactions(): void {
  const { run, all } = StatementSync.prototype;
  let open = false;
  function note({ sourceSQL: text }: StatementSync): void {
    if (text.startsWith('SAVEPOINT')) transactions.push([]);
    if (/^(?:SAVEPOINT|RELEASE)/.test(text)) open = text.startsWith('SAVEPOINT');
    const [, verb, table] =
      /^(with|insert|update|delete|select)\b(?:[^"]*| .*? from )"(\w+)"/i.exec(text) ?? [];
    if (open && verb !== undefined) transactions.at(-1)?.push(`${verb} ${table}`);
  }
  Object.assign(StatementSync.prototype, {
    run(this: StatementSync, ...values: Parameters<typeof run>) {
      note(this);
      return run.apply(this, values);
    },
    all(this: StatementSync, ...values: Parameters<typeof all>) {
      note(this);
      return all.apply(this, values);
    },
  });
}

/** What was done since the last look, without the turns of the outbox, which hand mails over afterwards. */
function statementsSince(from: number): string[][] {
  const isTurn = (one: string[]) =>
    one.length === 0 || one.some((text) => /^(?:with due|update outbox)/.test(text));
  return transactions.slice(from).filter((one) => !isTurn(one));
}

async function post(
  at: { browser: AppBrowser; home: string },
  step: string,
  body: string,
): Promise<RawAnswer> {
  const names = ['postern_interaction', 'postern_browser'];
  const answer = await exchange(site.server.port, {
    method: 'POST',
    target: `${at.home}/${step}`,
    headers: [
      ['Host', new URL(site.server.url).host],
      ['Origin', site.server.url],
      ['Accept', 'text/html'],
      ['Content-Type', 'application/x-www-form-urlencoded'],
      ['Cookie', names.map((name) => `${name}=${at.browser.cookie(name)}`).join('; ')],
    ],
    body,
  });
  return answer ?? assert.fail('no answer');
}

/** An answer with what must differ taken out: the address, the interaction, the time, and what is sealed anew. */
function comparable(answer: RawAnswer, email: string): { status: number; headers: string[]; body: string } {
  const domain = email.split('@')[1] ?? '';
  const body = answer.body
    .replaceAll(email, 'ADDRESS')
    .replaceAll(domain, 'DOMAIN')
    .replaceAll(/(?:\/|%2F)interaction(?:\/|%2F)[\w-]+/g, 'HOME')
    .replaceAll(/<time datetime="[^"]+">[^<]+/g, '<time>')
    .replaceAll(/name="request" value="[\w-]+"/g, 'name="request"')
    .replaceAll(/name="challenge" value="\w+\.(\d+)\.[\w-]{22}"/g, 'name="challenge" value="$1"');
  return {
    status: answer.status,
    headers: answer.headers.filter(([name]) => name !== 'Date').map((pair) => pair.join(': ')),
    body,
  };
}

/** Runs the same steps for each kind of address: the answers and what they did to the store. */
async function forEach(steps: (kind: Kind, email: string) => Promise<RawAnswer[]>) {
  const seen: { kind: Kind; answers: ReturnType<typeof comparable>[]; statements: string[][] }[] = [];
  for (const kind of KINDS) {
    const email = PEOPLE[kind];
    const from = transactions.length;
    const answers = (await steps(kind, email)).map((answer) => comparable(answer, email));
    await site.server.mailIdle();
    seen.push({ kind, answers, statements: statementsSince(from) });
  }
  const [first, ...others] = seen;
  for (const other of others) {
    assert.deepEqual(other.answers, first?.answers, `${other.kind} is answered like ${first?.kind}`);
    assert.deepEqual(other.statements, first?.statements, `${other.kind} is written like ${first?.kind}`);
  }
  return first;
}

describe('An address that is known, unknown, disabled, not allowed to sign up or past its limit', () => {
  it('is a group of equals: addresses of one length, of which two get mails', async () => {
    assert.equal(new Set(Object.values(PEOPLE).map((email) => email.length)).size, 1);
    assert.ok(Object.values(PEOPLE).every((email) => parseEmail(email, (domain) => domain) === email));
    const sent: Kind[] = [];
    for (const kind of KINDS) if ((await ask(site, PEOPLE[kind])).mail) sent.push(kind);
    assert.deepEqual(sent, ['known', 'unknown']);
  });

  it('gets the same answer to a start: status, headers in their order, and every byte of the page', async () => {
    const first = await forEach(async (_kind, email) => {
      const at = await begin(site);
      return [await post(at, 'start', `email=${encodeURIComponent(email)}`)];
    });
    assert.equal(first?.answers[0]?.status, 200);
    assert.match(first?.answers[0]?.body ?? '', /Check your email/);
    const starts = first?.statements.filter((one) => one.includes('insert attempts')) ?? [];
    assert.equal(starts.length, 1);
    for (const what of ['insert outbox', 'insert events', 'insert limits'])
      assert.ok(starts[0]?.includes(what), what);
  });

  it('gets the same answers to wrong codes, up to the lock, and to what follows it', async () => {
    const first = await forEach(async (_kind, email) => {
      const at = await begin(site);
      const answers = [await post(at, 'start', `email=${encodeURIComponent(email)}`)];
      for (let by = 1; by <= 5; by += 1)
        answers.push(await post(at, 'code', `code=${wrongCode('000000', by)}`));
      answers.push(await post(at, 'code', 'code=000000'));
      answers.push(await post(at, 'restart', 'step=1'));
      return answers;
    });
    assert.deepEqual(
      first?.answers.map(({ status }) => status),
      [200, 400, 400, 400, 400, 200, 200, 200],
    );
  });

  it('gets the same answers to another mail, another address and a reload', async () => {
    await forEach(async (_kind, email) => {
      const at = await begin(site);
      const answers = [await post(at, 'start', `email=${encodeURIComponent(email)}`)];
      for (const step of [1, 1, 2]) answers.push(await post(at, 'resend', `step=${step}`));
      answers.push(await post(at, 'address', ''));
      answers.push(await post(at, 'start', `email=${encodeURIComponent(email)}`));
      return answers;
    });
  });

  it('gets the same with a login_hint, with prompt=create and for a public client', async () => {
    for (const params of [{ login_hint: 'x' }, { prompt: 'create' }, { prompt: 'login', max_age: '0' }])
      await forEach(async (_kind, email) => {
        const hint = 'login_hint' in params ? { login_hint: email } : params;
        const at = await begin(site, { params: hint });
        const page: RawAnswer = { status: at.page.status, headers: [], body: at.page.body };
        return [page, await post(at, 'start', `email=${encodeURIComponent(email)}`)];
      });
  });

  it('meets the same puzzle where one is posed, and the same page when it is solved', async () => {
    const { server } = site;
    for (let mails = 0; mails < 90; mails += 1) await ask(site, someone());
    await server.rooms.settings.set('limits.mails_per_deployment_hour', 200); // between a half and all are spent
    await server.watchNow();
    const first = await forEach(async (_kind, email) => {
      const at = await begin(site);
      const form = `email=${encodeURIComponent(email)}`;
      const posed = await post(at, 'start', form);
      const puzzle = puzzleIn(posed.body) ?? assert.fail('no puzzle');
      return [posed, await post(at, 'start', `${form}&${new URLSearchParams(solved(puzzle))}`)];
    });
    await server.rooms.settings.set('limits.mails_per_deployment_hour', 1_000_000);
    await server.watchNow();
    assert.match(first?.answers[0]?.body ?? '', /One moment/);
    assert.match(first?.answers[1]?.body ?? '', /Check your email/);
  });

  it('comes to a puzzle after as many mails as any other', async () => {
    const { server } = site;
    await server.rooms.settings.set('limits.mails_per_address_minute', 10);
    for (const email of ['known2@allowed.example', 'goner2@allowed.example']) await signUp(email);
    await server.rooms.users.disable('goner2@allowed.example');
    await server.rooms.settings.set('limits.mails_per_address_day', 10);
    const asksUntilPuzzle = async (email: string) => {
      for (let asks = 1; asks < 10; asks += 1) {
        const { browser, home } = await begin(site);
        const page = await browser.post(`${home}/start`, { email });
        if (puzzleIn(page.body)) return asks;
      }
      return Number.POSITIVE_INFINITY;
    };
    const asks = [];
    for (const email of ['known2@allowed.example', 'goner2@allowed.example'])
      asks.push(1 + (await asksUntilPuzzle(email))); // each has had the mail of its sign-up
    for (const email of ['fresh3@allowed.example', 'fresh3@blocked.example'])
      asks.push(await asksUntilPuzzle(email));
    await server.rooms.settings.set('limits.mails_per_address_day', 100);
    await server.rooms.settings.set('limits.mails_per_address_minute', 6);
    assert.deepEqual(asks, [7, 7, 7, 7]);
  });

  it('is told apart by nobody once its codes are off: known and unknown ones get links alike', async () => {
    const { server } = site;
    await server.rooms.settings.set('limits.failures_per_address', 5);
    const answers: unknown[] = [];
    for (const email of ['linky@allowed.example', 'linko@allowed.example']) {
      if (email.startsWith('linky')) await signUp(email);
      const at = await ask(site, email);
      for (let by = 1; by <= 5; by += 1) await enter(at, wrongCode(at.code, by));
      const { browser, home } = await begin(site);
      const page = await askAgain(site, { browser, home }, { path: 'start', fields: { email } });
      answers.push(comparable({ status: page.page.status, headers: [], body: page.page.body }, email));
      assert.equal(page.code, '');
    }
    assert.deepEqual(answers[0], answers[1]);
    await server.rooms.settings.set('limits.failures_per_address', 100);
  });
});

describe('The watch over what is written', () => {
  it('sees one statement more, wherever it is', async () => {
    const from = transactions.length;
    const at = await begin(site);
    await post(at, 'start', 'email=fresh2%40allowed.example');
    await site.server.mailIdle();
    const [whole = []] = statementsSince(from).filter((one) => one.includes('insert attempts'));
    await site.server.rooms.database.write(async (q) => {
      await q.deleteFrom('limits').where('key', '=', 'none').execute();
    });
    assert.deepEqual(transactions.at(-1), ['delete limits']);
    assert.ok(whole.length >= 8, whole.join());
  });
});
