import type { Delivery, DeliveryState } from '../../events/deliveries/delivery.ts';
import { webhookTypes } from '../../events/webhooks/types.ts';
import type { EndpointView } from '../../events/webhooks/webhooks.ts';
import { readPage } from '../../platform/paging.ts';
import {
  answer,
  type Call,
  type Command,
  type Flag,
  instantText,
  UsageError,
  wholeNumber,
  withRooms,
} from '../command.ts';
import { facts, table } from '../table.ts';
import {
  changeFlags,
  changesIn,
  keepIn,
  reachFact,
  reachFlags,
  reachIn,
  rotationFlags,
  secretLines,
  targetJson,
} from './targets.ts';

const PAGE = { usual: 50, max: 500 };
const STATES: readonly DeliveryState[] = ['waiting', 'sending', 'done', 'dead', 'dropped'];
const EXAMPLE = 'whk_1790000000000123456';

const choice = {
  event: { type: 'string', multiple: true, value: 'TYPE', meaning: 'A type such as user.login, user.* or *' },
  description: { type: 'string', value: 'TEXT', meaning: 'For you' },
  ...reachFlags,
} as const satisfies Record<string, Flag>;

const create: Command = {
  summary: 'Send events to an address of an app, and print the secret that signs them',
  usage: 'postern webhook create URL --event TYPE... [--description TEXT] [--allow-private]',
  takes: { min: 1, max: 1 },
  flags: choice,
  examples: [
    'postern webhook create https://app.example.com/webhooks --event user.signup --event user.login',
    'postern webhook create http://10.0.0.7:3000/hooks --event "user.*" --allow-private --json',
  ],
  run: async (call) => {
    const types = call.texts('event');
    if (types.length === 0)
      throw new UsageError(
        'No event is chosen.',
        'Add --event user.login; `postern webhook types` lists them.',
      );
    const wish = { url: call.args[0] ?? '', types, ...wishOf(call) };
    const { endpoint, secret } = await withRooms(call, ({ webhooks }) => webhooks.create(wish));
    return answer(call, { ...endpointJson(endpoint), secret }, [
      ...endpointLines(endpoint),
      ...secretLines(secret),
    ]);
  },
};

const update: Command = {
  summary: 'Change an endpoint; running servers follow with the next delivery',
  usage: 'postern webhook update ID [--url URL] [--event TYPE...] [--enable] [--disable]',
  takes: { min: 1, max: 1 },
  flags: {
    ...choice,
    ...changeFlags,
  },
  examples: [
    `postern webhook update ${EXAMPLE} --event user.login --event user.logout`,
    `postern webhook update ${EXAMPLE} --disable`,
  ],
  run: async (call) => {
    const types = call.texts('event');
    const wish = {
      ...changesIn(call, update.usage),
      ...(types.length > 0 && { types }),
      ...wishOf(call),
    };
    const endpoint = await withRooms(call, ({ webhooks }) => webhooks.update(call.args[0] ?? '', wish));
    return answer(call, endpointJson(endpoint), endpointLines(endpoint));
  },
};

const list: Command = {
  summary: 'List the endpoints',
  usage: 'postern webhook list',
  takes: { min: 0, max: 0 },
  flags: {},
  examples: ['postern webhook list', 'postern webhook list --json'],
  run: async (call) => {
    const endpoints = await withRooms(call, ({ webhooks }) => webhooks.list());
    const rows = endpoints.map((one) => [one.id, healthOf(one), one.url, one.types.join(' ')]);
    const none = 'No event is sent anywhere. Begin with: postern webhook create --help';
    return answer(call, endpoints.map(endpointJson), table(['ID', 'STATE', 'URL', 'EVENTS'], rows, none));
  },
};

const show: Command = {
  summary: 'Show an endpoint, and how many deliveries it has in each state',
  usage: 'postern webhook show ID',
  takes: { min: 1, max: 1 },
  flags: {},
  examples: [`postern webhook show ${EXAMPLE}`],
  run: async (call) => {
    const endpoint = await withRooms(call, ({ webhooks }) => webhooks.show(call.args[0] ?? ''));
    const { deliveries } = endpoint;
    const counts = Object.entries(deliveries).map(
      ([state, count]) => ['Deliveries', `${count} ${state}`] as const,
    );
    return answer(call, { ...endpointJson(endpoint), deliveries }, [
      ...endpointLines(endpoint),
      ...facts(counts),
    ]);
  },
};

