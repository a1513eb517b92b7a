import type { ApiCaller, Page, PageOptions } from './caller.ts';

export type AuthRequestStatus = 'INITIATED' | 'PENDING' | 'SUCCESS' | 'FAILED';

export interface AuthRequest {
  readonly authRequestId: string;
  readonly email: string;
  readonly status: AuthRequestStatus;
  readonly timestamp: Date;
  readonly workflow: string;
  readonly connectionId: string;
  readonly connectionType: string;
  readonly clientId: string;
  readonly clientName: string;
  readonly clientType: string;
}

export interface AuthRequestsOptions extends PageOptions {
  readonly email?: string | undefined;
  readonly status?: readonly AuthRequestStatus[] | undefined;
  readonly startTime?: Date | undefined;
  readonly endTime?: Date | undefined;
  readonly clientId?: string | undefined;
}

/** How sign-ins went, one line for each. */
export class AuditLogsClient {
  readonly #api: ApiCaller;

  constructor(api: ApiCaller) {
    this.#api = api;
  }

  listAuthRequests(
    options: AuthRequestsOptions = {},
  ): Promise<Page & { readonly authRequests: readonly AuthRequest[]; readonly totalSize: number }> {
    const { signal, timeoutMs, ...query } = options;
    const call = { signal, timeoutMs };
    return this.#api.call({ method: 'GET', path: '/logs/authentication/requests', query, call });
  }
}
