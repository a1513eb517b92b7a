import type { Asked } from '../../events/interceptors/asking.ts';
import type { InterceptorView } from '../../events/interceptors/interceptors.ts';
import { answer, type Call, type Command, type Flag, wholeNumber, withRooms } from '../command.ts';
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

const TIMEOUT_MAX = 30_000;
const EXAMPLE = 'icp_1790000000000123456';

const choice = {
  'timeout-ms': {
    type: 'string',
    value: 'N',
    meaning: 'How long a person waits for it: 100 to 30000 (5000)',
  },
  'on-failure': { type: 'string', value: 'WHAT', meaning: 'Without an answer: deny (default) or allow' },
  ...reachFlags,
} as const satisfies Record<string, Flag>;

const create: Command = {
  summary: 'Have a server of yours asked before somebody signs up or a session begins',
  usage: 'postern interceptor create KIND URL [--timeout-ms N] [--on-failure deny|allow] [--allow-private]',
  takes: { min: 2, max: 2 },
  flags: choice,
  examples: [
    'postern interceptor create PRE_SIGNUP https://app.example.com/may-sign-up',
    'postern interceptor create PRE_SESSION_CREATION https://app.example.com/claims --on-failure allow --json',
  ],
  run: async (call) => {
    const [kind = '', url = ''] = call.args;
    const wish = { kind, url, ...wishOf(call) };
    const { interceptor, secret } = await withRooms(call, ({ interceptors }) => interceptors.create(wish));
    const lines = [...interceptorLines(interceptor), ...secretLines(secret)];
    return answer(call, { ...interceptorJson(interceptor), secret }, lines);
  },
};

const list: Command = {
  summary: 'List the interceptors',
  usage: 'postern interceptor list',
  takes: { min: 0, max: 0 },
  flags: {},
  examples: ['postern interceptor list', 'postern interceptor list --json'],
  run: async (call) => {
    const all = await withRooms(call, ({ interceptors }) => interceptors.list());
    const rows = all.map((one) => [
      one.id,
      one.kind,
      one.enabled ? 'enabled' : 'disabled',
      one.onFailure,
      one.url,
    ]);
    const none = 'Nobody is asked. Begin with: postern interceptor create --help';
    return answer(
      call,
      all.map(interceptorJson),
      table(['ID', 'KIND', 'STATE', 'ON FAILURE', 'URL'], rows, none),
    );
  },
};

const update: Command = {
  summary: 'Change an interceptor; running servers follow within a second',
  usage:
    'postern interceptor update ID [--url URL] [--timeout-ms N] [--on-failure WHAT] [--enable] [--disable]',
  takes: { min: 1, max: 1 },
  flags: { ...choice, ...changeFlags },
  examples: [`postern interceptor update ${EXAMPLE} --on-failure allow --timeout-ms 1000`],
  run: async (call) => {
    const wish = { ...changesIn(call, update.usage), ...wishOf(call) };
    const changed = await withRooms(call, ({ interceptors }) =>
      interceptors.update(call.args[0] ?? '', wish),
    );
    return answer(call, interceptorJson(changed), interceptorLines(changed));
  },
};

const rotateSecret: Command = {
  summary: 'Make a new secret; the old one signs beside it for a day',
  usage: 'postern interceptor rotate-secret ID [--keep-old-hours N]',
  takes: { min: 1, max: 1 },
  flags: rotationFlags,
  examples: [`postern interceptor rotate-secret ${EXAMPLE} --json`],
  run: async (call) => {
    const id = call.args[0] ?? '';
    const keep = keepIn(call);
    const { interceptor, secret } = await withRooms(call, ({ interceptors }) =>
      interceptors.rotateSecret(id, keep),
    );
    return answer(call, { ...interceptorJson(interceptor), secret }, secretLines(secret));
  },
};

const remove: Command = {
  summary: 'Delete an interceptor: nobody is asked any more',
  usage: 'postern interceptor delete ID',
  takes: { min: 1, max: 1 },
  flags: {},
  examples: [`postern interceptor delete ${EXAMPLE}`],
  run: async (call) => {
    const id = call.args[0] ?? '';
    await withRooms(call, ({ interceptors }) => interceptors.remove(id));
    return answer(call, { id, deleted: true }, [`Deleted ${id}.`]);
  },
};

const test: Command = {
  summary: 'Ask an interceptor about nobody, and say what it answers',
  usage: 'postern interceptor test ID',
  takes: { min: 1, max: 1 },
  flags: {},
  examples: [`postern interceptor test ${EXAMPLE}`],
  run: async (call) => {
    const asked = await withRooms(call, ({ interceptors }) => interceptors.test(call.args[0] ?? ''));
    answer(call, askedJson(asked), askedLines(asked));
    return asked.failure === undefined ? 0 : 1;
  },
};

export const interceptorCommands = {
  'interceptor create': create,
  'interceptor list': list,
  'interceptor update': update,
  'interceptor rotate-secret': rotateSecret,
  'interceptor test': test,
  'interceptor delete': remove,
};

function wishOf(call: Call): { timeoutMs?: number; onFailure?: string; private?: boolean } {
  const timeoutMs = wholeNumber(call, 'timeout-ms', TIMEOUT_MAX);
  const onFailure = call.text('on-failure');
  return {
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(onFailure !== undefined && { onFailure }),
    ...reachIn(call),
  };
}

function interceptorLines(one: InterceptorView): string[] {
  return facts([
    ['Interceptor', one.id],
    ['Asked at', one.kind],
    ['URL', one.url],
    ['Timeout', `${one.timeoutMs} ms`],
    ['On failure', one.onFailure],
    ['State', one.enabled ? 'enabled' : 'disabled'],
    reachFact(one),
  ]);
}

function interceptorJson(one: InterceptorView): Record<string, unknown> {
  return {
    ...targetJson(one),
    kind: one.kind,
    timeout_ms: one.timeoutMs,
    on_failure: one.onFailure,
  };
}

function askedLines({ answer: said, failure, status, ms }: Asked): string[] {
  return facts([
    ['Decision', said.decision],
    ['Because', failure ?? (said.decision === 'deny' ? said.message : undefined)],
    ['Claims', said.decision === 'allow' && said.claims ? JSON.stringify(said.claims) : undefined],
    ['Status', status === undefined ? undefined : String(status)],
    ['Took', `${ms} ms`],
  ]);
}

function askedJson({ interceptorId, answer: said, failure, status, ms }: Asked): Record<string, unknown> {
  return { id: interceptorId, ...said, failure: failure ?? null, status: status ?? null, ms };
}
