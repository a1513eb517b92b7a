import { type ClientId, type Instant, isId, type SecretId } from '../core/ids.ts';
import { Problem } from '../core/problems.ts';
import { recordEvent } from '../events/store.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/database.ts';
import type { Queries } from '../platform/database/schema.ts';
import { newId, random } from '../platform/random.ts';
import type { Secrets } from '../platform/secrets.ts';
import {
  type Client,
  type ClientSecret,
  deleteSecret,
  deleteSecrets,
  findClient,
  insertSecret,
  isActive,
  keepSecret,
  lockClient,
  type StoredSecret,
  setSecretInactive,
  touchClient,
} from './store.ts';

/** A secret is not guessed, so it needs no slow hash: 256 bits. */
const SECRET_BITS = 256;
const SUFFIX_LENGTH = 4;

/** The one in use and the one that takes its place: a third would be one that everybody has forgotten. */
const ACTIVE_MAX = 2;

/** Inactive ones count too: each is a row that the token endpoint reads. */
const SECRETS_MAX = 10;

export interface SecretParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly secrets: Secrets;
  /** Whether this deployment's issuer is on https: secrets then say `live_`. */
  readonly production: boolean;
}

export interface MadeSecret {
  /** Told once. */
  readonly clientSecret: string;
  readonly stored: StoredSecret;
}

export function makeSecret(parts: SecretParts, now: Instant): MadeSecret {
  const clientSecret = `${parts.production ? 'live' : 'test'}_${random.token(SECRET_BITS)}`;
  const stored = {
    id: newId('sec', now),
    hash: parts.secrets.hash('client-secret', clientSecret),
    suffix: clientSecret.slice(-SUFFIX_LENGTH),
    createdAt: now,
    inactive: false,
  };
  return { clientSecret, stored };
}

export function withoutHash({ hash: _hash, ...shown }: StoredSecret): ClientSecret {
  return shown;
}

/** A secret beside the one in use, for as long as both are wanted. */
export async function addSecret(
  parts: SecretParts,
  id: string,
): Promise<{ clientSecret: string; secret: ClientSecret }> {
  const { clientSecret, stored } = makeSecret(parts, parts.clock.now());
  await parts.database.write(async (q) => {
    const client = await confidentialClient(q, id);
    if (client.secrets.length >= SECRETS_MAX)
      throw new Problem('client_invalid', `A client keeps ${SECRETS_MAX} secrets at most: delete one first.`);
    requireRoom(client, stored.createdAt);
    await insertSecret(q, client.id, stored);
    await touchClient(q, client.id, stored.createdAt);
    await recordEvent(q, { type: 'client.secret_added', clientId: client.id }, stored.createdAt);
  });
  return { clientSecret, secret: withoutHash(stored) };
}

/** Takes a secret out of use, or puts it back. */
export async function changeSecret(
  parts: SecretParts,
  change: { clientId: string; secretId: string; inactive: boolean },
): Promise<ClientSecret> {
  const now = parts.clock.now();
  return parts.database.write(async (q) => {
    const client = await confidentialClient(q, change.clientId);
    const secret = wantedSecret(client, change.secretId);
    if (secret.inactive === change.inactive) return secret;
    if (!change.inactive) requireRoom(client, now);
    await setSecretInactive(q, secret.id, change.inactive);
    await touchClient(q, client.id, now);
    const type = change.inactive ? 'client.secret_disabled' : 'client.secret_enabled';
    await recordEvent(q, { type, clientId: client.id }, now);
    return { ...secret, inactive: change.inactive };
  });
}

export async function removeSecret(
  parts: SecretParts,
  of: { clientId: string; secretId: string },
): Promise<void> {
  const now = parts.clock.now();
  await parts.database.write(async (q) => {
    const client = await confidentialClient(q, of.clientId);
    await deleteSecret(q, wantedSecret(client, of.secretId).id);
    await touchClient(q, client.id, now);
    await recordEvent(q, { type: 'client.secret_removed', clientId: client.id }, now);
  });
}

/** The newest secret works `keepOldFor` milliseconds longer; one older than that is dropped. */
export async function rotateSecret(
  parts: SecretParts,
  { id, keepOldFor }: { id: string; keepOldFor: number },
): Promise<{ clientSecret: string }> {
  const { clientSecret, stored } = makeSecret(parts, parts.clock.now());
  await parts.database.write((q) => rotate(q, { id, stored, keepOldFor }));
  return { clientSecret };
}

async function rotate(
  q: Queries,
  change: { id: string; stored: StoredSecret; keepOldFor: number },
): Promise<void> {
  const now = change.stored.createdAt;
  const client = await confidentialClient(q, change.id);
  const newest = client.secrets.find((secret) => isActive(secret, now));
  const expiresAt = Math.min(newest?.expiresAt ?? Number.POSITIVE_INFINITY, now + change.keepOldFor);
  if (newest !== undefined && expiresAt > now) await keepSecret(q, client.id, { id: newest.id, expiresAt });
  else await deleteSecrets(q, client.id);
  await insertSecret(q, client.id, change.stored);
  await touchClient(q, client.id, now);
  await recordEvent(q, { type: 'client.secret_rotated', clientId: client.id }, now);
}

function requireRoom(client: Client, now: Instant): void {
  const active = client.secrets.filter((secret) => isActive(secret, now));
  if (active.length < ACTIVE_MAX) return;
  throw new Problem(
    'client_invalid',
    `${client.id} has ${ACTIVE_MAX} active secrets already: make one inactive, or delete it, first.`,
  );
}

async function confidentialClient(q: Queries, id: string): Promise<Client> {
  if (isId('skc', id)) await lockClient(q, id);
  const client = (await findClient(q, id)) ?? clientNotFound(id);
  if (client.public)
    throw new Problem('client_invalid', `${client.id} is a public client: it has no secret to rotate.`);
  return client;
}

function wantedSecret(client: Client, id: string): ClientSecret & { id: SecretId } {
  const secret = client.secrets.find((one) => one.id === id);
  if (secret !== undefined) return secret;
  throw new Problem('client_secret_not_found', `${client.id} has no secret ${id.slice(0, 60)}.`);
}

export function clientIdOf(text: string): ClientId {
  return isId('skc', text) ? text : clientNotFound(text);
}

export function clientNotFound(id: string): never {
  throw new Problem(
    'client_not_found',
    `There is no client ${id.slice(0, 60)}: \`postern client list\` shows all.`,
  );
}
