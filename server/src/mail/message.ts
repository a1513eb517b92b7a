import { domainToASCII } from 'node:url';
import { encodeWord, encodeWords, foldLines, quoteString } from 'nodemailer/lib/mime-funcs';
import { encode, wrap } from 'nodemailer/lib/qp';
import { type Email, parseEmail } from '../core/email.ts';
import type { Instant } from '../core/ids.ts';
import { Problem } from '../core/problems.ts';
import { random } from '../platform/random.ts';
import type { OutgoingMail } from './transport.ts';

/** Who mails come from: the address, its domain, and the value of the From field. */
export interface Sender {
  readonly address: Email;
  readonly domain: string;
  readonly name: string;
  readonly field: string;
}

/** Fields that a message sets itself, or that would widen who gets it. */
const RESERVED =
  /^(from|sender|reply-to|to|cc|bcc|resent-.*|return-path|subject|date|message-id|mime-version|content-.*|auto-submitted|list-.*|received|dkim-.*)$/i;

const FIELD_NAME = /^[A-Za-z][A-Za-z0-9-]{0,60}$/;

/** RFC 5322 2.1.1 allows 998 octets; what is longer is folded or encoded. */
const LINE_MAX = 900;

/** Reads `address` or `Name <address>`; refuses (`configuration_invalid`) anything else. */
export function parseSender(text: string): Sender {
  const [, name = '', bracketed] = /^\s*(?:"?([^"<>]*?)"?\s*)<([^<>]+)>\s*$/.exec(text) ?? [];
  const address = parseEmail(bracketed ?? text, domainToASCII);
  if (typeof address !== 'string' || isUnprintable(name)) {
    throw new Problem(
      'configuration_invalid',
      `Mail cannot come from ${JSON.stringify(text)}. Give one address, with or without a name: "Acme <sign-in@acme.com>".`,
    );
  }
  const domain = address.slice(address.lastIndexOf('@') + 1);
  return { address, domain, name, field: name === '' ? address : `${displayName(name)} <${address}>` };
}

/**
 * The mail as bytes for the wire (RFC 5322, multipart/alternative). Throws when a field holds a control
 * character: such a value was made to break out of its line, and what wrote it is at fault.
 */
export function composeMessage(mail: OutgoingMail, sender: Sender, at: Instant): Buffer {
  const boundary = `=_${random.token(128)}`;
  const fields = [
    `From: ${sender.field}`,
    `To: ${mail.to}`,
    field('Subject', mail.subject),
    `Date: ${new Date(at).toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${mail.messageId}@${sender.domain}>`,
    `X-Entity-Ref-ID: ${mail.messageId}`,
    'Auto-Submitted: auto-generated',
    'X-Auto-Response-Suppress: All',
    ...Object.entries(mail.headers ?? {}).map(([name, value]) => extraField(name, value)),
    'MIME-Version: 1.0',
    `Content-Type: multipart/alternative; boundary="${boundary}"`,
  ];
  if (!/^[A-Za-z0-9_.-]+$/.test(mail.messageId)) throw new Error('a Message-ID needs a plain word');
  const parts = [part('text/plain', mail.text), part('text/html', mail.html)];
  const body = parts.map((content) => `--${boundary}\r\n${content}\r\n`).join('');
  return Buffer.from(`${fields.join('\r\n')}\r\n\r\n${body}--${boundary}--\r\n`);
}

function part(type: string, content: string): string {
  const lines = content.replace(/\r\n?|\n/g, '\r\n');
  const plain = isAscii(lines) && lines.split('\n').every((line) => line.length < LINE_MAX);
  const [encoding, body] = plain ? ['7bit', lines] : ['quoted-printable', wrap(encode(lines))];
  return `Content-Type: ${type}; charset=utf-8\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${body}`;
}

function extraField(name: string, value: string): string {
  if (!FIELD_NAME.test(name) || RESERVED.test(name)) throw new Error(`a mail may not set the field ${name}`);
  return field(name, value);
}

/** A field of free text (RFC 2047 where it is not ASCII). Text that poses as encoded is encoded once more. */
function field(name: string, value: string): string {
  if (isUnprintable(value)) throw new Error(`the field ${name} holds a control character`);
  const line = `${name}: ${value.includes('=?') ? encodeWord(value, 'Q', 52) : isAscii(value) ? value : encodeWords(value, 'Q', 52)}`;
  return line.length > 76 ? foldLines(line, 76) : line;
}

function displayName(name: string): string {
  return isAscii(name) && !name.includes('=?') ? quoteString(name) : encodeWord(name, 'Q', 52);
}

function isUnprintable(value: string): boolean {
  return /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u.test(value);
}

function isAscii(text: string): boolean {
  return !/[^\t\r\n\x20-\x7e]/.test(text);
}
