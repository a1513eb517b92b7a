import type { Violation } from '../core/problems.ts';

export type Pairs = Readonly<Record<string, string>>;

/** What an app has written down of a person. Nothing of it has been proved. */
export interface Profile {
  readonly givenName?: string;
  readonly familyName?: string;
  readonly name?: string;
  readonly locale?: string;
  readonly phoneNumber?: string;
  readonly preferredUsername?: string;
  readonly picture?: string;
  readonly gender?: string;
  readonly groups?: readonly string[];
  readonly customAttributes?: Pairs;
  readonly metadata?: Pairs;
}

/** What is left out stays; an empty text takes its field away. */
export type ProfileChange = { readonly [N in keyof Profile]?: Profile[N] | undefined };

/** Of an app's own ids and profile texts: enough for every name there is, too little to store a document. */
const TEXT_MAX = 200;
const URL_MAX = 2048;

interface TextRule {
  readonly max: number;
  readonly shape?: RegExp;
  readonly is?: string;
}

const TEXTS = {
  givenName: { max: TEXT_MAX },
  familyName: { max: TEXT_MAX },
  name: { max: TEXT_MAX },
  preferredUsername: { max: TEXT_MAX },
  gender: { max: 50 },
  /** RFC 5646, with the underscore that many write. */
  locale: {
    max: 35,
    shape: /^[A-Za-z0-9]{1,8}(?:[-_][A-Za-z0-9]{1,8})*$/,
    is: 'a language tag such as en-GB',
  },
  phoneNumber: { max: 32, shape: /^\+?[0-9][0-9 ().-]{2,}$/, is: 'a phone number such as +441632960961' },
  /** Apps put it into a page: nothing that runs. */
  picture: { max: URL_MAX, shape: /^https?:\/\/[^\s"'<>\\]+$/, is: 'an http or https URL' },
} as const satisfies Record<string, TextRule>;

type TextName = keyof typeof TEXTS;

const GROUPS_MAX = 50;

/** The contract's limits of a map. */
const PAIRS_MAX = 20;
const KEY = { min: 3, max: 25 };
const VALUE_MAX = 256;

/** Control, private and invisible characters, and those that turn the direction of what follows them. */
const UNSEEN = /[\p{Cc}\p{Cs}\p{Co}\p{Zl}\p{Zp}]|(?![\u200c\u200d])\p{Cf}/u;

/** Where a field stands in its request, and what was wrong with any so far. */
export interface Place {
  readonly path: string;
  readonly faults: Violation[];
}

/** The profile after a change; what is wrong with it goes to the faults. */
export function changedProfile(known: Profile, change: ProfileChange, place: Place): Profile {
  const texts = textNames().flatMap((name): [TextName, string][] => {
    const wanted = change[name];
    const value = wanted === undefined ? known[name] : checkedText(wanted, TEXTS[name], below(place, name));
    return value ? [[name, value]] : [];
  });
  const pairs = (name: 'customAttributes' | 'metadata') =>
    changedPairs(known[name] ?? {}, change[name] ?? {}, below(place, name));
  const groups = change.groups ? checkedGroups(change.groups, below(place, 'groups')) : known.groups;
  const customAttributes = pairs('customAttributes');
  const metadata = pairs('metadata');
  return {
    ...Object.fromEntries(texts),
    ...(groups && groups.length > 0 && { groups }),
    ...(hasPairs(customAttributes) && { customAttributes }),
    ...(hasPairs(metadata) && { metadata }),
  };
}

/** The map after a change: a pair replaces the one of its key, an empty value takes it away. */
export function changedPairs(known: Pairs, change: Pairs, place: Place): Pairs {
  const given = Object.entries(change);
  if (given.length > PAIRS_MAX) {
    fault(place, `can have ${PAIRS_MAX} pairs, not ${given.length}`, 'max_pairs');
    return known;
  }
  const pairs = new Map(Object.entries(known));
  for (const [key, value] of given) {
    if (value === '' && pairs.delete(key)) continue;
    checkPair(key, value, place);
    pairs.set(key, value.normalize('NFC'));
  }
  if (pairs.size > PAIRS_MAX) fault(place, `would have ${pairs.size} pairs, of ${PAIRS_MAX}`, 'max_pairs');
  return Object.fromEntries(pairs);
}

/** An app's own id of a person, compared letter by letter. */
export function checkedExternalId(text: string, place: Place): string {
  return checkedText(text, { max: TEXT_MAX }, place);
}

/** What a search looks in: address, names, external id, whatever their letters' size. */
export function searchText(user: {
  email: string;
  externalId?: string | undefined;
  profile: Profile;
}): string {
  const { name, givenName, familyName, preferredUsername } = user.profile;
  const fullName = [givenName, familyName].filter((part) => part).join(' ');
  const parts = [user.email, name, fullName, preferredUsername, user.externalId];
  return searchable(parts.filter((part) => part).join('\n'));
}

export function searchable(text: string): string {
  return text.normalize('NFC').toLowerCase();
}

export function hasUnseen(text: string): boolean {
  return UNSEEN.test(text);
}

function textNames(): TextName[] {
  return Object.keys(TEXTS).flatMap((name) => (isTextName(name) ? [name] : []));
}

function isTextName(name: string): name is TextName {
  return Object.hasOwn(TEXTS, name);
}

function checkedText(text: string, { max, shape, is }: TextRule, place: Place): string {
  const value = text.trim().normalize('NFC');
  if (value.length > max) fault(place, `is longer than ${max} characters`, 'max_len');
  else if (hasUnseen(value)) fault(place, 'has a control, direction or invisible character', 'characters');
  else if (value !== '' && shape && !shape.test(value)) fault(place, `is not ${is}`, 'pattern');
  return value;
}

function checkedGroups(groups: readonly string[], place: Place): string[] {
  if (groups.length > GROUPS_MAX) {
    fault(place, `can have ${GROUPS_MAX} entries, not ${groups.length}`, 'max_items');
    return [];
  }
  const checked = groups.map((group) => checkedText(group, { max: TEXT_MAX }, place));
  if (checked.includes('')) fault(place, 'has an empty entry', 'min_len');
  return [...new Set(checked)];
}

function checkPair(key: string, value: string, place: Place): void {
  const shown = { ...place, path: `${place.path}[${JSON.stringify(key.slice(0, KEY.max))}]` };
  if (key.length < KEY.min || key.length > KEY.max)
    fault(shown, `has a key that is not ${KEY.min} to ${KEY.max} characters long`, 'key_len');
  else if (hasUnseen(key) || key === '__proto__')
    fault(shown, 'has a key with characters that cannot be used', 'key');
  if (value.length < 1 || value.length > VALUE_MAX)
    fault(shown, `has a value that is not 1 to ${VALUE_MAX} characters long`, 'value_len');
  else if (/[\p{Cs}\0]/u.test(value))
    fault(shown, 'has a value with a character that no text has', 'characters');
}

function fault({ path, faults }: Place, description: string, constraint: string): void {
  faults.push({ field: path, description, constraint });
}

function below({ path, faults }: Place, name: string): Place {
  return { path: `${path}.${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`, faults };
}

function hasPairs(pairs: Pairs): boolean {
  return Object.keys(pairs).length > 0;
}
