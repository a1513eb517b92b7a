import type { IncomingMessage } from 'node:http';
import { Problem } from '../../core/problems.ts';

/** The fields of an urlencoded form, each at most once. */
export type Form = ReadonlyMap<string, string>;

/** A form here has an address or a code in it. */
export const BODY_MAX = 16 * 1024;
const TOO_LONG = 'Forms here are at most 16 kB.';

/** The body of a form that the router does not see. */
export async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  if (!/^application\/x-www-form-urlencoded\b/i.test(request.headers['content-type'] ?? ''))
    throw new Problem('unsupported_media_type', 'Send application/x-www-form-urlencoded.');
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > BODY_MAX) throw new Problem('body_too_large', TOO_LONG);
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
}

/** The same limit for a body that the library will read itself. */
export function refuseLongBody(request: IncomingMessage): void {
  if (Number(request.headers['content-length'] ?? 0) > BODY_MAX)
    throw new Problem('body_too_large', TOO_LONG);
}

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
