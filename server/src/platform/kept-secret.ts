import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Problem } from '../core/problems.ts';
import { Fault, parseSecrets, readText } from './config-values.ts';
import { random } from './random.ts';

/** Where a master secret may be kept, and what for. */
interface Place {
  readonly mode: 'dev' | 'serve' | 'tool';
  readonly url: string;
  readonly database: string;
  readonly dataDir: string;
}

/**
 * Why no secret may be made here: a second one for a database that is used with another would write
 * hashes and keys that its server cannot read.
 */
export function secretFaults(place: Place): string[] {
  if (isMemory(place.database) || existsSync(pathOf(place))) return [];
  const inUse = isSqlite(place.database)
    ? existsSync(place.database.slice('sqlite:'.length))
    : place.mode === 'tool';
  if (!inUse && (place.mode === 'dev' || place.url.startsWith('http:'))) return [];
  return ['POSTERN_SECRET is not set: give the one that this database is used with'];
}

/** Development's master secret, made at the first start in a file that its owner alone can read. */
export function keptSecrets(place: Place): string[] {
  const made = random.token(384);
  if (isMemory(place.database)) return [made];
  mkdirSync(place.dataDir, { recursive: true, mode: 0o700 });
  writeOnce(pathOf(place), `${made}\n`);
  const text = readText(pathOf(place));
  const secrets = text instanceof Fault ? text : parseSecrets(text);
  if (!(secrets instanceof Fault) && secrets.length > 0) return secrets;
  const todo = secrets instanceof Fault ? secrets.todo : 'is empty: put the secret of the database there';
  throw new Problem('configuration_invalid', `The secret in ${pathOf(place)} ${todo}`);
}

/** Of two processes that start together, the first one's secret stays. */
function writeOnce(path: string, text: string): void {
  try {
    writeFileSync(path, text, { mode: 0o600, flag: 'wx' });
  } catch (failure) {
    if (!existsSync(path)) throw failure;
  }
}

function pathOf(place: Place): string {
  return join(place.dataDir, 'secret');
}

export function isSqlite(database: string): boolean {
  return database.startsWith('sqlite:');
}

export function isMemory(database: string): boolean {
  return database === 'sqlite::memory:';
}
