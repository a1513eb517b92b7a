import { domainToUnicode } from 'node:url';
import type { EmailFault } from '../core/email.ts';
import { type Html, html, outsideUrl } from '../platform/http/html.ts';
import type { TextKey } from '../platform/words/words.ts';
import {
  address,
  cancelButton,
  card,
  continueButton,
  type Frame,
  fault,
  named,
  otherAddress,
  type StepTarget,
  stepButton,
  stepForm,
  wayBack,
} from './page-parts.ts';

/** What every page of an interaction knows. */
export type StepPage = Frame & StepTarget & { appName: string };

export type AddressFault = EmailFault | 'repeated' | 'no-mail';

export interface EmailPage extends StepPage {
  email?: string;
  fault?: AddressFault;
  /** An address that is probably meant; the one that was typed stays a choice. */
  suggestion?: string;
  /** The app asked for a new account (`prompt=create`). */
  create: boolean;
  /** The address came with the request, and the page posts itself. */
  sends: boolean;
  /** The person wants to find the address here the next time. */
  remembered?: boolean;
}

const FAULTS: Readonly<Record<AddressFault, TextKey>> = {
  empty: 'email.empty',
  'too-long': 'email.too_long',
  'no-at-sign': 'email.no_at_sign',
  'several-addresses': 'email.several_addresses',
  'bad-local-part': 'email.bad_local_part',
  'bad-domain': 'email.bad_domain',
  'no-mail': 'email.no_mail',
  repeated: 'email.repeated',
};

/** Asks for the address; with `sends` it is filled in, and goes on by itself. */
export function emailPage(model: EmailPage): Html {
  const { words, appName } = model;
  const sends = model.sends && model.fault === undefined && model.suggestion === undefined;
  const titleKey = model.create ? 'email.title_create' : 'email.title';
  const content = html`<p class="soft">!${words.show('email.lead')}</p>
!${stepForm(model, 'start', {
    hidden: { step: 0, ...(model.suggestion !== undefined && { typed: model.email ?? '' }) },
    content: html`!${emailField(model, !sends)}!${choice(model)}`,
    selfPost: sends ? 'seen' : undefined,
  })}
<div class="more">!${cancelButton(model)}</div>`;
  return card({
    ...model,
    title: words.say(titleKey, { app: appName }),
    heading: words.show(titleKey, { app: named(appName) }),
    content,
    faulty: model.fault !== undefined,
    ...(sends && { script: 'self-post' as const }),
  });
}

function emailField(model: EmailPage, focus: boolean): Html {
  const { words, email = '', fault: wrong, suggestion } = model;
  const invalid = wrong === undefined ? '' : html` aria-invalid="true" aria-describedby="fault"`;
  const described = suggestion === undefined ? '' : html` aria-describedby="meant"`;
  return html`<label for="email">!${words.show('email.label')}</label>
<input id="email" type="email" name="email" value="${email}" autocomplete="email" inputmode="email" autocapitalize="off" spellcheck="false" maxlength="254" enterkeyhint="next" dir="auto" required!${invalid}!${described}!${focus ? html` autofocus` : ''}>
!${wrong === undefined ? '' : fault(words, addressFault(model, wrong))}`;
}

function addressFault({ words, email = '' }: EmailPage, wrong: AddressFault): Html {
  const domain = email.slice(email.lastIndexOf('@') + 1);
  return words.show(FAULTS[wrong], { domain: named(domain), example: named('name@example.com') });
}

/** Go on, or first choose between what was typed and what was probably meant. */
function choice(model: EmailPage): Html {
  const { words, suggestion, email = '' } = model;
  const remember = html`<label class="tick"><input type="checkbox" name="remember" value="1"!${model.remembered ? html` checked` : ''}>!${words.show('email.remember')}</label>`;
  if (suggestion === undefined) return html`!${remember}!${continueButton(words)}`;
  const meant = html`<p class="note" id="meant">!${words.show('email.typo', { address: address(suggestion) })}</p>`;
  return html`!${meant}!${remember}
<button name="meant" value="${suggestion}">!${words.show('email.typo_yes', { address: named(suggestion) })}</button>
<button class="second">!${words.show('email.typo_no', { address: named(email) })}</button>`;
}

/** An address as its owner reads it: an internationalised domain in its own script. */
export function readable(email: string): string {
  const at = email.lastIndexOf('@');
  return email.slice(0, at + 1) + (domainToUnicode(email.slice(at + 1)) || email.slice(at + 1));
}

export interface StoppedPage extends StepPage {
  email: string;
  reason: 'locked' | 'expired' | 'mails_spent' | 'disowned';
  step: number;
}

