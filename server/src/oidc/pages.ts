import { type Html, html, outsideUrl } from '../platform/http/html.ts';
import type { Words } from '../platform/words/words.ts';
import {
  address,
  button,
  card,
  continueButton,
  type Frame,
  form,
  named,
  stepButton,
  wayBack,
} from '../sign-in/page-parts.ts';
import { readable, type StepPage } from '../sign-in/pages.ts';

export interface ErrorPage extends Frame {
  /** The stable word, as in RFC 6749 section 5.2. */
  error: string;
  /** In English, for the developers who will be asked about it. */
  description: string;
  backTo?: string;
  requestId: string;
}

/** A request that cannot be answered to the app, so the person gets the answer. */
export function errorPage(model: ErrorPage): Html {
  const { words } = model;
  const content = html`<p lang="en" dir="ltr">${model.description}</p>
<dl>
<dt>!${words.show('error.error')}</dt><dd><code>${model.error}</code></dd>
<dt>!${words.show('error.request')}</dt><dd><code>${model.requestId}</code></dd>
</dl>
!${wayBack(model)}`;
  return card({ ...model, title: words.say('error.title'), heading: words.show('error.title'), content });
}

export interface SignOutPage extends Frame {
  formAction: string;
  xsrf: string;
  /** The app proved whose session it is (`id_token_hint`): no question is needed. */
  auto: boolean;
}

export function signOutPage(model: SignOutPage): Html {
  const { words, formAction: action, xsrf, appName, auto } = model;
  const yes = form({
    action,
    hidden: { xsrf, logout: 'yes' },
    content: button(words.show('sign_out.button')),
    selfPost: auto ? 'seen' : undefined,
  });
  const no = html`<p class="more">!${words.show('sign_out.stay')}</p>`;
  const content = html`<p class="soft">!${words.show('sign_out.lead')}</p>
!${yes}!${auto ? '' : no}`;
  const titleKey = auto ? 'sign_out.title_auto' : 'sign_out.title';
  const heading =
    appName === undefined
      ? words.show(titleKey)
      : words.show(`${titleKey}_app` as const, { app: named(appName) });
  const script = auto ? { script: 'self-post' as const } : {};
  return card({ ...model, title: words.say(titleKey), heading, content, ...script });
}

export interface SignedOutPage extends Frame {
  backTo?: string;
}

export function signedOutPage(model: SignedOutPage): Html {
  const { words } = model;
  const content = html`<p class="soft">!${words.show('signed_out.lead')}</p>
!${model.backTo === undefined ? '' : wayBack(model)}`;
  return card({
    ...model,
    title: words.say('signed_out.title'),
    heading: words.show('signed_out.title'),
    content,
  });
}

export interface ConsentPage extends StepPage {
  email: string;
  scopes: string[];
}

export function consentPage(model: ConsentPage): Html {
  const { words, appName } = model;
  const scopes = model.scopes.map((scope) => html`<li>!${scopeText(words, scope)}</li>`);
  const content = html`<p class="soft">!${words.show('consent.lead', { address: address(readable(model.email)) })}</p>
<ul>!${scopes}</ul>
!${stepButton(model, 'consent', { label: words.show('consent.allow') })}
!${stepButton(model, 'abort', { label: words.show('consent.deny'), look: 'second' })}`;
  return card({
    ...model,
    title: words.say('consent.title', { app: appName }),
    heading: words.show('consent.title', { app: named(appName) }),
    content,
  });
}

function scopeText(words: Words, scope: string): Html {
  switch (scope) {
    case 'openid':
    case 'profile':
    case 'email':
    case 'offline_access':
      return words.show(`consent.${scope}`);
    default:
      return words.show('consent.other', { scope: html`<code>${scope}</code>` });
  }
}

export interface ChooseAccountPage extends StepPage {
  email: string;
}

export function chooseAccountPage(model: ChooseAccountPage): Html {
  const { words, appName } = model;
  const keep = words.show('choose.keep', { address: named(readable(model.email)) });
  const content = html`<p class="soft">!${words.show('choose.lead')}</p>
!${stepButton(model, 'keep', { label: keep })}
!${stepButton(model, 'address', { label: words.show('choose.other'), look: 'second' })}`;
  return card({
    ...model,
    title: words.say('email.title', { app: appName }),
    heading: words.show('email.title', { app: named(appName) }),
    content,
  });
}

/**
 * OAuth 2.0 Form Post Response Mode: the answer travels as a form to the app. It goes at once, unseen too,
 * since a code lives for a minute. Send with `pageHeaders(page, { formAction: action })`.
 */
export function formPostPage(model: Frame & { action: string; fields: Record<string, string> }): Html {
  const { words } = model;
  const action = outsideUrl(model.action);
  if (action === undefined) throw new Error('a form cannot be posted to this URL');
  const content = html`<p class="soft">!${words.show('page.if_nothing_happens')}</p>
!${form({ action, hidden: model.fields, content: continueButton(words), selfPost: 'now' })}`;
  return card({
    words,
    brand: model.brand,
    title: words.say('leaving.title'),
    heading: words.show('leaving.title'),
    content,
    script: 'self-post',
  });
}
