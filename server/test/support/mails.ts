import type { Email } from '../../src/core/email.ts';
import type { OutgoingMail } from '../../src/mail/transport.ts';

/** An address as the tests write it, canonical or not. */
export const as = (address: string) => address as Email;

let made = 0;

/** A mail that says little. */
export function outgoing(to: string, rest: Partial<OutgoingMail> = {}): OutgoingMail {
  made += 1;
  return {
    to: as(to),
    subject: 'A subject',
    text: 'One line\nhttps://id.acme.com/l/q8Zk3vX0b2NfT7yLr1CwAg\n',
    html: '<!doctype html>\n<title>A subject</title>\n<p>One line</p>\n',
    messageId: `msg_${made}`,
    ...rest,
  };
}
