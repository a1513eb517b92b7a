import { fromBase64url, textOf, toBase64url, utf8 } from './encoding.ts';
import { PosternSignInError } from './errors.ts';
import { parseJson } from './json.ts';

/** Several texts as one word, which fits into a cookie. It hides nothing. */
export function pack(...texts: string[]): string {
  return toBase64url(utf8.encode(JSON.stringify(texts)));
}

/** The `count` texts of a word; throws `PosternSignInError` for anything else, as after a cookie was lost. */
export function unpack(packed: unknown, count: number): string[] {
  const bytes = typeof packed === 'string' ? fromBase64url(packed) : undefined;
  const texts = parseJson((bytes && textOf(bytes)) ?? '');
  const isText = (one: unknown) => typeof one === 'string' && one !== '';
  if (Array.isArray(texts) && texts.length === count && texts.every(isText)) return texts;
  throw new PosternSignInError(
    'sign_in_unknown',
    'No sign-in was begun in this browser, or its cookie is gone',
  );
}
