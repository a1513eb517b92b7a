import { isIP } from 'node:net';
import type { ClientId } from '../../core/ids.ts';
import { MINUTE } from '../../core/units.ts';
import { recordEvent } from '../../events/store.ts';
import type { OutboxRow } from '../../mail/store.ts';
import type { Found, TemplateBook } from '../../mail/templates/book.ts';
import type { Data } from '../../mail/templates/plan.ts';
import { type MailText, renderTemplate } from '../../mail/templates/rendering.ts';
import { type MailKind, type VariableName, vocabulary } from '../../mail/templates/variables.ts';
import type { Queries } from '../../platform/database/schema.ts';
import { clockTime, type Words, wordsFor } from '../../platform/words/words.ts';
import { displayName, lookOf, type SignInMailFacts, signInMail } from '../mails.ts';
import { type NoticeKind, noticeMail } from './notices.ts';

/** Everything a mail is written from. */
export interface MailFacts extends SignInMailFacts {
  readonly email: string;
  /** What the app says in names of its own, `custom.NAME` in a template. */
  readonly custom?: Readonly<Record<string, string>>;
}

export interface ToWrite {
  /** The kind it is, and others whose template would do. */
  readonly kinds: readonly [MailKind, ...MailKind[]];
  readonly facts: MailFacts;
  readonly clientId: ClientId | undefined;
  /** The deployment's language, for which there may be a template where the reader's has none. */
  readonly language: string;
  readonly row: Pick<OutboxRow, 'id' | 'attemptId'>;
}

/** The mail from its template, else as it is by default. A template that fails is recorded, and holds no mail up. */
export async function writeMail(q: Queries, book: TemplateBook, mail: ToWrite): Promise<MailText> {
  const { kinds, facts, clientId, language, row } = mail;
  const found = await book.find(q, { kinds, clientId, locales: [facts.words.lang, language] });
  if (found === undefined) return defaultMail(kinds[0], facts);
  try {
    return fromTemplate(found, facts);
  } catch (failure) {
    const reason = failure instanceof Error ? failure.message : 'unknown';
    const { attemptId } = row;
    const data = { mailId: row.id, template: found.version.id, reason };
    const event = { type: 'mail.template_failed', ...(attemptId && { attemptId }), data } as const;
    await recordEvent(q, event, facts.requestedAt);
    return defaultMail(kinds[0], facts);
  }
}

/** The mail that a template gives; throws when it gives none that is of use. */
export function fromTemplate({ template, version }: Found, facts: MailFacts): MailText {
  if (template === undefined) throw new Error('this release cannot read the template');
  const words = wordsFor(version.locale);
  const mail = renderTemplate(template, templateData(version.kind, { ...facts, words }));
  const proofs = [facts.code, facts.link].filter((proof) => proof !== undefined);
  if (proofs.length > 0 && !proofs.some((proof) => mail.text.includes(proof)))
    throw new Error('the text part came out without code and link');
  return mail;
}

/** The mail as it is where nobody has written another. */
export function defaultMail(kind: MailKind, facts: MailFacts): MailText {
  return isNotice(kind) ? noticeMail(kind, facts) : signInMail(facts);
}

function isNotice(kind: MailKind): kind is NoticeKind {
  return !/^sign_(?:in|up)_/.test(kind);
}

/** What a template of this kind can say of a mail. */
export function templateData(kind: MailKind, facts: MailFacts): Data {
  const { words, requester } = facts;
  const all: Record<VariableName, string | undefined> = {
    code: facts.code,
    link: facts.link,
    not_me_link: facts.notMe,
    'app.name': displayName(facts.appName) || facts.host,
    'app.logo_url': lookOf(facts).logo?.url,
    host: facts.host,
    'user.email': facts.email,
    expires_in: words.minutes(facts.validMs),
    expires_minutes: String(Math.max(1, Math.round(facts.validMs / MINUTE))),
    'request.browser': displayName(requester.browser ?? ''),
    'request.os': displayName(requester.os ?? ''),
    'request.country': countryOf(words, requester.country),
    'request.ip': isIP(requester.ip ?? '') === 0 ? undefined : requester.ip,
    'request.time': clockTime(facts.requestedAt),
    locale: words.lang,
    dir: words.dir,
  };
  const known = vocabulary(kind);
  const own = Object.entries(facts.custom ?? {}).map(([name, text]) => [`custom.${name}`, text] as const);
  return new Map([
    ...own,
    ...Object.entries(all).flatMap(([name, text]) =>
      text && known.has(name) ? [[name, text] as const] : [],
    ),
  ]);
}

function countryOf(words: Words, code: string | undefined): string | undefined {
  return code === undefined ? undefined : words.country(code);
}
