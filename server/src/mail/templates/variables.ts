/** Why a mail is sent; each has its own template. */
export const mailKinds = [
  'sign_in_code',
  'sign_in_link',
  'sign_in_both',
  'sign_up_code',
  'sign_up_link',
  'sign_up_both',
  'disowned',
  'invitation',
  'new_device',
  'email_change',
  'test',
] as const;
export type MailKind = (typeof mailKinds)[number];

/** A word that a template may name; undefined where there is no such kind. */
export function mailKindOf(name: string): MailKind | undefined {
  return mailKinds.find((kind) => kind === name);
}

interface Variable {
  readonly meaning: string;
  /** What it may be, where a template is only tried. */
  readonly sample: string;
  /** What else other products call it, so that templates move over. */
  readonly aliases?: readonly string[];
  /** The kinds of mail that have it; all where nothing is said. */
  readonly kinds?: readonly MailKind[];
  /** It is one of our own addresses, and may be the whole of a link. */
  readonly isUrl?: true;
}

const CODES: readonly MailKind[] = [
  'sign_in_code',
  'sign_in_both',
  'sign_up_code',
  'sign_up_both',
  'email_change',
];
const LINKS: readonly MailKind[] = [
  'sign_in_link',
  'sign_in_both',
  'sign_up_link',
  'sign_up_both',
  'invitation',
  'email_change',
];
const SIGN_INS = mailKinds.filter((kind) => /^sign_/.test(kind));
const PROOFS: readonly MailKind[] = [...SIGN_INS, 'invitation', 'email_change'];
const REQUESTED: readonly MailKind[] = [...SIGN_INS, 'disowned', 'new_device', 'email_change'];

/** The one table of what templates can say. `docs/operating/templates.md` is this list. */
export const variables = {
  code: { sample: '482913', meaning: 'The code to type', aliases: ['otp'], kinds: CODES },
  link: {
    sample: 'https://id.example.com/l/q8Zk3vX0b2NfT7yLr1CwAg',
    meaning: 'The link that proves the address',
    kinds: LINKS,
    isUrl: true,
  },
  not_me_link: {
    sample: 'https://id.example.com/not-me/q8Zk3vX0b2NfT7yLr1CwAg',
    meaning: 'The page that stops a sign-in which somebody else began',
    kinds: [...SIGN_INS, 'new_device'],
    isUrl: true,
  },
  'app.name': {
    sample: 'Acme',
    meaning: 'The name of the app, or of the deployment',
    aliases: ['app_name', 'application.name'],
  },
  'app.logo_url': {
    sample: 'https://id.example.com/logos/acme.png',
    meaning: 'Its logo, where it has one that mail programs show',
    aliases: ['app_logo_url', 'application.logo_uri'],
    isUrl: true,
  },
  host: { sample: 'id.example.com', meaning: 'The host of the sign-in pages' },
  'user.email': {
    sample: 'ada@example.com',
    meaning: 'The address that the mail goes to',
    aliases: ['user_email', 'email'],
  },
  expires_in: {
    sample: '10 minutes',
    meaning: 'How long it works, in words',
    aliases: ['expiry_time_relative'],
    kinds: PROOFS,
  },
  expires_minutes: { sample: '10', meaning: 'The same in minutes, as a number', kinds: PROOFS },
  'request.browser': {
    sample: 'Firefox',
    meaning: 'The browser that asked, where it is known',
    kinds: REQUESTED,
  },
  'request.os': { sample: 'Linux', meaning: 'Its system', kinds: REQUESTED },
  'request.country': {
    sample: 'France',
    meaning: 'The country it asked from, where a proxy tells',
    kinds: REQUESTED,
  },
  'request.ip': { sample: '203.0.113.7', meaning: 'The network address it asked from', kinds: REQUESTED },
  'request.time': { sample: '14:32 UTC', meaning: 'When it asked', kinds: REQUESTED },
  locale: { sample: 'en', meaning: 'The language of the mail, as a tag', aliases: ['request_language'] },
  dir: { sample: 'ltr', meaning: 'The direction of its writing, `ltr` or `rtl`' },
} as const satisfies Record<string, Variable>;

export type VariableName = keyof typeof variables;

export interface Known {
  readonly name: VariableName;
  readonly isUrl: boolean;
}

/** What a template of this kind may call each of its variables. */
export function vocabulary(kind: MailKind): ReadonlyMap<string, Known> {
  return vocabularies[kind];
}

/** A name of the app's own, which it fills in when it asks for a mail; nothing stands there where it does not. */
export function isCustom(word: string): boolean {
  return /^custom\.[a-z][a-z0-9_]{0,39}$/i.test(word);
}

/** One invented mail of a kind: every variable of it has a text. */
export function sampleData(kind: MailKind): ReadonlyMap<string, string> {
  const names = new Set([...vocabulary(kind).values()].map(({ name }) => name));
  return new Map([...names].map((name) => [name, variables[name].sample]));
}

/** The kinds of mail that would know a name which this one does not. */
export function kindsKnowing(name: string): MailKind[] {
  return mailKinds.filter((kind) => vocabularies[kind].has(name));
}

function vocabularyOf(kind: MailKind): ReadonlyMap<string, Known> {
  const all: [string, Variable][] = Object.entries(variables);
  const known = new Map<string, Known>();
  for (const [name, { aliases = [], kinds = mailKinds, isUrl = false }] of all) {
    const own = namedVariable(name);
    if (own && kinds.includes(kind))
      for (const word of [name, ...aliases]) known.set(word, { name: own, isUrl });
  }
  return known;
}

function namedVariable(name: string): VariableName | undefined {
  return Object.hasOwn(variables, name) ? (name as VariableName) : undefined;
}

const vocabularies = Object.fromEntries(mailKinds.map((kind) => [kind, vocabularyOf(kind)])) as Readonly<
  Record<MailKind, ReadonlyMap<string, Known>>
>;
