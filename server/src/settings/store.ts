import type { Instant } from '../core/ids.ts';
import type { Queries } from '../platform/database/schema.ts';

/** Every stored value by name; what is not stored has its default. */
export async function storedSettings(q: Queries): Promise<Map<string, unknown>> {
  const rows = await q.selectFrom('settings').select(['name', 'value']).execute();
  return new Map(rows.map(({ name, value }) => [name, JSON.parse(value)]));
}

export async function storeSetting(
  q: Queries,
  setting: { name: string; value: unknown },
  at: Instant,
): Promise<void> {
  const row = { name: setting.name, value: JSON.stringify(setting.value), updated_at: at };
  await q
    .insertInto('settings')
    .values(row)
    .onConflict((c) => c.column('name').doUpdateSet({ value: row.value, updated_at: row.updated_at }))
    .execute();
}