const remove: Command = {
  summary: 'Delete an endpoint: what waits for it is not sent',
  usage: 'postern webhook delete ID',
  takes: { min: 1, max: 1 },
  flags: {},
  examples: [`postern webhook delete ${EXAMPLE}`],
  run: async (call) => {
    const id = call.args[0] ?? '';
    await withRooms(call, ({ webhooks }) => webhooks.remove(id));
    return answer(call, { id, deleted: true }, [`Deleted ${id}.`]);
  },
};

const rotateSecret: Command = {
  summary: 'Make a new secret; the old one signs beside it for a day',
  usage: 'postern webhook rotate-secret ID [--keep-old-hours N]',
  takes: { min: 1, max: 1 },
  flags: rotationFlags,
  examples: [`postern webhook rotate-secret ${EXAMPLE} --json`],
  run: async (call) => {
    const id = call.args[0] ?? '';
    const keep = keepIn(call);
    const { endpoint, secret } = await withRooms(call, ({ webhooks }) => webhooks.rotateSecret(id, keep));
    return answer(call, { ...endpointJson(endpoint), secret }, secretLines(secret));
  },
};

const test: Command = {
  summary: 'Send a test event now and say what came back',
  usage: 'postern webhook test ID',
  takes: { min: 1, max: 1 },
  flags: {},
  examples: [`postern webhook test ${EXAMPLE}`],
  run: async (call) => {
    const delivery = await withRooms(call, ({ webhooks }) => webhooks.test(call.args[0] ?? ''));
    answer(call, deliveryJson(delivery), deliveryLines(delivery));
    return delivery.state === 'done' ? 0 : 1;
  },
};

const types: Command = {
  summary: 'List the types of events',
  usage: 'postern webhook types',
  takes: { min: 0, max: 0 },
  flags: {},
  examples: ['postern webhook types'],
  run: async (call) => {
    const rows = webhookTypes.map(({ type, meaning }) => [type, meaning]);
    return answer(call, webhookTypes, table(['TYPE', 'MEANING'], rows, ''));
  },
};

const deliveries: Command = {
  summary: 'List the deliveries of an endpoint, newest first',
  usage: 'postern webhook deliveries ID [--state STATE] [--limit N] [--after TOKEN]',
  takes: { min: 1, max: 1 },
  flags: {
    state: { type: 'string', value: 'STATE', meaning: STATES.join(', ') },
    limit: { type: 'string', value: 'N', meaning: `How many (${PAGE.usual})` },
    after: { type: 'string', value: 'TOKEN', meaning: 'The page after the one that ended with this' },
  },
  examples: [`postern webhook deliveries ${EXAMPLE} --state dead --json`],
  run: async (call) => {
    const state = STATES.find((one) => one === call.text('state'));
    if (state === undefined && call.text('state') !== undefined)
      throw new UsageError(`No delivery is ${call.text('state')}.`, `States are ${STATES.join(', ')}.`);
    const size = wholeNumber(call, 'limit', PAGE.max) ?? PAGE.usual;
    const page = readPage({ size, token: call.text('after') ?? '' }, PAGE);
    const wanted = { page, ...(state && { state }) };
    const found = await withRooms(call, ({ webhooks }) => webhooks.deliveries(call.args[0] ?? '', wanted));
    const rows = found.rows.map((one) => [one.id, one.eventType, one.state, String(one.tries), lastOf(one)]);
    const more = found.nextToken === '' ? [] : [`More: --after '${found.nextToken}'`];
    const lines = table(['ID', 'EVENT', 'STATE', 'TRIES', 'LAST ANSWER'], rows, 'There is no delivery.');
    const data = { deliveries: found.rows.map(deliveryJson), next_page_token: found.nextToken };
    return answer(call, data, [...lines, ...more]);
  },
};

