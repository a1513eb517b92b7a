import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** As the server publishes it. */
  readonly jwk: Record<string, unknown>;
  readonly alg: 'RS256' | 'ES256' | 'EdDSA';
}

export function newKey(kid: string, alg: SigningKey['alg'] = 'RS256'): SigningKey {
  const pair = pairFor(alg);
  return { kid, alg, ...pair, jwk: { ...pair.publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' } };
}

function pairFor(alg: SigningKey['alg']) {
  if (alg === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return alg === 'EdDSA'
    ? generateKeyPairSync('ed25519')
    : generateKeyPairSync('rsa', { modulusLength: 2048 });
}

export const encoded = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** A signed token, however wrong its header and claims; text stands for itself. */
export function signToken(key: SigningKey, claims: unknown, header: object = {}): string {
  const content = `${encoded({ alg: key.alg, kid: key.kid, typ: 'JWT', ...header })}.${encoded(claims)}`;
  return `${content}.${signatureOf(key, content).toString('base64url')}`;
}

export function signatureOf({ alg, privateKey }: SigningKey, content: string): Buffer {
  if (alg === 'EdDSA') return sign(null, Buffer.from(content), privateKey);
  return sign('sha256', Buffer.from(content), { key: privateKey, dsaEncoding: 'ieee-p1363' });
}

export function halfHash(content: string, hash = 'sha256'): string {
  const digest = createHash(hash).update(content).digest();
  return digest.subarray(0, digest.length / 2).toString('base64url');
}
