import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingMessage } from 'node:http';
import type { Claims } from '../events/interceptors/answer.ts';
import type { Queries } from '../platform/database/schema.ts';
import { lockRecord } from './store.ts';

/** One write that waits for the end of the request; run again as a whole after a conflict. */
export type Step = (q: Queries) => Promise<void>;

/** What the library wrote during one request, and what it would read back. */
export interface Work {
  readonly steps: Step[];
  readonly overlay: Map<string, StoredPayload | null>;
  /** The refresh token that this request rotates: its answer is kept for a retry. */
  rotated?: string;
  /** The interaction that this request ends: what is set in it on the way is read back and never stored. */
  passing?: string;
  /** The sessions that this request has read, by key, as they stood: what it writes of them builds on that. */
  readonly sessions: Map<string, string>;
  /** Another request has ended the session that this one ends or renames. */
  sessionGone?: boolean;
  /** The grants, by id, that this request reads, issues under or ends: its transaction takes them before all else. */
  readonly grants: Map<string, GrantHold>;
  /** What the owner's interceptor wants in the tokens of the session that begins; one without claims takes them away. */
  claims?: { readonly claims: Claims | undefined };
  /** The session that this request signs in to, or makes a grant in. */
  sessionUid?: string;
  /** Whose session it is, where the library does not answer the request itself. */
  request?: IncomingMessage;
}

export interface GrantHold {
  readonly idHashes: string[];
  /** What is written needs the grant still there: what a logout has ended gets no new tokens. */
  readonly isNeeded: boolean;
}

export type StoredPayload = { [name: string]: unknown };

const current = new AsyncLocalStorage<Work>();

export function newWork(): Work {
  return { steps: [], overlay: new Map(), sessions: new Map(), grants: new Map() };
}

/** The work of the request that is being carried out, if one is. */
export function currentWork(): Work | undefined {
  return current.getStore();
}

/** Runs `inside` so that everything it writes joins `work`. */
export function joining<T>(work: Work, inside: () => Promise<T>): Promise<T> {
  return current.run(work, inside);
}

/** Another request was first: to use what may be used once, or to change the session. Undoes the transaction it is thrown in. */
export class SpentTwice extends Error {
  readonly kind: string;
  readonly id: string;
  override name = 'SpentTwice';

  constructor(kind: string, id: string) {
    super(`another request was first: ${kind}`);
    this.kind = kind;
    this.id = id;
  }
}

/** Takes the grants, in the order of their ids, then carries the steps out in the order in which they were taken. */
export async function carryOut(work: Work, q: Queries): Promise<void> {
  const grants = [...work.grants].sort(([one], [other]) => (one < other ? -1 : 1));
  for (const [id, { idHashes, isNeeded }] of grants) {
    const row = await lockRecord(q, idHashes);
    if (row === undefined && isNeeded) throw new SpentTwice('Grant', id);
  }
  for (const step of work.steps) await step(q);
}
