// Who may import whom: the staircase, circles, dead files and the packages that belong to one place.
import path from 'node:path';
import type { Finding, Rule } from './rule.ts';
import { filesOf, isCode, isServerSource, isTest, type SourceTree } from './source-tree.ts';
import { type Import, importsOf, syntaxOf } from './syntax.ts';

/** The rooms of the server, lowest first; each may use those before it. */
export const staircase = [
  'core',
  'platform',
  'events',
  'settings',
  'mail',
  'users',
  'clients',
  'sign-in',
  'oidc',
  'api',
  'cli',
  'main',
];

const entry = 'server/bin/postern.js';
const base = 'server/src/';

/** What the proto files became: the contract of the API, and of nothing below it. */
const generated = 'server/generated/';

type Edge = Import & { from: string; to: string };

export function roomOf(file: string): string {
  const inside = file.slice(base.length);
  return inside.includes('/') ? (inside.split('/')[0] ?? '') : inside.replace(/\.\w+$/, '');
}

function edgesFrom(tree: SourceTree, isFrom: (file: string) => boolean): Edge[] {
  return filesOf(tree, isFrom).flatMap((from) =>
    importsOf(syntaxOf(from, tree.get(from) ?? ''))
      .filter((one) => one.specifier.startsWith('.'))
      .map((one) => ({ ...one, from, to: path.posix.join(path.posix.dirname(from), one.specifier) })),
  );
}

function climb(edge: Edge): string | undefined {
  const isData = edge.to.endsWith('.json');
  if (edge.to.startsWith(generated))
    return roomOf(edge.from) === 'api' ? undefined : `imports ${edge.to}, which belongs to api/`;
  if (!edge.to.startsWith(base)) return isData ? undefined : `imports ${edge.to} from outside server/src`;
  const [from, to] = [roomOf(edge.from), roomOf(edge.to)];
  const isUnknown = [from, to].find((room) => !staircase.includes(room));
  if (isUnknown) return `"${isUnknown}" is no room of the staircase`;
  if (staircase.indexOf(to) <= staircase.indexOf(from)) return undefined;
  return `room ${from} imports ${edge.to} from the higher room ${to}`;
}

export const staircaseRule: Rule = {
  name: 'a file imports from its own room or a lower one',
  advice: `Move the use case to the higher room, or let main.ts pass a function down (${staircase.join(' < ')})`,
  find: (tree) =>
    edgesFrom(tree, isServerSource).flatMap((edge) => {
      const what = climb(edge);
      return what ? [{ file: edge.from, line: edge.line, what }] : [];
    }),
  bad: [
    {
      'server/src/core/a.ts': `import { b } from '../mail/b.ts';`,
      'server/src/mail/b.ts': 'export const b = 1;',
    },
    { 'server/src/core/a.ts': `import type { B } from '../mail/b.ts';` },
    { 'server/src/users/a.ts': `const later = await import('../oidc/b.ts');` },
    { 'server/src/users/a.ts': `type B = import('../oidc/b.ts').B;` },
    { 'server/src/users/a.ts': `export { b } from '../../test/b.ts';` },
    { 'server/src/attic/a.ts': `export { b } from './b.ts';` },
    { 'server/src/sign-in/a.ts': `import type { B } from '../../generated/b_pb.js';` },
  ],
  good: [
    {
      'server/src/mail/a.ts': `import { b } from '../core/b.ts'; import { c } from './c.ts';\n// from '../api/x.ts'`,
      'server/src/main.ts': `import { a } from './mail/a.ts'; import data from '../package.json' with { type: 'json' };`,
      'server/src/api/rpc/a.ts': `import { B } from '../../../generated/b_pb.js';`,
    },
  ],
};

