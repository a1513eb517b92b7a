// The repository's text files, as the rules see them: what is committed or about to be.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Text by path from the root, with forward slashes. */
export type SourceTree = ReadonlyMap<string, string>;

export const root = path.resolve(import.meta.dirname, '..', '..');

export function readSourceTree(): SourceTree {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  // A file deleted but not yet committed is still listed.
  const files = listed.split('\0').filter((file) => file !== '' && existsSync(path.join(root, file)));
  const texts = files.map((file) => [file, readFileSync(path.join(root, file), 'utf8')] as const);
  return new Map(texts.map(([file, text]) => [file, text.includes('\0') ? '' : text])); // a picture has no lines
}

export function isCode(file: string): boolean {
  return /\.(ts|tsx|js|jsx|mjs|cjs)$/.test(file) && !isGenerated(file);
}

export function isTest(file: string): boolean {
  return /\.test\.\w+$/.test(file) || /^(server|sdk|dashboard)\/test\//.test(file);
}

/** The server's own source, without the tests that stand beside it. */
export function isServerSource(file: string): boolean {
  return file.startsWith('server/src/') && isCode(file) && !isTest(file);
}

export function filesOf(tree: SourceTree, isWanted: (file: string) => boolean): string[] {
  return [...tree.keys()].filter(isWanted);
}

/** The 1-based line of `offset`. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

/** Each match of a global `pattern`, with its line. */
export function matchesIn(text: string, pattern: RegExp): { match: string; line: number }[] {
  return [...text.matchAll(pattern)].map((found) => ({ match: found[0], line: lineAt(text, found.index) }));
}

function isGenerated(file: string): boolean {
  return /(^|\/)gen(erated)?\//.test(file) || /_pb\.\w+$/.test(file) || file.endsWith('.gen.ts');
}
