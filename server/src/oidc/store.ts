import type { Instant } from '../core/ids.ts';
import { locked } from '../platform/database/database.ts';
import { prepared, preparedFor } from '../platform/database/prepared.ts';
import type { Queries, Schema } from '../platform/database/schema.ts';

export interface RecordRow {
  readonly idHash: string;
  /** What the id is called under older secrets. */
  readonly olderHashes: readonly string[];
  readonly kind: string;
  readonly uidHash?: string | undefined;
  readonly grantId?: string | undefined;
  readonly accountId?: string | undefined;
  readonly payload: string;
  readonly expiresAt: Instant;
}

const upsertRecord = prepared((q, p: Omit<Schema['oidc_records'], 'consumed_at' | 'replay'>) => {
  const columns = {
    kind: p.kind,
    uid_hash: p.uid_hash,
    grant_id: p.grant_id,
    account_id: p.account_id,
    payload: p.payload,
    expires_at: p.expires_at,
  };
  return q
    .insertInto('oidc_records')
    .values({ id_hash: p.id_hash, ...columns, consumed_at: null, replay: null })
    .onConflict((c) => c.column('id_hash').doUpdateSet(columns));
});

/** Writes a record of the library, or writes it again; what was consumed stays consumed. */
export async function putRecord(q: Queries, row: RecordRow): Promise<void> {
  if (row.olderHashes.length > 0) await renameRecord(q, row.idHash, row.olderHashes);
  await upsertRecord(q, {
    id_hash: row.idHash,
    kind: row.kind,
    uid_hash: row.uidHash ?? null,
    grant_id: row.grantId ?? null,
    account_id: row.accountId ?? null,
    payload: row.payload,
    expires_at: row.expiresAt,
  });
}

async function renameRecord(q: Queries, idHash: string, olderHashes: readonly string[]): Promise<void> {
  const known = q
    .selectFrom('oidc_records as known')
    .select('known.id_hash')
    .where('known.id_hash', '=', idHash);
  await q
    .updateTable('oidc_records')
    .set({ id_hash: idHash })
    .where('id_hash', 'in', olderHashes)
    .where((e) => e.not(e.exists(known)))
    .execute();
}

const selectLocked = preparedFor((q, idHashes) =>
  locked(q, q.selectFrom('oidc_records').selectAll().where('id_hash', 'in', idHashes)),
);

/** The record, kept from others until the transaction ends. */
export async function lockRecord(
  q: Queries,
  idHashes: string[],
): Promise<Schema['oidc_records'] | undefined> {
  return (await selectLocked(q, idHashes)).rows[0];
}

const selectRecord = preparedFor((q, idHashes) =>
  q.selectFrom('oidc_records').selectAll().where('id_hash', 'in', idHashes),
);
const selectByUid = preparedFor((q, uidHashes) =>
  q.selectFrom('oidc_records').selectAll().where('uid_hash', 'in', uidHashes),
);

export async function getRecord(q: Queries, idHashes: string[]): Promise<Schema['oidc_records'] | undefined> {
  return (await selectRecord(q, idHashes)).rows[0];
}

export async function getRecordByUid(
  q: Queries,
  uidHashes: string[],
): Promise<Schema['oidc_records'] | undefined> {
  return (await selectByUid(q, uidHashes)).rows[0];
}

/** The ids of the grants that were made in a session. */
export async function grantsByUid(q: Queries, uidHashes: string[]): Promise<string[]> {
  const { rows } = await selectByUid(q, uidHashes);
  return rows.flatMap((row) => row.grant_id ?? []);
}

