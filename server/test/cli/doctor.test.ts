import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { DAY } from '../../src/core/units.ts';
import { openRooms } from '../../src/main.ts';
import { type Environment, readConfig } from '../../src/platform/config.ts';
import type { Finding } from '../../src/platform/finding.ts';
import type { SettingName } from '../../src/settings/definitions.ts';
import { eachDatabase } from '../support/databases.ts';
import { freePort, startTestServer, SECRET as TEST_SECRET, type TestServer } from '../support/server.ts';
import { newFolder, postern, SECRET } from './command-lines.ts';

interface Seen {
  readonly code: number;
  readonly findings: Finding[];
  of(id: string): Finding;
}

async function doctor(env: Environment, flags: string[] = []): Promise<Seen> {
  const { code, out, err } = await postern(['doctor', '--json', ...flags], env);
  assert.equal(err, '');
  const findings: Finding[] = JSON.parse(out);
  return { code, findings, of: (id) => findings.find((each) => each.id === id) ?? assert.fail(`no ${id}`) };
}

const statuses = (findings: Finding[]) => Object.fromEntries(findings.map(({ id, status }) => [id, status]));

eachDatabase('postern doctor', (database) => {
  describe('beside a server', () => {
    let server: TestServer;
    let env: Environment;
    before(async () => {
      server = await startTestServer({ database: database.url });
      env = { POSTERN_URL: server.url, POSTERN_DATABASE: database.url, POSTERN_SECRET: TEST_SECRET };
    });
    after(() => server.stop());

    /** Decides something, looks, and takes it back. */
    async function withSettings(changed: Partial<Record<SettingName, unknown>>): Promise<Seen> {
      const before = await server.rooms.settings.current();
      for (const [name, value] of Object.entries(changed)) await server.rooms.settings.set(name, value);
      const seen = await doctor(env);
      for (const name of Object.keys(changed) as SettingName[])
        await server.rooms.settings.set(name, before[name]);
      return seen;
    }

    it('finds nothing to do beside a server that is well', async () => {
      const { code, findings } = await doctor(env);
      assert.equal(code, 0);
      assert.deepEqual(statuses(findings), {
        configuration: 'ok',
        url: 'ok',
        secret: 'ok',
        database: 'ok',
        schema: 'ok',
        keys: 'ok',
        keys_sealed: 'ok',
        keys_age: 'ok',
        sign_in: 'ok',
        guessing: 'ok',
        validity: 'ok',
        limits: 'ok',
        mail: 'ok',
        issuer: 'ok',
      });
      for (const { what, why, fix } of findings) {
        assert.match(what, /^\S.*[.]$/);
        assert.match(why, /^\S.*[.]$/);
        assert.equal(fix, undefined);
      }
      assert.ok(findings.every(({ what }) => !what.includes(TEST_SECRET)));
    });

    it('says the same to a person, a line each', async () => {
      const { code, out } = await postern(['doctor'], env);
      assert.equal(code, 0);
      assert.match(out, /^ok {4}The configuration can be read\.$/m);
      assert.match(out, /\n\n14 ok, 0 to look at, 0 failed$/);
    });

    it('does the arithmetic of guessing with the settings as they are', async () => {
      const shipped = (await doctor(env)).of('guessing').what;
      for (const part of [
        '6 digits',
        '3 of a sign-in',
        '5 guesses per attempt',
        '30 wrong codes',
        '1 in 11,111 in a day',
      ])
        assert.ok(shipped.includes(part), `${part}: ${shipped}`);
      const strict = (await withSettings({ 'limits.guess_odds': 1_000_000 })).of('guessing');
      assert.equal(strict.status, 'warn');
      assert.match(strict.what, /8 digits.*1 in 1,111,111 in a day.*longer than the 6/);
      const few = (await withSettings({ 'limits.guess_odds': 1_000_000_000 })).of('guessing');
      assert.match(few.what, /10 digits.*3 guesses per attempt, 3 wrong codes/);
      const links = (await withSettings({ 'passwordless.method': 'link' })).of('guessing');
      assert.match(links.what, /no code to guess/);
    });

    it('warns of codes that work for longer than ten minutes, without failing', async () => {
      const { code, of } = await withSettings({ 'passwordless.validity_seconds': 601 });
      assert.equal(code, 0);
      assert.equal(of('validity').status, 'warn');
      assert.match(of('validity').fix ?? '', /validity_seconds 600/);
      assert.equal(
        (await withSettings({ 'passwordless.validity_seconds': 600 })).of('validity').status,
        'ok',
      );
    });

    it('warns of settings that make each other useless', async () => {
      const pairs: Partial<Record<SettingName, unknown>>[] = [
        { 'limits.mails_per_address_minute': 6, 'limits.mails_per_address_day': 5 },
        { 'limits.guesses_per_attempt': 10, 'limits.failures_per_address': 5 },
        { 'session.idle_seconds': 86_400, 'session.absolute_seconds': 3600 },
        { 'tokens.refresh_idle_seconds': 86_400, 'tokens.refresh_absolute_seconds': 3600 },
      ];
      for (const pair of pairs) {
        const limits = (await withSettings(pair)).of('limits');
        assert.equal(limits.status, 'warn');
        for (const name of Object.keys(pair)) assert.ok(limits.what.includes(name), limits.what);
      }
      const few = { 'limits.mails_per_address_minute': 1, 'limits.mails_per_address_day': 1 };
      assert.match((await withSettings(few)).of('limits').what, /1 mail a day/);
    });

    it('warns that nobody can sign in', async () => {
      const { status, what } = (await withSettings({ 'passwordless.enabled': false })).of('sign_in');
      assert.equal(status, 'warn');
      assert.match(what, /switched off/);
    });

    it('fails with a master secret that does not open the signing keys', async () => {
      const { code, of } = await doctor({ ...env, POSTERN_SECRET: SECRET });
      assert.equal(code, 1);
      assert.equal(of('keys_sealed').status, 'fail');
      const both = await doctor({ ...env, POSTERN_SECRET: `${SECRET},${TEST_SECRET}` });
      assert.equal(both.code, 0);
      assert.match(both.of('secret').what, /1 older one is still read/);
    });

    it('warns of keys that have signed for more than a year', async () => {
      const url = await database.createEmpty();
      const config = readConfig({ ...env, POSTERN_DATABASE: url }, 'tool');
      const long = Date.now() - 400 * DAY;
      const rooms = await openRooms(config, { clock: { now: () => long } });
      await rooms.keys.ring();
      await rooms.close();
      const age = (await doctor({ ...env, POSTERN_DATABASE: url })).of('keys_age');
      assert.equal(age.status, 'warn');
      assert.match(age.what, /400 days old/);
      assert.match(age.fix ?? '', /postern keys rotate/);
    });

    it('fails before a migration, changes nothing, and warns while there are no keys', async () => {
      const url = await database.createEmpty();
      const own = { ...env, POSTERN_DATABASE: url };
      for (const _ of [1, 2]) {
        const { code, of } = await doctor(own);
        assert.equal(code, 1);
        assert.match(of(existing(url) ? 'schema' : 'database').fix ?? '', /postern migrate|Start the server/);
        assert.equal(of('url').status, 'ok');
      }
      await postern(['migrate'], own);
      const migrated = await doctor(own);
      assert.equal(migrated.code, 0);
      assert.equal(migrated.of('keys').status, 'warn');
      assert.equal((await doctor(own)).of('keys').status, 'warn');
    });

    /** An empty SQLite database is no file yet. */
    const existing = (url: string) => !url.startsWith('sqlite:') || existsSync(url.slice('sqlite:'.length));
  });
});

