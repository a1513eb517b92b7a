import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { AppBrowser } from '../support/app-client.ts';
import { createMailbox } from '../support/mailbox.ts';
import { authorizeUrl } from '../support/oauth-requests.ts';
import { exchange, headerOf, type RawAnswer } from '../support/raw-http.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { begin, stateOf } from '../support/sign-in-steps.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';

/** What is typed, and the one address that may get a mail for it; none where the form is refused. */
const TYPED: ReadonlyArray<readonly [what: string, typed: string, reaches?: string]> = [
  ['a list with a comma', 'ada@acme.com,eve@evil.example'],
  ['a list with a semicolon', 'ada@acme.com;eve@evil.example'],
  ['a list with a space', 'ada@acme.com eve@evil.example'],
  ['a list with a tab', 'ada@acme.com\teve@evil.example'],
  ['a list with a line feed', 'ada@acme.com\neve@evil.example'],
  ['a list with a full-width comma', 'ada@acme.com，eve@evil.example'],
  ['a Bcc header', 'ada@acme.com\r\nBcc: eve@evil.example'],
  ['a Bcc header in front', 'eve@evil.example\r\nTo: ada@acme.com'],
  ['a header after a carriage return', 'ada@acme.com\rBcc: eve@evil.example'],
  ['a header after a line separator', 'ada@acme.com\u2028Bcc: eve@evil.example'],
  ['an encoded line break', 'ada@acme.com%0d%0aBcc:eve@evil.example'],
  ['an SMTP command', 'ada@acme.com>\r\nRCPT TO:<eve@evil.example'],
  ['the end of a message', 'ada@acme.com\r\n.\r\nMAIL FROM:<eve@evil.example>'],
  ['a group', 'friends: ada@acme.com, eve@evil.example;'],
  ['an empty group', 'undisclosed-recipients:;'],
  ['a display name', 'Ada <eve@evil.example>'],
  ['an address as a display name', '"ada@acme.com" <eve@evil.example>'],
  ['angle brackets', '<ada@acme.com>'],
  ['a quoted local part', '"eve@evil.example"@acme.com'],
  ['a quoted local part with a space', '"ada lovelace"@acme.com'],
  ['a comment', 'ada@acme.com(eve@evil.example)'],
  ['nested comments', `${'('.repeat(120)}ada@acme.com`],
  ['a source route', '@evil.example,@acme.com:ada@acme.com'],
  ['a percent route', 'eve%evil.example@acme.com'],
  ['a bang path', 'evil.example!eve@acme.com'],
  ['an encoded word', '=?utf-8?q?eve=40evil.example=3e=00?=x@acme.com'],
  ['a backslash', 'ada\\@evil.example@acme.com'],
  ['two at signs', 'ada@acme.com@evil.example'],
  ['a second at sign in the local part', 'eve@evil.example@acme.com'],
  ['an IPv4 domain literal', 'ada@[127.0.0.1]'],
  ['an IPv6 domain literal', 'ada@[IPv6:::1]'],
  ['an IPv4 address as domain', 'ada@127.0.0.1'],
  ['a number as domain', 'ada@2130706433'],
  ['a hexadecimal address as domain', 'ada@0x7f.1'],
  ['a host without a dot', 'ada@localhost'],
  ['a port', 'ada@acme.com:25'],
  ['a path', 'ada@acme.com/evil'],
  ['a query', 'ada@acme.com?cc=eve@evil.example'],
  ['a fragment', 'ada@acme.com#evil'],
  ['a mailto URL', 'mailto:ada@acme.com'],
  ['an underscore in the domain', 'ada@ac_me.com'],
  ['an empty label', 'ada@acme..com'],
  ['a trailing dot', 'ada@acme.com.'],
  ['a label that begins with a dash', 'ada@-acme.com'],
  ['a local part that begins with a dot', '.ada@acme.com'],
  ['a local part that ends in a dot', 'ada.@acme.com'],
  ['two dots', 'ada..l@acme.com'],
  ['no local part', '@acme.com'],
  ['no domain', 'ada@'],
  ['no at sign', 'ada'],
  ['nothing', ''],
  ['a NUL', 'ada\0@acme.com'],
  ['a NUL at the end', 'ada@acme.com\0.evil.example'],
  ['a delete character', 'ada\x7f@acme.com'],
  ['a full-width at sign', 'ada＠acme.com'],
  ['a small at sign', 'ada﹫acme.com'],
  ['a full-width letter in the domain', 'ada@ａcme.com'],
  ['a circled letter in the domain', 'ada@ⓐcme.com'],
  ['an ideographic full stop', 'ada@acme。com'],
  ['a Kelvin sign', '\u212Aate@acme.com'],
  ['a dotless i', 'adm\u0131n@acme.com'],
  ['a long s', 'bo\u017fs@acme.com'],
  ['a ligature', 'o\uFB03ce@acme.com'],
  ['a circled digit', 'ada\u2460@acme.com'],
  ['a Cyrillic local part', '\u0430da@acme.com'],
  ['a soft hyphen', 'a\u00adda@acme.com'],
  ['a zero-width space in the domain', 'ada@ac\u200bme.com'],
  ['a turning character', 'ada\u202e@acme.com'],
  ['an A-label with a comma', 'ada@xn--acme-2ra,.com'],
  ['a local part of 65 characters', `${'a'.repeat(65)}@acme.com`],
  [
    'more than 254 characters',
    `${'a'.repeat(60)}@${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.${'e'.repeat(20)}.com`,
  ],
  ['capitals', 'ADA@ACME.COM', 'ada@acme.com'],
  ['spaces around', '  ada@acme.com\n', 'ada@acme.com'],
  ['a tag', 'ada+sign-in@acme.com', 'ada+sign-in@acme.com'],
  ['an apostrophe', "o'brien@acme.com", "o'brien@acme.com"],
  ['a dash in front, like an option', '-oQ/tmp@acme.com', '-oq/tmp@acme.com'],
  ['a look-alike Cyrillic domain, sent to as what it is', 'ada@\u0430cme.com', 'ada@xn--cme-5cd.com'],
  ['an umlaut domain', 'ada@b\u00fccher.example', 'ada@xn--bcher-kva.example'],
];

