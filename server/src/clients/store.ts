import type { BrandColours } from '../core/branding/accents.ts';
import { type ClientId, type Instant, isId, type SecretId } from '../core/ids.ts';
import { locked } from '../platform/database/database.ts';
import type { Queries } from '../platform/database/schema.ts';

export const ID_TOKEN_ALGS = ['RS256', 'ES256', 'EdDSA'] as const;
export type IdTokenAlg = (typeof ID_TOKEN_ALGS)[number];

/** What may be shown of a secret; the secret itself is shown once, when it is made. */
export interface ClientSecret {
  readonly id: SecretId;
  /** Its last characters, to tell it from another one. */
  readonly suffix: string;
  readonly createdAt: Instant;
  readonly expiresAt?: Instant;
}

/** What a client shows in place of the deployment's own. */
export interface Branding extends BrandColours {
  /** The id of a logo. */
  readonly logo?: string | undefined;
  readonly logoDark?: string | undefined;
}

export interface Client {
  readonly id: ClientId;
  readonly name: string;
  readonly public: boolean;
  readonly redirectUris: string[];
  readonly postLogoutRedirectUris: string[];
  readonly initiateLoginUri?: string;
  readonly requirePkce: boolean;
  readonly idTokenAlg: IdTokenAlg;
  readonly branding: Branding;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
  /** Newest first; expired ones too, until they are pruned. */
  readonly secrets: ClientSecret[];
}

export interface StoredSecret extends ClientSecret {
  readonly hash: string;
}

/** Undefined also for a text that is no id: it never reaches the database. */
export async function findClient(q: Queries, id: string): Promise<Client | undefined> {
  return clientsOf(await rowsOf(q, id))[0];
}

/** One query: what the token endpoint needs to know of a client. */
export async function findClientWithSecrets(
  q: Queries,
  id: string,
  now: Instant,
): Promise<{ client: Client; secretHashes: string[] } | undefined> {
  const rows = await rowsOf(q, id);
  const [client] = clientsOf(rows);
  if (client === undefined) return undefined;
  const active = secretsOf(rows).filter((secret) => isActive(secret, now));
  return { client, secretHashes: active.map(({ hash }) => hash) };
}

export async function activeSecretHashes(q: Queries, id: string, now: Instant): Promise<string[]> {
  return (await findClientWithSecrets(q, id, now))?.secretHashes ?? [];
}

/** Oldest client first. */
export async function listClients(q: Queries): Promise<Client[]> {
  return clientsOf(await selectClients(q).orderBy('clients.id').execute());
}

export async function insertClient(q: Queries, client: Omit<Client, 'secrets'>): Promise<void> {
  await q
    .insertInto('clients')
    .values({
      id: client.id,
      name: client.name,
      public: Number(client.public),
      redirect_uris: JSON.stringify(client.redirectUris),
      post_logout_redirect_uris: JSON.stringify(client.postLogoutRedirectUris),
      initiate_login_uri: client.initiateLoginUri ?? null,
      require_pkce: Number(client.requirePkce),
      id_token_alg: client.idTokenAlg,
      branding: JSON.stringify(client.branding),
      created_at: client.createdAt,
      updated_at: client.updatedAt,
    })
    .execute();
}

/** What people see of a client. */
export async function saveLook(
  q: Queries,
  client: Pick<Client, 'id' | 'name' | 'branding' | 'updatedAt'>,
): Promise<void> {
  const { id, name, branding, updatedAt } = client;
  await q
    .updateTable('clients')
    .set({ name, branding: JSON.stringify(branding), updated_at: updatedAt })
    .where('id', '=', id)
    .execute();
}

/** Holds other changes of this client back until the transaction ends; says whether it exists. */
export async function lockClient(q: Queries, id: string): Promise<boolean> {
  const row = locked(q, q.selectFrom('clients').select('id').where('id', '=', id));
  return (await row.executeTakeFirst()) !== undefined;
}

export async function touchClient(q: Queries, id: string, at: Instant): Promise<void> {
  await q.updateTable('clients').set({ updated_at: at }).where('id', '=', id).execute();
}

/** Its secrets go with it. */
export async function deleteClient(q: Queries, id: string): Promise<boolean> {
  const { numDeletedRows } = await q.deleteFrom('clients').where('id', '=', id).executeTakeFirstOrThrow();
  return numDeletedRows > 0n;
}

