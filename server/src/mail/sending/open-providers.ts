import { z } from 'zod';
import type { ProviderId } from '../../core/ids.ts';
import { Problem } from '../../core/problems.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/database/database.ts';
import type { Outbound } from '../../platform/http/outbound.ts';
import type { Secrets } from '../../platform/secrets.ts';
import { parseSender } from '../message.ts';
import { providerKinds } from '../providers/kinds.ts';
import type { Provider } from '../providers/provider.ts';
import { Breaker } from './breaker.ts';
import { listProviders, type ProviderRecord } from './store.ts';

/** A process sees a change made by another one at the latest after this many milliseconds. */
const FRESH_FOR = 1000;

export interface OpeningParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly outbound: Outbound;
  /** The sender of providers that have none of their own. */
  readonly mailFrom: string;
  readonly local: boolean;
}

/** A provider that mail can be handed to, and how it has fared in this process. */
export interface OpenProvider {
  readonly record: ProviderRecord;
  /** Why it cannot be used, where it cannot. */
  readonly provider: Provider | string;
  readonly breaker: Breaker;
}

/** The providers of the store, opened once for each change of one. */
export interface OpenProviders {
  /** In the order in which they are tried; at most a second old. */
  current(): Promise<readonly OpenProvider[]>;
  /** As `current` last gave them. */
  snapshot(): readonly OpenProvider[];
  find(id: string): Promise<OpenProvider | undefined>;
  /** Reads them again, for who has just changed one. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

export function openProviders(parts: OpeningParts): OpenProviders {
  let open: readonly OpenProvider[] = [];
  let readAt: number | undefined;
  let reading: Promise<void> | undefined;
  const read = async () => {
    const at = parts.clock.now();
    const records = await parts.database.read(listProviders);
    const known = new Map(open.map((one) => [`${one.record.id} ${one.record.updatedAt}`, one]));
    const next = records.map((record) => {
      const same = known.get(`${record.id} ${record.updatedAt}`);
      return same ? { ...same, record } : { record, provider: opened(record, parts), breaker: new Breaker() };
    });
    const kept = new Set(next.map(({ provider }) => provider));
    const gone = open.filter(({ provider }) => !kept.has(provider));
    open = next;
    readAt = at;
    await Promise.all(gone.map(shut));
  };
  const refresh = () => {
    reading = (reading ?? Promise.resolve()).catch(() => undefined).then(read);
    return reading;
  };
  const current = async () => {
    const age = readAt === undefined ? -1 : parts.clock.now() - readAt;
    if (age < 0 || age >= FRESH_FOR) await refresh();
    return open;
  };
  return {
    current,
    snapshot: () => open,
    find: async (id) => (await current()).find(({ record }) => record.id === id),
    refresh,
    close: async () => {
      await Promise.all(open.map(shut));
      open = [];
    },
  };
}

async function shut({ provider }: OpenProvider): Promise<void> {
  if (typeof provider !== 'string') await provider.close?.();
}

/** What was stored fitted its form; a later release, another master secret or a damaged row may not. */
function opened(record: ProviderRecord, parts: OpeningParts): Provider | string {
  const secrets = unsealed(record, parts.secrets);
  const kind = providerKinds[record.kind];
  if (secrets === undefined) return 'its credentials were sealed with another master secret';
  if (kind === undefined) return `this release knows no provider ${record.kind}`;
  try {
    const { outbound, clock, local } = parts;
    const sender = parseSender(record.from ?? parts.mailFrom);
    return kind.open(record.options, secrets, { id: record.id, sender, outbound, clock, local });
  } catch (failure) {
    if (failure instanceof z.ZodError) return 'what is stored does not fit its form';
    if (failure instanceof Problem) return failure.detail;
    throw failure;
  }
}

const Secret = z.record(z.string(), z.string());

/** The credentials of a provider by their names. */
export function unsealed(
  record: Pick<ProviderRecord, 'id' | 'sealed'>,
  secrets: Secrets,
): Record<string, string> | undefined {
  const text = secrets.open('mail-credentials', record.sealed, record.id);
  return text === undefined ? undefined : Secret.parse(JSON.parse(text));
}

export function sealed(id: ProviderId, values: Readonly<Record<string, string>>, secrets: Secrets): string {
  return secrets.seal('mail-credentials', JSON.stringify(values), id);
}
