import { createHmac } from 'node:crypto';
import type { Instant } from '../../core/ids.ts';
import { MINUTE, SECOND } from '../../core/units.ts';
import { random } from '../random.ts';
import { sameText } from '../secrets.ts';

/** How far a signed time may be from ours: clocks differ, and a request is on its way for a moment. */
const FRESH_WITHIN = 5 * MINUTE;

/** Whether a signed time is near enough to ours. */
export function isFresh(at: Instant, now: Instant, within: number = FRESH_WITHIN): boolean {
  return Math.abs(now - at) <= within;
}

/** HMAC-SHA-256 in the spelling that a sender chose. */
export function hmac(key: string | Buffer, text: string, encoding: 'hex' | 'base64'): string {
  return createHmac('sha256', key).update(text).digest(encoding);
}

/** `whsec_` and base64, or any other word as it stands. */
function keyOf(secret: string): Buffer {
  return secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : Buffer.from(secret);
}

/** The bytes of a signature, written in the one way there is; none for anything else. */
export function signatureOf(base64: string): Buffer {
  const bytes = Buffer.from(base64, 'base64');
  return bytes.toString('base64') === base64 ? bytes : Buffer.alloc(0);
}

export interface Signed {
  readonly id: string;
  /** Seconds since 1970. */
  readonly timestamp: string;
  readonly body: string;
}

/** The signature of Standard Webhooks, which Svix uses too: `v1,` and base64. */
export function signWebhook(secret: string, { id, timestamp, body }: Signed): string {
  return `v1,${hmac(keyOf(secret), `${id}.${timestamp}.${body}`, 'base64')}`;
}

/** A new key: 32 bytes in standard base64, because receivers split the text at its underscores. */
export function newWebhookSecret(): string {
  return `whsec_${random.bytes(32).toString('base64')}`;
}

/** The three headers `PREFIX-id`, `PREFIX-timestamp` and `PREFIX-signature`, with a signature for each key, newest first. */
export function signedHeaders(
  secrets: readonly string[],
  signed: { prefix: string; id: string; body: string; now: Instant },
): Record<string, string> {
  const { prefix, id, body } = signed;
  const timestamp = String(Math.floor(signed.now / SECOND));
  const signatures = secrets.map((secret) => signWebhook(secret, { id, timestamp, body }));
  return {
    [`${prefix}-id`]: id,
    [`${prefix}-timestamp`]: timestamp,
    [`${prefix}-signature`]: signatures.join(' '),
  };
}

/** Judges `PREFIX-id`, `PREFIX-timestamp` and `PREFIX-signature`, of which the last may hold several. */
export function judgeWebhook(
  request: { readonly headers: Readonly<Record<string, string | undefined>>; readonly body: Buffer },
  by: { secret: string; prefix: string; now: Instant },
): { readonly id: string } | 'forged' | 'stale' {
  const header = (name: string) => request.headers[`${by.prefix}-${name}`] ?? '';
  const [id, timestamp] = [header('id'), header('timestamp')];
  if (id === '' || !/^\d{1,12}$/.test(timestamp)) return 'forged';
  const expected = signWebhook(by.secret, { id, timestamp, body: request.body.toString('utf8') });
  const isSigned = header('signature')
    .split(' ')
    .map((one) => sameText(one, expected))
    .includes(true);
  if (!isSigned) return 'forged';
  return isFresh(Number(timestamp) * 1000, by.now) ? { id } : 'stale';
}
