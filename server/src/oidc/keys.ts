import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { exportJWK, type JWK } from 'jose';
import type { Instant } from '../core/ids.ts';
import { HOUR, SECOND } from '../core/units.ts';
import { recordEvent } from '../events/store.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/database.ts';
import { newId } from '../platform/random.ts';
import type { Secrets } from '../platform/secrets.ts';
import type { Settings } from '../settings/settings.ts';
import { allKeys, insertKey, type KeyRow, lockKeys, moveKey } from './store.ts';

export const SIGNING_ALGS = ['RS256', 'ES256', 'EdDSA'] as const;
export type SigningAlg = (typeof SIGNING_ALGS)[number];
export type KeyState = 'next' | 'current' | 'retired';

export interface KeyFacts {
  readonly kid: string;
  readonly alg: string;
  readonly state: KeyState;
  readonly createdAt: Instant;
  readonly expiresAt?: Instant;
}

/** A key that can sign, with the form in which the library and the key set page want it. */
export interface SigningKey extends KeyFacts {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly jwk: JWK;
}

export interface Keys {
  list(): Promise<KeyFacts[]>;
  /** Makes the key that was published ahead the one that signs, and publishes a new one. All algorithms, or one. */
  rotate(alg?: string): Promise<{ kid: string }[]>;
  /** Every key that is published, the signing one of each algorithm first. Makes them on first use. */
  ring(): Promise<SigningKey[]>;
}

/** 3072 bits give the 128-bit strength of the rest (NIST SP 800-57 part 1, table 2). */
const RSA_BITS = 3072;

/** Verifiers may cache the key set for this long past a token's life. */
const CACHE_MARGIN = HOUR;

const generate = promisify(generateKeyPair);

export interface KeyParts {
  readonly database: Database;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly settings: Settings;
}

export function createKeys(parts: KeyParts): Keys {
  const opened = new Map<string, SigningKey>();
  const rows = () => parts.database.read(allKeys);
  return {
    list: async () => (await rows()).map(factsOf),
    rotate: (alg) => rotate(parts, alg === undefined ? SIGNING_ALGS : [signingAlg(alg)]),
    ring: async () => {
      const stored = await rows();
      const complete = SIGNING_ALGS.every((alg) =>
        stored.some((row) => row.alg === alg && row.state === 'current'),
      );
      if (!complete) await makeFirst(parts);
      return openAll(complete ? stored : await rows(), opened, parts.secrets);
    },
  };
}

/** Refuses an algorithm that we do not sign with. */
export function signingAlg(name: string): SigningAlg {
  const known = SIGNING_ALGS.find((alg) => alg === name);
  if (known === undefined)
    throw new Error(`${name} is not a signing algorithm here; use one of ${SIGNING_ALGS.join(', ')}`);
  return known;
}

async function makeFirst(parts: KeyParts): Promise<void> {
  const made = await Promise.all(
    SIGNING_ALGS.flatMap((alg) => [makeRow(parts, alg, 'current'), makeRow(parts, alg, 'next')]),
  );
  await parts.database.write(async (q) => {
    for (const row of made) await insertKey(q, row); // another process may have been first: its keys stay
  });
}

async function rotate(parts: KeyParts, algs: readonly SigningAlg[]): Promise<{ kid: string }[]> {
  const settings = await parts.settings.current();
  const life = Math.max(
    settings['tokens.access_seconds'],
    settings['tokens.id_seconds'],
    settings['tokens.client_credentials_seconds'],
  );
  const fresh = await Promise.all(algs.map((alg) => makeRow(parts, alg, 'next')));
  const now = parts.clock.now();
  return parts.database.write(async (q) => {
    const rotated: { kid: string }[] = [];
    for (const row of fresh) {
      await lockKeys(q, row.alg);
      await moveKey(q, {
        alg: row.alg,
        from: 'current',
        to: 'retired',
        expiresAt: now + life * SECOND + CACHE_MARGIN,
      });
      await moveKey(q, { alg: row.alg, from: 'next', to: 'current', expiresAt: null });
      await insertKey(q, row);
      const current = (await allKeys(q)).find((key) => key.alg === row.alg && key.state === 'current');
      if (current) rotated.push({ kid: current.kid });
    }
    for (const { kid } of rotated) await recordEvent(q, { type: 'keys.rotated', data: { kid } }, now);
    return rotated;
  });
}

async function makeRow(parts: KeyParts, alg: SigningAlg, state: KeyState): Promise<KeyRow> {
  const kid = newId('snk', parts.clock.now());
  const pem = (await newPrivateKey(alg)).export({ type: 'pkcs8', format: 'pem' }).toString();
  return {
    kid,
    alg,
    state,
    sealed: parts.secrets.seal('signing-key', pem, kid),
    createdAt: parts.clock.now(),
    expiresAt: null,
  };
}

async function newPrivateKey(alg: SigningAlg): Promise<KeyObject> {
  switch (alg) {
    case 'RS256':
      return (await generate('rsa', { modulusLength: RSA_BITS })).privateKey;
    case 'ES256':
      return (await generate('ec', { namedCurve: 'P-256' })).privateKey;
    case 'EdDSA':
      return (await generate('ed25519')).privateKey;
    default:
      return alg satisfies never;
  }
}

async function openAll(
  rows: KeyRow[],
  opened: Map<string, SigningKey>,
  secrets: Secrets,
): Promise<SigningKey[]> {
  const order: KeyState[] = ['current', 'next', 'retired'];
  const sorted = rows.toSorted((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  const keys: SigningKey[] = [];
  for (const row of sorted) {
    const key = opened.get(row.kid) ?? (await openKey(row, secrets));
    opened.set(row.kid, key);
    keys.push({ ...key, ...factsOf(row) });
  }
  return keys;
}

async function openKey(row: KeyRow, secrets: Secrets): Promise<SigningKey> {
  const pem = secrets.open('signing-key', row.sealed, row.kid);
  if (pem === undefined)
    throw new Error(
      'POSTERN_SECRET does not open the signing keys of this database. Set the secret it was written with; to change it, list the new one first and the old one after it.',
    );
  const privateKey = createPrivateKey(pem);
  const jwk = { ...(await exportJWK(privateKey)), kid: row.kid, alg: row.alg, use: 'sig' };
  return { ...factsOf(row), privateKey, publicKey: createPublicKey(privateKey), jwk };
}

function factsOf(row: KeyRow): KeyFacts {
  return {
    kid: row.kid,
    alg: row.alg,
    state: row.state,
    createdAt: row.createdAt,
    ...(row.expiresAt !== null && { expiresAt: row.expiresAt }),
  };
}
