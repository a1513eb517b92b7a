import type { Instant, SessionId } from '../../core/ids.ts';
import { recordEvent } from '../../events/store.ts';
import type { Queries, Schema } from '../../platform/database/schema.ts';
import { type DisownView, disown, viewDisown } from '../../sign-in/disowning/disowning.ts';
import type { OidcParts } from '../oidc.ts';
import { deleteGrant, deleteRecord, getRecordByUid, grantsByUid, lockRecord } from '../store.ts';
import { carryOut, type GrantHold, newWork, SpentTwice } from '../unit-of-work.ts';

/**
 * The owner of an address says that it was not them: the attempt is stopped, and the session that it has
 * come to ends with all that was issued under it, in one transaction.
 */
export async function disownAndEnd(parts: OidcParts, token: string): Promise<DisownView> {
  const settings = await parts.settings.current();
  const now = parts.clock.now();
  const work = newWork();
  const seen = await viewDisown(parts, token);
  for (const id of seen.kind === 'known' ? seen.sessions : [])
    await parts.database.read((q) => holdGrants(q, parts, { id, held: work.grants }));
  try {
    const ended = await parts.database.write((q) => {
      let view = seen;
      const step = async () => {
        view = await disown(q, parts, { token, settings, now });
        const ids = view.kind === 'known' ? view.sessions : [];
        for (const id of ids) await endSession(q, parts, { id, held: work.grants, now });
      };
      return carryOut({ ...work, steps: [step] }, q).then(() => view);
    });
    parts.mailQueued();
    return ended;
  } catch (failure) {
    if (failure instanceof SpentTwice) return disownAndEnd(parts, token); // the session has changed meanwhile: look again
    throw failure;
  }
}

interface Ending {
  readonly id: SessionId;
  /** The grants that the transaction has taken before all else. */
  readonly held: Map<string, GrantHold>;
}

/** Ends a session and what was issued under it, whether the session itself is still there or not. */
async function endSession(q: Queries, parts: OidcParts, of: Ending & { now: Instant }): Promise<void> {
  const session = await lockSession(q, parts, of.id);
  for (const id of await grantsOf(q, parts, { id: of.id, session })) {
    const hold = of.held.get(id);
    if (hold === undefined) throw new SpentTwice('Session', of.id);
    await deleteGrant(q, { id, idHashes: hold.idHashes });
  }
  if (session === undefined) return;
  await deleteRecord(q, [session.id_hash]);
  await recordEvent(q, { type: 'session.ended', sessionId: of.id }, of.now);
}

async function holdGrants(q: Queries, parts: OidcParts, { id, held }: Ending): Promise<void> {
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
  parts: OidcParts,
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
  parts: OidcParts,
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

function uidHashes(parts: OidcParts, kind: 'Session' | 'Grant', id: SessionId): string[] {
  return parts.secrets.hashes('oidc-record', `${kind}Uid:${id}`);
}
