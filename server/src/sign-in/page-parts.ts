import { type Html, html, outsideUrl, page } from '../platform/http/html.ts';
import type { PageScript } from '../platform/http/page-scripts.ts';
import { clockTime, type Words } from '../platform/words/words.ts';
import type { Brand, BrandLogo } from './branding.ts';

/** What surrounds the content of every page: its language, whose sign-in this is, and the host to compare with the mail. */
export interface Frame {
  words: Words;
  host?: string;
  appName?: string;
  brand?: Brand | undefined;
  /** The address of the page, for those who choose another language. */
  path?: string;
}

export interface Card extends Frame {
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
  const { script, refresh, words } = parts;
  return page({
    lang: words.lang,
    dir: words.dir,
    title: titled(parts),
    body: html`<main!${parts.home === undefined ? '' : html` data-home="${parts.home}"`}>
!${letterhead(parts)}
<h1>!${parts.heading}</h1>
!${parts.content}
</main>
!${footer(parts)}`,
    ...(parts.brand?.style && { style: parts.brand.style }),
    ...(script && { script }),
    ...(refresh && { refresh }),
  });
}

function titled({ words, title, appName, faulty }: Card): string {
  const whole = !appName || title.includes(appName) ? title : `${title} - ${appName}`;
  return faulty ? `${words.say('page.error')} ${whole}` : whole;
}

function letterhead({ appName, brand }: Frame): Html {
  if (brand?.logo) return html`<p class="app">!${logo(brand, brand.logo, appName || brand.name)}</p>`;
  if (!appName) return html`<p class="app"><span class="mark">!${DOOR}</span></p>`;
  const [first] = graphemes.segment(appName.trim());
  const initial = first?.segment.toLocaleUpperCase('en') ?? '';
  return html`<p class="app"><span class="mark" aria-hidden="true">${initial}</span><bdi>${appName}</bdi></p>`;
}

/** With its size, so that nothing moves when it comes. */
function logo({ logoDark }: Brand, { path, width, height }: BrandLogo, alt: string): Html {
  const plate = logoDark ? '' : html` class="plate"`;
  const img = html`<img!${plate} src="${path}" width="${width}" height="${height}" alt="${alt}">`;
  if (!logoDark) return img;
  return html`<picture><source media="(prefers-color-scheme:dark)" srcset="${logoDark.path}" width="${logoDark.width}" height="${logoDark.height}">!${img}</picture>`;
}

const DOOR = html`<svg width="20" height="20" viewBox="0 0 20 20" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" aria-hidden="true"><path d="M4 18V9a6 6 0 0 1 12 0v9zM12.5 11.5v1"/></svg>`;

const GLOBE = html`<svg width="14" height="14" viewBox="0 0 14 14" fill="none" stroke="currentColor" stroke-width="1.2" aria-hidden="true"><circle cx="7" cy="7" r="6"/><path d="M1 7h12M7 1c-3 4-3 8 0 12M7 1c3 4 3 8 0 12"/></svg>`;

function footer({ words, host, path }: Frame): Html {
  const where = host === undefined ? '' : html`<bdi>${host}</bdi>`;
  const chooser =
    path === undefined
      ? ''
      : html`<a href="/languages?from=${encodeURIComponent(path)}" aria-label="${words.say('page.languages')}: ${words.say('language')}">!${GLOBE}${words.say('language')}</a>`;
  return html`<footer>!${where}!${chooser}</footer>`;
}

/** A name or an address that somebody chose: its direction stays its own. */
export function named(text: string): Html {
  return html`<bdi>${text}</bdi>`;
}

/** An address to check letter by letter. */
export function address(email: string): Html {
  return html`<strong><bdi>${email}</bdi></strong>`;
}

/** A moment, which the page's script shows in the reader's own time. */
export function moment(at: number): Html {
  return html`<time datetime="${new Date(at).toISOString()}">${clockTime(at)}</time>`;
}

/** Something to correct, with the word that says so to those who hear it. */
export function fault(words: Words, text: Html): Html {
  return html`<p class="fault" id="fault"><span class="vh">${words.say('page.error')} </span>!${text}</p>`;
}

/** The address of an interaction, or of a step below it. */
export function interactionPath(uid: string, step?: string): string {
  const home = `/interaction/${encodeURIComponent(uid)}`;
  return step === undefined ? home : `${home}/${step}`;
}

/** Where the forms of an interaction lead, and the request that they carry along. */
export interface StepTarget {
  uid: string;
  /** The authorization request, sealed: with it a page that has outlived its interaction begins it again. */
  request?: string;
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

/** A form that is a step of an interaction. */
export function stepForm({ uid, request }: StepTarget, step: string, parts: Omit<Form, 'action'>): Html {
  const hidden = { ...parts.hidden, ...(request !== undefined && { request }) };
  return form({ ...parts, action: interactionPath(uid, step), hidden });
}

/** A step that is nothing but its button. */
export function stepButton(
  target: StepTarget,
  step: string,
  parts: { label: Html; look?: 'second' | 'quiet'; hidden?: Record<string, string | number> },
): Html {
  return stepForm(target, step, { ...parts, content: button(parts.label, parts.look) });
}

export function button(label: Html, look?: 'second' | 'quiet'): Html {
  return html`<button!${look === undefined ? '' : html` class="${look}"`}>!${label}</button>`;
}

/** The main button of a step; in English, suites of our users look for exactly this text. */
export function continueButton(words: Words): Html {
  return button(words.show('page.continue'));
}

/** Back to the app without signing in, which it is told. */
export function cancelButton(model: StepTarget & { words: Words; appName: string }): Html {
  const label = model.words.show('page.cancel', { app: named(model.appName) });
  return stepButton(model, 'abort', { label, look: 'quiet' });
}

/** Back to the first step of this interaction. */
export function otherAddress(model: StepTarget & { words: Words }): Html {
  return stepButton(model, 'address', { label: model.words.show('page.other_address'), look: 'quiet' });
}

/** A link out of the page, if it leads somewhere a page may lead; otherwise what to do instead. */
export function wayBack(
  { words, appName, backTo }: Frame & { backTo?: string | undefined },
  look?: 'second',
): Html {
  const app = appName ? named(appName) : words.show('page.the_app');
  const href = backTo === undefined ? undefined : (ownPath(backTo) ?? outsideUrl(backTo));
  if (href === undefined)
    return html`<p class="soft">!${words.show('page.go_back_and_sign_in', { app })}</p>`;
  return html`<a class="button!${look === undefined ? '' : ` ${look}`}" href="${href}">!${words.show('page.back_to', { app })}</a>`;
}

/** A path of this server, where the text is one. */
export function ownPath(to: string): string | undefined {
  return /^\/(?![/\\])/.test(to) ? to : undefined;
}
