import type { Data, Node, Value } from './plan.ts';
import { evaluate, isTrue } from './plan.ts';
import type { Template } from './rendering.ts';
import { isCustom } from './variables.ts';

/**
 * The names of the app's own that a mail from this template would leave empty. What has a `default`, or
 * stands behind a condition on it, may be left out.
 */
export function missingCustom({ plans }: Template, given: Data): string[] {
  const names = Object.values(plans).flatMap((nodes) => missingIn(nodes, given));
  return [...new Set(names)];
}

function missingIn(nodes: readonly Node[], given: Data): string[] {
  return nodes.flatMap((node) => {
    if (node.kind === 'condition') return branchesOf(node, given).flatMap((each) => missingIn(each, given));
    return node.kind === 'output' ? absentIn(node.value, given) : [];
  });
}

/** The branch that is taken, where only names of the app's own decide; else each that may be. */
function branchesOf({ branches }: Node & { kind: 'condition' }, given: Data): (readonly Node[])[] {
  const decided = branches.every(({ when }) => when === undefined || when.terms.every(isDecided));
  if (!decided) return branches.map(({ nodes }) => nodes);
  const taken = branches.find(({ when }) => when === undefined || isTrue(evaluate(when, given)));
  return taken ? [taken.nodes] : [];
}

function isDecided(term: Value['terms'][number]): boolean {
  return term.kind !== 'variable' || isCustom(term.name);
}

function absentIn({ terms, filters }: Value, given: Data): string[] {
  if (filters.some(({ name }) => name === 'default')) return [];
  return terms.flatMap((term) =>
    term.kind === 'variable' && isCustom(term.name) && !given.get(term.name) ? [term.name] : [],
  );
}
