import { z } from 'zod';
import type { DeliveryState } from '../../core/delivery.ts';
import type { Email } from '../../core/email.ts';
import type { Instant, MailId, ProviderId } from '../../core/ids.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Finding } from '../../platform/finding.ts';
import type { Outbound } from '../../platform/http/outbound.ts';
import type { Sender } from '../message.ts';
import type { Handover, OutgoingMail } from '../transport.ts';

/** What every provider is made with. */
export interface ProviderParts {
  readonly id: ProviderId;
  readonly sender: Sender;
  readonly outbound: Outbound;
  readonly clock: Clock;
  /** Development only: the owner's own endpoint may be on this machine, without TLS. */
  readonly local: boolean;
}

/** A request to our webhook, as it came in. */
export interface WebhookRequest {
  /** Lower-case names; the first value of each. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

/** What a provider says of a mail. */
export interface Report {
  /** The provider's name of this report: one that has been seen is not taken again. */
  readonly id: string;
  readonly mailId: MailId | undefined;
  readonly providerMessageId: string | undefined;
  readonly state: DeliveryState;
  readonly detail: string;
  readonly at: Instant;
}

/** `forged`: not proved to come from the provider. `stale`: proved, but too old to be the first time. */
export type Parsed = readonly Report[] | 'forged' | 'stale';

/** A provider that mail can be handed to. Nothing here rejects. */
export interface Provider {
  send(mail: OutgoingMail, signal?: AbortSignal): Promise<Handover>;
  /** Credentials, sender domain, tracking: what can be found out without sending. */
  check(): Promise<Finding[]>;
  parseWebhook?(request: WebhookRequest): Promise<Parsed>;
  /** Takes an address off the provider's own list; gives why it could not. */
  unsuppress?(email: Email): Promise<'lifted' | { readonly failed: string }>;
  close?(): Promise<void>;
}

/** How a field of a form is shown. */
export interface Label {
  readonly label: string;
  readonly help?: string;
}

/** One kind of provider: its form, and how to make one from what was filled in. */
export interface ProviderKind {
  readonly kind: string;
  readonly title: string;
  readonly options: z.ZodObject;
  readonly secrets: z.ZodObject;
  readonly labels: Readonly<Record<string, Label>>;
  /** Secrets that we make up where none is given: they are ours to tell the provider. */
  readonly made: readonly string[];
  /** What stands before the host in the webhook's address, where that is its proof. */
  readonly webhookLogin?: (secrets: Readonly<Record<string, string>>) => string;
  /** Throws a ZodError for what does not fit the form. */
  open(options: unknown, secrets: unknown, parts: ProviderParts): Provider;
}

type Labels<O extends z.ZodObject, S extends z.ZodObject> = Readonly<
  Record<keyof z.infer<O> | keyof z.infer<S>, Label>
>;

/** A kind whose `create` gets what its form says. */
export function defineKind<O extends z.ZodObject, S extends z.ZodObject>(
  kind: Omit<ProviderKind, 'open' | 'options' | 'secrets' | 'labels' | 'made'> & {
    readonly options: O;
    readonly secrets: S;
    readonly labels: Labels<O, S>;
    readonly made?: readonly (keyof z.infer<S> & string)[];
    create(given: z.infer<O> & z.infer<S>, parts: ProviderParts): Provider;
  },
): ProviderKind {
  const { create, ...rest } = kind;
  return {
    ...rest,
    made: kind.made ?? [],
    open: (options, secrets, parts) =>
      create({ ...kind.options.parse(options), ...kind.secrets.parse(secrets) }, parts),
  };
}

/** A secret as it was pasted: one word, without what a clipboard adds. */
export const secretText = z
  .string()
  .trim()
  .regex(/^[\x21-\x7e]{4,2000}$/, 'must be one word without spaces');

/** A name that goes into an address or a header. */
export const plainWord = z
  .string()
  .trim()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}$/, 'may have letters, digits and . _ : / -');

/** As a program writes it, or as a person types it. */
export const yesOrNo = z.union([z.boolean(), z.stringbool()]);
