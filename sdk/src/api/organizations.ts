import type { ApiCaller, Page, PageOptions } from './caller.ts';

/** A passwordless deployment has no organizations; listing them shows that the credentials work. */
export class OrganizationClient {
  readonly #api: ApiCaller;

  constructor(api: ApiCaller) {
    this.#api = api;
  }

  listOrganization({
    pageSize,
    pageToken,
    ...call
  }: PageOptions = {}): Promise<
    Page & { readonly organizations: readonly unknown[]; readonly totalSize: number }
  > {
    return this.#api.call({ method: 'GET', path: '/organizations', query: { pageSize, pageToken }, call });
  }
}
