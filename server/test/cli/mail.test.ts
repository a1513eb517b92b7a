import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openDatabase } from '../../src/platform/database/open.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';
import { json, newFolder, postern } from './command-lines.ts';

const data = newFolder();
const at = ['--data', data];
const tokenFile = join(newFolder(), 'token');
const TOKEN = 'server-token-0123456789abcdef';
writeFileSync(tokenFile, `${TOKEN}\n`);

let sink: SmtpSink;
before(async () => {
  sink = await startSmtpSink();
});
after(() => sink.close());

describe('postern mail provider', () => {
  const add = (...words: string[]) => json(['mail', 'provider', 'add', ...words, ...at]);

  it('add takes secrets from files, and shows them never again but by their end', async () => {
    const added = await add('postmark', '--secret-file', `token=${tokenFile}`, '--name', 'First');
    assert.match(added.provider_id, /^prv_\d+$/);
    assert.equal(added.secrets.token, '…cdef');
    assert.match(added.made.webhook_password, /^[\w-]{43}$/);
    assert.equal(
      added.webhook_url,
      `http://postern:${added.made.webhook_password}@localhost:4000/mail/webhooks/${added.provider_id}`,
    );
    const later = await postern(['mail', 'provider', 'list', '--json', ...at]);
    assert.equal(later.out.includes(added.made.webhook_password) || later.out.includes(TOKEN), false);
    const database = openDatabase(`sqlite:${join(data, 'postern.db')}`);
    const rows = await database.read((q) => q.selectFrom('mail_providers').selectAll().execute());
    await database.close();
    assert.equal(rows.length, 1);
    assert.equal(JSON.stringify(rows).includes(TOKEN), false);
  });

  it('add tells everything that does not fit, and repeats no value', async () => {
    const wrong = await postern([
      'mail',
      'provider',
      'add',
      'ses',
      '--set',
      'region=here',
      '--set',
      'x=1',
      ...at,
    ]);
    assert.equal(wrong.code, 1);
    assert.match(wrong.err, /secret_access_key is missing/);
    const unknown = await postern(['mail', 'provider', 'add', 'postmrak', ...at]);
    assert.match(unknown.err, /Did you mean postmark\?/);
    const file = await postern([
      'mail',
      'provider',
      'add',
      'postmark',
      '--secret-file',
      'token=/nowhere',
      ...at,
    ]);
    assert.equal(file.code, 2);
    const bad = await postern([
      'mail',
      'provider',
      'add',
      'smtp',
      '--domain',
      'not a domain',
      '--set',
      'host=x',
      ...at,
    ]);
    assert.match(bad.err, /is no domain/);
    const sender = await postern([
      'mail',
      'provider',
      'add',
      'smtp',
      '--from',
      'nobody',
      '--set',
      'host=x',
      ...at,
    ]);
    assert.match(sender.err, /Mail cannot come from/);
  });

  it('move, disable, change and remove keep the order whole', async () => {
    const second = await add(
      'smtp',
      '--set',
      'host=127.0.0.1',
      '--set',
      'tls=off',
      '--set',
      `port=${sink.port}`,
    );
    const third = await add(
      'smtp',
      '--set',
      'preset=gmail',
      '--set',
      'user=a@gmail.com',
      '--domain',
      'Example.COM',
    );
    assert.equal(third.position, 3);
    const moved = await json(['mail', 'provider', 'move', third.provider_id, '1', ...at]);
    assert.deepEqual(
      moved.map((one: { position: number; name: string }) => `${one.position} ${one.name}`),
      ['1 SMTP', '2 First', '3 SMTP'],
    );
    const changed = await json([
      'mail',
      'provider',
      'change',
      third.provider_id,
      '--all-domains',
      '--name',
      'G',
      ...at,
    ]);
    assert.deepEqual([changed.domains, changed.name, changed.options.user], [[], 'G', 'a@gmail.com']);
    const off = await json(['mail', 'provider', 'disable', third.provider_id, ...at]);
    assert.equal(off.enabled, false);
    await json(['mail', 'provider', 'remove', third.provider_id, ...at]);
    const left = await json(['mail', 'provider', 'list', ...at]);
    assert.deepEqual(
      left.map((one: { position: number; provider_id: string }) => one.position),
      [1, 2],
    );
    assert.equal(left[1].provider_id, second.provider_id);
    assert.equal((await postern(['mail', 'provider', 'remove', third.provider_id, ...at])).code, 1);
  });

  it('check says how it stands, and fails where it does not', async () => {
    const [, smtp] = await json(['mail', 'provider', 'list', ...at]);
    const good = await postern(['mail', 'provider', 'check', smtp.provider_id, ...at]);
    assert.deepEqual([good.code, good.out.slice(0, 2)], [0, 'OK']);
    await json(['mail', 'provider', 'change', smtp.provider_id, '--set', 'port=9', ...at]);
    assert.equal((await postern(['mail', 'provider', 'check', smtp.provider_id, ...at])).code, 1);
    await json(['mail', 'provider', 'change', smtp.provider_id, '--set', `port=${sink.port}`, ...at]);
  });

  it('kinds shows every form', async () => {
    const kinds = await json(['mail', 'provider', 'kinds', ...at]);
    assert.deepEqual(
      kinds.map(({ kind }: { kind: string }) => kind),
      ['smtp', 'ses', 'sendgrid', 'postmark', 'mailgun', 'resend', 'http'],
    );
    const lines = await postern(['mail', 'provider', 'kinds', 'ses']);
    assert.match(lines.out, /secret_access_key +needed +Secret access key/);
  });

  it('says that its credentials are of another master secret', async () => {
    const env = { POSTERN_SECRET: 'another-secret-abcdefghijklmnopqrstuvwxyz' };
    const listed = await postern(['mail', 'provider', 'list', ...at], env);
    assert.match(listed.out, /sealed with another master secret/);
  });
});

