import type { ClientId } from '../../core/ids.ts';
import { Problem } from '../../core/problems.ts';
import { SECOND } from '../../core/units.ts';
import type { TemplateBook } from '../../mail/templates/book.ts';
import type { MailDomains } from '../../platform/mail-domains.ts';
import type { Parts } from '../sign-in.ts';
import { type AttemptRecord, latestAttempt } from '../store.ts';
import { requireLength } from './options.ts';

export interface HeadlessParts extends Parts {
  readonly templates: { readonly book: TemplateBook };
  /** Absent where no mail leaves the machine. */
  readonly mailDomains?: MailDomains | undefined;
}

/** An attempt as its app names it. */
export interface Named {
  readonly clientId: ClientId;
  readonly authRequestId: string;
}

/** What the contract of the SDKs allows. */
const ID_MAX = 200;

/** The attempt that this client began; one of another client is as unknown as one that never was. */
export async function requireAttempt(parts: HeadlessParts, named: Named): Promise<AttemptRecord> {
  requireId(named.authRequestId);
  const hashes = parts.secrets.hashes('interaction', named.authRequestId);
  const record = await parts.database.read((q) => latestAttempt(q, hashes));
  if (record && isOf(record, named)) return record;
  throw new Problem(
    'auth_request_not_found',
    'auth request not found: this app has begun none with this id.',
  );
}

/** Whether this client began it, with its own pages. */
export function isOf(record: AttemptRecord, { clientId }: Pick<Named, 'clientId'>): boolean {
  return record.headless?.flow === 'headless' && record.attempt.clientId === clientId;
}

function requireId(id: string): void {
  const field = 'auth_request_id';
  if (id === '')
    throw new Problem(
      'auth_request_id_required',
      'auth_request_id is required: send the one that the sign-in began with.',
      { violations: [{ field, description: 'is required', constraint: 'required' }] },
    );
  requireLength(field, id, ID_MAX);
}

/** Past a limit; with the wait in seconds where one helps. */
export function tooMany(what: string, retryAfterMs = 0): Problem {
  const seconds = Math.ceil(retryAfterMs / SECOND);
  const wait = seconds > 0 ? ` Try again in ${seconds} s.` : '';
  const data = seconds > 0 ? { retry_after: seconds } : {};
  return new Problem('too_many_attempts', `too many attempts: ${what}${wait}`, { data });
}

export function overdue(): Problem {
  return new Problem('auth_request_expired', 'auth request expired: begin again with a new mail.');
}
