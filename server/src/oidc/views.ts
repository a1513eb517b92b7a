import { nextMailAt } from '../core/attempt.ts';
import type { EmailFault } from '../core/email.ts';
import type { Instant } from '../core/ids.ts';
import { MINUTE, SECOND } from '../core/units.ts';
import type { Html } from '../platform/http/html.ts';
import type { SettingValues } from '../settings/definitions.ts';
import { type CodeFault, codePage } from '../sign-in/code-page.ts';
import { linkElsewherePage, linkHerePage, linkSpentPage } from '../sign-in/link-pages.ts';
import { continuePage, doneElsewherePage, emailPage, lostPage, stoppedPage } from '../sign-in/pages.ts';
import type { LinkView } from '../sign-in/proving.ts';
import type { AttemptRecord } from '../sign-in/store.ts';
import { findUser } from '../users/store.ts';
import { clientFacts, hintedEmail, type Lost, type Visit } from './dispatcher.ts';
import type { OidcParts } from './oidc.ts';
import { chooseAccountPage, consentPage } from './pages.ts';

/** What a step adds to the page of the state that it ended in. */
export interface Notice {
  readonly fault?: CodeFault;
  readonly emailFault?: EmailFault | 'repeated';
  readonly typed?: string;
  readonly resent?: boolean;
  readonly spent?: boolean;
  /** The person has just said that it is another address: no self-posting form, no remembered one. */
  readonly anew?: boolean;
}

/** THE dispatcher's choice: the page that an interaction is at, from its prompt and its newest attempt. */
export async function pageOf(
  parts: OidcParts,
  visit: Visit,
  given: { record: AttemptRecord | undefined; notice?: Notice },
): Promise<Html> {
  const { record, notice = {} } = given;
  const about = { uid: visit.uid, appName: visit.client.name, host: parts.origin.host };
  if (visit.prompt === 'consent') return consent(parts, visit);
  if (visit.prompt === 'select_account' && visit.accountId && !record && !notice.anew && !notice.emailFault)
    return choose(parts, visit);
  const settings = parts.settings.snapshot();
  switch (record?.attempt.state) {
    case 'pending':
      return notice.spent
        ? stoppedPage({ ...about, ...stopped(record), reason: 'mails-spent' })
        : code(visit, record, { settings, notice, host: parts.origin.host, now: parts.clock.now() });
    case 'satisfied':
      return continuePage(about);
    case 'locked':
      return stoppedPage({ ...about, ...stopped(record), reason: 'locked' });
    case 'expired':
      return stoppedPage({ ...about, ...stopped(record), reason: 'expired' });
    case 'redeemed':
      return doneElsewherePage({ ...about, ...(visit.client.home && { backTo: visit.client.home }) });
    default:
      return ask(visit, {
        settings,
        notice: record ? { anew: true, ...notice } : notice,
        host: parts.origin.host,
      });
  }
}

function stopped(record: AttemptRecord) {
  return { email: record.attempt.email, step: record.generation };
}

function ask(visit: Visit, given: { settings: SettingValues; notice: Notice; host: string }): Html {
  const { settings, notice } = given;
  const hinted = notice.anew ? undefined : hintedEmail(visit);
  const email = notice.typed ?? hinted ?? (notice.anew ? undefined : visit.loginHint?.slice(0, 254));
  return emailPage({
    uid: visit.uid,
    appName: visit.client.name,
    host: given.host,
    create: visit.create,
    sends:
      hinted !== undefined && notice.emailFault === undefined && settings['passwordless.login_hint_sends'],
    ...(email !== undefined && { email }),
    ...(notice.emailFault && { fault: notice.emailFault }),
  });
}

function code(
  visit: Visit,
  record: AttemptRecord,
  given: { settings: SettingValues; notice: Notice; host: string; now: Instant },
): Html {
  const { settings, notice } = given;
  const { attempt } = record;
  const pauseMs = settings['limits.resend_after_seconds'] * SECOND;
  return codePage({
    uid: visit.uid,
    appName: visit.client.name,
    host: given.host,
    email: attempt.email,
    step: attempt.mailedAt.length,
    method: record.linksOnly ? 'link' : settings['passwordless.method'],
    codeLength: record.codeLength,
    numeric: settings['passwordless.code_alphabet'] === 'numeric',
    minutes: Math.round((settings['passwordless.validity_seconds'] * SECOND) / MINUTE),
    resendAfterSeconds: Math.max(0, Math.ceil((nextMailAt(attempt, pauseMs) - given.now) / SECOND)),
    ...(notice.fault && { fault: notice.fault }),
    ...(notice.resent && { resent: true }),
  });
}

async function consent(parts: OidcParts, visit: Visit): Promise<Html> {
  const email = await emailOf(parts, visit);
  return consentPage({
    uid: visit.uid,
    appName: visit.client.name,
    host: parts.origin.host,
    email,
    scopes: visit.scopes,
  });
}

async function choose(parts: OidcParts, visit: Visit): Promise<Html> {
  const email = await emailOf(parts, visit);
  return chooseAccountPage({ uid: visit.uid, appName: visit.client.name, host: parts.origin.host, email });
}

async function emailOf(parts: OidcParts, visit: Visit): Promise<string> {
  const { accountId } = visit;
  const user = accountId === undefined ? undefined : await parts.database.read((q) => findUser(q, accountId));
  return user?.email ?? '';
}

/** Why there is no interaction to show, with a way back to the app where one is known. */
export function lostView(parts: OidcParts, lost: Lost): Html {
  const about = { host: parts.origin.host, ...(lost.client?.home && { backTo: lost.client.home }) };
  if (lost.lost === 'done') return doneElsewherePage({ ...about, appName: lost.client?.name ?? '' });
  return lostPage({ ...about, reason: lost.lost, ...(lost.client && { appName: lost.client.name }) });
}

/** The page of a mailed link, for the browser that opened it. */
export async function linkView(parts: OidcParts, token: string, view: LinkView): Promise<Html> {
  const { host } = parts.origin;
  if (view.kind === 'unknown') return linkSpentPage({ kind: 'unknown', host });
  const { record } = view;
  const client = await parts.provider().Client.find(record.attempt.clientId);
  const { name, home } = clientFacts(client ?? {});
  if (view.kind === 'here') return linkHerePage({ token, appName: name, host, email: record.attempt.email });
  if (view.kind !== 'elsewhere')
    return linkSpentPage({ kind: view.kind, appName: name, host, ...(home && { backTo: home }) });
  const minutesAgo = Math.floor((parts.clock.now() - record.attempt.createdAt) / MINUTE);
  const sameBrowserOnly = view.code === undefined;
  return linkElsewherePage({
    appName: name,
    host,
    requester: record.requester,
    minutesAgo,
    sameBrowserOnly,
    ...(view.code && { code: view.code }),
  });
}
