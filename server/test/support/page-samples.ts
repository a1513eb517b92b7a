import { createHash } from 'node:crypto';
import {
  chooseAccountPage,
  consentPage,
  errorPage,
  formPostPage,
  signedOutPage,
  signOutPage,
} from '../../src/oidc/pages.ts';
import { languages, type Words, wordsFor } from '../../src/platform/words/words.ts';
import { initialSettings, type SettingValues } from '../../src/settings/definitions.ts';
import { type Brand, brandOf } from '../../src/sign-in/branding.ts';
import { type CodePage, codePage } from '../../src/sign-in/code-page.ts';
import { disownedPage, disownPage, disownUnknownPage } from '../../src/sign-in/disowning/pages.ts';
import { puzzlePage } from '../../src/sign-in/guarding/puzzle-page.ts';
import {
  approvalPage,
  linkElsewherePage,
  linkHerePage,
  linkSpentPage,
} from '../../src/sign-in/link-pages.ts';
import {
  type AddressFault,
  busyPage,
  continuePage,
  doneElsewherePage,
  emailPage,
  languagesPage,
  leavingPage,
  lostPage,
  stoppedPage,
} from '../../src/sign-in/pages.ts';

/** What the texts of a page are, so that a test can put hostile ones in their place. */
export interface Texts {
  uid: string;
  token: string;
  appName: string;
  host: string;
  email: string;
  code: string;
  browser: string;
  os: string;
  ip: string;
  error: string;
  description: string;
  requestId: string;
  scope: string;
  xsrf: string;
  field: string;
  path: string;
  /** URLs are checked, so they come apart from the texts. */
  backTo: string;
  to: string;
  action: string;
}

export const plainTexts: Texts = {
  uid: 'kX3uT0b9cQ2v',
  token: 'q5cJ0mJ9v1Yx7hQ2uWc3Zg',
  appName: 'Acme',
  host: 'id.acme.com',
  email: 'ana@example.com',
  code: '482913',
  browser: 'Chrome',
  os: 'macOS',
  ip: '203.0.113.7',
  error: 'invalid_redirect_uri',
  description: 'The app asked to send you to an address that is not registered for it.',
  requestId: 'req-7f3a91',
  scope: 'invoices:read',
  xsrf: 'Zk2x8t',
  field: 'af0ifjsldkj',
  path: '/interaction/kX3uT0b9cQ2v',
  backTo: 'https://app.acme.com/',
  to: 'https://app.acme.com/callback?code=SplxlOBeZQQYbYS6WxSbIA&state=af0ifjsldkj',
  action: 'https://app.acme.com/callback',
};

export type Sample = readonly [name: string, render: (texts: Texts, words?: Words) => string];

type Given = Texts & { words: Words; request: string };
type Draft = readonly [name: string, render: (given: Given) => string];

const FAULTS: readonly AddressFault[] = [
  'empty',
  'too-long',
  'no-at-sign',
  'several-addresses',
  'bad-local-part',
  'bad-domain',
  'no-mail',
  'repeated',
];

/** As long as a sealed request is, and as hard to compress. */
const SEALED = createHash('shake256', { outputLength: 300 }).update('request').digest('base64url');

const SENT_AT = Date.UTC(2030, 5, 3, 14, 3);

const code = ({ code: _, ...t }: Given): CodePage => ({
  ...t,
  step: 1,
  method: 'link_otp',
  codeLength: 6,
  numeric: true,
  validMs: 600_000,
  sentAt: SENT_AT,
  newestOnly: false,
  delivery: 'queued',
  resendAfterMs: 30_000,
});
const codeWith = (extra: Partial<CodePage>) => (t: Given) => codePage({ ...code(t), ...extra });
const elsewhere = ({ code: _, ...t }: Given) => ({
  ...t,
  requester: { browser: t.browser, os: t.os, ip: t.ip },
  sinceMs: 120_000,
});

/** One that no browser solves while somebody looks at its page. */
const puzzleOf = (retryAfterMs: number) =>
  ({ kind: 'puzzle', challenge: 'lz8hq2k1.20.q5cJ0mJ9v1Yx7hQ2uWc3Zg', bits: 60, retryAfterMs }) as const;
const puzzle = { step: 'start', fields: { email: 'ana@example.com', step: '0' } } as const;

/** A brand as `postern settings set` and `postern branding logo` make one. */
export function brandWith(values: Partial<SettingValues>): Brand {
  return brandOf({ settings: { snapshot: () => ({ ...initialSettings(), ...values }) } });
}

const LOGO = `${'a'.repeat(32)}-120x40.svg`;

