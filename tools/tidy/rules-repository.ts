// What the repository depends on and what it gives away about the machine it was made on.
import type { Finding, Rule } from './rule.ts';
import { filesOf, matchesIn, type SourceTree } from './source-tree.ts';

const productionMax: Record<string, number> = { 'server/package.json': 14, 'sdk/package.json': 2 };
const groups = ['dependencies', 'devDependencies', 'optionalDependencies', 'overrides'] as const;

type Manifest = { name?: string } & Partial<Record<(typeof groups)[number], Record<string, unknown>>>;
type Pin = { file: string; line: number; name: string; version: unknown };

function manifestsOf(tree: SourceTree): [file: string, manifest: Manifest][] {
  return filesOf(tree, (file) => /(^|\/)package\.json$/.test(file)).map((file) => [
    file,
    JSON.parse(tree.get(file) ?? '{}') as Manifest,
  ]);
}

function pinsOf(tree: SourceTree): Pin[] {
  const manifests = manifestsOf(tree);
  const own = new Set(manifests.map(([, manifest]) => manifest.name));
  return manifests.flatMap(([file, manifest]) =>
    groups
      .flatMap((group) => Object.entries(manifest[group] ?? {}))
      .filter(([name]) => !own.has(name))
      .map(([name, version]) => ({ file, line: lineOf(tree.get(file) ?? '', `"${name}"`), name, version })),
  );
}

function lineOf(text: string, word: string): number {
  return text.split('\n').findIndex((line) => line.includes(word)) + 1;
}

const exactRule: Rule = {
  name: 'every dependency is pinned to one exact version',
  advice: 'Write the version without ^, ~ or a range (npm install --save-exact)',
  find: (tree) =>
    pinsOf(tree)
      .filter(({ version }) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(String(version)))
      .map(({ file, line, name, version }) => ({
        file,
        line,
        what: `${name} is "${JSON.stringify(version)}"`,
      })),
  bad: ['^1.2.3', '~1.2.3', '1.x', 'latest', '*', 'git+https://example.com/a'].map((version) => ({
    'server/package.json': JSON.stringify({ dependencies: { a: version } }),
  })),
  good: [
    {
      'server/package.json': JSON.stringify({
        name: '@a/server',
        dependencies: { a: '1.2.3', b: '1.2.3-beta.4' },
      }),
      'examples/a/package.json': JSON.stringify({ devDependencies: { '@a/server': '*' } }),
    },
  ],
};

const sameVersionRule: Rule = {
  name: 'workspaces that share a dependency share its version',
  advice: 'Use one version everywhere',
  find: (tree) => {
    const pins = pinsOf(tree);
    const first = (name: string) => pins.find((pin) => pin.name === name);
    return pins
      .filter((pin) => first(pin.name)?.version !== pin.version)
      .map(({ file, line, name, version }) => ({
        file,
        line,
        what: `${name} is ${version} here and ${first(name)?.version} in ${first(name)?.file}`,
      }));
  },
  bad: [
    {
      'server/package.json': JSON.stringify({ dependencies: { a: '1.2.3' } }),
      'sdk/package.json': JSON.stringify({ devDependencies: { a: '1.2.4' } }),
    },
  ],
  good: [
    {
      'server/package.json': '{"dependencies":{"a":"1.2.3"}}',
      'package.json': '{"devDependencies":{"a":"1.2.3"}}',
    },
  ],
};

const fewDependenciesRule: Rule = {
  name: 'the server and the SDK have few production dependencies',
  advice: 'Do without, or argue for it in docs/decisions and raise the limit there',
  find: (tree) =>
    manifestsOf(tree).flatMap(([file, manifest]): Finding[] => {
      const [count, max] = [Object.keys(manifest.dependencies ?? {}).length, productionMax[file] ?? Infinity];
      return count > max
        ? [{ file, line: 1, what: `${count} production dependencies, the most is ${max}` }]
        : [];
    }),
  bad: [plantDependencies('server', 15), plantDependencies('sdk', 3)],
  good: [plantDependencies('server', 14), plantDependencies('sdk', 2), plantDependencies('dashboard', 30)],
};