describe('postern doctor', () => {
  const folder = newFolder();
  const base = { POSTERN_SECRET: SECRET };

  it('fails with a configuration that nobody can read, and says all that is wrong with it', async () => {
    const { code, findings, of } = await doctor({ POSTERN_URL: 'ftp://x', POSTERN_SECRET: 'short' });
    assert.equal(code, 1);
    assert.equal(findings.length, 1);
    assert.match(of('configuration').fix ?? '', /POSTERN_URL must.*\n.*POSTERN_SECRET must be 32 bytes/);
  });

  it('fails with a public address without https, and makes no database where there is none', async () => {
    const database = `sqlite:${join(folder, 'none.db')}`;
    const seen = await doctor({
      ...base,
      POSTERN_URL: 'http://id.postern.invalid',
      POSTERN_DATABASE: database,
    });
    assert.equal(seen.code, 1);
    assert.equal(seen.of('url').status, 'fail');
    assert.equal(seen.of('database').status, 'fail');
    assert.equal(existsSync(join(folder, 'none.db')), false);
    const text = await postern(['doctor'], { ...base, POSTERN_DATABASE: database });
    assert.equal(text.code, 1);
    assert.match(
      text.out,
      /^FAIL {2}There is no database at .*\n {6}Everything is kept there.*\n {6}Start the server/m,
    );
  });

  it('fails with a database that does not answer', async () => {
    const port = await freePort();
    const { code, of } = await doctor({ ...base, POSTERN_DATABASE: `postgres://a:b@127.0.0.1:${port}/c` });
    assert.equal(code, 1);
    assert.match(of('database').what, /does not answer/);
  });

  describe('asks the issuer', () => {
    let other: Server;
    let answer: { status: number; body: string };
    let url: string;
    before(async () => {
      other = createServer((_request, response) => response.writeHead(answer.status).end(answer.body));
      const port = await freePort();
      await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
      url = `http://127.0.0.1:${port}`;
    });
    after(() => new Promise((resolve) => other.close(resolve)));
    const issuer = async () => (await doctor({ ...base, POSTERN_URL: url }, ['--data', folder])).of('issuer');

    it('and fails when another server answers in its place', async () => {
      for (const body of ['{"issuer":"https://elsewhere.example"}', '{"issuer":1}', '<html>', '']) {
        answer = { status: 200, body };
        assert.equal((await issuer()).status, 'fail', body);
      }
      assert.match((await issuer()).what, /no discovery document/);
    });

    it('and warns when it answers with something else than the document', async () => {
      answer = { status: 503, body: '' };
      assert.equal((await issuer()).status, 'warn');
      assert.match((await issuer()).what, /answers with 503/);
    });

    it('and warns when nothing answers', async () => {
      const silent = { ...base, POSTERN_URL: `http://127.0.0.1:${await freePort()}` };
      const finding = (await doctor(silent, ['--data', folder])).of('issuer');
      assert.equal(finding.status, 'warn');
      assert.match(finding.what, /cannot be reached from here \(ECONNREFUSED\)/);
    });
  });
});