const drafts: readonly Draft[] = [
  ['email', ({ email: _, ...t }) => emailPage({ ...t, create: false, sends: false })],
  ['email-create', (t) => emailPage({ ...t, create: true, sends: false })],
  ['email-sends', (t) => emailPage({ ...t, create: false, sends: true })],
  ...FAULTS.map(
    (fault): Draft => [
      `email-${fault}`,
      (t) => emailPage({ ...t, email: fault === 'empty' ? '' : t.email, fault, create: false, sends: false }),
    ],
  ),
  [
    'email-typo',
    (t) => emailPage({ ...t, suggestion: `x${t.email}`, remembered: true, create: false, sends: false }),
  ],
  ['code', codeWith({})],
  ['code-resent', codeWith({ step: 2, asked: 'sent', resendAfterMs: 60_000 })],
  ['code-too-soon', codeWith({ asked: 'too-soon', resendAfterMs: 25_000 })],
  ['code-resendable', codeWith({ resendAfterMs: 0, delivery: 'accepted' })],
  ['code-newest-only', codeWith({ step: 2, newestOnly: true, delivery: 'deferred' })],
  ['code-undelivered', codeWith({ delivery: 'failed' })],
  [
    'code-inbox',
    codeWith({
      inbox: { provider: 'Gmail', url: 'https://mail.google.com/mail/u/?authuser=ana#search/x' },
      number: '42',
    }),
  ],
  ['code-branded', codeWith({ brand: brandWith({ 'branding.colour': '#c2410c', 'branding.logo': LOGO }) })],
  ['code-only', codeWith({ method: 'otp', validMs: 60_000 })],
  ['code-letters', codeWith({ codeLength: 10, numeric: false })],
  ['code-link', codeWith({ method: 'link' })],
  ['code-wrong', codeWith({ fault: { kind: 'wrong', left: 3 } })],
  ['code-wrong-last', codeWith({ fault: { kind: 'wrong', left: 1 } })],
  ['code-empty', codeWith({ fault: { kind: 'empty' } })],
  ['code-off', codeWith({ fault: { kind: 'off' } })],
  ['stopped-locked', (t) => stoppedPage({ ...t, reason: 'locked', step: 1 })],
  ['stopped-expired', (t) => stoppedPage({ ...t, reason: 'expired', step: 1 })],
  ['stopped-mails-spent', (t) => stoppedPage({ ...t, reason: 'mails_spent', step: 5 })],
  ['stopped-disowned', (t) => stoppedPage({ ...t, reason: 'disowned', step: 1 })],
  ['continue', (t) => continuePage(t)],
  ['done-elsewhere', (t) => doneElsewherePage(t)],
  ['done-elsewhere-again', (t) => doneElsewherePage({ ...t, again: t })],
  ['done-elsewhere-no-way-back', ({ backTo: _, ...t }) => doneElsewherePage(t)],
  ['languages', (t) => languagesPage({ ...t, from: '/interaction/abc' }, languages)],
  ['link-here', (t) => linkHerePage(t)],
  ['link-elsewhere', (t) => linkElsewherePage({ ...elsewhere(t), code: t.code })],
  [
    'link-elsewhere-everything',
    (t) =>
      linkElsewherePage({
        ...elsewhere(t),
        code: `${t.code}CDFG`,
        requester: { country: 'DE' },
        sinceMs: 0,
        numbers: ['17', '42', '93'],
        signInHere: t.backTo,
      }),
  ],
  ['link-elsewhere-no-code', (t) => linkElsewherePage(elsewhere(t))],
  ['link-approved', (t) => approvalPage({ ...t, approved: true })],
  ['link-mismatch', (t) => approvalPage({ ...t, approved: false })],
  ['link-used', (t) => linkSpentPage({ ...t, kind: 'used', at: SENT_AT, next: 'restart' })],
  ['link-expired', (t) => linkSpentPage({ ...t, kind: 'expired', at: SENT_AT, next: 'waiting' })],
  ['link-superseded', (t) => linkSpentPage({ ...t, kind: 'superseded' })],
  ['link-stopped', (t) => linkSpentPage({ ...t, kind: 'stopped' })],
  ['link-unknown', ({ words, host }) => linkSpentPage({ words, host, kind: 'unknown' })],
  ['disown', (t) => disownPage({ ...elsewhere(t), used: false })],
  ['disown-used', (t) => disownPage({ ...elsewhere(t), used: true, sinceMs: 200_000_000 })],
  ['disowned', (t) => disownedPage({ ...t, used: false })],
  ['disowned-used', (t) => disownedPage({ ...t, used: true })],
  ['disown-unknown', ({ words, host }) => disownUnknownPage({ words, host })],
  ['puzzle', (t) => puzzlePage({ ...t, ...puzzle, puzzle: puzzleOf(0) })],
  ['puzzle-waits', (t) => puzzlePage({ ...t, ...puzzle, puzzle: puzzleOf(7_000) })],
  ['busy', (t) => busyPage({ ...t, retryAfterMs: 150_000 })],
  ['lost-cookies', (t) => lostPage({ ...t, reason: 'cookies' })],
  ['lost-expired', (t) => lostPage({ ...t, reason: 'expired' })],
  ['lost-cookies-again', ({ email: _, ...t }) => lostPage({ ...t, reason: 'cookies', again: t })],
  ['lost-expired-again', (t) => lostPage({ ...t, reason: 'expired', again: t })],
  ['lost-ended-again', (t) => lostPage({ ...t, reason: 'ended', again: t })],
  ['lost-unknown', ({ words, host }) => lostPage({ words, host, reason: 'unknown' })],
  ['leaving', (t) => leavingPage(t)],
  ['error', ({ appName: _, ...t }) => errorPage(t)],
  ['sign-out', (t) => signOutPage({ ...t, formAction: '/oidc/logout/confirm', auto: false })],
  ['sign-out-auto', (t) => signOutPage({ ...t, formAction: '/oidc/logout/confirm', auto: true })],
  ['signed-out', (t) => signedOutPage(t)],
  [
    'consent',
    (t) => consentPage({ ...t, scopes: ['openid', 'profile', 'email', 'offline_access', t.scope] }),
  ],
  ['choose-account', (t) => chooseAccountPage(t)],
  [
    'form-post',
    ({ words, action, field }) => formPostPage({ words, action, fields: { code: field, state: field } }),
  ],
];

/** Every page in every state, in English unless other words are given. */
export const samples: readonly Sample[] = drafts.map(([name, render]) => [
  name,
  (texts, words = wordsFor('en')) => render({ ...texts, request: SEALED, words }),
]);

/** A page as it looks before it goes on by itself. */
export function still(markup: string): string {
  return markup.replace(/ data-self-post="\w+"/, '').replace(/<meta http-equiv="refresh"[^>]*>/, '');
}
