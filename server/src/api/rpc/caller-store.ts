import { prepared } from '../../platform/database/prepared.ts';
import type { Queries } from '../../platform/database/schema.ts';

const selectAccess = prepared((q, p: { id: string }) =>
  q.selectFrom('clients').select('api_access').where('id', '=', p.id),
);

/** Whether a client may call the API; undefined when there is no such client any more. */
export async function apiAccess(q: Queries, id: string): Promise<boolean | undefined> {
  const [row] = (await selectAccess(q, { id })).rows;
  return row && row.api_access !== 0;
}