describe('postern mail test', () => {
  it('sends a mail by one provider, or by the first that works', async () => {
    const [first, smtp] = await json(['mail', 'provider', 'list', ...at]);
    const sent = await json(['mail', 'test', 'ana@example.com', '--provider', smtp.provider_id, ...at]);
    assert.deepEqual([sent.outcome, sent.provider_id], ['accepted', smtp.provider_id]);
    await json(['mail', 'provider', 'disable', first.provider_id, ...at]);
    assert.equal((await json(['mail', 'test', 'eva@example.com', ...at])).provider_id, smtp.provider_id);
    assert.equal(sink.mails.length, 2);
    await json(['mail', 'provider', 'disable', smtp.provider_id, ...at]);
    const none = await postern(['mail', 'test', 'eva@example.com', ...at]);
    assert.deepEqual([none.code, none.out.split('\n')[1]], [1, 'there is no mail provider']);
    assert.match((await postern(['mail', 'test', 'eva', ...at])).err, /one address/);
  });
});

describe('postern mail suppressions', () => {
  it('lists addresses and takes them off', async () => {
    const database = openDatabase(`sqlite:${join(data, 'postern.db')}`);
    const row = { email: 'ana@example.com', provider_id: 'prv_1', reason: 'bounced_hard', since: 1 };
    await database.write((q) => q.insertInto('suppressions').values(row).execute());
    await database.close();
    for (const { provider_id } of await json(['mail', 'provider', 'list', ...at]))
      await json(['mail', 'provider', 'remove', provider_id, ...at]);
    const [listed] = await json(['mail', 'suppressions', 'list', ...at]);
    assert.deepEqual([listed.email, listed.reason], ['ana@example.com', 'bounced_hard']);
    const [lifted] = await json(['mail', 'suppressions', 'lift', 'ana@example.com', ...at]);
    assert.deepEqual(lifted, { list: 'postern', name: 'Postern', result: 'lifted' });
    assert.deepEqual(await json(['mail', 'suppressions', 'list', ...at]), []);
  });
});