/** Marks a record as used; false when it already was, or is gone. */
export async function consumeRecord(q: Queries, idHashes: string[], at: Instant): Promise<boolean> {
  const result = await q
    .updateTable('oidc_records')
    .set({ consumed_at: at })
    .where('id_hash', 'in', idHashes)
    .where('consumed_at', 'is', null)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

export async function keepReplay(q: Queries, idHashes: string[], replay: string): Promise<void> {
  await q.updateTable('oidc_records').set({ replay }).where('id_hash', 'in', idHashes).execute();
}

const removeRecord = preparedFor((q, idHashes) =>
  q.deleteFrom('oidc_records').where('id_hash', 'in', idHashes),
);

export async function deleteRecord(q: Queries, idHashes: string[]): Promise<void> {
  await removeRecord(q, idHashes);
}

export interface GrantRef {
  readonly id: string;
  readonly idHashes: string[];
}

/** What was issued under a grant, of one kind. Who revokes a grant takes its record first: so no two wait for each other. */
export async function deleteRecordsOfGrant(q: Queries, grant: GrantRef & { kind: string }): Promise<void> {
  await lockRecord(q, grant.idHashes);
  await q
    .deleteFrom('oidc_records')
    .where('kind', '=', grant.kind)
    .where('grant_id', '=', grant.id)
    .execute();
}

/** Everything that was issued under a grant, and the grant itself. */
export async function deleteGrant(q: Queries, grant: GrantRef): Promise<void> {
  await lockRecord(q, grant.idHashes);
  await q.deleteFrom('oidc_records').where('grant_id', '=', grant.id).execute();
  await deleteRecord(q, grant.idHashes);
}

export interface KeyRow {
  readonly kid: string;
  readonly alg: string;
  readonly state: 'next' | 'current' | 'retired';
  readonly sealed: string;
  readonly createdAt: Instant;
  readonly expiresAt: Instant | null;
}

/** Every signing key, oldest first. */
export async function allKeys(q: Queries): Promise<KeyRow[]> {
  const rows = await q.selectFrom('signing_keys').selectAll().orderBy('created_at').orderBy('kid').execute();
  return rows.map((row) => ({
    kid: row.kid,
    alg: row.alg,
    state: parseKeyState(row.state),
    sealed: row.sealed,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  }));
}

/** Does nothing where the algorithm already has a key in that state: an index allows one current and one next. */
export async function insertKey(q: Queries, row: KeyRow): Promise<void> {
  await q
    .insertInto('signing_keys')
    .values({
      kid: row.kid,
      alg: row.alg,
      state: row.state,
      sealed: row.sealed,
      created_at: row.createdAt,
      expires_at: row.expiresAt,
    })
    .onConflict((c) => c.doNothing())
    .execute();
}

/** Holds other rotations of an algorithm back until the transaction ends. */
export async function lockKeys(q: Queries, alg: string): Promise<void> {
  const keys = q.selectFrom('signing_keys').select('kid').where('alg', '=', alg).orderBy('kid');
  await locked(q, keys).execute();
}

export async function moveKey(
  q: Queries,
  move: { alg: string; from: KeyRow['state']; to: KeyRow['state']; expiresAt: Instant | null },
): Promise<void> {
  await q
    .updateTable('signing_keys')
    .set({ state: move.to, expires_at: move.expiresAt })
    .where('alg', '=', move.alg)
    .where('state', '=', move.from)
    .execute();
}

function parseKeyState(state: string): KeyRow['state'] {
  if (state === 'next' || state === 'current' || state === 'retired') return state;
  throw new Error(`a signing key is in the unknown state ${state}`);
}

export async function pruneRecords(q: Queries, before: Instant, max: number): Promise<number> {
  const due = q.selectFrom('oidc_records').select('id_hash').where('expires_at', '<', before).limit(max);
  const result = await q.deleteFrom('oidc_records').where('id_hash', 'in', due).executeTakeFirst();
  return Number(result.numDeletedRows);
}

export async function pruneKeys(q: Queries, before: Instant, max: number): Promise<number> {
  const due = q
    .selectFrom('signing_keys')
    .select('kid')
    .where('state', '=', 'retired')
    .where('expires_at', '<', before)
    .limit(max);
  const result = await q.deleteFrom('signing_keys').where('kid', 'in', due).executeTakeFirst();
  return Number(result.numDeletedRows);
}
