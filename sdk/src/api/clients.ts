import type { CallOptions } from '../http.ts';
import { type ApiCaller, type Page, type PageOptions, pathOf } from './caller.ts';

export interface ClientSecret {
  readonly id: string;
  readonly secretSuffix: string;
  readonly status: 'ACTIVE' | 'INACTIVE';
  readonly createTime?: Date;
  readonly expireTime?: Date;
  readonly lastUsedTime?: Date;
  /** Only in the answer that makes it. */
  readonly plainSecret?: string;
}

export interface ClientChanges {
  readonly name?: string | undefined;
  /** Where people may be sent back to after a sign-in. */
  readonly postLoginUris?: readonly string[] | undefined;
  readonly postLogoutRedirectUris?: readonly string[] | undefined;
  readonly backChannelLogoutUris?: readonly string[] | undefined;
  readonly initiateLoginUri?: string | undefined;
  /** Seconds. */
  readonly accessTokenExpiry?: number | undefined;
  readonly scopes?: readonly string[] | undefined;
  readonly grantTypes?: readonly string[] | undefined;
  readonly disallowScalekitApiAccess?: boolean | undefined;
  readonly enforcePkce?: boolean | undefined;
}

export interface NewClient extends ClientChanges {
  readonly name: string;
  readonly clientType?: 'WEB_APP' | 'SPA' | 'NTV' | undefined;
}

/** An app that signs people in. */
export interface RegisteredClient {
  readonly id: string;
  readonly name: string;
  readonly clientType: string;
  readonly secrets: readonly ClientSecret[];
  readonly postLoginUris: readonly string[];
  readonly postLogoutRedirectUris: readonly string[];
  readonly backChannelLogoutUris: readonly string[];
  readonly initiateLoginUri: string;
  readonly accessTokenExpiry?: number;
  readonly scopes: readonly string[];
  readonly grantTypes: readonly string[];
  readonly disallowScalekitApiAccess: boolean;
  readonly enforcePkce: boolean;
  readonly createTime?: Date;
  readonly updateTime?: Date;
}

export interface ClientResponse {
  readonly client: RegisteredClient;
}

/** Registered apps and their secrets. */
export class ClientsClient {
  readonly #api: ApiCaller;

  constructor(api: ApiCaller) {
    this.#api = api;
  }

  listClients({
    pageSize,
    pageToken,
    ...call
  }: PageOptions = {}): Promise<
    Page & { readonly clients: readonly RegisteredClient[]; readonly totalSize: number }
  > {
    return this.#api.call({ method: 'GET', path: '/clients', query: { pageSize, pageToken }, call });
  }

  getClient(clientId: string, call?: CallOptions): Promise<ClientResponse> {
    return this.#api.call({ method: 'GET', path: pathOf`/clients/${clientId}`, call });
  }

  createClient(client: NewClient, call?: CallOptions): Promise<ClientResponse> {
    return this.#api.call({ method: 'POST', path: '/clients', body: { ...client }, call });
  }

  /** What is left out stays as it is; an empty list or text takes away what was there. */
  updateClient(clientId: string, changes: ClientChanges, call?: CallOptions): Promise<ClientResponse> {
    const given = Object.entries(changes).filter(([, value]) => value !== undefined);
    const query = { mask: given.map(([name]) => name).join(',') };
    const path = pathOf`/clients/${clientId}`;
    return this.#api.call({ method: 'PATCH', path, query, body: { ...changes }, call });
  }

  async deleteClient(clientId: string, call?: CallOptions): Promise<void> {
    await this.#api.call({ method: 'DELETE', path: pathOf`/clients/${clientId}`, call });
  }

  /** A client has at most two secrets at once. This one is shown here and never again, and works within a second. */
  createClientSecret(
    clientId: string,
    call?: CallOptions,
  ): Promise<{ readonly plainSecret: string; readonly secret: ClientSecret }> {
    return this.#api.call({ method: 'POST', path: pathOf`/clients/${clientId}/secrets`, call });
  }

  updateClientSecret(
    of: { readonly clientId: string; readonly secretId: string },
    changes: { readonly status: 'ACTIVE' | 'INACTIVE' },
    call?: CallOptions,
  ): Promise<{ readonly secret: ClientSecret }> {
    const path = pathOf`/clients/${of.clientId}/secrets/${of.secretId}`;
    return this.#api.call({ method: 'PATCH', path, body: { ...changes }, call });
  }

  async deleteClientSecret(clientId: string, secretId: string, call?: CallOptions): Promise<void> {
    await this.#api.call({ method: 'DELETE', path: pathOf`/clients/${clientId}/secrets/${secretId}`, call });
  }
}
