import { Problem, type Violation } from '../../core/problems.ts';
import type { TemplateBook, Wanted } from '../../mail/templates/book.ts';
import { missingCustom } from '../../mail/templates/custom.ts';
import type { Database } from '../../platform/database/database.ts';

/** What the contract of the SDKs allows. */
const PAIRS_MAX = 30;
const NAME_LENGTHS = { min: 2, max: 25 } as const;
const VALUE_MAX = 256;

/** What proves the address, and how long it does: a template gets these from us alone. */
const RESERVED = new Set([
  'code',
  'otp',
  'link',
  'not_me_link',
  'expires_in',
  'expires_minutes',
  'expire_time',
  'expiry_time',
  'expiry_time_relative',
]);

/** Characters that turn the direction of the text around them. */
const TURNING = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** What is wrong with variables of an app's own. */
export function variableFaults(variables: Readonly<Record<string, string>>): Violation[] {
  const pairs = Object.entries(variables);
  if (pairs.length > PAIRS_MAX)
    return [fault('template_variables', `takes at most ${PAIRS_MAX} pairs`, 'max_pairs')];
  return pairs.flatMap(([name, value]) => nameFault(name) ?? valueFault(name, value) ?? []);
}

function nameFault(name: string): Violation | undefined {
  const { min, max } = NAME_LENGTHS;
  const field = `template_variables.${name.slice(0, max + 1)}`;
  if (name.length < min || name.length > max)
    return fault('template_variables', `takes names of ${min} to ${max} characters`, 'key_length');
  if (!/^[a-z][a-z0-9_]*$/i.test(name))
    return fault(
      'template_variables',
      'takes names of letters, digits and underscores, a letter first',
      'key_form',
    );
  return RESERVED.has(name.toLowerCase()) ? fault(field, 'is a reserved name', 'reserved') : undefined;
}

function valueFault(name: string, value: string): Violation | undefined {
  if (value.length <= VALUE_MAX) return undefined;
  return fault(`template_variables.${name}`, `takes at most ${VALUE_MAX} characters`, 'max_len');
}

function fault(field: string, description: string, constraint: string): Violation {
  return { field, description, constraint };
}

/** Values as a mail may show them: one line, and none that turns the text around it. */
export function asShown(variables: Readonly<Record<string, string>>): Record<string, string> {
  const shown = ([name, value]: [string, string]) =>
    [
      name,
      value
        .toWellFormed()
        .replace(TURNING, '')
        .replace(/\p{Cc}+/gu, ' ')
        .trim(),
    ] as const;
  return Object.fromEntries(Object.entries(variables).map(shown));
}

interface Given {
  readonly database: Database;
  readonly templates: { readonly book: TemplateBook };
}

/** Refuses where the template that the mail will be written from says more than the app has given. */
export async function requireVariables(
  { database, templates: { book } }: Given,
  wanted: Wanted,
  variables: Readonly<Record<string, string>>,
): Promise<void> {
  const found = await database.read((q) => book.find(q, wanted));
  if (found?.template === undefined) return;
  const given = Object.entries(variables).map(([name, text]) => [`custom.${name}`, text] as const);
  const [first, ...others] = missingCustom(found.template, new Map(given)).map((name) => name.slice(7));
  if (first === undefined) return;
  const names = [first, ...others].join(', ');
  throw new Problem('template_variable_missing', `template variable missing: give ${names}.`, {
    violations: [first, ...others].map((name) =>
      fault(`template_variables.${name}`, 'is used by the template', 'required'),
    ),
  });
}
