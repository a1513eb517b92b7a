import { Problem } from '../../core/problems.ts';

/** The fields of an urlencoded form, each at most once. */
export type Form = ReadonlyMap<string, string>;

/** Refuses repeated fields and `name[]`: where two readers could differ on a value, there is no value. */
export function parseForm(body: string): Form {
  const fields = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(body)) {
    if (name.includes('['))
      throw new Problem(
        'invalid_request',
        `The field ${name.slice(0, 40)} is not one of this form; send plain names.`,
      );
    if (fields.has(name))
      throw new Problem('repeated_parameter', `Send the field ${name.slice(0, 40)} once.`);
    fields.set(name, value);
  }
  return fields;
}
