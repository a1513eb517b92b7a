// What the documentation tests read from a Markdown page.

export type Link = { target: string; line: number };

/** The page with everything it quotes as code blanked, line by line. */
export function withoutCode(text: string): string {
  const blank = (code: string) => code.replaceAll(/[^\n]/g, ' ');
  return text
    .replaceAll(/^( *)(`{3,}|~{3,})[^\n]*\n[\s\S]*?(^\1\2[`~]*[ \t]*$|$(?![\s\S]))/gm, blank)
    .replaceAll(/(`+)(?!`)[^\n]*?(?<!`)\1(?!`)/g, blank);
}

/** Targets of links, images, reference definitions and HTML attributes. */
export function linksIn(text: string): Link[] {
  const patterns = [
    /\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g,
    /^ {0,3}\[[^\]]+\]:\s+<?(\S+?)>?(?:\s|$)/gm,
    /\b(?:href|src)="([^"]+)"/g,
  ];
  const prose = withoutCode(text);
  return patterns.flatMap((pattern) =>
    [...prose.matchAll(pattern)].map((found) => ({
      target: found[1] ?? '',
      line: prose.slice(0, found.index).split('\n').length,
    })),
  );
}

/** The anchors a page offers: its headings as GitHub writes them, and explicit ids. */
export function anchorsIn(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, id] of text.matchAll(/<\w+[^>]*\b(?:id|name)="([^"]+)"/g)) anchors.add(id ?? '');
  // Headings keep the words of their code spans, so only the fences are blanked here.
  const fenceless = text.replaceAll(/^( *)(`{3,}|~{3,})[^\n]*\n[\s\S]*?^\1\2[`~]*[ \t]*$/gm, '');
  for (const [, heading] of fenceless.matchAll(/^ {0,3}#{1,6}\s+(.+?)(?:\s+#+)?\s*$/gm)) {
    const slug = slugOf(heading ?? '');
    let unique = slug;
    for (let again = 1; anchors.has(unique); again++) unique = `${slug}-${again}`;
    anchors.add(unique);
  }
  return anchors;
}

function slugOf(heading: string): string {
  return heading
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '')
    .replaceAll(' ', '-');
}

/** The rows of the first table below a heading that matches, without its head. */
export function tableBelow(text: string, heading: RegExp): { row: string; line: number }[] {
  const lines = text.split('\n');
  const from = lines.findIndex((line) => /^#/.test(line) && heading.test(line));
  if (from < 0) return [];
  const start = lines.findIndex((line, at) => at > from && line.startsWith('|'));
  const next = lines.findIndex((line, at) => at > from && /^#/.test(line));
  if (start < 0 || (next >= 0 && next < start)) return [];
  const end = lines.findIndex((line, at) => at > start && !line.startsWith('|'));
  return lines
    .slice(start, end < 0 ? undefined : end)
    .map((row, at) => ({ row, line: start + at + 1 }))
    .slice(2);
}
