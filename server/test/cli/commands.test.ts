import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { freePort, isFree } from '../../src/cli/running/ports.ts';
import { ensureQuickstart } from '../../src/cli/running/quickstart.ts';
import { openRooms } from '../../src/main.ts';
import { readConfig } from '../../src/platform/config.ts';
import { findOrCreateUser } from '../../src/users/store.ts';
import { json, newFolder, postern, SECRET } from './command-lines.ts';

describe('postern client', () => {
  const data = newFolder();
  const redirect = 'https://app.example.com/callback';

  it('create prints the credentials and nothing else with --json', async () => {
    const line = ['client', 'create', '--name', 'Shop', '--redirect-uri', redirect, '--data', data];
    const made = await json([...line, '--post-logout-uri', 'https://app.example.com/']);
    assert.deepEqual(Object.keys(made), ['client_id', 'client_secret']);
    assert.match(made.client_secret, /^test_[\w-]{43}$/);
    const shown = await json(['client', 'show', made.client_id, '--data', data]);
    assert.deepEqual(shown.redirect_uris, [redirect]);
    assert.deepEqual(shown.post_logout_redirect_uris, ['https://app.example.com/']);
    assert.equal(shown.require_pkce, false);
    assert.equal(JSON.stringify(shown).includes(made.client_secret), false);
    const text = await postern(['client', 'show', made.client_id, '--data', data]);
    assert.match(text.out, /Redirect URI +https:\/\/app\.example\.com\/callback/);
  });

  it('create takes several URIs and the other choices', async () => {
    const line = [
      'client',
      'create',
      '--name',
      'App',
      '--redirect-uri',
      redirect,
      '--data',
      data,
      '--public',
    ];
    const uris = [
      '--redirect-uri',
      'com.example.app:/cb',
      '--initiate-login-uri',
      'https://app.example.com/login',
    ];
    const made = await json([...line, ...uris, '--id-token-alg', 'ES256']);
    assert.deepEqual(Object.keys(made), ['client_id']);
    const shown = await json(['client', 'show', made.client_id, '--data', data]);
    assert.deepEqual(shown.redirect_uris, [redirect, 'com.example.app:/cb']);
    assert.equal(shown.initiate_login_uri, 'https://app.example.com/login');
    assert.equal(shown.id_token_alg, 'ES256');
    assert.equal(shown.public, true);
  });

  it('create makes live secrets where the issuer is on https', async () => {
    const env = {
      POSTERN_URL: 'https://id.example.com',
      POSTERN_SECRET: SECRET,
    };
    const line = [
      'client',
      'create',
      '--name',
      'A',
      '--redirect-uri',
      redirect,
      '--data',
      newFolder(),
      '--json',
    ];
    const { out } = await postern(line, env);
    assert.match(JSON.parse(out).client_secret, /^live_/);
    const http = await postern([...line, '--redirect-uri', 'http://app.example.com/'], env);
    assert.equal(http.code, 1);
    assert.equal(JSON.parse(http.err).code, 'redirect_uri_invalid');
  });

  it('list shows what was made, or how to begin', async () => {
    assert.match((await postern(['client', 'list', '--data', data])).out, /^ID +NAME +KIND[\s\S]*Shop/);
    assert.equal((await json(['client', 'list', '--data', data])).length, 2);
    const empty = await postern(['client', 'list', '--data', newFolder()]);
    assert.match(empty.out, /postern client create --help/);
  });

  it('rotate-secret prints a new secret, and delete ends it all', async () => {
    const line = ['client', 'create', '--name', 'Old', '--redirect-uri', redirect, '--data', data];
    const made = await json(line);
    const rotate = ['client', 'rotate-secret', made.client_id, '--data', data];
    const rotated = await json(rotate);
    assert.notEqual(rotated.client_secret, made.client_secret);
    const shown = await json(['client', 'show', made.client_id, '--data', data]);
    assert.equal(shown.secrets.length, 2);
    await json([...rotate, '--keep-old-hours', '0']);
    assert.equal((await json(['client', 'show', made.client_id, '--data', data])).secrets.length, 1);
    assert.deepEqual(await json(['client', 'delete', made.client_id, '--data', data]), {
      client_id: made.client_id,
      deleted: true,
    });
    const gone = await postern(['client', 'show', made.client_id, '--data', data]);
    assert.equal(gone.code, 1);
    assert.match(gone.err, /^postern: No client has this id\.\nThere is no client .*postern client list/);
  });
});

describe('postern settings', () => {
  const data = ['--data', newFolder()];
  const words: [typed: string, name: string, value: unknown][] = [
    ['otp', 'passwordless.method', 'otp'],
    ['300', 'passwordless.validity_seconds', 300],
    ['true', 'passwordless.enforce_same_browser', true],
    ['42', 'branding.name', '42'],
    ['example.com', 'sign_up.allowed_domains', ['example.com']],
    ['example.com,example.org', 'sign_up.allowed_domains', ['example.com', 'example.org']],
    ['["example.net"]', 'sign_up.allowed_domains', ['example.net']],
    ['[]', 'sign_up.allowed_domains', []],
    ['', 'sign_up.allowed_domains', []],
  ];
  for (const [typed, name, value] of words) {
    it(`set ${name} understands ${JSON.stringify(typed)}`, async () => {
      assert.deepEqual(await json(['settings', 'set', name, typed, ...data]), { [name]: value });
      assert.deepEqual(await json(['settings', 'get', name, ...data]), { [name]: value });
    });
  }

  it('get lists all', async () => {
    const all = await json(['settings', 'get', ...data]);
    assert.equal(all['passwordless.method'], 'otp');
    assert.match((await postern(['settings', 'get', ...data])).out, /passwordless\.code_length +6/);
  });

  it('refuses an unknown name with the nearest, and a value that does not fit', async () => {
    for (const verb of [['get'], ['set']]) {
      const value = verb[0] === 'set' ? ['otp'] : [];
      const { code, err } = await postern(['settings', ...verb, 'passwordless.metod', ...value, ...data]);
      assert.equal(code, 1);
      assert.match(err, /Did you mean passwordless\.method\?/);
    }
    const { code, err } = await postern(['settings', 'set', 'passwordless.validity_seconds', '5', ...data]);
    assert.equal(code, 1);
    assert.match(err, /passwordless\.validity_seconds cannot be 5/);
  });
});

