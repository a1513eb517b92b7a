import type { EmailFault } from '../core/email.ts';
import { type Html, html, outsideUrl } from '../platform/http/html.ts';
import {
  address,
  buttonForm,
  CONTINUE,
  card,
  counted,
  form,
  interactionPath,
  named,
  wayBack,
} from './page-parts.ts';

export interface EmailPage {
  uid: string;
  appName: string;
  host: string;
  email?: string;
  fault?: EmailFault | 'repeated';
  /** The app asked for a new account (`prompt=create`). */
  create: boolean;
  /** The address came with the request, and the page posts itself. */
  sends: boolean;
}

const EMAIL_FAULTS: Record<EmailFault | 'repeated', string> = {
  empty: 'Enter your email address.',
  'too-long': 'This address is too long. Check it and try again.',
  'no-at-sign': 'Enter a whole address, such as name@example.com.',
  'several-addresses': 'Enter one address only, without spaces, commas or brackets.',
  'bad-local-part': 'Check the part before the @ sign: we cannot send to it.',
  'bad-domain': 'Check the part after the @ sign: it is not a domain that gets email.',
  repeated: 'The address came twice. Enter it once.',
};

/** Asks for the address; with `sends` it is filled in, and goes on by itself. */
export function emailPage(model: EmailPage): Html {
  const { uid, appName, fault } = model;
  const sends = model.sends && fault === undefined;
  const title = model.create ? `Create your ${appName} account` : `Sign in to ${appName}`;
  const heading = model.create
    ? html`Create your !${named(appName)} account`
    : html`Sign in to !${named(appName)}`;
  const content = html`<p class="soft">We will email you to make sure that it is you. No password needed.</p>
!${form({
    action: interactionPath(uid, 'start'),
    hidden: { step: 0 },
    content: html`!${emailField(model, !sends)}!${CONTINUE}`,
    selfPost: sends ? 'seen' : undefined,
  })}
<div class="more">!${cancel(uid, appName)}</div>`;
  const script = sends ? ({ script: 'self-post' } as const) : {};
  return card({ ...model, title, heading, content, faulty: fault !== undefined, ...script });
}

function emailField({ email = '', fault }: EmailPage, focus: boolean): Html {
  const invalid = fault === undefined ? '' : html` aria-invalid="true" aria-describedby="fault"`;
  return html`<label for="email">Email address</label>
<input id="email" type="email" name="email" value="${email}" autocomplete="email" inputmode="email" autocapitalize="off" spellcheck="false" maxlength="254" enterkeyhint="next" dir="auto" required!${invalid}!${focus ? html` autofocus` : ''}>
!${fault === undefined ? '' : html`<p class="fault" id="fault"><span class="vh">Error: </span>${EMAIL_FAULTS[fault]}</p>`}`;
}

function cancel(uid: string, appName: string): Html {
  const label = html`Cancel and go back to !${named(appName)}`;
  return buttonForm({ action: interactionPath(uid, 'abort'), label, look: 'quiet' });
}

export interface StoppedPage {
  uid: string;
  appName: string;
  host: string;
  email: string;
  reason: 'locked' | 'expired' | 'mails-spent';
  step: number;
}

const STOPPED = {
  locked: {
    title: 'Let us send a new code',
    why: html`Too many codes did not match. For your safety we stopped this attempt; the codes sent so far no longer work.`,
    label: html`Send a new code`,
  },
  expired: {
    title: 'This took a little too long',
    why: html`What we emailed you no longer works. We can send you a new email.`,
    label: html`Send a new email`,
  },
  'mails-spent': {
    title: 'Let us start afresh',
    why: html`We have sent all the emails that we send for one sign-in. Look for them among spam, or start again.`,
    label: html`Start again`,
  },
} as const;

/** The attempt is over; one button begins the next. */
export function stoppedPage(model: StoppedPage): Html {
  const { title, why, label } = STOPPED[model.reason];
  const content = html`<p class="soft">!${why}</p>
<p>For !${address(model.email)}</p>
!${buttonForm({ action: interactionPath(model.uid, 'restart'), label, hidden: { step: model.step } })}
<div class="more">!${otherAddress(model.uid)}</div>`;
  return card({ ...model, title, heading: html`${title}`, content });
}

/** Back to the first step of this interaction. */
export function otherAddress(uid: string): Html {
  const label = html`Use a different address`;
  return buttonForm({ action: interactionPath(uid, 'address'), label, look: 'quiet' });
}

/** The address is proved, and only the finish is left: after a link, or after a crash in between. */
export function continuePage(model: { uid: string; appName: string; host: string }): Html {
  const action = interactionPath(model.uid, 'continue');
  const content = html`<p class="soft">Your address is confirmed.</p>
!${form({ action, content: CONTINUE, selfPost: 'seen' })}`;
  const heading = html`Signing you in to !${named(model.appName)}`;
  return card({
    ...model,
    title: `Signing you in to ${model.appName}`,
    heading,
    content,
    script: 'self-post',
  });
}

export interface DoneElsewherePage {
  appName: string;
  host: string;
  backTo?: string;
}

export function doneElsewherePage(model: DoneElsewherePage): Html {
  const content = html`<p class="soft">This sign-in went on in another tab. You can close this one.</p>
!${model.backTo === undefined ? '' : wayBack(model.backTo, model.appName)}`;
  return card({ ...model, title: 'You are signed in', heading: html`You are signed in`, content });
}

/** Too many requests from one network, whoever the person is. */
export function busyPage(model: { host: string; retryAfterMinutes: number }): Html {
  const content = html`<p class="soft">Very many sign-ins came from your network just now. Try again in ${counted(model.retryAfterMinutes, 'minute')}: go back one page and send the form once more.</p>`;
  return card({ ...model, title: 'Please wait a little', heading: html`Please wait a little`, content });
}

export interface LostPage {
  appName?: string;
  host: string;
  backTo?: string;
  reason: 'cookies' | 'expired' | 'unknown';
}

const LOST = {
  cookies:
    'Your browser did not send the cookie that ties this page to your sign-in. Allow cookies for this site, and use the browser in which you started.',
  expired: 'This page was open for too long, so the sign-in ended.',
  unknown: 'This sign-in is no longer open, or it was started in another browser.',
} as const;

export function lostPage(model: LostPage): Html {
  const content = html`<p class="soft">${LOST[model.reason]}</p>
!${wayBack(model.backTo, model.appName)}`;
  return card({ ...model, title: 'Let us start again', heading: html`Let us start again`, content });
}

/**
 * Goes on to an absolute URL at once. A 200 page in place of a redirect after a form, because browsers hold
 * `form-action` against the whole chain of redirects. The refresh alone does it, with or without scripts:
 * a script beside it could ask for a one-time URL twice.
 */
export function leavingPage(model: { to: string; appName?: string }): Html {
  const to = outsideUrl(model.to);
  if (to === undefined) throw new Error('a page cannot lead to this URL');
  const heading =
    model.appName === undefined ? html`Taking you back` : html`Taking you back to !${named(model.appName)}`;
  const content = html`<p class="soft">If nothing happens, continue here.</p>
<a class="button" href="${to}">Continue</a>`;
  return card({ ...model, title: 'Taking you back', heading, content, refresh: to });
}
