import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { SettingName, SettingValues } from '../../src/settings/definitions.ts';
import { puzzleIn, solved } from '../fixtures/puzzles.ts';
import { AppBrowser, type Landing, titleOf } from '../support/app-client.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { createMailbox, notMeIn } from '../support/mailbox.ts';
import { startTestServer } from '../support/server.ts';
import {
  type Asking,
  ask,
  begin,
  enter,
  eventReader,
  isSignedIn,
  type Site,
  someone,
  stateOf,
  wrongCode,
} from '../support/sign-in-steps.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const STARTS = 20;
const QUARTER = STARTS / 4;

let clock: FakeClock;
let site: Site;
let networks = 0;

const set = async (values: Partial<SettingValues>) => {
  for (const [name, value] of Object.entries(values))
    await site.server.rooms.settings.set(name as SettingName, value);
};

/** Requests from a network that nobody has used. */
function network(): Required<Pick<Asking, 'headers'>> {
  networks += 1;
  return {
    headers: { 'x-forwarded-for': `10.${networks >> 16}.${(networks >> 8) & 255}.${networks & 255}` },
  };
}

/** A network that has used up what it may without a puzzle. */
async function busyNetwork() {
  const from = network();
  for (let starts = 0; starts <= QUARTER; starts += 1) await ask(site, someone(), from);
  return from;
}

/** An open sign-in, and the puzzle that its address met. */
async function posed(email: string, from: Asking) {
  const at = await begin(site, from);
  const post = (fields: Record<string, string>, step = 'start') =>
    at.browser.post(`${at.home}/${step}`, { email, ...fields }, from.headers);
  const page = await post({});
  return { ...at, post, page, puzzle: puzzleIn(page.body) ?? assert.fail(`no puzzle on ${titleOf(page)}`) };
}

const isPuzzle = (page: Landing) => puzzleIn(page.body) !== undefined;
const isSent = (page: Landing) => titleOf(page) === 'Check your email - Acme';

async function mailsTo(email: string): Promise<number> {
  await site.server.mailIdle();
  return site.mailbox.to(email).length;
}

before(async () => {
  clock = createFakeClock();
  const mailbox = createMailbox();
  const settings = { 'limits.starts_per_source_hour': STARTS };
  const given = { transport: mailbox.transport, clock, settings, config: { trustProxy: ['127.0.0.1'] } };
  site = { mailbox, server: await startTestServer(given) };
});
after(async () => {
  await site.server.stop();
  clock.release();
});
beforeEach(async () => {
  clock.advance(2 * HOUR);
  await site.server.watchNow();
});

describe('A network that starts more than a quarter of its sign-ins', () => {
  it('meets a puzzle, which becomes harder, and is refused only when all of them are used', async () => {
    const from = network();
    const bits: number[] = [];
    for (let starts = 0; starts < STARTS; starts += 1) {
      const at = await begin(site, from);
      const start = () => at.browser.post(`${at.home}/start`, { email: someone() }, from.headers);
      const page = await start();
      bits.push(puzzleIn(page.body)?.bits ?? 0);
      await set({ 'limits.puzzles': false }); // as if it were solved
      assert.ok(isSent(isPuzzle(page) ? await start() : page));
      await set({ 'limits.puzzles': true });
    }
    assert.deepEqual(bits.slice(0, QUARTER + 1), Array(QUARTER + 1).fill(0));
    assert.deepEqual(bits.slice(QUARTER + 1), [14, 15, 15, 16, 16, 16, 17, 17, 18, 18, 18, 19, 19, 20]);
    const late = await begin(site, from);
    const refused = await late.browser.post(`${late.home}/start`, { email: someone() }, from.headers);
    assert.deepEqual([refused.status, titleOf(refused)], [429, 'Please wait a little']);
  });

  it('is posed one without a word of what follows, and without a trace in the store', async () => {
    const from = await busyNetwork();
    const email = someone();
    const at = await begin(site, from);
    const untouched = await stateOf(site.server);
    const page = await at.browser.post(`${at.home}/start`, { email, remember: '1' }, from.headers);
    assert.deepEqual(await stateOf(site.server), untouched);
    assert.deepEqual([page.status, titleOf(page)], [200, 'One moment - Acme']);
    assert.match(page.body, new RegExp(`name="email" value="${email}"`));
    assert.match(page.body, /name="remember" value="1"/);
    assert.match(page.body, /<button class="second">Continue<\/button>/);
    assert.equal(await mailsTo(email), 0);
  });

  it('goes on with the answer', async () => {
    const email = someone();
    const { post, puzzle } = await posed(email, await busyNetwork());
    assert.ok(isSent(await post(solved(puzzle))));
    assert.equal(await mailsTo(email), 1);
  });

  it('meets one before another mail and before another attempt too', async () => {
    const from = await busyNetwork();
    const { post, puzzle } = await posed(someone(), from);
    await post(solved(puzzle));
    const again = await post({ step: '1' }, 'resend');
    const answer = solved(puzzleIn(again.body) ?? assert.fail('no puzzle before a second mail'));
    assert.ok(isSent(await post({ step: '1', ...answer }, 'resend')));
    for (let by = 1; by <= 5; by += 1) await post({ code: wrongCode('000000', by) }, 'code');
    const restart = await post({ step: '1' }, 'restart');
    assert.ok(isPuzzle(restart), titleOf(restart));
    const last = solved(puzzleIn(restart.body) ?? assert.fail());
    assert.ok(isSent(await post({ step: '1', ...last }, 'restart')));
  });

  it('is not held up where nothing is sent: a second click, and a code', async () => {
    const { post, puzzle, browser, home } = await posed(someone(), await busyNetwork());
    await post(solved(puzzle));
    assert.ok(isSent(await post({})));
    await site.server.mailIdle();
    const code = /^(\d{3}) (\d{3})/.exec(site.mailbox.mails.at(-1)?.subject ?? '') ?? [];
    assert.ok(isSignedIn(await enter({ browser, home }, `${code[1]}${code[2]}`)));
  });

  it('meets none where the owner has switched them off', async () => {
    await set({ 'limits.puzzles': false });
    const from = await busyNetwork();
    assert.ok((await ask(site, someone(), from)).mail);
    await set({ 'limits.puzzles': true });
  });
});

