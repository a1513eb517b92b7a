// Words that mark unfinished, silenced or skipped work.
import { isTestCall } from './functions.ts';
import type { Finding, Rule } from './rule.ts';
import { filesOf, isCode, isTest, matchesIn, type SourceTree } from './source-tree.ts';
import { argumentsOf, dottedName, isNode, type Remark, type SyntaxNode, select, syntaxOf } from './syntax.ts';

const suppressionsMax = 10;

type Placed = Remark & { file: string };

function commentsOf(tree: SourceTree): Placed[] {
  return filesOf(tree, isCode).flatMap((file) =>
    syntaxOf(file, tree.get(file) ?? '').comments.map((comment) => ({ ...comment, file })),
  );
}

/** Prose and data files, without what they quote as code. */
function proseOf(tree: SourceTree): Placed[] {
  return filesOf(tree, (file) => /\.(md|css|html|ya?ml|sql|proto|liquid|sh)$/.test(file)).map((file) => {
    const withoutCode = (tree.get(file) ?? '').replaceAll(/`[^`\n]+`/g, '');
    return { file, line: 1, text: withoutCode };
  });
}

const unfinishedRule: Rule = {
  name: 'nothing is marked as unfinished',
  advice: 'Finish it, or leave the remark out',
  find: (tree) =>
    [...commentsOf(tree), ...proseOf(tree)].flatMap(({ file, line, text }) =>
      matchesIn(text, /\b(TODO|FIXME|XXX)\b/g).map((found) => ({
        file,
        line: line + found.line - 1,
        what: `a ${found.match}`,
      })),
    ),
  bad: [
    { 'tools/a.ts': '// TODO: later' },
    { 'tools/a.ts': 'f(); /* a\n FIXME */' },
    { 'docs/a.md': 'a\nTODO: write' },
  ],
  good: [{ 'tools/a.ts': `const TODO = 'TODO';`, 'docs/a.md': 'Never write `TODO`.' }],
};

const suppression = /biome-ignore[\w-]*|@ts-(?:ignore|expect-error|nocheck)|eslint-disable[\w-]*/;

function suppressionsIn(tree: SourceTree): Placed[] {
  return commentsOf(tree).filter((comment) => suppression.test(comment.text));
}

const reasonRule: Rule = {
  name: 'a silenced warning says why',
  advice: 'Write the reason after a colon, or mend what it warns of',
  find: (tree) =>
    suppressionsIn(tree)
      .filter(
        ({ text }) => !/(biome-ignore[\w-]*\s+[\w/]+(\(.*?\))?|@ts-expect-error)\s*:\s*\S+\s+\S+/.test(text),
      )
      .map(({ file, line, text }) => ({ file, line, what: `no reason for "${text.trim()}"` })),
  bad: [
    '// biome-ignore lint/suspicious/noExplicitAny:',
    '// biome-ignore lint/a/b: <explanation>',
    '// @ts-expect-error',
    '// @ts-ignore: because it must be',
    '/* eslint-disable no-x */',
  ].map((text) => ({ 'tools/a.ts': text })),
  good: [
    {
      'tools/a.ts': `// biome-ignore lint/a/b: the library asks for it\n// @ts-expect-error: the types lag behind\nconst s = '@ts-ignore';`,
    },
  ],
};

const fewSuppressionsRule: Rule = {
  name: `at most ${suppressionsMax} silenced warnings in all`,
  advice: 'Mend what some of them warn of',
  find: (tree) =>
    suppressionsIn(tree)
      .slice(suppressionsMax)
      .map(({ file, line }, at) => ({
        file,
        line,
        what: `silenced warning number ${suppressionsMax + at + 1}`,
      })),
  bad: [{ 'tools/a.ts': '// @ts-expect-error: the types lag\n'.repeat(suppressionsMax + 1) }],
  good: [{ 'tools/a.ts': '// @ts-expect-error: the types lag\n'.repeat(suppressionsMax) }],
};

/** `it.skip(...)`, `t.todo()`, `test('a', { only: true }, ...)`. */
function skips(node: SyntaxNode): string | undefined {
  if (node.type !== 'CallExpression') return undefined;
  const name = dottedName(node.callee) ?? '';
  const isMarked = /^(describe|suite|it|test|t|context|ctx)\.(skip|only|todo)$/.test(name);
  const options = argumentsOf(node).filter((argument) => argument.type === 'ObjectExpression');
  const keys = options.flatMap((one) => (Array.isArray(one.properties) ? one.properties.filter(isNode) : []));
  const option = keys.map((one) => dottedName(one.key)).find((key) => /^(skip|only|todo)$/.test(key ?? ''));
  return isMarked ? name : isTestCall(node) ? option : undefined;
}

const skipRule: Rule = {
  name: 'every test runs, and none is left for later',
  advice: 'Make it run or delete it; a part that cannot run must fail',
  find: (tree) =>
    filesOf(tree, (file) => isCode(file) && isTest(file)).flatMap((file): Finding[] => {
      const syntax = syntaxOf(file, tree.get(file) ?? '');
      return select(syntax.program, (node) => skips(node) !== undefined).map((node) => ({
        file,
        line: syntax.lineOf(node),
        what: `"${skips(node)}" keeps a test from running`,
      }));
    }),
  bad: [
    `it.skip('a', () => {});`,
    `describe.only('a', () => {});`,
    `test.todo('a');`,
    `test('a', (t) => t.skip());`,
    `test('a', { skip: true }, () => {});`,
    `it('a', { todo: 'later' }, () => {});`,
  ].map((text) => ({ 'server/test/a.test.ts': text })),
  good: [{ 'server/test/a.test.ts': `it('a', { timeout: 1 }, () => { list.skip(2); });` }],
};

export const wordRules: Rule[] = [unfinishedRule, reasonRule, fewSuppressionsRule, skipRule];
