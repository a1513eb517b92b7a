import { nextMailAt } from '../core/attempt.ts';
import { domainOf } from '../core/email.ts';
import { inboxLink, inboxLinkByMx } from '../core/inbox-links.ts';
import { SECOND } from '../core/units.ts';
import type { Html } from '../platform/http/html.ts';
import type { Words } from '../platform/words/words.ts';
import type { SettingValues } from '../settings/definitions.ts';
import { numberOf, numbersOf } from '../sign-in/approving.ts';
import { brandOf } from '../sign-in/branding.ts';
import { type CodeFault, type CodePage, codePage } from '../sign-in/code-page.ts';
import { deliveryOf } from '../sign-in/delivery.ts';
import { approvalPage, linkElsewherePage, linkHerePage, linkSpentPage } from '../sign-in/link-pages.ts';
import { interactionPath } from '../sign-in/page-parts.ts';
import {
  type AddressFault,
  continuePage,
  doneElsewherePage,
  emailPage,
  lostPage,
  type StepPage,
  type StoppedPage,
  stoppedPage,
} from '../sign-in/pages.ts';
import type { Approval, LinkView } from '../sign-in/proving.ts';
import type { AttemptRecord } from '../sign-in/store.ts';
import { findUser } from '../users/store.ts';
import { clientFacts, hintedEmail, type Lost, type Visit } from './dispatcher.ts';
import type { OidcParts } from './oidc.ts';
import { chooseAccountPage, consentPage } from './pages.ts';
import { nextStepOfLink } from './resuming/resuming.ts';

/** What a step adds to the page of the state that it ended in. */
export interface Notice {
  readonly fault?: CodeFault;
  readonly emailFault?: AddressFault;
  readonly typed?: string;
  readonly suggestion?: string;
  readonly asked?: CodePage['asked'];
  readonly spent?: boolean;
  /** The person has just said that it is another address: no self-posting form, no remembered one. */
  readonly anew?: boolean;
}

interface Seen {
  readonly parts: OidcParts;
  readonly visit: Visit;
  readonly notice: Notice;
  readonly about: StepPage;
}

/** THE dispatcher's choice: the page that an interaction is at, from its prompt and its newest attempt. */
export async function pageOf(
  parts: OidcParts,
  visit: Visit,
  given: { record: AttemptRecord | undefined; notice?: Notice },
): Promise<Html> {
  const { record, notice = {} } = given;
  const about = aboutOf(parts, visit);
  const seen = { parts, visit, notice, about };
  if (visit.prompt === 'consent') return consentPage({ ...about, ...(await asked(seen)) });
  if (visit.prompt === 'select_account' && visit.accountId && !record && !notice.anew && !notice.emailFault)
    return chooseAccountPage({ ...about, ...(await asked(seen)) });
  switch (record?.attempt.state) {
    case 'pending':
      return notice.spent ? stopped(seen, record, 'mails_spent') : code(seen, record);
    case 'satisfied':
      return continuePage(about);
    case 'locked':
    case 'expired':
    case 'disowned':
      return stopped(seen, record, record.attempt.state);
    case 'redeemed':
      return doneElsewherePage({ ...about, ...(visit.client.home && { backTo: visit.client.home }) });
    default:
      return ask({ ...seen, notice: record ? { anew: true, ...notice } : notice });
  }
}

/** What every page of an interaction knows. */
export function aboutOf(parts: OidcParts, visit: Visit): StepPage {
  return {
    uid: visit.uid,
    words: visit.words,
    appName: visit.client.name,
    host: parts.origin.host,
    path: interactionPath(visit.uid),
    brand: brandOf(parts, visit.client.branding),
    ...(visit.request && { request: visit.request }),
  };
}

function stopped({ about }: Seen, record: AttemptRecord, reason: StoppedPage['reason']): Html {
  return stoppedPage({ ...about, email: record.attempt.email, step: record.generation, reason });
}

function ask({ parts, visit, notice, about }: Seen): Html {
  const settings = parts.settings.snapshot();
  const hinted = notice.anew ? undefined : hintedEmail(visit);
  const given = notice.anew ? undefined : visit.loginHint?.slice(0, 254);
  const email = notice.typed ?? hinted ?? given ?? visit.remembered;
  return emailPage({
    ...about,
    create: visit.create,
    sends:
      hinted !== undefined && notice.emailFault === undefined && settings['passwordless.login_hint_sends'],
    remembered: visit.remembered !== undefined,
    ...(email !== undefined && { email }),
    ...(notice.emailFault && { fault: notice.emailFault }),
    ...(notice.suggestion !== undefined && { suggestion: notice.suggestion }),
  });
}

