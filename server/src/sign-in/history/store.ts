import { sql } from 'kysely';
import type { Email } from '../../core/email.ts';
import type { AttemptId, ClientId, Instant } from '../../core/ids.ts';
import { pageOf } from '../../platform/database/page-of.ts';
import type { Queries } from '../../platform/database/schema.ts';
import type { Page } from '../../platform/paging.ts';

export const ASKED_STATUSES = ['initiated', 'pending', 'success', 'failed'] as const;

/** `initiated`: no mail is made yet. `failed`: locked, expired, superseded or disowned. */
export type AskedStatus = (typeof ASKED_STATUSES)[number];

/** How a sign-in went, in a line. */
export interface AskedSignIn {
  readonly id: AttemptId;
  readonly email: Email;
  readonly status: AskedStatus;
  readonly at: Instant;
  /** Begun by an app that asks for proofs itself, or on pages of its own; else on ours. */
  readonly flow: string | undefined;
  readonly clientId: ClientId;
  /** Empty when the app is deleted. */
  readonly clientName: string;
  readonly clientKind: string;
}

/** Which are asked for; without statuses all of them. */
export interface AskedFilter {
  readonly statuses: readonly AskedStatus[];
  readonly email?: string | undefined;
  readonly clientId?: string | undefined;
  /** Begun at this instant or later. */
  readonly from?: Instant | undefined;
  /** Begun before this instant. */
  readonly until?: Instant | undefined;
}

/** Newest first, one more than the page where there are more. */
export async function listAsked(
  q: Queries,
  filter: AskedFilter,
  { page, now }: { page: Page; now: Instant },
): Promise<AskedSignIn[]> {
  const joined = filtered(q, filter, now)
    .leftJoin('clients', 'clients.id', 'attempts.client_id')
    .select([
      'attempts.id',
      'attempts.email',
      'attempts.created_at',
      'attempts.flow',
      'attempts.client_id',
      'clients.name',
      'clients.kind',
      'clients.public',
    ])
    .select(statusAt(now).as('status'));
  return (await pageOf(joined, page, 'attempts.id')).map((row) => ({
    id: row.id as AttemptId,
    email: row.email as Email,
    status: row.status,
    at: row.created_at,
    flow: row.flow ?? undefined,
    clientId: row.client_id as ClientId,
    clientName: row.name ?? '',
    clientKind: row.kind ?? (row.public === 1 ? 'SPA' : 'ENV'),
  }));
}

/** How many there are; the counting stops at `max`. */
export async function countAsked(
  q: Queries,
  filter: AskedFilter,
  { max, now }: { max: number; now: Instant },
): Promise<number> {
  const some = filtered(q, filter, now).select('attempts.id').limit(max).as('some');
  const { count } = await q
    .selectFrom(some)
    .select((e) => e.fn.countAll().as('count'))
    .executeTakeFirstOrThrow();
  return Number(count);
}

function filtered(q: Queries, { statuses, email, clientId, from, until }: AskedFilter, now: Instant) {
  return q
    .selectFrom('attempts')
    .$if(email !== undefined, (b) => b.where('attempts.email', '=', email ?? ''))
    .$if(clientId !== undefined, (b) => b.where('attempts.client_id', '=', clientId ?? ''))
    .$if(from !== undefined, (b) => b.where('attempts.created_at', '>=', from ?? 0))
    .$if(until !== undefined, (b) => b.where('attempts.created_at', '<', until ?? 0))
    .$if(statuses.length > 0, (b) => b.where(statusAt(now), 'in', [...statuses]));
}

/** An app that asks for proofs itself has got what it asked for with the proof. Times are judged as `timePassed` does. */
function statusAt(now: Instant) {
  return sql<AskedStatus>`case
    when attempts.disowned_at is not null then 'failed'
    when attempts.state = 'redeemed' or (attempts.state = 'satisfied' and attempts.flow = 'headless') then 'success'
    when attempts.state in ('locked', 'expired', 'superseded') or attempts.expires_at <= ${now} then 'failed'
    when exists (select 1 from attempt_mails where attempt_mails.attempt_id = attempts.id) then 'pending'
    else 'initiated'
  end`;
}
