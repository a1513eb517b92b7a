import type { Event } from '../../core/events.ts';
import { nearest } from '../../core/nearest.ts';
import { Problem } from '../../core/problems.ts';

/** The names that receivers of Scalekit's webhooks know, by the event of ours that they are made of. */
const FAMILIAR = {
  'user.created': 'user.signup',
  'session.started': 'user.login',
  'session.ended': 'user.logout',
} as const satisfies Partial<Record<Event['type'], string>>;

type Offered = Extract<Event['type'], `${'attempt' | 'mail' | 'session' | 'user'}.${string}`>;

/** Every event of ours that leaves, with what it means to a receiver. */
const OWN: Readonly<Record<Offered, string>> = {
  'attempt.started': 'somebody asked to sign in; whether a mail leaves is in `decision`',
  'attempt.mail_asked': 'another mail was asked for',
  'attempt.code_wrong': 'a wrong code was typed',
  'attempt.code_refused': 'codes are refused for this address now: only links work',
  'attempt.locked': 'too many wrong codes: the attempt is over',
  'attempt.satisfied': 'the address was proved',
  'attempt.redeemed': 'the proof became a sign-in',
  'attempt.superseded': 'a newer attempt took its place',
  'attempt.disowned': 'the owner of the address said that it was not them',
  'mail.sent': 'a mail was handed over',
  'mail.dropped': 'a mail was no longer wanted when its turn came',
  'mail.unclear': 'a mail may or may not have left',
  'mail.failed': 'a mail could not be handed over',
  'mail.deferred': 'the recipient’s server wants it later',
  'mail.delivered': 'the recipient’s server took it',
  'mail.bounced_soft': 'it came back for now',
  'mail.bounced_hard': 'it came back for good',
  'mail.complained': 'the recipient called it spam',
  'mail.suppressed': 'it was not sent: mails to this address bounced or were unwanted',
  'mail.suppression_lifted': 'an address gets mails again',
  'mail.provider_added': 'a mail provider was added',
  'mail.provider_changed': 'a mail provider was changed',
  'mail.provider_removed': 'a mail provider was removed',
  'mail.provider_down': 'a mail provider does not work',
  'mail.provider_up': 'a mail provider works again',
  'mail.template_failed': 'a template could not be used: the default was sent',
  'user.created': 'a person proved an address for the first time, or an app made a user',
  'user.changed': 'the profile of a user was changed',
  'user.disabled': 'a user may not sign in any more',
  'user.enabled': 'a user may sign in again',
  'user.deleted': 'a user was deleted',
  'session.started': 'a person signed in',
  'session.ended': 'a session was ended',
};

const FAMILIAR_MEANINGS: Readonly<Record<string, string>> = {
  'user.signup': 'a person signed up, or an app made a user',
  'user.login': 'a person signed in',
  'user.logout': 'a person signed out, or their session was ended',
};

/** What `postern webhook test` sends. */
export const TEST_TYPE = 'webhook.test';

/** Every type that an endpoint may choose, with its meaning, in the order of the reference. */
export const webhookTypes: readonly { readonly type: string; readonly meaning: string }[] = [
  ...Object.entries(FAMILIAR_MEANINGS),
  ...Object.entries(OWN),
].map(([type, meaning]) => ({ type, meaning }));

const names = webhookTypes.map(({ type }) => type);
const rooms = [...new Set(names.map(roomOf))].map((room) => `${room}.*`);

/** An event under the names that leave: ours, and the familiar one where there is one. */
export function namesOf(eventType: string): { name: string; isFamiliar: boolean }[] {
  const familiar = Object.entries(FAMILIAR).find(([own]) => own === eventType)?.[1];
  const own = Object.hasOwn(OWN, eventType) ? [{ name: eventType, isFamiliar: false }] : [];
  return familiar === undefined ? own : [{ name: familiar, isFamiliar: true }, ...own];
}

/** Whether an endpoint with this choice hears of a type: by its name, by `room.*`, or by `*`. */
export function isChosen(choice: readonly string[], type: string): boolean {
  return choice.includes(type) || choice.includes(`${roomOf(type)}.*`) || choice.includes('*');
}

/** A choice of types, each once; throws with the nearest name where there is no such type. */
export function checkTypes(given: readonly string[]): string[] {
  const types = [...new Set(given.map((one) => one.trim()))];
  if (types.length === 0)
    throw new Problem('webhook_endpoint_invalid', 'Choose at least one type of event, such as `user.login`.');
  const known = ['*', ...rooms, ...names];
  const unknown = types.find((type) => !known.includes(type));
  if (unknown === undefined) return types;
  const near = nearest(unknown.slice(0, 80), known);
  const hint = near === undefined ? '`postern webhook types` lists them' : `did you mean \`${near}\`?`;
  throw new Problem('webhook_endpoint_invalid', `No event is called \`${unknown.slice(0, 80)}\`: ${hint}`);
}

/** `user.login` as people read it: User Login. */
export function displayName(type: string): string {
  return type
    .split(/[._]/)
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join(' ');
}

function roomOf(type: string): string {
  return type.slice(0, type.indexOf('.'));
}
