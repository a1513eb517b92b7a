import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../src/cli/running/ports.ts';
import { environment } from '../../src/platform/config.ts';
import { eachDatabase } from '../support/databases.ts';

const BIN = fileURLToPath(new URL('../../bin/postern.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'postern-process-'));
const started = new Set<ChildProcess>();
after(() => {
  for (const child of started) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const inherited = Object.fromEntries(
  Object.entries(environment).filter(([name]) => !/^(POSTERN_|NODE_TEST_CONTEXT$)/.test(name)),
);

interface Process {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; out: string; err: string }>;
  /** The first part of standard output that `pattern` finds. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
}

/** `node server/bin/postern.js` with these words. */
function postern(args: string[], env: Record<string, string> = {}): Process {
  const child = spawn(process.execPath, [BIN, ...args], {
    env: { ...inherited, ...env },
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.add(child);
  let [out, err] = ['', ''];
  const heard = new Set<() => void>();
  child.stdout?.on('data', (chunk) => {
    out += chunk;
    for (const listener of heard) listener();
  });
  child.stderr?.on('data', (chunk) => {
    err += chunk;
  });
  const ended = new Promise<{ code: number | null; out: string; err: string }>((resolve) =>
    child.once('close', (code) => {
      started.delete(child);
      resolve({ code, out, err });
    }),
  );
  const says = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const listen = () => {
        const found = pattern.exec(out);
        if (found) resolve(found);
      };
      heard.add(listen);
      listen();
      void ended.then(() => reject(new Error(`it ended without saying ${pattern}:\n${out}\n${err}`)));
    });
  return { child, ended, says };
}

const secret = { POSTERN_SECRET: 'abcdefghijklmnopqrstuvwxyz0123456789' };
const mail = { POSTERN_SMTP_URL: 'smtp://127.0.0.1:9', POSTERN_MAIL_FROM: 'sign-in@example.com' };

async function servedOn(database: string): Promise<{ url: string; env: Record<string, string> }> {
  const url = `http://127.0.0.1:${await freePort({ from: 1, to: 0 })}`;
  return { url, env: { ...secret, ...mail, POSTERN_URL: url, POSTERN_DATABASE: database } };
}

describe('the program', () => {
  it('answers --help without the server', async () => {
    const { code, out } = await postern(['--help']).ended;
    assert.equal(code, 0);
    assert.match(out, /client create/);
  });

  it('gives the exit code of a mistyped line and of a refusal', async () => {
    assert.equal((await postern(['clint']).ended).code, 2);
    const refused = await postern(['serve']).ended;
    assert.equal(refused.code, 1);
    assert.match(refused.err, /POSTERN_URL is not set/);
    const unknown = await postern(['client', 'list'], { POSTERN_SMPT_URL: 'x' }).ended;
    assert.match(unknown.err, /did you mean POSTERN_SMTP_URL/);
  });
});

describe('postern dev', () => {
  it('starts server and example, says where, works beside other commands, and stops in order', async () => {
    const data = join(folder, 'dev');
    const dev = postern(['dev', '--port', '0', '--data', data, '--json']);
    const [line] = await dev.says(/^\{.*\}$/m);
    const said = JSON.parse(line);
    const discovery = await fetch(`${said.url}/.well-known/openid-configuration`);
    assert.equal(discovery.status, 200);
    assert.equal((await fetch(said.inbox)).status, 200);
    assert.equal((await fetch(said.example)).status, 200);
    const listed = await postern(['client', 'list', '--json', '--data', data]).ended;
    assert.equal(JSON.parse(listed.out)[0].client_id, said.client_id);
    dev.child.kill('SIGINT');
    assert.equal((await dev.ended).code, 0);
    await assert.rejects(fetch(said.url));
    await assert.rejects(fetch(said.example));
  });

  it('shows a person one table, and says what to do when its port is taken', async () => {
    const busy = createServer();
    await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', resolve));
    const address = busy.address();
    const taken = typeof address === 'object' ? String(address?.port) : '';
    const data = join(folder, 'taken');
    const refused = await postern(['dev', '--no-example', '--port', taken, '--data', data]).ended;
    busy.close();
    assert.equal(refused.code, 1);
    assert.match(refused.err, /postern: The port is in use\..*\n.*--port N/);
    const dev = postern(['dev', '--no-example', '--port', '0', '--data', data]);
    await dev.says(/Ctrl-C stops/);
    dev.child.kill('SIGTERM');
    const { code, out } = await dev.ended;
    assert.equal(code, 0);
    assert.match(out, /Sign-in server +http:\/\/localhost:\d+\n/);
    assert.match(out, /Client secret +test_/);
    assert.doesNotMatch(out, /Example app/);
  });
});

eachDatabase('postern serve', (store) => {
  it('logs JSON lines and finishes when it is asked to stop', async () => {
    const { url, env } = await servedOn(store.url);
    const server = postern(['serve'], { ...env, POSTERN_WORKERS: '1' });
    await server.says(/"msg":"ready"/);
    assert.equal((await fetch(`${url}/readyz`)).status, 200);
    server.child.kill('SIGTERM');
    const { code, out } = await server.ended;
    assert.equal(code, 0);
    for (const line of out.trim().split('\n')) assert.equal(typeof JSON.parse(line).msg, 'string');
  });

  it('says what to do when its port is taken', async () => {
    const { url, env } = await servedOn(store.url);
    const busy = createServer();
    await new Promise<void>((resolve) => busy.listen(Number(new URL(url).port), '127.0.0.1', resolve));
    const { code, err } = await postern(['serve'], { ...env, POSTERN_WORKERS: '1' }).ended;
    busy.close();
    assert.equal(code, 1);
    assert.match(err, /postern: The port is in use\..*\n.*POSTERN_LISTEN/);
  });

  it('runs several processes on PostgreSQL, and refuses to on SQLite', async () => {
    const { url, env } = await servedOn(store.url);
    const server = postern(['serve'], { ...env, POSTERN_WORKERS: '2' });
    if (store.engine === 'sqlite') {
      const { code, err } = await server.ended;
      assert.equal(code, 1);
      assert.match(err, /POSTERN_WORKERS must be 1 on SQLite/);
      return;
    }
    const ready = /"pid":(\d+)[^\n]*"msg":"ready"/.source;
    const [, first] = await server.says(new RegExp(`${ready}[\\s\\S]*${ready}`));
    process.kill(Number(first), 'SIGKILL');
    await server.says(/"msg":"a worker died"/);
    assert.equal((await fetch(`${url}/readyz`)).status, 200);
    await server.says(new RegExp(`"msg":"a worker died"[\\s\\S]*${ready}`));
    server.child.kill('SIGTERM');
    assert.equal((await server.ended).code, 0);
    await assert.rejects(fetch(url));
  });

  it('gives up when no worker can start, instead of trying for ever', async () => {
    const { url, env } = await servedOn(store.url);
    const unusable =
      store.engine === 'postgres'
        ? { POSTERN_DATABASE: 'postgres://127.0.0.1:9/postern', POSTERN_WORKERS: '2' }
        : { POSTERN_DATABASE: `sqlite:${join(folder, 'no-database.db')}` };
    writeFileSync(join(folder, 'no-database.db'), 'words '.repeat(1000));
    const server = postern(['serve'], { ...env, ...unusable });
    const { code, err } = await server.ended;
    assert.equal(code, 1);
    assert.match(err, /^postern: The (database does not answer|file in POSTERN_DATABASE is no database)/m);
    await assert.rejects(fetch(url));
  });
});