const URLENCODED = 'application/x-www-form-urlencoded';

/** Forms that say the address in a way that two readers could take differently, or not at all. */
const SHAPED: ReadonlyArray<readonly [what: string, body: string | Buffer, type: string, status: number]> = [
  ['an array in brackets', 'email[]=ada@acme.com&email[]=eve@evil.example', URLENCODED, 400],
  ['an array in encoded brackets', 'email%5B0%5D=ada@acme.com', URLENCODED, 400],
  ['an object in brackets', 'email[value]=ada@acme.com', URLENCODED, 400],
  ['the address twice', 'email=ada@acme.com&email=eve@evil.example', URLENCODED, 400],
  ['the same address twice', 'email=ada@acme.com&email=ada@acme.com', URLENCODED, 400],
  ['a repeated field beside it', 'email=ada@acme.com&step=0&step=1', URLENCODED, 400],
  ['a prototype', '__proto__[email]=eve@evil.example', URLENCODED, 400],
  ['another case', 'Email=ada@acme.com', URLENCODED, 400],
  ['another name', 'address=ada@acme.com', URLENCODED, 400],
  ['a name without a value', 'email', URLENCODED, 400],
  ['no fields', '', URLENCODED, 400],
  ['a semicolon between fields', 'step=0;email=ada@acme.com', URLENCODED, 400],
  ['a NUL', 'email=ada%00@acme.com', URLENCODED, 400],
  ['invalid UTF-8', 'email=ada%ff@acme.com', URLENCODED, 400],
  ['raw invalid UTF-8', Buffer.from('email=ada\xff@acme.com', 'latin1'), URLENCODED, 400],
  ['an over-long encoding of the at sign', 'email=ada%c1%80acme.com', URLENCODED, 400],
  ['a broken escape', 'email=ada%4@acme.com', URLENCODED, 400],
  ['UTF-16', Buffer.from('email=ada@acme.com', 'utf16le'), `${URLENCODED}; charset=utf-16`, 400],
  ['JSON', '{"email":"ada@acme.com"}', 'application/json', 415],
  ['JSON with an array', '{"email":["ada@acme.com","eve@evil.example"]}', 'application/json', 415],
  ['JSON named as a form', '{"email":"ada@acme.com"}', URLENCODED, 400],
  ['plain text, as a foreign form sends it', 'email=ada@acme.com', 'text/plain', 415],
  [
    'multipart',
    '--x\r\nContent-Disposition: form-data; name="email"\r\n\r\nada@acme.com\r\n--x--\r\n',
    'multipart/form-data; boundary=x',
    415,
  ],
  ['XML', '<email>ada@acme.com</email>', 'application/xml', 415],
  ['an empty content type', 'email=ada@acme.com', '', 415],
  ['16 kB', `email=ada@acme.com&x=${'x'.repeat(17_000)}`, URLENCODED, 413],
  ['10,000 fields', Array.from({ length: 10_000 }, (_, at) => `f${at}=`).join('&'), URLENCODED, 413],
  [
    '4,000 fields',
    `${Array.from({ length: 2500 }, (_, at) => `${at.toString(36)}=`).join('&')}&email[]=x`,
    URLENCODED,
    400,
  ],
];

