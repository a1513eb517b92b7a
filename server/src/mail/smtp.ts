import { isIP } from 'node:net';
import type { Instant } from '../core/ids.ts';
import { Problem } from '../core/problems.ts';
import { SECOND } from '../core/units.ts';
import type { Clock } from '../platform/clock.ts';
import { composeMessage, parseSender, type Sender } from './message.ts';
import { SmtpPool } from './smtp-pool.ts';
import type { Delivery, SessionOptions, SmtpError } from './smtp-session.ts';
import {
  type Handover,
  isCanonical,
  type MailTransport,
  type OutgoingMail,
  presentable,
} from './transport.ts';

/** Hand-overs at the same moment; relays start to refuse a little above this. */
const CONNECTIONS_MAX = 8;

/** Until the server has greeted and TLS is up. */
const CONNECT_MAX = 5 * SECOND;

export interface SmtpParts {
  readonly url: string;
  /** `Name <address>` or an address. */
  readonly from: string;
  readonly clock: Clock;
  /** Milliseconds of silence during a hand-over that mean trouble; ten seconds by default. */
  readonly silenceMax?: number;
}

/**
 * Hands mail to a server by SMTP. `url`: `smtps://user:pass@host:465` speaks TLS from the start,
 * `smtp://user:pass@host:587` insists on STARTTLS, except on this machine itself or with `?tls=off` for a
 * network that is yours alone. Certificates are always checked. Refuses other URLs (`configuration_invalid`).
 */
export function createSmtpTransport(given: SmtpParts): MailTransport {
  const sender = parseSender(given.from);
  const patience = given.silenceMax === undefined ? {} : { silenceMax: given.silenceMax };
  const pool = new SmtpPool({ ...sessionOptions(given.url), ...patience }, CONNECTIONS_MAX);
  const envelope = { from: sender.address };
  return {
    send: async (mail) => {
      if (!isCanonical(mail.to)) return { outcome: 'refused', reason: 'the address is not one we send to' };
      const message = attemptMessage(mail, sender, given.clock.now());
      if (typeof message === 'string') return { outcome: 'refused', reason: message };
      return judge(await deliver(pool, { ...envelope, to: mail.to }, message), mail);
    },
    close: async () => pool.close(),
  };
}

/** Reads the URL of a mail server; nothing in it can weaken TLS but the words documented above. */
export function sessionOptions(url: string): SessionOptions {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const secure = parsed?.protocol === 'smtps:';
  if (!parsed || (!secure && parsed.protocol !== 'smtp:') || parsed.hostname === '')
    throw unusable('it is no such URL');
  const unknown = [...parsed.searchParams.keys()].find((name) => name !== 'tls');
  if (unknown !== undefined) throw unusable(`it has no option ${unknown}`);
  const tls = parsed.searchParams.get('tls');
  if (tls !== null && (tls !== 'off' || secure)) throw unusable('only smtp:// takes tls=off');
  const host = parsed.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const plain = tls === 'off' || isLoopback(host);
  const user = decoded(parsed.username);
  return {
    host,
    port: Number(parsed.port) || (secure ? 465 : 587),
    secure,
    requireTLS: !secure && !plain,
    ignoreTLS: !secure && plain,
    connectionTimeout: CONNECT_MAX,
    greetingTimeout: CONNECT_MAX,
    dnsTimeout: CONNECT_MAX,
    ...(user === '' ? {} : { login: { user, pass: decoded(parsed.password) } }),
  };
}

/** The bytes to send, or why there are none: a mail that cannot be written is not worth a second try. */
function attemptMessage(mail: OutgoingMail, sender: Sender, at: Instant): Buffer | string {
  try {
    return composeMessage(mail, sender, at);
  } catch (failure) {
    return presentable(`${failure}`, mail.facts);
  }
}

/** A kept connection may turn out to be dead; when not a byte of the message left, a new one is tried at once. */
async function deliver(
  pool: SmtpPool,
  envelope: { from: string; to: string },
  message: Buffer,
): Promise<Delivery> {
  try {
    let used = 0;
    const first = await pool.use((session) => {
      used = session.used;
      return session.send(envelope, message);
    });
    const wasDead = used > 0 && !first.accepted && !first.began && isConnectionTrouble(first.error);
    return wasDead ? await pool.use((session) => session.send(envelope, message), true) : first;
  } catch (failure) {
    return {
      accepted: false,
      began: false,
      error: failure instanceof Error ? failure : new Error(`${failure}`),
    };
  }
}

function judge(delivery: Delivery, mail: OutgoingMail): Handover {
  if (delivery.accepted) return { outcome: 'accepted' };
  const { began, error } = delivery;
  const reason = presentable(error.message, mail.facts);
  if (isAnswer(error)) return answered(error, reason);
  return { outcome: began ? 'unclear' : 'unsent', reason };
}

/** The server's word about this mail: about its sender, its recipient, or all of it after the last byte. */
function isAnswer(error: SmtpError): boolean {
  const aboutMail = error.code === 'EENVELOPE' || error.code === 'EMESSAGE';
  return aboutMail && error.responseCode !== undefined && error.responseCode >= 400;
}

/** RFC 5321 4.2.1; 503 says that the conversation went wrong, not that the mail is unwelcome. */
function isPermanent({ responseCode = 0 }: SmtpError): boolean {
  return responseCode >= 500 && responseCode !== 503;
}

function answered(error: SmtpError, reason: string): Handover {
  if (!isPermanent(error))
    return { outcome: 'unsent', reason, ...(error.command === 'RCPT TO' && { aboutRecipient: true }) };
  return { outcome: 'refused', reason, ...(error.command === 'MAIL FROM' && { aboutSender: true }) };
}

function isConnectionTrouble(error: SmtpError): boolean {
  return !isAnswer(error) || error.responseCode === 421;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw unusable('a % in its user or password is not followed by two hexadecimal digits');
  }
}

function unusable(why: string): Problem {
  return new Problem(
    'configuration_invalid',
    `The URL of the mail server cannot be used: ${why}. Write smtps://user:password@host:465 or smtp://user:password@host:587.`,
  );
}
