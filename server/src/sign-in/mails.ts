import { isIP } from 'node:net';
import { groupCode } from '../core/code.ts';
import type { Instant } from '../core/ids.ts';
import type { Requester } from '../core/requester.ts';
import { type SignInWords, signInHtml } from './mail-html.ts';

export interface SignInMailFacts {
  /** As the client or the owner wrote it; nothing in it is trusted. */
  readonly appName: string;
  /** With its port, as the browser shows it. */
  readonly host: string;
  readonly origin: string;
  readonly code?: string;
  /** An absolute URL below `origin`. */
  readonly link?: string;
  /** An absolute URL below `origin`: for an owner who did not ask for this mail. */
  readonly notMe?: string;
  readonly minutes: number;
  readonly requestedAt: Instant;
  readonly requester: Requester;
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
  const { code, link } = facts;
  if (code === undefined && link === undefined) throw new Error('a sign-in mail needs a code or a link');
  if (link !== undefined && !link.startsWith(`${facts.origin}/`))
    throw new Error('a mailed link leads to the configured origin only');
  const words = wordsOf(facts);
  return { subject: words.subject, preheader: words.preheader, text: textOf(words), html: signInHtml(words) };
}

function wordsOf(facts: SignInMailFacts): SignInWords {
  const { code, link, host } = facts;
  const name = displayName(facts.appName) || host;
  const time = `${new Date(facts.requestedAt).toISOString().slice(11, 16)} UTC`;
  const life = facts.minutes === 1 ? '1 minute' : `${facts.minutes} minutes`;
  const whereFrom = requesterOf(facts.requester);
  return {
    name,
    host,
    code,
    link,
    subject:
      code === undefined
        ? `Sign in to ${name}, ${time}`
        : `${groupCode(code).join(' ')} is your ${name} sign-in code`,
    preheader:
      code === undefined
        ? `Your link to sign in to ${name}. It works for ${life}.`
        : `${code} is your ${name} code. It works for ${life}.`,
    terms: [
      `Works for ${life}, once.`,
      ...(code === undefined
        ? ['Open it in the browser where you started.']
        : [`Enter the code only on ${host}.`, 'Nobody will ever ask you for it.']),
    ],
    origins: [
      `Requested at ${time}${whereFrom}.`,
      'Not you? Ignore this mail; nobody can sign in without it.',
    ],
  };
}

function textOf({ name, code, link, terms, origins, host }: SignInWords): string {
  const lines = [
    code === undefined ? `Sign in to ${name} with this link:` : `${code} is your ${name} sign-in code.`,
    ...(code === undefined || link === undefined ? [] : ['', 'Or sign in with this link:']),
    ...(link === undefined ? [] : [link]),
    '',
    ...terms,
    '',
    ...origins,
    ...(code === undefined ? [] : ['', `@${host.replace(/:\d+$/, '')} #${code}`]), // as mail programs that fill in codes read it
  ];
  return `${lines.join('\n')}\n`;
}

/** ` from Chrome on macOS (203.0.113.7)`; only what is known, and only of the kind it should be. */
function requesterOf({ browser = '', os = '', ip = '' }: Requester): string {
  const program = [displayName(browser), displayName(os)].filter(Boolean).join(' on ');
  const address = isIP(ip) === 0 ? '' : ip;
  if (program === '') return address === '' ? '' : ` from ${address}`;
  return ` from ${program}${address === '' ? '' : ` (${address})`}`;
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