describe('An address that somebody types', () => {
  let server: TestServer;
  let sink: SmtpSink;
  let mailbox: ReturnType<typeof createMailbox>;
  before(async () => {
    sink = await startSmtpSink();
    mailbox = createMailbox();
    server = await startTestServer({ config: { smtpUrl: sink.url, mailFrom: 'Acme <sign-in@acme.com>' } });
  });
  after(async () => {
    await server.stop();
    await sink.close();
  });

  for (const [what, typed, reaches] of TYPED) {
    const ending =
      reaches === undefined ? 'is refused, and nothing is written or sent' : `reaches ${reaches}`;
    it(`with ${what} ${ending}`, async () => {
      const { browser, home } = await begin({ server, mailbox });
      const [known, stored] = [sink.recipients.length, await stateOf(server)];
      const answer = await browser.post(`${home}/start`, { email: typed });
      await server.mailIdle();
      assert.equal(answer.status, reaches === undefined ? 400 : 200);
      assert.deepEqual(sink.recipients.slice(known), reaches === undefined ? [] : [reaches]);
      if (reaches === undefined) {
        assert.match(answer.body, /id="fault"/, 'the page says what to correct');
        assert.deepEqual(await stateOf(server), stored);
      }
    });
  }

  for (const [what, body, type, status] of SHAPED) {
    it(`sent as ${what} is refused with ${status} and in words`, async () => {
      const { browser, home } = await begin({ server, mailbox });
      const [known, stored] = [sink.recipients.length, await stateOf(server)];
      const answer = await post(server, { path: `${home}/start`, body, type, browser });
      await server.mailIdle();
      assert.equal(answer?.status, status);
      assert.match(answer?.body ?? '', /id="fault"|"detail":"[^"]{10,}"|<dt>Error<\/dt>/);
      assert.deepEqual(sink.recipients.slice(known), []);
      assert.deepEqual(await stateOf(server), stored);
    });
  }

  it('counts only from the body of the form, never from its address', async () => {
    const { browser, home } = await begin({ server, mailbox });
    const known = sink.recipients.length;
    await browser.post(`${home}/start?email=eve@evil.example`, { email: 'grace@acme.com' });
    await server.mailIdle();
    assert.deepEqual(sink.recipients.slice(known), ['grace@acme.com']);
  });

  it('that comes as a hostile login_hint fills a field at most, and a look at the page sends nothing', async () => {
    const known = sink.recipients.length;
    for (const [, hint, reaches] of TYPED.filter(([, typed]) => typed !== '')) {
      const { page } = await begin({ server, mailbox }, { params: { login_hint: hint } });
      assert.equal(page.status, 200);
      assert.equal(page.body.includes('data-self-post'), reaches !== undefined, `self-posting for ${hint}`);
    }
    await server.mailIdle();
    assert.deepEqual(sink.recipients.slice(known), []);
  });

  it('gets a mail whose headers hold nothing that the request brought', async () => {
    const { browser, home } = await begin({ server, mailbox });
    await browser.post(
      `${home}/start`,
      { email: 'header@acme.com' },
      {
        'user-agent': 'Chrome/1 Bcc: eve@evil.example',
        'accept-language': 'x; Bcc: eve@evil.example',
        referer: 'http://evil.example/',
      },
    );
    const mail = await sink.waitFor('header@acme.com');
    const [head = ''] = mail.raw.split('\r\n\r\n');
    const names = [...head.matchAll(/^([A-Za-z-]+):/gm)].map(([, name]) => String(name).toLowerCase());
    assert.ok(!names.includes('bcc') && !names.includes('cc'));
    assert.equal(new Set(names).size, names.length, 'no header is there twice');
    assert.doesNotMatch(mail.raw, /evil\.example/);
  });

  it('never put a second recipient, or another header line, on the wire', () => {
    assert.doesNotMatch(sink.transcript(), /^(?:RCPT TO|MAIL FROM):<[^>]*evil/im);
    assert.doesNotMatch(sink.transcript(), /^b?cc:/im);
    assert.equal(sink.received.filter((mail) => mail.to.length !== 1).length, 0);
  });
});

/** A POST with exactly this content type, with the cookies of the browser. */
async function post(
  server: TestServer,
  request: { path: string; body: string | Buffer; type: string; browser: AppBrowser },
): Promise<RawAnswer | undefined> {
  const { path, body, type, browser } = request;
  const names = ['postern_interaction', 'postern_browser'];
  const answer = await exchange(server.port, {
    method: 'POST',
    target: path,
    headers: [
      ['Host', new URL(server.url).host],
      ['Origin', server.url],
      ['Content-Type', type],
      ['Cookie', names.map((name) => `${name}=${browser.cookie(name)}`).join('; ')],
    ],
    body,
  });
  assert.equal(answer && headerOf(answer, 'location'), undefined, authorizeUrl(server));
  return answer;
}
