import { type Html, html, outsideUrl, page } from '../platform/http/html.ts';
import type { PageScript } from '../platform/http/page-scripts.ts';

/** What surrounds the content of every page: whose sign-in this is, and the host to compare with the mail. */
export interface Surroundings {
  host?: string;
  appName?: string;
}

export interface Card extends Surroundings {
  title: string;
  heading: Html;
  content: Html;
  /** Something to correct: the title says so first, for those who hear it. */
  faulty?: boolean;
  script?: PageScript;
  refresh?: string;
  /** The interaction whose status the page follows. */
  home?: string;
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** A page that is one centred card. */
export function card(parts: Card): Html {
  const { script, refresh } = parts;
  return page({
    title: titled(parts),
    body: html`<main!${parts.home === undefined ? '' : html` data-home="${parts.home}"`}>
!${letterhead(parts)}
<h1>!${parts.heading}</h1>
!${parts.content}
</main>
!${footer(parts.host)}`,
    ...(script && { script }),
    ...(refresh && { refresh }),
  });
}

function titled({ title, appName, faulty }: Card): string {
  const whole = !appName || title.includes(appName) ? title : `${title} - ${appName}`;
  return faulty ? `Error: ${whole}` : whole;
}

function letterhead({ appName }: Surroundings): Html {
  if (!appName) return html`<p class="app"><span class="mark">!${DOOR}</span></p>`;
  const [first] = graphemes.segment(appName.trim());
  const initial = first?.segment.toLocaleUpperCase('en') ?? '';
  return html`<p class="app"><span class="mark" aria-hidden="true">${initial}</span><bdi>${appName}</bdi></p>`;
}

const DOOR = html`<svg width="20" height="20" viewBox="0 0 20 20" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" aria-hidden="true"><path d="M4 18V9a6 6 0 0 1 12 0v9zM12.5 11.5v1"/></svg>`;

const LOCK = html`<svg width="14" height="14" viewBox="0 0 14 14" fill="none" stroke="currentColor" stroke-width="1.4" aria-hidden="true"><path d="M3 6.2h8v5.6H3zM4.8 6.2V4a2.2 2.2 0 0 1 4.4 0v2.2"/></svg>`;

function footer(host: string | undefined): Html {
  return host === undefined ? html`` : html`<footer>!${LOCK}<bdi>${host}</bdi></footer>`;
}

/** A name or an address that somebody chose: its direction stays its own. */
export function named(text: string): Html {
  return html`<bdi>${text}</bdi>`;
}

/** An address to check letter by letter. */
export function address(email: string): Html {
  return html`<strong><bdi>${email}</bdi></strong>`;
}

/** The address of an interaction, or of a step below it. */
export function interactionPath(uid: string, step?: string): string {
  const home = `/interaction/${encodeURIComponent(uid)}`;
  return step === undefined ? home : `${home}/${step}`;
}

export interface Form {
  action: string;
  content: Html;
  hidden?: Record<string, string | number>;
  /** `seen`: posts itself once a person sees the page; `now`: at once. */
  selfPost?: 'seen' | 'now' | undefined;
}

/** A form that the server judges: the browser's own checks stay out of the way. */
export function form({ action, content, hidden = {}, selfPost }: Form): Html {
  const fields = Object.entries(hidden).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  );
  const marked = selfPost === undefined ? '' : html` data-self-post="${selfPost}"`;
  return html`<form method="post" action="${action}" novalidate!${marked}>!${fields}!${content}</form>`;
}

/** A form that is nothing but its button. */
export function buttonForm(parts: {
  action: string;
  label: Html;
  look?: 'second' | 'quiet';
  hidden?: Record<string, string | number>;
}): Html {
  const look = parts.look === undefined ? '' : html` class="${parts.look}"`;
  return form({ ...parts, content: html`<button!${look}>!${parts.label}</button>` });
}

/** The main button of a step; suites of our users look for exactly this text. */
export const CONTINUE = html`<button>Continue</button>`;

/** A link out of the page, if it leads somewhere a page may lead; otherwise what to do instead. */
export function wayBack(backTo: string | undefined, appName: string | undefined): Html {
  const app = appName ? named(appName) : 'the app';
  const href = backTo === undefined ? undefined : (ownPath(backTo) ?? outsideUrl(backTo));
  if (href === undefined) return html`<p class="soft">Go back to !${app} and sign in again.</p>`;
  return html`<a class="button" href="${href}">Back to !${app}</a>`;
}

function ownPath(to: string): string | undefined {
  return /^\/(?![/\\])/.test(to) ? to : undefined;
}

/** `1 minute`, `10 minutes`. */
export function counted(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
