import { type ClientId, type Instant, isId } from '../core/ids.ts';
import { Problem } from '../core/problems.ts';
import { redirectUriFault, type UriKind } from '../core/redirect-uri.ts';
import { DAY } from '../core/units.ts';
import { recordEvent } from '../events/store.ts';
import { deleteTemplatesOf } from '../mail/templates/store.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/database.ts';
import type { Queries } from '../platform/database/schema.ts';
import { newId, random } from '../platform/random.ts';
import type { Secrets } from '../platform/secrets.ts';
import { storeLogo } from '../settings/logo-store.ts';
import { lookOf, type NewLook, type WantedBranding } from './branding.ts';
import {
  type Client,
  deleteClient,
  deleteSecrets,
  findClient,
  ID_TOKEN_ALGS,
  type IdTokenAlg,
  insertClient,
  insertSecret,
  isActive,
  keepSecret,
  listClients,
  lockClient,
  type StoredSecret,
  saveLook,
  touchClient,
} from './store.ts';

/** Long enough for every server of an app to get the new secret. */
export const KEEP_OLD_SECRET = DAY;

/** A secret is not guessed, so it needs no slow hash: 256 bits. */
const SECRET_BITS = 256;
const SUFFIX_LENGTH = 4;

/** Each is read on every sign-in. */
const URIS_MAX = 20;

export interface NewClient {
  readonly name: string;
  readonly redirectUris: readonly string[];
  readonly postLogoutRedirectUris?: readonly string[];
  /** An app that cannot keep a secret: one in a browser or on a device. */
  readonly public?: boolean;
  /** By default of public clients only. */
  readonly requirePkce?: boolean;
  readonly initiateLoginUri?: string;
  readonly idTokenAlg?: string;
  readonly branding?: WantedBranding;
}

/** The relying parties and their secrets. A secret is given out once, when it is made. */
export interface Clients {
  create(wanted: NewClient): Promise<{ client: Client; clientSecret?: string }>;
  list(): Promise<Client[]>;
  show(id: string): Promise<Client>;
  /** The secret that was the newest works `keepOldFor` milliseconds longer; one older than that is dropped. */
  rotateSecret(id: string, options?: { keepOldFor?: number }): Promise<{ clientSecret: string }>;
  /** Changes what people see of it. */
  brand(id: string, look: NewLook): Promise<Client>;
  remove(id: string): Promise<void>;
}

export interface ClientParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly secrets: Secrets;
  /** Whether this deployment's issuer is on https: stricter URIs, and secrets that say `live_`. */
  readonly production: boolean;
}

export function createClients(parts: ClientParts): Clients {
  const { database, clock } = parts;
  return {
    create: (wanted) => create(parts, wanted),
    list: () => database.read(listClients),
    show: async (id) => (await database.read((q) => findClient(q, id))) ?? notFound(id),
    rotateSecret: async (id, { keepOldFor = KEEP_OLD_SECRET } = {}) => {
      const { clientSecret, stored } = makeSecret(parts, clock.now());
      await database.write((q) => rotate(q, { id, stored, keepOldFor }));
      return { clientSecret };
    },
    brand: (id, look) => database.write((q) => brand(q, { id, look, now: clock.now() })),
    remove: async (id) => {
      await database.write(async (q) => {
        const clientId = clientIdOf(id);
        if (!(await deleteClient(q, clientId))) notFound(id);
        await deleteTemplatesOf(q, clientId);
        await recordEvent(q, { type: 'client.deleted', clientId }, clock.now());
      });
    },
  };
}

async function create(
  parts: ClientParts,
  wanted: NewClient,
): Promise<{ client: Client; clientSecret?: string }> {
  const now = parts.clock.now();
  const { logos, ...look } = lookOf({ name: '', branding: {} }, { ...wanted.branding, name: wanted.name });
  const client = { ...checkedClient(wanted, parts.production, now), ...look };
  const made = client.public ? undefined : makeSecret(parts, now);
  await parts.database.write(async (q) => {
    for (const logo of logos) await storeLogo(q, logo, now);
    await insertClient(q, client);
    if (made !== undefined) await insertSecret(q, client.id, made.stored);
    await recordEvent(q, { type: 'client.created', clientId: client.id }, now);
  });
  if (made === undefined) return { client: { ...client, secrets: [] } };
  const { hash: _hash, ...shown } = made.stored;
  return { client: { ...client, secrets: [shown] }, clientSecret: made.clientSecret };
}

