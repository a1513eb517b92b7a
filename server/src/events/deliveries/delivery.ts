import type { DeliveryId, EventId, Instant } from '../../core/ids.ts';
import type { Queries } from '../../platform/database/schema.ts';

/** What is delivered: an event to a webhook endpoint, or the end of a session to an app that asked to be told. */
export type DeliveryKind = 'webhook' | 'logout';

/** `dead`: nobody tries it again unless it is replayed. `dropped`: nobody wants it any more. */
export type DeliveryState = 'waiting' | 'sending' | 'done' | 'dead' | 'dropped';

/** An event as it was recorded. `data` is JSON. */
export interface RecordedEvent {
  readonly id: EventId;
  readonly type: string;
  readonly at: Instant;
  readonly attemptId: string | undefined;
  readonly userId: string | undefined;
  readonly clientId: string | undefined;
  readonly sessionId: string | undefined;
  readonly data: string;
}

/** Something that is to be sent. */
export interface NewDelivery {
  readonly kind: DeliveryKind;
  /** Whom it is for: an endpoint or a client. Those of one target wait for each other, not for other targets. */
  readonly targetId: string;
  readonly eventId: string;
  readonly eventType: string;
  /** What `Prepare` makes the request of. Holds no secret. */
  readonly body: string;
  /** From this instant on it is worth nothing. */
  readonly notAfter: Instant;
}

/** One try: the status that was answered, or why there was none. */
export interface Try {
  readonly at: Instant;
  readonly ms: number;
  readonly status?: number;
  readonly reason?: string;
}

export interface Delivery extends NewDelivery {
  readonly id: DeliveryId;
  readonly state: DeliveryState;
  readonly tries: number;
  readonly dueAt: Instant;
  readonly log: readonly Try[];
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
}

/** Says who is to hear of an event, inside the transaction that takes it from the queue. */
export type FanOut = (q: Queries, event: RecordedEvent) => Promise<readonly NewDelivery[]>;

export interface PreparedRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** `private` only where the owner has allowed it. */
  readonly reach?: 'public' | 'private';
}

/** Makes the request of a delivery, anew for each try and outside of any transaction. Undefined: nobody wants it any more. */
export type Prepare = (delivery: Delivery) => Promise<PreparedRequest | undefined>;

/** Told inside the transaction that settles a try. */
export type Tried = (q: Queries, delivery: Delivery, one: Try & { readonly ok: boolean }) => Promise<void>;

/** How one kind is sent. */
export interface Carrier {
  readonly prepare: Prepare;
  readonly tried?: Tried;
}

export type Carriers = Readonly<Record<DeliveryKind, Carrier>>;

/** For whoever sends one kind only. */
export const NEVER_CARRIED: Carrier = { prepare: async () => undefined };
