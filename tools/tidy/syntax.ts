// What the rules need to know of a source file, read from its syntax tree.
import { parseSync } from 'oxc-parser';
import { lineAt } from './source-tree.ts';

export type SyntaxNode = { type: string; start: number; end: number; [key: string]: unknown };
export type Import = { specifier: string; names: string[]; line: number };
export type Remark = { text: string; line: number };
export type Syntax = {
  program: SyntaxNode;
  comments: Remark[];
  errors: string[];
  lineOf: (node: SyntaxNode) => number;
};

const cache = new Map<string, { text: string; syntax: Syntax }>();

export function syntaxOf(file: string, text: string): Syntax {
  const known = cache.get(file);
  if (known?.text === text) return known.syntax;
  const parsed = parseSync(file, text);
  const starts = lineStarts(text);
  const syntax: Syntax = {
    program: parsed.program as unknown as SyntaxNode,
    comments: parsed.comments.map((comment) => ({ text: comment.value, line: lineAt(text, comment.start) })),
    errors: parsed.errors.map((error) => error.message),
    lineOf: (node) => starts.findLastIndex((start) => start <= node.start) + 1,
  };
  cache.set(file, { text, syntax });
  return syntax;
}

function lineStarts(text: string): number[] {
  return [0, ...[...text.matchAll(/\n/g)].map((found) => found.index + 1)];
}

export function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

/** The nodes directly below `node`, in no promised order. */
export function childrenOf(node: SyntaxNode): SyntaxNode[] {
  return Object.values(node).flat().filter(isNode);
}

/** Visits `node` and all below it, parents first. */
export function walk(node: SyntaxNode, visit: (node: SyntaxNode, parent?: SyntaxNode) => void): void {
  const enter = (current: SyntaxNode, parent?: SyntaxNode) => {
    visit(current, parent);
    for (const child of childrenOf(current)) enter(child, current);
  };
  enter(node);
}

/** All nodes that satisfy `isWanted`. */
export function select(
  node: SyntaxNode,
  isWanted: (node: SyntaxNode, parent?: SyntaxNode) => boolean,
): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  walk(node, (current, parent) => {
    if (isWanted(current, parent)) found.push(current);
  });
  return found;
}

/** `a.b.c` for a chain of plain names, `a['b']` included; undefined for anything else. */
export function dottedName(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (node.type === 'Identifier') return String(node.name);
  if (node.type === 'ChainExpression') return dottedName(node.expression);
  if (node.type !== 'MemberExpression') return undefined;
  const object = dottedName(node.object);
  const property = node.computed ? stringValue(node.property) : dottedName(node.property);
  return object && property ? `${object}.${property}` : undefined;
}

export function stringValue(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (node.type === 'Literal' && typeof node.value === 'string') return node.value;
  const isPlainTemplate =
    node.type === 'TemplateLiteral' && Array.isArray(node.quasis) && node.quasis.length === 1;
  if (!isPlainTemplate) return undefined;
  const [quasi] = childrenOf(node);
  const value = quasi?.value;
  return typeof value === 'object' && value && 'cooked' in value ? String(value.cooked) : undefined;
}

/** Everything a file refers to by a module specifier: imports, re-exports, types and `new URL(..., import.meta.url)`. */
export function importsOf(syntax: Syntax): Import[] {
  const found: Import[] = [];
  walk(syntax.program, (node) => {
    const specifier = stringValue(specifierNode(node));
    if (specifier !== undefined)
      found.push({ specifier, names: importedNames(node), line: syntax.lineOf(node) });
  });
  return found;
}

function specifierNode(node: SyntaxNode): unknown {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
    case 'ImportExpression':
    case 'TSImportType':
      return node.source ?? node.argument;
    case 'NewExpression': {
      const [first, base] = argumentsOf(node);
      return dottedName(node.callee) === 'URL' && base?.type === 'MemberExpression' ? first : undefined;
    }
    case 'CallExpression':
      return dottedName(node.callee) === 'require' ? argumentsOf(node)[0] : undefined;
    default:
      return undefined;
  }
}

export function argumentsOf(call: SyntaxNode): SyntaxNode[] {
  return Array.isArray(call.arguments) ? call.arguments.filter(isNode) : [];
}

function importedNames(node: SyntaxNode): string[] {
  const specifiers = Array.isArray(node.specifiers) ? node.specifiers.filter(isNode) : [];
  return specifiers.flatMap((one) => dottedName(one.imported) ?? []);
}
