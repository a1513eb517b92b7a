// Loads the server a second time in this process, with a guard taken out of its source.
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

/** One exact piece of a file below `server/src`, and what stands there when the guard is off. */
export interface Weakening {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

const SERVER = new URL('../../../', import.meta.url).href;
const MARK = /\?weakened=\d+$/;

/** Sources that differ from what is on the disk, by the address under which a weakened build loads them. */
const changed = new Map<string, string>();
const loaded = new Set<string>();
let builds = 0;

// A file that a weakened one imports is loaded under the same mark: the whole server anew, the packages once.
registerHooks({
  resolve(specifier, context, next) {
    const [mark] = MARK.exec(context.parentURL ?? '') ?? [];
    const resolved = next(specifier, context);
    const isOurs = resolved.url.startsWith(SERVER) && !resolved.url.includes('/node_modules/');
    return mark === undefined || !isOurs ? resolved : { ...resolved, url: resolved.url + mark };
  },
  load(url, context, next) {
    const source = changed.get(url);
    if (source === undefined) return next(url, context);
    loaded.add(url);
    return { format: 'module-typescript', source, shortCircuit: true };
  },
});

/** The source of a file without its guards. Throws when a piece is not there exactly once: the control has gone stale. */
export function weaken(file: string, weakenings: readonly Weakening[]): string {
  const path = fileURLToPath(new URL(`src/${file}`, SERVER));
  return weakenings.reduce(
    (source, { find, replace }) => {
      const pieces = source.split(find);
      if (pieces.length !== 2)
        throw new Error(
          `"${find}" stands ${pieces.length - 1} times in ${file}, not once: renew this control`,
        );
      return pieces.join(replace);
    },
    readFileSync(path, 'utf8'),
  );
}

/** The parts of a build that an attack needs; the one on the disk when nothing is weakened. */
export async function loadBuild(weakenings: readonly Weakening[]) {
  builds += 1;
  const mark = weakenings.length === 0 ? '' : `?weakened=${builds}`;
  const files = Map.groupBy(weakenings, ({ file }) => file);
  for (const [file, those] of files) changed.set(`${SERVER}src/${file}${mark}`, weaken(file, those));
  const server: typeof import('../../support/server.ts') = await import(
    `${SERVER}test/support/server.ts${mark}`
  );
  const log: typeof import('../../../src/platform/log.ts') = await import(
    `${SERVER}src/platform/log.ts${mark}`
  );
  for (const file of files.keys())
    if (!loaded.has(`${SERVER}src/${file}${mark}`)) throw new Error(`the server does not load ${file}`);
  return { startTestServer: server.startTestServer, createLog: log.createLog };
}
