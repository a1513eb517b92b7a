import type { ProviderId } from '../../core/ids.ts';
import { SECOND } from '../../core/units.ts';
import { recordEvent } from '../../events/store.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/database/database.ts';
import type { Log } from '../../platform/log.ts';
import type { Handover, MailTransport, OutgoingMail } from '../transport.ts';
import type { OpenProvider, OpenProviders } from './open-providers.ts';

/**
 * A hand-over that takes a minute counts as abandoned, and the slowest provider alone takes fifty seconds:
 * after this long the next one is left for the next try.
 */
const HAND_ON_WITHIN = 8 * SECOND;

export interface FailoverParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn' | 'info' | 'error'>;
  readonly providers: OpenProviders;
  /** What the environment names; the providers of the store take over from it. */
  readonly bootstrap: MailTransport | undefined;
  /** Called for each mail that was handed to one provider. */
  readonly onHandover?: (to: { provider: string; kind: string; outcome: Handover['outcome'] }) => void;
}

/**
 * Hands mail to the first provider that works. The next one gets it only while it is certain that those
 * before have not: an unclear hand-over ends the search.
 */
export function createFailover(parts: FailoverParts): MailTransport {
  const news = createNews(parts);
  return {
    send: async (mail) => {
      const all = (await parts.providers.current()).filter(({ record }) => record.enabled);
      if (all.length > 0) return tryInOrder(parts, news, { mail, candidates: routed(all, mail.to) });
      if (!parts.bootstrap) return { outcome: 'unsent', reason: 'there is no mail provider' };
      const handover = await parts.bootstrap.send(mail);
      parts.onHandover?.({ provider: 'environment', kind: 'environment', outcome: handover.outcome });
      return handover;
    },
    close: async () => {
      await news.told();
      await parts.bootstrap?.close();
    },
  };
}

/** Those that name the recipient's domain before those that name none. */
function routed(providers: readonly OpenProvider[], to: string): readonly OpenProvider[] {
  const domain = to.slice(to.lastIndexOf('@') + 1);
  const named = providers.filter(({ record }) => record.domains.some((pattern) => matches(pattern, domain)));
  return [...named, ...providers.filter(({ record }) => record.domains.length === 0)];
}

function matches(pattern: string, domain: string): boolean {
  return pattern.startsWith('*.') ? domain.endsWith(pattern.slice(1)) : domain === pattern;
}

interface Try {
  readonly mail: OutgoingMail;
  readonly candidates: readonly OpenProvider[];
}

async function tryInOrder(parts: FailoverParts, news: News, { mail, candidates }: Try): Promise<Handover> {
  const { clock } = parts;
  const startedAt = clock.now();
  let last: Handover = {
    outcome: 'unsent',
    reason: candidates.length > 0 ? 'no mail provider works' : 'no mail provider is for this domain',
  };
  for (const candidate of candidates) {
    if (Math.abs(clock.now() - startedAt) > HAND_ON_WITHIN) break;
    const { provider, breaker, record } = candidate;
    if (typeof provider === 'string') {
      last = { outcome: 'unsent', reason: `${record.id}: ${provider}` };
      continue;
    }
    if (!breaker.admits(clock.now())) continue;
    const handover = await given(parts, candidate, () => provider.send(mail));
    judge(candidate, handover, { news, now: clock.now() });
    parts.onHandover?.({ provider: record.id, kind: record.kind, outcome: handover.outcome });
    if (!mayHandOn(handover)) return { ...handover, providerId: record.id };
    last = { ...handover, reason: `${record.id}: ${handover.reason}` };
    parts.log.warn(
      { mailId: mail.messageId, providerId: record.id, reason: handover.reason },
      'a provider took no mail',
    );
  }
  return last;
}

/** Whether it is certain that the provider does not have the mail, and possible that another one takes it. */
function mayHandOn(handover: Handover): handover is Extract<Handover, { readonly reason: string }> {
  return handover.outcome === 'unsent' || (handover.outcome === 'refused' && handover.aboutSender === true);
}

/** A provider that throws has a fault of ours: nobody knows what it had done by then. */
async function given(
  { log }: FailoverParts,
  { record }: OpenProvider,
  send: () => Promise<Handover>,
): Promise<Handover> {
  try {
    return await send();
  } catch (failure) {
    log.error({ failure, providerId: record.id }, 'a mail provider failed');
    return { outcome: 'unclear', reason: 'the mail provider failed' };
  }
}

function judge({ record, breaker }: OpenProvider, handover: Handover, at: { news: News; now: number }): void {
  if (handover.outcome === 'accepted' || handover.outcome === 'refused') {
    if (breaker.succeed()) at.news.tell({ ...record, isUp: true });
  } else if (handover.outcome === 'unsent' && handover.aboutRecipient === true) breaker.skip();
  else if (breaker.fail(at.now)) at.news.tell({ ...record, isUp: false, reason: handover.reason });
}

interface News {
  tell(change: { id: ProviderId; name: string; isUp: boolean; reason?: string }): void;
  told(): Promise<void>;
}

/** Writes down that a provider is up or down, beside the mails: none of them waits for it. */
function createNews({ database, clock, log }: FailoverParts): News {
  let telling = Promise.resolve();
  return {
    tell: ({ id, name, isUp, reason = '' }) => {
      const about = { providerId: id, name };
      if (isUp) log.info(about, 'a mail provider is back');
      else log.error({ ...about, reason }, 'a mail provider is down');
      const event = isUp
        ? ({ type: 'mail.provider_up', data: about } as const)
        : ({ type: 'mail.provider_down', data: { ...about, reason } } as const);
      telling = telling
        .then(() => database.write((q) => recordEvent(q, event, clock.now())))
        .catch((failure: unknown) => log.error({ failure }, 'an event of a mail provider was not written'));
    },
    told: () => telling,
  };
}
