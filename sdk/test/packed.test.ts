import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { AppBrowser } from '../../server/test/support/app-client.ts';
import { freePort, startTestServer } from '../../server/test/support/server.ts';
import { installPacked, machineNode, root } from './support/consumer.ts';

const consumer = installPacked();
const server = await startTestServer();
after(() => server.stop());
const nodes = [...new Set([process.execPath, machineNode])];

const NAMES = [
  'PosternClient',
  'Scalekit',
  'ScalekitClient',
  'PosternError',
  'PosternApiError',
  'TemplateType',
];
const MIDDLEWARE = { express: 'requireAuth', fastify: 'requireAuth', hono: 'requireAuth', next: 'withAuth' };

describe('the package', () => {
  it('holds what it needs and nothing else', () => {
    const others = consumer.files.filter((file) => !/^dist\/(esm|cjs)\/[\w./-]+\.(d\.ts|js)$/.test(file));
    assert.deepEqual(others, ['LICENSE', 'README.md', 'dist/cjs/package.json', 'package.json']);
    assert.ok(consumer.files.includes('dist/esm/index.d.ts') && consumer.files.includes('dist/cjs/index.js'));
  });

  it('is imported as an ES module, by every Node here', async () => {
    const lines = Object.entries(MIDDLEWARE).map(
      ([at, name]) => `import { ${name} as ${at} } from '@postern/node/${at}';`,
    );
    const file = consumer.write(
      'import.mjs',
      `import * as sdk from '@postern/node';\n${lines.join('\n')}
      console.log(JSON.stringify([Object.keys(sdk), [express, fastify, hono, next].map((one) => typeof one)]));`,
    );
    for (const node of nodes) checkNames(await consumer.run(node, file));
  });

  it('is required as a CommonJS module, by every Node here', async () => {
    const lines = Object.entries(MIDDLEWARE).map(
      ([at, name]) => `const ${at} = require('@postern/node/${at}').${name};`,
    );
    const file = consumer.write(
      'require.cjs',
      `const sdk = require('@postern/node');\n${lines.join('\n')}
      console.log(JSON.stringify([Object.keys(sdk), [express, fastify, hono, next].map((one) => typeof one)]));`,
    );
    for (const node of nodes) checkNames(await consumer.run(node, file));
  });

  it('has types for both, which need nobody to look away', async () => {
    const use = `import { type AuthenticationResponse, PosternClient } from '@postern/node';
      import { requireAuth } from '@postern/node/express';
      export const client = new PosternClient('https://a.b', 'skc_1', 'x', { timeoutMs: 1 });
      export const guard = requireAuth(client, { requiredScopes: ['a'] });
      export const email = (result: AuthenticationResponse): string => result.user.email;
      export const expiresAt = async (): Promise<number> => (await client.passwordless.sendPasswordlessEmail('a')).expiresAt;
      // @ts-expect-error: an option that there is not
      client.beginSignIn('https://a.b/c', { login_hint: 'a' });`;
    const files = [consumer.write('types.mts', use), consumer.write('types.cts', use)];
    const flags = '--noEmit --strict --module nodenext --target es2022 --lib es2022,dom --types'.split(' ');
    await consumer.run(
      process.execPath,
      path.join(root, 'node_modules/typescript/bin/tsc'),
      ...files,
      ...flags,
      '',
    );
  });

  it('asks nothing of the runtime but the web', () => {
    const names = 'process|Buffer|global|setImmediate|__dirname|__filename';
    for (const file of consumer.files.filter(
      (name) => name.startsWith('dist/esm/') && name.endsWith('.js'),
    )) {
      const text = readFileSync(path.join(consumer.folder, 'node_modules/@postern/node', file), 'utf8');
      const code = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
      assert.doesNotMatch(code, new RegExp(`\\b(${names})\\b[.(]|from 'node:|require\\(`), file);
    }
  });

  it('works where there is nothing but the web', async () => {
    const script = path.join(import.meta.dirname, 'support/web-only.mjs');
    const output = await consumer.run(
      process.execPath,
      '--no-warnings',
      '--experimental-vm-modules',
      script,
      consumer.folder,
      server.url,
    );
    assert.deepEqual(JSON.parse(output), {
      path: '/oauth/authorize',
      webhook: true,
      refused: 'signature_invalid',
      token: 'token_key_unknown',
    });
  });
});

function checkNames(output: string): void {
  const [names, types] = JSON.parse(output);
  for (const name of NAMES) assert.ok(names.includes(name), name);
  assert.deepEqual(types, ['function', 'function', 'function', 'function']);
}

describe('the guide', () => {
  const guide = path.join(root, 'examples/guide/app.js');

  it('is written in fifteen lines', () => {
    const lines = readFileSync(guide, 'utf8').split('\n');
    assert.ok(lines.filter((line) => !/^\s*(\/\/.*)?$/.test(line)).length <= 15);
  });

  it('signs a person in, with a mail from the development inbox', async () => {
    const app = await startGuide(guide);
    const [atApp, atServer] = [new AppBrowser({ url: app.url }), new AppBrowser(server)];
    const left = await atApp.open('/auth/login?email=ada@example.com');
    const asked = await atServer.submit(await atServer.open(left.away?.href ?? ''), '/start');
    const done = await atServer.submit(asked, '/code', { code: await codeFor('ada@example.com') });
    const answered = await atApp.open(done.away?.href ?? '');
    assert.equal(answered.status, 200, answered.body);
    const user = JSON.parse(answered.body);
    assert.deepEqual([user.email, user.emailVerified], ['ada@example.com', true]);
    assert.match(user.id, /^usr_\d+$/);
    assert.equal(atApp.cookie('pending'), undefined);

    const again = await atApp.open(done.away?.href ?? '');
    assert.deepEqual([again.status, again.body.startsWith('No sign-in was begun')], [400, true]);
  });

  it('says it when the person changes their mind', async () => {
    const app = await startGuide(guide);
    const [atApp, atServer] = [new AppBrowser({ url: app.url }), new AppBrowser(server)];
    const left = await atApp.open('/auth/login');
    const cancelled = await atServer.submit(await atServer.open(left.away?.href ?? ''), '/abort');
    const answered = await atApp.open(cancelled.away?.href ?? '');
    assert.equal(answered.status, 400);
    assert.match(answered.headers.get('content-type') ?? '', /^text\/plain/);
    assert.match(answered.body, /cancelled/);
  });
});

/** The guide, in the folder of the consumer, as an app of the server. */
async function startGuide(source: string): Promise<{ url: string; child: ChildProcess }> {
  const url = `http://localhost:${await freePort()}`;
  const redirectUris = [`${url}/auth/callback`];
  const { client, clientSecret = '' } = await server.rooms.clients.create({ name: 'Guide', redirectUris });
  cpSync(source, path.join(consumer.folder, 'app.mjs'));
  const env = { POSTERN_URL: server.url, CLIENT_ID: client.id, CLIENT_SECRET: clientSecret, APP_URL: url };
  const child = spawn(machineNode, ['app.mjs'], {
    cwd: consumer.folder,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  after(() => child.kill());
  await once(child.stdout, 'data');
  return { url, child };
}

async function codeFor(email: string): Promise<string> {
  const answer = await fetch(
    `${server.url}/dev/inbox/messages?${new URLSearchParams({ to: email, wait: '10' })}`,
  );
  const [mail] = (await answer.json()) as { code: string }[];
  return mail?.code ?? '';
}

consumer.borrow('express');
