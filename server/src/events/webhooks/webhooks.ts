import type { EndpointId, Instant } from '../../core/ids.ts';
import { Problem } from '../../core/problems.ts';
import { DAY, HOUR } from '../../core/units.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/database/database.ts';
import type { Queries } from '../../platform/database/schema.ts';
import type { Outbound } from '../../platform/http/outbound.ts';
import type { Page, Paged } from '../../platform/paging.ts';
import { newId } from '../../platform/random.ts';
import type { Secrets } from '../../platform/secrets.ts';
import { type Delivery, type DeliveryState, NEVER_CARRIED } from '../deliveries/delivery.ts';
import { sendOnce } from '../deliveries/sending.ts';
import { makeSecret, rotateSecret } from '../deliveries/signing-secrets.ts';
import {
  countDeliveries,
  findDelivery,
  insertTrial,
  listDeliveries,
  replayDeliveries,
  settleTry,
} from '../deliveries/store.ts';
import { type Reach, targetFault } from '../deliveries/target.ts';
import { recordEvent } from '../store.ts';
import { DELIVERED_WITHIN, prepareWebhook, testBody } from './carrier.ts';
import {
  countEndpoints,
  deleteEndpoint,
  type Endpoint,
  findEndpoint,
  listEndpoints,
  lockEndpoint,
  saveEndpoint,
} from './store.ts';
import { checkTypes, TEST_TYPE } from './types.ts';

/** Each event is composed and sent for each endpoint: a deployment has few. */
const ENDPOINTS_MAX = 20;

/** One replay takes at most as many; the next one goes on. */
const REPLAY_MAX = 1000;

const KEEP_OLD_FOR = DAY;
const KEEP_OLD_MAX = 30 * DAY;
const DESCRIPTION_MAX = 200;

export interface EndpointWish {
  readonly url?: string | undefined;
  readonly types?: readonly string[] | undefined;
  readonly description?: string | undefined;
  readonly enabled?: boolean | undefined;
  /** The owner has said that the address may belong to a private network. */
  readonly private?: boolean | undefined;
}

/** An endpoint as its owner sees it. */
export type EndpointView = Omit<Endpoint, 'secrets'> & {
  readonly secrets: readonly { createdAt: Instant; expiresAt?: Instant }[];
};

export interface Webhooks {
  list(): Promise<EndpointView[]>;
  show(id: string): Promise<EndpointView & { readonly deliveries: Record<string, number> }>;
  /** The secret is shown only now. */
  create(wish: EndpointWish & { url: string }): Promise<{ endpoint: EndpointView; secret: string }>;
  update(id: string, wish: EndpointWish): Promise<EndpointView>;
  remove(id: string): Promise<void>;
  /** The old secret signs beside the new one for a day, unless said otherwise. */
  rotateSecret(id: string, keep?: { oldForMs: number }): Promise<{ endpoint: EndpointView; secret: string }>;
  /** Sends a test event at once, and says what came back; it is not tried again. */
  test(id: string): Promise<Delivery>;
  deliveries(id: string, of: { state?: DeliveryState; page: Page }): Promise<Paged<Delivery>>;
  delivery(id: string, deliveryId: string): Promise<Delivery>;
  replay(id: string, which: { delivery: string } | { deadSince: Instant }): Promise<number>;
}

export interface WebhookParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly outbound: Outbound;
  /** Development: addresses of the machine itself are allowed, over plain http too. */
  readonly local: boolean;
}

/** The owner's side of webhooks. */
export function createWebhooks(parts: WebhookParts): Webhooks {
  const { database, clock } = parts;
  const change = <T>(id: string, decide: (q: Queries, known: Endpoint) => Promise<T>) =>
    database.write(async (q) => decide(q, (await lockEndpoint(q, id)) ?? unknown(id)));
  return {
    list: async () => (await database.read(listEndpoints)).map(viewOf),
    show: (id) =>
      database.read(async (q) => {
        const endpoint = (await findEndpoint(q, id)) ?? unknown(id);
        return { ...viewOf(endpoint), deliveries: await countDeliveries(q, id) };
      }),
    create: (wish) => create(parts, wish),
    update: (id, wish) =>
      change(id, async (q, known) => {
        const next = wished(parts, known, wish);
        await saveEndpoint(q, next);
        await recordEvent(q, { type: 'webhook.endpoint_changed', data: about(next) }, next.updatedAt);
        return viewOf(next);
      }),
    remove: (id) =>
      change(id, async (q, known) => {
        await deleteEndpoint(q, known.id);
        await recordEvent(q, { type: 'webhook.endpoint_deleted', data: about(known) }, clock.now());
      }),
    rotateSecret: async (id, { oldForMs } = { oldForMs: KEEP_OLD_FOR }) => {
      requireKeepTime(oldForMs);
      return change(id, async (q, known) => {
        const at = clock.now();
        const by = { secrets: parts.secrets, owner: known.id };
        const { secret, stored } = rotateSecret(by, known.secrets, { at, keepUntil: at + oldForMs });
        const next = { ...known, secrets: stored, updatedAt: at };
        await saveEndpoint(q, next);
        await recordEvent(q, { type: 'webhook.secret_rotated', data: about(next) }, at);
        return { endpoint: viewOf(next), secret };
      });
    },
    test: (id) => sendTest(parts, id),
    deliveries: (id, of) =>
      database.read(async (q) => {
        const { id: target } = (await findEndpoint(q, id)) ?? unknown(id);
        return listDeliveries(q, { ...of, target });
      }),
    delivery: (id, deliveryId) =>
      database.read(async (q) => {
        const { id: target } = (await findEndpoint(q, id)) ?? unknown(id);
        const delivery = await findDelivery(q, deliveryId);
        return delivery?.targetId === target ? delivery : unknownDelivery(deliveryId);
      }),
    replay: (id, which) => change(id, (q, known) => replay(q, known, { which, at: clock.now() })),
  };
}

