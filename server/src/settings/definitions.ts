import { z } from 'zod';
import { colourFault, type Mode } from '../core/branding/accents.ts';
import { parseColour } from '../core/branding/colour.ts';
import { logoFacts } from '../core/branding/logo.ts';

const seconds = (min: number, max: number) => z.int().min(min).max(max);
const count = (min: number, max: number) => z.int().min(min).max(max);
const flag = z.boolean();

/** Empty, or a colour that is readable in its mode, if need be corrected. */
const colour = (mode: Mode) =>
  z
    .string()
    .superRefine((text, context) => {
      const message = text === '' ? undefined : colourFault(text, mode);
      if (message !== undefined) context.addIssue({ code: 'custom', message });
    })
    .overwrite((text) => parseColour(text) ?? text);

const logo = z.string().refine((id) => id === '' || logoFacts(id) !== undefined, {
  message: 'it is the id of a stored logo, or empty; `postern branding logo FILE` stores one',
});

/**
 * What an owner decides at run time: name, shape, default and one line of meaning. The names are the
 * same in the CLI, the API and the dashboard, and docs/reference/settings.md explains each.
 */
export const settingDefinitions = {
  'passwordless.enabled': {
    shape: flag,
    initial: true,
    meaning: 'Whether anybody can sign in; without it only those who are signed in stay so',
  },
  'passwordless.method': {
    shape: z.enum(['otp', 'link', 'link_otp']),
    initial: 'link_otp',
    meaning: 'What the mail holds: a code, a link, or both',
  },
  'passwordless.validity_seconds': {
    shape: seconds(60, 3600),
    initial: 600,
    meaning: 'How long a code and a link work',
  },
  'passwordless.code_length': { shape: count(6, 10), initial: 6, meaning: 'Symbols of a code' },
  'passwordless.code_alphabet': {
    shape: z.enum(['numeric', 'alphanumeric']),
    initial: 'numeric',
    meaning: 'Digits, or digits and letters without look-alikes',
  },
  'passwordless.enforce_same_browser': {
    shape: flag,
    initial: false,
    meaning: 'In another browser the link shows no code to type',
  },
  'passwordless.remote_approval': {
    shape: flag,
    initial: false,
    meaning: 'In another browser the link can approve the sign-in by a number; read the risk first',
  },
  'passwordless.regenerate_on_resend': { shape: flag, initial: false, meaning: 'Only the newest code works' },
  'passwordless.login_hint_sends': {
    shape: flag,
    initial: true,
    meaning: 'With a login_hint the page sends the mail by itself',
  },
  'limits.guesses_per_attempt': {
    shape: count(3, 10),
    initial: 5,
    meaning: 'Wrong codes before an attempt is over',
  },
  'limits.failures_per_address': {
    shape: count(5, 100),
    initial: 30,
    meaning: 'Wrong codes for one address in 30 days; past it, mails hold links only',
  },
  'limits.guess_odds': {
    shape: count(1000, 1_000_000_000),
    initial: 10_000,
    meaning: 'A code of one address is guessed with a chance of 1 in this many a day, at most',
  },
  'limits.mails_per_address_minute': {
    shape: count(1, 10),
    initial: 2,
    meaning: 'Mails to one address in a minute',
  },
  'limits.mails_per_address_day': {
    shape: count(1, 100),
    initial: 15,
    meaning: 'Mails to one address in a day',
  },
  'limits.resend_after_seconds': {
    shape: count(0, 600),
    initial: 30,
    meaning: 'Pause before a second mail of one sign-in; it doubles with each, up to four times',
  },
  'limits.starts_per_source_hour': {
    shape: count(1, 10_000_000),
    initial: 120,
    meaning: 'Sign-ins started from one IPv4 address or IPv6 /64 in an hour',
  },
  'limits.failures_per_source_hour': {
    shape: count(1, 10_000_000),
    initial: 60,
    meaning: 'Wrong codes from one IPv4 address or IPv6 /64 in an hour',
  },
  'limits.mails_per_deployment_hour': {
    shape: count(100, 10_000_000),
    initial: 20_000,
    meaning: 'Mails of the whole deployment in an hour; past it, none leaves',
  },
  'limits.puzzles': {
    shape: flag,
    initial: true,
    meaning: 'A browser does a short sum before somebody who asks often is refused',
  },
  'email.check_domain': {
    shape: flag,
    initial: true,
    meaning: 'Asks the DNS whether the domain of an address takes mail, for a second at most',
  },
  'sign_up.policy': {
    shape: z.enum(['open', 'closed']),
    initial: 'open',
    meaning: 'Whether an unknown address becomes a user by proving itself',
  },
  'sign_up.allowed_domains': {
    shape: z.array(z.string().min(1).max(253)).max(1000),
    initial: [],
    meaning: 'Domains that may sign up (*.example.com for subdomains); empty: all',
  },
  'sign_up.blocked_domains': {
    shape: z.array(z.string().min(1).max(253)).max(10_000),
    initial: [],
    meaning: 'Domains that may not sign up',
  },
  'session.absolute_seconds': {
    shape: seconds(300, 31_536_000),
    initial: 2_592_000,
    meaning: 'A session ends this long after the sign-in',
  },
  'session.idle_seconds': {
    shape: seconds(300, 31_536_000),
    initial: 604_800,
    meaning: 'A session ends this long after its last use',
  },
  'session.back_channel_private': {
    shape: flag,
    initial: false,
    meaning: 'Apps in private networks are told of the end of a session too',
  },
  'tokens.code_seconds': { shape: seconds(10, 600), initial: 60, meaning: 'Life of an authorization code' },
  'tokens.access_seconds': { shape: seconds(60, 86_400), initial: 900, meaning: 'Life of an access token' },
  'tokens.id_seconds': { shape: seconds(60, 259_200), initial: 3600, meaning: 'Life of an ID token' },
  'tokens.refresh_idle_seconds': {
    shape: seconds(300, 31_536_000),
    initial: 2_592_000,
    meaning: 'A refresh token ends this long after its last rotation',
  },
  'tokens.refresh_absolute_seconds': {
    shape: seconds(300, 63_072_000),
    initial: 7_776_000,
    meaning: 'A refresh token family ends this long after the sign-in',
  },
  'tokens.client_credentials_seconds': {
    shape: seconds(60, 604_800),
    initial: 86_400,
    meaning: 'Life of a client_credentials token',
  },
  'branding.language': {
    shape: z.string().min(2).max(20),
    initial: 'en',
    meaning: 'The language of pages and mails where neither app nor person asks for one that there is',
  },
  'branding.colour': {
    shape: colour('light'),
    initial: '',
    meaning: 'The colour of buttons and links, as #rrggbb; empty: our own',
  },
  'branding.colour_dark': {
    shape: colour('dark'),
    initial: '',
    meaning: 'The same on dark pages; empty: made from the other one',
  },
  'branding.logo': {
    shape: logo,
    initial: '',
    meaning: 'The logo on pages and in mails; empty: the first letter of the name',
  },
  'branding.logo_dark': {
    shape: logo,
    initial: '',
    meaning: 'The logo on dark pages; empty: the other one, on a white ground',
  },
  'branding.name': {
    shape: z.string().min(1).max(60),
    initial: 'Postern',
    meaning: 'The name on pages and mails when a client has none',
  },
} as const satisfies Record<string, { shape: z.ZodType; initial: unknown; meaning: string }>;

export type SettingName = keyof typeof settingDefinitions;
export type SettingValues = {
  -readonly [N in SettingName]: z.infer<(typeof settingDefinitions)[N]['shape']>;
};

/** Tells a known name from a string. */
export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(settingDefinitions, name);
}

/** The defaults, as the contract gives them. */
export function initialSettings(): SettingValues {
  const entries = Object.entries(settingDefinitions).map(([name, { initial }]) => [name, initial]);
  return z.object(shapes()).parse(Object.fromEntries(entries));
}

function shapes(): { [N in SettingName]: (typeof settingDefinitions)[N]['shape'] } {
  const entries = Object.entries(settingDefinitions).map(([name, { shape }]) => [name, shape]);
  return Object.fromEntries(entries) as { [N in SettingName]: (typeof settingDefinitions)[N]['shape'] };
}
