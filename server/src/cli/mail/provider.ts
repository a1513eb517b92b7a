import type { AddedProvider, ProviderView } from '../../mail/sending/providers.ts';
import type { Finding } from '../../platform/finding.ts';
import { answer, type Call, type Command, configFor, type Flag, UsageError, withRooms } from '../command.ts';
import { facts, table } from '../table.ts';
import { formLines, optionsIn, secretsFor } from './form.ts';

const flags = {
  name: { type: 'string', value: 'NAME', meaning: 'How you call it' },
  from: { type: 'string', value: 'SENDER', meaning: 'Its own sender (POSTERN_MAIL_FROM)' },
  set: { type: 'string', multiple: true, value: 'FIELD=VALUE', meaning: 'A field of its form' },
  'secret-file': { type: 'string', multiple: true, value: 'FIELD=PATH', meaning: 'A secret, from a file' },
  domain: { type: 'string', multiple: true, value: 'DOMAIN', meaning: 'Only for recipients there (all)' },
} as const satisfies Record<string, Flag>;

const kinds: Command = {
  summary: 'List the kinds of mail providers, or the form of one',
  usage: 'postern mail provider kinds [KIND]',
  takes: { min: 0, max: 1 },
  flags: {},
  examples: ['postern mail provider kinds', 'postern mail provider kinds ses'],
  run: async (call) => {
    const { data, lines } = formLines(call.args[0]);
    return answer(call, data, lines);
  },
};

const add: Command = {
  summary: 'Add a mail provider at the end of the order; it is asked for its secrets',
  usage: 'postern mail provider add KIND [--set FIELD=VALUE...] [--secret-file FIELD=PATH...]',
  takes: { min: 1, max: 1 },
  flags,
  examples: [
    'postern mail provider add postmark --from "Acme <sign-in@acme.com>"',
    'postern mail provider add ses --set region=eu-central-1 --set access_key_id=AKIA… --secret-file secret_access_key=/run/secrets/ses',
    'postern mail provider add smtp --set preset=gmail --set user=ana@gmail.com < password.txt',
  ],
  run: async (call) => {
    const kind = call.args[0] ?? '';
    const secrets = await secretsFor(call, { kind });
    const wish = {
      kind,
      name: call.text('name'),
      from: call.text('from'),
      options: optionsIn(call),
      secrets,
    };
    const added = await withRooms(call, ({ mail }) =>
      mail.providers.add({ ...wish, domains: domainsIn(call) }),
    );
    const { url } = await configFor(call, 'tool');
    return answer(call, addedJson(added, url), addedLines(added, url));
  },
};

const list: Command = {
  summary: 'List the mail providers in the order in which they are tried',
  usage: 'postern mail provider list',
  takes: { min: 0, max: 0 },
  flags: {},
  examples: ['postern mail provider list', 'postern mail provider list --json'],
  run: async (call) => listed(call, await withRooms(call, ({ mail }) => mail.providers.list())),
};

const change: Command = {
  summary: 'Change a mail provider; running servers follow within a second',
  usage: 'postern mail provider change ID [--set FIELD=VALUE...] [--secret FIELD...]',
  takes: { min: 1, max: 1 },
  flags: {
    ...flags,
    secret: { type: 'string', multiple: true, value: 'FIELD', meaning: 'A secret to ask for anew' },
    'all-domains': { type: 'boolean', meaning: 'For all recipients again' },
  },
  examples: [
    'postern mail provider change prv_1790000000000123456 --secret token',
    'postern mail provider change prv_1790000000000123456 --domain example.com --domain "*.example.com"',
  ],
  run: async (call) => {
    const secrets = await secretsFor(call, { only: call.texts('secret') });
    const domains = call.has('all-domains') ? [] : domainsIn(call);
    const wish = {
      name: call.text('name'),
      from: call.text('from'),
      options: optionsIn(call),
      secrets,
      domains,
    };
    const view = await withRooms(call, ({ mail }) => mail.providers.change(call.args[0] ?? '', wish));
    return shown(call, view);
  },
};

const move: Command = {
  summary: 'Give a mail provider another place in the order',
  usage: 'postern mail provider move ID POSITION',
  takes: { min: 2, max: 2 },
  flags: {},
  examples: ['postern mail provider move prv_1790000000000123456 1'],
  run: async (call) => {
    const [id = '', text = ''] = call.args;
    if (!/^[1-9]\d?$/.test(text)) throw new UsageError(`${text} is no place.`, 'The first place is 1.');
    return listed(call, await withRooms(call, ({ mail }) => mail.providers.move(id, Number(text))));
  },
};

const remove: Command = {
  summary: 'Remove a mail provider with its credentials',
  usage: 'postern mail provider remove ID',
  takes: { min: 1, max: 1 },
  flags: {},
  examples: ['postern mail provider remove prv_1790000000000123456'],
  run: async (call) => {
    const id = call.args[0] ?? '';
    await withRooms(call, ({ mail }) => mail.providers.remove(id));
    return answer(call, { provider_id: id, removed: true }, [`Removed ${id}.`]);
  },
};

