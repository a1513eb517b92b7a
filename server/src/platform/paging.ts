import { Problem } from '../core/problems.ts';

/** Which rows of a list that is ordered by id, newest first, a caller asks for. */
export interface Page {
  readonly size: number;
  /** Rows that stand behind this id in the list, or before it; a list that grows meanwhile repeats and loses none. */
  readonly after?: string;
  readonly before?: string;
}

/** A page of a list, with the tokens of its neighbours; empty where there is none. */
export interface Paged<T> {
  readonly rows: readonly T[];
  readonly nextToken: string;
  readonly prevToken: string;
}

const TOKEN_MAX = 200;

/** Reads what a caller sent; size 0 is the default. Throws `page_token_invalid`; sizes past the maximum are cut to it. */
export function readPage(
  given: { size: number; token: string },
  sizes: { usual: number; max: number },
): Page {
  const size = Math.min(given.size === 0 ? sizes.usual : given.size, sizes.max);
  if (given.token === '') return { size };
  const id = Buffer.from(given.token.slice(2), 'base64url').toString('latin1');
  if (given.token.length <= TOKEN_MAX && /^[a-z]{3}_[0-9]{1,21}$/.test(id)) {
    if (given.token.startsWith('>:')) return { size, after: id };
    if (given.token.startsWith('<:')) return { size, before: id };
  }
  throw new Problem(
    'page_token_invalid',
    'Send a page token as an earlier answer gave it, or none to begin.',
  );
}

/**
 * Makes a page of what was found for it: rows in list order, one more than the size where there are more
 * (after the last one, or before the first one where `before` was asked for).
 */
export function paged<T extends { readonly id: string }>(found: readonly T[], page: Page): Paged<T> {
  const more = found.length > page.size;
  const rows = page.before === undefined ? found.slice(0, page.size) : found.slice(-page.size);
  const [first, last] = [rows[0], rows.at(-1)];
  const hasNext = page.before === undefined ? more : true;
  const hasPrev = page.before === undefined ? page.after !== undefined : more;
  return {
    rows,
    nextToken: hasNext && last ? `>:${encoded(last.id)}` : '',
    prevToken: hasPrev && first ? `<:${encoded(first.id)}` : '',
  };
}

function encoded(id: string): string {
  return Buffer.from(id, 'latin1').toString('base64url');
}
