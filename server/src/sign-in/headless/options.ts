import { domainToASCII } from 'node:url';
import type { Client } from '../../clients/store.ts';
import { type Email, parseEmail } from '../../core/email.ts';
import type { AttemptId } from '../../core/ids.ts';
import { Problem, type Violation } from '../../core/problems.ts';
import type { MailKind } from '../../mail/templates/variables.ts';
import type { Secrets } from '../../platform/secrets.ts';
import { requireFields } from '../../platform/violations.ts';
import type { SettingValues } from '../../settings/definitions.ts';
import type { AttemptRecord } from '../store.ts';
import { LINK_URI_MAX, mailedLinkFault } from './mailed-link.ts';
import { asShown, variableFaults } from './variables.ts';

export type Method = SettingValues['passwordless.method'];
export type TemplateChoice = 'SIGNIN' | 'SIGNUP';

/** What an app asks for, as it came. */
export interface Sending {
  readonly client: Client;
  readonly email: string;
  readonly template?: TemplateChoice | undefined;
  readonly magiclinkAuthUri?: string | undefined;
  /** Given back when the address is proved. */
  readonly state?: string | undefined;
  /** Seconds. */
  readonly expiresIn?: number | undefined;
  readonly templateVariables?: Readonly<Record<string, string>> | undefined;
}

/** What is kept of it with the attempt, sealed. */
export interface Options {
  readonly method: Method;
  readonly expiresIn: number;
  readonly template?: TemplateChoice;
  readonly linkUri?: string;
  readonly state?: string;
  readonly variables?: Readonly<Record<string, string>>;
  /** Keyed hash of what proved the address: the same again, soon, is the same answer. */
  readonly proof?: string;
}

const STATE_MAX = 1000;
const EXPIRES_IN = { min: 60, max: 3600 } as const;

/** Checks what came, and gives what is to be kept of it. */
export function readSending(wanted: Sending, settings: SettingValues): { email: Email; options: Options } {
  const { template, magiclinkAuthUri = '', state = '', expiresIn, templateVariables = {} } = wanted;
  requireFields([
    ...lengthFaults('magiclink_auth_uri', magiclinkAuthUri, LINK_URI_MAX),
    ...lengthFaults('state', state, STATE_MAX),
    ...expiryFaults(expiresIn),
    ...variableFaults(templateVariables),
  ]);
  const email = readEmail(wanted.email);
  const method = settings['passwordless.method'];
  const linkUri = method === 'otp' ? undefined : readLinkUri(wanted);
  const options = {
    method,
    expiresIn: expiresIn ?? settings['passwordless.validity_seconds'],
    variables: asShown(templateVariables),
    ...(template && { template }),
    ...(linkUri && { linkUri }),
    ...(state && { state }),
  };
  return { email, options };
}

function readEmail(text: string): Email {
  const email = parseEmail(text, domainToASCII);
  if (typeof email === 'string') return email;
  throw noAddress('takes one address, such as ana@example.com', email.fault);
}

export function noAddress(description: string, constraint = 'email'): Problem {
  return new Problem('invalid_email', `invalid email: email ${description}.`, {
    violations: [{ field: 'email', description, constraint }],
  });
}

function readLinkUri({ magiclinkAuthUri, client }: Sending): string {
  const field = 'magiclink_auth_uri';
  if (!magiclinkAuthUri)
    throw new Problem(
      'magiclink_auth_uri_required',
      'magiclink_auth_uri is required: mails hold a link, which leads to a page of your app.',
      { violations: [{ field, description: 'is required', constraint: 'required' }] },
    );
  const fault = mailedLinkFault(magiclinkAuthUri, client);
  if (fault === undefined) return magiclinkAuthUri;
  throw new Problem('magiclink_auth_uri_not_allowed', `magiclink_auth_uri ${fault}.`, {
    violations: [{ field, description: fault, constraint: 'allowed' }],
  });
}

/** Refuses a text of the caller's that is empty or longer than it may be. */
export function requireLength(field: string, text: string, max: number): void {
  const empty = { field, description: 'must not be empty', constraint: 'min_len' };
  requireFields(text === '' ? [empty] : lengthFaults(field, text, max));
}

function lengthFaults(field: string, text: string, max: number): Violation[] {
  const isLong = text.length > 2 * max || [...text].length > max;
  return isLong ? [{ field, description: `takes at most ${max} characters`, constraint: 'max_len' }] : [];
}

function expiryFaults(seconds: number | undefined): Violation[] {
  const { min, max } = EXPIRES_IN;
  if (seconds === undefined || (Number.isInteger(seconds) && seconds >= min && seconds <= max)) return [];
  return [{ field: 'expires_in', description: `takes ${min} to ${max} seconds`, constraint: 'range' }];
}

/** The mails that an app means, best first. Never by what the account is: the mail would tell. */
export function kindsFor(
  { template }: Pick<Options, 'template'>,
  holds: 'code' | 'link' | 'both',
): [MailKind, ...MailKind[]] {
  return template === 'SIGNUP' ? [`sign_up_${holds}`, `sign_in_${holds}`] : [`sign_in_${holds}`];
}

/** What a mail with these options holds. */
export function holdsOf(
  { method, linkUri }: Pick<Options, 'method' | 'linkUri'>,
  linksOnly: boolean,
): 'code' | 'link' | 'both' {
  if (linkUri === undefined) return 'code';
  return linksOnly || method === 'link' ? 'link' : 'both';
}

export function sealOptions(secrets: Secrets, options: Options, id: AttemptId): string {
  return secrets.seal('headless', JSON.stringify(options), id);
}

/** The options of an attempt that an app began. */
export function optionsOf(secrets: Secrets, { attempt, headless }: AttemptRecord): Options {
  const text = headless && secrets.open('headless', headless.sealed, attempt.id);
  if (!text) throw new Error(`${attempt.id} has no options that can be read`);
  return parsedOptions(text);
}

/** Only `sealOptions` makes these texts. */
function parsedOptions(text: string): Options {
  return JSON.parse(text);
}