async function create(parts: WebhookParts, wish: EndpointWish & { url: string }) {
  const at = parts.clock.now();
  const id: EndpointId = newId('whk', at);
  const made = makeSecret({ secrets: parts.secrets, owner: id }, at);
  const blank = { id, types: [], description: '', enabled: true, createdAt: at, updatedAt: at } as const;
  const fresh = { ...blank, url: '', reach: 'public', secrets: [made.stored] } as const;
  const endpoint = wished(parts, fresh, { types: [], ...wish });
  await parts.database.write(async (q) => {
    if ((await countEndpoints(q)) >= ENDPOINTS_MAX)
      throw invalid(
        `There are ${ENDPOINTS_MAX} endpoints already: delete one, or choose more types for one.`,
      );
    await saveEndpoint(q, endpoint);
    await recordEvent(q, { type: 'webhook.endpoint_created', data: about(endpoint) }, at);
  });
  return { endpoint: viewOf(endpoint), secret: made.secret };
}

/** What an endpoint becomes by a wish; throws `webhook_endpoint_invalid`. */
function wished(parts: WebhookParts, known: Endpoint, wish: EndpointWish): Endpoint {
  const url = wish.url ?? known.url;
  const reach: Reach = wish.private === undefined ? known.reach : wish.private ? 'private' : 'public';
  const fault = targetFault(url, parts.local ? 'private' : reach);
  if (fault !== undefined) throw invalid(`The address ${url.slice(0, 200)} ${fault}.`);
  const description = wish.description ?? known.description;
  if (description.length > DESCRIPTION_MAX)
    throw invalid(`A description has at most ${DESCRIPTION_MAX} characters.`);
  const types = wish.types === undefined ? known.types : checkTypes(wish.types);
  const { failingSince: _since, ...rest } = known;
  const isSame = url === known.url && (wish.enabled ?? known.enabled) === known.enabled;
  return {
    ...(isSame ? known : rest),
    url,
    reach,
    description,
    types,
    enabled: wish.enabled ?? known.enabled,
    updatedAt: parts.clock.now(),
  };
}

async function sendTest(parts: WebhookParts, id: string): Promise<Delivery> {
  const { database, clock } = parts;
  const at = clock.now();
  const trial = await database.write(async (q) => {
    const { id: targetId } = (await findEndpoint(q, id)) ?? unknown(id);
    const eventId = newId('evt', at);
    const body = JSON.stringify(testBody({ id: eventId, at }));
    const facts = { kind: 'webhook', targetId, eventId, eventType: TEST_TYPE, body } as const;
    return insertTrial(q, { ...facts, notAfter: at + HOUR }, at);
  });
  const carriers = { webhook: { prepare: prepareWebhook(parts) }, logout: NEVER_CARRIED };
  const answered = await sendOnce({ ...parts, carriers }, trial);
  const {
    ok,
    retryAfterMs: _pause,
    ...one
  } = answered ?? { at, ms: 0, ok: false, reason: 'it is not there' };
  const ending = { state: ok ? 'done' : 'dead', one, at: clock.now() } as const;
  await database.write((q) => settleTry(q, trial, ending));
  return { ...trial, state: ending.state, log: [one], updatedAt: ending.at };
}

async function replay(
  q: Queries,
  { id, enabled }: Endpoint,
  { which, at }: { which: { delivery: string } | { deadSince: Instant }; at: Instant },
): Promise<number> {
  if (!enabled) throw invalid(`${id} is disabled: \`postern webhook update ${id} --enable\` first.`);
  const until = { at, notAfter: at + DELIVERED_WITHIN };
  const chosen =
    'delivery' in which ? { id: which.delivery } : { deadSince: which.deadSince, max: REPLAY_MAX };
  const deliveries = await replayDeliveries(q, { target: id, ...chosen }, until);
  if (deliveries === 0 && 'delivery' in which) {
    const found = await findDelivery(q, which.delivery);
    if (found?.targetId !== id) unknownDelivery(which.delivery);
  }
  if (deliveries > 0)
    await recordEvent(q, { type: 'webhook.replayed', data: { endpointId: id, deliveries } }, at);
  return deliveries;
}

function requireKeepTime(ms: number): void {
  if (!(ms >= 0 && ms <= KEEP_OLD_MAX))
    throw invalid(`An old secret is kept for 0 to ${KEEP_OLD_MAX / HOUR} hours.`);
}

function viewOf({ secrets, ...endpoint }: Endpoint): EndpointView {
  return { ...endpoint, secrets: secrets.map(({ sealed: _sealed, ...times }) => times) };
}

function about({ id }: Endpoint): { endpointId: EndpointId } {
  return { endpointId: id };
}

function invalid(detail: string): Problem {
  return new Problem('webhook_endpoint_invalid', detail);
}

function unknown(id: string): never {
  throw new Problem(
    'webhook_endpoint_not_found',
    `There is no webhook endpoint ${id.slice(0, 60)}: \`postern webhook list\` shows all.`,
  );
}

function unknownDelivery(id: string): never {
  throw new Problem('delivery_not_found', `This endpoint has no delivery ${id.slice(0, 60)}.`);
}
