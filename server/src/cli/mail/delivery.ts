import { answer, type Command, instantText, withRooms } from '../command.ts';
import { table } from '../table.ts';
import { testCommand } from './testing.ts';

/** As many as a person reads. */
const LIST_MAX = 1000;

const list: Command = {
  summary: 'List addresses that bounced or complained, newest first',
  usage: 'postern mail suppressions list',
  takes: { min: 0, max: 0 },
  flags: {},
  examples: ['postern mail suppressions list', 'postern mail suppressions list --json'],
  run: async (call) => {
    const all = await withRooms(call, ({ mail }) => mail.suppressions.list(LIST_MAX));
    const rows = all.map((one) => [one.email, one.reason, instantText(one.since), one.providerId]);
    const data = all.map((one) => ({
      email: one.email,
      reason: one.reason,
      since: instantText(one.since),
      provider_id: one.providerId,
    }));
    return answer(
      call,
      data,
      table(['ADDRESS', 'REASON', 'SINCE', 'PROVIDER'], rows, 'No address is suppressed.'),
    );
  },
};

const lift: Command = {
  summary: "Send to an address again: takes it off our list, and off the providers'",
  usage: 'postern mail suppressions lift ADDRESS',
  takes: { min: 1, max: 1 },
  flags: {},
  examples: ['postern mail suppressions lift ana@example.com'],
  run: async (call) => {
    const lifted = await withRooms(call, ({ mail }) => mail.suppressions.lift(call.args[0] ?? ''));
    const said = lifted.map(({ list: id, name, result }) => ({
      list: id,
      name,
      result: typeof result === 'string' ? result : 'failed',
      reason: typeof result === 'string' ? undefined : result.failed,
    }));
    const lines = said.map(({ name, result, reason = '' }) => `${name}: ${result} ${reason}`.trim());
    answer(call, said, lines);
    return said.some(({ result }) => result === 'failed') ? 1 : 0;
  },
};

export const deliveryCommands = {
  'mail test': testCommand,
  'mail suppressions list': list,
  'mail suppressions lift': lift,
};