describe('postern user', () => {
  const folder = newFolder();
  const data = ['--data', folder];

  it('list, show, disable, enable and delete work by id and by address', async () => {
    assert.match((await postern(['user', 'list', ...data])).out, /No users/);
    const rooms = await openRooms(readConfig({}, 'tool', { data: folder }));
    const email = 'ada@example.com' as Parameters<typeof findOrCreateUser>[1];
    const { user } = await rooms.database.write((q) => findOrCreateUser(q, email, rooms.clock.now()));
    await rooms.close();
    assert.equal((await json(['user', 'list', ...data]))[0].id, user.id);
    assert.match((await postern(['user', 'list', '--limit', '1', ...data])).out, /--after usr_/);
    assert.deepEqual(await json(['user', 'list', '--after', user.id, ...data]), []);
    assert.equal((await json(['user', 'show', 'ADA@example.com', ...data])).id, user.id);
    assert.equal((await json(['user', 'disable', user.id, ...data])).status, 'disabled');
    assert.equal((await json(['user', 'enable', email, ...data])).status, 'active');
    assert.match(
      (await postern(['user', 'delete', email, ...data])).out,
      /^Deleted ada@example\.com \(usr_\d+\)\.$/,
    );
    const gone = await postern(['user', 'show', email, ...data]);
    assert.equal(gone.code, 1);
    assert.match(gone.err, /There is no user ada@example\.com/);
  });
});

describe('postern keys and postern migrate', () => {
  const folder = newFolder();
  const data = ['--data', folder];

  it('a plan leaves the schema alone, a migration brings it up to date', async () => {
    const { pending } = await json(['migrate', '--plan', ...data]);
    assert.ok(pending.length > 0);
    assert.deepEqual((await json(['migrate', '--plan', ...data])).pending, pending);
    assert.deepEqual((await json(['migrate', ...data])).applied, pending);
    assert.match((await postern(['migrate', ...data])).out, /up to date/);
  });

  it('keys are listed and rotated once the server has made them', async () => {
    assert.match((await postern(['keys', 'list', ...data])).out, /No keys yet/);
    assert.match((await postern(['keys', 'rotate', ...data])).out, /No keys yet/);
    const rooms = await openRooms(readConfig({}, 'tool', { data: folder }));
    await rooms.keys.ring();
    await rooms.close();
    assert.match((await postern(['keys', 'list', ...data])).out, /^KID +ALG +STATE/);
    const rotated = await json(['keys', 'rotate', '--alg', 'ES256', ...data]);
    assert.ok(rotated.length > 0);
    const listed = await json(['keys', 'list', ...data]);
    const current = listed.find((key: { kid: string }) => key.kid === rotated[0].kid);
    assert.equal(current.alg, 'ES256');
    assert.equal(current.state, 'current');
  });
});

describe('the quickstart client', () => {
  let ports: { from: number; to: number };
  before(async () => {
    const from = await freePort({ from: 1, to: 0 });
    ports = { from, to: from + 19 };
  });

  it('is registered once and kept in a file that only its owner can read', async () => {
    const folder = newFolder();
    const rooms = await openRooms(readConfig({}, 'tool', { data: folder }));
    const first = await ensureQuickstart(rooms.clients, folder, ports);
    const second = await ensureQuickstart(rooms.clients, folder, ports);
    assert.equal(second.clientId, first.clientId);
    const path = join(folder, 'quickstart.json');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(JSON.parse(readFileSync(path, 'utf8')).client_secret, first.clientSecret);
    const client = await rooms.clients.show(first.clientId);
    assert.equal(client.name, 'Quickstart');
    assert.ok(client.redirectUris.includes(`http://localhost:${first.port}/auth/callback`));
    assert.ok(client.redirectUris.includes('http://localhost:3000/auth/callback'));
    assert.ok(client.postLogoutRedirectUris.includes('http://localhost:3000/'));
    await rooms.close();
  });

  it('is made again when it was deleted, when its file is damaged, and when its port is taken', async () => {
    const folder = newFolder();
    const rooms = await openRooms(readConfig({}, 'tool', { data: folder }));
    const first = await ensureQuickstart(rooms.clients, folder, ports);
    await rooms.clients.remove(first.clientId);
    const second = await ensureQuickstart(rooms.clients, folder, ports);
    assert.notEqual(second.clientId, first.clientId);
    writeFileSync(join(folder, 'quickstart.json'), '{');
    const third = await ensureQuickstart(rooms.clients, folder, ports);
    assert.notEqual(third.clientId, second.clientId);
    const busy = createServer();
    await new Promise<void>((resolve) => busy.listen(third.port, '127.0.0.1', resolve));
    assert.equal(await isFree(third.port), false);
    const fourth = await ensureQuickstart(rooms.clients, folder, ports);
    busy.close();
    assert.notEqual(fourth.port, third.port);
    const client = await rooms.clients.show(fourth.clientId);
    assert.ok(client.redirectUris.includes(`http://localhost:${fourth.port}/auth/callback`));
    await rooms.close();
  });
});
