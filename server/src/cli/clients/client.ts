import type { Client } from '../../clients/store.ts';
import { HOUR } from '../../core/units.ts';
import { brandFlags, brandIn } from '../branding.ts';
import { answer, type Command, instantText, needed, UsageError, wholeNumber, withRooms } from '../command.ts';
import { facts, table } from '../table.ts';
import { fieldFacts, fieldFlags, fieldsIn, fieldsJson } from './fields.ts';

/** A year: longer than that, two secrets are simply two secrets. */
const KEEP_HOURS_MAX = 24 * 366;

const create: Command = {
  summary: 'Register an app and print its credentials',
  usage: 'postern client create --name NAME --redirect-uri URI... [--post-logout-uri URI...] [--public]',
  takes: { min: 0, max: 0 },
  flags: {
    name: { type: 'string', value: 'NAME', meaning: 'Shown on pages and in mails' },
    public: { type: 'boolean', meaning: 'An app in a browser or on a device: no secret, always PKCE' },
    ...fieldFlags,
    ...brandFlags,
  },
  examples: [
    'postern client create --name Shop --redirect-uri https://shop.example.com/auth/callback --json',
    'postern client create --name "Phone app" --redirect-uri com.example.app:/callback --public',
  ],
  run: async (call) => {
    const name = needed(call, 'name', '"My app"');
    needed(call, 'redirect-uri', 'https://app.example.com/auth/callback');
    const { client, clientSecret } = await withRooms(call, ({ clients }) =>
      clients.create({
        name,
        ...fieldsIn(call),
        redirectUris: call.texts('redirect-uri'),
        public: call.has('public'),
        branding: brandIn(call),
      }),
    );
    const lines = facts([
      ['Client id', client.id],
      ['Client secret', clientSecret],
    ]);
    const note = clientSecret === undefined ? [] : ['The secret is shown only now: store it safely.'];
    return answer(call, { client_id: client.id, client_secret: clientSecret }, [...lines, ...note]);
  },
};

const list: Command = {
  summary: 'List the registered apps',
  usage: 'postern client list',
  takes: { min: 0, max: 0 },
  flags: {},
  examples: ['postern client list', 'postern client list --json'],
  run: async (call) => {
    const clients = await withRooms(call, (rooms) => rooms.clients.list());
    const rows = clients.map((client) => [
      client.id,
      client.name,
      client.public ? 'public' : 'confidential',
      client.redirectUris[0] ?? '',
    ]);
    const none = 'No app is registered. Begin with: postern client create --help';
    return answer(call, clients.map(clientJson), table(['ID', 'NAME', 'KIND', 'REDIRECT URI'], rows, none));
  },
};

const show: Command = {
  summary: 'Show one app',
  usage: 'postern client show ID',
  takes: { min: 1, max: 1 },
  flags: {},
  examples: ['postern client show skc_1790000000000123456'],
  run: async (call) => {
    const client = await withRooms(call, (rooms) => rooms.clients.show(call.args[0] ?? ''));
    const shown = facts([
      ['Client id', client.id],
      ['Name', client.name],
      ['Kind', `${client.public ? 'public' : 'confidential'} (${client.kind})`],
      ...fieldFacts(client),
      ...lookFacts(client),
      ...client.secrets.map((secret) => ['Secret', secretText(secret)] as const),
      ['Created', instantText(client.createdAt)],
    ]);
    return answer(call, clientJson(client), shown);
  },
};

const update: Command = {
  summary: 'Change an app; what is left out stays, and running servers follow within a second',
  usage: 'postern client update ID [--name NAME] [--redirect-uri URI...] [--no-api] [--first-party]',
  takes: { min: 1, max: 1 },
  flags: {
    name: { type: 'string', value: 'NAME', meaning: 'Shown on pages and in mails' },
    ...fieldFlags,
    'no-require-pkce': { type: 'boolean', meaning: 'Take sign-ins without PKCE' },
    'no-first-party': { type: 'boolean', meaning: 'Not one of your own any more' },
  },
  examples: [
    'postern client update skc_1790000000000123456 --back-channel-uri https://shop.example.com/auth/ended',
    "postern client update skc_1790000000000123456 --no-api --post-logout-uri ''",
  ],
  run: async (call) => {
    const change = { ...fieldsIn(call), name: call.text('name') };
    if (Object.values(change).every((one) => one === undefined))
      throw new UsageError('Nothing is to be changed.', `Usage: ${update.usage}`);
    const client = await withRooms(call, ({ clients }) => clients.update(call.args[0] ?? '', change));
    return answer(call, clientJson(client), facts([['Name', client.name], ...fieldFacts(client)]));
  },
};

