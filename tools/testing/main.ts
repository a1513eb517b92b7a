// Runs the test files whose path contains one of the arguments; all of them when there is none.
import { globSync } from 'node:fs';
import path from 'node:path';
import { fileReport, runReport } from './report.ts';
import { runFiles, stopAll } from './run-files.ts';

const root = path.resolve(import.meta.dirname, '..', '..');
const patterns = [
  '{server,sdk,dashboard}/{src,test}/**/*.test.{ts,tsx}',
  'examples/**/*.test.{ts,js,mjs}',
  'tools/**/*.test.ts',
];

function findTestFiles(parts: string[]): string[] {
  return globSync(patterns, { cwd: root, exclude: (name) => name === 'node_modules' })
    .map((file) => file.replaceAll(path.sep, '/'))
    .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)))
    .toSorted();
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    stopAll();
    process.exit(130);
  });
}

const parts = process.argv.slice(2);
const files = findTestFiles(parts);
if (files.length === 0)
  console.log(`No test file ${parts.length > 0 ? `matches ${parts.join(', ')}` : 'exists'}.`);
const startedAt = performance.now();
const postgres = files.some((file) => file.startsWith('server/')) ? await sharedPostgres() : undefined;
const results = await runFiles(files, {
  root,
  concurrency: 2,
  timeoutMs: 8 * 60_000,
  onResult: (result) => console.log(fileReport(result)),
});
await postgres?.stop();
const report = runReport(results, performance.now() - startedAt);
console.log(report.text);
process.exitCode = report.isSuccess ? 0 : 1;

/** One PostgreSQL for all files, each in databases of its own; a file that is run alone starts one for itself. */
async function sharedPostgres() {
  if (process.env.POSTERN_TEST_POSTGRES !== undefined) return undefined;
  const { startPostgres } = await import('../../server/test/support/postgres.ts');
  const server = await startPostgres();
  process.env.POSTERN_TEST_POSTGRES = server.url;
  return server;
}
