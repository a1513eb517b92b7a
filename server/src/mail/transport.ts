import { domainToASCII } from 'node:url';
import { type Email, parseEmail } from '../core/email.ts';
import type { ProviderId } from '../core/ids.ts';

/** A mail as it leaves: one canonical recipient, both bodies written by hand. */
export interface OutgoingMail {
  readonly to: Email;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** The part of the Message-ID before the at sign; unique. */
  readonly messageId: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What the mail says, for the development inbox; no other transport may read it but to keep it out of logs. */
  readonly facts?: { readonly code?: string; readonly link?: string };
}

/**
 * What is known after a hand-over. `refused`: the provider said no for good, `suppressed` when it never sends
 * to this address. `unsent`: it certainly does not have the mail, another try is safe. `unclear`: it may have
 * it, so another try may send it twice. `aboutRecipient`: it is the recipient's own server that asks to wait;
 * `aboutSender`: it takes no mail from us, whoever it is for.
 */
export type Handover = (
  | { readonly outcome: 'accepted' }
  | {
      readonly outcome: 'refused';
      readonly reason: string;
      readonly suppressed?: true;
      readonly aboutSender?: true;
    }
  | { readonly outcome: 'unsent'; readonly reason: string; readonly aboutRecipient?: true }
  | { readonly outcome: 'unclear'; readonly reason: string }
) &
  HandedTo;

/** Who was given the mail, and under which name it goes there. */
export interface HandedTo {
  readonly providerId?: ProviderId;
  readonly providerMessageId?: string;
}

export interface MailTransport {
  send(mail: OutgoingMail): Promise<Handover>;
  close(): Promise<void>;
}

const REASON_MAX = 200;

/** Whether `to` is exactly what `parseEmail` gives: the last look at an address before it meets a wire. */
export function isCanonical(to: string): boolean {
  return parseEmail(to, domainToASCII) === to;
}

/** A provider's words as we keep and log them: one short line without addresses and without the mail's secrets. */
export function presentable(words: string, facts: OutgoingMail['facts'] = {}): string {
  const line = words.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').replace(/[^\s<>]+@[^\s<>]+/g, '(address)');
  const secrets = [facts.link, facts.link?.split('/').at(-1), facts.code].filter((secret) => !!secret);
  return secrets
    .reduce((text: string, secret) => text.replaceAll(`${secret}`, '…'), line)
    .slice(0, REASON_MAX);
}
