import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { errorPageFindings, unknownVariables, unmentioned, variablesIn } from './docs/mentions.ts';
import { pageRules } from './docs/rules-pages.ts';
import { describeFindings, type Finding } from './tidy/rule.ts';
import { readSourceTree, root, type SourceTree } from './tidy/source-tree.ts';

const tree = readSourceTree();

describe('the documents hold', () => {
  for (const rule of pageRules) {
    it(rule.name, () => {
      const findings = rule.find(tree);
      assert.ok(findings.length === 0, describeFindings(rule, findings));
    });
  }

  it('every error code has a page, and every page an error code', async () => {
    none(errorPageFindings(tree, await namesIn('server/src/core/problems.ts', 'problems')));
  });

  it('every setting is in the reference', async () => {
    const names = await namesIn('server/src/settings/definitions.ts', 'settingDefinitions');
    none(unmentioned({ tree, page: 'docs/reference/settings.md' }, names));
  });

  it('every command is in the reference', async () => {
    const names = await namesIn('server/src/cli/commands.ts', 'commands');
    none(
      unmentioned(
        { tree, page: 'docs/reference/cli.md' },
        names.map((name) => `postern ${name.replace(/^postern /, '')}`),
      ),
    );
  });

  it('every type of event is in the reference', () => {
    const source = tree.get('server/src/core/events.ts') ?? '';
    const types = [...new Set(source.match(/(?<=')[a-z]+\.[a-z_]+(?=')/g))];
    assert.ok(types.length > 50, 'server/src/core/events.ts names no events');
    none(unmentioned({ tree, page: 'docs/reference/events.md' }, types));
  });

  it('every environment variable is in the reference, and no document names another', () => {
    const names = variablesIn(tree.get('server/src/platform/config.ts') ?? '');
    assert.notEqual(names.length, 0, 'server/src/platform/config.ts names no POSTERN_ variable');
    none([
      ...unmentioned({ tree, page: 'docs/reference/configuration.md' }, names),
      ...unknownVariables(tree, names),
    ]);
  });
});

describe('each documentation rule bites', () => {
  for (const rule of pageRules) {
    it(rule.name, () => {
      for (const planted of rule.bad)
        assert.notDeepEqual(rule.find(toTree(planted)), [], JSON.stringify(planted));
      for (const planted of rule.good)
        assert.deepEqual(rule.find(toTree(planted)), [], JSON.stringify(planted));
    });
  }

  it('a name counts as mentioned only as a whole', () => {
    const page = 'docs/a.md';
    const at = (text: string) =>
      unmentioned({ tree: toTree({ [page]: text }), page }, ['limits.mails']).length;
    assert.deepEqual(
      [
        '`limits.mails`',
        'limits.mails.',
        'limits.mails_per_day',
        'x.limits.mails',
        'limits.mails.max',
        '',
      ].map(at),
      [0, 0, 1, 1, 1, 1],
    );
    assert.equal(unmentioned({ tree: toTree({}), page }, []).length, 1);
  });

  it('an error without a page and a page without an error are both found', () => {
    const planted = toTree({ 'docs/reference/errors/here.md': '', 'docs/reference/errors/stale.md': '' });
    const files = errorPageFindings(planted, ['here', 'gone']).map((finding) => finding.file);
    assert.deepEqual(files, ['docs/reference/errors/gone.md', 'docs/reference/errors/stale.md']);
  });

  it('a variable that the configuration does not know is found', () => {
    const planted = toTree({
      'docs/a.md': 'POSTERN_URL, POSTERN_URL_FILE, POSTERN_TEST_BROWSER,\nPOSTERN_URI, POSTERN_*',
    });
    assert.deepEqual(unknownVariables(planted, variablesIn(`env('POSTERN_URL')`)), [
      { file: 'docs/a.md', line: 2, what: 'the configuration knows no POSTERN_URI' },
    ]);
  });
});

/** The keys of an exported object, or the names in an exported list. */
async function namesIn(file: string, exported: string): Promise<string[]> {
  const module: Record<string, unknown> = await import(pathToFileURL(path.join(root, file)).href);
  const value = module[exported];
  assert.ok(typeof value === 'object' && value !== null, `${file} does not export ${exported}`);
  const names = Array.isArray(value) ? value.map((one) => String(one.name)) : Object.keys(value);
  assert.notEqual(names.length, 0, `${exported} of ${file} is empty`);
  return names;
}

function none(findings: Finding[]): void {
  const lines = findings.map(({ file, line, what }) => `  ${file}:${line}  ${what}`);
  assert.ok(
    findings.length === 0,
    ['Write the missing page or entry, or delete the stale one:', ...lines].join('\n'),
  );
}

function toTree(planted: Record<string, string>): SourceTree {
  return new Map(Object.entries(planted));
}
