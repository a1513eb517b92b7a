import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { fileReport, runReport } from './testing/report.ts';
import { type FileResult, runFiles } from './testing/run-files.ts';

const planted = {
  'passes.test.ts': `describe('a', () => { it('b', () => {}); it('c', (t) => t.diagnostic('noted')); });`,
  'fails.test.ts': `describe('a', () => { it('b', () => assert.equal(1, 2)); it('c', () => {}); });`,
  'nested.test.ts': `test('a', async (t) => { await t.test('b', () => assert.fail('deep')); });`,
  'marked.test.ts': `it('skips', { skip: true }, () => {}); it('waits', { todo: '' }, () => {}); describe('s', { skip: true }, () => {});`,
  'hook.test.ts': `describe('a', () => { before(() => assert.fail('hook')); it('b', () => {}); });`,
  'crashes.test.ts': `console.log('last words'); process.exit(3);`,
  'leaves-early.test.ts': `it('a', () => { setTimeout(() => process.exit(0), 10); return new Promise(() => {}); });`,
  'empty.test.ts': 'assert.ok(true);',
  'late.test.ts': `it('a', () => { setTimeout(() => { throw new Error('too late'); }, 20); });`,
  'hangs.test.ts': `it('a', () => {}); it('b', () => new Promise((resolve) => setTimeout(resolve, 60_000)));`,
  'alone.serial.test.ts': `it('a', () => { assert.equal(process.env.POSTERN_PORT, undefined); });`,
};

describe('the test runner', () => {
  let folder = '';
  let results: FileResult[] = [];

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'postern-runner-'));
    const head = `import assert from 'node:assert/strict'; import { before, describe, it, test } from 'node:test';`;
    for (const [file, text] of Object.entries(planted))
      await writeFile(path.join(folder, file), `${head}\n${text}\n`);
    await writeFile(path.join(folder, 'package.json'), '{"type":"module"}');
    process.env.POSTERN_PORT = '1';
    results = await runFiles(Object.keys(planted).toReversed(), {
      root: folder,
      concurrency: 2,
      timeoutMs: 2500,
      onResult: () => {},
    });
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const outcome = (file: string) => {
    const result = results.find((one) => one.file === file);
    assert.ok(result);
    return {
      passed: result.passed,
      failures: result.failures.map(({ name, text }) => `${name}: ${text.split('\n')[0]}`),
    };
  };

  it('counts what passed and keeps what tests note', () => {
    assert.deepEqual(outcome('passes.test.ts'), { passed: 2, failures: [] });
    assert.deepEqual(results.find((one) => one.file === 'passes.test.ts')?.notes, ['noted']);
  });

  it('tells a failure once, with its suite and its reason', () => {
    const { passed, failures } = outcome('fails.test.ts');
    assert.equal(passed, 1);
    assert.match(failures.join(), /^a > b: AssertionError.*strictly equal/);
    assert.match(outcome('nested.test.ts').failures.join(), /^a > b: AssertionError.*deep/);
  });

  it('counts skipped and planned tests and suites as failed', () => {
    const must = 'every test must run';
    assert.deepEqual(outcome('marked.test.ts'), {
      passed: 0,
      failures: [`skips: skipped: ${must}`, `waits: todo: ${must}`, `s: skipped: ${must}`],
    });
  });

  it('counts a broken hook, a crash, an early exit, an empty file and a late error as failed', () => {
    assert.match(outcome('hook.test.ts').failures.join(), /hook/);
    assert.match(outcome('crashes.test.ts').failures.join(), /crashed with exit code 3/);
    assert.match(outcome('leaves-early.test.ts').failures.join(), /ended .*before/);
    assert.match(outcome('empty.test.ts').failures.join(), /has no tests/);
    assert.equal(outcome('late.test.ts').failures.length, 1);
  });

  it('ends a file that takes too long and names the test that was running', () => {
    const { passed, failures } = outcome('hangs.test.ts');
    assert.deepEqual(
      { passed, failures },
      {
        passed: 1,
        failures: ['the file as a whole: did not end within 2.5 s; still running: b'],
      },
    );
  });

  it('runs serial files last and without the settings of the shell', () => {
    assert.equal(results.at(-1)?.file, 'alone.serial.test.ts');
    assert.deepEqual(outcome('alone.serial.test.ts'), { passed: 1, failures: [] });
  });

  it('shows the output of a failed file', () => {
    const crashed = results.find((one) => one.file === 'crashes.test.ts');
    assert.ok(crashed);
    assert.match(fileReport(crashed), /last words/);
  });

  it('ends its report with the count, and succeeds only when something passed and nothing failed', () => {
    const report = runReport(results, 1);
    assert.match(stripVTControlCharacters(report.text), /\n\d+ passed, \d+ failed$/);
    assert.equal(report.isSuccess, false);
    assert.equal(
      runReport(
        results.filter((one) => one.failures.length === 0),
        1,
      ).isSuccess,
      true,
    );
    assert.deepEqual(runReport([], 1), { text: runReport([], 1).text, isSuccess: false });
  });
});
