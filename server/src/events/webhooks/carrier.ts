import { ENVIRONMENT, type Instant } from '../../core/ids.ts';
import { DAY } from '../../core/units.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/database/database.ts';
import type { Queries } from '../../platform/database/schema.ts';
import { signedHeaders } from '../../platform/http/webhook-signature.ts';
import type { Secrets } from '../../platform/secrets.ts';
import type { Carrier, FanOut, NewDelivery, Prepare, RecordedEvent, Tried } from '../deliveries/delivery.ts';
import { openSecrets } from '../deliveries/signing-secrets.ts';
import { recordEvent } from '../store.ts';
import { disableEndpoint, enabledEndpoints, findEndpoint, noteHealth } from './store.ts';
import { displayName, isChosen, namesOf, TEST_TYPE } from './types.ts';

/** The schedule takes a day; a worker that was down for long still delivers what is younger than this. */
export const DELIVERED_WITHIN = 3 * DAY;

/** What an event says under one of its names; reads what it needs in the transaction of the fan-out. */
export type ComposeData = (
  q: Queries,
  event: RecordedEvent,
  name: string,
) => Promise<{ readonly object: string; readonly data: Readonly<Record<string, unknown>> }>;

/** One delivery for each endpoint that has chosen the type. A body is composed once, and only where it is wanted. */
export function webhookFanOut(compose: ComposeData): FanOut {
  return async (q, event) => {
    const names = namesOf(event.type);
    if (names.length === 0) return [];
    const endpoints = await enabledEndpoints(q);
    const deliveries: NewDelivery[] = [];
    for (const { name, isFamiliar } of names) {
      const targets = endpoints.filter(({ types }) => isChosen(types, name));
      if (targets.length === 0) continue;
      const id = isFamiliar ? `${event.id}1` : event.id; // two names of one event are two messages to a receiver
      const { object, data } = await compose(q, event, name);
      const body = JSON.stringify(envelope({ id, type: name, object, at: event.at, data }));
      const facts = { kind: 'webhook', eventId: id, eventType: name, body } as const;
      const notAfter = event.at + DELIVERED_WITHIN;
      deliveries.push(...targets.map(({ id: targetId }) => ({ ...facts, targetId, notAfter })));
    }
    return deliveries;
  };
}

export interface CarrierParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly local: boolean;
}

export function webhookCarrier(parts: CarrierParts): Carrier {
  return { prepare: prepareWebhook(parts), tried: noteTry };
}

/** Signs what is sent, anew for each try: the time in the signature is that of the try. */
export function prepareWebhook(parts: CarrierParts): Prepare {
  return async ({ targetId, eventId, eventType, body }) => {
    const endpoint = await parts.database.read((q) => findEndpoint(q, targetId));
    if (endpoint === undefined || !(endpoint.enabled || eventType === TEST_TYPE)) return undefined;
    const now = parts.clock.now();
    const secrets = openSecrets({ secrets: parts.secrets, owner: endpoint.id }, endpoint.secrets, now);
    if (secrets.length === 0) throw new Error('its secret cannot be opened: rotate it');
    return {
      url: endpoint.url,
      headers: {
        'content-type': 'application/json',
        ...signedHeaders(secrets, { prefix: 'webhook', id: eventId, body, now }),
      },
      body,
      reach: parts.local ? 'private' : endpoint.reach,
    };
  };
}

const noteTry: Tried = async (q, delivery, { ok, status, at }) => {
  const endpoint = await findEndpoint(q, delivery.targetId);
  if (endpoint === undefined) return;
  const about = { endpointId: endpoint.id };
  if (ok !== (endpoint.failingSince === undefined)) await noteHealth(q, endpoint.id, { ok, at });
  if (delivery.state === 'dead') {
    const dead = { ...about, deliveryId: delivery.id, eventType: delivery.eventType };
    await recordEvent(q, { type: 'webhook.delivery_dead', data: dead }, at);
  }
  if (status === 410 && (await disableEndpoint(q, endpoint.id, at)))
    await recordEvent(
      q,
      { type: 'webhook.endpoint_disabled', data: { ...about, reason: 'it answered 410' } },
      at,
    );
};

/** What `postern webhook test` sends. */
export function testBody(event: { id: string; at: Instant }): Record<string, unknown> {
  return envelope({ ...event, type: TEST_TYPE, object: 'Test', data: { message: 'This is a test.' } });
}

function envelope(of: {
  id: string;
  type: string;
  object: string;
  at: Instant;
  data: Readonly<Record<string, unknown>>;
}): Record<string, unknown> {
  return {
    spec_version: '1',
    id: of.id,
    type: of.type,
    object: of.object,
    occurred_at: new Date(of.at).toISOString(),
    environment_id: ENVIRONMENT,
    organization_id: null,
    data: of.data,
    display_name: displayName(of.type),
  };
}
