import { importJWK, type JWK } from 'jose';
import { apiErrorOf } from '../answers.ts';
import { PosternConnectionError } from '../errors.ts';
import { type CallOptions, type Send, within } from '../http.ts';
import { isRecord } from '../json.ts';

const FRESH_MS = 10 * 60_000;
/** How long keys still count when new ones cannot be had: an outage of the server should not be one of the app. */
const STALE_MAX_MS = 60 * 60_000;
/** The least time between two requests for an unknown key, so that forged tokens do not become a flood of them. */
const COOLDOWN_MS = 30_000;

export interface KeySetOptions {
  readonly url: string;
  readonly send: Send;
  readonly now: () => number;
}

export type VerificationKey = Awaited<ReturnType<typeof importJWK>>;

interface Held {
  readonly keys: readonly JWK[];
  readonly fetchedAt: number;
}

/** The server's published keys, fetched when a token names one that is not known, or every ten minutes. */
export class KeySet {
  readonly #options: KeySetOptions;
  #held: Held | undefined;
  #pending: Promise<Held> | undefined;
  readonly #imported = new Map<JWK, Promise<VerificationKey>>();

  constructor(options: KeySetOptions) {
    this.#options = options;
  }

  /** The key of this id for this algorithm; undefined when the server publishes none. Throws when it cannot be asked. */
  async find(wanted: { kid: string; alg: string }, call: CallOptions): Promise<VerificationKey | undefined> {
    const held = await this.#current(call);
    const found = keyIn(held, wanted) ?? keyIn(await this.#newer(held, call), wanted);
    if (found === undefined) return undefined;
    const imported = this.#imported.get(found) ?? importJWK(found, wanted.alg);
    this.#imported.set(found, imported);
    return imported.catch(() => undefined);
  }

  async #current(call: CallOptions): Promise<Held> {
    const held = this.#held;
    const age = held === undefined ? Number.POSITIVE_INFINITY : this.#options.now() - held.fetchedAt;
    if (held !== undefined && age < FRESH_MS) return held;
    return this.#fetchOnce(call).catch((failure: unknown) => {
      if (held !== undefined && age < STALE_MAX_MS && !call.signal?.aborted) return held;
      throw failure;
    });
  }

  async #newer(held: Held, call: CallOptions): Promise<Held> {
    return this.#options.now() - held.fetchedAt < COOLDOWN_MS ? held : this.#fetchOnce(call);
  }

  /** One request at a time, whoever asks; a caller that gives up does not take it from the others. */
  #fetchOnce(call: CallOptions): Promise<Held> {
    this.#pending ??= this.#fetch().finally(() => {
      this.#pending = undefined;
    });
    return within(this.#pending, call);
  }

  async #fetch(): Promise<Held> {
    const { url, send, now } = this.#options;
    const answer = await send({ method: 'GET', url, idempotent: true });
    if (answer.status !== 200) throw apiErrorOf(answer, []);
    if (!Array.isArray(answer.json?.keys))
      throw new PosternConnectionError(
        'invalid_answer',
        `${url} has no list of keys; is the address the server's own?`,
      );
    this.#imported.clear();
    this.#held = { keys: answer.json.keys.filter(isRecord), fetchedAt: now() };
    return this.#held;
  }
}

/** The key must be meant for this: the same id and algorithm, and a signature. */
function keyIn({ keys }: Held, { kid, alg }: { kid: string; alg: string }): JWK | undefined {
  return keys.find((key) => key.kid === kid && key.alg === alg && (key.use ?? 'sig') === 'sig');
}