describe('An answer to a puzzle', () => {
  it('is good once: the next mail has another puzzle', async () => {
    const email = someone();
    const { post, puzzle } = await posed(email, await busyNetwork());
    const answer = solved(puzzle);
    await post(answer);
    await post({}, 'address');
    assert.ok(isPuzzle(await post(answer)));
    assert.ok(isPuzzle(await post({ step: '1', ...answer }, 'restart')));
    assert.equal(await mailsTo(email), 1);
  });

  it('sends one mail however often and however fast it comes', async () => {
    const email = someone();
    const { post, puzzle } = await posed(email, await busyNetwork());
    const answer = solved(puzzle);
    await Promise.all(Array.from({ length: 10 }, () => post(answer)));
    assert.equal(await mailsTo(email), 1);
  });

  it('is good for its address and its sign-in only', async () => {
    const from = await busyNetwork();
    const [email, other] = [someone(), someone()];
    const first = await posed(email, from);
    const second = await posed(email, from);
    const answer = solved(first.puzzle);
    assert.ok(isPuzzle(await first.post({ ...answer, email: other })));
    assert.ok(isPuzzle(await second.post(answer)));
    assert.deepEqual([await mailsTo(email), await mailsTo(other)], [0, 0]);
    assert.ok(isSent(await first.post(answer)));
  });

  it('is good for another mail only where it was posed for that', async () => {
    const { post, puzzle } = await posed(someone(), await busyNetwork());
    await post(solved(puzzle));
    const again = await post({ step: '1' }, 'resend');
    const answer = solved(puzzleIn(again.body) ?? assert.fail());
    await post({ step: '1', ...answer }, 'resend');
    assert.ok(isPuzzle(await post({ step: '2', ...answer }, 'resend')));
  });

  it('is good for five minutes', async () => {
    const from = await busyNetwork();
    const [soon, late] = [await posed(someone(), from), await posed(someone(), from)];
    clock.advance(5 * MINUTE - 1);
    assert.ok(isSent(await soon.post(solved(soon.puzzle))));
    clock.advance(1);
    assert.ok(isPuzzle(await late.post(solved(late.puzzle))));
  });

  const forged: [title: string, forge: (challenge: string) => string][] = [
    ['made easier', (challenge) => challenge.replace(/\.\d\d\./, '.01.')],
    ['made to last', (challenge) => challenge.replace(/^\w+/, 'zzzzzzzz')],
    ['with another seal', (challenge) => challenge.replace(/[\w-]{22}$/, 'A'.repeat(22))],
    ['without a seal', (challenge) => challenge.replace(/\.[\w-]{22}$/, '')],
    ['of nothing', () => ''],
    ['of something else', () => '{"bits":0}'],
  ];
  for (const [title, forge] of forged)
    it(`is refused for a challenge ${title}`, async () => {
      const { post, puzzle } = await posed(someone(), await busyNetwork());
      const challenge = forge(puzzle.challenge);
      assert.ok(isPuzzle(await post(solved({ challenge, bits: 1 }))));
      assert.ok(isPuzzle(await post({ challenge, answer: '' })), 'nor does it queue');
    });

  it('is refused when it is wrong or no number', async () => {
    const { post, puzzle } = await posed(someone(), await busyNetwork());
    const { challenge, answer } = solved(puzzle);
    for (const wrong of [`${Number(answer) + 1}`, `0${answer}`, ` ${answer}`, '-1', '1e3', '9'.repeat(13)])
      assert.ok(isPuzzle(await post({ challenge, answer: wrong })), wrong);
  });
});

