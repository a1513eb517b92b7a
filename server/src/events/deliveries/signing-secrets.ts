import type { Instant } from '../../core/ids.ts';
import { newWebhookSecret } from '../../platform/http/webhook-signature.ts';
import type { Secrets } from '../../platform/secrets.ts';

/** A signing secret as it is stored; the newest comes first. */
export interface StoredSecret {
  readonly sealed: string;
  readonly createdAt: Instant;
  /** An old one signs beside the new one until then. */
  readonly expiresAt?: Instant;
}

export interface Sealing {
  readonly secrets: Secrets;
  /** Whose secrets they are: a sealed one is of no use to another. */
  readonly owner: string;
}

/** Makes a secret, seals it, and gives it once. */
export function makeSecret(by: Sealing, at: Instant): { secret: string; stored: StoredSecret } {
  const secret = newWebhookSecret();
  return { secret, stored: { sealed: by.secrets.seal('webhook-secret', secret, by.owner), createdAt: at } };
}

/** A new secret before the one that was newest, which lives on until `keepUntil`; older ones are gone. */
export function rotateSecret(
  by: Sealing,
  known: readonly StoredSecret[],
  given: { at: Instant; keepUntil: Instant },
): { secret: string; stored: StoredSecret[] } {
  const made = makeSecret(by, given.at);
  const [newest] = known;
  const kept =
    newest === undefined || given.keepUntil <= given.at ? [] : [{ ...newest, expiresAt: given.keepUntil }];
  return { secret: made.secret, stored: [made.stored, ...kept] };
}

/** The secrets that sign now, newest first. */
export function openSecrets(by: Sealing, known: readonly StoredSecret[], now: Instant): string[] {
  const live = known.filter(({ expiresAt }) => expiresAt === undefined || now < expiresAt);
  return live.flatMap(({ sealed }) => by.secrets.open('webhook-secret', sealed, by.owner) ?? []);
}
