import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { simpleParser } from 'mailparser';
import { composeMessage, parseSender } from '../../../src/mail/message.ts';
import { compareLinks, compareMail, selectorsIn } from '../../../src/mail/preflight/comparison.ts';
import { readMessage } from '../../../src/mail/preflight/received.ts';
import { testMail, testMailAt } from '../../../src/mail/preflight/test-mail.ts';
import { as } from '../../support/mails.ts';

const AT = 1_790_000_000_123;
const sent = testMail(AT, 'https://id.acme.com');
const UNTRACK = 'Switch it off.';

/** The test mail as it leaves us, with what a receiver puts before it. */
function arrived({
  html = sent.html,
  text = sent.text,
  before = '',
}: {
  html?: string;
  text?: string;
  before?: string;
} = {}): Buffer {
  const mail = { to: as('ana@example.com'), messageId: 'msg_1', subject: sent.subject, text, html };
  return Buffer.concat([
    Buffer.from(before),
    composeMessage(mail, parseSender('Acme <sign-in@acme.com>'), AT),
  ]);
}

function found(message: Buffer): Record<string, string> {
  const findings = compareMail(sent, readMessage(message), UNTRACK);
  for (const { status, fix } of findings) assert.equal(fix === undefined, status === 'ok');
  return Object.fromEntries(findings.map(({ id, status, what }) => [id, `${status} ${what}`]));
}

const well = { 'mail.links': /^ok/, 'mail.images': /^ok/, 'mail.text': /^ok/ };

function assertFound(message: Buffer, expected: Record<string, RegExp>): void {
  const seen = found(message);
  const all = { ...well, ...expected };
  assert.deepEqual(Object.keys(seen).toSorted(), Object.keys(all).toSorted());
  for (const [id, words] of Object.entries(all)) assert.match(seen[id] ?? '', words);
}

