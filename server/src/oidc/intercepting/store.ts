import type { SessionId } from '../../core/ids.ts';
import type { Claims } from '../../events/interceptors/answer.ts';
import { prepared } from '../../platform/database/prepared.ts';
import type { Queries } from '../../platform/database/schema.ts';

const update = prepared((q, p: { id: string; claims: string | null }) =>
  q.updateTable('sessions').set({ claims: p.claims }).where('id', '=', p.id),
);
const select = prepared((q, p: { id: string }) =>
  q.selectFrom('sessions').select('claims').where('id', '=', p.id),
);

/** Replaces what the tokens of a session say beside ours. */
export async function saveClaims(q: Queries, id: SessionId, claims: Claims | undefined): Promise<void> {
  await update(q, { id, claims: claims === undefined ? null : JSON.stringify(claims) });
}

export async function findClaims(q: Queries, id: string): Promise<Claims | undefined> {
  const [row] = (await select(q, { id })).rows;
  return row?.claims ? JSON.parse(row.claims) : undefined;
}
