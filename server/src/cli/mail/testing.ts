import { readFileSync } from 'node:fs';
import type { TestMail } from '../../mail/preflight/test-mail.ts';
import type { Way } from '../../mail/preflight/ways.ts';
import type { Handover } from '../../mail/transport.ts';
import type { Config } from '../../platform/config.ts';
import type { Finding } from '../../platform/finding.ts';
import { findingLines } from '../checks/lines.ts';
import { preflightFlags, preparePreflight, waysIn } from '../checks/mail.ts';
import { answer, type Call, type Command, configFor, UsageError, withRooms } from '../command.ts';
import type { Rooms } from '../wiring.ts';

const SAID = {
  accepted:
    'The mail was accepted. Look whether it arrives, and into its headers: spf=pass, dkim=pass, dmarc=pass.',
  refused: 'The mail was refused.',
  unsent: 'The mail was not sent.',
  unclear: 'The mail may have been sent: the provider took it, and did not answer.',
} as const satisfies Record<Handover['outcome'], string>;

export const testCommand: Command = {
  summary: 'Send a mail now, and say what stands in the way of it; or look at one that arrived',
  usage: 'postern mail test ADDRESS [--provider ID] [--compare] | --received-file MESSAGE.eml',
  takes: { min: 0, max: 1 },
  flags: {
    provider: { type: 'string', value: 'ID', meaning: 'By this provider (the first that works)' },
    compare: { type: 'boolean', meaning: 'Then ask for the link as it arrived, and compare' },
    'received-file': {
      type: 'string',
      value: 'MESSAGE.eml',
      meaning: 'Send nothing: compare a test mail that arrived with what was sent',
    },
    ...preflightFlags,
  },
  examples: [
    'postern mail test ana@example.com',
    'postern mail test ana@example.com --provider prv_1790000000000123456 --compare',
    'postern mail test --received-file arrived.eml --json',
  ],
  run: async (call) => {
    const [address] = call.args;
    const file = call.text('received-file');
    if ((address === undefined) === (file === undefined))
      throw new UsageError('Give either an address or --received-file.', `Usage: ${testCommand.usage}`);
    const config = await configFor(call, 'tool');
    return withRooms(call, (rooms) =>
      address === undefined
        ? lookAt(call, { config, rooms, file: file ?? '' })
        : send(call, { config, rooms, address }),
    );
  },
};

interface Place {
  readonly config: Config;
  readonly rooms: Rooms;
}

async function send(call: Call, place: Place & { readonly address: string }): Promise<number> {
  const { testMail } = await import('../../mail/preflight/test-mail.ts');
  const { config, rooms, address } = place;
  const look = await preparePreflight(call, { config, rooms, selectors: call.texts('selector') });
  const mail = testMail(rooms.clock.now(), config.url);
  const handover = await rooms.mail.sendTest(address, mail, call.text('provider'));
  const { outcome, providerId, providerMessageId } = handover;
  const reason = 'reason' in handover ? handover.reason : undefined;
  const by = providerId === undefined ? [] : [`Provider: ${providerId}`];
  tell(call, [SAID[outcome], ...(reason === undefined ? [] : [reason]), ...by]);
  const all = await waysIn(config, rooms);
  const ways = providerId === undefined ? all : all.filter((way) => way.providerId === providerId);
  const found = await look(ways);
  if (found.length > 0) tell(call, ['', ...findingLines(found)]);
  const compared = call.has('compare') && outcome === 'accepted' ? await pasted(call, mail, ways) : [];
  if (call.json)
    answer(
      call,
      {
        outcome,
        reason,
        provider_id: providerId,
        provider_message_id: providerMessageId,
        findings: [...found, ...compared],
      },
      [],
    );
  return outcome === 'accepted' && compared.every(({ status }) => status !== 'fail') ? 0 : 1;
}

/** What a person sees at once, before being asked. */
function tell(call: Call, lines: readonly string[]): void {
  if (!call.json) answer(call, undefined, lines);
}

async function pasted(call: Call, mail: TestMail, ways: readonly Way[]): Promise<Finding[]> {
  const { compareLinks } = await import('../../mail/preflight/comparison.ts');
  const link = (await call.io.ask?.('Copy the link of the mail that arrived, and paste it here'))?.trim();
  if (link === undefined || link === '')
    throw new UsageError(
      'There is no link to compare.',
      'Paste it, or save the mail and give it with --received-file.',
    );
  const finding = compareLinks(mail, [link], untrackingOf(ways));
  tell(call, ['', ...findingLines([finding])]);
  return [finding];
}

async function lookAt(call: Call, { config, rooms, file }: Place & { file: string }): Promise<number> {
  const { compareMail, selectorsIn } = await import('../../mail/preflight/comparison.ts');
  const { readMessage } = await import('../../mail/preflight/received.ts');
  const { testMail, testMailAt } = await import('../../mail/preflight/test-mail.ts');
  const received = readMessage(bytesOf(file));
  const at = testMailAt([...received.fields('subject'), received.text, received.html].join('\n'));
  if (at === undefined)
    throw new UsageError(
      `${file} is no test mail.`,
      'Send one with postern mail test ADDRESS, and save it with all of its headers.',
    );
  const ways = await waysIn(config, rooms);
  const compared = compareMail(testMail(at, config.url), received, untrackingOf(ways));
  const signed = ways.flatMap(({ signs }) => selectorsIn(received, signs));
  const selectors = [...new Set([...call.texts('selector'), ...signed])];
  const look = await preparePreflight(call, { config, rooms, selectors });
  const findings = [...compared, ...(await look(ways))];
  answer(call, { findings }, findingLines(findings));
  return findings.some(({ status }) => status === 'fail') ? 1 : 0;
}

function bytesOf(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch {
    throw new UsageError(`There is no file ${file} to read.`, 'Give the path of a mail, saved as .eml.');
  }
}

/** Where the services in use are told to leave mails alone. */
function untrackingOf(ways: readonly Way[]): string {
  const known = new Set(ways.flatMap(({ service }) => service?.untrack ?? []));
  const otherwise = 'Switch click and open tracking off at the service that sends, for this domain.';
  return known.size > 0 ? [...known].join('\n') : otherwise;
}
