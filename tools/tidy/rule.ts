import type { SourceTree } from './source-tree.ts';

export type Finding = { file: string; line: number; what: string };

/** Files by path, small enough to read at a glance. */
export type Planted = Record<string, string>;

/** A rule of the house, together with the plants that prove that it bites. */
export type Rule = {
  name: string;
  /** What to do about a finding. */
  advice: string;
  find: (tree: SourceTree) => Finding[];
  /** Each of these trees must yield a finding. */
  bad: Planted[];
  /** None of these may. */
  good: Planted[];
};

/** What a reader needs to mend the findings: where, what, and once for all what to do. */
export function describeFindings(rule: Rule, findings: Finding[]): string {
  const places = findings.map(({ file, line, what }) => `  ${file}:${line}  ${what}`);
  return [`Rule: ${rule.name}. ${rule.advice}.`, ...places].join('\n');
}
