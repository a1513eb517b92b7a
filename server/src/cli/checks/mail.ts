import { isLoopbackHost } from '../../core/redirect-uri.ts';
import type { Way } from '../../mail/preflight/ways.ts';
import type { Config } from '../../platform/config.ts';
import type { Finding } from '../../platform/finding.ts';
import { type Call, type Flag, UsageError } from '../command.ts';
import type { Rooms } from '../wiring.ts';

/** For commands that look at mail before it is sent. */
export const preflightFlags = {
  selector: {
    type: 'string',
    multiple: true,
    value: 'NAME',
    meaning: 'Selector of a DKIM key (those that are known of the service)',
  },
  dns: { type: 'string', value: 'ADDRESS', meaning: "Ask this DNS server (the machine's own)" },
} as const satisfies Record<string, Flag>;

/** Whether mail can leave, and what stands in its way: the providers' own word, DNS, TLS. */
export async function mailFindings(call: Call, config: Config, rooms: Rooms): Promise<Finding[]> {
  const selectors = call.texts('selector');
  const look = await preparePreflight(call, { config, rooms, selectors });
  const ways = await waysIn(config, rooms);
  if (ways.length === 0) return [noWay(config.url)];
  const asked = ways.flatMap(({ providerId }) => (providerId === undefined ? [] : [providerId]));
  const [checks, preflight] = await Promise.all([
    Promise.all(asked.map((id) => rooms.mail.providers.check(id))),
    look(ways),
  ]);
  return [...checks.flat(), ...preflight];
}

/** The ways by which mail leaves. */
export async function waysIn(config: Config, rooms: Rooms): Promise<Way[]> {
  const { waysOf } = await import('../../mail/preflight/ways.ts');
  return waysOf(await rooms.mail.providers.list(), config);
}

/** Reads the flags, and refuses them, before anything is sent. */
export async function preparePreflight(
  call: Call,
  given: { readonly config: Config; readonly rooms: Rooms; readonly selectors: readonly string[] },
): Promise<(ways: readonly Way[]) => Promise<Finding[]>> {
  const { preflight } = await import('../../mail/preflight/preflight.ts');
  const { config, rooms } = given;
  const dns = await dnsFor(call);
  const selectors = selectorsFrom(given.selectors);
  return (ways) => preflight(ways, { dns, clock: rooms.clock, url: config.url, selectors });
}

async function dnsFor(call: Call) {
  const { openDns } = await import('../../mail/preflight/answers.ts');
  const server = call.text('dns');
  try {
    return openDns(server);
  } catch {
    throw new UsageError(`--dns cannot be ${server}.`, 'Give the address of a DNS server, such as 1.1.1.1.');
  }
}

function selectorsFrom(texts: readonly string[]): readonly string[] {
  const wrong = texts.find((text) => !/^[\w-]+(?:\.[\w-]+)*$/.test(text));
  if (wrong === undefined) return texts;
  throw new UsageError(`--selector cannot be ${wrong}.`, 'Give what stands before ._domainkey, such as s1.');
}

function noWay(url: string): Finding {
  const [id, why] = ['mail', 'Without mail nobody signs in.'];
  if (isLoopbackHost(new URL(url).hostname))
    return { id, why, status: 'ok', what: 'Mail goes to the inbox of development.' };
  const fix = 'Set POSTERN_SMTP_URL, or run: postern mail provider add';
  return { id, why, status: 'fail', what: 'There is no way for mail to leave.', fix };
}
