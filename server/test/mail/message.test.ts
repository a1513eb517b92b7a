import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { domainToASCII } from 'node:url';
import { parseEmail } from '../../src/core/email.ts';
import { createInbox } from '../../src/mail/inbox.ts';
import { composeMessage, parseSender } from '../../src/mail/message.ts';
import { createSmtpTransport } from '../../src/mail/smtp.ts';
import { type MailTransport, type OutgoingMail, presentable } from '../../src/mail/transport.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { outgoing } from '../support/mails.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';

const SENDER = parseSender('Acme <sign-in@id.acme.com>');
const AT = Date.UTC(2026, 10, 22, 14, 32, 5);
const compose = (rest: Partial<OutgoingMail> = {}) =>
  composeMessage(outgoing('ana@example.com', rest), SENDER, AT).toString('latin1');

/** The fields of the message itself, unfolded, by lower-case name. */
function fieldsOf(message: string): Map<string, string> {
  const [head = ''] = message.split('\r\n\r\n');
  const lines = head.replace(/\r\n[ \t]+/g, ' ').split('\r\n');
  return new Map(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
  );
}

describe('a message on the wire', () => {
  it('carries the fields of a mail that a machine sent to one person, and no others', () => {
    const { boundary } = /boundary="(?<boundary>[^"]+)"/.exec(compose({ messageId: 'msg_5' }))?.groups ?? {};
    const fields = fieldsOf(compose({ messageId: 'msg_5' }));
    fields.delete('content-type');
    assert.ok(boundary && boundary.length > 20);
    assert.deepEqual(Object.fromEntries(fields), {
      from: '"Acme" <sign-in@id.acme.com>',
      to: 'ana@example.com',
      subject: 'A subject',
      date: 'Sun, 22 Nov 2026 14:32:05 +0000',
      'message-id': '<msg_5@id.acme.com>',
      'x-entity-ref-id': 'msg_5',
      'auto-submitted': 'auto-generated',
      'x-auto-response-suppress': 'All',
      'mime-version': '1.0',
    });
  });

  it('has the text first, then the HTML, each whole and in short lines', () => {
    const message = compose();
    const types = [...message.matchAll(/^Content-Type: (text\/\w+); charset=utf-8\r$/gm)].map(
      ([, type]) => type,
    );
    assert.deepEqual(types, ['text/plain', 'text/html']);
    assert.match(message, /^https:\/\/id\.acme\.com\/l\/q8Zk3vX0b2NfT7yLr1CwAg\r$/m);
    assert.equal(/[^\r]\n|\r[^\n]/.test(message), false);
    assert.ok(message.split('\r\n').every((line) => line.length <= 998));
  });

  it('encodes long lines and whatever is not ASCII', () => {
    const message = compose({
      text: `${'x'.repeat(5000)}\n`,
      html: 'Grüße\n',
      subject: `Grüße ${'an alle '.repeat(30)}`,
    });
    assert.ok(message.split('\r\n').every((line) => line.length <= 78));
    assert.equal(/[^\t\r\n\x20-\x7e]/.test(message), false);
  });

  it('refuses values that would begin a new line or hide in one', () => {
    for (const control of [
      '\r\n',
      '\n',
      '\r',
      '\0',
      '\u0085',
      '\u2028',
      '\u2029',
      '\x1b',
      '\x7f',
      '\ud800',
    ]) {
      assert.throws(() => compose({ subject: `Hello${control}Bcc: eve@example.com` }), /control character/);
      assert.throws(() => compose({ headers: { 'X-Note': `a${control}b` } }), /control character/);
      assert.throws(() => parseSender(`Ac${control}me <a@acme.com>`), /configuration_invalid/);
    }
  });

  it('refuses fields that say who gets it, what it is, or break out of their name', () => {
    for (const name of [
      'Bcc',
      'cc',
      'To',
      'FROM',
      'Reply-To',
      'Resent-Bcc',
      'Subject',
      'Content-Type',
      'List-Unsubscribe',
      'X: y',
      'X\r\nBcc',
      '',
      'Ü',
    ])
      assert.throws(() => compose({ headers: { [name]: 'eve@example.com' } }), /may not set/, name);
    assert.equal(fieldsOf(compose({ headers: { 'X-Note': 'fine' } })).get('x-note'), 'fine');
  });

  it('refuses a Message-ID that is more than a word', () => {
    for (const messageId of ['', 'a b', 'a>', 'a\r\nX: y', 'a@b'])
      assert.throws(() => compose({ messageId }), /plain word/);
  });

  it('shows text that poses as encoded as the text it is', () => {
    const subject = 'Hi =?utf-8?Q?=0D=0ABcc:_eve=40example.com?=';
    assert.doesNotMatch(fieldsOf(compose({ subject })).get('subject') ?? '', /=0D=0A/);
  });

  it('writes a sender name as nothing but a name', () => {
    assert.equal(parseSender('sign-in@acme.com').field, 'sign-in@acme.com');
    assert.equal(parseSender('"Acme, Inc." <Sign-In@ACME.com>').field, '"Acme, Inc." <sign-in@acme.com>');
    assert.match(parseSender('Grüße <a@acme.com>').field, /^=\?UTF-8\?Q\?[\w=]+\?= <a@acme\.com>$/);
    for (const text of [
      '',
      'Acme',
      'a@b.com, c@d.com',
      'Acme <a@b.com> <c@d.com>',
      'Acme <a@b.com',
      'x <"a"@b.com>',
      'eve@x.com <a@b.com>, c@d.com',
    ])
      assert.throws(() => parseSender(text), /configuration_invalid/, text);
  });
});

