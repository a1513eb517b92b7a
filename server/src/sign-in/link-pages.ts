import { groupCode } from '../core/code.ts';
import type { Requester } from '../core/requester.ts';
import { type Html, html } from '../platform/http/html.ts';
import { address, CONTINUE, card, counted, form, named, wayBack } from './page-parts.ts';

export interface LinkHerePage {
  token: string;
  appName: string;
  host: string;
  email: string;
}

/** The link was opened in the browser that asked for it. Nothing is spent before the form is posted. */
export function linkHerePage(model: LinkHerePage): Html {
  const action = `/l/${encodeURIComponent(model.token)}`;
  const content = html`<p class="soft">As !${address(model.email)}</p>
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

export interface LinkElsewherePage {
  appName: string;
  host: string;
  code?: string;
  requester: Requester;
  minutesAgo: number;
  sameBrowserOnly: boolean;
}

/** The link was opened in another browser: it signs nobody in here, and shows what to type where they started. */
export function linkElsewherePage(model: LinkElsewherePage): Html {
  const { code, appName } = model;
  const typing = code !== undefined && !model.sameBrowserOnly;
  const title = typing ? 'Almost there' : 'Open the link where you started';
  const content = html`!${typing ? codeToType(code) : openThere(appName)}
!${whoAsked(model)}
<p class="more"><strong>Did not start this?</strong> Close this page. !${typing ? html`Give the code to nobody: without it they cannot get in.` : html`Without you they cannot get in.`}</p>`;
  return card({ ...model, title, heading: html`${title}`, content });
}

/** Groups by style only, so that the code is one word when copied. */
function codeToType(code: string): Html {
  const groups = groupCode(code).map((group) => html`<span>${group}</span>`);
  return html`<p>Enter this code in the browser where you started:</p>
<p class="shown" dir="ltr">!${groups}</p>`;
}

function openThere(appName: string): Html {
  return html`<p>This link works only in the browser in which you asked to sign in to !${named(appName)}. Go back to it, and open the link there; if your email app opened this page inside itself, choose “Open in browser”.</p>`;
}

function whoAsked({ appName, requester, minutesAgo }: LinkElsewherePage): Html {
  const when = minutesAgo < 1 ? 'just now' : `${counted(Math.floor(minutesAgo), 'minute')} ago`;
  const network =
    requester.ip === undefined
      ? ''
      : html`
<dt>Network</dt><dd>!${named(requester.ip)}</dd>`;
  return html`<dl>
<dt>App</dt><dd>!${named(appName)}</dd>
<dt>Started in</dt><dd>!${browserOf(requester)}</dd>!${network}
<dt>When</dt><dd>${when}</dd>
</dl>`;
}

function browserOf({ browser, os }: Requester): Html {
  if (os === undefined) return browser === undefined ? html`another browser` : named(browser);
  return html`!${browser === undefined ? 'a browser' : named(browser)} on !${named(os)}`;
}

export interface LinkSpentPage {
  kind: 'used' | 'expired' | 'superseded' | 'unknown';
  appName?: string;
  host: string;
  backTo?: string;
}

const SPENT = {
  used: {
    title: 'You already used this link',
    text: 'A link works once. If you are not signed in, ask for a new one.',
  },
  expired: {
    title: 'This link has expired',
    text: 'Links work for a short time only. Ask for a new one where you want to sign in.',
  },
  superseded: {
    title: 'There is a newer link',
    text: 'You started again after we sent this one. Open the link in the newest email.',
  },
  unknown: {
    title: 'This link does not work',
    text: 'It may be incomplete: some email apps break long lines. Open it from the email once more, or type the code instead.',
  },
} as const;

export function linkSpentPage(model: LinkSpentPage): Html {
  const { title, text } = SPENT[model.kind];
  const content = html`<p class="soft">${text}</p>
!${model.kind === 'superseded' && model.backTo === undefined ? '' : wayBack(model.backTo, model.appName)}`;
  return card({ ...model, title, heading: html`${title}`, content });
}
