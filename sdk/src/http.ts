import { PosternConnectionError } from './errors.ts';
import { isRecord, parseJson } from './json.ts';

/** What each call that reaches the network takes. */
export interface CallOptions {
  /** Ends the call; it then rejects with the signal's own reason. */
  readonly signal?: AbortSignal | undefined;
  /** The most that the call may take, its retries included, in milliseconds. */
  readonly timeoutMs?: number | undefined;
}

export interface HttpRequest extends CallOptions {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Whether it may be sent again when no answer came or the server was too busy. */
  readonly idempotent: boolean;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** The JSON object in the body; undefined when there is none. */
  readonly json: Readonly<Record<string, unknown>> | undefined;
}

export interface HttpOptions {
  readonly fetch: typeof fetch;
  readonly timeoutMs: number;
  /** How often an idempotent request is sent again. */
  readonly retriesMax: number;
  readonly now: () => number;
}

export type Send = (request: HttpRequest) => Promise<HttpAnswer>;

/** The time of a call that takes several requests: each gets what the ones before it have left. */
export type Share = (call: CallOptions) => () => CallOptions;

const BUSY = new Set([502, 503, 504]);
const FIRST_PAUSE_MS = 200;

export function createShare({ timeoutMs, now }: Pick<HttpOptions, 'timeoutMs' | 'now'>): Share {
  return (call) => {
    const endsAt = now() + (call.timeoutMs ?? timeoutMs);
    return () => ({ signal: call.signal, timeoutMs: Math.max(1, endsAt - now()) });
  };
}

/** Sends requests within a deadline; throws `PosternConnectionError` when no usable answer came. */
export function createSend(options: HttpOptions): Send {
  return async (request) => {
    const timeoutMs = request.timeoutMs ?? options.timeoutMs;
    const deadline = options.now() + timeoutMs;
    const timer = AbortSignal.timeout(timeoutMs);
    const signal = request.signal ? AbortSignal.any([request.signal, timer]) : timer;
    for (let retries = 0; ; retries += 1) {
      const outcome = await attempt({ ...request, signal }, options).catch((failure: unknown) =>
        failureOf(failure, { request, timer }),
      );
      const pauseMs = pauseAfter(outcome, retries);
      const mayRetry = request.idempotent && retries < options.retriesMax && pauseMs !== undefined;
      if (mayRetry && options.now() + pauseMs < deadline && !signal.aborted) {
        await pause(pauseMs, signal).catch(() => undefined);
        continue;
      }
      if (outcome instanceof PosternConnectionError) throw outcome;
      return outcome;
    }
  };
}

async function attempt(
  request: HttpRequest & { signal: AbortSignal },
  options: HttpOptions,
): Promise<HttpAnswer> {
  request.signal.throwIfAborted();
  const { method, url, headers = {}, body, signal } = request;
  // A redirect would carry credentials to where nobody meant to send them.
  const init: RequestInit = {
    method,
    headers: { accept: 'application/json', ...headers },
    signal,
    redirect: 'manual',
  };
  const response = await options.fetch(url, body === undefined ? init : { ...init, body });
  const text = await response.text();
  if (response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400))
    throw new PosternConnectionError(
      'invalid_answer',
      `${new URL(url).pathname} redirects; is the address the server's own?`,
    );
  const parsed = parseJson(text);
  return { status: response.status, headers: response.headers, json: isRecord(parsed) ? parsed : undefined };
}

/** The error of a failed attempt; the caller's own abort goes through as it is. */
function failureOf(
  failure: unknown,
  { request, timer }: { request: HttpRequest; timer: AbortSignal },
): PosternConnectionError {
  if (request.signal?.aborted) throw request.signal.reason;
  if (failure instanceof PosternConnectionError) return failure;
  const { host, pathname } = new URL(request.url);
  if (timer.aborted)
    return new PosternConnectionError('timeout', `No answer from ${host}${pathname} in time`, {
      retryable: true,
      cause: failure,
    });
  return new PosternConnectionError('network_error', `${host}${pathname} could not be reached`, {
    retryable: true,
    cause: failure,
  });
}

/** How long to wait before the next attempt, in milliseconds; undefined when another would not help. */
function pauseAfter(outcome: HttpAnswer | PosternConnectionError, retries: number): number | undefined {
  // Half of it by chance, so that many callers do not come back at the same moment.
  const pauseMs = FIRST_PAUSE_MS * 2 ** retries * (0.5 + Math.random() / 2);
  if (outcome instanceof PosternConnectionError)
    return outcome.code === 'network_error' ? pauseMs : undefined;
  if (!BUSY.has(outcome.status)) return undefined;
  const asked = retryAfterSeconds(outcome.headers);
  return asked === undefined ? pauseMs : Math.max(pauseMs, asked * 1000);
}

/** The seconds of a `Retry-After` header (RFC 9110, 10.2.3); undefined when it is absent or a date. */
export function retryAfterSeconds(headers: Headers): number | undefined {
  const value = headers.get('retry-after') ?? '';
  return /^\d{1,6}$/.test(value) ? Number(value) : undefined;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

/** What was promised to several callers, for one of them: until its own signal or time says otherwise. */
export function within<T>(promised: Promise<T>, { signal, timeoutMs }: CallOptions): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal?.reason);
    const onTimeout = () =>
      reject(new PosternConnectionError('timeout', 'No answer in time', { retryable: true }));
    const timer = timeoutMs === undefined ? undefined : setTimeout(onTimeout, timeoutMs);
    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort);
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    promised.then(resolve, reject).finally(settle);
  });
}
