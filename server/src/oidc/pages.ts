import { type Html, html, outsideUrl } from '../platform/http/html.ts';
import {
  address,
  buttonForm,
  CONTINUE,
  card,
  form,
  interactionPath,
  named,
  wayBack,
} from '../sign-in/page-parts.ts';

export interface ErrorPage {
  host: string;
  /** The stable word, as in RFC 6749 section 5.2. */
  error: string;
  description: string;
  backTo?: string;
  requestId: string;
}

/** A request that cannot be answered to the app, so the person gets the answer. */
export function errorPage(model: ErrorPage): Html {
  const content = html`<p>${model.description}</p>
<dl>
<dt>Error</dt><dd><code>${model.error}</code></dd>
<dt>Request</dt><dd><code>${model.requestId}</code></dd>
</dl>
!${wayBack(model.backTo, undefined)}`;
  return card({ ...model, title: 'This cannot go on', heading: html`This cannot go on`, content });
}

export interface SignOutPage {
  host: string;
  appName?: string;
  formAction: string;
  xsrf: string;
  /** The app proved whose session it is (`id_token_hint`): no question is needed. */
  auto: boolean;
}

export function signOutPage(model: SignOutPage): Html {
  const { formAction: action, xsrf, appName } = model;
  const from = appName === undefined ? html`` : html` of !${named(appName)}`;
  const yes = form({
    action,
    hidden: { xsrf, logout: 'yes' },
    content: html`<button>Sign out</button>`,
    selfPost: model.auto ? 'seen' : undefined,
  });
  const no = html`<p class="more">To stay signed in, close this page.</p>`;
  const content = html`<p class="soft">This ends your session in this browser.</p>
!${yes}!${model.auto ? '' : no}`;
  const heading = model.auto ? html`Signing you out!${from}` : html`Sign out!${from}?`;
  const title = model.auto ? 'Signing you out' : 'Sign out?';
  return card({ ...model, title, heading, content, ...(model.auto && { script: 'self-post' as const }) });
}

export interface SignedOutPage {
  host: string;
  appName?: string;
  backTo?: string;
}

export function signedOutPage(model: SignedOutPage): Html {
  const content = html`<p class="soft">You can close this tab.</p>
!${model.backTo === undefined ? '' : wayBack(model.backTo, model.appName)}`;
  return card({ ...model, title: 'You are signed out', heading: html`You are signed out`, content });
}

export interface ConsentPage {
  uid: string;
  appName: string;
  host: string;
  email: string;
  scopes: string[];
}

const SCOPES: ReadonlyMap<string, string> = new Map([
  ['openid', 'Know who you are'],
  ['profile', 'See your name and profile'],
  ['email', 'See your email address'],
  ['offline_access', 'Stay connected while you are away'],
]);

export function consentPage(model: ConsentPage): Html {
  const scopes = model.scopes.map((scope) => html`<li>!${scopeText(scope)}</li>`);
  const content = html`<p class="soft">You are signed in as !${address(model.email)}. The app asks to:</p>
<ul>!${scopes}</ul>
!${buttonForm({ action: interactionPath(model.uid, 'consent'), label: html`Allow` })}
!${buttonForm({ action: interactionPath(model.uid, 'abort'), label: html`Deny`, look: 'second' })}`;
  const heading = html`Allow !${named(model.appName)}?`;
  return card({ ...model, title: `Allow ${model.appName}?`, heading, content });
}

function scopeText(scope: string): Html {
  const known = SCOPES.get(scope);
  return known === undefined ? html`Use <code>${scope}</code>` : html`${known}`;
}

export interface ChooseAccountPage {
  uid: string;
  appName: string;
  host: string;
  email: string;
}

export function chooseAccountPage(model: ChooseAccountPage): Html {
  const keep = html`Continue as !${named(model.email)}`;
  const content = html`<p class="soft">You are already signed in on this browser.</p>
!${buttonForm({ action: interactionPath(model.uid, 'keep'), label: keep })}
!${buttonForm({ action: interactionPath(model.uid, 'address'), label: html`Use another address`, look: 'second' })}`;
  const heading = html`Sign in to !${named(model.appName)}`;
  return card({ ...model, title: `Sign in to ${model.appName}`, heading, content });
}

/**
 * OAuth 2.0 Form Post Response Mode: the answer travels as a form to the app. It goes at once, unseen too,
 * since a code lives for a minute. Send with `pageHeaders({ formAction: action })`.
 */
export function formPostPage(model: { action: string; fields: Record<string, string> }): Html {
  const action = outsideUrl(model.action);
  if (action === undefined) throw new Error('a form cannot be posted to this URL');
  const content = html`<p class="soft">If nothing happens, continue here.</p>
!${form({ action, hidden: model.fields, content: CONTINUE, selfPost: 'now' })}`;
  return card({ title: 'Taking you back', heading: html`Taking you back`, content, script: 'self-post' });
}
