import type { Email } from '../../core/email.ts';
import { SECOND } from '../../core/units.ts';
import { currentAttempt } from '../../sign-in/sign-in.ts';
import type { AttemptRecord } from '../../sign-in/store.ts';
import type { OidcParts } from '../oidc.ts';
import { BROWSER_PARAMETER } from '../policy.ts';
import { getRecord } from '../store.ts';
import { openRequest, sealRequest } from './sealed-request.ts';

/** What is left of an interaction that is over, for the browser that began it. */
export interface Remains {
  readonly clientId: string;
  /** The authorization request, sealed; empty where it is too long or too old. */
  readonly request: string;
  /** `done`: the app has its answer; `ended`: it was cancelled, or went on without a sign-in. */
  readonly how: 'expired' | 'ended' | 'done';
  readonly email?: Email;
}

/** Nothing for any other browser: whoever has read an address off a screen learns no more from it. */
export async function remainsOf(
  parts: OidcParts,
  uid: string,
  browser: string | undefined,
): Promise<Remains | undefined> {
  if (!browser) return undefined;
  const record = await currentAttempt(parts, uid);
  if (record) return isOf(parts, record, browser) ? fromAttempt(parts, record) : undefined;
  const row = await parts.database.read((q) =>
    getRecord(q, parts.secrets.hashes('oidc-record', `Interaction:${uid}`)),
  );
  if (!row) return undefined;
  const { params, iat } = parseInteraction(row.payload);
  const bound = params[BROWSER_PARAMETER];
  if (typeof bound !== 'string' || !parts.secrets.matches('browser', browser, bound)) return undefined;
  return {
    clientId: String(params.client_id),
    request: usable(parts, sealRequest(parts.secrets, params, iat * SECOND)),
    how: row.consumed_at === null ? 'expired' : 'ended',
  };
}

/** Whether the attempt was begun in the browser of this name. */
export function isOf(parts: OidcParts, record: AttemptRecord, browser: string | undefined): boolean {
  return browser !== undefined && parts.secrets.matches('browser', browser, record.browserHash);
}

function fromAttempt(parts: OidcParts, { attempt, requestSealed = '' }: AttemptRecord): Remains {
  return {
    clientId: attempt.clientId,
    request: usable(parts, requestSealed),
    how: attempt.state === 'redeemed' ? 'done' : 'expired',
    ...hintOf(attempt),
  };
}

function usable(parts: OidcParts, sealed: string): string {
  return openRequest(parts.secrets, sealed, parts.clock.now()) ? sealed : '';
}

/** The address goes along into the request that is begun again, unless its owner has said "that was not me". */
export function hintOf(attempt: AttemptRecord['attempt']): { email?: Email } {
  return attempt.state === 'disowned' ? {} : { email: attempt.email };
}

/** Only the library writes it. */
function parseInteraction(payload: string): { params: Readonly<Record<string, unknown>>; iat: number } {
  return JSON.parse(payload);
}
