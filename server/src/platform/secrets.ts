import { createCipheriv, createDecipheriv, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { random } from './random.ts';

/** What a key is for; each purpose has its own key, so that no value of one is good for another. */
export type Purpose =
  | 'attempt-code'
  | 'link-token'
  | 'disown-token'
  | 'link-seal'
  | 'browser'
  | 'interaction'
  | 'request'
  | 'limit'
  | 'puzzle'
  | 'client-secret'
  | 'oidc-record'
  | 'replay'
  | 'signing-key'
  | 'page'
  | 'approval'
  | 'mail-credentials'
  | 'webhook-secret'
  | 'headless';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Keyed hashes and sealed values under the master secret; the newest secret writes, older ones still read. */
export interface Secrets {
  /** HMAC-SHA-256 under the newest secret, base64url, 43 characters. */
  hash(purpose: Purpose, value: string): string;
  /** The same under every secret, newest first: what a stored hash may look like. */
  hashes(purpose: Purpose, value: string): string[];
  /** Compares in constant time with what `hash` gave under any secret. */
  matches(purpose: Purpose, value: string, hash: string): boolean;
  /** AES-256-GCM; `context` must be given again to open. */
  seal(purpose: Purpose, plaintext: string, context: string): string;
  open(purpose: Purpose, sealed: string, context: string): string | undefined;
}

export function createSecrets(masters: readonly string[]): Secrets {
  const derived = new Map<string, Buffer>();
  const keyOf = (master: string, purpose: Purpose): Buffer => {
    const name = `${masters.indexOf(master)}:${purpose}`;
    const known = derived.get(name) ?? deriveKey(master, purpose);
    derived.set(name, known);
    return known;
  };
  const newest = masters[0];
  if (newest === undefined) throw new Error('createSecrets needs at least one master secret');
  const hashes = (purpose: Purpose, value: string) =>
    masters.map((master) => keyedHash(keyOf(master, purpose), value));
  return {
    hash: (purpose, value) => keyedHash(keyOf(newest, purpose), value),
    hashes,
    matches: (purpose, value, hash) =>
      hashes(purpose, value)
        .map((known) => sameText(known, hash))
        .includes(true),
    seal: (purpose, plaintext, context) => sealWith(keyOf(newest, purpose), plaintext, context),
    open: (purpose, sealed, context) => {
      for (const master of masters) {
        const plaintext = openWith(keyOf(master, purpose), sealed, context);
        if (plaintext !== undefined) return plaintext;
      }
      return undefined;
    },
  };
}

/** A 256-bit key from a secret that carries at least that much itself (HKDF-SHA-256, RFC 5869). */
export function deriveKey(secret: string, purpose: Purpose): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, 'postern', purpose, 32));
}

export function sealWith(key: Buffer, plaintext: string, context: string): string {
  const nonce = random.bytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context));
  return Buffer.concat([
    nonce,
    cipher.update(plaintext, 'utf8'),
    cipher.final(),
    cipher.getAuthTag(),
  ]).toString('base64url');
}

/** Undefined when the key, the context or a single bit is not the one it was sealed with. */
export function openWith(key: Buffer, sealed: string, context: string): string | undefined {
  const bytes = Buffer.from(sealed, 'base64url');
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES)).setAAD(
    Buffer.from(context),
  );
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    return (
      decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
    );
  } catch {
    return undefined;
  }
}

/** Constant-time comparison; lengths may differ and are not secret. */
export function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}

function keyedHash(key: Buffer, value: string): string {
  return createHmac('sha256', key).update(value).digest('base64url');
}
