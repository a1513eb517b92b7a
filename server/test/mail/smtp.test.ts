import assert from 'node:assert/strict';
import { createServer, type Server, type Socket } from 'node:net';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSmtpTransport, sessionOptions } from '../../src/mail/smtp.ts';
import type { MailTransport } from '../../src/mail/transport.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { outgoing } from '../support/mails.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';

const transports: MailTransport[] = [];
const smtp = (url: string, from = 'Acme <sign-in@acme.com>') => {
  const transport = createSmtpTransport({ url, from, clock: systemClock });
  transports.push(transport);
  return transport;
};
/** Also after a failed assertion: an open server would keep the run from ending. */
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const transport of transports.splice(0)) await transport.close();
  for (const close of closers.splice(0)) await close();
});

/** A sink of one test's own. */
async function ownSink(options: Parameters<typeof startSmtpSink>[0] = {}): Promise<SmtpSink> {
  const sink = await startSmtpSink(options);
  closers.push(() => sink.close());
  return sink;
}

describe('handing mail to a server', () => {
  let sink: SmtpSink;
  before(async () => {
    sink = await startSmtpSink();
  });
  after(() => sink.close());
  afterEach(() => sink.trouble());

  it('reaches exactly the one recipient with both parts', async () => {
    assert.deepEqual(await smtp(sink.url).send(outgoing('ana@example.com')), { outcome: 'accepted' });
    const mail = await sink.waitFor('ana@example.com');
    assert.deepEqual(mail.to, ['ana@example.com']);
    assert.equal(mail.from, 'sign-in@acme.com');
    const parsed = await mail.parsed();
    assert.equal(parsed.text, outgoing('x').text);
    assert.equal(parsed.html, outgoing('x').html);
  });

  it('keeps its connection for the next mail', async () => {
    const transport = smtp(sink.url);
    const opened = sink.connections();
    for (let sent = 0; sent < 5; sent += 1) await transport.send(outgoing('ana@example.com'));
    assert.equal(sink.connections() - opened, 1);
  });

  it('opens no more than eight connections, and sends all of many mails', async () => {
    const transport = smtp(sink.url);
    const opened = sink.connections();
    const mails = Array.from({ length: 60 }, (_, at) => outgoing(`many${at}@example.com`));
    const results = await Promise.all(mails.map((mail) => transport.send(mail)));
    assert.ok(results.every(({ outcome }) => outcome === 'accepted'));
    assert.ok(sink.connections() - opened <= 8);
    assert.equal(new Set(sink.mails.flatMap(({ to }) => to).filter((to) => to.startsWith('many'))).size, 60);
  });

  it('starts a new connection after a hundred mails', async () => {
    const transport = smtp(sink.url);
    const opened = sink.connections();
    for (let sent = 0; sent < 101; sent += 1) await transport.send(outgoing('ana@example.com'));
    assert.equal(sink.connections() - opened, 2);
  });

  for (const at of ['mail', 'rcpt', 'data'] as const) {
    it(`says refused after a 5xx to ${at}, and keeps the connection for the next mail`, async () => {
      const transport = smtp(sink.url);
      await transport.send(outgoing('before@example.com'));
      const opened = sink.connections();
      sink.trouble({ at, code: 550, says: 'no such user <ana@example.com>', times: 1 });
      const refused = await transport.send(outgoing('ana@example.com'));
      assert.equal(refused.outcome, 'refused');
      assert.match('reason' in refused ? refused.reason : '', /550/);
      assert.doesNotMatch('reason' in refused ? refused.reason : '', /ana@/);
      await sleep(50); // for the server's answer to RSET
      assert.equal((await transport.send(outgoing('next@example.com'))).outcome, 'accepted');
      assert.equal(sink.connections(), opened);
    });

    it(`says unsent after a 4xx to ${at}`, async () => {
      sink.trouble({ at, code: 451, times: 1 });
      assert.equal((await smtp(sink.url).send(outgoing('ana@example.com'))).outcome, 'unsent');
    });
  }

  it('says unsent when the server turns it away at the door', async () => {
    sink.trouble({ at: 'connect', code: 554, times: 1 });
    assert.equal((await smtp(sink.url).send(outgoing('ana@example.com'))).outcome, 'unsent');
  });

  it('says unsent when the server hangs up before its greeting', async () => {
    sink.trouble({ at: 'connect', hangUp: true, times: 1 });
    assert.equal((await smtp(sink.url).send(outgoing('ana@example.com'))).outcome, 'unsent');
  });

  it('says unclear when the connection is lost after the message, and tries no other', async () => {
    const transport = smtp(sink.url);
    await transport.send(outgoing('before@example.com'));
    sink.trouble({ at: 'data', drop: true });
    assert.equal((await transport.send(outgoing('lost@example.com'))).outcome, 'unclear');
    assert.equal(sink.received.filter(({ to }) => to.includes('lost@example.com')).length, 1);
  });

  it('says unclear when there is no answer to the message', async () => {
    sink.trouble({ at: 'data', hang: true });
    const transport = createSmtpTransport({
      url: sink.url,
      from: 'a@acme.com',
      clock: systemClock,
      silenceMax: 150,
    });
    transports.push(transport);
    assert.equal((await transport.send(outgoing('silence@example.com'))).outcome, 'unclear');
  });

  it('sends at once over a new connection when the kept one is dead', async () => {
    const transport = smtp(sink.url);
    await transport.send(outgoing('before@example.com'));
    sink.trouble({ at: 'mail', code: 421, times: 1 });
    assert.equal((await transport.send(outgoing('revived@example.com'))).outcome, 'accepted');
    assert.equal(sink.received.filter(({ to }) => to.includes('revived@example.com')).length, 1);
  });

  it('carries lines that begin with a dot, and text beyond ASCII, unharmed', async () => {
    const text = `.\n..dots\nÄ – ΩΩΩ 日本 =20\n${'é'.repeat(300)}\n`;
    await smtp(sink.url).send(outgoing('odd@example.com', { text, subject: 'Grüße – 日本' }));
    const parsed = await (await sink.waitFor('odd@example.com')).parsed();
    assert.equal(parsed.text, text);
    assert.equal(parsed.subject, 'Grüße – 日本');
  });
});

