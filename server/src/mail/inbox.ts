import type { Email } from '../core/email.ts';
import type { Instant } from '../core/ids.ts';
import type { Clock } from '../platform/clock.ts';
import { isCanonical, type MailTransport, type OutgoingMail } from './transport.ts';

export interface InboxMessage {
  readonly id: string;
  readonly to: Email;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly code: string | null;
  readonly link: string | null;
  readonly sentAt: Instant;
}

/** Which messages: to one address, and later than a known one. */
export interface InboxQuery {
  readonly to?: string;
  readonly after?: string;
}

/** Where the mails of a development server arrive: in its memory, the newest 200, and nowhere else. */
export interface Inbox extends MailTransport {
  /** Oldest first. An `after` that is not here any more leaves nothing out. */
  messages(query?: InboxQuery): InboxMessage[];
  /** The same, as soon as there is one; none after `milliseconds`, or when `signal` or `close` ends the wait. */
  waitFor(query: InboxQuery, milliseconds: number, signal?: AbortSignal): Promise<InboxMessage[]>;
}

const MESSAGES_MAX = 200;

export function createInbox(clock: Clock): Inbox {
  const kept: InboxMessage[] = [];
  const waiting = new Set<() => void>();
  let closed = false;
  const tellAll = () => {
    for (const look of [...waiting]) look();
  };
  const messages = ({ to, after }: InboxQuery = {}) => {
    const later = kept.slice(kept.findIndex(({ id }) => id === after) + 1);
    return to === undefined ? later : later.filter((message) => message.to === to);
  };
  return {
    messages,
    waitFor: (query, milliseconds, signal) =>
      new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer);
          waiting.delete(look);
          resolve(messages(query));
        };
        const look = () => {
          if (closed || signal?.aborted || messages(query).length > 0) done();
        };
        const timer = setTimeout(done, milliseconds);
        signal?.addEventListener('abort', look, { once: true });
        waiting.add(look);
        look();
      }),
    send: async (mail) => {
      if (!isCanonical(mail.to)) return { outcome: 'refused', reason: 'the address is not one we send to' };
      kept.push(messageOf(mail, clock.now()));
      kept.splice(0, kept.length - MESSAGES_MAX);
      tellAll();
      return { outcome: 'accepted' };
    },
    close: async () => {
      closed = true;
      tellAll();
    },
  };
}

function messageOf(mail: OutgoingMail, sentAt: Instant): InboxMessage {
  const { to, subject, text, html, facts = {} } = mail;
  return {
    id: mail.messageId,
    to,
    subject,
    text,
    html,
    code: facts.code ?? null,
    link: facts.link ?? null,
    sentAt,
  };
}
