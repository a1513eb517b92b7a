import { type CallOptions, within } from './http.ts';
import type { Tokens } from './token-endpoint.ts';

/** A token that is about to end is not used any more, so that it does not end on the way. */
const MARGIN_SECONDS = 60;

export interface ClientTokenOptions {
  readonly ask: () => Promise<Tokens>;
  readonly now: () => number;
}

/** The client's own access token: kept until a minute before it ends, and asked for once, however many wait for it. */
export class ClientToken {
  readonly #options: ClientTokenOptions;
  #held: { token: string; until: number } | undefined;
  #pending: Promise<string> | undefined;

  constructor(options: ClientTokenOptions) {
    this.#options = options;
  }

  async get(call: CallOptions): Promise<string> {
    if (this.#held !== undefined && this.#options.now() < this.#held.until) return this.#held.token;
    this.#pending ??= this.#ask().finally(() => {
      this.#pending = undefined;
    });
    return within(this.#pending, call);
  }

  /** Gives up a token that the server did not accept, unless it has been replaced already. */
  discard(token: string): void {
    if (this.#held?.token === token) this.#held = undefined;
  }

  async #ask(): Promise<string> {
    const { accessToken, expiresIn } = await this.#options.ask();
    const lifeMs = Math.max(0, expiresIn - MARGIN_SECONDS) * 1000;
    this.#held = { token: accessToken, until: this.#options.now() + lifeMs };
    return accessToken;
  }
}
