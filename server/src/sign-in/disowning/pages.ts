import type { Instant } from '../../core/ids.ts';
import { type Html, html } from '../../platform/http/html.ts';
import { whoAsked } from '../link-pages.ts';
import { address, button, card, type Frame, form, named } from '../page-parts.ts';
import { readable } from '../pages.ts';
import type { AttemptRecord } from '../store.ts';
import { type DisownView, disownPath } from './disowning.ts';

/** What the form sends: a program that posts to the link itself sends nothing, and does nothing. */
export const ANSWER = 'not-me';

interface About extends Frame {
  readonly token: string;
  readonly now: Instant;
}

/** The page that a mail's "it was not me" is at. */
export function disownPageOf(view: DisownView, about: About): Html {
  if (view.kind === 'unknown') return unknownPage(about);
  const known = { ...about, appName: view.appName, record: view.record };
  return view.done ? disownedPage(known) : disownPage(known);
}

type Known = About & { appName: string; record: AttemptRecord };

/** Who asked, so that the owner can tell. Nothing happens before the button is pressed: no script presses it. */
function disownPage(model: Known): Html {
  const { words, record, token, now } = model;
  const { attempt, requester } = record;
  const lead = attempt.state === 'redeemed' ? 'disown.lead_used' : 'disown.lead';
  const content = html`<p>!${words.show(lead, { address: address(readable(attempt.email)), app: named(model.appName) })}</p>
!${whoAsked({ ...model, requester, sinceMs: now - attempt.createdAt })}
!${form({ action: disownPath(token), hidden: { answer: ANSWER }, content: button(words.show('disown.button')) })}
<p class="more">!${words.show('disown.was_me')}</p>`;
  return card({
    ...model,
    title: words.say('disown.title'),
    heading: words.show('disown.title'),
    content,
  });
}

/** What was stopped, and what is left to do. */
function disownedPage(model: Known): Html {
  const { words, record } = model;
  const key = record.sessionId === undefined ? 'disown.done' : 'disown.done_used';
  const next = record.sessionId === undefined ? 'disown.next' : 'disown.next_used';
  const content = html`<p>!${words.show(key, { app: named(model.appName) })}</p>
<p class="soft">!${words.show(next, { app: named(model.appName) })}</p>`;
  const titleKey = 'disown.done_title';
  return card({ ...model, title: words.say(titleKey), heading: words.show(titleKey), content });
}

function unknownPage(about: About): Html {
  const { words } = about;
  const titleKey = 'link.unknown_title';
  const content = html`<p class="soft">!${words.show('disown.unknown')}</p>`;
  return card({ ...about, title: words.say(titleKey), heading: words.show(titleKey), content });
}
