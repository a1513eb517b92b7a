import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { promisify } from 'node:util';

export const root = path.resolve(import.meta.dirname, '..', '..', '..');

/** An app in a folder of its own, into which this package was installed as anybody would. */
export interface Consumer {
  readonly folder: string;
  /** What the tarball holds. */
  readonly files: readonly string[];
  write(name: string, text: string): string;
  /** Runs a file of the folder with this Node, and gives what it printed. */
  run(node: string, ...args: string[]): Promise<string>;
  /** Lends a package of the workspace, which keeps its own dependencies there. */
  borrow(name: string): void;
}

/** The Node that the machine has, which may be older than the one that runs this. */
export const machineNode = execFileSync('node', ['-p', 'process.execPath'], {
  env: { ...process.env, PATH: pathOfUser() },
  encoding: 'utf8',
}).trim();

function pathOfUser(): string {
  const entries = (process.env.PATH ?? '').split(path.delimiter);
  return entries.filter((entry) => !entry.includes('node_modules')).join(path.delimiter);
}

function npm(cwd: string, args: string[]): string {
  const env = { ...process.env, PATH: pathOfUser(), npm_config_update_notifier: 'false' };
  return execFileSync('npm', args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Packs the SDK and its one dependency, and installs both without a network. */
export function installPacked(): Consumer {
  const folder = mkdtempSync(path.join(tmpdir(), 'postern-sdk-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const parcels = path.join(folder, 'parcels');
  mkdirSync(parcels);
  const packed = npm(path.join(root, 'sdk'), ['pack', '--json', '--pack-destination', parcels]);
  npm(folder, [
    'pack',
    '--silent',
    '--ignore-scripts',
    '--pack-destination',
    parcels,
    path.join(root, 'node_modules/jose'),
  ]);
  const write = (name: string, text: string) => {
    writeFileSync(path.join(folder, name), text);
    return path.join(folder, name);
  };
  write('package.json', '{ "private": true }');
  const tarballs = readdirSync(parcels).map((name) => path.join(parcels, name));
  npm(folder, ['install', '--offline', '--no-audit', '--no-fund', '--package-lock=false', ...tarballs]);
  return {
    folder,
    files: filesIn(packed),
    write,
    run: async (node, ...args) => (await promisify(execFile)(node, args, { cwd: folder })).stdout,
    borrow: (name) => {
      mkdirSync(path.dirname(path.join(folder, 'node_modules', name)), { recursive: true });
      symlinkSync(path.join(root, 'node_modules', name), path.join(folder, 'node_modules', name));
    },
  };
}

// What scripts print may come before npm's own JSON; a newer npm names packages in it.
function filesIn(output: string): string[] {
  const found = [...output.matchAll(/"path": "([^"]+)"/g)].map(([, file]) => file ?? '');
  return found.toSorted();
}
