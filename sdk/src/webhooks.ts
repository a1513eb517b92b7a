import { fromBase64, isEqual, toBase64, utf8 } from './encoding.ts';
import { PosternSignatureError, PosternUsageError } from './errors.ts';
import { concat, hmacSha256 } from './sha256.ts';

const TOLERANCE_SECONDS = 5 * 60;
const SECRET = /^[a-z]+_([A-Za-z0-9+/]+)={0,2}$/;

/** Headers as `Headers`, or as an object whose names may be in any case and whose values may be lists. */
export type IncomingHeaders =
  | { get(name: string): string | null }
  | Readonly<Record<string, string | readonly string[] | undefined>>;

export interface SignedRequest {
  readonly secret: string;
  readonly headers: IncomingHeaders;
  /** The body as it came, before any parsing. */
  readonly body: string | Uint8Array;
  /** `webhook` or `interceptor`: what the names of the headers begin with. */
  readonly kind: 'webhook' | 'interceptor';
  /** Now, in milliseconds since 1970. */
  readonly now: number;
}

/**
 * Returns true when a holder of the secret signed this request within five minutes of now, and throws
 * `PosternSignatureError` otherwise. Synchronous, so that it cannot be left un-awaited.
 */
export function verifySigned({ secret, headers, body, kind, now }: SignedRequest): true {
  const key = keyOf(secret);
  const [id, timestamp, signatures] = ['id', 'timestamp', 'signature'].map((part) =>
    headerOf(headers, `${kind}-${part}`),
  );
  if (!id || !timestamp || !signatures)
    throw new PosternSignatureError(
      'signature_missing',
      `The request lacks a ${kind}-id, -timestamp or -signature header`,
    );
  requireRecent(timestamp, now);
  const content = typeof body === 'string' ? utf8.encode(body) : body;
  const expected = utf8.encode(
    toBase64(hmacSha256(key, concat(utf8.encode(`${id}.${timestamp}.`), content))),
  );
  // All are compared, so that the time does not tell which of several secrets it was.
  const matches = signatures.split(' ').filter((one) => {
    const [version, signature = ''] = one.split(',');
    return version === 'v1' && isEqual(utf8.encode(signature), expected);
  });
  if (matches.length > 0) return true;
  throw new PosternSignatureError('signature_invalid', 'No signature of the request is by this secret');
}

function keyOf(secret: string): Uint8Array {
  const encoded = SECRET.exec(String(secret))?.[1];
  if (encoded === undefined || encoded.length % 4 === 1)
    throw new PosternUsageError('The secret must look like whsec_ and base64');
  return fromBase64(encoded);
}

function headerOf(headers: IncomingHeaders, name: string): string | undefined {
  if (typeof headers.get === 'function') return headers.get(name) ?? undefined;
  const found = Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
  return typeof found === 'string' ? found : Array.isArray(found) ? found.join(' ') : undefined;
}

function requireRecent(timestamp: string, now: number): void {
  const seconds = /^\d{1,12}$/.test(timestamp) ? Number(timestamp) : Number.NaN;
  const age = Math.floor(now / 1000) - seconds;
  if (Number.isNaN(age))
    throw new PosternSignatureError('signature_time_invalid', 'The timestamp is not in seconds');
  if (age > TOLERANCE_SECONDS)
    throw new PosternSignatureError('signature_too_old', 'The request was signed too long ago');
  if (age < -TOLERANCE_SECONDS)
    throw new PosternSignatureError('signature_too_new', 'The request was signed in the future');
}