describe('Somebody without scripts', () => {
  const goOn = (at: Awaited<ReturnType<typeof posed>>) =>
    at.post({ challenge: at.puzzle.challenge, answer: '' });

  it('goes on by the button, one of a network each ten seconds, and is told how long to wait', async () => {
    const from = await busyNetwork();
    const [first, second] = [await posed(someone(), from), await posed(someone(), from)];
    assert.ok(isSent(await goOn(first)));
    const waits = await goOn(second);
    assert.deepEqual([waits.status, isPuzzle(waits)], [429, true]);
    const seconds = Number(waits.headers.get('retry-after'));
    assert.ok(seconds > 0 && seconds <= 11, `${seconds}`);
    assert.match(waits.body, new RegExp(`role="alert">[^<]*You can go on in ${seconds} seconds`));
    clock.advance(seconds * SECOND);
    assert.ok(isSent(await goOn(second)));
  });

  it('does not wait for other networks', async () => {
    const [here, there] = [
      await posed(someone(), await busyNetwork()),
      await posed(someone(), await busyNetwork()),
    ];
    assert.ok(isSent(await goOn(here)));
    assert.ok(isSent(await goOn(there)));
  });

  it('is not let by without having been posed one', async () => {
    const from = await busyNetwork();
    const { browser, home } = await begin(site, from);
    const forms = [{}, { answer: '' }, { challenge: '', answer: '' }];
    for (const fields of forms)
      assert.ok(isPuzzle(await browser.post(`${home}/start`, { email: someone(), ...fields }, from.headers)));
  });
});

describe('A flood of mail', () => {
  it('to one address meets puzzles after half of its day, from whichever network it comes', async () => {
    await set({ 'limits.mails_per_address_day': 10, 'limits.mails_per_address_minute': 10 });
    const email = someone();
    let puzzles = 0;
    for (let starts = 0; starts < 40; starts += 1)
      if (isPuzzle((await ask(site, email, network())).page)) puzzles += 1;
    await set({ 'limits.mails_per_address_day': 100 });
    assert.deepEqual([await mailsTo(email), puzzles], [6, 34]);
  });

  it('to an address whose owner has said that it was not them meets a puzzle at once', async () => {
    const email = someone();
    const { mail } = await ask(site, email, network());
    const owner = new AppBrowser(site.server);
    await owner.submit(await owner.open(notMeIn(mail)), notMeIn(mail));
    assert.equal((await posed(email, network())).puzzle.bits, 17);
    assert.ok((await ask(site, someone(), network())).mail);
  });

  it('to many addresses meets puzzles from half of the deployment’s hour on, and ends with it', async () => {
    const events = eventReader(site.server);
    await set({ 'limits.mails_per_deployment_hour': 100 });
    await site.server.watchNow();
    await events();
    const sent = site.mailbox.mails.length;
    for (let mails = 0; mails < 50; mails += 1) assert.ok((await ask(site, someone(), network())).mail);
    assert.equal((await posed(someone(), network())).puzzle.bits, 17);
    const outcomes: boolean[] = [];
    await set({ 'limits.puzzles': false }); // as if each were solved
    for (let mails = 0; mails < 60; mails += 1)
      outcomes.push(isSent((await ask(site, someone(), network())).page));
    assert.deepEqual([site.mailbox.mails.length - sent, new Set(outcomes)], [100, new Set([true])]);
    assert.match((await stateOf(site.server)).outbox ?? '', /deployment-limited/);
    await site.server.watchNow();
    assert.equal((await events()).filter((type) => type === 'guard.raised').length, 1);
    await set({ 'limits.mails_per_deployment_hour': 1_000_000, 'limits.puzzles': true });
  });
});

describe('Very many wrong codes everywhere', () => {
  it('make the codes of new sign-ins longer and pose puzzles, until half an hour after', async () => {
    const before = await ask(site, someone(), network());
    for (let attempts = 0; attempts < 40; attempts += 1) {
      const at = await ask(site, someone(), network());
      for (let by = 1; by <= 5; by += 1) await enter(at, wrongCode(at.code, by));
    }
    await site.server.watchNow();
    const { post, puzzle } = await posed(someone(), network());
    const page = await post(solved(puzzle));
    await site.server.mailIdle();
    assert.match(site.mailbox.mails.at(-1)?.subject ?? '', /^\d{4} \d{4} is your/);
    assert.match(page.body, /data-length="8"/);
    assert.ok(isSignedIn(await enter(before, before.code)), 'shorter ones that are out still work');
    clock.advance(30 * MINUTE + SECOND);
    await site.server.watchNow();
    assert.match((await ask(site, someone(), network())).code, /^\d{6}$/);
  });
});