function turn(verb: 'enable' | 'disable', summary: string): Command {
  return {
    summary,
    usage: `postern mail provider ${verb} ID`,
    takes: { min: 1, max: 1 },
    flags: {},
    examples: [`postern mail provider ${verb} prv_1790000000000123456`],
    run: async (call) => {
      const enabled = verb === 'enable';
      const id = call.args[0] ?? '';
      return shown(call, await withRooms(call, ({ mail }) => mail.providers.change(id, { enabled })));
    },
  };
}

const check: Command = {
  summary: 'Ask a mail provider about credentials, sender domain and tracking, without sending',
  usage: 'postern mail provider check ID',
  takes: { min: 1, max: 1 },
  flags: {},
  examples: ['postern mail provider check prv_1790000000000123456 --json'],
  run: async (call) => {
    const findings = await withRooms(call, ({ mail }) => mail.providers.check(call.args[0] ?? ''));
    answer(call, findings, findings.flatMap(findingLines));
    return findings.some(({ status }) => status === 'fail') ? 1 : 0;
  },
};

export const providerCommands = {
  'mail provider kinds': kinds,
  'mail provider add': add,
  'mail provider list': list,
  'mail provider change': change,
  'mail provider move': move,
  'mail provider enable': turn('enable', 'Hand mail to a provider again'),
  'mail provider disable': turn('disable', 'Hand no mail to a provider for now'),
  'mail provider remove': remove,
  'mail provider check': check,
};

function domainsIn(call: Call): string[] | undefined {
  const domains = call.texts('domain');
  return domains.length === 0 ? undefined : domains;
}

function findingLines({ status, what, why, fix }: Finding): string[] {
  const more = status === 'ok' ? [] : [why, fix ?? ''].filter((line) => line !== '');
  return [`${status.toUpperCase().padEnd(4)}  ${what}`, ...more.map((line) => `      ${line}`)];
}

async function listed(call: Call, views: readonly ProviderView[]): Promise<number> {
  const { url } = await configFor(call, 'tool');
  const rows = views.map((view) => [
    String(view.position),
    view.id,
    view.kind,
    view.name,
    view.trouble ?? (view.enabled ? 'on' : 'off'),
    view.domains.join(' ') || 'all',
  ]);
  const none = 'No mail providers: mail goes to the server of POSTERN_SMTP_URL.';
  const lines = table(['', 'ID', 'KIND', 'NAME', 'STATE', 'RECIPIENTS'], rows, none);
  return answer(
    call,
    views.map((view) => providerJson(view, url)),
    lines,
  );
}

async function shown(call: Call, view: ProviderView): Promise<number> {
  const { url } = await configFor(call, 'tool');
  return answer(call, providerJson(view, url), viewLines(view, url));
}

function viewLines(view: ProviderView, url: string): string[] {
  return facts([
    ['Provider', `${view.id}, ${view.kind}, place ${view.position}`],
    ['Name', view.name],
    ['State', view.trouble ?? (view.enabled ? 'on' : 'off')],
    ['Sender', view.from],
    ['Recipients', view.domains.join(' ') || 'all'],
    ...Object.entries(view.options).map(([name, value]) => [name, String(value)] as const),
    ...Object.entries(view.secrets),
    ['Webhook', webhookUrl(view, url)],
  ]);
}

function addedLines({ provider, made, webhookLogin }: AddedProvider, url: string): string[] {
  const secrets = Object.entries(made).map(([name, value]) => `${name} ${value}`);
  const hook = webhookLogin === undefined ? [] : [webhookUrl(provider, url, webhookLogin)];
  const once = [...secrets, ...hook];
  return [
    ...viewLines(provider, url),
    ...(once.length === 0 ? [] : ['Shown only now; the provider needs it:', ...once]),
    `Next: postern mail provider check ${provider.id}`,
  ];
}

function webhookUrl({ id, kind }: ProviderView, url: string, login?: string): string {
  if (kind === 'smtp') return 'none: over SMTP nothing is reported';
  return `${login === undefined ? url : url.replace('://', `://${login}@`)}/mail/webhooks/${id}`;
}

function providerJson(view: ProviderView, url: string): Record<string, unknown> {
  return {
    provider_id: view.id,
    kind: view.kind,
    name: view.name,
    position: view.position,
    enabled: view.enabled,
    trouble: view.trouble,
    from: view.from,
    domains: view.domains,
    options: view.options,
    secrets: view.secrets,
    webhook_url: view.kind === 'smtp' ? undefined : webhookUrl(view, url),
  };
}

function addedJson({ provider, made, webhookLogin }: AddedProvider, url: string): Record<string, unknown> {
  const webhook = webhookLogin === undefined ? {} : { webhook_url: webhookUrl(provider, url, webhookLogin) };
  return { ...providerJson(provider, url), ...webhook, made };
}
