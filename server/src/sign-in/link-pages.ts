import { groupCode } from '../core/code.ts';
import type { Instant } from '../core/ids.ts';
import type { Requester } from '../core/requester.ts';
import { MINUTE } from '../core/units.ts';
import { type Html, html, outsideUrl } from '../platform/http/html.ts';
import {
  address,
  button,
  card,
  continueButton,
  type Frame,
  form,
  moment,
  named,
  wayBack,
} from './page-parts.ts';
import { readable } from './pages.ts';

/** What every page of a link that is known knows. */
type LinkPage = Frame & { appName: string };

export interface LinkHerePage extends LinkPage {
  token: string;
  email: string;
}

function linkPath(token: string, step?: string): string {
  const path = `/l/${encodeURIComponent(token)}`;
  return step === undefined ? path : `${path}/${step}`;
}

/** The link was opened in the browser that asked for it. Nothing is spent before the form is posted. */
export function linkHerePage(model: LinkHerePage): Html {
  const { words, appName } = model;
  const content = html`<p class="soft">!${words.show('link.here_as', { address: address(readable(model.email)) })}</p>
!${form({ action: linkPath(model.token), content: continueButton(words), selfPost: 'seen' })}`;
  return card({
    ...model,
    title: words.say('continue.title', { app: appName }),
    heading: words.show('continue.title', { app: named(appName) }),
    content,
    script: 'self-post',
  });
}

export interface LinkElsewherePage extends LinkPage {
  token: string;
  /** Without one the link works only in the browser that asked. */
  code?: string;
  requester: Requester;
  sinceMs: number;
  /** Where the owner allows remote approval: the number of the first page is one of these. */
  numbers?: readonly string[];
  /** The app's own sign-in, where it has registered one: a new sign-in, in this browser. */
  signInHere?: string;
}

/** The link was opened in another browser: it signs nobody in here, and shows what to type where they started. */
export function linkElsewherePage(model: LinkElsewherePage): Html {
  const { words, code } = model;
  const titleKey = code === undefined ? 'link.elsewhere_title_bound' : 'link.elsewhere_title';
  const warning = words.show(code === undefined ? 'link.not_you_bound' : 'link.not_you_code');
  const content = html`!${code === undefined ? openThere(model) : codeToType(model, code)}
!${approval(model)}
!${whoAsked(model)}
!${signInHere(model)}
<p class="more"><strong>!${words.show('link.not_you')}</strong> !${warning}</p>`;
  return card({ ...model, title: words.say(titleKey), heading: words.show(titleKey), content });
}

/** Groups by style only, so that the code is one word when copied. */
function codeToType({ words }: LinkElsewherePage, code: string): Html {
  const groups = groupCode(code).map((group) => html`<span>${group}</span>`);
  return html`<p>!${words.show('link.enter_there')}</p>
<p class="shown" dir="ltr">!${groups}</p>`;
}

function openThere({ words, appName }: LinkElsewherePage): Html {
  return html`<p>!${words.show('link.bound', { app: named(appName) })}</p>`;
}

function approval({ words, numbers, token }: LinkElsewherePage): Html {
  if (numbers === undefined) return html``;
  const choices = numbers.map(
    (number) => html`<button class="second" name="number" value="${number}" dir="ltr">${number}</button>`,
  );
  const content = html`<p>!${words.show('link.approve')}</p><div class="numbers">!${choices}</div>`;
  return form({ action: linkPath(token, 'approve'), content });
}

function signInHere({ words, signInHere: to }: LinkElsewherePage): Html {
  const href = to === undefined ? undefined : outsideUrl(to);
  if (href === undefined) return html``;
  return html`<a class="button second" href="${href}">!${words.show('link.sign_in_here')}</a>`;
}

/** Which app, which browser, from where and when, so that a stranger's request can be told from one's own. */
export function whoAsked(model: LinkPage & { requester: Requester; sinceMs: number }): Html {
  const { words, requester, sinceMs } = model;
  const { ip, country } = requester;
  const when = sinceMs < MINUTE ? words.say('link.just_now') : words.ago(sinceMs);
  const row = (name: Html, value: Html) => html`
<dt>!${name}</dt><dd>!${value}</dd>`;
  return html`<dl>!${row(words.show('link.app'), named(model.appName))}!${row(words.show('link.started_in'), browserOf(model))}!${
    country === undefined ? '' : row(words.show('link.country'), html`${words.country(country)}`)
  }!${ip === undefined ? '' : row(words.show('link.network'), named(ip))}!${row(words.show('link.when'), html`${when}`)}
</dl>`;
}

function browserOf({ words, requester: { browser, os } }: LinkPage & { requester: Requester }): Html {
  if (os === undefined) return browser === undefined ? words.show('link.some_browser') : named(browser);
  const system = named(os);
  return browser === undefined
    ? words.show('link.some_browser_on', { system })
    : words.show('link.browser_on', { browser: named(browser), system });
}

/** The number was right, and the sign-in goes on where it was begun; or it was not, and it ended. */
export function approvalPage(model: LinkPage & { approved: boolean }): Html {
  const { words } = model;
  const key = model.approved ? 'approved' : 'mismatch';
  const content = html`<p class="soft">!${words.show(`link.${key}`)}</p>`;
  return card({
    ...model,
    title: words.say(`link.${key}_title`),
    heading: words.show(`link.${key}_title`),
    content,
  });
}

export interface LinkSpentPage extends Frame {
  kind: 'used' | 'expired' | 'superseded' | 'stopped' | 'unknown';
  token?: string;
  /** When it was sent, or used. */
  at?: Instant;
  backTo?: string;
  /** What this browser, which asked for the link, can do: go to the page that waits, or begin the same request again. */
  next?: 'waiting' | 'restart' | undefined;
}

/** The link is over; each way of being over has one next step. */
export function linkSpentPage(model: LinkSpentPage): Html {
  const { words, kind, at, token, next } = model;
  const time = at === undefined ? html`` : moment(at);
  const used = kind === 'used' && at !== undefined ? html` !${words.show('link.used_at', { time })}` : '';
  const onwards =
    next === undefined || token === undefined
      ? wayBack(model)
      : form({ action: linkPath(token, 'again'), content: button(words.show(`link.next_${next}`)) });
  const content = html`<p class="soft">!${words.show(`link.${kind}`, { time })}!${used}</p>
!${onwards}`;
  const titleKey = `link.${kind}_title` as const;
  const script = at === undefined ? {} : { script: 'times' as const };
  return card({ ...model, title: words.say(titleKey), heading: words.show(titleKey), content, ...script });
}
