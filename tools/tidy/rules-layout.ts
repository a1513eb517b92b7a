// Names and places of files and folders.
import path from 'node:path';
import type { Finding, Planted, Rule } from './rule.ts';
import { roomOf, staircase } from './rules-imports.ts';
import { filesOf, isCode, isTest, matchesIn, type SourceTree } from './source-tree.ts';
import { select, syntaxOf } from './syntax.ts';

const filesPerFolderMax = 20;
const depthMax = 3;
const vagueWords = /^(util|helper|common|manager|service)s?$/;
// The proto files have services; what carries them out is called by their word.
const protoServices = /^server\/src\/api\/services\/(services\.ts$)?/;
// The router of the dashboard gives file names a meaning of its own.
const isRouted = (file: string) => file.startsWith('dashboard/src/routes/');
const sourceFolders = /^(server|sdk|dashboard)\/src\//;

/** The rooms on disk, with the file that stands alone as the top stair. */
export function roomsOf(tree: SourceTree): string[] {
  return [...new Set(filesOf(tree, (file) => file.startsWith('server/src/')).map(roomOf))];
}

function whole(file: string, what: string): Finding {
  return { file, line: 1, what };
}

const vagueNameRule: Rule = {
  name: 'no file or folder has a name that says nothing',
  advice: 'Name it after the one thing it does',
  find: (tree) =>
    filesOf(tree, isCode).flatMap((file) => {
      const words = file.replace(protoServices, '').split(/[/.\-_]/);
      const vague = words.find((word) => vagueWords.test(word));
      return vague ? [whole(file, `"${vague}" says nothing about what is inside`)] : [];
    }),
  bad: [
    'server/src/utils/a.ts',
    'tools/mail-helper.ts',
    'server/src/core/user-service.ts',
    'sdk/src/common.ts',
    'server/src/mail/services/a.ts',
    'server/src/api/services/user-service.ts',
  ].map((file) => ({ [file]: '' })),
  good: [
    {
      'server/src/users/serviceable.ts': '',
      'server/src/api/services/users.ts': '',
      'docs/operating/postern.service': '',
    },
  ],
};

const kebabRule: Rule = {
  name: 'code files and their folders have kebab-case names',
  advice: 'Rename it: lower-case words joined by dashes',
  find: (tree) =>
    filesOf(tree, (file) => isCode(file) && !isRouted(file)).flatMap((file) =>
      file.split('/').every((part) => /^\.?[a-z0-9]+([.-][a-z0-9]+)*$/.test(part))
        ? []
        : [whole(file, 'the name is not kebab-case')],
    ),
  bad: ['server/src/core/signIn.ts', 'server/src/SignIn/a.ts', 'tools/a_b.mjs'].map((file) => ({
    [file]: '',
  })),
  good: [{ 'server/src/sign-in/a-b.serial.test.ts': '', 'dashboard/src/routes/users.$id.tsx': '' }],
};

const indexRule: Rule = {
  name: 'no index files but the one of the SDK',
  advice: 'Import from the file that holds the thing',
  find: (tree) =>
    filesOf(tree, (file) => isCode(file) && /(^|\/)index\.\w+$/.test(file))
      .filter((file) => file !== 'sdk/src/index.ts' && !file.startsWith('examples/') && !isRouted(file))
      .map((file) => whole(file, 'an index file hides where things are')),
  bad: [{ 'server/src/core/index.ts': '' }, { 'tools/index.mjs': '' }],
  good: [{ 'sdk/src/index.ts': '' }],
};

const defaultExportRule: Rule = {
  name: 'the server exports by name only',
  advice: 'Give it a name and export that',
  find: (tree) =>
    filesOf(tree, (file) => isCode(file) && file.startsWith('server/src/')).flatMap((file) => {
      const syntax = syntaxOf(file, tree.get(file) ?? '');
      const isDefault = (name: unknown) => JSON.stringify(name ?? '').includes('"name":"default"');
      return select(
        syntax.program,
        (node) =>
          node.type === 'ExportDefaultDeclaration' ||
          (node.type === 'ExportSpecifier' && isDefault(node.exported)),
      ).map((node) => ({ file, line: syntax.lineOf(node), what: 'a default export' }));
    }),
  bad: [
    { 'server/src/core/a.ts': 'export default 3;' },
    { 'server/src/core/a.ts': 'const a = 1;\nexport { a as default };' },
  ],
  good: [{ 'server/src/core/a.ts': `export const a = 'export default';`, 'tools/a.ts': 'export default 3;' }],
};

