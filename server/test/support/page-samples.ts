import {
  chooseAccountPage,
  consentPage,
  errorPage,
  formPostPage,
  signedOutPage,
  signOutPage,
} from '../../src/oidc/pages.ts';
import { type CodeFault, codePage } from '../../src/sign-in/code-page.ts';
import { linkElsewherePage, linkHerePage, linkSpentPage } from '../../src/sign-in/link-pages.ts';
import {
  busyPage,
  continuePage,
  doneElsewherePage,
  type EmailPage,
  emailPage,
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
  backTo: 'https://app.acme.com/',
  to: 'https://app.acme.com/callback?code=SplxlOBeZQQYbYS6WxSbIA&state=af0ifjsldkj',
  action: 'https://app.acme.com/callback',
};

export type Sample = readonly [name: string, render: (texts: Texts) => string];

const FAULTS: ReadonlyArray<NonNullable<EmailPage['fault']>> = [
  'empty',
  'too-long',
  'no-at-sign',
  'several-addresses',
  'bad-local-part',
  'bad-domain',
  'repeated',
];

const code = (t: Texts) => ({
  ...t,
  step: 1,
  method: 'link_otp' as const,
  codeLength: 6,
  numeric: true,
  minutes: 10,
  resendAfterSeconds: 30,
});
const codeFault = (fault: CodeFault) => (t: Texts) => codePage({ ...code(t), fault });
const asked = (t: Texts) => ({
  appName: t.appName,
  host: t.host,
  requester: { browser: t.browser, os: t.os, ip: t.ip },
  minutesAgo: 2,
});

/** Every page in every state. */
export const samples: readonly Sample[] = [
  ['email', ({ email: _, ...t }) => emailPage({ ...t, create: false, sends: false })],
  ['email-create', (t) => emailPage({ ...t, create: true, sends: false })],
  ['email-sends', (t) => emailPage({ ...t, create: false, sends: true })],
  ...FAULTS.map(
    (fault): Sample => [
      `email-${fault}`,
      (t) => emailPage({ ...t, email: fault === 'empty' ? '' : t.email, fault, create: false, sends: false }),
    ],
  ),
  ['code', (t) => codePage(code(t))],
  ['code-resent', (t) => codePage({ ...code(t), step: 2, resent: true, resendAfterSeconds: 60 })],
  ['code-resendable', (t) => codePage({ ...code(t), resendAfterSeconds: 0 })],
  ['code-only', (t) => codePage({ ...code(t), method: 'otp', minutes: 1 })],
  ['code-letters', (t) => codePage({ ...code(t), codeLength: 10, numeric: false })],
  ['code-link', (t) => codePage({ ...code(t), method: 'link' })],
  ['code-wrong', codeFault({ kind: 'wrong', left: 3 })],
  ['code-wrong-last', codeFault({ kind: 'wrong', left: 1 })],
  ['code-empty', codeFault({ kind: 'empty' })],
  ['code-off', codeFault({ kind: 'codes-off' })],
  ['stopped-locked', (t) => stoppedPage({ ...t, reason: 'locked', step: 1 })],
  ['stopped-expired', (t) => stoppedPage({ ...t, reason: 'expired', step: 1 })],
  ['stopped-mails-spent', (t) => stoppedPage({ ...t, reason: 'mails-spent', step: 5 })],
  ['continue', (t) => continuePage(t)],
  ['done-elsewhere', (t) => doneElsewherePage(t)],
  ['done-elsewhere-no-way-back', ({ backTo: _, ...t }) => doneElsewherePage(t)],
  ['link-here', (t) => linkHerePage(t)],
  ['link-elsewhere', (t) => linkElsewherePage({ ...asked(t), code: t.code, sameBrowserOnly: false })],
  [
    'link-elsewhere-letters',
    (t) =>
      linkElsewherePage({
        ...asked(t),
        code: `${t.code}CDFG`,
        requester: {},
        minutesAgo: 0,
        sameBrowserOnly: false,
      }),
  ],
  ['link-elsewhere-no-code', (t) => linkElsewherePage({ ...asked(t), sameBrowserOnly: true })],
  ['link-used', (t) => linkSpentPage({ ...t, kind: 'used' })],
  ['link-expired', (t) => linkSpentPage({ ...t, kind: 'expired' })],
  ['link-superseded', (t) => linkSpentPage({ ...t, kind: 'superseded' })],
  ['link-unknown', (t) => linkSpentPage({ host: t.host, kind: 'unknown' })],
  ['busy', (t) => busyPage({ ...t, retryAfterMinutes: 3 })],
  ['lost-cookies', (t) => lostPage({ ...t, reason: 'cookies' })],
  ['lost-expired', (t) => lostPage({ ...t, reason: 'expired' })],
  ['lost-unknown', (t) => lostPage({ host: t.host, reason: 'unknown' })],
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
  ['form-post', (t) => formPostPage({ action: t.action, fields: { code: t.field, state: t.field } })],
];
