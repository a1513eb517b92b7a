// Installs what package-lock.json names, once. Runs on any Node from 20.19 on, before node_modules exists.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const oldestNode = [20, 19];
const lockWaitMaxMs = 15 * 60_000;

/** A failure whose message is all the reader needs: shown without a stack. */
export class SetupError extends Error {}

/** The path of the pinned Node that runs Postern, whether or not it is installed yet. */
export function nodeBinary(base = root) {
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  return path.join(base, 'node_modules', 'node', 'bin', name);
}

/** Brings node_modules to the state of package-lock.json; a few milliseconds when it already is. Throws SetupError. */
export function ensureInstalled(base = root) {
  refuseOldNode(process.versions.node);
  if (isStamped(base)) return;
  withInstallLock(base, () => {
    if (isStamped(base)) return;
    if (!isInstalled(base)) install(base);
    writeFileSync(stampPath(base), stampFor(base));
  });
}

/** Throws SetupError when `version` is older than the oldest Node these tools run on. */
export function refuseOldNode(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return;
  throw new SetupError(
    `Node ${oldestNode.join('.')} or newer is needed to start; this is Node ${version}. Get a newer one from https://nodejs.org`,
  );
}

/** Runs a command-line tool's body for its exit code; a SetupError becomes one line and, on stdout, `lastWords`. */
export async function runTool(body, lastWords = '') {
  try {
    process.exitCode = await body();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.stdout.write(lastWords);
    process.exitCode = 1;
  }
}

/** The packages of `lock` that a machine of this `platform` and `arch` must have and `installed` lacks. */
export function missingPackages({ lock, installed, platform, arch }) {
  const fits = (allowed, own) =>
    !allowed || allowed.includes(own) || (allowed[0]?.startsWith('!') && !allowed.includes(`!${own}`));
  return Object.entries(lock.packages ?? {})
    .filter(([place]) => place.includes('node_modules/'))
    .filter(([place, wanted]) => {
      const found = installed.packages?.[place];
      if (found) return found.version !== wanted.version || found.integrity !== wanted.integrity;
      const maybeForeign = wanted.libc || !fits(wanted.os, platform) || !fits(wanted.cpu, arch);
      return !(wanted.optional && maybeForeign);
    })
    .map(([place]) => place);
}

function stampPath(base) {
  return path.join(base, 'node_modules', '.postern-stamp');
}

function stampFor(base) {
  const lock = readFileSync(path.join(base, 'package-lock.json'));
  return `${createHash('sha256').update(lock).digest('hex')} ${process.platform}-${process.arch}\n`;
}

function readOr(file, fallback) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return fallback;
  }
}

function isStamped(base) {
  return existsSync(nodeBinary(base)) && readOr(stampPath(base), '') === stampFor(base);
}

// Somebody who ran `npm install` by hand has no stamp of ours, but npm's own record of what it installed.
function isInstalled(base) {
  const otherPlatform = !readOr(stampPath(base), `${process.platform}-${process.arch}`)
    .trimEnd()
    .endsWith(`${process.platform}-${process.arch}`);
  if (otherPlatform || !nodeRuns(base)) return false;
  const lock = JSON.parse(readFileSync(path.join(base, 'package-lock.json'), 'utf8'));
  const installed = JSON.parse(readOr(path.join(base, 'node_modules', '.package-lock.json'), '{}'));
  return missingPackages({ lock, installed, platform: process.platform, arch: process.arch }).length === 0;
}

function nodeRuns(base) {
  const lock = JSON.parse(readFileSync(path.join(base, 'package-lock.json'), 'utf8'));
  const wanted = `v${lock.packages?.['node_modules/node']?.version}`;
  const answer = spawnSync(nodeBinary(base), ['--version'], { encoding: 'utf8' });
  return answer.status === 0 && answer.stdout.trim() === wanted;
}

function install(base) {
  process.stderr.write('Installing packages with npm ci (once, and after package-lock.json changes) ...\n');
  const started = Date.now();
  // A production NODE_ENV would leave out the tools, and ignored scripts the Node binary itself.
  const flags = ['--include=dev', '--include=optional', '--ignore-scripts=false'];
  const result = runNpm(base, ['ci', '--no-audit', '--no-fund', '--loglevel=error', ...flags]);
  if (result.error || result.status !== 0) {
    const why = result.error ? result.error.message : `it ended with exit code ${result.status}`;
    throw new SetupError(
      `npm ci failed: ${why}. Its own words are above; check the network and free disk, then run "npm ci" by hand in ${base}.`,
    );
  }
  if (!nodeRuns(base)) {
    throw new SetupError(
      `npm ci succeeded, but the pinned Node does not run at ${nodeBinary(base)}: there may be no build of it for ` +
        `${process.platform}-${process.arch}, or npm was told not to run install scripts ("npm config get ignore-scripts").`,
    );
  }
  process.stderr.write(`Installed in ${Math.round((Date.now() - started) / 1000)} s.\n`);
}

function runNpm(base, args) {
  // Everything npm says goes to stderr, so that our stdout stays machine-readable.
  const options = { cwd: base, stdio: ['ignore', 2, 2] };
  const npmCli = process.env.npm_execpath ?? '';
  if (/npm-cli\.c?js$/.test(npmCli) && existsSync(npmCli)) {
    return spawnSync(process.execPath, [npmCli, ...args], options);
  }
  return process.platform === 'win32'
    ? spawnSync('npm.cmd', args, { ...options, shell: true })
    : spawnSync('npm', args, options);
}

// Two commands on a fresh clone must not both replace node_modules: the second waits for the first.
function withInstallLock(base, body) {
  const lockDir = path.join(base, '.cache', 'install.lock');
  mkdirSync(path.dirname(lockDir), { recursive: true });
  const deadline = Date.now() + lockWaitMaxMs;
  while (!tryLock(lockDir)) {
    if (Date.now() > deadline) {
      throw new SetupError(
        `Another installation holds ${lockDir} for too long; remove it if none is running.`,
      );
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 250);
  }
  try {
    body();
  } finally {
    rmSync(lockDir, { recursive: true, force: true });
  }
}

function tryLock(lockDir) {
  try {
    mkdirSync(lockDir);
    writeFileSync(path.join(lockDir, 'pid'), String(process.pid));
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    const holder = Number(readOr(path.join(lockDir, 'pid'), '0'));
    if (holder > 0 && !isAlive(holder)) rmSync(lockDir, { recursive: true, force: true });
    return false;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await runTool(() => ensureInstalled());
}