const delivery: Command = {
  summary: 'Show a delivery with its tries and what it says',
  usage: 'postern webhook delivery ID DELIVERY',
  takes: { min: 2, max: 2 },
  flags: {},
  examples: [`postern webhook delivery ${EXAMPLE} dlv_1790000000000123456`],
  run: async (call) => {
    const [id = '', one = ''] = call.args;
    const found = await withRooms(call, ({ webhooks }) => webhooks.delivery(id, one));
    return answer(call, { ...deliveryJson(found), body: found.body }, [...deliveryLines(found), found.body]);
  },
};

const replay: Command = {
  summary: 'Send a delivery again, or all dead ones since an instant; running servers do it within a second',
  usage: 'postern webhook replay ID [DELIVERY] [--dead-since INSTANT]',
  takes: { min: 1, max: 2 },
  flags: { 'dead-since': { type: 'string', value: 'INSTANT', meaning: 'Such as 2030-06-03T12:00:00Z' } },
  examples: [
    `postern webhook replay ${EXAMPLE} dlv_1790000000000123456`,
    `postern webhook replay ${EXAMPLE} --dead-since 2030-06-03T12:00:00Z`,
  ],
  run: async (call) => {
    const [id = '', one] = call.args;
    const which = one === undefined ? { deadSince: sinceIn(call) } : { delivery: one };
    const replayed = await withRooms(call, ({ webhooks }) => webhooks.replay(id, which));
    return answer(call, { id, replayed }, [
      `${replayed} ${replayed === 1 ? 'delivery' : 'deliveries'} will be sent again.`,
    ]);
  },
};

export const webhookCommands = {
  'webhook create': create,
  'webhook list': list,
  'webhook show': show,
  'webhook update': update,
  'webhook rotate-secret': rotateSecret,
  'webhook test': test,
  'webhook types': types,
  'webhook deliveries': deliveries,
  'webhook delivery': delivery,
  'webhook replay': replay,
  'webhook delete': remove,
};

function wishOf(call: Call): { description?: string; private?: boolean } {
  const description = call.text('description');
  return {
    ...(description !== undefined && { description }),
    ...reachIn(call),
  };
}

function sinceIn(call: Call): number {
  const at = Date.parse(call.text('dead-since') ?? '');
  if (Number.isNaN(at))
    throw new UsageError(
      'Which deliveries is not said.',
      'Name one, or give --dead-since 2030-06-03T12:00:00Z',
    );
  return at;
}

function healthOf({ enabled, failingSince }: EndpointView): string {
  if (!enabled) return 'disabled';
  return failingSince === undefined ? 'enabled' : 'failing';
}

function endpointLines(endpoint: EndpointView): string[] {
  const { failingSince } = endpoint;
  return facts([
    ['Endpoint', endpoint.id],
    ['URL', endpoint.url],
    ['Description', endpoint.description === '' ? undefined : endpoint.description],
    ['Events', endpoint.types.join(' ')],
    ['State', healthOf(endpoint)],
    ['Failing since', failingSince === undefined ? undefined : instantText(failingSince)],
    reachFact(endpoint),
  ]);
}

function endpointJson(endpoint: EndpointView): Record<string, unknown> {
  const { failingSince } = endpoint;
  return {
    ...targetJson(endpoint),
    description: endpoint.description,
    types: endpoint.types,
    failing_since: failingSince === undefined ? null : instantText(failingSince),
  };
}

function lastOf({ log }: Delivery): string {
  const last = log.at(-1);
  return last === undefined ? '' : (last.reason ?? String(last.status));
}

function deliveryLines(one: Delivery): string[] {
  return facts([
    ['Delivery', one.id],
    ['Event', `${one.eventType} ${one.eventId}`],
    ['State', one.state],
    ['Next try', one.state === 'waiting' ? instantText(one.dueAt) : undefined],
    ...one.log.map(
      ({ at, ms, status, reason }) => ['Try', `${instantText(at)} ${reason ?? status} (${ms} ms)`] as const,
    ),
  ]);
}

function deliveryJson(one: Delivery): Record<string, unknown> {
  return {
    id: one.id,
    event_id: one.eventId,
    event_type: one.eventType,
    state: one.state,
    tries: one.tries,
    due_at: one.state === 'waiting' ? instantText(one.dueAt) : null,
    log: one.log.map((each) => ({ ...each, at: instantText(each.at) })),
    created_at: instantText(one.createdAt),
    updated_at: instantText(one.updatedAt),
  };
}
