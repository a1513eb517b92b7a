// Rules that hold for every document, whatever it is about.
import path from 'node:path';
import type { Finding, Rule } from '../tidy/rule.ts';
import { filesOf, matchesIn, type SourceTree } from '../tidy/source-tree.ts';
import { anchorsIn, linksIn, tableBelow } from './markdown.ts';

function pagesOf(tree: SourceTree): { file: string; text: string }[] {
  return filesOf(tree, (file) => file.endsWith('.md')).map((file) => ({ file, text: tree.get(file) ?? '' }));
}

function exists(tree: SourceTree, place: string): boolean {
  if (place === '' || place === '.' || tree.has(place)) return true;
  const folder = place.endsWith('/') ? place : `${place}/`;
  return filesOf(tree, (file) => file.startsWith(folder)).length > 0;
}

function brokenLink(tree: SourceTree, file: string, target: string): string | undefined {
  if (/^[a-z][a-z0-9+.-]*:/i.test(target) || target.startsWith('//')) return undefined;
  const [address = '', anchor] = target.split('#');
  const place = decodeURIComponent(address.split('?')[0] ?? '');
  const from = place.startsWith('/') ? '' : path.posix.dirname(file);
  const to = place === '' ? file : path.posix.join(from, place.replace(/^\/+/, ''));
  if (!exists(tree, to)) return `links to ${target}, but ${to} does not exist`;
  const hasAnchors = anchor && to.endsWith('.md');
  if (!hasAnchors || anchorsIn(tree.get(to) ?? '').has(decodeURIComponent(anchor))) return undefined;
  return `links to ${target}, but ${to} has no such heading`;
}

const linkRule: Rule = {
  name: 'every relative link leads to a file and a heading that exist',
  advice: 'Correct the link, or write what it promises',
  find: (tree) =>
    pagesOf(tree).flatMap(({ file, text }) =>
      linksIn(text).flatMap(({ target, line }) => {
        const what = brokenLink(tree, file, target);
        return what ? [{ file, line, what }] : [];
      }),
    ),
  bad: [
    { 'README.md': 'see [a](docs/gone.md)' },
    { 'docs/a.md': '![b](img/gone.png)' },
    { 'docs/a.md': '[b][c]\n\n[c]: ../gone.md' },
    { 'docs/a.md': '<a href="gone.md">a</a>' },
    { 'docs/a.md': '[b](#gone)\n# Here' },
    { 'README.md': '[b](docs/a.md#gone)', 'docs/a.md': '# Here\n```\n# gone\n```' },
  ],
  good: [
    {
      'README.md': '[a](docs/a.md#sign-in-the-why) [b](docs/) [c](https://example.com/gone) `[d](gone.md)`',
      'docs/a.md':
        '# `Sign-in`: the why?\n## Twice\n## Twice\n[a](../README.md) [b](#twice-1)\n~~~\n[c](gone.md)\n~~~\n',
    },
  ],
};

// Decisions and the changelog tell of what was.
const isHistory = (file: string) => file.startsWith('docs/decisions/') || file === 'CHANGELOG.md';
const repositoryPath = /(?<=`)(?:server|sdk|dashboard|tools|docs|examples|proto|\.ci)\/[\w./@-]+(?=`)/g;

const pathRule: Rule = {
  name: 'every path of the repository that a document names exists',
  advice: 'Name the file as it is called now',
  find: (tree) =>
    pagesOf(tree)
      .filter(({ file }) => !isHistory(file))
      .flatMap(({ file, text }) =>
        matchesIn(text, repositoryPath)
          .filter(({ match }) => !exists(tree, match))
          .map(({ match, line }) => ({ file, line, what: `${match} does not exist` })),
      ),
  bad: [{ 'README.md': 'see `server/src/gone.ts`' }],
  good: [
    {
      'README.md': '`server/src/a.ts`, `server/src/`, `server/src/*.ts`, `docs/<name>.md`',
      'server/src/a.ts': '',
    },
    { 'docs/decisions/a.md': '`server/src/gone.ts`' },
  ],
};

const scriptRule: Rule = {
  name: 'every npm script that a document names exists',
  advice: 'Name a script of package.json',
  find: (tree) => {
    const manifests = filesOf(tree, (file) => /(^|\/)package\.json$/.test(file));
    const scripts = manifests.flatMap((file) =>
      Object.keys(JSON.parse(tree.get(file) ?? '{}').scripts ?? {}),
    );
    return pagesOf(tree).flatMap(({ file, text }) =>
      matchesIn(text, /(?<=\bnpm run(?:-script)?(?: +-\S+)* +)[a-z][\w:-]*/g)
        .filter(({ match }) => !scripts.includes(match))
        .map(({ match, line }) => ({ file, line, what: `there is no script "${match}"` })),
    );
  },
  bad: [{ 'README.md': '```sh\nnpm run gone\n```', 'package.json': '{"scripts":{"check":"a"}}' }],
  good: [
    {
      'README.md': '`npm run --silent check`, then npm run check.',
      'package.json': '{"scripts":{"check":"a"}}',
    },
  ],
};

const registryHost =
  /\bregistry\.[\w-]+\.[\w.-]+|https?:\/\/[\w.-]*(?:artifactory|verdaccio|nexus|proxy)[\w.-]*/gi;

const registryHostRule: Rule = {
  name: 'no document names the host packages come from',
  advice: 'Leave the host out: every reader has their own',
  find: (tree) =>
    pagesOf(tree).flatMap(({ file, text }) =>
      matchesIn(text, registryHost).map(({ match, line }): Finding => ({ file, line, what: match })),
    ),
  bad: [
    { 'README.md': 'from https://registry.npmjs.org/a' },
    { 'docs/a.md': 'http://npm-proxy.example.com:4873' },
  ],
  good: [{ 'README.md': 'behind a proxy, see https://example.com/registry' }],
};

const invariants = 'ARCHITECTURE.md';

const invariantRule: Rule = {
  name: 'every invariant names the test files that hold it',
  advice: 'Give each row of the table below "Invariants" the path of an existing test file',
  find: (tree) => {
    const rows = tableBelow(tree.get(invariants) ?? '', /invariant/i);
    if (rows.length === 0) return [{ file: invariants, line: 1, what: 'no table of invariants' }];
    return rows.flatMap(({ row, line }) => {
      const tests = matchesIn(row, /[\w./-]+\.test\.ts/g).map((found) => found.match.replace(/^(\.\/)+/, ''));
      const gone = tests.filter((test) => !tree.has(test));
      if (tests.length === 0) return [{ file: invariants, line, what: 'no test holds this invariant' }];
      return gone.map((test) => ({ file: invariants, line, what: `${test} does not exist` }));
    });
  },
  bad: [
    { [invariants]: '# Architecture' },
    { [invariants]: '## Invariants\n\n| # | a | test |\n|--|--|--|\n| 1 | core has no IO | yes |' },
    { [invariants]: '## Invariants\n\n| # | test |\n|--|--|\n| 1 | `server/test/gone.test.ts` |' },
    { [invariants]: '## Invariants\n\n## Other\n\n| # | test |\n|--|--|\n| 1 | `tools/a.test.ts` |' },
  ],
  good: [
    {
      [invariants]: '## The invariants\n\n| # | test |\n|--|--|\n| 1 | `tools/a.test.ts` |\n\nMore',
      'tools/a.test.ts': '',
    },
  ],
};

export const pageRules: Rule[] = [linkRule, pathRule, scriptRule, registryHostRule, invariantRule];
