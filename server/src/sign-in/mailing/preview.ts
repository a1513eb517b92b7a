import { findClient } from '../../clients/store.ts';
import { Problem } from '../../core/problems.ts';
import { MINUTE } from '../../core/units.ts';
import type { TemplateBook } from '../../mail/templates/book.ts';
import type { TemplateParts } from '../../mail/templates/finding.ts';
import { type MailText, readTemplate, renderTemplate } from '../../mail/templates/rendering.ts';
import type { TemplateKey } from '../../mail/templates/store.ts';
import { type MailKind, vocabulary } from '../../mail/templates/variables.ts';
import type { Queries } from '../../platform/database/schema.ts';
import { type Words, wordsFor } from '../../platform/words/words.ts';
import type { Settings } from '../../settings/settings.ts';
import { brandOf } from '../branding.ts';
import { defaultMail, fromTemplate, type MailFacts, templateData } from './writing.ts';

/** A mail as it would leave, with sample values. */
export interface Preview extends MailText {
  readonly kind: MailKind;
  readonly locale: string;
  /** The version it comes from; undefined for parts that are not saved, and for the default. */
  readonly version: number | undefined;
  readonly isDefault: boolean;
}

export interface PreviewOf {
  readonly settings: Settings;
  readonly origin: URL;
  readonly book: TemplateBook;
  readonly key: TemplateKey;
  /** A template that is not saved. */
  readonly parts: TemplateParts | undefined;
  /** In place of the sample's own. */
  readonly meant: Partial<Pick<MailFacts, 'email' | 'requestedAt'>>;
}

/** The mail that a template gives with sample values; where there is none, the one that would leave instead. */
export async function previewOf(q: Queries, given: PreviewOf): Promise<Preview> {
  const { kind, locale, clientId } = given.key;
  const settings = given.settings.snapshot();
  const client = clientId && (await findClient(q, clientId));
  const look = {
    appName: client?.name ?? settings['branding.name'],
    brand: brandOf(given, client?.branding),
  };
  const facts = { ...sampleFacts(kind, given.origin, wordsFor(locale)), ...look, ...given.meant };
  if (given.parts)
    return { ...unsaved(kind, given.parts, facts), kind, locale, version: undefined, isDefault: false };
  const found = await given.book.find(q, {
    kinds: [kind],
    clientId,
    locales: [locale, settings['branding.language']],
  });
  const mail = found ? fromTemplate(found, facts) : defaultMail(kind, facts);
  return {
    ...mail,
    kind,
    locale: found?.version.locale ?? locale,
    version: found?.version.version,
    isDefault: !found,
  };
}

function unsaved(kind: MailKind, parts: TemplateParts, facts: MailFacts): MailText {
  const { template } = readTemplate(parts, kind);
  if (template) return renderTemplate(template, templateData(kind, facts));
  throw new Problem('template_invalid', 'The template has errors; `postern template check` lists them.');
}

/** One invented mail of a kind. */
function sampleFacts(kind: MailKind, origin: URL, words: Words): Omit<MailFacts, 'appName' | 'brand'> {
  const known = vocabulary(kind);
  return {
    words,
    host: origin.host,
    origin: origin.origin,
    validMs: 10 * MINUTE,
    requestedAt: Date.UTC(2026, 0, 15, 14, 32),
    requester: { browser: 'Firefox', os: 'Linux', country: 'FR', ip: '203.0.113.7' },
    email: 'ada@example.com',
    ...(known.has('code') && { code: '482913' }),
    ...(known.has('link') && { link: new URL('/l/q8Zk3vX0b2NfT7yLr1CwAg', origin).href }),
    ...(known.has('not_me_link') && { notMe: new URL('/not-me/q8Zk3vX0b2NfT7yLr1CwAg', origin).href }),
  };
}
