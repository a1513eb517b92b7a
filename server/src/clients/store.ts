import type { BrandColours } from '../core/branding/accents.ts';
import { type ClientId, type Instant, isId, type SecretId } from '../core/ids.ts';
import { locked } from '../platform/database/database.ts';
import { pageOf } from '../platform/database/page-of.ts';
import type { Queries } from '../platform/database/schema.ts';
import type { Page } from '../platform/paging.ts';

export const ID_TOKEN_ALGS = ['RS256', 'ES256', 'EdDSA'] as const;
export type IdTokenAlg = (typeof ID_TOKEN_ALGS)[number];

/** The contract's words: a server's app, one in a browser, one on a device; `ENV` was never given a kind. */
export const CLIENT_KINDS = ['ENV', 'WEB_APP', 'SPA', 'NTV'] as const;
export type ClientKind = (typeof CLIENT_KINDS)[number];

export const GRANT_TYPES = ['authorization_code', 'refresh_token', 'client_credentials'] as const;
export type GrantType = (typeof GRANT_TYPES)[number];

/** What may be shown of a secret; the secret itself is shown once, when it is made. */
export interface ClientSecret {
  readonly id: SecretId;
  /** Its last characters, to tell it from another one. */
  readonly suffix: string;
  readonly createdAt: Instant;
  readonly expiresAt?: Instant;
  /** Taken out of use; it can be put back. */
  readonly inactive: boolean;
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
  readonly kind: ClientKind;
  readonly public: boolean;
  readonly redirectUris: string[];
  readonly postLogoutRedirectUris: string[];
  readonly initiateLoginUri?: string;
  /** Told when a session ends. */
  readonly backChannelLogoutUris: string[];
  readonly requirePkce: boolean;
  readonly grantTypes: GrantType[];
  /** In place of the setting. */
  readonly accessTokenSeconds?: number;
  /** May call the API with a token of its own; a public client never may. */
  readonly apiAccess: boolean;
  /** The owner's own: it may sign people in on pages of its own. */
  readonly firstParty: boolean;
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

/** Newest first: a page and one more, as `paged` wants it. */
export async function clientPage(q: Queries, page: Page, kinds: readonly ClientKind[]): Promise<Client[]> {
  const ids = await pageOf(ofKinds(q, kinds).select('id'), page);
  if (ids.length === 0) return [];
  const wanted = ids.map(({ id }) => id);
  return clientsOf(
    await selectClients(q).where('clients.id', 'in', wanted).orderBy('clients.id', 'desc').execute(),
  );
}

export async function countClients(q: Queries, kinds: readonly ClientKind[]): Promise<number> {
  const row = await ofKinds(q, kinds)
    .select((e) => e.fn.countAll().as('count'))
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

/** All where no kind is named. */
function ofKinds(q: Queries, kinds: readonly ClientKind[]) {
  const clients = q.selectFrom('clients');
  if (kinds.length === 0) return clients;
  return clients.where((e) =>
    e.or([
      e('kind', 'in', [...kinds]),
      ...(kinds.includes('ENV') ? [e.and([e('kind', 'is', null), e('public', '=', 0)])] : []),
      ...(kinds.includes('SPA') ? [e.and([e('kind', 'is', null), e('public', '=', 1)])] : []),
    ]),
  );
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
      branding: JSON.stringify(client.branding),
      created_at: client.createdAt,
      ...changeable(client),
    })
    .execute();
}

/** All that an owner decides of a client, but its look. */
export async function saveClient(q: Queries, client: Omit<Client, 'secrets'>): Promise<void> {
  await q
    .updateTable('clients')
    .set({ name: client.name, ...changeable(client) })
    .where('id', '=', client.id)
    .execute();
}

function changeable(client: Omit<Client, 'secrets'>) {
  const backChannel = client.backChannelLogoutUris;
  return {
    kind: client.kind === 'ENV' ? null : client.kind,
    redirect_uris: JSON.stringify(client.redirectUris),
    post_logout_redirect_uris: JSON.stringify(client.postLogoutRedirectUris),
    initiate_login_uri: client.initiateLoginUri ?? null,
    back_channel_logout_uris: backChannel.length === 0 ? null : JSON.stringify(backChannel), // null: nobody listens
    require_pkce: Number(client.requirePkce),
    grant_types: JSON.stringify(client.grantTypes),
    id_token_alg: client.idTokenAlg,
    access_token_seconds: client.accessTokenSeconds ?? null,
    api_access: Number(client.apiAccess),
    first_party: Number(client.firstParty),
    updated_at: client.updatedAt,
  };
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
      inactive: Number(secret.inactive),
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

export async function deleteSecret(q: Queries, id: SecretId): Promise<void> {
  await q.deleteFrom('client_secrets').where('id', '=', id).execute();
}

export async function setSecretInactive(q: Queries, id: SecretId, inactive: boolean): Promise<void> {
  await q
    .updateTable('client_secrets')
    .set({ inactive: Number(inactive) })
    .where('id', '=', id)
    .execute();
}

export function isActive(secret: ClientSecret, now: Instant): boolean {
  return !secret.inactive && (secret.expiresAt === undefined || secret.expiresAt > now);
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
      'clients.kind',
      'clients.back_channel_logout_uris',
      'clients.grant_types',
      'clients.access_token_seconds',
      'clients.api_access',
      'clients.first_party',
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
      'client_secrets.inactive as secret_inactive',
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
    kind: kindOf(row),
    public: row.public === 1,
    redirectUris: JSON.parse(row.redirect_uris),
    postLogoutRedirectUris: JSON.parse(row.post_logout_redirect_uris),
    ...(row.initiate_login_uri === null ? {} : { initiateLoginUri: row.initiate_login_uri }),
    backChannelLogoutUris: JSON.parse(row.back_channel_logout_uris ?? '[]'),
    requirePkce: row.require_pkce === 1,
    grantTypes: grantsOf(row),
    ...(row.access_token_seconds === null ? {} : { accessTokenSeconds: row.access_token_seconds }),
    apiAccess: row.public === 0 && row.api_access !== 0,
    firstParty: row.first_party === 1,
    idTokenAlg: ID_TOKEN_ALGS.find((alg) => alg === row.id_token_alg) ?? 'RS256',
    branding: JSON.parse(row.branding ?? '{}'),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    secrets,
  };
}

function grantsOf(row: Row): GrantType[] {
  if (row.grant_types !== null) return JSON.parse(row.grant_types);
  return GRANT_TYPES.filter((type) => row.public === 0 || type !== 'client_credentials');
}

function kindOf(row: Row): ClientKind {
  const fallback = row.public === 1 ? 'SPA' : 'ENV';
  return CLIENT_KINDS.find((kind) => kind === row.kind) ?? fallback;
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
    inactive: row.secret_inactive === 1,
  };
}

function idOf<P extends string>(prefix: P, value: string): `${P}_${string}` {
  if (!isId(prefix, value)) throw new Error(`the database holds ${value} where ${prefix}_… belongs`);
  return value;
}
