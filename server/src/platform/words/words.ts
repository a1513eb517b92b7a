import type { Instant } from '../../core/ids.ts';
import { chooseLanguage, indexLanguages } from '../../core/language.ts';
import { DAY, HOUR, MINUTE, SECOND } from '../../core/units.ts';
import { type Html, html } from '../http/html.ts';
import { type Catalogue, catalogues, english } from './catalogues.ts';

type KeysOf<Shape> = { [K in keyof Catalogue]: Catalogue[K] extends Shape ? K : never }[keyof Catalogue];

/** A text of the catalogue. */
export type TextKey = KeysOf<string>;
/** A text that differs with a number, which it names `{n}`. */
export type CountedKey = Exclude<keyof Catalogue, TextKey>;

type Values = Readonly<Record<string, string | number>>;

/** Everything that pages and mails say, in one language. */
export interface Words {
  /** BCP 47. */
  readonly lang: string;
  readonly dir: 'ltr' | 'rtl';
  /** A text with its `{names}` filled in. */
  say(key: TextKey, values?: Values): string;
  /** The same as markup: the text is escaped, values stand as the markup they are. */
  show(key: TextKey, values?: Readonly<Record<string, Html>>): Html;
  /** The form of a text that the language uses with this number. */
  count(key: CountedKey, n: number, values?: Values): string;
  countShown(key: CountedKey, n: number, values: Readonly<Record<string, Html>>): Html;
  /** `10 minutes`, from milliseconds; never none. */
  minutes(ms: number): string;
  /** `25 seconds`, from milliseconds; never none. */
  seconds(ms: number): string;
  /** `2 minutes ago`, `3 hours ago`, `4 days ago`. */
  ago(ms: number): string;
  /** The name of a country by its ISO 3166 code. */
  country(code: string): string;
}

/** The languages that there are, each with its own name for itself. */
export const languages: ReadonlyArray<{ lang: string; name: string }> = [...catalogues].map(
  ([lang, { language }]) => ({ lang, name: language }),
);

const index = indexLanguages(languages.map(({ lang }) => lang));

/** The words of the first wanted language that there is, else English. */
export function wordsFor(...wanted: ReadonlyArray<string | undefined>): Words {
  const tags = wanted.filter((tag) => tag !== undefined);
  return spoken(chooseLanguage(tags, index) ?? 'en');
}

const known = new Map<string, Words>();

function spoken(lang: string): Words {
  const words = known.get(lang) ?? createWords(lang, catalogues.get(lang) ?? english);
  known.set(lang, words);
  return words;
}

const RIGHT_TO_LEFT = new Set(['Arab', 'Hebr', 'Thaa', 'Syrc', 'Nkoo', 'Adlm']);

const MINUTES = ['minute', MINUTE] as const;
const HOURS = ['hour', HOUR] as const;
const DAYS = ['day', DAY] as const;

/**
 * The words of a catalogue, with the plurals, units and names of a language. Digits are those of the codes,
 * whatever the language: two kinds on one page would be harder to compare.
 */
export function createWords(lang: string, texts: Catalogue): Words {
  const plural = new Intl.PluralRules(lang);
  const locale = new Intl.Locale(lang, { numberingSystem: 'latn' });
  const unit = (name: string) =>
    new Intl.NumberFormat(locale, { style: 'unit', unit: name, unitDisplay: 'long' });
  const [minutes, seconds] = [unit('minute'), unit('second')];
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'always' });
  const countries = new Intl.DisplayNames([lang], { type: 'region', fallback: 'code' });
  const formOf = (key: CountedKey, n: number) => {
    const forms: Readonly<Record<string, string>> = texts[key];
    return forms[plural.select(n)] ?? forms.other ?? '';
  };
  return {
    lang,
    dir: RIGHT_TO_LEFT.has(locale.maximize().script ?? '') ? 'rtl' : 'ltr',
    say: (key, values = {}) => filled(texts[key], values),
    show: (key, values = {}) => markup(texts[key], values),
    count: (key, n, values = {}) => filled(formOf(key, n), { n, ...values }),
    countShown: (key, n, values) => markup(formOf(key, n), { n: html`${n}`, ...values }),
    minutes: (ms) => minutes.format(Math.max(1, Math.round(ms / MINUTE))),
    seconds: (ms) => seconds.format(Math.max(1, Math.ceil(ms / SECOND))),
    ago: (ms) => {
      const [unit, length] = ms < HOUR ? MINUTES : ms < DAY ? HOURS : DAYS;
      return relative.format(-Math.max(1, Math.floor(ms / length)), unit);
    },
    country: (code) => (/^[A-Z]{2}$/.test(code) ? (countries.of(code) ?? code) : ''),
  };
}

const NAME = /\{(\w+)\}/g;

function filled(text: string, values: Values): string {
  return text.replace(NAME, (_whole, name: string) => String(values[name] ?? ''));
}

function markup(text: string, values: Readonly<Record<string, Html>>): Html {
  const parts = text.split(NAME); // text, name, text, name … text
  return html`!${parts.map((part, at) => (at % 2 === 0 ? html`${part}` : (values[part] ?? html``)))}`;
}

/** A moment as a page shows it: in UTC, which the page's script turns into the reader's own time. */
export function clockTime(at: Instant): string {
  return `${new Date(at).toISOString().slice(11, 16)} UTC`;
}