async function rotate(
  q: Queries,
  change: { id: string; stored: StoredSecret; keepOldFor: number },
): Promise<void> {
  const id = clientIdOf(change.id);
  const now = change.stored.createdAt;
  await lockClient(q, id);
  const client = (await findClient(q, id)) ?? notFound(change.id);
  if (client.public)
    throw new Problem('client_invalid', `${id} is a public client: it has no secret to rotate.`);
  const newest = client.secrets.find((secret) => isActive(secret, now));
  const expiresAt = Math.min(newest?.expiresAt ?? Number.POSITIVE_INFINITY, now + change.keepOldFor);
  if (newest !== undefined && expiresAt > now) await keepSecret(q, id, { id: newest.id, expiresAt });
  else await deleteSecrets(q, id);
  await insertSecret(q, id, change.stored);
  await touchClient(q, id, now);
  await recordEvent(q, { type: 'client.secret_rotated', clientId: id }, now);
}

async function brand(q: Queries, change: { id: string; look: NewLook; now: Instant }): Promise<Client> {
  const id = clientIdOf(change.id);
  await lockClient(q, id);
  const client = (await findClient(q, id)) ?? notFound(id);
  const { logos, ...look } = lookOf(client, change.look);
  const changed = { ...client, ...look, updatedAt: change.now };
  for (const logo of logos) await storeLogo(q, logo, change.now);
  await saveLook(q, changed);
  await recordEvent(q, { type: 'client.changed', clientId: id }, change.now);
  return changed;
}

function makeSecret(parts: ClientParts, now: Instant): { clientSecret: string; stored: StoredSecret } {
  const clientSecret = `${parts.production ? 'live' : 'test'}_${random.token(SECRET_BITS)}`;
  const stored = {
    id: newId('sec', now),
    hash: parts.secrets.hash('client-secret', clientSecret),
    suffix: clientSecret.slice(-SUFFIX_LENGTH),
    createdAt: now,
  };
  return { clientSecret, stored };
}

function checkedClient(
  wanted: NewClient,
  production: boolean,
  now: Instant,
): Omit<Client, 'secrets' | 'name' | 'branding'> {
  const isPublic = wanted.public ?? false;
  if (isPublic && wanted.requirePkce === false)
    throw new Problem('client_invalid', 'A public client always uses PKCE: leave require_pkce out.');
  if (wanted.redirectUris.length === 0)
    throw new Problem('client_invalid', 'A client needs at least one redirect URI.');
  const urisOf = (kind: UriKind, uris: readonly string[]) => checkedUris(uris, { kind, production });
  return {
    id: newId('skc', now),
    public: isPublic,
    redirectUris: urisOf('redirect', wanted.redirectUris),
    postLogoutRedirectUris: urisOf('post-logout', wanted.postLogoutRedirectUris ?? []),
    ...(wanted.initiateLoginUri === undefined
      ? {}
      : { initiateLoginUri: urisOf('initiate-login', [wanted.initiateLoginUri])[0] ?? '' }),
    requirePkce: wanted.requirePkce ?? isPublic,
    idTokenAlg: checkedAlg(wanted.idTokenAlg ?? 'RS256'),
    createdAt: now,
    updatedAt: now,
  };
}

function checkedUris(uris: readonly string[], rules: { kind: UriKind; production: boolean }): string[] {
  const distinct = [...new Set(uris)];
  if (distinct.length > URIS_MAX)
    throw new Problem(
      'client_invalid',
      `A client can have ${URIS_MAX} URIs of a kind, not ${distinct.length}.`,
    );
  for (const uri of distinct) {
    const fault = redirectUriFault(uri, rules);
    if (fault !== undefined)
      throw new Problem('redirect_uri_invalid', `${JSON.stringify(uri.slice(0, 300))}: ${fault}`);
  }
  return distinct;
}

function checkedAlg(text: string): IdTokenAlg {
  const alg = ID_TOKEN_ALGS.find((known) => known === text);
  if (alg !== undefined) return alg;
  throw new Problem(
    'client_invalid',
    `ID tokens cannot be signed with ${text}: choose ${ID_TOKEN_ALGS.join(', ')}.`,
  );
}

function clientIdOf(text: string): ClientId {
  return isId('skc', text) ? text : notFound(text);
}

function notFound(id: string): never {
  throw new Problem(
    'client_not_found',
    `There is no client ${id.slice(0, 60)}: \`postern client list\` shows all.`,
  );
}
