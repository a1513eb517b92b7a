import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { runCli } from '../../src/cli/run.ts';
import { openRooms, startServer } from '../../src/main.ts';
import type { Finding } from '../../src/platform/finding.ts';
import { type DnsServer, startDnsServer } from '../fixtures/dns-server.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';
import { newFolder, postern, SECRET } from './command-lines.ts';

let sink: SmtpSink;
let dns: DnsServer;
let env: Record<string, string>;
before(async () => {
  sink = await startSmtpSink();
  dns = await startDnsServer({
    'acme.com': { txt: ['v=spf1 a:relay.acme.com +all'], mx: [[10, 'mx.acme.com']] },
    'mx.acme.com': { a: ['45.33.32.157'] },
    'k._domainkey.acme.com': { txt: ['v=DKIM1; p='] },
  });
  env = {
    POSTERN_URL: 'https://id.acme.com',
    POSTERN_SECRET: SECRET,
    POSTERN_SMTP_URL: sink.url,
    POSTERN_MAIL_FROM: 'Acme <sign-in@acme.com>',
    POSTERN_DATABASE: `sqlite:${join(newFolder(), 'postern.db')}`,
  };
  await postern(['migrate'], env);
});
after(async () => {
  await sink.close();
  await dns.stop();
});

const statuses = (findings: readonly Finding[]) =>
  Object.fromEntries(
    findings.filter(({ id }) => id.startsWith('mail')).map(({ id, status }) => [id, status]),
  );

const EXPECTED = {
  'mail.sender': 'ok',
  'mail.host': 'ok',
  'mail.spf': 'fail',
  'mail.dkim': 'fail',
  'mail.dmarc': 'fail',
  'mail.alignment': 'fail',
  'mail.mx': 'ok',
  'mail.tls': 'ok',
  'mail.bulk': 'warn',
};

describe('the preflight on the command line', () => {
  it('is a part of postern doctor', async () => {
    const seen = await postern(['doctor', '--json', '--dns', dns.address, '--selector', 'k'], env);
    assert.equal(seen.code, 1);
    assert.deepEqual(statuses(JSON.parse(seen.out)), EXPECTED);
    assert.equal(seen.out.includes(SECRET), false);
  });

  it('of postern doctor fails where mail has no way out', async () => {
    const { POSTERN_SMTP_URL: _, ...without } = env;
    const seen = await postern(['doctor', '--json'], without);
    assert.deepEqual(statuses(JSON.parse(seen.out)), { mail: 'fail' });
  });

  it('comes with a test mail, which is sent all the same', async () => {
    const words = ['mail', 'test', 'ana@example.com', '--dns', dns.address, '--selector', 'k'];
    const seen = await postern([...words, '--json'], env);
    const said = JSON.parse(seen.out);
    assert.equal(said.outcome, 'accepted');
    assert.deepEqual(statuses(said.findings), EXPECTED);
    assert.equal(seen.code, 0);
    const text = await postern(words, env);
    assert.match(
      text.out,
      /^The mail was accepted[\s\S]*\nFAIL {2}SPF of acme\.com ends in \+all.*\n {6}\S.*\n {6}Publish/,
    );
    assert.equal(sink.mails.length, 2);
  });

  it('compares the link that is pasted', async () => {
    const compare = async (paste: (link: string) => string | undefined) => {
      const out: string[] = [];
      const ask = async () =>
        paste(/https:\/\/\S+/.exec((await sink.mails.at(-1)?.parsed())?.text ?? '')?.[0] ?? '');
      const io = {
        env,
        out: (line: string) => void out.push(line),
        err: (line: string) => void out.push(line),
        ask,
      };
      const words = ['mail', 'test', 'ana@example.com', '--compare', '--json', '--dns', dns.address];
      const code = await runCli(words, { open: openRooms, start: startServer }, io);
      return { code, said: JSON.parse(out.join('')) };
    };
    const same = await compare((link) => ` ${link} `);
    assert.equal(same.code, 0);
    assert.equal(statuses(same.said.findings)['mail.links'], 'ok');
    const tracked = await compare(() => 'https://u1.ct.sendgrid.net/ls/click?upn=x');
    assert.equal(tracked.code, 1);
    assert.equal(statuses(tracked.said.findings)['mail.links'], 'fail');
    assert.equal((await compare(() => undefined)).code, 2);
  });

  it('compares a mail that arrived, and looks at the key that signed it', async () => {
    const { raw = '' } = sink.mails[0] ?? {};
    const file = join(newFolder(), 'arrived.eml');
    const signature = 'DKIM-Signature: v=1; d=acme.com; s=k; b=x\r\n';
    writeFileSync(file, `${signature}${raw.replace('</body>', '<img src=https://o.acme.net/1.gif></body>')}`);
    const before = sink.mails.length;
    const seen = await postern(
      ['mail', 'test', '--received-file', file, '--json', '--dns', dns.address],
      env,
    );
    const { findings } = JSON.parse(seen.out);
    assert.deepEqual(statuses(findings), {
      'mail.links': 'ok',
      'mail.images': 'fail',
      'mail.text': 'ok',
      ...EXPECTED,
    });
    assert.match(findings.find(({ id }: Finding) => id === 'mail.dkim').what, /k\._domainkey.*revoked/);
    assert.equal(seen.code, 1);
    assert.equal(sink.mails.length, before);
  });

  it('refuses what nobody can mean, and sends nothing', async () => {
    const sent = sink.mails.length;
    const file = join(newFolder(), 'other.eml');
    writeFileSync(file, 'Subject: Lunch?\n\nToday?\n');
    for (const words of [
      [],
      ['ana@example.com', '--received-file', file],
      ['--received-file', file],
      ['--received-file', '/nowhere.eml'],
      ['ana@example.com', '--dns', 'nowhere'],
      ['ana@example.com', '--selector', 'a b'],
    ])
      assert.equal((await postern(['mail', 'test', ...words], env)).code, 2, words.join(' '));
    assert.equal(sink.mails.length, sent);
  });
});
