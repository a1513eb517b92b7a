import type { Instant } from '../core/ids.ts';
import { SECOND } from '../core/units.ts';
import type { Queries } from '../platform/database/schema.ts';
import { deriveKey, openWith, type Secrets, sealWith } from '../platform/secrets.ts';
import { getRecord, keepReplay } from './store.ts';

/** A client whose reply was lost, or that asked twice at once, gets the very same answer again for this long. */
export const REPLAY_FOR = 10 * SECOND;

const idHashes = (secrets: Secrets, token: string) => secrets.hashes('oidc-record', `RefreshToken:${token}`);

/** Keeps the answer of a rotation with the token that was spent for it, readable with that token only. */
export async function keepAnswer(
  q: Queries,
  secrets: Secrets,
  given: { token: string; clientId: string; body: string },
): Promise<void> {
  await keepReplay(
    q,
    idHashes(secrets, given.token),
    sealWith(deriveKey(given.token, 'replay'), given.body, given.clientId),
  );
}

/** The kept answer, for the client it was given to, within `REPLAY_FOR` of the rotation. */
export async function keptAnswer(
  q: Queries,
  secrets: Secrets,
  asked: { token: string; clientId: string; now: Instant },
): Promise<string | undefined> {
  const row = await getRecord(q, idHashes(secrets, asked.token));
  if (row?.consumed_at == null || row.replay === null || asked.now - row.consumed_at >= REPLAY_FOR)
    return undefined;
  return openWith(deriveKey(asked.token, 'replay'), row.replay, asked.clientId);
}