/** The groups of nodes that reach each other, each with a way around. */
function circles(edges: { from: string; to: string }[]): string[][] {
  const next = new Map<string, Set<string>>();
  for (const { from, to } of edges) next.set(from, (next.get(from) ?? new Set()).add(to));
  const found: string[][] = [];
  const done = new Set<string>();
  const visit = (node: string, trail: string[]) => {
    const at = trail.indexOf(node);
    if (at >= 0) found.push(trail.slice(at));
    if (at >= 0 || done.has(node)) return;
    for (const to of next.get(node) ?? []) visit(to, [...trail, node]);
    done.add(node);
  };
  for (const node of next.keys()) visit(node, []);
  return found;
}

export const circleRule: Rule = {
  name: 'no files and no rooms import each other in a circle',
  advice: 'Move what both need to a file below them',
  find: (tree) => {
    const edges = edgesFrom(tree, (file) => isCode(file) && !isTest(file));
    const rooms = edges
      .filter((edge) => edge.from.startsWith(base) && edge.to.startsWith(base))
      .map((edge) => ({ from: roomOf(edge.from), to: roomOf(edge.to) }))
      .filter((edge) => edge.from !== edge.to);
    const ofFiles = circles(edges).map((way) => circleFinding(way, way[0] ?? '', edges));
    return [...ofFiles, ...circles(rooms).map((way) => circleFinding(way, `${base}${way[0]}`, edges))];
  },
  bad: [
    {
      'server/src/core/a.ts': `import './b.ts';`,
      'server/src/core/b.ts': `import type { A } from './a.ts';`,
    },
    { 'server/src/core/a.ts': `import './a.ts';` },
    {
      'server/src/mail/a.ts': `import '../users/b.ts';`,
      'server/src/users/b.ts': '',
      'server/src/users/c.ts': `import '../mail/d.ts';`,
      'server/src/mail/d.ts': '',
    },
  ],
  good: [
    {
      'server/src/core/a.ts': `import './b.ts'; import './c.ts';`,
      'server/src/core/b.ts': `import './c.ts';`,
    },
  ],
};

function circleFinding(way: string[], file: string, edges: Edge[]): Finding {
  const line = edges.find((edge) => edge.from === file && way.includes(edge.to))?.line ?? 1;
  return { file, line, what: `a circle: ${[...way, way[0]].join(' -> ')}` };
}

export const deadFileRule: Rule = {
  name: 'every file of the server is reachable from its entry',
  advice: 'Delete it, or import it where it is needed; what only tests need belongs in server/test',
  find: (tree) => {
    const edges = edgesFrom(tree, (file) => file === entry || (isServerSource(file) && isCode(file)));
    const reached = new Set([entry, `${base}main.ts`]);
    // A set visits what is added to it while it is walked.
    for (const file of reached) {
      for (const edge of edges) if (edge.from === file) reached.add(edge.to);
    }
    return filesOf(tree, isServerSource)
      .filter((file) => !reached.has(file))
      .map((file) => ({ file, line: 1, what: `no import leads here from ${entry}` }));
  },
  bad: [
    { [entry]: `import '../src/cli/a.ts';`, 'server/src/cli/a.ts': '', 'server/src/cli/b.ts': '' },
    { 'server/src/core/only-tested.ts': '', 'server/test/a.test.ts': `import '../src/core/only-tested.ts';` },
  ],
  good: [
    {
      [entry]: `await import('../src/cli/a.ts');`,
      'server/src/cli/a.ts': `new Worker(new URL('./b.ts', import.meta.url));`,
      'server/src/cli/b.ts': '',
      'server/src/cli/b.test.ts': '',
    },
  ],
};

type Belonging = { packages: RegExp; place: string; isThere: (file: string) => boolean };

