/** Tags of the languages that a header asks for, best first (RFC 9110 12.5.4); what cannot be read is left out. */
export function acceptedLanguages(header: string): string[] {
  const entries = header.slice(0, 1000).split(',').slice(0, 50);
  return entries
    .map((entry) => {
      const [tag = '', ...parameters] = entry.trim().split(/\s*;\s*/);
      const weight = /^q=([01](?:\.\d{0,3})?)$/i.exec(parameters[0] ?? 'q=1')?.[1];
      return { tag, weight: Number(weight ?? 0) };
    })
    .filter(({ tag, weight }) => weight > 0 && tag !== '' && tag !== '*')
    .toSorted((one, other) => other.weight - one.weight)
    .map(({ tag }) => tag);
}

/** Languages by what they are compared by. */
export type LanguageIndex = ReadonlyMap<string, string>;

export function indexLanguages(available: readonly string[]): LanguageIndex {
  return new Map(available.flatMap((tag) => [[tag, tag] as const, [keyOf(tag) ?? tag, tag] as const]));
}

/** The first wanted language that there is, by language and script: `zh-TW` is content with `zh-Hant`, not with `zh-Hans`. */
export function chooseLanguage(wanted: readonly string[], available: LanguageIndex): string | undefined {
  for (const tag of wanted) {
    const found = available.get(tag) ?? available.get(keyOf(tag) ?? ''); // most ask for one as we name it
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Norwegian is asked for under its old names too; who reads Nynorsk reads Bokmål. */
const SAME: Readonly<Record<string, string>> = { no: 'nb', nn: 'nb' };

function keyOf(tag: string): string | undefined {
  if (tag === '') return undefined;
  try {
    const { language, script } = new Intl.Locale(tag.replaceAll('_', '-')).maximize();
    return `${SAME[language] ?? language}-${script}`;
  } catch {
    return undefined; // not a tag (BCP 47)
  }
}
