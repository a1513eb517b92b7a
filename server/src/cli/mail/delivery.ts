import type { Handover } from '../../mail/transport.ts';
import { answer, type Command, instantText, withRooms } from '../command.ts';
import { table } from '../table.ts';

/** As many as a person reads. */
const LIST_MAX = 1000;

const SAID = {
  accepted:
    'The mail was accepted. Look whether it arrives, and into its headers: spf=pass, dkim=pass, dmarc=pass.',
  refused: 'The mail was refused.',
  unsent: 'The mail was not sent.',
  unclear: 'The mail may have been sent: the provider took it, and did not answer.',
} as const satisfies Record<Handover['outcome'], string>;

const test: Command = {
  summary: 'Send a mail now, the way of every mail or by one provider',
  usage: 'postern mail test ADDRESS [--provider ID]',
  takes: { min: 1, max: 1 },
  flags: { provider: { type: 'string', value: 'ID', meaning: 'By this provider (the first that works)' } },
  examples: [
    'postern mail test ana@example.com',
    'postern mail test ana@example.com --provider prv_1790000000000123456',
  ],
  run: async (call) => {
    const [address = ''] = call.args;
    const handover = await withRooms(call, ({ mail }) => mail.sendTest(address, call.text('provider')));
    const { outcome, providerId, providerMessageId } = handover;
    const reason = 'reason' in handover ? handover.reason : undefined;
    const data = { outcome, reason, provider_id: providerId, provider_message_id: providerMessageId };
    const by = providerId === undefined ? [] : [`Provider: ${providerId}`];
    answer(call, data, [SAID[outcome], ...(reason === undefined ? [] : [reason]), ...by]);
    return outcome === 'accepted' ? 0 : 1;
  },
};

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
  'mail test': test,
  'mail suppressions list': list,
  'mail suppressions lift': lift,
};
