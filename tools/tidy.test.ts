import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { aimsOf } from './tidy/aims.ts';
import { describeFindings, type Planted, type Rule } from './tidy/rule.ts';
import { importRules } from './tidy/rules-imports.ts';
import { layoutRules } from './tidy/rules-layout.ts';
import { purityRules } from './tidy/rules-purity.ts';
import { repositoryRules } from './tidy/rules-repository.ts';
import { sizeRules } from './tidy/rules-sizes.ts';
import { wordRules } from './tidy/rules-words.ts';
import { readSourceTree, type SourceTree } from './tidy/source-tree.ts';

const rules: Rule[] = [
  ...importRules,
  ...purityRules,
  ...layoutRules,
  ...sizeRules,
  ...wordRules,
  ...repositoryRules,
];
const tree = readSourceTree();

describe('the repository is tidy', () => {
  for (const rule of rules) {
    it(rule.name, () => {
      const findings = rule.find(tree);
      assert.ok(findings.length === 0, describeFindings(rule, findings));
    });
  }

  it('and heads where the house aims', (t) => {
    for (const line of aimsOf(tree)) t.diagnostic(line);
  });
});

describe('each rule bites', () => {
  for (const rule of rules) {
    it(rule.name, () => {
      for (const planted of rule.bad)
        assert.notEqual(rule.find(toTree(planted)).length, 0, `not seen: ${show(planted)}`);
      for (const planted of rule.good)
        assert.deepEqual(rule.find(toTree(planted)), [], `not good: ${show(planted)}`);
    });
  }

  it('at the right line', () => {
    const planted = { 'server/src/mail/a.ts': '\n\nconst a =\n  Date.now();' };
    const lines = rules.flatMap((rule) =>
      rule.find(toTree(planted)).filter((found) => found.what.includes('Date')),
    );
    assert.deepEqual(lines, [{ file: 'server/src/mail/a.ts', line: 4, what: 'Date.now is used here' }]);
  });
});

function toTree(planted: Planted): SourceTree {
  return new Map(Object.entries(planted));
}

function show(planted: Planted): string {
  return JSON.stringify(planted).slice(0, 300);
}
