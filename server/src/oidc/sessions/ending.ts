import type { SessionId, UserId } from '../../core/ids.ts';
import { recordEvent } from '../../events/store.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/database/database.ts';
import type { Queries, Schema } from '../../platform/database/schema.ts';
import type { Secrets } from '../../platform/secrets.ts';
import { deleteGrant, deleteRecord, getRecordByUid, grantsByUid, lockRecord } from '../store.ts';
import { carryOut, type GrantHold, newWork, SpentTwice } from '../unit-of-work.ts';
import { type EndedAs, noteEnd, unendedSessions } from './store.ts';

export interface EndingParts {
  readonly database: Database;
  readonly secrets: Secrets;
  readonly clock: Clock;
}

/** Ends a session with all that was issued under it, for every app. False when it had ended before. */
export async function endSession(parts: EndingParts, id: SessionId, as: EndedAs): Promise<boolean> {
  const decide = async () => ({ result: undefined, sessions: [id] });
  const { ended } = await endingSessions(parts, { known: async () => [id], decide, as });
  return ended.length > 0;
}

/** The same for every session of a user. Gives those that had not ended before. */
export async function endSessionsOf(parts: EndingParts, userId: UserId, as: EndedAs): Promise<SessionId[]> {
  const known = (q: Queries) => unendedSessions(q, userId);
  const decide = async (q: Queries) => ({ result: undefined, sessions: await known(q) });
  return (await endingSessions(parts, { known, decide, as })).ended;
}

interface Deciding<T> {
  /** The sessions that are likely to end: their grants are taken before all else. */
  known(q: Queries): Promise<readonly SessionId[]>;
  /** The part of the transaction that says which sessions end. */
  decide(q: Queries): Promise<{ result: T; sessions: readonly SessionId[] }>;
  readonly as: EndedAs;
}

/** Carries `decide` out and ends the sessions that it names, in one transaction; looks again where they have changed meanwhile. */
export async function endingSessions<T>(
  parts: EndingParts,
  deciding: Deciding<T>,
): Promise<{ result: T; ended: SessionId[] }> {
  for (;;) {
    try {
      return await tryEnding(parts, deciding);
    } catch (failure) {
      if (!(failure instanceof SpentTwice)) throw failure;
    }
  }
}

async function tryEnding<T>(parts: EndingParts, { known, decide, as }: Deciding<T>) {
  const held = await parts.database.read(async (q) => {
    const holds = new Map<string, GrantHold>();
    for (const id of await known(q)) await holdGrants(q, parts, { id, held: holds });
    return holds;
  });
  return parts.database.write(async (q) => {
    await carryOut({ ...newWork(), grants: held }, q);
    const { result, sessions } = await decide(q);
    const ended: SessionId[] = [];
    for (const id of sessions) if (await endOne(q, parts, { id, held, as })) ended.push(id);
    return { result, ended };
  });
}

interface Ending {
  readonly id: SessionId;
  /** The grants that the transaction has taken before all else. */
  readonly held: Map<string, GrantHold>;
}

/** Whether the session itself is still there or not: what was issued under it may outlive it. */
async function endOne(q: Queries, parts: EndingParts, of: Ending & { as: EndedAs }): Promise<boolean> {
  const session = await lockSession(q, parts, of.id);
  for (const id of await grantsOf(q, parts, { id: of.id, session })) {
    const hold = of.held.get(id);
    if (hold === undefined) throw new SpentTwice('Session', of.id);
    await deleteGrant(q, { id, idHashes: hold.idHashes });
  }
  if (session) await deleteRecord(q, [session.id_hash]);
  const at = parts.clock.now();
  const userId = (await noteEnd(q, { id: of.id, as: of.as, at })) ?? session?.account_id;
  if (!userId) return false;
  const ended = { type: 'session.ended', sessionId: of.id, userId: userId as UserId } as const;
  await recordEvent(q, { ...ended, data: { as: of.as } }, at);
  return true;
}

async function holdGrants(q: Queries, parts: EndingParts, { id, held }: Ending): Promise<void> {
  const session = await getRecordByUid(q, uidHashes(parts, 'Session', id));
  for (const grant of await grantsOf(q, parts, { id, session }))
    held.set(grant, {
      idHashes: parts.secrets.hashes('oidc-record', `Grant:${grant}`),
      isNeeded: false,
    });
}

/** A session that is renamed at this moment is found under its new name the next time. */
async function lockSession(
  q: Queries,
  parts: EndingParts,
  id: SessionId,
): Promise<Schema['oidc_records'] | undefined> {
  const found = await getRecordByUid(q, uidHashes(parts, 'Session', id));
  const row = found && (await lockRecord(q, [found.id_hash]));
  if (found && !row) throw new SpentTwice('Session', id);
  return row;
}

/** Those that the session names, and those that name the session: it may be older than their naming it, or gone. */
async function grantsOf(
  q: Queries,
  parts: EndingParts,
  of: { id: SessionId; session: Schema['oidc_records'] | undefined },
): Promise<Set<string>> {
  const named = of.session ? grantsIn(of.session.payload) : [];
  return new Set([...named, ...(await grantsByUid(q, uidHashes(parts, 'Grant', of.id)))]);
}

function grantsIn(payload: string): string[] {
  const { authorizations = {} }: { authorizations?: Record<string, { grantId?: string }> } =
    JSON.parse(payload);
  return Object.values(authorizations).flatMap(({ grantId }) => grantId ?? []);
}

function uidHashes(parts: EndingParts, kind: 'Session' | 'Grant', id: SessionId): string[] {
  return parts.secrets.hashes('oidc-record', `${kind}Uid:${id}`);
}