/** The attempt is over; one button begins the next. */
export function stoppedPage(model: StoppedPage): Html {
  const { words, reason } = model;
  const label = words.show(`stopped.${reason}_button`);
  const content = html`<p class="soft">!${words.show(`stopped.${reason}`)}</p>
<p>!${words.show('stopped.for', { address: address(readable(model.email)) })}</p>
!${stepButton(model, 'restart', { label, hidden: { step: model.step } })}
<div class="more">!${otherAddress(model)}</div>`;
  const titleKey = `stopped.${reason}_title` as const;
  return card({ ...model, title: words.say(titleKey), heading: words.show(titleKey), content });
}

/** The address is proved, and only the finish is left: after a link, or after a crash in between. */
export function continuePage(model: StepPage): Html {
  const { words, appName } = model;
  const content = html`<p class="soft">!${words.show('continue.lead')}</p>
!${stepForm(model, 'continue', { content: continueButton(words), selfPost: 'seen' })}`;
  return card({
    ...model,
    title: words.say('continue.title', { app: appName }),
    heading: words.show('continue.title', { app: named(appName) }),
    content,
    script: 'self-post',
  });
}

export interface DoneElsewherePage extends Frame {
  backTo?: string;
  /** For the browser that signed in: the session answers the same request again, so that this tab comes to the app too. */
  again?: StepTarget | undefined;
}

export function doneElsewherePage(model: DoneElsewherePage): Html {
  const { words, again } = model;
  const content = html`<p class="soft">!${words.show('done.lead')}</p>
!${again === undefined ? '' : stepForm(again, 'again', { content: continueButton(words) })}
!${model.backTo === undefined ? '' : wayBack(model, again && 'second')}`;
  return card({ ...model, title: words.say('done.title'), heading: words.show('done.title'), content });
}

/** Too many requests from one network, whoever the person is. */
export function busyPage(model: Frame & { retryAfterMs: number }): Html {
  const { words } = model;
  const minutes = html`${words.minutes(Math.max(model.retryAfterMs, 60_000))}`;
  const content = html`<p class="soft">!${words.show('busy.lead', { minutes })}</p>`;
  return card({ ...model, title: words.say('busy.title'), heading: words.show('busy.title'), content });
}

export interface LostPage extends Frame {
  backTo?: string;
  reason: 'cookies' | 'expired' | 'ended' | 'unknown';
  /** For the browser that has the request: it can begin it again, or cancel it, which the app is told. */
  again?: (StepTarget & { appName: string; email?: string | undefined }) | undefined;
}

export function lostPage(model: LostPage): Html {
  const { words, reason, again } = model;
  const content = html`<p class="soft">!${words.show(`lost.${reason}`)}</p>
!${again === undefined ? wayBack(model) : onwards({ ...again, words, reason })}`;
  return card({ ...model, title: words.say('lost.title'), heading: words.show('lost.title'), content });
}

function onwards(model: NonNullable<LostPage['again']> & Pick<LostPage, 'words' | 'reason'>): Html {
  const { words, email } = model;
  const label = model.reason === 'cookies' ? words.show('lost.again') : words.show('page.continue');
  return html`!${email === undefined ? '' : html`<p>!${words.show('stopped.for', { address: address(email) })}</p>`}
!${stepButton(model, 'again', { label })}
<div class="more">!${cancelButton(model)}</div>`;
}

/**
 * Goes on to an absolute URL at once. A 200 page in place of a redirect after a form, because browsers hold
 * `form-action` against the whole chain of redirects. The refresh alone does it, with or without scripts:
 * a script beside it could ask for a one-time URL twice.
 */
export function leavingPage(model: Frame & { to: string }): Html {
  const { words, appName } = model;
  const to = outsideUrl(model.to);
  if (to === undefined) throw new Error('a page cannot lead to this URL');
  const heading =
    appName === undefined
      ? words.show('leaving.title')
      : words.show('leaving.title_app', { app: named(appName) });
  const content = html`<p class="soft">!${words.show('page.if_nothing_happens')}</p>
<a class="button" href="${to}">!${words.show('page.continue')}</a>`;
  return card({ ...model, title: words.say('leaving.title'), heading, content, refresh: to });
}

/** Every language by its own name; the choice is kept, and leads back to the page it was made on. */
export function languagesPage(model: Frame & { from: string }, all: ReadonlyArray<LanguageChoice>): Html {
  const { words } = model;
  const choices = all.map(
    ({ lang, name }) =>
      html`<button class="quiet" name="language" value="${lang}" lang="${lang}"!${lang === words.lang ? html` aria-current="true"` : ''}>${name}</button>`,
  );
  const content = html`<form method="post" action="/languages" class="languages"><input type="hidden" name="from" value="${model.from}">!${choices}</form>`;
  const title = words.say('page.languages_title');
  const { host = '', brand } = model;
  return card({ words, brand, ...(host && { host }), title, heading: html`${title}`, content });
}

type LanguageChoice = { lang: string; name: string };