export async function insertSecret(q: Queries, clientId: ClientId, secret: StoredSecret): Promise<void> {
  await q
    .insertInto('client_secrets')
    .values({
      id: secret.id,
      client_id: clientId,
      hash: secret.hash,
      suffix: secret.suffix,
      created_at: secret.createdAt,
      expires_at: secret.expiresAt ?? null,
    })
    .execute();
}

/** Keeps one of a client's secrets, until `expiresAt`, and drops the others. */
export async function keepSecret(
  q: Queries,
  clientId: ClientId,
  kept: { id: SecretId; expiresAt: Instant },
): Promise<void> {
  await q.deleteFrom('client_secrets').where('client_id', '=', clientId).where('id', '!=', kept.id).execute();
  await q
    .updateTable('client_secrets')
    .set({ expires_at: kept.expiresAt })
    .where('id', '=', kept.id)
    .execute();
}

export async function deleteSecrets(q: Queries, clientId: ClientId): Promise<void> {
  await q.deleteFrom('client_secrets').where('client_id', '=', clientId).execute();
}

export function isActive(secret: ClientSecret, now: Instant): boolean {
  return secret.expiresAt === undefined || secret.expiresAt > now;
}

/** One row per secret, or one with empty columns. */
function selectClients(q: Queries) {
  return q
    .selectFrom('clients')
    .leftJoin('client_secrets', 'client_secrets.client_id', 'clients.id')
    .select([
      'clients.id',
      'clients.name',
      'clients.public',
      'clients.redirect_uris',
      'clients.post_logout_redirect_uris',
      'clients.initiate_login_uri',
      'clients.require_pkce',
      'clients.id_token_alg',
      'clients.branding',
      'clients.created_at',
      'clients.updated_at',
      'client_secrets.id as secret_id',
      'client_secrets.hash as secret_hash',
      'client_secrets.suffix as secret_suffix',
      'client_secrets.created_at as secret_created_at',
      'client_secrets.expires_at as secret_expires_at',
    ]);
}

async function rowsOf(q: Queries, id: string): Promise<Row[]> {
  return isId('skc', id) ? selectClients(q).where('clients.id', '=', id).execute() : [];
}

type Row = Awaited<ReturnType<ReturnType<typeof selectClients>['execute']>>[number];

function clientsOf(rows: Row[]): Client[] {
  const byId = Map.groupBy(rows, (row) => row.id);
  return [...byId.values()].flatMap((group) => (group[0] === undefined ? [] : [clientOf(group[0], group)]));
}

function clientOf(row: Row, group: Row[]): Client {
  const secrets = secretsOf(group).map(({ hash: _hash, ...shown }) => shown);
  return {
    id: idOf('skc', row.id),
    name: row.name,
    public: row.public === 1,
    redirectUris: JSON.parse(row.redirect_uris),
    postLogoutRedirectUris: JSON.parse(row.post_logout_redirect_uris),
    ...(row.initiate_login_uri === null ? {} : { initiateLoginUri: row.initiate_login_uri }),
    requirePkce: row.require_pkce === 1,
    idTokenAlg: ID_TOKEN_ALGS.find((alg) => alg === row.id_token_alg) ?? 'RS256',
    branding: JSON.parse(row.branding ?? '{}'),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    secrets,
  };
}

function secretsOf(rows: Row[]): StoredSecret[] {
  return rows
    .flatMap((row) => (row.secret_id === null ? [] : [secretOf(row, row.secret_id)]))
    .toSorted((a, b) => b.createdAt - a.createdAt || b.id.localeCompare(a.id));
}

function secretOf(row: Row, id: string): StoredSecret {
  return {
    id: idOf('sec', id),
    hash: row.secret_hash ?? '',
    suffix: row.secret_suffix ?? '',
    createdAt: row.secret_created_at ?? 0,
    ...(row.secret_expires_at === null ? {} : { expiresAt: row.secret_expires_at }),
  };
}

function idOf<P extends string>(prefix: P, value: string): `${P}_${string}` {
  if (!isId(prefix, value)) throw new Error(`the database holds ${value} where ${prefix}_… belongs`);
  return value;
}
