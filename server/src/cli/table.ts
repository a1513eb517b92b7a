/** Columns padded to their widest cell, with a heading; nothing but `empty` when there are no rows. */
export function table(heading: readonly string[], rows: readonly string[][], empty: string): string[] {
  if (rows.length === 0) return [empty];
  const all = [[...heading], ...rows];
  const widths = heading.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all.map((row) =>
    widths
      .map((width, column) => (row[column] ?? '').padEnd(width))
      .join('  ')
      .trimEnd(),
  );
}

/** `name   value` lines, for one thing. */
export function facts(entries: readonly (readonly [name: string, value: string | undefined])[]): string[] {
  const known = entries.flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [{ name, value }],
  );
  const width = Math.max(0, ...known.map(({ name }) => name.length));
  return known.map(({ name, value }) => `${name.padEnd(width)}  ${value}`);
}
