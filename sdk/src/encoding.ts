const BASE64URL = /^[A-Za-z0-9_-]*$/;

export const utf8 = new TextEncoder();
// A byte order mark stays in the text, so that JSON.parse refuses it as it does everywhere else.
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

export function toBase64url(bytes: Uint8Array): string {
  return toBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/**
 * The bytes of unpadded base64url, or undefined for anything else: padding, white space, another alphabet, or bits
 * left over that say nothing (RFC 4648, 3.5). So each sequence of bytes has one spelling only.
 */
export function fromBase64url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!BASE64URL.test(text) || text.length % 4 === 1) return undefined;
  const bytes = fromBase64(text.replaceAll('-', '+').replaceAll('_', '/'));
  return toBase64url(bytes) === text ? bytes : undefined;
}

/** The text of UTF-8 bytes; undefined when they are none. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return undefined;
  }
}

export function randomToken(): string {
  return toBase64url(crypto.getRandomValues(new Uint8Array(32)));
}

/** Whether two byte strings are the same, in a time that depends on their lengths only. */
export function isEqual(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  return left.reduce((difference, byte, at) => difference | (byte ^ (right[at] ?? 0)), 0) === 0;
}
