import { SECOND } from '../core/units.ts';
import { countEventTypes } from '../events/store.ts';
import type { Settled } from '../mail/ending.ts';
import type { FailoverParts } from '../mail/sending/failover.ts';
import type { OpenProviders } from '../mail/sending/open-providers.ts';
import { type OutboxRow, waitingMails } from '../mail/store.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/database.ts';
import { createMetrics, type Metrics } from '../platform/metrics.ts';

/** From a tenth of a second, which a relay nearby takes, to what a person no longer waits for. */
const SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** A transaction may commit this long after the instant of its events: younger ones are counted next time. */
const LATE_MAX = 30 * SECOND;

export interface ServerMetrics {
  readonly metrics: Metrics;
  readonly onHandover: NonNullable<FailoverParts['onHandover']>;
  readonly onSettled: (row: OutboxRow, state: Settled) => void;
}

interface Parts {
  readonly database: Database;
  readonly clock: Clock;
  readonly providers: OpenProviders;
  /** Several processes answer in turn: then each says which one it is. */
  readonly process: string | undefined;
}

/** What a server counts. Nothing in it names a person, an address or a secret. */
export function createServerMetrics(parts: Parts): ServerMetrics {
  const metrics = createMetrics(parts.process === undefined ? {} : { process: parts.process });
  const handovers = metrics.counter(
    'postern_mail_handovers_total',
    'Mails handed to one provider, by what it answered.',
  );
  const endings = metrics.counter('postern_mails_total', 'Mails by how their hand-over ended.');
  const latency = metrics.histogram(
    'postern_mail_accept_seconds',
    'From asking for a mail until a provider has accepted it.',
    SECONDS,
  );
  addProviders(metrics, parts);
  addOutbox(metrics, parts);
  addEvents(metrics, parts);
  addProcess(metrics);
  return {
    metrics,
    onHandover: ({ provider, kind, outcome }) => handovers.add({ provider, kind, outcome }),
    onSettled: (row, state) => {
      endings.add({ ending: state });
      if (state === 'sent') latency.observe((parts.clock.now() - row.createdAt) / SECOND);
    },
  };
}

function addProviders(metrics: Metrics, { providers }: Parts): void {
  metrics.gauge(
    'postern_mail_provider_up',
    '1 while mail is handed to a provider, 0 while it is down.',
    async () =>
      (await providers.current())
        .filter(({ record }) => record.enabled)
        .map(({ record, provider, breaker }) => ({
          value: Number(typeof provider !== 'string' && !breaker.isOpen),
          labels: { provider: record.id, kind: record.kind },
        })),
  );
}

function addOutbox(metrics: Metrics, { database, clock }: Parts): void {
  metrics.gauge(
    'postern_outbox_mails',
    'Mails that wait, or are being handed over, in the whole deployment.',
    async () => {
      const waiting = await database.read(waitingMails);
      return waiting.map(({ state, count }) => ({ value: count, labels: { state } }));
    },
  );
  metrics.gauge('postern_outbox_oldest_seconds', 'Age of the oldest mail that waits.', async () => {
    const waiting = await database.read(waitingMails);
    const oldest = waiting.map(({ oldestAt }) => oldestAt).filter((at) => at !== undefined);
    return [{ value: oldest.length === 0 ? 0 : (clock.now() - Math.min(...oldest)) / SECOND }];
  });
}

/** Sign-ins begun and proved, wrong codes, deliveries and bounces: what all processes have written down. */
function addEvents(metrics: Metrics, { database, clock }: Parts): void {
  const counts = new Map<string, number>();
  let from = clock.now() - LATE_MAX;
  let counting = Promise.resolve();
  const count = async () => {
    const until = clock.now() - LATE_MAX;
    if (until <= from) return;
    for (const { type, count: more } of await database.read((q) => countEventTypes(q, { from, until })))
      counts.set(type, (counts.get(type) ?? 0) + more);
    from = until;
  };
  metrics.gauge(
    'postern_events_total',
    'Events of the whole deployment since this process started, half a minute late.',
    async () => {
      counting = counting.catch(() => undefined).then(count);
      await counting;
      return [...counts].map(([type, value]) => ({ value, labels: { type } }));
    },
  );
}

function addProcess(metrics: Metrics): void {
  const memory = () => process.memoryUsage();
  metrics.gauge('process_resident_memory_bytes', 'Resident memory.', () => [{ value: memory().rss }]);
  metrics.gauge('postern_heap_used_bytes', 'Used heap.', () => [{ value: memory().heapUsed }]);
  metrics.gauge('postern_uptime_seconds', 'Since the process started.', () => [{ value: process.uptime() }]);
  metrics.gauge('process_cpu_seconds_total', 'Processor time.', () => {
    const { user, system } = process.cpuUsage();
    return [{ value: (user + system) / 1e6 }];
  });
}
