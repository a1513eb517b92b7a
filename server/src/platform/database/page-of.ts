import { type SelectQueryBuilder, sql } from 'kysely';
import type { Page } from '../paging.ts';

/**
 * The rows of a page, newest first by an id, and one more where there are more, as `paged` wants them.
 * `id` is the column as the query knows it.
 */
export async function pageOf<DB, T extends keyof DB, O>(
  query: SelectQueryBuilder<DB, T, O>,
  { after, before, size }: Page,
  id = 'id',
): Promise<O[]> {
  const column = sql.ref(id);
  const rows = await query
    .$if(after !== undefined, (b) => b.where(sql<boolean>`${column} < ${after}`))
    .$if(before !== undefined, (b) => b.where(sql<boolean>`${column} > ${before}`))
    .orderBy(column, before === undefined ? 'desc' : 'asc')
    .limit(size + 1)
    .execute();
  return before === undefined ? rows : rows.toReversed();
}
