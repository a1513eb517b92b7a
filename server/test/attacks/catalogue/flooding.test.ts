import { puzzleIn, solved } from '../../fixtures/puzzles.ts';
import { begin, isSignedIn } from '../../support/sign-in-steps.ts';
import { type Attack, type Outcome, type Target, testFamily } from './attack.ts';
import { askFrom, from, MINUTE, many, miss } from './moves.ts';

/** Starts a sign-in and says nothing of what came of it. */
async function start(target: Target, email: string, headers: Record<string, string>): Promise<void> {
  const { browser, home } = await begin(target, { headers });
  await browser.post(`${home}/start`, { email }, headers);
}

/** How many mails left, against how many may. */
async function mailsBeyond(target: Target, given: { max: number; since: number }): Promise<Outcome> {
  await target.server.mailIdle();
  const mails = target.mailbox.mails.slice(given.since);
  return mails.length > given.max ? { succeeded: `${mails.length} mails, ${given.max} may leave` } : 'held';
}

/** Sums come early, and long before anybody is refused. */
const puzzling = { 'limits.puzzles': true, 'limits.starts_per_source_hour': 20 };

const attacks: readonly Attack[] = [
  {
    id: 'L01',
    title: 'thirty sign-ins for one address in a minute, each from another browser and network',
    reference: 'mail bombing, ASVS 6.6.3',
    guard: 'the mails of a minute',
    weakenings: [
      { file: 'sign-in/limits.ts', find: `this.#room('address', 'mails_minute') < 1 ||`, replace: '' },
    ],
    attack: async (target) => {
      const since = target.mailbox.mails.length;
      await many(30, (at) => start(target, 'victim@acme.com', from(at)));
      return mailsBeyond(target, { max: 2, since });
    },
  },
  {
    id: 'L02',
    title: 'a sign-in for one address every two minutes, for an hour',
    reference: 'mail bombing, ASVS 6.6.3',
    guard: 'the mails of a day',
    weakenings: [
      { file: 'sign-in/limits.ts', find: `|| this.#room('address', 'mails_day') < 1`, replace: '' },
    ],
    attack: async (target) => {
      const since = target.mailbox.mails.length;
      for (let at = 0; at < 30; at += 1) {
        await start(target, 'victim@acme.com', from(at));
        await target.server.mailIdle();
        target.clock.advance(2 * MINUTE);
      }
      return mailsBeyond(target, { max: 15, since });
    },
  },
  {
    id: 'L03',
    title: 'tags, dots and capitals, for more mails to one mailbox',
    reference: 'ASVS 6.6.3',
    guard: 'one budget for a mailbox, however its address is written',
    weakenings: [
      {
        file: 'core/email.ts',
        find: 'export function mailboxOf(email: Email): string {',
        replace: 'export function mailboxOf(email: Email): string { return email;',
      },
    ],
    attack: async (target) => {
      const since = target.mailbox.mails.length;
      const written = ['ada.b@gmail.com', 'a.da.b+1@gmail.com', 'adab+2@googlemail.com', 'ADA.B+3@Gmail.com'];
      for (const [at, email] of written.entries()) await start(target, email, from(at));
      return mailsBeyond(target, { max: 2, since });
    },
  },
  {
    id: 'L04',
    title: 'one network that asks for mails to many addresses',
    reference: 'ASVS 2.4.1, 6.3.1',
    guard: 'starts counted for the network',
    settings: { 'limits.starts_per_source_hour': 20 },
    weakenings: [
      { file: 'sign-in/limits.ts', find: 'spendStart(): void {', replace: 'spendStart(): void { return;' },
    ],
    attack: async (target) => {
      const since = target.mailbox.mails.length;
      for (let at = 0; at < 30; at += 1) await start(target, `victim${at}@acme.com`, from(0));
      return mailsBeyond(target, { max: 20, since });
    },
  },
  {
    id: 'L05',
    title: 'the same, with another IPv6 address of one subscriber each time',
    reference: 'ASVS 6.3.1, RFC 6177',
    guard: 'a /64 counted as one network',
    settings: { 'limits.starts_per_source_hour': 20 },
    weakenings: [
      {
        file: 'platform/http/addresses.ts',
        find: 'export function sourceOf(address: string): string {',
        replace: 'export function sourceOf(address: string): string { return address;',
      },
    ],
    attack: async (target) => {
      const since = target.mailbox.mails.length;
      for (let at = 0; at < 30; at += 1)
        await start(target, `victim${at}@acme.com`, { 'x-forwarded-for': `2001:db8:0:1::${at + 1}` });
      return mailsBeyond(target, { max: 20, since });
    },
  },
  {
    id: 'L06',
    title: 'one form sent again and again',
    reference: 'ASVS 6.6.3',
    guard: 'one open attempt for a request and its address',
    weakenings: [
      {
        file: 'sign-in/sign-in.ts',
        find: 'const open = latest && openFor(asOf(latest, now), email);',
        replace: 'const open = undefined;',
      },
    ],
    attack: async (target) => {
      const since = target.mailbox.mails.length;
      const { browser, home } = await begin(target);
      for (let at = 0; at < 5; at += 1) {
        await browser.post(`${home}/start`, { email: 'victim@acme.com' }, from(0));
        await target.server.mailIdle();
      }
      return mailsBeyond(target, { max: 1, since });
    },
  },
  {
    id: 'L07',
    title: 'the form for another mail, kept and sent again and again',
    reference: 'ASVS 6.6.3',
    guard: 'the step that a form names',
    weakenings: [
      { file: 'core/attempt.ts', find: 'if (event.step !== mailedAt.length)', replace: 'if (false)' },
    ],
    attack: async (target) => {
      const since = target.mailbox.mails.length;
      const { browser, home } = await askFrom(target, 0, 'victim@acme.com');
      for (let at = 0; at < 4; at += 1) {
        target.clock.advance(5 * MINUTE);
        await browser.post(`${home}/resend`, { step: '1' }, from(0));
        await target.server.mailIdle();
      }
      return mailsBeyond(target, { max: 2, since });
    },
  },
  {
    id: 'L08',
    title: 'wrong codes for somebody, until they cannot sign in any more',
    reference: 'ASVS 6.1.1',
    guard: 'the link that takes the place of the code',
    weakenings: [
      {
        file: 'sign-in/limits.ts',
        find: 'get startWaitMs(): number {',
        replace: 'get startWaitMs(): number { if (!this.codesAllowed) return 60_000;',
      },
    ],
    attack: async (target) => {
      const email = 'victim@acme.com';
      for (let at = 0; at < 8; at += 1) {
        await miss(await askFrom(target, at, email), { times: 4, headers: from(at) });
        target.clock.advance(2 * MINUTE);
      }
      const owner = await askFrom(target, 100, email).catch(() => undefined);
      if (owner === undefined || owner.link === '') return { succeeded: 'the owner gets no mail' };
      const page = await owner.browser.post(owner.link, {}, from(100));
      return isSignedIn(page) ? 'held' : { succeeded: 'the owner cannot sign in' };
    },
  },
  {
    id: 'L09',
    title: 'a form of five megabytes',
    reference: 'CWE-770',
    guard: 'the limit of a body',
    weakenings: [{ file: 'platform/http/app.ts', find: 'bodyLimit: BODY_MAX,', replace: 'bodyLimit: 1e8,' }],
    attack: async (target) => {
      const { browser, home } = await begin(target);
      const page = await browser
        .post(`${home}/start`, { email: 'x'.repeat(5_000_000) }, from(0))
        .catch(() => undefined);
      return page === undefined || page.status === 413
        ? 'held'
        : { succeeded: `it was read: ${page.status}` };
    },
  },
  {
    id: 'L10',
    title: 'a flood that does none of the sums it is asked for',
    reference: 'Hashcash (Back, 2002), ASVS 2.4.1',
    guard: 'the sum before a mail',
    settings: puzzling,
    weakenings: [
      {
        file: 'sign-in/guarding/puzzle.ts',
        find: 'if (bits === 0) return undefined;',
        replace: 'return undefined;',
      },
    ],
    attack: async (target) => {
      const since = target.mailbox.mails.length;
      for (let at = 0; at < 18; at += 1) await start(target, `victim${at}@acme.com`, from(0));
      return mailsBeyond(target, { max: 10, since });
    },
  },
  {
    id: 'L11',
    title: 'one sum done, and its answer used for many addresses',
    reference: 'ASVS 2.3.1, 2.4.1',
    guard: 'the occasion that a sum is bound to',
    settings: puzzling,
    weakenings: [
      {
        file: 'sign-in/guarding/puzzle.ts',
        find: 'return JSON.stringify([interactionUid, email, step, terms]);',
        replace: 'return terms;',
      },
    ],
    attack: async (target) => {
      const since = target.mailbox.mails.length;
      let solution: Record<string, string> = {};
      for (let at = 0; at < 18; at += 1) {
        const { browser, home } = await begin(target);
        const email = `victim${at}@acme.com`;
        const page = await browser.post(`${home}/start`, { email, ...solution }, from(0));
        const puzzle = solution.answer === undefined ? puzzleIn(page.body) : undefined;
        if (puzzle) solution = { ...solved(puzzle) };
      }
      return mailsBeyond(target, { max: 10, since });
    },
  },
];

testFamily('floods', attacks);
