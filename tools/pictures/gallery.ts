import { wordsFor } from '../../server/src/platform/words/words.ts';
import { plainTexts, type Sample } from '../../server/test/support/page-samples.ts';

/** Where the sheets are, below `docs/`. */
export const SHEETS = 'images/pages';

/** Headings of the gallery, each with the beginnings of the names below it; the last one takes the rest. */
const SECTIONS: ReadonlyArray<readonly [heading: string, ...beginnings: string[]]> = [
  ['The address', 'email'],
  ['The mail is on its way', 'code'],
  ['A new start', 'stopped'],
  ['Done', 'continue', 'done', 'leaving', 'form-post'],
  ['The link', 'link'],
  ['"It was not me"', 'disown'],
  ['Many requests', 'puzzle', 'busy'],
  ['Pages that are over', 'lost'],
  ['Accounts, consent and signing out', 'choose', 'consent', 'sign'],
  ['Everything else', ''],
];

const INTRODUCTION = `# Every page

What a person can see of a sign-in: every page in every state, on a desktop and a phone, light and dark, and from right
to left. \`npm run screenshots\` makes the pictures and this page from the samples that the tests look at
(\`server/test/support/page-samples.ts\`). [How accessible they are](accessibility.md) is a page of its own.
`;

/** docs/pages.md. */
export function gallery(samples: readonly Sample[]): string {
  const left = new Set(samples);
  const sections = SECTIONS.map(([heading, ...beginnings]) => {
    const below = [...left].filter(([name]) => beginnings.some((beginning) => name.startsWith(beginning)));
    for (const sample of below) left.delete(sample);
    return below.length === 0 ? '' : `## ${heading}\n\n${below.map(entry).join('\n')}`;
  });
  return [INTRODUCTION, ...sections.filter((section) => section !== '')].join('\n');
}

function entry([name, render]: Sample): string {
  const [, title = ''] = /<title>([^<]*)<\/title>/.exec(render(plainTexts, wordsFor('en'))) ?? [];
  const alt = `The page “${title}” on a desktop and on a phone, light and dark, and from right to left`;
  return `### ${name}\n\n${title}\n\n![${alt}](${SHEETS}/${name}.jpg)\n`;
}
