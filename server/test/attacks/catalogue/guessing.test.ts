import { initialSettings } from '../../../src/settings/definitions.ts';
import { AppBrowser } from '../../support/app-client.ts';
import { askAgain, begin, enter, isSignedIn, someone, wrongCode } from '../../support/sign-in-steps.ts';
import { type Attack, testFamily } from './attack.ts';
import { askFrom, countEvents, from, MINUTE, many, miss, SECOND, tryCode } from './moves.ts';

const lockOff = [
  {
    file: 'core/attempt.ts',
    find: 'if (wrongGuesses.length >= event.guessesMax)',
    replace: 'if (false)',
  },
  { file: 'core/attempt.ts', find: 'if (earlier.length >= event.guessesMax)', replace: 'if (false)' },
];

/** Codes go on whatever was guessed at an address. */
const budgetOff = [
  {
    file: 'sign-in/limits.ts',
    find: `return this.#room('address', 'address_failures') > 0`,
    replace: 'return true',
  },
];

const JUDGED = ['attempt.code_wrong', 'attempt.locked'];

const attacks: readonly Attack[] = [
  {
    id: 'A01',
    title: '1,000 guesses at one code, each from another network',
    reference: 'CVE-2026-33640 (Outline), ASVS 6.3.1',
    guard: 'the lock of an attempt and the budget of its address',
    weakenings: [...lockOff, ...budgetOff],
    attack: async (target) => {
      const at = await askFrom(target, 0, someone());
      await many(1000, (by) => enter(at, wrongCode(at.code, by + 1), from(by)));
      return tryCode(at, at.code);
    },
  },
  {
    id: 'A02',
    title: '200 sign-ins for one address side by side, four guesses in each',
    reference: 'AuthQuake (Microsoft, 2024)',
    guard: 'the budget of an address over all its attempts',
    weakenings: budgetOff,
    attack: async (target) => {
      const email = someone();
      const first = await askFrom(target, 0, email);
      const others = await many(199, async (at) => {
        const { browser, home } = await begin(target);
        await browser.post(`${home}/start`, { email }, from(at + 1));
        return { browser, home, code: first.code };
      });
      await many(200, (at) => miss([first, ...others][at] ?? first, { times: 4, headers: from(at) }));
      const judged = await countEvents(target, ...JUDGED);
      const limit = initialSettings()['limits.failures_per_address'];
      if (judged > limit) return { succeeded: `${judged} codes were judged, ${limit} may be` };
      return tryCode(first, first.code);
    },
  },
  {
    id: 'A03',
    title: 'new cookies and another network every four guesses',
    reference: 'CVE-2024-32868 (ZITADEL), ASVS 6.6.3',
    guard: 'failures counted for the address',
    weakenings: [
      { file: 'sign-in/limits.ts', find: `this.#count('address', 'address_failures');`, replace: '' },
    ],
    attack: async (target) => {
      const email = someone();
      for (let at = 0; at < 8; at += 1) {
        await miss(await askFrom(target, at, email), { times: 4, headers: from(at) });
        target.clock.advance(2 * MINUTE);
      }
      const last = await askFrom(target, 100, email);
      return last.code === '' ? 'held' : tryCode(last, last.code);
    },
  },
  {
    id: 'A04',
    title: 'guesses spread over tags, dots and capitals of one mailbox',
    reference: 'CVE-2025-24806 (Authelia)',
    guard: 'one budget for a mailbox, however its address is written',
    weakenings: [
      {
        file: 'core/email.ts',
        find: 'export function mailboxOf(email: Email): string {',
        replace: 'export function mailboxOf(email: Email): string { return email;',
      },
    ],
    attack: async (target) => {
      const written = [
        'eve.lovelace@gmail.com',
        'EveLovelace@gmail.com',
        'eve.love.lace+1@gmail.com',
        'evelovelace@googlemail.com',
        'e.ve.lovelace+2@googlemail.com',
        'evelovelace+3@GMAIL.com',
        'eve.lovelace+4@gmail.com',
        'evelovelace+5@gmail.com',
      ];
      for (const [at, email] of written.entries()) {
        await miss(await askFrom(target, at, email), { times: 4, headers: from(at) });
        target.clock.advance(2 * MINUTE);
      }
      const last = await askFrom(target, 100, 'evelovelace+last@gmail.com');
      return last.code === '' ? 'held' : tryCode(last, last.code);
    },
  },
  {
    id: 'A05',
    title: 'failures that are undone with the request that failed',
    reference: 'CVE-2026-35597 (Vikunja)',
    guard: 'the commit of what a wrong code has counted',
    weakenings: [
      {
        file: 'sign-in/proving.ts',
        find: 'await settle(q, { record, moved, now, signUpLater });\n    const after',
        replace: `if (moved.outcome === 'wrong') return { kind: 'judged', record, outcome: 'wrong', left: 4 };
    await settle(q, { record, moved, now, signUpLater });
    const after`,
      },
    ],
    attack: async (target) => {
      const at = await askFrom(target, 0, someone());
      await miss(at, { times: 8 });
      return tryCode(at, at.code);
    },
  },
  {
    id: 'A06',
    title: 'another mail in the middle, for fresh tries',
    reference: 'ASVS 6.6.3',
    guard: 'tries counted over all mails of an attempt',
    weakenings: [
      {
        file: 'core/attempt.ts',
        find: 'mailedAt: [...mailedAt, now],',
        replace: 'mailedAt: [...mailedAt, now], wrongGuesses: [],',
      },
    ],
    attack: async (target) => {
      const at = await askFrom(target, 0, someone());
      await miss(at, { times: 4 });
      target.clock.advance(5 * MINUTE);
      const again = await askAgain(target, at, { path: 'resend', fields: { step: '1' }, headers: from(0) });
      await miss(again, { times: 4, first: 11 });
      return tryCode(again, again.code);
    },
  },
  {
    id: 'A07',
    title: 'one code used twenty times at once',
    reference: 'CVE-2026-27855 (Dovecot), ASVS 6.5.1',
    guard: 'one redeeming of an attempt',
    weakenings: [{ file: 'oidc/dispatcher.ts', find: `if (outcome !== 'redeemed')`, replace: 'if (false)' }],
    attack: async (target) => {
      const at = await askFrom(target, 0, someone());
      const pages = await many(20, () => enter(at, at.code, from(0)));
      const signedIn = pages.filter(isSignedIn).length;
      return signedIn > 1 ? { succeeded: `${signedIn} sign-ins by one code` } : 'held';
    },
  },
  {
    id: 'A08',
    title: 'the code of one’s own sign-in typed into that of somebody else',
    reference: 'ASVS 6.6.2',
    guard: 'codes bound to their attempt',
    weakenings: [
      {
        file: 'sign-in/proving.ts',
        find: `matches('attempt-code', `,
        replace: `matches('attempt-code', true ? facts.code : `,
      },
      {
        file: 'sign-in/composing.ts',
        find: `hash('attempt-code', `,
        replace: `hash('attempt-code', true ? made.code : `,
      },
      {
        file: 'sign-in/store.ts',
        find: `.where('attempt_id', '=', p.attempt)`,
        replace: `.where('attempt_id', '!=', p.attempt === '' ? '' : '-')`,
      },
    ],
    attack: async (target) => {
      const victim = await askFrom(target, 0, 'victim@acme.com');
      const own = await askFrom(target, 1, 'eve@evil.example');
      return tryCode(victim, own.code);
    },
  },
  {
    id: 'A09',
    title: 'a code one second after its end',
    reference: 'CVE-2024-7318 (Keycloak), ASVS 6.5.5',
    guard: 'the end of codes and attempts',
    weakenings: [
      { file: 'core/attempt.ts', find: 'open && now >= attempt.expiresAt', replace: 'open && false' },
      { file: 'sign-in/proving.ts', find: 'facts.now < mail.expiresAt', replace: 'true' },
    ],
    attack: async (target) => {
      const at = await askFrom(target, 0, someone());
      target.clock.advance(10 * MINUTE + SECOND);
      return tryCode(at, at.code);
    },
  },
  {
    id: 'A10',
    title: 'fifty guesses in one burst, before the first is counted',
    reference: 'CVE-2024-4629 (Keycloak)',
    guard: 'the attempt read under its lock',
    weakenings: [
      {
        file: 'sign-in/proving.ts',
        find: 'const record = await lockAttempt(q, found.attempt.id);\n    if (!record) return',
        replace: 'const record = found;\n    if (!record) return',
      },
    ],
    attack: async (target) => {
      const at = await askFrom(target, 0, someone());
      await many(50, (by) => enter(at, wrongCode(at.code, by + 1), from(by)), 50);
      const judged = await countEvents(target, ...JUDGED);
      return judged > 5 ? { succeeded: `${judged} codes were judged` } : 'held';
    },
  },
  {
    id: 'A11',
    title: 'one network that guesses at many addresses',
    reference: 'ASVS 6.3.1',
    guard: 'failures counted for the network',
    weakenings: [
      { file: 'sign-in/limits.ts', find: `this.#count('source', 'source_failures');`, replace: '' },
    ],
    attack: async (target) => {
      for (let at = 0; at < 20; at += 1) {
        const browser = new AppBrowser(target.server);
        const { home } = await begin(target, { browser });
        const email = someone();
        await browser.post(`${home}/start`, { email }, from(0));
        await miss({ browser, home, code: '000000' }, { times: 4, headers: from(0) });
      }
      const judged = await countEvents(target, ...JUDGED);
      return judged > 60 ? { succeeded: `${judged} codes were judged` } : 'held';
    },
  },
];

testFamily('guessing a code', attacks);
