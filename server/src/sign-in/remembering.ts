import { domainToASCII } from 'node:url';
import { type Email, parseEmail } from '../core/email.ts';
import type { Secrets } from '../platform/secrets.ts';

const CONTEXT = 'remembered-address';

/** The address for a cookie of this browser: whoever reads the cookie learns nothing. */
export function sealedAddress(secrets: Secrets, email: Email): string {
  return secrets.seal('page', email, CONTEXT);
}

/** The address that this browser was asked to remember. */
export function rememberedAddress(secrets: Secrets, cookie: string | undefined): Email | undefined {
  const known = cookie === undefined ? undefined : secrets.open('page', cookie, CONTEXT);
  const email = known === undefined ? undefined : parseEmail(known, domainToASCII);
  return typeof email === 'string' ? email : undefined;
}
