// Finds a Chromium for the browser tests, or obtains one. A test run without a browser fails; it never skips.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { nodeBinary, root, runTool, SetupError } from './ensure-installed.mjs';

/** The path of a Chromium that starts: named, installed on the system, downloaded before, or obtained now. Throws SetupError. */
export async function ensureBrowser({
  env = process.env,
  log = (line) => process.stderr.write(`${line}\n`),
} = {}) {
  if (env.POSTERN_TEST_BROWSER) return checkNamed(env.POSTERN_TEST_BROWSER);
  const present = firstThatRuns(systemBrowsers(env)) ?? firstThatRuns(await playwrightBrowsers());
  if (present) return present;
  for (const obtain of [installWithApt, downloadWithPlaywright]) {
    await obtain(log);
    const found = firstThatRuns(systemBrowsers(env)) ?? firstThatRuns(await playwrightBrowsers());
    if (found) return found;
  }
  throw new SetupError(
    'No Chromium for the browser tests: none is installed, and neither the package manager nor Playwright could get one ' +
      '(their words are above). Install Chromium or Google Chrome, or name one with POSTERN_TEST_BROWSER=/path/to/chromium.',
  );
}

function checkNamed(browser) {
  if (runs(browser)) return browser;
  throw new SetupError(`POSTERN_TEST_BROWSER names ${browser}, which does not start as a browser.`);
}

/** Where Chromium or Chrome usually lives on `platform`, the likeliest first. */
export function systemBrowsers(env, platform = process.platform) {
  if (platform === 'darwin') {
    const apps = ['Google Chrome', 'Chromium', 'Google Chrome for Testing', 'Microsoft Edge'];
    const bases = ['/Applications', ...(env.HOME ? [`${env.HOME}/Applications`] : [])];
    return bases.flatMap((base) => apps.map((app) => `${base}/${app}.app/Contents/MacOS/${app}`));
  }
  if (platform === 'win32') {
    const bases = [env.PROGRAMFILES, env['PROGRAMFILES(X86)'], env.LOCALAPPDATA].filter(Boolean);
    const programs = ['Google\\Chrome\\Application\\chrome.exe', 'Chromium\\Application\\chrome.exe'];
    return bases.flatMap((base) => programs.map((program) => `${base}\\${program}`));
  }
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
  const folders = (env.PATH ?? '')
    .split(':')
    .concat('/usr/bin', '/usr/local/bin', '/snap/bin', '/opt/google/chrome');
  return folders.filter(Boolean).flatMap((folder) => names.map((name) => path.posix.join(folder, name)));
}

async function playwrightBrowsers() {
  const entry = path.join(root, 'node_modules', 'playwright-core', 'index.mjs');
  if (!existsSync(entry)) return [];
  const { chromium } = await import(pathToFileURL(entry).href);
  return [chromium.executablePath()].filter(Boolean);
}

function firstThatRuns(candidates) {
  return candidates.find(runs);
}

function runs(browser) {
  if (!existsSync(browser)) return false;
  // On Windows a browser asked for its version opens a window instead of answering.
  if (process.platform === 'win32') return true;
  // Distributions ship a placeholder of that name which only points to a store: it must answer with a version.
  const answer = spawnSync(browser, ['--version'], { encoding: 'utf8', timeout: 30_000 });
  return answer.status === 0 && /\d+\.\d+/.test(answer.stdout);
}

function isRoot() {
  return process.getuid?.() === 0;
}

function run(command, args, extraEnv = {}) {
  return (
    spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], env: { ...process.env, ...extraEnv } })
      .status === 0
  );
}

function installWithApt(log) {
  if (!isRoot() || !existsSync('/etc/debian_version')) return;
  log('Installing Chromium for the browser tests with apt-get (once) ...');
  const quiet = { DEBIAN_FRONTEND: 'noninteractive' };
  run('apt-get', ['update', '-qq'], quiet) &&
    run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], quiet);
}

function downloadWithPlaywright(log) {
  log('Downloading Chromium for the browser tests with Playwright (once) ...');
  const cli = path.join(root, 'node_modules', 'playwright-core', 'cli.js');
  const install = (...flags) => run(nodeBinary(), [cli, 'install', 'chromium', '--no-shell', ...flags]);
  const withSystemParts = isRoot() && process.platform === 'linux';
  if (!(withSystemParts && install('--with-deps'))) install();
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await runTool(async () => {
    process.stdout.write(`${await ensureBrowser()}\n`);
    return 0;
  });
}