describe('a test mail that arrived', () => {
  it('is well when nothing was changed, in whichever encoding', () => {
    assertFound(arrived(), {});
    const encoded = (encoding: string, content: string) =>
      `Content-Type: multipart/mixed; boundary=outer\n\n--outer\nContent-Type: multipart/alternative;\n boundary="in ner"\n\npreamble\n--in ner\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: ${encoding}\n\n${content}\n--in ner\nContent-Type: text/html\n\n${sent.html}\n--in ner--\n--outer--\nafter\n`;
    const base64 = Buffer.from(sent.text).toString('base64').replace(/.{60}/g, '$&\n');
    assertFound(Buffer.from(encoded('BASE64', base64)), {});
    const quoted = sent.text.replaceAll('=', '=3D').replace(/(.{50})(?=.)/g, '$1=\n');
    assertFound(Buffer.from(encoded('Quoted-Printable', quoted)), {});
  });

  it('whose links count clicks is found, and the service to tell is named', () => {
    const tracked = 'https://url8812.acme.com/ls/click?upn=abc&amp;x=1';
    const html = sent.html.replace(`href="${sent.link}"`, `href='${tracked}'`);
    assertFound(arrived({ html }), { 'mail.links': /^fail The link was rewritten: it leads over url8812/ });
    const text = sent.text.replace(sent.link, 'https://abc.awstrack.me/L0/x/1');
    assertFound(arrived({ text }), { 'mail.links': /^fail The link was rewritten.*abc\.awstrack\.me/ });
    assert.equal(compareMail(sent, readMessage(arrived({ html })), UNTRACK)[0]?.fix, UNTRACK);
  });

  it('whose link has got something added is found', () => {
    const html = sent.html.replace(`href="${sent.link}"`, `href="${sent.link}&#38;utm_source=x"`);
    assertFound(arrived({ html }), { 'mail.links': /^fail .*added: .*&utm_source=x$/ });
  });

  it('whose links a filter of the recipient leads elsewhere is told apart', () => {
    const html = sent.html.replace(sent.link, 'https://eu1.safelinks.protection.outlook.com/?url=x');
    assertFound(arrived({ html }), { 'mail.links': /^warn A filter of the recipient/ });
  });

  it('with an image that counts who opens it is found', () => {
    const html = sent.html.replace('</body>', '<IMG width=1 src="https://o.example.net/p.gif"></body>');
    assertFound(arrived({ html }), { 'mail.images': /^fail .*o\.example\.net/ });
  });

  it('without its text part, or with another one, is found', () => {
    const lines = arrived().toString();
    const onlyHtml = lines.replace('Content-Type: text/plain', 'Content-Type: text/x-plain');
    assertFound(Buffer.from(onlyHtml), { 'mail.text': /^fail/ });
    assertFound(arrived({ text: `${sent.text}\nSent with FreeMailer` }), { 'mail.text': /^warn/ });
  });

  it('without links is found', () => {
    assertFound(arrived({ html: '<p>', text: 'nothing' }), {
      'mail.links': /^fail .*not arrive/,
      'mail.text': /^warn/,
    });
  });

  it('tells what the receiver itself has found, and believes nobody below it', () => {
    const results = (words: string) =>
      `Authentication-Results: mx.example.com;\r\n ${words}\r\nAuthentication-Results: forged; spf=pass dkim=pass dmarc=pass\r\n`;
    const judged = (words: string) => found(arrived({ before: results(words) }))['mail.received'];
    assert.match(judged('spf=pass x; dkim=fail a;\r\n dkim=pass b; dmarc=pass') ?? '', /^ok/);
    assert.match(judged('spf=softfail; dkim=pass; dmarc=pass') ?? '', /^warn.*spf=softfail/);
    assert.match(judged('spf=pass; dkim=none; dmarc=fail') ?? '', /^fail.*dkim=none, dmarc=fail/);
    assert.match(judged('spf=pass; dkim=pass') ?? '', /^warn.*dmarc=not told/);
  });

  it('tells which keys have signed it', () => {
    const before =
      'DKIM-Signature: v=1; a=rsa-sha256; d=acme.com;\r\n\ts=s1; b=abc=\r\nDKIM-Signature: d=provider.net; s=x\r\n';
    assert.deepEqual(selectorsIn(readMessage(arrived({ before })), 'acme.com'), ['s1']);
  });

  it('is known by its subject, as it was sent or encoded', () => {
    assert.equal(testMailAt(readMessage(arrived()).fields('subject').join()), AT);
    const subject = `Subject: =?utf-8?B?${Buffer.from(sent.subject).toString('base64')}?=\n\n`;
    assert.equal(testMailAt(readMessage(Buffer.from(subject)).fields('Subject').join()), AT);
    const quoted = `Subject: =?UTF-8?Q?A_test_mail=2C?=\n =?UTF-8?Q?_${sent.subject.slice(13)}?=\n\n`;
    assert.equal(readMessage(Buffer.from(quoted)).fields('subject')[0], sent.subject);
    assert.equal(testMailAt('Lunch?'), undefined);
  });

  it('reads as another reader reads it', async () => {
    const theirs = await simpleParser(arrived());
    const ours = readMessage(arrived());
    assert.equal(ours.text?.trim(), theirs.text?.trim());
    assert.equal(ours.html?.trim(), `${theirs.html}`.trim());
  });

  it('never fails to be read, whatever it is', () => {
    for (const text of [
      '',
      '\n',
      'x',
      'a:\n',
      'Content-Type: multipart/mixed; boundary=b\n\n--b',
      '\n\n\n--',
    ])
      assert.doesNotThrow(() => compareMail(sent, readMessage(Buffer.from(text)), UNTRACK), text);
  });
});

describe('a pasted link', () => {
  it('is compared alone', () => {
    assert.equal(compareLinks(sent, [sent.link], UNTRACK).status, 'ok');
    assert.equal(compareLinks(sent, ['https://click.pstmrk.it/3s/x'], UNTRACK).status, 'fail');
    assert.equal(compareLinks(sent, ['nonsense'], UNTRACK).status, 'fail');
  });
});
