import { type FieldMask, timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import {
  ClientSecretStatus,
  type ClientService,
  type CreateClient,
  type UpdateClient,
} from '../../../generated/scalekit/v1/clients/clients_pb.js';
import type { ClientChange, Clients, NewClient } from '../../clients/clients.ts';
import type { Client, ClientKind, ClientSecret } from '../../clients/store.ts';
import { CLIENT_KINDS } from '../../clients/store.ts';
import type { Violation } from '../../core/problems.ts';
import { readPage } from '../../platform/paging.ts';
import { fieldsRefused, requireFields } from '../../platform/violations.ts';
import type { ApiParts } from '../parts.ts';

const PAGE = { usual: 10, max: 30 };

/** Every client has these, and no others. */
const SCOPES: readonly string[] = ['openid', 'profile', 'email', 'offline_access'];

/** The apps that sign people in. Whoever may call the API manages the whole deployment, other apps and itself included. */
export function clientsService({ clients }: Pick<ApiParts, 'clients'>): ServiceImpl<typeof ClientService> {
  return {
    listClient: async ({ pageSize, pageToken, filter }) => {
      const page = readPage({ size: pageSize, token: pageToken }, PAGE);
      const found = await clients.page(page, kindsOf(filter?.clientType ?? []));
      return {
        clients: found.rows.map((client) => shown(client)),
        nextPageToken: found.nextToken,
        prevPageToken: found.prevToken,
        totalSize: found.total,
      };
    },
    createClient: async ({ client }) => {
      const made = await clients.create(newOf(client));
      return { client: shown(made.client, made.clientSecret) };
    },
    getClient: async ({ clientId }) => ({ client: shown(await clients.show(clientId)) }),
    updateClient: async ({ clientId, client, mask }) => ({
      client: shown(await clients.update(clientId, client ? changeOf(client, mask) : {})),
    }),
    deleteClient: async ({ clientId }) => {
      await clients.remove(clientId);
      return {};
    },
    ...secretMethods(clients),
  };
}

function secretMethods(clients: Clients) {
  return {
    createClientSecret: async ({ clientId }: { clientId: string }) => {
      const { clientSecret, secret } = await clients.addSecret(clientId);
      return { plainSecret: clientSecret, secret: shownSecret(secret, clientSecret) };
    },
    updateClientSecret: async (change: SecretChange) => {
      const { clientId, secretId, secret } = change;
      const status = requiredStatus(secret?.status, change.mask);
      const inactive = status === ClientSecretStatus.INACTIVE;
      return { secret: shownSecret(await clients.changeSecret({ clientId, secretId, inactive })) };
    },
    deleteClientSecret: async ({ clientId, secretId }: { clientId: string; secretId: string }) => {
      await clients.removeSecret({ clientId, secretId });
      return {};
    },
  };
}

interface SecretChange {
  readonly clientId: string;
  readonly secretId: string;
  readonly secret?: { readonly status: ClientSecretStatus } | undefined;
  readonly mask?: FieldMask | undefined;
}

function requiredStatus(
  status: ClientSecretStatus | undefined,
  mask: FieldMask | undefined,
): ClientSecretStatus {
  maskOf(mask, ['status']);
  if (status === ClientSecretStatus.ACTIVE || status === ClientSecretStatus.INACTIVE) return status;
  throw fieldsRefused([
    { field: 'secret.status', description: 'is not ACTIVE or INACTIVE', constraint: 'in' },
  ]);
}

function newOf(client: CreateClient | undefined): NewClient {
  if (client === undefined)
    throw fieldsRefused([{ field: 'client', description: 'is missing', constraint: 'required' }]);
  requireKnown(client);
  return {
    name: client.name,
    kind: client.clientType || 'WEB_APP',
    redirectUris: client.postLoginUris,
    postLogoutRedirectUris: client.postLogoutRedirectUris,
    backChannelLogoutUris: client.backChannelLogoutUris,
    initiateLoginUri: client.initiateLoginUri,
    accessTokenSeconds: Number(client.accessTokenExpiry),
    apiAccess: client.disallowScalekitApiAccess === undefined ? undefined : !client.disallowScalekitApiAccess,
    grantTypes: client.grantTypes,
    requirePkce: client.enforcePkce,
  };
}

const CHANGEABLE = [
  'name',
  'post_login_uris',
  'post_logout_redirect_uris',
  'back_channel_logout_uris',
  'initiate_login_uri',
  'access_token_expiry',
  'disallow_scalekit_api_access',
  'grant_types',
  'enforce_pkce',
  'scopes',
  'custom_claims',
] as const;

/** Without a mask what is not empty counts as sent; with one, what it names is set as it is, to nothing too. */
function changeOf(client: UpdateClient, fieldMask: FieldMask | undefined): ClientChange {
  requireKnown(client);
  const mask = maskOf(fieldMask, CHANGEABLE);
  const sent = <T>(path: (typeof CHANGEABLE)[number], value: T, isFilled: boolean): T | undefined =>
    (mask ? mask.includes(path) : isFilled) ? value : undefined;
  const list = (path: (typeof CHANGEABLE)[number], values: string[]) => sent(path, values, values.length > 0);
  const isShut = sent('disallow_scalekit_api_access', client.disallowScalekitApiAccess, true);
  const seconds = Number(client.accessTokenExpiry);
  return {
    name: sent('name', client.name, client.name !== ''),
    redirectUris: list('post_login_uris', client.postLoginUris),
    postLogoutRedirectUris: list('post_logout_redirect_uris', client.postLogoutRedirectUris),
    backChannelLogoutUris: list('back_channel_logout_uris', client.backChannelLogoutUris),
    initiateLoginUri: sent('initiate_login_uri', client.initiateLoginUri ?? (mask && ''), true),
    accessTokenSeconds: sent('access_token_expiry', seconds, seconds !== 0),
    apiAccess: isShut === undefined ? undefined : !isShut,
    grantTypes: list('grant_types', client.grantTypes),
    requirePkce: sent('enforce_pkce', client.enforcePkce, true),
  };
}

/** The paths of a mask, whether or not they begin with the field that they are in; undefined when there is none. */
function maskOf(mask: FieldMask | undefined, known: readonly string[]): string[] | undefined {
  if (mask === undefined || mask.paths.length === 0) return undefined;
  const paths = mask.paths.map((path) => path.replace(/^(?:client|secret)\./, ''));
  const unknown = paths.filter((path) => !known.includes(path));
  requireFields(
    unknown.map((path) => ({
      field: 'mask',
      description: `names ${JSON.stringify(path.slice(0, 60))}, which cannot be changed`,
      constraint: 'in',
    })),
  );
  return paths;
}

/** Refuses what this deployment would have to ignore. */
function requireKnown(client: CreateClient | UpdateClient): void {
  const violations: Violation[] = [];
  if (client.scopes.some((scope) => !SCOPES.includes(scope)))
    violations.push({
      field: 'client.scopes',
      description: `has one that is not here: ${SCOPES.join(', ')} are`,
      constraint: 'in',
    });
  if (client.customClaims.length > 0)
    violations.push({
      field: 'client.custom_claims',
      description: 'is not empty, and tokens have no claims of an app here',
      constraint: 'max_items',
    });
  requireFields(violations);
}

function kindsOf(names: readonly string[]): ClientKind[] {
  const kinds = CLIENT_KINDS.filter((kind) => names.includes(kind));
  if (kinds.length === new Set(names).size) return kinds;
  const description = `has one that is none: choose ${CLIENT_KINDS.join(', ')}`;
  throw fieldsRefused([{ field: 'filter.client_type', description, constraint: 'in' }]);
}

/** With the secret that was just made, where one was. */
function shown(client: Client, plainSecret?: string) {
  return {
    id: client.id,
    keyId: client.id,
    createTime: timestampFromMs(client.createdAt),
    updateTime: timestampFromMs(client.updatedAt),
    name: client.name,
    clientType: client.kind,
    secrets: client.secrets.map((secret) => shownSecret(secret, plainSecret)),
    postLoginUris: client.redirectUris,
    postLogoutRedirectUris: client.postLogoutRedirectUris,
    backChannelLogoutUris: client.backChannelLogoutUris,
    initiateLoginUri: client.initiateLoginUri ?? '',
    scopes: [...SCOPES],
    customClaims: [],
    disallowScalekitApiAccess: !client.apiAccess,
    grantTypes: client.grantTypes,
    enforcePkce: client.requirePkce,
    ...(client.accessTokenSeconds !== undefined && { accessTokenExpiry: BigInt(client.accessTokenSeconds) }),
  };
}

function shownSecret(secret: ClientSecret, plainSecret?: string) {
  return {
    id: secret.id,
    createTime: timestampFromMs(secret.createdAt),
    updateTime: timestampFromMs(secret.createdAt),
    secretSuffix: secret.suffix,
    status: secret.inactive ? ClientSecretStatus.INACTIVE : ClientSecretStatus.ACTIVE,
    ...(secret.expiresAt !== undefined && { expireTime: timestampFromMs(secret.expiresAt) }),
    ...(plainSecret !== undefined && { plainSecret }),
  };
}