async function code({ parts, notice, about }: Seen, record: AttemptRecord): Promise<Html> {
  const settings = parts.settings.snapshot();
  const { attempt } = record;
  const now = parts.clock.now();
  const pauseMs = settings['limits.resend_after_seconds'] * SECOND;
  const wanted = { email: attempt.email, sender: parts.mailSender };
  const hosts = parts.mailDomains?.mailHosts(domainOf(attempt.email)) ?? [];
  const inbox = inboxLink(wanted) ?? inboxLinkByMx(hosts, wanted);
  return codePage({
    ...about,
    email: attempt.email,
    step: attempt.mailedAt.length,
    method: record.linksOnly ? 'link' : settings['passwordless.method'],
    codeLength: record.codeLength,
    numeric: settings['passwordless.code_alphabet'] === 'numeric',
    validMs: settings['passwordless.validity_seconds'] * SECOND,
    sentAt: attempt.mailedAt.at(-1) ?? attempt.createdAt,
    newestOnly: settings['passwordless.regenerate_on_resend'],
    delivery: await deliveryOf(parts, attempt),
    resendAfterMs: Math.max(0, nextMailAt(attempt, pauseMs) - now),
    ...(inbox && { inbox }),
    ...numberShown(parts, record, settings),
    ...(notice.fault && { fault: notice.fault }),
    ...(notice.asked && { asked: notice.asked }),
  });
}

function numberShown(parts: OidcParts, record: AttemptRecord, settings: SettingValues) {
  const shown = settings['passwordless.remote_approval'] && settings['passwordless.method'] !== 'otp';
  return shown ? { number: numberOf(parts.secrets, record.attempt.id) } : {};
}

/** For the pages of somebody who is signed in already. */
async function asked({ parts, visit }: Seen): Promise<{ email: string; scopes: string[] }> {
  const { accountId, scopes } = visit;
  const user = accountId === undefined ? undefined : await parts.database.read((q) => findUser(q, accountId));
  return { email: user?.email ?? '', scopes };
}

/** Why there is no interaction to show, with a way back to the app where one is known. */
export function lostView(parts: OidcParts, lost: Lost): Html {
  const { words, client, uid, request } = lost;
  const frame = { words, host: parts.origin.host, brand: brandOf(parts, client?.branding) };
  const about = { ...frame, ...(client?.home && { backTo: client.home }) };
  const appName = client?.name ?? '';
  const again = uid === undefined || !request ? undefined : { uid, request, appName, email: lost.email };
  if (lost.lost === 'done') return doneElsewherePage({ ...about, appName, again });
  return lostPage({ ...about, reason: lost.lost, again, ...(client && { appName }) });
}

/** The page of a mailed link, for the browser that opened it. */
export async function linkView(
  parts: OidcParts,
  link: { token: string; words: Words; browser: string | undefined },
  view: LinkView,
): Promise<Html> {
  const { token, words } = link;
  const frame = { token, words, host: parts.origin.host, path: `/l/${encodeURIComponent(link.token)}` };
  await parts.settings.current();
  if (view.kind === 'unknown') return linkSpentPage({ ...frame, brand: brandOf(parts), kind: 'unknown' });
  const { record } = view;
  const client = await parts.provider().Client.find(record.attempt.clientId);
  const { name: appName, home, branding } = clientFacts(client ?? {});
  const about = { ...frame, appName, brand: brandOf(parts, branding) };
  if (view.kind === 'here') return linkHerePage({ ...about, email: record.attempt.email });
  if (view.kind !== 'elsewhere')
    return linkSpentPage({
      ...about,
      kind: view.kind,
      ...momentOf(view),
      ...(home && { backTo: home }),
      next: await nextStepOfLink(parts, record, link.browser),
    });
  return linkElsewherePage({
    ...about,
    requester: record.requester,
    sinceMs: parts.clock.now() - record.attempt.createdAt,
    ...(view.code && { code: view.code }),
    ...(view.approvable && { numbers: numbersOf(parts.secrets, record.attempt.id) }),
    ...signInHere(parts, client?.initiateLoginUri, record.attempt.email),
  });
}

/** What came of a number that was chosen in another browser. */
export async function approvalView(parts: OidcParts, words: Words, result: Approval): Promise<Html> {
  const client = await parts.provider().Client.find(result.record.attempt.clientId);
  const { name: appName, branding } = clientFacts(client ?? {});
  const frame = { words, appName, host: parts.origin.host, brand: brandOf(parts, branding) };
  return approvalPage({ ...frame, approved: result.kind === 'approved' });
}

function momentOf(view: LinkView & { record: AttemptRecord; sentAt?: number }) {
  const { attempt } = view.record;
  if (attempt.state === 'redeemed') return { at: attempt.redeemedAt };
  return view.kind === 'expired' && view.sentAt !== undefined ? { at: view.sentAt } : {};
}

/** A sign-in of its own in this browser, begun by the app (OpenID Connect Core 4); the mailed link proves nothing here. */
function signInHere(parts: OidcParts, uri: string | undefined, email: string): { signInHere?: string } {
  const url = uri === undefined ? null : URL.parse(uri);
  if (url === null) return {};
  url.searchParams.set('iss', parts.origin.origin);
  url.searchParams.set('login_hint', email);
  return { signInHere: url.href };
}
