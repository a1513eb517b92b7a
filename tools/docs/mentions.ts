// Whether the reference pages name everything that exists, and nothing that does not.
import type { Finding } from '../tidy/rule.ts';
import { filesOf, matchesIn, type SourceTree } from '../tidy/source-tree.ts';

const errorPages = 'docs/reference/errors/';
// Read by the tests and benchmarks only, not by the server.
const ownVariables = /^POSTERN_(TEST|BENCH)_/;

export type Page = { tree: SourceTree; page: string };

/** A finding for each of `names` that `page` does not contain as a whole word. */
export function unmentioned({ tree, page }: Page, names: string[]): Finding[] {
  const text = tree.get(page);
  if (text === undefined) return [{ file: page, line: 1, what: 'the page does not exist' }];
  return names
    .filter((name) => !new RegExp(`(?<![\\w.-])${RegExp.escape(name)}(?![\\w-]|\\.\\w)`).test(text))
    .map((name) => ({ file: page, line: 1, what: `it does not mention ${name}` }));
}

/** A finding for each code without a page, and each page without a code. */
export function errorPageFindings(tree: SourceTree, codes: string[]): Finding[] {
  const pages = filesOf(tree, (file) => file.startsWith(errorPages) && file.endsWith('.md'))
    .map((file) => file.slice(errorPages.length, -'.md'.length))
    .filter((page) => page !== 'README');
  const missing = codes.filter((code) => !pages.includes(code));
  const stale = pages.filter((page) => !codes.includes(page));
  const at = (name: string) => ({ file: `${errorPages}${name}.md`, line: 1 });
  return [
    ...missing.map((code) => ({ ...at(code), what: `the error ${code} has no page` })),
    ...stale.map((page) => ({ ...at(page), what: `there is no error ${page}` })),
  ];
}

/** The environment variables that `text` names, each once. */
export function variablesIn(text: string): string[] {
  return [...new Set(matchesIn(text, /\bPOSTERN_[A-Z0-9_]*[A-Z0-9]\b/g).map((found) => found.match))];
}

/** A finding for each variable a document names that the configuration does not know. */
export function unknownVariables(tree: SourceTree, known: string[]): Finding[] {
  const isKnown = (name: string) => known.includes(name) || known.includes(name.replace(/_FILE$/, ''));
  return filesOf(tree, (file) => file.endsWith('.md')).flatMap((file) =>
    matchesIn(tree.get(file) ?? '', /\bPOSTERN_[A-Z0-9_]*[A-Z0-9]\b/g)
      .filter(({ match }) => !ownVariables.test(match) && !isKnown(match))
      .map(({ match, line }) => ({ file, line, what: `the configuration knows no ${match}` })),
  );
}
