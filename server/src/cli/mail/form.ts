import { readFileSync } from 'node:fs';
import { providerKinds } from '../../mail/providers/kinds.ts';
import type { ProviderKind } from '../../mail/providers/provider.ts';
import { type Call, UsageError } from '../command.ts';
import { table } from '../table.ts';

/** The fields of `--set FIELD=VALUE`. */
export function optionsIn(call: Call): Record<string, string> {
  return Object.fromEntries(call.texts('set').map((text) => pairOf('set', text)));
}

/**
 * The secrets of `--secret-file`, and those that are asked for: all of a new provider's that we do not make
 * ourselves, or `only` some.
 */
export async function secretsFor(
  call: Call,
  wanted: { readonly kind: string } | { readonly only: readonly string[] },
): Promise<Record<string, string>> {
  const given = new Map(call.texts('secret-file').map((text) => fileOf(text)));
  const names = 'only' in wanted ? wanted.only : askedOf(kindOf(wanted.kind));
  const form = 'kind' in wanted ? kindOf(wanted.kind) : undefined;
  for (const name of names.filter((each) => !given.has(each))) {
    const label = form?.labels[name]?.label ?? name;
    const value = await call.io.ask?.(`${label}${isOptional(form, name) ? ' (Enter for none)' : ''}`);
    if (value !== undefined && value !== '') given.set(name, value);
  }
  return Object.fromEntries(given);
}

/** The kinds, or the fields of one, for a person and for a program. */
export function formLines(name: string | undefined): { data: unknown; lines: string[] } {
  if (name !== undefined) {
    const fields = fieldsOf(kindOf(name) ?? unknownKind(name));
    const rows = fields.map((field) => [
      field.field,
      field.needed,
      [field.label, field.help].filter(Boolean).join('. '),
    ]);
    return { data: fields, lines: table(['FIELD', '', 'MEANING'], rows, 'No fields.') };
  }
  const kinds = Object.values(providerKinds);
  const data = kinds.map((kind) => ({ kind: kind.kind, title: kind.title, fields: fieldsOf(kind) }));
  return {
    data,
    lines: table(
      ['KIND', 'PROVIDER'],
      kinds.map(({ kind, title }) => [kind, title]),
      'None.',
    ),
  };
}

function fieldsOf(kind: ProviderKind) {
  const names = [...Object.keys(kind.options.shape), ...Object.keys(kind.secrets.shape)];
  return names.map((field) => ({
    field,
    secret: Object.hasOwn(kind.secrets.shape, field),
    needed: kind.made.includes(field) ? 'made' : isOptional(kind, field) ? 'optional' : 'needed',
    label: kind.labels[field]?.label,
    help: kind.labels[field]?.help,
  }));
}

/** An unknown kind has no secrets to ask for; adding it says what is wrong. */
function kindOf(name: string): ProviderKind | undefined {
  return Object.hasOwn(providerKinds, name) ? providerKinds[name] : undefined;
}

function unknownKind(name: string): never {
  throw new UsageError(`There is no kind ${name}.`, `There are ${Object.keys(providerKinds).join(', ')}.`);
}

function askedOf(kind: ProviderKind | undefined): string[] {
  return Object.keys(kind?.secrets.shape ?? {}).filter((name) => !kind?.made.includes(name));
}

function isOptional(kind: ProviderKind | undefined, name: string): boolean {
  const form = kind && Object.hasOwn(kind.secrets.shape, name) ? kind.secrets : kind?.options;
  const field: { safeParse(value: unknown): { success: boolean } } | undefined = form?.shape[name];
  return field?.safeParse(undefined).success ?? false;
}

function fileOf(text: string): [string, string] {
  const [name, path] = pairOf('secret-file', text);
  try {
    return [name, readFileSync(path, 'utf8').trim()];
  } catch {
    throw new UsageError(
      `There is no file ${path} to read.`,
      'Give the path of a file that holds the secret alone.',
    );
  }
}

function pairOf(flag: string, text: string): [string, string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new UsageError(`--${flag} cannot be ${text}.`, `Write --${flag} FIELD=VALUE.`);
}
