import { symbolsOf } from '../core/code.ts';
import { type Html, html } from '../platform/http/html.ts';
import { address, CONTINUE, card, counted, form, interactionPath } from './page-parts.ts';
import { otherAddress } from './pages.ts';

export type CodeFault = { kind: 'wrong'; left: number } | { kind: 'empty' } | { kind: 'codes-off' };

export interface CodePage {
  uid: string;
  appName: string;
  host: string;
  email: string;
  /** Mails asked for so far; what a form of this page may do, it may do once. */
  step: number;
  method: 'otp' | 'link' | 'link_otp';
  codeLength: number;
  numeric: boolean;
  /** How long the code and the link work. */
  minutes: number;
  fault?: CodeFault;
  resent?: boolean;
  resendAfterSeconds: number;
}

/** Mail is on its way: enter the code, open the link, ask again, or correct the address. */
export function codePage(model: CodePage): Html {
  const codeless = model.method === 'link' || model.fault?.kind === 'codes-off';
  const content = html`!${model.resent ? html`<p class="note" id="resent">We have sent you another email.</p>` : ''}
!${model.fault?.kind === 'codes-off' ? CODES_OFF : whatWasSent(model)}
!${codeless ? openedLink(model) : codeForm(model)}
<div class="more">
!${resendForm(model)}
!${otherAddress(model.uid)}
!${noEmail(model)}
</div>`;
  return card({
    ...model,
    title: 'Check your email',
    heading: html`Check your email`,
    content,
    faulty: model.fault !== undefined,
    script: 'code-entry',
    home: interactionPath(model.uid),
  });
}

const CODES_OFF = html`<p class="note fault" tabindex="-1" autofocus><span class="vh">Error: </span>Too many wrong codes were entered for this address, so codes are off for now. Open the link in the newest email instead, in this browser.</p>`;

function whatWasSent({ method, email, minutes, ...code }: CodePage): Html {
  const one = `${code.codeLength === 8 ? 'an' : 'a'} ${codeName(code)}`;
  const sent = { otp: one, link: 'a link', link_otp: `${one} and a link` };
  const works = method === 'link_otp' ? 'They work' : 'It works';
  return html`<p>We sent ${sent[method]} to !${address(email)}. ${works} for ${counted(minutes, 'minute')}.</p>`;
}

function codeName({ codeLength, numeric }: Pick<CodePage, 'codeLength' | 'numeric'>): string {
  return `${codeLength}-${numeric ? 'digit' : 'character'} code`;
}

function codeForm(model: CodePage): Html {
  const content = html`!${codeField(model)}!${CONTINUE}
!${model.method === 'link_otp' ? html`<noscript>!${openedLink(model)}</noscript>` : ''}`;
  return form({ action: interactionPath(model.uid, 'code'), hidden: { step: model.step }, content });
}

function codeField(model: CodePage): Html {
  const { codeLength, numeric, fault, resent } = model;
  const described = [fault ? 'fault' : '', resent ? 'resent' : '', 'hint']
    .filter((id) => id !== '')
    .join(' ');
  const typing = numeric
    ? html`inputmode="numeric" autocapitalize="off"`
    : html`inputmode="text" autocapitalize="characters"`;
  return html`<label for="code">${codeName(model)}</label>
<input class="code!${codeLength > 6 ? html` long` : ''}" id="code" type="text" name="code" data-scope="pin-input" data-part="input" data-length="${codeLength}" data-symbols="${symbolsOf(numeric ? 'numeric' : 'alphanumeric')}" !${typing} autocomplete="one-time-code" spellcheck="false" enterkeyhint="go" dir="ltr" aria-describedby="${described}"!${fault ? html` aria-invalid="true"` : ''} required autofocus>
!${fault ? html`<p class="fault" id="fault"><span class="vh">Error: </span>${faultText(fault, model)}</p>` : ''}
<p class="hint" id="hint"><span data-scripted hidden>The page goes on by itself once the code is complete. </span>We never ask for it by phone or chat.</p>`;
}

function faultText(fault: CodeFault, model: CodePage): string {
  switch (fault.kind) {
    case 'wrong':
      return `That code is not right. Check the newest email from us. ${triesLeft(fault.left)}`;
    case 'empty':
      return `Enter the ${codeName(model)} from the email.`;
    case 'codes-off':
      return 'Codes are off for now.';
    default:
      return fault satisfies never;
  }
}

function triesLeft(left: number): string {
  return left === 1 ? '1 try left.' : `${left} tries left.`;
}

/** For those without scripts; with them the page goes on by itself. */
function openedLink({ uid }: CodePage): Html {
  return html`<a class="button second" href="${interactionPath(uid)}">I have opened the link</a>`;
}

function resendForm({ uid, step, resendAfterSeconds }: CodePage): Html {
  const content = html`<button class="quiet">Send another email</button> <span class="hint" data-left="in {} s" hidden></span><span class="hint" role="status" data-end="You can ask for another email now."></span>`;
  const markup = form({ action: interactionPath(uid, 'resend'), hidden: { step }, content });
  return html`<div data-wait="${resendAfterSeconds}">!${markup}</div>`;
}

function noEmail({ method, email }: CodePage): Html {
  const at = email.lastIndexOf('@');
  return html`<details><summary>No email?</summary>
<ul>
<li>Look among spam and promotions.</li>
<li>Check the address above, the part after the @ sign too: <bdi>${email.slice(at + 1)}</bdi></li>
<li>Some companies hold new mail back for a few minutes.</li>
<li>If several came, use the newest!${method === 'otp' ? '' : html`, and open its link in this browser`}.</li>
</ul></details>`;
}
