import type { ApiCaller, Page, PageOptions } from './caller.ts';

export interface EventFilter {
  readonly eventTypes?: readonly string[] | undefined;
  readonly startTime?: Date | undefined;
  readonly endTime?: Date | undefined;
  readonly authRequestId?: string | undefined;
  readonly connectionId?: string | undefined;
  readonly organizationId?: string | undefined;
}

export interface Event {
  readonly id: string;
  readonly type: string;
  readonly specVersion: string;
  readonly displayName: string;
  readonly environmentId: string;
  /** The kind of thing it is about, such as `User`. */
  readonly object: string;
  readonly occurredAt: Date;
  /** As the server wrote it: its keys are not respelled. */
  readonly data: Readonly<Record<string, unknown>>;
}

export interface EventsPage extends Page {
  readonly events: readonly Event[];
}

export interface EventsOptions extends PageOptions {
  readonly filter?: EventFilter | undefined;
}

/** What happened, newest first. */
export class EventsClient {
  readonly #api: ApiCaller;

  constructor(api: ApiCaller) {
    this.#api = api;
  }

  listEventsPaginated(
    size?: number | EventsOptions,
    token?: string,
    chosen?: EventFilter,
  ): Promise<EventsPage> {
    const { pageSize, pageToken, filter, ...call }: EventsOptions =
      typeof size === 'object' ? size : { pageSize: size, pageToken: token, filter: chosen };
    const query = { pageSize, pageToken };
    return this.#api.call({ method: 'POST', path: '/events/paginated', query, body: { ...filter }, call });
  }
}
