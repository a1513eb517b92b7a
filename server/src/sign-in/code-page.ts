import { LIVE_CODES_MAX } from '../core/attempt.ts';
import { symbolsOf } from '../core/code.ts';
import type { Instant } from '../core/ids.ts';
import { SECOND } from '../core/units.ts';
import { type Html, html } from '../platform/http/html.ts';
import {
  address,
  button,
  card,
  continueButton,
  fault,
  interactionPath,
  moment,
  named,
  otherAddress,
  stepForm,
} from './page-parts.ts';
import { readable, type StepPage } from './pages.ts';

export type CodeFault = { kind: 'wrong'; left: number } | { kind: 'empty' } | { kind: 'off' };

/** What became of the newest mail, as far as its mail server has told. */
export type Delivery = 'queued' | 'accepted' | 'deferred' | 'failed';

export interface CodePage extends StepPage {
  email: string;
  /** Mails asked for so far; what a form of this page may do, it may do once. */
  step: number;
  method: 'otp' | 'link' | 'link_otp';
  codeLength: number;
  numeric: boolean;
  /** How long the code and the link work. */
  validMs: number;
  /** When the newest mail was asked for. */
  sentAt: Instant;
  /** Of several mails, whether only the newest works. */
  newestOnly: boolean;
  delivery: Delivery;
  /** Where the person reads this mail, with our mail already looked for. */
  inbox?: { provider: string; url: string };
  /** What to choose where the link is opened elsewhere. */
  number?: string;
  fault?: CodeFault;
  /** A mail was just asked for: it is on its way, or it was too soon. */
  asked?: 'sent' | 'too-soon';
  resendAfterMs: number;
}

/** Mail is on its way: enter the code, open the link, ask again, or correct the address. */
export function codePage(model: CodePage): Html {
  const { words } = model;
  const codeless = model.method === 'link' || model.fault?.kind === 'off';
  const content = html`!${askedNote(model)}!${undelivered(model)}
!${model.fault?.kind === 'off' ? codesOff(model) : whatWasSent(model)}
!${openInbox(model)}!${numberToChoose(model)}
!${codeless ? openedLink(model) : codeForm(model)}
<div class="more">
!${resendForm(model)}
!${otherAddress(model)}
!${noEmail(model)}
</div>`;
  return card({
    ...model,
    title: words.say('code.title'),
    heading: words.show('code.title'),
    content,
    faulty: model.fault !== undefined || model.delivery === 'failed',
    script: 'code-entry',
    home: interactionPath(model.uid),
  });
}

function askedNote({ words, asked, resendAfterMs }: CodePage): Html {
  if (asked === undefined) return html``;
  const text =
    asked === 'sent'
      ? words.show('code.resent')
      : words.show('code.too_soon', { seconds: html`${words.seconds(resendAfterMs)}` });
  return html`<p class="note" id="asked">!${text}</p>`;
}

function undelivered({ words, delivery, email }: CodePage): Html {
  if (delivery !== 'failed') return html``;
  const text = words.show('code.mail_failed', { domain: named(domainOf(email)) });
  return html`<p class="note fault"><span class="vh">${words.say('page.error')} </span>!${text}</p>`;
}

function codesOff({ words, method }: CodePage): Html {
  const text = words.show(method === 'otp' ? 'code.off_no_link' : 'code.off');
  return html`<p class="note fault" tabindex="-1" autofocus><span class="vh">${words.say('page.error')} </span>!${text}</p>`;
}

const SENT = { otp: 'code.sent_code', link: 'code.sent_link', link_otp: 'code.sent_both' } as const;

function whatWasSent(model: CodePage): Html {
  const { words, step } = model;
  const time = moment(model.sentAt);
  const several = words.countShown(
    model.newestOnly || step > LIVE_CODES_MAX ? 'code.sent_again_newest' : 'code.sent_again_any',
    step,
    { time },
  );
  const minutes = html`${words.minutes(model.validMs)}`;
  return html`<p>!${words.show(SENT[model.method], { address: address(readable(model.email)) })} !${
    step > 1 ? several : words.show('code.sent_at', { time, minutes })
  }</p>`;
}

