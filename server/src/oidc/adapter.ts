import { findClientWithSecrets } from '../clients/store.ts';
import type { Instant } from '../core/ids.ts';
import { DAY, SECOND } from '../core/units.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/database.ts';
import type { Queries } from '../platform/database/schema.ts';
import type { Secrets } from '../platform/secrets.ts';
import { clientMetadata } from './client-metadata.ts';
import {
  consumeRecord,
  deleteRecord,
  deleteRecordsOfGrant,
  getRecord,
  getRecordByUid,
  lockRecord,
  putRecord,
} from './store.ts';
import {
  currentWork,
  type GrantHold,
  SpentTwice,
  type Step,
  type StoredPayload,
  type Work,
} from './unit-of-work.ts';

export interface AdapterParts {
  readonly database: Database;
  readonly secrets: Secrets;
  readonly clock: Clock;
}

/** What is found by the public id of a session. */
const UID_KINDS = new Set(['Session', 'Grant']);

/** Milliseconds until a process sees that a client was changed, or its secret replaced, by another one. */
const CLIENT_FRESH_FOR = SECOND;

/** Clients that are remembered at once; a stranger who names many ids costs no more memory than these. */
const CLIENTS_MAX = 500;

/** How long an interaction is kept past its end: the browser that began it can still go on from a page that was left open. */
const RESUMABLE_FOR = DAY;

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
    if (row?.consumed_at && this.#kind === 'Interaction') return undefined; // ended, and kept for its browser
    if (row && this.#kind === 'Session') currentWork()?.sessions.set(this.#keyOf(id), standing(row.payload));
    if (row && this.#kind === 'Grant') this.#hold(id, false);
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
    const work = currentWork();
    if (work?.passing === id) return void work.overlay.set(this.#keyOf(id), { ...payload });
    if (work) this.#needGrant(work, id, payload);
    const [idHash = '', ...olderHashes] = this.#hashesOf(id);
    const row = {
      idHash,
      olderHashes,
      kind: this.#kind,
      uidHash: this.#uidHash(payload),
      grantId: this.#grantOf(id, payload),
      accountId: textOf(payload, 'accountId'),
      payload: JSON.stringify(withoutSecrets(payload)),
      expiresAt:
        this.#parts.clock.now() + expiresIn * SECOND + (this.#kind === 'Interaction' ? RESUMABLE_FOR : 0),
    };
    await this.#write(id, { ...payload }, async (q) => {
      if (work && this.#kind === 'Session') await this.#requireStanding(q, id, work);
      await putRecord(q, row);
    });
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
    const work = currentWork();
    if (this.#kind === 'Interaction') return this.#end(id);
    await this.#write(id, null, async (q) => {
      if (work?.sessions.has(this.#keyOf(id))) work.sessionGone = !(await this.#stands(q, id, work));
      await deleteRecord(q, this.#hashesOf(id));
    });
  }

  /** An interaction that is over is found no more, but stays for `remainsOf`. */
  async #end(id: string): Promise<void> {
    const at = this.#parts.clock.now();
    await this.#write(id, null, async (q) => void (await consumeRecord(q, this.#hashesOf(id), at)));
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    const { idHashes } = this.#hold(grantId, false);
    await this.#take((q) => deleteRecordsOfGrant(q, { id: grantId, idHashes, kind: this.#kind }));
  }

  /** What is issued under a grant, or widens it, needs it still there; one that this request makes is not there yet. */
  #needGrant(work: Work, id: string, payload: StoredPayload): void {
    const grantId = this.#grantOf(id, payload);
    if (grantId === undefined) return;
    const isMadeHere =
      !work.grants.has(grantId) && (this.#kind === 'Grant' || work.overlay.has(`Grant:${grantId}`));
    if (!isMadeHere) this.#hold(grantId, true);
  }

  /** An interaction notes the grant of who was signed in when it began, yet waits on when that one ends. */
  #grantOf(id: string, payload: StoredPayload): string | undefined {
    if (this.#kind === 'Interaction') return undefined;
    return this.#kind === 'Grant' ? id : textOf(payload, 'grantId');
  }

  /** Has the request take a grant before all else: so of those who use and end one, none waits for the other. */
  #hold(grantId: string, isNeeded: boolean): GrantHold {
    const hold = { idHashes: this.#parts.secrets.hashes('oidc-record', `Grant:${grantId}`), isNeeded };
    const known = currentWork()?.grants;
    if (isNeeded || !known?.has(grantId)) known?.set(grantId, hold);
    return hold;
  }

  /** A session that a logout has ended must not come back, under whatever id, because a slower request had read it. */
  async #requireStanding(q: Queries, id: string, work: Work): Promise<void> {
    const gone = work.sessions.has(this.#keyOf(id)) && !(await this.#stands(q, id, work));
    if (gone || work.sessionGone) throw new SpentTwice(this.#kind, id);
  }

  /** Whether the session is still there. One that another request has changed meanwhile is read again: nothing of it may be lost. */
  async #stands(q: Queries, id: string, work: Work): Promise<boolean> {
    const row = await lockRecord(q, this.#hashesOf(id));
    if (row && standing(row.payload) !== work.sessions.get(this.#keyOf(id)))
      throw new SpentTwice(this.#kind, id);
    return row !== undefined;
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

  /** A session is found by its public id, and so are the grants that were made in it, when it is long gone too. */
  #uidHash(payload: StoredPayload): string | undefined {
    const uid = this.#kind === 'Session' ? textOf(payload, 'uid') : currentWork()?.sessionUid;
    if (uid === undefined || !UID_KINDS.has(this.#kind)) return undefined;
    return this.#parts.secrets.hash('oidc-record', `${this.#kind}Uid:${uid}`);
  }
}

/** What requests decide by when they change a session: who is signed in, to which apps, and the logout under way. */
function standing(text: string): string {
  const { accountId, authorizations, state } = parsePayload(text);
  return JSON.stringify([accountId, authorizations, state]);
}

/**
 * Leaves out the record's own id, also where an interaction names it as its address, the session cookie
 * that an interaction remembers, and the library's note that a grant outlives a logout: here a logout ends
 * what was issued under the session.
 */
function withoutSecrets(payload: StoredPayload): StoredPayload {
  const { jti: _jti, returnTo: _returnTo, session, authorizations, ...rest } = payload;
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
