import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { it } from 'node:test';
import pg from 'pg';
import { startCluster } from '../fixtures/race-cluster.ts';
import { codeFor, Person, secretsIn, tokensIn } from '../fixtures/race-person.ts';
import { eachDatabase, type TestDatabase } from '../support/databases.ts';

/** Every byte that the database keeps: its tables, and its log of what it did. */
async function everythingIn(given: TestDatabase, since: Date): Promise<Map<string, string>> {
  return given.engine === 'sqlite'
    ? filesOf(given.url.slice('sqlite:'.length))
    : serverFilesOf(given.url, since);
}

function filesOf(path: string): Map<string, string> {
  const names = readdirSync(dirname(path));
  return new Map(names.map((name) => [name, readFileSync(join(dirname(path), name), 'latin1')]));
}

async function serverFilesOf(url: string, since: Date): Promise<Map<string, string>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const kept = new Map<string, string>();
  const tables = await client.query("select tablename as name from pg_tables where schemaname = 'public'");
  for (const { name } of tables.rows) {
    const { rows } = await client.query(`select t::text as row from "${name}" t`);
    kept.set(name, rows.map(({ row }) => row).join('\n'));
  }
  const wal = await client.query(
    `select name, pg_read_binary_file('pg_wal/' || name) as bytes from pg_ls_waldir() where modification >= $1`,
    [since],
  );
  for (const { name, bytes } of wal.rows) kept.set(name, bytes.toString('latin1'));
  await client.end();
  return kept;
}

/** What a thief would look for: the value itself, or a hash that needs no key to be tried against. */
function formsOf(secret: string): string[] {
  const digests = (['sha256', 'sha512', 'sha1', 'md5'] as const).flatMap((algorithm) => {
    const digest = createHash(algorithm).update(secret).digest();
    return [digest.toString('hex'), digest.toString('base64url'), digest.toString('latin1')];
  });
  const encoded = Buffer.from(secret);
  return [secret, encoded.toString('hex'), encoded.toString('base64').replace(/=+$/, ''), ...digests];
}

/** One whole sign-in with all that it makes, and every secret in it by what it is. */
async function liveThroughSignIn(given: TestDatabase): Promise<Map<string, string>> {
  const settings = { 'passwordless.code_length': 10, 'passwordless.code_alphabet': 'alphanumeric' } as const;
  const cluster = await startCluster({ database: given.url, processes: 1, settings });
  const secrets = new Map([['the client secret', cluster.app.secret]]);
  try {
    const person = new Person({ email: 'ada@example.com', send: cluster.send, app: cluster.app });
    await person.authorize();
    secrets.set('the id of the interaction', person.at.slice('/interaction/'.length));
    secrets.set('the name of the browser', person.cookie('postern_browser') ?? '');
    await person.start();
    const mail = secretsIn((await cluster.sink.waitFor(person.email, 20_000)).raw);
    secrets.set('the mailed code', mail.code);
    secrets.set('the token of the mailed link', mail.link.slice('/l/'.length));
    secrets.set('the token that disowns the mail', mail.notMe.slice('/not-me/'.length));
    secrets.set('a wrong code', '4679CDFGHJ');
    await person.enter('4679CDFGHJ');
    const code = codeFor(await person.enter(mail.code)) ?? '';
    secrets.set('the authorization code', code);
    secrets.set('the session id', person.cookie('postern_session') ?? '');
    const tokens = tokensIn(await person.exchange(code));
    const rotated = tokensIn(await person.refresh(tokens.refresh_token));
    const again = new Person({ email: 'bea@example.com', send: cluster.send, app: cluster.app });
    await again.authorize();
    secrets.set('the id of an open interaction', again.at.slice('/interaction/'.length));
    for (const [name, value] of [...Object.entries(tokens), ...Object.entries({ ...rotated })])
      if (/_token$/.test(name)) secrets.set(`${name} ${value.slice(-6)}`, value);
    await person.authorize(0, { prompt: 'consent' });
    secrets.set('the id of an interaction of a session', person.at.slice('/interaction/'.length));
  } finally {
    await cluster.stop();
  }
  return secrets;
}

eachDatabase('what is stored', (given) => {
  it('holds no code, link, id, token or secret that was made, in no table and in no log', async () => {
    const since = new Date(Date.now() - 60_000);
    const keepOpen = await given.open(); // so that SQLite keeps its log, with every page that was ever written
    const secrets = await liveThroughSignIn(given);
    const kept = await everythingIn(given, since);
    await keepOpen.close();
    assert.equal(secrets.size, 17);
    for (const [what, secret] of secrets) {
      assert.ok(secret.length >= 10, `${what} was not made: ${secret}`);
      for (const [where, bytes] of kept)
        for (const form of formsOf(secret)) assert.ok(!bytes.includes(form), `${what} is in ${where}`);
    }
    const all = [...kept.values()].join('\n');
    assert.ok(all.includes('ada@example.com'), 'what is no secret is found');
  });
});
