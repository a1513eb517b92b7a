import { findClientWithSecrets } from '../clients/store.ts';
import type { Instant } from '../core/ids.ts';
import { SECOND } from '../core/units.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/database.ts';
import type { Secrets } from '../platform/secrets.ts';
import { clientMetadata } from './client-metadata.ts';
import {
  consumeRecord,
  deleteRecord,
  deleteRecordsOfGrant,
  getRecord,
  getRecordByUid,
  putRecord,
} from './store.ts';
import { currentWork, SpentTwice, type Step, type StoredPayload } from './unit-of-work.ts';

export interface AdapterParts {
  readonly database: Database;
  readonly secrets: Secrets;
  readonly clock: Clock;
}

/** Milliseconds until a process sees that a client was changed, or its secret replaced, by another one. */
const CLIENT_FRESH_FOR = SECOND;

/** Clients that are remembered at once; a stranger who names many ids costs no more memory than these. */
const CLIENTS_MAX = 500;

/**
 * The library's storage (seven methods per model). Reads see what the request has written so far; writes
 * wait for its end and are carried out in one transaction. Ids are stored as keyed hashes, and the
 * payload holds none of them, so a copy of the database signs nobody in.
 */
export class RecordAdapter {
  readonly #kind: string;
  readonly #parts: AdapterParts;
  readonly #clients = new Map<string, { metadata: StoredPayload | undefined; readAt: Instant }>();

  constructor(kind: string, parts: AdapterParts) {
    this.#kind = kind;
    this.#parts = parts;
  }

  async find(id: string): Promise<StoredPayload | undefined> {
    if (this.#kind === 'Client') return this.#findClient(id);
    const written = currentWork()?.overlay.get(this.#keyOf(id));
    if (written !== undefined) return written ?? undefined;
    const row = await this.#parts.database.read((q) => getRecord(q, this.#hashesOf(id)));
    return row && { ...parsePayload(row.payload), jti: id, ...consumption(row.consumed_at) };
  }

  /** Only sessions are found this way. The id itself is not in the store: what comes back can be read, not saved. */
  async findByUid(uid: string): Promise<StoredPayload | undefined> {
    const hashes = this.#parts.secrets.hashes('oidc-record', `${this.#kind}Uid:${uid}`);
    const row = await this.#parts.database.read((q) => getRecordByUid(q, hashes));
    return row && { ...parsePayload(row.payload), jti: '' };
  }

  async findByUserCode(): Promise<undefined> {
    return undefined; // the device flow is not offered
  }

  async upsert(id: string, payload: StoredPayload, expiresIn: number): Promise<void> {
    const row = {
      idHash: this.#parts.secrets.hash('oidc-record', this.#keyOf(id)),
      kind: this.#kind,
      uidHash: this.#kind === 'Session' ? this.#uidHash(payload) : undefined,
      grantId: textOf(payload, 'grantId'),
      accountId: textOf(payload, 'accountId'),
      payload: JSON.stringify(withoutSecrets(payload)),
      expiresAt: this.#parts.clock.now() + expiresIn * SECOND,
    };
    await this.#write(id, { ...payload }, (q) => putRecord(q, row));
  }

  /** A compare-and-set: of two requests that use one code or token, the second is refused, on any engine. */
  async consume(id: string): Promise<void> {
    const at = this.#parts.clock.now();
    const known = await this.find(id);
    const work = currentWork();
    if (work && this.#kind === 'RefreshToken') work.rotated = id;
    await this.#write(id, { ...known, ...consumption(at) }, async (q) => {
      if (!(await consumeRecord(q, this.#hashesOf(id), at))) throw new SpentTwice(this.#kind, id);
    });
  }

  async destroy(id: string): Promise<void> {
    await this.#write(id, null, (q) => deleteRecord(q, this.#hashesOf(id)));
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    await this.#take((q) => deleteRecordsOfGrant(q, this.#kind, grantId));
  }

  async #findClient(id: string): Promise<StoredPayload | undefined> {
    const now = this.#parts.clock.now();
    const known = this.#clients.get(id);
    if (known && now >= known.readAt && now - known.readAt < CLIENT_FRESH_FOR) return known.metadata;
    const metadata = await this.#readClient(id);
    if (this.#clients.size >= CLIENTS_MAX) this.#clients.clear();
    this.#clients.set(id, { metadata, readAt: now });
    return metadata;
  }

  async #readClient(id: string): Promise<StoredPayload | undefined> {
    const found = await this.#parts.database.read((q) =>
      findClientWithSecrets(q, id, this.#parts.clock.now()),
    );
    return found && clientMetadata(found.client, found.secretHashes);
  }

  async #write(id: string, seen: StoredPayload | null, step: Step): Promise<void> {
    currentWork()?.overlay.set(this.#keyOf(id), seen);
    await this.#take(step);
  }

  async #take(step: Step): Promise<void> {
    const work = currentWork();
    if (work) work.steps.push(step);
    else await this.#parts.database.write(step);
  }

  #keyOf(id: string): string {
    return `${this.#kind}:${id}`;
  }

  #hashesOf(id: string): string[] {
    return this.#parts.secrets.hashes('oidc-record', this.#keyOf(id));
  }

  #uidHash(payload: StoredPayload): string {
    return this.#parts.secrets.hash('oidc-record', `${this.#kind}Uid:${textOf(payload, 'uid') ?? ''}`);
  }
}

/**
 * Leaves out the record's own id, the session cookie that an interaction remembers, and the library's
 * note that a grant outlives a logout: here a logout ends what was issued under the session.
 */
function withoutSecrets(payload: StoredPayload): StoredPayload {
  const { jti: _jti, session, authorizations, ...rest } = payload;
  return {
    ...rest,
    ...(isObject(session) && { session: { ...session, cookie: undefined } }),
    ...(isObject(authorizations) && {
      authorizations: mapValues(authorizations, (entry) => ({ ...entry, persistsLogout: undefined })),
    }),
  };
}

function mapValues(object: StoredPayload, change: (entry: StoredPayload) => StoredPayload): StoredPayload {
  return Object.fromEntries(
    Object.entries(object).map(([key, value]) => [key, isObject(value) ? change(value) : value]),
  );
}

function isObject(value: unknown): value is StoredPayload {
  return typeof value === 'object' && value !== null;
}

function textOf(payload: StoredPayload, name: string): string | undefined {
  const value = payload[name];
  return typeof value === 'string' ? value : undefined;
}

function parsePayload(text: string): StoredPayload {
  return JSON.parse(text);
}

function consumption(at: Instant | null): StoredPayload {
  return at === null ? {} : { consumed: Math.floor(at / SECOND) };
}
