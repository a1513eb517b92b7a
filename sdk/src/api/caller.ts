import { apiErrorOf } from '../answers.ts';
import type { ClientToken } from '../client-token.ts';
import type { CallOptions, HttpAnswer, Send, Share } from '../http.ts';
import { fromWire, type Json, toQuery, toWire } from '../json.ts';

export interface ApiCall {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Below `/api/v1`, with its ids already encoded (see `pathOf`). */
  readonly path: string;
  readonly query?: Json | undefined;
  readonly body?: Json | undefined;
  readonly call?: CallOptions | undefined;
}

/** A page of a list. Cursors are opaque, and empty where there is no further page. */
export interface Page {
  readonly nextPageToken: string;
  readonly prevPageToken: string;
}

export interface PageOptions extends CallOptions {
  readonly pageSize?: number | undefined;
  readonly pageToken?: string | undefined;
}

export interface ApiCallerOptions {
  readonly origin: string;
  readonly send: Send;
  readonly share: Share;
  readonly token: ClientToken;
  readonly secrets: readonly (string | undefined)[];
}

/** Calls the API with the client's own token. Only what reads or deletes is sent again when no answer came. */
export class ApiCaller {
  readonly #options: ApiCallerOptions;

  constructor(options: ApiCallerOptions) {
    this.#options = options;
  }

  /** What the API answers, in this package's spelling. Throws `PosternApiError` when it refuses. */
  async call<Answer>(request: ApiCall): Promise<Answer> {
    const { token, share } = this.#options;
    const rest = share({ signal: request.call?.signal, timeoutMs: request.call?.timeoutMs });
    const held = await token.get(rest());
    const first = await this.#send(request, held, rest());
    if (first.status !== 401) return this.#answerOf(first, held);
    // A token can end early, with a rotation of keys or of the secret. Nothing was done for it, so anything may go again.
    token.discard(held);
    const fresh = await token.get(rest());
    return this.#answerOf(await this.#send(request, fresh, rest()), fresh);
  }

  #send({ method, path, query, body }: ApiCall, token: string, call: CallOptions): Promise<HttpAnswer> {
    const { origin, send } = this.#options;
    return send({
      ...call,
      method,
      url: `${origin}/api/v1${path}${query === undefined ? '' : toQuery(query)}`,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(toWire(body)) }),
      idempotent: method === 'GET' || method === 'DELETE',
    });
  }

  #answerOf<Answer>(answer: HttpAnswer, token: string): Answer {
    if (answer.status >= 200 && answer.status < 300) return fromWire(answer.json ?? {}) as Answer;
    throw apiErrorOf(answer, [...this.#options.secrets, token]);
  }
}

/** A path whose values cannot lead elsewhere: encoded, and never a step up. */
export function pathOf(parts: TemplateStringsArray, ...values: string[]): string {
  return parts.reduce((path, part, at) => `${path}${segment(values[at - 1] ?? '')}${part}`);
}

function segment(value: string): string {
  const encoded = encodeURIComponent(value);
  return /^\.{0,2}$/.test(encoded) ? '-' : encoded;
}
