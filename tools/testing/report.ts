// What a reader of a test run sees: a line per file, failures in full, and the count as the very last line.
import { styleText } from 'node:util';
import type { FileResult } from './run-files.ts';

type Style = Parameters<typeof styleText>[0];
export type Report = { text: string; isSuccess: boolean };

const slowestShown = 5;
const outputLinesShown = 60;

function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}

export function fileReport(result: FileResult): string {
  const total = result.passed + result.failures.length;
  const time = paint('dim', duration(result.ms));
  const notes = result.notes.map((note) => `    ${paint('dim', note)}`);
  if (result.failures.length === 0) {
    return [`${paint('green', 'ok')}    ${result.file}  ${total} ${time}`, ...notes].join('\n');
  }
  const head = `${paint('red', 'FAIL')}  ${result.file}  ${result.failures.length} of ${total} ${time}`;
  const details = result.failures.map((failure) =>
    [
      paint('red', `    ${failure.name}`),
      `      at ${result.file}:${failure.line}`,
      indent(failure.text, 6),
    ].join('\n'),
  );
  return [head, ...details, ...outputReport(result), ...notes].join('\n');
}

export function runReport(results: FileResult[], ms: number): Report {
  const passed = results.reduce((sum, result) => sum + result.passed, 0);
  const failed = results.reduce((sum, result) => sum + result.failures.length, 0);
  const failures = results.flatMap((result) =>
    result.failures.map((failure) => `  ${result.file}:${failure.line}  ${failure.name}`),
  );
  const slowest = results
    .toSorted((a, b) => b.ms - a.ms)
    .slice(0, slowestShown)
    .map((result) => `  ${duration(result.ms).padStart(8)}  ${result.file}`);
  const lines = [
    ...(failures.length > 0 ? ['', paint('red', 'Failed:'), ...failures] : []),
    '',
    ...(slowest.length > 0 ? ['Slowest files:', ...slowest] : []),
    `${results.length} files in ${duration(ms)}`,
    `${passed} passed, ${failed} failed`,
  ];
  return { text: lines.join('\n'), isSuccess: failed === 0 && passed > 0 };
}

function outputReport(result: FileResult): string[] {
  const lines = result.output.trimEnd().split('\n').slice(-outputLinesShown);
  if (lines.join('') === '') return [];
  return [paint('dim', '    What the file printed last:'), indent(lines.join('\n'), 6)];
}

function indent(text: string, by: number): string {
  return text.replaceAll(/^(?=.)/gm, ' '.repeat(by));
}

function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 60_000
    ? `${(ms / 1000).toFixed(1)} s`
    : `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}
