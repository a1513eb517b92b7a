// The sizes the house aims at, measured: no test fails here, but everyone sees where the code is heading.
import { functionsOf } from './functions.ts';
import { linesIn } from './rules-sizes.ts';
import { filesOf, isCode, isServerSource, isTest, type SourceTree } from './source-tree.ts';
import { syntaxOf } from './syntax.ts';

export function aimsOf(tree: SourceTree): string[] {
  const textOf = (file: string) => tree.get(file) ?? '';
  const sources = filesOf(tree, isServerSource);
  const fileLines = sources.map((file) => linesIn(textOf(file)));
  const shapes = sources
    .flatMap((file) => functionsOf(syntaxOf(file, textOf(file)), textOf(file)))
    .filter((shape) => shape.isNamed);
  const functionLines = shapes.map((shape) => shape.lines);
  const tests = filesOf(tree, (file) => isCode(file) && isTest(file) && file.startsWith('server/'));
  const ratio = sum(tests.map((file) => linesIn(textOf(file)))) / Math.max(1, sum(fileLines));
  return [
    `server: ${sources.length} files, ${sum(fileLines)} lines, ${shapes.length} named functions`,
    `file lines: median ${quantile(fileLines, 0.5)} (aim 90), p90 ${quantile(fileLines, 0.9)} (aim 250), most ${max(fileLines)}`,
    `function lines: median ${quantile(functionLines, 0.5)} (aim 12), p90 ${quantile(functionLines, 0.9)} (aim 40), most ${max(functionLines)}`,
    `lines of tests per line of source: ${ratio.toFixed(2)} (aim 1.0 to 1.5)`,
  ];
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function max(values: number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}

function quantile(values: number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * part)] ?? 0;
}
