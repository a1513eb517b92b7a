import type { Finding } from '../../platform/finding.ts';
import { parseSender, type Sender } from '../message.ts';
import { relayUrlOf } from '../providers/smtp-server.ts';
import type { ProviderView } from '../sending/providers.ts';
import { sessionOptions } from '../smtp.ts';
import { isWithin } from './domains.ts';
import { type Service, serviceOfHost, serviceOfKind } from './senders.ts';

/** A mail server that mail is handed to. */
export interface Relay {
  readonly host: string;
  readonly port: number;
  readonly tls: 'implicit' | 'starttls' | 'off';
}

/** One way for mail to leave, as far as it can be seen from here. */
export interface Way {
  /** Undefined for the server of the environment. */
  readonly providerId: string | undefined;
  readonly name: string;
  readonly sender: Sender;
  /** Undefined where somebody's own server, or something unknown, sends. */
  readonly service: Service | undefined;
  readonly relay: Relay | undefined;
  /** The domain by which SPF is judged; undefined where it is the service's own. */
  readonly envelope: string | undefined;
  /** The domain that DKIM signs for. */
  readonly signs: string;
}

/** The providers that are in use, or else the server of the environment. */
export function waysOf(
  providers: readonly ProviderView[],
  environment: { readonly smtpUrl?: string | undefined; readonly mailFrom: string },
): Way[] {
  const { smtpUrl, mailFrom } = environment;
  const used = providers.filter(({ enabled }) => enabled);
  if (used.length > 0) return used.map((view) => wayOf(view, mailFrom));
  if (smtpUrl === undefined) return [];
  const name = 'the server of POSTERN_SMTP_URL';
  return [smtpWay({ providerId: undefined, name, sender: parseSender(mailFrom) }, smtpUrl)];
}

function wayOf(view: ProviderView, mailFrom: string): Way {
  const who = { providerId: view.id, name: view.name, sender: parseSender(view.from ?? mailFrom) };
  if (view.kind === 'smtp') return smtpWay(who, relayUrlOf(view.options));
  const { domain } = view.options;
  const account = typeof domain === 'string' ? domain.toLowerCase() : who.sender.domain;
  return { ...who, relay: undefined, ...provedBy(serviceOfKind(view.kind), account) };
}

function smtpWay(who: Pick<Way, 'providerId' | 'name' | 'sender'>, url: string): Way {
  const { host = '', port, secure = false, ignoreTLS = false } = sessionOptions(url);
  const relay: Relay = {
    host,
    port: Number(port),
    tls: secure ? 'implicit' : ignoreTLS ? 'off' : 'starttls',
  };
  return { ...who, relay, ...provedBy(serviceOfHost(host), who.sender.domain) };
}

function provedBy(service: Service | undefined, domain: string): Pick<Way, 'service' | 'envelope' | 'signs'> {
  const kept = service?.envelope ?? 'ours';
  if (kept === 'theirs') return { service, envelope: undefined, signs: domain };
  const below = typeof kept === 'string' ? '' : `${kept.below}.`;
  return { service, envelope: `${below}${domain}`, signs: domain };
}

/** Whether the service gives its own customers addresses in the sender's domain: its DNS is not ours to set. */
export function isMailboxOfService({ service, sender }: Way): boolean {
  return service?.mailboxes?.some((domain) => isWithin(sender.domain, domain)) ?? false;
}

/** A finding without the words that every way shares. */
export type Found = Omit<Finding, 'id' | 'why'>;
