/** One line of a comparison: in both texts, only in the old, or only in the new. */
export interface DiffLine {
  readonly mark: ' ' | '-' | '+';
  readonly text: string;
}

/** Texts longer than this are compared as a whole: the table below grows with the product of both. */
const LINES_MAX = 2000;

/** The shortest way from one text to another, line by line (longest common subsequence). */
export function lineDiff(from: string, to: string): DiffLine[] {
  const [old, fresh] = [linesOf(from), linesOf(to)];
  const head = commonLines(old, fresh);
  const tail = commonLines(old.slice(head).toReversed(), fresh.slice(head).toReversed());
  const middle = between(old.slice(head, old.length - tail), fresh.slice(head, fresh.length - tail));
  return [...marked(' ', old.slice(0, head)), ...middle, ...marked(' ', old.slice(old.length - tail))];
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.replace(/\r?\n$/, '').split(/\r?\n/);
}

function marked(mark: DiffLine['mark'], lines: readonly string[]): DiffLine[] {
  return lines.map((text) => ({ mark, text }));
}

function commonLines(one: readonly string[], other: readonly string[]): number {
  const end = one.findIndex((line, at) => line !== other[at]);
  return end < 0 ? one.length : end;
}

function between(old: readonly string[], fresh: readonly string[]): DiffLine[] {
  if (old.length > LINES_MAX || fresh.length > LINES_MAX) return [...marked('-', old), ...marked('+', fresh)];
  const table = commonLengths(old, fresh);
  const length = (i: number, j: number) => table[i]?.[j] ?? 0;
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < fresh.length) {
    const [gone, come] = [old[i], fresh[j]];
    if (gone !== undefined && gone === come) {
      lines.push({ mark: ' ', text: gone });
      [i, j] = [i + 1, j + 1];
    } else if (gone !== undefined && (come === undefined || length(i + 1, j) >= length(i, j + 1))) {
      lines.push({ mark: '-', text: gone });
      i += 1;
    } else {
      lines.push({ mark: '+', text: come ?? '' });
      j += 1;
    }
  }
  return lines;
}

/** How many lines the rests of both texts have in common, from each pair of lines on. */
function commonLengths(old: readonly string[], fresh: readonly string[]): Uint16Array[] {
  const table = Array.from({ length: old.length + 1 }, () => new Uint16Array(fresh.length + 1));
  for (let i = old.length - 1; i >= 0; i -= 1)
    for (let j = fresh.length - 1; j >= 0; j -= 1) {
      const [row, below] = [table[i], table[i + 1]];
      if (row && below)
        row[j] = old[i] === fresh[j] ? (below[j + 1] ?? 0) + 1 : Math.max(below[j] ?? 0, row[j + 1] ?? 0);
    }
  return table;
}