describe('a mail server that cannot be reached or trusted', () => {
  it('is unsent when nobody listens', async () => {
    const sink = await ownSink();
    const { url } = sink;
    await sink.close();
    assert.equal((await smtp(url).send(outgoing('ana@example.com'))).outcome, 'unsent');
  });

  it('is unsent when the kept connection is gone and nobody listens any more', async () => {
    const sink = await ownSink();
    const transport = smtp(sink.url);
    await transport.send(outgoing('ana@example.com'));
    await sink.close();
    assert.equal((await transport.send(outgoing('ana@example.com'))).outcome, 'unsent');
  });

  it('is unsent when its certificate is not trusted', async () => {
    const sink = await ownSink({ secure: true, logger: false });
    assert.equal(
      (await smtp(sink.url.replace('smtp:', 'smtps:')).send(outgoing('ana@example.com'))).outcome,
      'unsent',
    );
    assert.deepEqual(sink.recipients, []);
  });

  it('gets no login and no mail when it offers no login', async () => {
    const sink = await ownSink({ disabledCommands: ['AUTH', 'STARTTLS'] });
    const url = sink.url.replace('//', '//user:secret@');
    assert.equal((await smtp(url).send(outgoing('ana@example.com'))).outcome, 'unsent');
    assert.doesNotMatch(sink.transcript(), /secret|MAIL FROM/);
  });

  it('logs in with what the URL says, escapes and all', async () => {
    const seen: unknown[] = [];
    const sink = await ownSink({
      allowInsecureAuth: true,
      authOptional: false,
      onAuth: ({ username, password }, _session, done) => {
        seen.push([username, password]);
        done(null, { user: username });
      },
    });
    const url = sink.url.replace('//', '//me%40acme.com:p%3A%2F@');
    assert.equal((await smtp(url).send(outgoing('ana@example.com'))).outcome, 'accepted');
    assert.deepEqual(seen, [['me@acme.com', 'p:/']]);
  });

  it('is unsent, and is told so, when it takes a whole conversation and never lets the message in', async () => {
    const { port } = await scripted((line) => (/^DATA/i.test(line) ? 'hang up' : '250 fine'));
    assert.equal(
      (await smtp(`smtp://127.0.0.1:${port}`).send(outgoing('ana@example.com'))).outcome,
      'unsent',
    );
  });

  it('is unsent when it greets and then says nothing', async () => {
    const { port } = await scripted(() => '');
    const url = `smtp://127.0.0.1:${port}`;
    const transport = createSmtpTransport({ url, from: 'a@acme.com', clock: systemClock, silenceMax: 150 });
    transports.push(transport);
    assert.equal((await transport.send(outgoing('ana@example.com'))).outcome, 'unsent');
  });

  it('is unclear when it breaks off in the middle of the message', async () => {
    const { port } = await scripted((line) => {
      if (/^DATA/i.test(line)) return '354 go on';
      return /^(EHLO|MAIL|RCPT)/i.test(line) ? '250 fine' : 'hang up';
    });
    assert.equal(
      (await smtp(`smtp://127.0.0.1:${port}`).send(outgoing('ana@example.com'))).outcome,
      'unclear',
    );
  });

  it('is unclear when what it says after the message is no answer', async () => {
    const { port } = await scripted((line) => {
      if (/^DATA/i.test(line)) return '354 go on';
      if (line === '.') return '333 what';
      return /^(EHLO|MAIL|RCPT)/i.test(line) ? '250 fine' : '';
    });
    assert.equal(
      (await smtp(`smtp://127.0.0.1:${port}`).send(outgoing('ana@example.com'))).outcome,
      'unclear',
    );
  });
});

