// What code may touch: the clock, chance, the environment, and in core nothing at all.
import { asyncNodes } from './functions.ts';
import type { Finding, Rule } from './rule.ts';
import { filesOf, isServerSource, type SourceTree } from './source-tree.ts';
import {
  argumentsOf,
  childrenOf,
  dottedName,
  importsOf,
  isNode,
  type Syntax,
  type SyntaxNode,
  select,
  syntaxOf,
} from './syntax.ts';

type Spot = { node: SyntaxNode; what: string };

const platformFile = (name: string) => `server/src/platform/${name}.ts`;

/** Findings of `look` in the server's source, but for the files in `except`. */
function inSource(except: string[], look: (syntax: Syntax) => Spot[]): Rule['find'] {
  return (tree: SourceTree) =>
    filesOf(tree, (file) => isServerSource(file) && !except.includes(file)).flatMap((file) => {
      const syntax = syntaxOf(file, tree.get(file) ?? '');
      return look(syntax).map((spot): Finding => ({ file, line: syntax.lineOf(spot.node), what: spot.what }));
    });
}

function spots(syntax: Syntax, judge: (node: SyntaxNode, parent?: SyntaxNode) => string | undefined): Spot[] {
  const found: Spot[] = [];
  select(syntax.program, (node, parent) => {
    const what = judge(node, parent);
    if (what) found.push({ node, what });
    return false;
  });
  return found;
}

/** The name of a member chain or identifier, without a leading `globalThis.`. */
function globalName(node: SyntaxNode): string | undefined {
  return dottedName(node)?.replace(/^(globalThis|global)\./, '');
}

function importedFrom(node: SyntaxNode, modules: RegExp, names: RegExp): string | undefined {
  if (node.type !== 'ImportDeclaration') return undefined;
  const source = isNode(node.source) ? String(node.source.value) : '';
  if (!modules.test(source)) return undefined;
  const imported = childrenOf(node).map((one) => dottedName(one.imported) ?? '');
  return imported.find((name) => names.test(name));
}

/** `{ name } = object` in any form of destructuring. */
function takesApart(node: SyntaxNode, object: string, name: string): boolean {
  if (node.type !== 'VariableDeclarator' || !isNode(node.init) || !isNode(node.id)) return false;
  const keys = childrenOf(node.id).map((property) => dottedName(property.key));
  return globalName(node.init) === object && keys.includes(name);
}

export const environmentRule: Rule = {
  name: 'only the configuration reads the environment',
  advice: 'Parse it in platform/config.ts and pass the value down',
  find: inSource([platformFile('config')], (syntax) =>
    spots(syntax, (node) => {
      const direct = node.type === 'MemberExpression' && globalName(node) === 'process.env';
      const imported = importedFrom(node, /^(node:)?process$/, /^env$/);
      return direct || imported || takesApart(node, 'process', 'env')
        ? 'process.env is read here'
        : undefined;
    }),
  ),
  bad: [
    { 'server/src/mail/a.ts': 'const a = process.env.A;' },
    { 'server/src/mail/a.ts': `const a = globalThis.process['env'];` },
    { 'server/src/mail/a.ts': 'const { env } = process;' },
    { 'server/src/mail/a.ts': `import { env as e } from 'node:process';` },
  ],
  good: [
    { 'server/src/platform/config.ts': 'const a = process.env.A;', 'server/src/mail/a.ts': '// process.env' },
  ],
};

const chanceNames = /^(random\w*|getRandomValues)$/;

function clockOrChance(node: SyntaxNode): string | undefined {
  const name = node.type === 'MemberExpression' ? (globalName(node) ?? '') : '';
  if (name === 'Date.now' || name === 'Math.random' || name.startsWith('Temporal.Now')) return name;
  const isDate = isNode(node.callee) && globalName(node.callee) === 'Date';
  if (isDate && node.type === 'NewExpression' && argumentsOf(node).length === 0) return 'new Date()';
  if (isDate && node.type === 'CallExpression') return 'Date()';
  const [owner, method] = [name.split('.').slice(0, -1).join('.'), name.split('.').at(-1) ?? ''];
  if (/crypto(\.webcrypto)?$/i.test(owner) && chanceNames.test(method)) return name;
  return importedFrom(node, /^(node:)?crypto$/, chanceNames);
}

