import { isIP } from 'node:net';
import { groupCode } from '../core/code.ts';
import type { Instant } from '../core/ids.ts';
import type { Requester } from '../core/requester.ts';
import { clockTime, type Words } from '../platform/words/words.ts';
import type { Brand } from './branding.ts';
import { type MailLook, type SignInLines, signInHtml } from './mail-html.ts';

export interface SignInMailFacts {
  readonly words: Words;
  /** As the client or the owner wrote it; nothing in it is trusted. */
  readonly appName: string;
  /** Where the code is entered: with its port, as the browser shows it. */
  readonly host: string;
  /** The app has a field for the code, and is at no host: only its name can be said. */
  readonly enteredInApp?: boolean;
  readonly origin: string;
  readonly code?: string;
  /** An absolute URL below `linkBase`, or below `origin` where there is none. */
  readonly link?: string;
  /** A page of the app, which opens the link itself. */
  readonly linkBase?: string;
  /** An absolute URL below `origin`: for an owner who did not ask for this mail. */
  readonly notMe?: string;
  /** How long it works from now on, in milliseconds. */
  readonly validMs: number;
  readonly requestedAt: Instant;
  readonly requester: Requester;
  readonly brand?: Brand;
}

export interface SignInMail {
  readonly subject: string;
  /** What a list of mails shows after the subject. */
  readonly preheader: string;
  readonly text: string;
  readonly html: string;
}

/** The mail with a code, a link or both. The code comes first in subject, preheader and text. */
export function signInMail(facts: SignInMailFacts): SignInMail {
  const { code, link, notMe, origin, linkBase = `${origin}/` } = facts;
  if (code === undefined && link === undefined) throw new Error('a sign-in mail needs a code or a link');
  if (link?.startsWith(linkBase) === false || notMe?.startsWith(`${origin}/`) === false)
    throw new Error('a mailed link leads to the configured origin, or to a page of the app');
  const lines = linesOf(facts);
  return { subject: lines.subject, preheader: lines.preheader, text: textOf(lines), html: signInHtml(lines) };
}

function linesOf(facts: SignInMailFacts): SignInLines {
  const { code, link, notMe, words } = facts;
  const app = displayName(facts.appName) || facts.host;
  const host = facts.enteredInApp ? undefined : facts.host;
  const time = clockTime(facts.requestedAt);
  const minutes = words.minutes(facts.validMs);
  const where = requesterOf(facts);
  return {
    words,
    app,
    look: lookOf(facts),
    host,
    code,
    link,
    notMe,
    subject:
      code === undefined
        ? words.say('mail.subject_link', { app, time })
        : words.say('mail.subject_code', { app, code: groupCode(code).join(' ') }),
    preheader:
      code === undefined
        ? words.say('mail.preheader_link', { app, minutes })
        : words.say('mail.preheader_code', { app, code, minutes }),
    terms: [
      words.say('mail.works_for', { minutes }),
      code === undefined ? words.say('mail.where_started') : words.say('mail.only_on', { host: host ?? app }),
    ],
    origins: [
      where === ''
        ? words.say('mail.requested', { time })
        : words.say('mail.requested_from', { time, where }),
      words.say('mail.not_you'),
    ],
  };
}

/** Mail programs show no drawings, and not all of them WebP. */
const MAILABLE = new Set(['png', 'jpeg']);

/** The look of a mail: the accents of the brand, and its logo where mail programs show it. */
export function lookOf({ brand, origin }: Pick<SignInMailFacts, 'brand' | 'origin'>): MailLook {
  const { accents, logo } = brand ?? {};
  return {
    ...(accents && { accents }),
    ...(logo && MAILABLE.has(logo.kind) && { logo: { ...logo, url: new URL(logo.path, origin).href } }),
  };
}

function textOf({ words, app, code, link, notMe, terms, origins, host }: SignInLines): string {
  const lines = [
    code === undefined ? words.say('mail.text_link', { app }) : words.say('mail.text_code', { app, code }),
    ...(code === undefined || link === undefined ? [] : ['', words.say('mail.text_or_link')]),
    ...(link === undefined ? [] : [link]),
    '',
    ...terms,
    '',
    ...origins,
    ...(notMe === undefined ? [] : [`${words.say('mail.not_me')}:`, notMe]),
    ...(code === undefined || host === undefined ? [] : ['', `@${host.replace(/:\d+$/, '')} #${code}`]), // as mail programs that fill in codes read it
  ];
  return `${lines.join('\n')}\n`;
}

/** `Chrome on macOS (203.0.113.7)`; only what is known, and only of the kind it should be. */
export function requesterOf({ words, requester }: Pick<SignInMailFacts, 'words' | 'requester'>): string {
  const browser = displayName(requester.browser ?? '');
  const system = displayName(requester.os ?? '');
  const address = isIP(requester.ip ?? '') === 0 ? '' : (requester.ip ?? '');
  const program = browser && system ? words.say('link.browser_on', { browser, system }) : browser || system;
  const country = requester.country === undefined ? '' : words.country(requester.country);
  const place = [country, address].filter((part) => part !== '').join(', ');
  return program && place ? `${program} (${place})` : program || place;
}

const NAME_MAX = 40;

/** Phone numbers are the other thing that mail programs turn into links: more digits than a year are none of a name. */
const DIGITS_MAX = 4;

/**
 * A name that somebody chose, made safe to stand in a mail of ours: one line, no invisible or turning
 * characters, no piles of accents, no address, number or link that a mail program would make clickable.
 * Dots between letters become U+2024, which looks the same and ends no domain.
 */
export function displayName(chosen: string): string {
  const name = chosen
    .slice(0, 500)
    .normalize('NFKC')
    .replace(/[\p{Cc}\p{Z}\s]+/gu, ' ')
    .replace(/[\p{C}\u115f\u1160\u3164\uffa0\u2800<>]/gu, '')
    .replace(/(\p{M}{2})\p{M}+/gu, '$1')
    .replace(/\s*:\s*\/\/\s*/g, ' ')
    .replace(/\s*@\s*/g, ' at ')
    .replace(/[.\u3002](?=\S)/g, '\u2024')
    .replace(/=\?|\?=/g, '')
    .trim();
  const digits = name.match(/\p{Nd}/gu)?.length ?? 0;
  const plain =
    digits > DIGITS_MAX
      ? name
          .replace(/[\p{Nd}+()-]+/gu, '')
          .replace(/ {2,}/g, ' ')
          .trim()
      : name;
  const letters = [...plain];
  return letters.length <= NAME_MAX
    ? plain
    : `${letters
        .slice(0, NAME_MAX - 1)
        .join('')
        .trimEnd()}…`;
}
