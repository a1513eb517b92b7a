import type { Handover, MailTransport, OutgoingMail } from '../../src/mail/transport.ts';

/** A stand-in for the way mails leave: everything is accepted, kept, and can be read at once. */
export interface Mailbox {
  readonly transport: MailTransport;
  readonly mails: OutgoingMail[];
  to(address: string): OutgoingMail[];
}

export function createMailbox(): Mailbox {
  const mails: OutgoingMail[] = [];
  const send = async (mail: OutgoingMail): Promise<Handover> => {
    mails.push(mail);
    return { outcome: 'accepted' };
  };
  return {
    transport: { send, close: async () => undefined },
    mails,
    to: (address) => mails.filter((mail) => mail.to === address),
  };
}

/** The code a person reads in a mail: the group of digits or letters in its subject. */
export function codeIn(mail: OutgoingMail): string {
  const [, code = ''] = /^([0-9A-Z]{2,}(?: [0-9A-Z]{2,})?) is your /.exec(mail.subject) ?? [];
  return code.replaceAll(' ', '');
}

/** The path of the link in a mail, below our own origin. */
export function linkIn(mail: OutgoingMail): string {
  const link = /https?:\/\/\S+\/l\/\S+/.exec(mail.text)?.[0];
  if (link === undefined) throw new Error(`there is no link in the mail "${mail.subject}"`);
  return new URL(link).pathname;
}

/** The path of the link in a mail by which its reader says that they did not ask for it. */
export function notMeIn(mail: Pick<OutgoingMail, 'text'> | undefined): string {
  const path = /\/not-me\/[\w-]{22}/.exec(mail?.text ?? '')?.[0];
  if (path === undefined) throw new Error('there is no such link in the mail');
  return path;
}