describe('what is kept of a server answer', () => {
  it('is one short line without addresses and secrets', () => {
    const words = `550 5.1.1 <ana@example.com>:\r\n 482913 and https://id.acme.com/l/abcdef not wanted ${'x'.repeat(500)}`;
    const kept = presentable(words, { code: '482913', link: 'https://id.acme.com/l/abcdef' });
    assert.match(kept, /^550 5\.1\.1 <\(address\)>: … and … not wanted x+$/);
    assert.equal(kept.length, 200);
  });
});

/** Pushed straight at a transport, as if every check before it had been forgotten. */
const HOSTILE = [
  'victim@example.com,eve@evil.example',
  'victim@example.com, eve@evil.example',
  'victim@example.com;eve@evil.example',
  'victim@example.com eve@evil.example',
  'victim@example.com\teve@evil.example',
  'victim@example.com\neve@evil.example',
  'victim@example.com\r\nRCPT TO:<eve@evil.example>',
  'victim@example.com>\r\nRCPT TO:<eve@evil.example',
  'victim@example.com\r\nBcc: eve@evil.example',
  'victim@example.com%0d%0aBcc:eve@evil.example',
  'victim@example.com\0eve@evil.example',
  'Victim <eve@evil.example>',
  '<eve@evil.example>',
  'victim@example.com <eve@evil.example>',
  'Friends: victim@example.com, eve@evil.example;',
  'Friends:eve@evil.example;',
  '"eve@evil.example"@example.com',
  '"eve@evil.example> x"@example.com',
  '"a,eve"@evil.example',
  'eve@evil.example(comment)@example.com',
  '(eve@evil.example)victim@example.com',
  'victim(\r\n)@example.com',
  '@evil.example:victim@example.com',
  'victim%evil.example@example.com@',
  'evil.example!eve@',
  'victim@example.com@evil.example',
  'victim@[127.0.0.1]',
  'victim@[IPv6:::1]',
  'victim@localhost',
  'victim@127.0.0.1',
  'victim@1',
  'victim＠example.com',
  'victim@ｅxample.com',
  'victim@example。com',
  'victim@exa\u00admple.com',
  'victim@exa\u200bmple.com',
  'vict\u202eim@example.com',
  '\u212aate@example.com',
  'v\u0131ct\u0131m@example.com',
  'Victim@Example.com',
  ' victim@example.com',
  'victim@example.com ',
  'victim@example.com.',
  'victim@.example.com',
  'victim@example..com',
  '.victim@example.com',
  'vic..tim@example.com',
  'victim@-example.com',
  'victim@münchen.example',
  '=?utf-8?q?eve=40evil.example=2c?=@example.com,eve@evil.example',
  '=?x?q?eve=40evil.example=3e=00?=foo@example.com\0',
  `${'a'.repeat(65)}@example.com`,
  `a@${'a.'.repeat(130)}com`,
  `${'('.repeat(5000)}@example.com`,
  'victim@example.com\\eve',
  'victim@example.com#',
  'victim@example.com/eve',
  '',
  '@',
  '-oQ/tmp -X/tmp/x eve@evil.example',
  'eve%evil.example@example.com',
  'evil.example!eve@example.com',
  '=?utf-8?q?eve=40evil.example?=@example.com',
];

/** Odd, but one canonical address each. */
const CANONICAL = ["o'brien+x@example.com", 'a=b/c#d@example.com', 'a@xn--mnchen-3ya.example'];

describe('an address that is not exactly one canonical address', () => {
  let sink: SmtpSink;
  let smtp: MailTransport;
  before(async () => {
    sink = await startSmtpSink();
    smtp = createSmtpTransport({ url: sink.url, from: 'sign-in@acme.com', clock: systemClock });
  });
  afterEach(() => {
    sink.recipients.length = 0;
  });
  after(async () => {
    await smtp.close();
    await sink.close();
  });

  it(`reaches nobody by SMTP (${HOSTILE.length} ways)`, async () => {
    for (const address of HOSTILE) {
      const handover = await smtp.send(outgoing(address));
      assert.equal(handover.outcome, 'refused', JSON.stringify(address));
    }
    assert.deepEqual(sink.recipients, []);
    assert.equal(sink.transcript(), '');
  });

  it('reaches nobody in the development inbox either', async () => {
    const inbox = createInbox(systemClock);
    for (const address of HOSTILE) assert.equal((await inbox.send(outgoing(address))).outcome, 'refused');
    assert.deepEqual(inbox.messages(), []);
  });

  it('leads to one recipient at most, whatever its canonical form is', async () => {
    const canonical = [...HOSTILE, ...CANONICAL].map((text) => parseEmail(text, domainToASCII));
    const addresses = canonical.filter((address) => typeof address === 'string');
    for (const text of CANONICAL)
      assert.ok(
        addresses.some((address) => address === text.toLowerCase()),
        text,
      );
    for (const address of addresses) assert.equal((await smtp.send(outgoing(address))).outcome, 'accepted');
    assert.deepEqual(sink.recipients, addresses);
    assert.doesNotMatch(sink.transcript(), /^RCPT TO:<[^>]*evil\.example>/m);
  });
});
