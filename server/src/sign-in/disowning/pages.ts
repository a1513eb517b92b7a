import type { Requester } from '../../core/requester.ts';
import { type Html, html } from '../../platform/http/html.ts';
import { whoAsked } from '../link-pages.ts';
import { address, button, card, type Frame, form, named } from '../page-parts.ts';
import { readable } from '../pages.ts';
import { disownPath } from './disowning.ts';

/** What the form sends: a program that posts to the link itself sends nothing, and does nothing. */
export const ANSWER = 'not-me';

export interface DisownPage extends Frame {
  appName: string;
  token: string;
  email: string;
  requester: Requester;
  sinceMs: number;
  /** Somebody is signed in by it. */
  used: boolean;
}

/** Who asked, so that the owner can tell. Nothing happens before the button is pressed: no script presses it. */
export function disownPage(model: DisownPage): Html {
  const { words, token, used } = model;
  const about = { address: address(readable(model.email)), app: named(model.appName) };
  const content = html`<p>!${words.show(used ? 'disown.lead_used' : 'disown.lead', about)}</p>
!${whoAsked(model)}
!${form({ action: disownPath(token), hidden: { answer: ANSWER }, content: button(words.show('disown.button')) })}
<p class="more">!${words.show('disown.was_me')}</p>`;
  const titleKey = 'disown.title';
  return card({ ...model, title: words.say(titleKey), heading: words.show(titleKey), content });
}

/** What was stopped, and what is left to do. */
export function disownedPage(model: Frame & Pick<DisownPage, 'appName' | 'used'>): Html {
  const { words, used } = model;
  const app = named(model.appName);
  const content = html`<p>!${words.show(used ? 'disown.done_used' : 'disown.done', { app })}</p>
<p class="soft">!${words.show(used ? 'disown.next_used' : 'disown.next', { app })}</p>`;
  const titleKey = 'disown.done_title';
  return card({ ...model, title: words.say(titleKey), heading: words.show(titleKey), content });
}

/** A link that is cut off, or older than what is kept. */
export function disownUnknownPage(model: Frame): Html {
  const { words } = model;
  const content = html`<p class="soft">!${words.show('disown.unknown')}</p>`;
  const titleKey = 'link.unknown_title';
  return card({ ...model, title: words.say(titleKey), heading: words.show(titleKey), content });
}