const within = (folder: string) => (file: string) => file.startsWith(`${base}${folder}/`);
const isCalled = (name: string) => (file: string) => file.endsWith(`/${name}`);
const belongings: Belonging[] = [
  {
    packages: /^kysely(\/|$)/,
    place: 'store.ts files, oidc/adapter.ts and platform/database',
    isThere: (file) =>
      isCalled('store.ts')(file) || file === `${base}oidc/adapter.ts` || within('platform/database')(file),
  },
  { packages: /^oidc-provider(\/|$)/, place: 'oidc/', isThere: within('oidc') },
  {
    packages: /^(fastify(-[\w-]+)?|@fastify\/[\w-]+)(\/|$)/,
    place: 'platform/http and routes.ts files',
    isThere: (file) => isCalled('routes.ts')(file) || within('platform/http')(file),
  },
  { packages: /^(nodemailer|liquidjs)(\/|$)/, place: 'mail/', isThere: within('mail') },
  { packages: /^@(connectrpc|bufbuild)\//, place: 'api/', isThere: within('api') },
];

export const belongingRule: Rule = {
  name: 'a library is imported only where it belongs',
  advice: 'Ask the file that owns the library for what you need',
  find: (tree) =>
    filesOf(tree, isServerSource).flatMap((file) =>
      importsOf(syntaxOf(file, tree.get(file) ?? '')).flatMap((one) => {
        const broken = belongings.find((rule) => rule.packages.test(one.specifier) && !rule.isThere(file));
        return broken ? [{ file, line: one.line, what: `${one.specifier} belongs to ${broken.place}` }] : [];
      }),
    ),
  bad: [
    { 'server/src/users/users.ts': `import { sql } from 'kysely';` },
    { 'server/src/users/users.ts': `import type { Kysely } from 'kysely';` },
    { 'server/src/oidc/keys.ts': `import { sql } from 'kysely/helpers/postgres';` },
    { 'server/src/api/token.ts': `import Provider from 'oidc-provider';` },
    { 'server/src/api/server.ts': `import fastify from 'fastify';` },
    { 'server/src/api/server.ts': `import cookie from '@fastify/cookie';` },
    { 'server/src/users/welcome.ts': `import { Liquid } from 'liquidjs';` },
    { 'server/src/oidc/token.ts': `import { Code } from '@connectrpc/connect';` },
    { 'server/src/events/event.ts': `import type { Message } from '@bufbuild/protobuf';` },
    { 'server/src/users/welcome.ts': `const { createTransport } = await import('nodemailer');` },
  ],
  good: [
    {
      'server/src/users/store.ts': `import { sql } from 'kysely';`,
      'server/src/oidc/adapter.ts': `import { sql } from 'kysely'; import Provider from 'oidc-provider';`,
      'server/src/platform/database/sqlite.ts': `import { Kysely } from 'kysely';`,
      'server/src/api/routes.ts': `import type { FastifyInstance } from 'fastify';`,
      'server/src/api/rpc/a.ts': `import { Code } from '@connectrpc/connect/protocol';`,
      'server/src/mail/send.ts': `import { createTransport } from 'nodemailer';`,
      'server/src/users/users.ts': `import { z } from 'zod'; // import 'kysely'`,
    },
  ],
};

export const sdkRule: Rule = {
  name: 'the SDK asks for nothing but the web and its one dependency',
  advice:
    'Use what every runtime has (fetch, crypto.subtle, URL), or describe by type what the caller hands in',
  find: (tree) =>
    filesOf(tree, (file) => file.startsWith('sdk/src/') && isCode(file)).flatMap((file) =>
      importsOf(syntaxOf(file, tree.get(file) ?? ''))
        .filter(({ specifier }) => !specifier.startsWith('.') && specifier !== 'jose')
        .map((one) => ({ file, line: one.line, what: `imports ${one.specifier}` })),
    ),
  bad: [
    { 'sdk/src/a.ts': `import { createHash } from 'node:crypto';` },
    { 'sdk/src/a.ts': `import type { Request } from 'express';` },
    { 'sdk/src/a/b.ts': `const fs = await import('fs');` },
  ],
  good: [
    {
      'sdk/src/a.ts': `import { compactVerify } from 'jose'; import './b.ts';`,
      'sdk/src/b.ts': '',
      'sdk/test/a.test.ts': `import test from 'node:test';`,
    },
  ],
};

export const importRules: Rule[] = [staircaseRule, circleRule, deadFileRule, belongingRule, sdkRule];
