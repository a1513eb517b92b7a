import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { commands } from '../../src/cli/commands.ts';
import { freePort } from '../../src/cli/running/ports.ts';
import { endsWithin } from '../../src/cli/running/stopping.ts';
import { pauseAfter } from '../../src/cli/running/workers.ts';
import { troubleOf } from '../../src/cli/trouble.ts';
import { Problem } from '../../src/core/problems.ts';
import { newFolder, postern, SECRET } from './command-lines.ts';

describe('the help', () => {
  it('lists every command, with nothing typed and with --help', async () => {
    for (const args of [[], ['--help'], ['-h'], ['help']]) {
      const { code, out } = await postern(args);
      assert.equal(code, 0);
      for (const name of Object.keys(commands)) assert.ok(out.includes(`  ${name} `), name);
    }
  });

  for (const [name, command] of Object.entries(commands)) {
    it(`of ${name} shows its usage, its flags and an example`, async () => {
      const { code, out } = await postern([...name.split(' '), '--help']);
      assert.equal(code, 0);
      assert.ok(out.includes(command.usage));
      assert.ok(command.usage.startsWith(`postern ${name}`));
      for (const flag of [...Object.keys(command.flags), 'json', 'data', 'help'])
        assert.ok(out.includes(`--${flag}`), flag);
      assert.ok(command.examples.length > 0);
      for (const example of command.examples) assert.ok(out.includes(example));
      assert.equal((await postern(['help', ...name.split(' ')])).out, out);
    });
  }

  it('of a group lists its commands only', async () => {
    const { code, out } = await postern(['client', '--help']);
    assert.equal(code, 0);
    assert.ok(out.includes('client create'));
    assert.ok(!out.includes('user list'));
  });

  it('tells the release', async () => {
    assert.match((await postern(['--version'])).out, /^postern \d+\.\d+\.\d+$/);
  });
});

describe('a mistyped command line', () => {
  const table: [line: string, what: RegExp, todo: RegExp][] = [
    ['clint create', /no command clint create/, /Did you mean: postern client create\?/],
    ['client lst', /no command client lst/, /postern client list/],
    ['client', /one more word/, /postern client --help/],
    ['serv', /no command serv/, /postern serve/],
    ['xyzzy', /no command xyzzy/, /--help/],
    ['--data x', /comes first/, /--help/],
    ['--nope dev', /comes first/, /--help/],
    ['dev --prot 1', /no flag --prot/, /--port/],
    ['dev --no-exampel', /no flag --no-exampel/, /--no-example/],
    ['dev -p 1', /no flag -p/, /Did you mean|Usage/],
    ['dev --port', /--port needs a value/, /Usage/],
    ['dev --port --data', /--port needs a value/, /Usage/],
    ['dev --port many', /--port cannot be many/, /whole number/],
    ['dev --port 65536', /--port cannot be 65536/, /65535/],
    ['dev --no-example=1', /takes no value/, /Usage/],
    ['migrate now', /now is one word too many/, /postern migrate/],
    ['client show', /missing/, /postern client show ID/],
    ['settings set passwordless.method', /missing/, /NAME VALUE/],
    ['client create --redirect-uri https://a.example/', /--name is missing/, /--name/],
    ['client create --name A', /--redirect-uri is missing/, /--redirect-uri https/],
    ['keys rotate --alg none', /signs with none/, /RS256/],
    ['user list --limit 1001', /--limit cannot be/, /1000/],
    ['constructor', /no command/, /--help/],
    ['__proto__', /no command/, /--help/],
  ];
  for (const [line, what, todo] of table) {
    it(`is answered with what to type instead: ${line}`, async () => {
      const { code, out, err } = await postern(line.split(' '));
      assert.equal(code, 2, err);
      assert.equal(out, '');
      const lines = err.split('\n');
      assert.equal(lines.length, 2);
      assert.match(lines[0] ?? '', /^postern: /);
      assert.match(lines[0] ?? '', what);
      assert.match(lines[1] ?? '', todo);
    });
  }

  it('is JSON for a program', async () => {
    const { code, err } = await postern(['client', 'lst', '--json']);
    assert.equal(code, 2);
    assert.equal(JSON.parse(err).code, 'usage');
  });
});

describe('a refusal', () => {
  it('of the configuration shows all faults', async () => {
    const { code, err } = await postern(['serve']);
    assert.equal(code, 1);
    assert.match(err, /^postern: The configuration cannot be used\.\n- POSTERN_URL is not set/);
    assert.equal(err.split('\n').length, 3);
  });

  it('of the database says which of its settings to correct', async () => {
    const port = await freePort({ from: 1, to: 0 });
    const database = `postgres://postern:hunter2@127.0.0.1:${port}/postern`;
    const env = { POSTERN_DATABASE: database, POSTERN_SECRET: SECRET };
    const { code, err } = await postern(['client', 'list'], env);
    assert.equal(code, 1);
    assert.match(err, /^postern: The database does not answer\..*\n.*POSTERN_DATABASE/);
    assert.equal(err.includes('hunter2'), false);
  });

  it('of a file that is no database is understood', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'other.db'), 'this is not a database, whatever its name says'.repeat(100));
    const env = {
      POSTERN_DATABASE: `sqlite:${join(folder, 'other.db')}`,
      POSTERN_SECRET: SECRET,
    };
    const { code, err } = await postern(['client', 'list'], env);
    assert.equal(code, 1);
    assert.match(err, /is no database/);
  });

  it('of the system has words', () => {
    const failure = (code: string, syscall = '') => Object.assign(new Error('no'), { code, syscall });
    assert.match(troubleOf(failure('EADDRINUSE', 'listen')).todo, /--port N/);
    assert.match(troubleOf(failure('EACCES', 'listen')).todo, /1023/);
    assert.match(troubleOf(failure('EACCES', 'open')).what, /cannot be written/);
    assert.match(troubleOf(failure('28P01')).what, /password/);
    assert.match(troubleOf(failure('3D000')).todo, /createdb/);
    assert.match(troubleOf(new AggregateError([], 'all failed')).what, /fault in Postern/);
    assert.match(
      troubleOf(Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' })).what,
      /does not answer/,
    );
    assert.equal(troubleOf(new Problem('client_not_found', 'x')).code, 'client_not_found');
  });

  it('that nobody foresaw shows where it happened, without secrets', () => {
    const trouble = troubleOf(new Error('at postgres://a:hunter2@db/x'));
    assert.match(trouble.todo, /command-line\.test\.ts/);
    assert.equal(trouble.todo.includes('hunter2'), false);
    assert.equal(troubleOf('odd').exitCode, 1);
  });
});

describe('waiting', () => {
  it('for work that ends in time is told from work that does not', async () => {
    assert.equal(await endsWithin(1000, Promise.resolve()), true);
    assert.equal(await endsWithin(5, new Promise(() => undefined)), false);
    await assert.rejects(endsWithin(1000, Promise.reject(new Error('no'))), /no/);
  });

  it('before a worker is restarted grows with every quick death, up to half a minute', () => {
    assert.deepEqual([0, 1, 2, 3].map(pauseAfter), [500, 1000, 2000, 4000]);
    assert.equal(pauseAfter(50), 30_000);
  });
});
