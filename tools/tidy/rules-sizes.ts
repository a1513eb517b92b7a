// How large a file and a function may grow.
import { deepBlocks, functionsOf } from './functions.ts';
import type { Rule } from './rule.ts';
import { filesOf, isCode, type SourceTree } from './source-tree.ts';
import { type Syntax, syntaxOf } from './syntax.ts';

const fileLinesMax = 400;
const functionLinesMax = 60;
const coreFunctionLinesMax = 40;
const parametersMax = 3;
const nestingMax = 3;

export function linesIn(text: string): number {
  return text.trimEnd().split('\n').length;
}

type Seen = { file: string; text: string; syntax: Syntax };

function seenIn(tree: SourceTree): Seen[] {
  return filesOf(tree, isCode).map((file) => {
    const text = tree.get(file) ?? '';
    return { file, text, syntax: syntaxOf(file, text) };
  });
}

const parseRule: Rule = {
  name: 'every code file can be parsed',
  advice: 'Mend its syntax; no other rule can judge it before',
  find: (tree) =>
    seenIn(tree).flatMap(({ file, syntax }) => syntax.errors.map((what) => ({ file, line: 1, what }))),
  bad: [{ 'tools/a.ts': 'const = 3;' }],
  good: [{ 'tools/a.ts': 'const a: number = 3;', 'tools/b.tsx': 'const a = <b>c</b>;' }],
};

const fileSizeRule: Rule = {
  name: `a file has at most ${fileLinesMax} lines`,
  advice: 'Split it where its subject changes',
  find: (tree) =>
    seenIn(tree)
      .filter(({ text }) => linesIn(text) > fileLinesMax)
      .map(({ file, text }) => ({ file, line: fileLinesMax + 1, what: `${linesIn(text)} lines` })),
  bad: [{ 'tools/a.ts': 'f();\n'.repeat(fileLinesMax + 1) }],
  good: [{ 'tools/a.ts': 'f();\n'.repeat(fileLinesMax) }],
};

function plantedFunction(lines: number): string {
  return `function a() {\n${'f();\n'.repeat(lines - 2)}}`;
}

const functionSizeRule: Rule = {
  name: `a function has at most ${functionLinesMax} lines, in core ${coreFunctionLinesMax}`,
  advice: 'Give a part of it a name and a function of its own',
  find: (tree) =>
    seenIn(tree).flatMap(({ file, text, syntax }) => {
      const max = file.startsWith('server/src/core/') ? coreFunctionLinesMax : functionLinesMax;
      return functionsOf(syntax, text)
        .filter((shape) => shape.lines > max)
        .map(({ name, line, lines }) => ({
          file,
          line,
          what: `${name} has ${lines} lines, the most is ${max}`,
        }));
    }),
  bad: [
    { 'tools/a.ts': plantedFunction(functionLinesMax + 1) },
    { 'server/src/core/a.ts': plantedFunction(coreFunctionLinesMax + 1) },
    { 'server/test/a.test.ts': `test('a', () => {\n${'f();\n'.repeat(functionLinesMax)}});` },
  ],
  good: [
    {
      'tools/a.ts': plantedFunction(functionLinesMax),
      'server/src/core/a.ts': plantedFunction(coreFunctionLinesMax),
    },
    {
      'server/test/a.test.ts': `describe('a', () => {\n${`it('b', () => {\nf();\n});\n`.repeat(functionLinesMax)}});`,
    },
  ],
};

const parameterRule: Rule = {
  name: `a function has at most ${parametersMax} positional parameters`,
  advice: 'Take an object with named properties',
  find: (tree) =>
    seenIn(tree).flatMap(({ file, text, syntax }) =>
      functionsOf(syntax, text)
        .filter((shape) => shape.parameters > parametersMax)
        .map(({ name, line, parameters }) => ({ file, line, what: `${name} has ${parameters} parameters` })),
    ),
  bad: [
    { 'tools/a.ts': 'function f(a, b, c, d) {}' },
    { 'tools/a.ts': 'const f = (a, b, c, ...d) => a;' },
    { 'tools/a.ts': 'class A { constructor(a, b, c = 1, { d }) {} }' },
  ],
  good: [{ 'tools/a.ts': 'function f(this: A, a, b, { c, d, e }) {} f(1, 2, 3, 4);' }],
};

const nestingRule: Rule = {
  name: `control flow nests at most ${nestingMax} deep`,
  advice: 'Return early, or give the inner part a function of its own',
  find: (tree) =>
    seenIn(tree).flatMap(({ file, syntax }) =>
      deepBlocks(syntax, nestingMax).map((node) => ({
        file,
        line: syntax.lineOf(node),
        what: 'nested too deep',
      })),
    ),
  bad: [
    { 'tools/a.ts': 'function f() { if (a) { for (;;) { try { while (b) {} } catch {} } } }' },
    { 'tools/a.ts': 'if (a) if (b) if (c) switch (d) {}' },
  ],
  good: [
    { 'tools/a.ts': 'if (a) { if (b) { if (c) {} else if (d) {} else if (e) {} } }' },
    { 'tools/a.ts': 'if (a) { if (b) { if (c) { run(() => { if (d) {} }); } } }' },
  ],
};

export const sizeRules: Rule[] = [parseRule, fileSizeRule, functionSizeRule, parameterRule, nestingRule];