function openInbox({ words, inbox }: CodePage): Html {
  if (inbox === undefined) return html``;
  const label = words.show('code.open_inbox', { provider: html`${inbox.provider}` });
  return html`<a class="button second" href="${inbox.url}" target="_blank" rel="noopener noreferrer">!${label}</a>`;
}

function numberToChoose({ words, number }: CodePage): Html {
  if (number === undefined) return html``;
  return html`<p>!${words.show('code.number')}</p><p class="shown" dir="ltr">${number}</p>`;
}

function codeForm(model: CodePage): Html {
  const content = html`!${codeField(model)}!${continueButton(model.words)}
!${model.method === 'link_otp' ? html`<noscript>!${openedLink(model)}</noscript>` : ''}`;
  return stepForm(model, 'code', { hidden: { step: model.step }, content });
}

function codeField(model: CodePage): Html {
  const { words, codeLength, numeric, fault: wrong, asked } = model;
  const described = [wrong ? 'fault' : '', asked ? 'asked' : '', 'hint'].filter((id) => id !== '').join(' ');
  const typing = numeric
    ? html`inputmode="numeric" autocapitalize="off"`
    : html`inputmode="text" autocapitalize="characters"`;
  return html`<label for="code">${labelOf(model)}</label>
<input class="code!${codeLength > 6 ? html` long` : ''}" id="code" type="text" name="code" data-scope="pin-input" data-part="input" data-length="${codeLength}" data-symbols="${symbolsOf(numeric ? 'numeric' : 'alphanumeric')}" !${typing} autocomplete="one-time-code" spellcheck="false" enterkeyhint="go" dir="ltr" aria-describedby="${described}"!${wrong ? html` aria-invalid="true"` : ''} required autofocus>
!${wrong ? fault(words, faultText(wrong, model)) : ''}
<p class="hint" id="hint"><span data-scripted hidden>!${words.show('code.hint_submits')} </span>!${words.show('code.hint')}</p>`;
}

function labelOf({ words, codeLength, numeric }: CodePage): string {
  return words.count(numeric ? 'code.label_digits' : 'code.label_characters', codeLength);
}

function faultText(wrong: CodeFault, { words }: CodePage): Html {
  switch (wrong.kind) {
    case 'wrong':
      return html`!${words.show('code.wrong')} ${words.count('code.tries_left', wrong.left)}`;
    case 'empty':
      return words.show('code.empty');
    case 'off':
      return words.show('code.off');
    default:
      return wrong satisfies never;
  }
}

/** For those without scripts; with them the page goes on by itself. */
function openedLink({ words, uid, method }: CodePage): Html {
  if (method === 'otp') return html``;
  return html`<a class="button second" href="${interactionPath(uid)}">!${words.show('code.opened_link')}</a>`;
}

function resendForm(model: CodePage): Html {
  const { words } = model;
  const content = html`!${button(words.show('code.resend'), 'quiet')} <span class="hint" data-left="${words.say('code.resend_in', { seconds: '{}' })}" hidden></span><span class="hint" role="status" data-end="${words.say('code.resend_now')}"></span>`;
  const markup = stepForm(model, 'resend', { hidden: { step: model.step }, content });
  return html`<div data-wait="${Math.ceil(model.resendAfterMs / SECOND)}">!${markup}</div>`;
}

function noEmail(model: CodePage): Html {
  const { words, method, email } = model;
  const domain = named(domainOf(email));
  const told = (delivery: Delivery) => words.say(`code.mail_${delivery}`, { domain: domainOf(email) });
  const newest = words.show(method === 'otp' ? 'code.help_newest' : 'code.help_newest_link');
  return html`<details><summary>!${words.show('code.help')}</summary>
<ul>
<li data-now="${model.delivery}" data-accepted="${told('accepted')}" data-deferred="${told('deferred')}">${told(model.delivery)}</li>
<li>!${words.show('code.help_spam')}</li>
<li>!${words.show('code.help_address', { domain })}</li>
<li>!${words.show('code.help_delay')}</li>
<li>!${newest}</li>
</ul></details>`;
}

function domainOf(email: string): string {
  const whole = readable(email);
  return whole.slice(whole.lastIndexOf('@') + 1);
}
