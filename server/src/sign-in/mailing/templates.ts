import { findClient } from '../../clients/store.ts';
import { type ClientId, isId } from '../../core/ids.ts';
import { chooseLanguage, indexLanguages } from '../../core/language.ts';
import { type DiffLine, lineDiff } from '../../core/line-diff.ts';
import { nearest } from '../../core/nearest.ts';
import { Problem } from '../../core/problems.ts';
import { recordEvent } from '../../events/store.ts';
import { createTemplateBook, type TemplateBook } from '../../mail/templates/book.ts';
import { checkTemplate } from '../../mail/templates/check.ts';
import {
  type PartName,
  partNames,
  type TemplateFinding,
  type TemplateParts,
} from '../../mail/templates/finding.ts';
import {
  activeTemplates,
  addVersion,
  partsOf,
  type TemplateKey,
  type TemplateVersion,
  useVersion,
  versionsOf,
} from '../../mail/templates/store.ts';
import { type MailKind, mailKindOf, mailKinds } from '../../mail/templates/variables.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/database/database.ts';
import type { Queries } from '../../platform/database/schema.ts';
import { languages } from '../../platform/words/words.ts';
import type { Settings } from '../../settings/settings.ts';
import { type Preview, previewOf } from './preview.ts';

/** What a template is for, as somebody names it. */
export interface TemplateName {
  readonly kind: string;
  /** The deployment's language where nothing is said. */
  readonly locale?: string | undefined;
  /** A client's id; every client that has none of its own where nothing is said. */
  readonly client?: string | undefined;
}

export interface TemplateShown extends TemplateVersion {
  readonly parts: TemplateParts;
}

export interface PartDiff {
  readonly part: PartName;
  readonly lines: readonly DiffLine[];
}

/** The mails that owners write themselves. */
export interface Templates {
  /** What mails are written from while the server runs. */
  readonly book: TemplateBook;
  /** Those that mails use. */
  list(): Promise<TemplateVersion[]>;
  show(name: TemplateName, version?: number): Promise<TemplateShown>;
  check(kind: string, parts: Partial<TemplateParts>): TemplateFinding[];
  /** Parts that are left out stay as they are in use. Refuses (`template_invalid`) what `check` calls an error. */
  save(
    name: TemplateName,
    parts: Partial<TemplateParts>,
  ): Promise<{ version: number; findings: TemplateFinding[] }>;
  /** Newest first. */
  versions(name: TemplateName): Promise<TemplateVersion[]>;
  /** What a version changed against another: the one before it where none is named. */
  diff(name: TemplateName, to?: number, from?: number): Promise<PartDiff[]>;
  /** Mails use this version from now on. */
  revert(name: TemplateName, version: number): Promise<void>;
  /** Mails use the default from now on. The versions stay, to go back to. */
  remove(name: TemplateName): Promise<void>;
  /** With parts: as if they were saved. With `to`: for that mailbox and this moment, to be sent to it as a test. */
  preview(
    name: TemplateName,
    options?: { parts?: Partial<TemplateParts> | undefined; to?: string },
  ): Promise<Preview>;
}

export interface TemplatesParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly origin: URL;
}

export function createTemplates(parts: TemplatesParts): Templates {
  const { database, clock } = parts;
  const book = createTemplateBook(clock);
  const named = async <T>(name: TemplateName, work: (q: Queries, key: TemplateKey) => Promise<T>) => {
    const { 'branding.language': language } = await parts.settings.current();
    return database.read(async (q) => work(q, await keyOf(q, name, language)));
  };
  const change: Change = (name, type, work) => changeTemplate({ ...parts, book }, { name, type }, work);
  return {
    book,
    list: () => database.read(activeTemplates),
    show: (name, version) => named(name, (q, key) => shown(q, key, version)),
    check: (kind, given) => checkTemplate(whole(given), checkedKind(kind)),
    save: async (name, given) => {
      let findings: TemplateFinding[] = [];
      const version = await change(name, 'template.saved', async (q, key) => {
        const wanted = { ...(await inUse(q, key)), ...given };
        findings = checkTemplate(whole(wanted), key.kind);
        refuseErrors(findings);
        return addVersion(q, key, { parts: whole(wanted), at: clock.now() });
      });
      return { version: version ?? 0, findings };
    },
    versions: (name) => named(name, versionsOf),
    diff: (name, to, from) => named(name, (q, key) => diff(q, key, { to, from })),
    revert: async (name, version) => {
      await change(name, 'template.reverted', async (q, key) => {
        refuseErrors(checkTemplate((await shown(q, key, version)).parts, key.kind));
        await useVersion(q, key, version);
        return version;
      });
    },
    remove: async (name) => {
      await change(name, 'template.removed', async (q, key) => {
        await shown(q, key, undefined);
        await useVersion(q, key, undefined);
        return undefined;
      });
    },
    preview: (name, { parts: given, to } = {}) =>
      named(name, async (q, key) => {
        const unsaved = given && whole({ ...(await inUse(q, key)), ...given });
        const meant = to === undefined ? {} : { email: to, requestedAt: clock.now() };
        return previewOf(q, { ...parts, book, key, parts: unsaved, meant });
      }),
  };
}