export const clockRule: Rule = {
  name: 'time and chance come from the platform',
  advice: 'Take the clock or the random source of platform/ as a parameter',
  find: inSource([platformFile('clock'), platformFile('random')], (syntax) =>
    spots(syntax, (node) => {
      const used = clockOrChance(node);
      return used ? `${used} is used here` : undefined;
    }),
  ),
  bad: [
    'const a = Date.now();',
    'const a = new Date();',
    'const a = new globalThis.Date();',
    'const a = Date();',
    'const a = Math.random();',
    'const later = Date.now;',
    'const a = Temporal.Now.instant();',
    'const a = crypto.randomUUID();',
    `import { randomBytes as bytes } from 'node:crypto';`,
    `import * as nodeCrypto from 'node:crypto'; nodeCrypto.randomInt(3);`,
    'globalThis.crypto.getRandomValues(new Uint8Array(1));',
  ].map((text) => ({ 'server/src/mail/a.ts': text })),
  good: [
    {
      'server/src/platform/clock.ts': 'export const now = () => Date.now();',
      'server/src/platform/random.ts': `import { randomBytes } from 'node:crypto';`,
      'server/src/mail/a.ts': `new Date(3); date.now(); // Date.now()\nimport { createHmac } from 'node:crypto'; const s = 'new Date()';`,
    },
  ],
};

const worldly = new Set([
  'process',
  'fetch',
  'console',
  'crypto',
  'performance',
  'globalThis',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'require',
]);

/** Whether an identifier is a value read here, rather than the name of a property or a declaration. */
function isReference(node: SyntaxNode, parent: SyntaxNode | undefined): boolean {
  if (node.type !== 'Identifier' || !parent) return false;
  if (parent.type === 'MemberExpression') return parent.object === node || parent.computed === true;
  if (parent.type === 'Property') return parent.value === node && parent.key !== node;
  const isSignature = /^(TS\w+|MethodDefinition|PropertyDefinition|ImportSpecifier|ExportSpecifier)$/.test(
    parent.type,
  );
  return !isSignature || parent.type === 'TSAsExpression' || parent.type === 'TSNonNullExpression';
}

export const pureCoreRule: Rule = {
  name: 'core is pure',
  advice: 'Leave to core the decision and do the work in the room that asks for it',
  find: (tree) =>
    filesOf(tree, (file) => isServerSource(file) && file.startsWith('server/src/core/')).flatMap((file) => {
      const syntax = syntaxOf(file, tree.get(file) ?? '');
      const at = (node: SyntaxNode, what: string) => ({ file, line: syntax.lineOf(node), what });
      const foreign = importsOf(syntax).filter((one) => !one.specifier.startsWith('.'));
      const touched = select(
        syntax.program,
        (node, parent) => isReference(node, parent) && worldly.has(String(node.name)),
      );
      return [
        ...asyncNodes(syntax).map((node) => at(node, 'core waits for something')),
        ...foreign.map((one) => ({ file, line: one.line, what: `core imports ${one.specifier}` })),
        ...touched.map((node) => at(node, `core touches ${node.name}`)),
      ];
    }),
  bad: [
    'export async function a() {}',
    'export const a = async () => 1;',
    'const a = await b;',
    `import { z } from 'zod';`,
    `import { createHash } from 'node:crypto';`,
    `console.log('a');`,
    'const a = process.pid;',
    'const a = { get: fetch };',
  ].map((text) => ({ 'server/src/core/a.ts': text })),
  good: [
    {
      'server/src/core/a.ts':
        `import { b } from './b.ts';\n// async\nexport const a = (e: { process: string; fetch(): void }) => e.process + 'await';` +
        ' export const c = { process: 1, console: 2 };',
      'server/src/core/a.test.ts': `import test from 'node:test'; test('a', async () => {});`,
      'server/src/mail/a.ts': 'export async function a() { await fetch(url); }',
    },
  ],
};

export const purityRules: Rule[] = [environmentRule, clockRule, pureCoreRule];