describe('the URL of a mail server', () => {
  it('asks for TLS from the start, or for STARTTLS, everywhere but on this machine', () => {
    const tls = (url: string) => {
      const { secure, requireTLS, ignoreTLS } = sessionOptions(url);
      return { secure, requireTLS, ignoreTLS };
    };
    const insists = { secure: false, requireTLS: true, ignoreTLS: false };
    const plain = { secure: false, requireTLS: false, ignoreTLS: true };
    assert.deepEqual(tls('smtps://relay.example.com'), { secure: true, requireTLS: false, ignoreTLS: false });
    for (const host of [
      'relay.example.com',
      '10.0.0.5',
      '127.0.0.1.example.com',
      'localhost.example.com',
      '[::2]',
    ])
      assert.deepEqual(tls(`smtp://${host}`), insists, host);
    for (const host of ['localhost', 'LOCALHOST', '127.0.0.1', '127.9.9.9', '[::1]'])
      assert.deepEqual(tls(`smtp://${host}:1025`), plain, host);
    assert.deepEqual(tls('smtp://mailpit:1025?tls=off'), plain);
  });

  it('never turns certificate checks off, whatever it says', () => {
    for (const query of [
      '?tls.rejectUnauthorized=false',
      '?rejectUnauthorized=false',
      '?ignoreTLS=true',
      '?tls=never',
    ])
      assert.throws(() => sessionOptions(`smtp://relay.example.com${query}`), /configuration_invalid/, query);
    assert.throws(() => sessionOptions('smtps://relay.example.com?tls=off'), /configuration_invalid/);
  });

  it('is refused when it is none', () => {
    for (const url of [
      '',
      'relay.example.com',
      'http://relay.example.com',
      'smtp://',
      'direct:?name=x',
      'smtp://a:%zz@b',
    ])
      assert.throws(() => sessionOptions(url), /configuration_invalid/, url);
  });

  it('leaves the mail unsent when the server offers no STARTTLS, or one that nobody vouches for', async () => {
    for (const disabledCommands of [['STARTTLS'], []]) {
      const sink = await ownSink({ disabledCommands, logger: false });
      const transport = smtp(`smtp://0.0.0.0:${sink.port}`); // this machine, by a name that does not say so
      assert.equal((await transport.send(outgoing('ana@example.com'))).outcome, 'unsent');
      assert.match(sink.transcript(), /STARTTLS/);
      assert.deepEqual(sink.recipients, []);
    }
  });
});

/** A server that answers each line as it is told; `hang up` closes, an empty answer says nothing. */
function scripted(answer: (line: string) => string): Promise<{ port: number }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    socket.write('220 hello\r\n');
    let rest = '';
    socket.on('data', (chunk) => {
      const lines = `${rest}${chunk}`.split('\r\n');
      rest = lines.pop() ?? '';
      for (const said of lines.map(answer)) {
        if (said === 'hang up') socket.destroy();
        else if (said !== '') socket.write(`${said}\r\n`);
      }
    });
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      closers.push(
        () =>
          new Promise((done) => {
            for (const socket of sockets) socket.destroy();
            server.close(() => done());
          }),
      );
      resolve({ port: typeof address === 'object' && address ? address.port : 0 });
    });
  });
}
