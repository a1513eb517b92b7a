// The functions of a file and how large, wide and deep they are.
import {
  argumentsOf,
  childrenOf,
  dottedName,
  isNode,
  type Syntax,
  type SyntaxNode,
  select,
  walk,
} from './syntax.ts';

export type FunctionShape = {
  name: string;
  isNamed: boolean;
  line: number;
  lines: number;
  parameters: number;
};

const functionTypes = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);
const blockTypes = new Set([
  'IfStatement',
  'ForStatement',
  'ForInStatement',
  'ForOfStatement',
  'WhileStatement',
  'DoWhileStatement',
  'TryStatement',
  'SwitchStatement',
]);

/** Each function with a body; the lines of the tests and suites inside it are not its own. */
export function functionsOf(syntax: Syntax, text: string): FunctionShape[] {
  const shapes: FunctionShape[] = [];
  walk(syntax.program, (node, parent) => {
    if (!functionTypes.has(node.type) || !node.body) return;
    const parameters = (Array.isArray(node.params) ? node.params : []).filter(
      (one) => dottedName(one) !== 'this',
    );
    const name = nameOf(node, parent);
    shapes.push({
      name: name ?? '(anonymous)',
      isNamed: name !== undefined,
      line: syntax.lineOf(node),
      lines: linesOf(node, text) - linesOfTests(node, text),
      parameters: parameters.length,
    });
  });
  return shapes;
}

/** Where control flow nests deeper than `max` inside one function. */
export function deepBlocks(syntax: Syntax, max: number): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  const enter = (node: SyntaxNode, depth: number) => {
    for (const child of childrenOf(node)) {
      const isElseIf =
        node.type === 'IfStatement' && node.alternate === child && child.type === 'IfStatement';
      const inside = functionTypes.has(child.type)
        ? 0
        : depth + (blockTypes.has(child.type) && !isElseIf ? 1 : 0);
      // Only the block that crosses the line: those inside it follow from it.
      if (inside === max + 1 && depth === max) found.push(child);
      enter(child, inside);
    }
  };
  enter(syntax.program, 0);
  return found;
}

function linesOf(node: SyntaxNode, text: string): number {
  return text.slice(node.start, node.end).split('\n').length;
}

function linesOfTests(node: SyntaxNode, text: string): number {
  const calls = outermost(node, (inner) => inner.type === 'CallExpression' && isTestCall(inner));
  return calls.reduce((sum, call) => sum + linesOf(call, text), 0);
}

/** Whether `call` declares a suite, a test or a hook of node:test. */
export function isTestCall(call: SyntaxNode): boolean {
  const name = dottedName(call.callee) ?? '';
  const declares = /^(describe|suite|it|test|before|after|beforeEach|afterEach)(\.\w+)?$/.test(name);
  return declares && argumentsOf(call).some((argument) => functionTypes.has(argument.type));
}

function outermost(node: SyntaxNode, isWanted: (node: SyntaxNode) => boolean): SyntaxNode[] {
  return childrenOf(node).flatMap((child) => (isWanted(child) ? [child] : outermost(child, isWanted)));
}

function nameOf(node: SyntaxNode, parent: SyntaxNode | undefined): string | undefined {
  const named = [node.id, parent?.id, parent?.key].find(isNode);
  return dottedName(named);
}

/** Functions written with `async`, and `await` in any form. */
export function asyncNodes(syntax: Syntax): SyntaxNode[] {
  return select(syntax.program, (node) => {
    const waits = node.type === 'AwaitExpression' || (node.type === 'ForOfStatement' && node.await === true);
    return waits || (functionTypes.has(node.type) && node.async === true);
  });
}