function plantDependencies(workspace: string, count: number): Record<string, string> {
  const dependencies = Object.fromEntries(Array.from({ length: count }, (_, at) => [`a${at}`, '1.0.0']));
  return { [`${workspace}/package.json`]: JSON.stringify({ dependencies }) };
}

// In pieces, so that this file does not break its own rule.
const workFolder = ['', 'work', ''].join('/');
const jobsFolder = ['bash', 'jobs'].join('_');
const machinePath = new RegExp(`(?<![\\w.}])${workFolder}|${jobsFolder}`, 'g');

const machinePathRule: Rule = {
  name: 'no file names a path of the machine it was written on',
  advice: 'Write the path relative to the repository',
  find: (tree) => findAll(tree, machinePath, 'a path of one machine'),
  bad: [{ 'docs/a.md': `see\n${workFolder}main` }, { 'tools/a.ts': `'/tmp/${jobsFolder}.0'` }],
  good: [{ 'docs/a.md': 'https://example.com/work/, ./work/a, homework/' }],
};

function findAll(tree: SourceTree, pattern: RegExp, what: string): Finding[] {
  return filesOf(tree, () => true).flatMap((file) =>
    matchesIn(tree.get(file) ?? '', pattern).map(({ match, line }) => ({
      file,
      line,
      what: `${what}: ${match}`,
    })),
  );
}

const registryRule: Rule = {
  name: 'the lockfile names no host to download from',
  advice: 'Set omit-lockfile-registry-resolved=true in .npmrc and write the lockfile again',
  find: (tree) =>
    matchesIn(tree.get('package-lock.json') ?? '', /"resolved":\s*"https?:[^"]*"/g).map(
      ({ match, line }) => ({
        file: 'package-lock.json',
        line,
        what: match,
      }),
    ),
  bad: [{ 'package-lock.json': '{\n"resolved": "https://npm.example.com/a.tgz" }' }],
  good: [{ 'package-lock.json': '{ "resolved": "server", "link": true }' }],
};

type LockEntry = { optionalDependencies?: Record<string, string> };

const completeLockRule: Rule = {
  name: 'the lockfile holds the optional packages of every platform',
  advice:
    'Without them npm ci refuses the lockfile: pin a version whose builds all exist, then delete the entries of that ' +
    'package and run npm install --package-lock-only',
  find: (tree) => {
    const text = tree.get('package-lock.json') ?? '{}';
    const packages = (JSON.parse(text) as { packages?: Record<string, LockEntry> }).packages ?? {};
    const isLocked = (name: string) =>
      Object.keys(packages).some(
        (place) => place === `node_modules/${name}` || place.endsWith(`/node_modules/${name}`),
      );
    return Object.entries(packages).flatMap(([place, entry]) =>
      Object.keys(entry.optionalDependencies ?? {})
        .filter((name) => !isLocked(name))
        .map((name) => ({
          file: 'package-lock.json',
          line: lineOf(text, `"${place}"`),
          what: `${place} may need ${name}, which is not locked`,
        })),
    );
  },
  bad: [plantLock({ 'node_modules/a': { optionalDependencies: { 'a-darwin': '1.0.0' } } })],
  good: [
    plantLock({
      'node_modules/a': { optionalDependencies: { b: '1.0.0' } },
      'node_modules/a/node_modules/b': {},
    }),
  ],
};

function plantLock(packages: Record<string, LockEntry>): Record<string, string> {
  return { 'package-lock.json': JSON.stringify({ packages }, null, 2) };
}

export const repositoryRules: Rule[] = [
  exactRule,
  sameVersionRule,
  fewDependenciesRule,
  machinePathRule,
  registryRule,
  completeLockRule,
];