const crowdRule: Rule = {
  name: `at most ${filesPerFolderMax} code files in a folder`,
  advice: 'Give what belongs together a folder of its own',
  find: (tree) => {
    const folders = Map.groupBy(filesOf(tree, isCode), (file) => path.posix.dirname(file));
    return [...folders]
      .filter(([, files]) => files.length > filesPerFolderMax)
      .map(([folder, files]) => whole(folder, `${files.length} code files in one folder`));
  },
  bad: [plantMany('server/src/core', filesPerFolderMax + 1)],
  good: [plantMany('server/src/core', filesPerFolderMax)],
};

function plantMany(folder: string, count: number): Planted {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`${folder}/a${at}.ts`, '']));
}

const depthRule: Rule = {
  name: `at most ${depthMax} folders below src`,
  advice: 'Flatten it',
  find: (tree) =>
    filesOf(tree, (file) => isCode(file) && sourceFolders.test(file))
      .filter((file) => file.replace(sourceFolders, '').split('/').length - 1 > depthMax)
      .map((file) => whole(file, 'too many folders deep')),
  bad: [{ 'server/src/a/b/c/d/e.ts': '' }],
  good: [{ 'server/src/a/b/c/e.ts': '' }],
};

const onlyMainRule: Rule = {
  name: 'main.ts is the only file outside the rooms, and every room is a stair',
  advice: `Put it into the room it belongs to: ${staircase.join(', ')}`,
  find: (tree) =>
    filesOf(tree, (file) => file.startsWith('server/src/') && !isTest(file)).flatMap((file) => {
      const isAlone = path.posix.dirname(file) === 'server/src';
      if (isAlone) return file === 'server/src/main.ts' ? [] : [whole(file, 'it stands outside every room')];
      return staircase.includes(roomOf(file)) ? [] : [whole(file, `"${roomOf(file)}" is no room`)];
    }),
  bad: [{ 'server/src/server.ts': '' }, { 'server/src/attic/a.ts': '' }],
  good: [{ 'server/src/main.ts': '', 'server/src/core/a.ts': '' }],
};

const architecture = 'ARCHITECTURE.md';

const architectureRule: Rule = {
  name: 'ARCHITECTURE.md lists the rooms that exist and the staircase',
  advice: `Write each room as \`room/\`, and the staircase as ${staircase.join(' < ')}`,
  find: (tree) => {
    const text = tree.get(architecture);
    if (text === undefined) return [whole(architecture, 'it does not exist')];
    const rooms = roomsOf(tree).filter((room) => room !== 'main');
    const isListed = (room: string) => new RegExp(`(^|[\\s\`/[(])${room}/`, 'm').test(text);
    const missing = rooms
      .filter((room) => !isListed(room))
      .map((room) => whole(architecture, `it lacks ${room}/`));
    const gone = matchesIn(text, /(?<=server\/src\/)[a-z-]+(?=\/)/g)
      .filter((found) => !rooms.includes(found.match))
      .map((found) => ({
        file: architecture,
        line: found.line,
        what: `server/src/${found.match}/ does not exist`,
      }));
    const stairs = matchesIn(text, /[a-z-]+(`?\s*<\s*`?[a-z-]+){3,}/g);
    const wrong = stairs
      .filter(
        (found) =>
          found.match
            .replaceAll('`', '')
            .split(/\s*<\s*/)
            .join() !== staircase.join(),
      )
      .map((found) => ({
        file: architecture,
        line: found.line,
        what: 'the staircase differs from the real one',
      }));
    return [
      ...missing,
      ...gone,
      ...wrong,
      ...(stairs.length > 0 ? [] : [whole(architecture, 'it lacks the staircase')]),
    ];
  },
  bad: [
    { 'server/src/core/a.ts': '' },
    { 'server/src/core/a.ts': '', [architecture]: `the core of it\n\n${staircase.join(' < ')}` },
    { 'server/src/core/a.ts': '', [architecture]: '`core/` decides' },
    { [architecture]: `server/src/attic/ stands empty. ${staircase.join(' < ')}` },
    { [architecture]: 'core < mail < platform < main' },
  ],
  good: [
    { 'server/src/core/a.ts': '', [architecture]: `| \`core/\` | decides |\n\n\`${staircase.join(' < ')}\`` },
  ],
};

export const layoutRules: Rule[] = [
  vagueNameRule,
  kebabRule,
  indexRule,
  defaultExportRule,
  crowdRule,
  depthRule,
  onlyMainRule,
  architectureRule,
];