const brand: Command = {
  summary: 'Change what people see of an app; running servers follow within a second',
  usage: 'postern client brand ID [--name NAME] [--colour C] [--colour-dark C] [--logo FILE] [--reset]',
  takes: { min: 1, max: 1 },
  flags: {
    name: { type: 'string', value: 'NAME', meaning: 'Shown on pages and in mails' },
    ...brandFlags,
    reset: { type: 'boolean', meaning: "First take its colours and logos away: the deployment's own show" },
  },
  examples: [
    "postern client brand skc_1790000000000123456 --colour '#7a1f5c' --logo shop.svg",
    'postern client brand skc_1790000000000123456 --reset --json',
  ],
  run: async (call) => {
    const look = { ...brandIn(call), name: call.text('name'), reset: call.has('reset') };
    if (!look.reset && Object.values(look).every((one) => one === undefined || one === false))
      throw new UsageError('Nothing is to be changed.', `Usage: ${brand.usage}`);
    const client = await withRooms(call, ({ clients }) => clients.brand(call.args[0] ?? '', look));
    return answer(call, clientJson(client), facts([['Name', client.name], ...lookFacts(client)]));
  },
};

const rotateSecret: Command = {
  summary: 'Make a new secret; the old one works a day longer',
  usage: 'postern client rotate-secret ID [--keep-old-hours N]',
  takes: { min: 1, max: 1 },
  flags: {
    'keep-old-hours': {
      type: 'string',
      value: 'N',
      meaning: 'How long the old one still works (24; 0: not)',
    },
  },
  examples: [
    'postern client rotate-secret skc_1790000000000123456',
    'postern client rotate-secret skc_1790000000000123456 --keep-old-hours 0 --json',
  ],
  run: async (call) => {
    const id = call.args[0] ?? '';
    const hours = wholeNumber(call, 'keep-old-hours', KEEP_HOURS_MAX);
    const options = hours === undefined ? {} : { keepOldFor: hours * HOUR };
    const { clientSecret } = await withRooms(call, ({ clients }) => clients.rotateSecret(id, options));
    return answer(call, { client_id: id, client_secret: clientSecret }, [
      ...facts([
        ['Client id', id],
        ['Client secret', clientSecret],
      ]),
      'The secret is shown only now: store it safely.',
    ]);
  },
};

const remove: Command = {
  summary: 'Delete an app: nobody can sign in to it any more',
  usage: 'postern client delete ID',
  takes: { min: 1, max: 1 },
  flags: {},
  examples: ['postern client delete skc_1790000000000123456'],
  run: async (call) => {
    const id = call.args[0] ?? '';
    await withRooms(call, ({ clients }) => clients.remove(id));
    return answer(call, { client_id: id, deleted: true }, [`Deleted ${id}.`]);
  },
};

export const clientCommands = {
  'client create': create,
  'client list': list,
  'client show': show,
  'client update': update,
  'client brand': brand,
  'client rotate-secret': rotateSecret,
  'client delete': remove,
};

function lookFacts({ branding }: Client): [string, string | undefined][] {
  return [
    ['Colour', branding.colour],
    ['Colour in the dark', branding.colourDark],
    ['Logo', branding.logo],
    ['Logo in the dark', branding.logoDark],
  ];
}

function secretText(secret: Client['secrets'][number]): string {
  const until = secret.expiresAt === undefined ? '' : `, until ${instantText(secret.expiresAt)}`;
  const out = secret.inactive ? ', inactive' : '';
  return `…${secret.suffix}, made ${instantText(secret.createdAt)}${until}${out}`;
}

function clientJson(client: Client): Record<string, unknown> {
  return {
    client_id: client.id,
    name: client.name,
    kind: client.kind,
    public: client.public,
    ...fieldsJson(client),
    branding: {
      colour: client.branding.colour,
      colour_dark: client.branding.colourDark,
      logo: client.branding.logo,
      logo_dark: client.branding.logoDark,
    },
    secrets: client.secrets.map((secret) => ({
      id: secret.id,
      suffix: secret.suffix,
      active: !secret.inactive,
      created_at: instantText(secret.createdAt),
      expires_at: secret.expiresAt === undefined ? undefined : instantText(secret.expiresAt),
    })),
    created_at: instantText(client.createdAt),
    updated_at: instantText(client.updatedAt),
  };
}