type ChangeType = 'template.saved' | 'template.reverted' | 'template.removed';

/** Gives the version that is in use afterwards. */
type Work = (q: Queries, key: TemplateKey) => Promise<number | undefined>;
type Change = (name: TemplateName, type: ChangeType, work: Work) => Promise<number | undefined>;

/** One transaction with its event. */
async function changeTemplate(
  parts: TemplatesParts & { readonly book: TemplateBook },
  { name, type }: { name: TemplateName; type: ChangeType },
  work: Work,
): Promise<number | undefined> {
  const { 'branding.language': language } = await parts.settings.current();
  const changed = await parts.database.write(async (q) => {
    const key = await keyOf(q, name, language);
    const version = await work(q, key);
    const about = { kind: key.kind, locale: key.locale, client: key.clientId ?? '' };
    await recordEvent(q, { type, data: { ...about, ...(version && { version }) } }, parts.clock.now());
    return version;
  });
  parts.book.forget();
  return changed;
}

function whole({
  subject = '',
  preheader = '',
  html = '',
  text = '',
}: Partial<TemplateParts>): TemplateParts {
  return { subject, preheader, html, text };
}

async function inUse(q: Queries, key: TemplateKey): Promise<Partial<TemplateParts>> {
  const active = (await versionsOf(q, key)).find((one) => one.active);
  return (active && (await partsOf(q, active.id))) ?? {};
}

/** The named version, or the one in use. */
async function shown(q: Queries, key: TemplateKey, version: number | undefined): Promise<TemplateShown> {
  const versions = await versionsOf(q, key);
  const found = versions.find((one) => (version === undefined ? one.active : one.version === version));
  const parts = found && (await partsOf(q, found.id));
  if (found && parts) return { ...found, parts };
  const what = version === undefined ? 'There is no template in use' : `There is no version ${version}`;
  const numbers = versions.map((one) => one.version).join(', ');
  const hint = numbers === '' ? 'None was ever saved' : `The versions that are kept: ${numbers}`;
  throw new Problem('template_not_found', `${what} for ${key.kind} in ${key.locale}. ${hint}.`);
}

async function diff(
  q: Queries,
  key: TemplateKey,
  wanted: { to: number | undefined; from: number | undefined },
): Promise<PartDiff[]> {
  const to = await shown(q, key, wanted.to);
  const before = wanted.from ?? (await versionsOf(q, key)).find((one) => one.version < to.version)?.version;
  const from = before === undefined ? whole({}) : (await shown(q, key, before)).parts;
  return partNames
    .map((part) => ({ part, lines: lineDiff(from[part], to.parts[part]) }))
    .filter(({ lines }) => lines.some(({ mark }) => mark !== ' '));
}

async function keyOf(q: Queries, name: TemplateName, language: string): Promise<TemplateKey> {
  const kind = checkedKind(name.kind);
  return {
    kind,
    locale: checkedLocale(name.locale ?? language),
    clientId: await checkedClient(q, name.client),
  };
}

function checkedKind(name: string): MailKind {
  const kind = mailKindOf(name.replaceAll('-', '_'));
  if (kind) return kind;
  const meant = nearest(name, mailKinds);
  const hint = meant === undefined ? '' : ` Did you mean ${meant}?`;
  throw new Problem(
    'template_invalid',
    `There is no mail ${name}.${hint} There are ${mailKinds.join(', ')}.`,
  );
}

/** Mails are written in the languages of the pages: others would never be used. */
function checkedLocale(tag: string): string {
  const tags = languages.map(({ lang }) => lang);
  const locale = chooseLanguage([tag], indexLanguages(tags));
  if (locale) return locale;
  throw new Problem('template_invalid', `There is no language ${tag}. There are ${tags.join(', ')}.`);
}

async function checkedClient(q: Queries, id: string | undefined): Promise<ClientId | undefined> {
  if (id === undefined || id === '') return undefined;
  if (isId('skc', id) && (await findClient(q, id))) return id;
  throw new Problem('client_not_found', `There is no client ${id}. \`postern client list\` lists all.`);
}

/** A finding as one line of text. */
export function findingLine({ part, line, column, message, nearest: meant }: TemplateFinding): string {
  return `${part} ${line}:${column}: ${message}${meant === undefined ? '' : `; did you mean ${meant}?`}`;
}

function refuseErrors(findings: readonly TemplateFinding[]): void {
  const errors = findings.filter(({ severity }) => severity === 'error');
  const [first] = errors;
  if (!first) return;
  const { part, line, column } = first;
  const more = errors.length > 5 ? ` (and ${errors.length - 5} more)` : '';
  throw new Problem('template_invalid', `${errors.slice(0, 5).map(findingLine).join('. ')}${more}.`, {
    data: { part, line, column },
  });
}
