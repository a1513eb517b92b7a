import type { Measured } from '../../server/test/accessibility/measuring.ts';

const BEGIN = '<!-- measured by npm run screenshots -->';
const END = '<!-- end of what is measured -->';

/** Puts what was measured between its marks. */
export function withMeasured(page: string, measured: readonly Measured[]): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error('the page has no place for what is measured');
  return `${page.slice(0, begin + BEGIN.length)}\n\n${table(measured)}\n\n${page.slice(end)}`;
}

function table(measured: readonly Measured[]): string {
  const rows = measured.map(
    ({ mode, pages, rules, checks, faults }) =>
      `| ${mode} | ${pages} | ${rules.length} | ${checks} | ${faults.length} |`,
  );
  const open = [...new Set(measured.flatMap((each) => each.open))].toSorted();
  const leftOver =
    open.length === 0
      ? 'No rule leaves a decision to a person.'
      : `Rules that leave a decision to a person on some page: ${open.map((rule) => `\`${rule}\``).join(', ')}.`;
  return [
    '| Mode | Pages | Rules that applied | Elements judged | Violations |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
    leftOver,
  ].join('\n');
}
