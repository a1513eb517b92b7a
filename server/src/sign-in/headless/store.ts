import type { AttemptId } from '../../core/ids.ts';
import { prepared } from '../../platform/database/prepared.ts';
import type { Queries } from '../../platform/database/schema.ts';

const updateSealed = prepared((q, p: { id: string; sealed: string }) =>
  q.updateTable('attempts').set({ headless: p.sealed }).where('id', '=', p.id),
);

const updateShape = prepared((q, p: { id: string; links_only: number; code_length: number }) =>
  q
    .updateTable('attempts')
    .set({ links_only: p.links_only, code_length: p.code_length })
    .where('id', '=', p.id),
);

/** What an app has asked for, with what has proved the address since. */
export async function saveSealed(q: Queries, id: AttemptId, sealed: string): Promise<void> {
  await updateSealed(q, { id, sealed });
}

/** What the mails of the attempt hold from now on. */
export async function saveShape(
  q: Queries,
  id: AttemptId,
  shape: { linksOnly: boolean; codeLength: number },
): Promise<void> {
  await updateShape(q, { id, links_only: Number(shape.linksOnly), code_length: shape.codeLength });
}
