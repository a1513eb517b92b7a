import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AppBrowser, formsOf, type Landing, signIn } from '../support/app-client.ts';
import { createMailbox } from '../support/mailbox.ts';
import { authorizeUrl, exchange, pkce, tokensOf } from '../support/oauth-requests.ts';
import { startTestServer } from '../support/server.ts';
import { isSignedIn, type Site } from '../support/sign-in-steps.ts';

/** URIs that a careless comparison would take for the registered one. */
function mutationsOf(uri: string): string[] {
  const all = [...elsewhere(uri), ...otherSchemes(uri), ...otherHosts(uri), ...otherPaths(uri)];
  return [...new Set(all)].filter((mutant) => mutant !== uri);
}

function elsewhere(uri: string): string[] {
  const { host, hostname, port, pathname } = new URL(uri);
  const hosts = `evil.example evil.example:${port} ${hostname}.evil.example ${host}.evil.example evil${host}
    ${hostname}@evil.example ${host}@evil.example ${host}%40evil.example ${host}%2eevil.example
    ${host}\\@evil.example ${host}\\.evil.example ${host}#@evil.example ${host}?@evil.example
    ${host};@evil.example ${host}%00.evil.example`;
  return [
    ...hosts.split(/\s+/).map((name) => `http://${name}${pathname}`),
    ...['http://evil.example', '//evil.example', '///evil.example', '\\\\evil.example', '/\\evil.example'],
    ...['?', '#', '/'].map((mark) => `http://evil.example/${mark}${uri}`),
    `http://${host} .evil.example/`,
    `http://evil.example\t@${host}/`,
    `http://${host}\r\nLocation: http://evil.example/`,
  ];
}

function otherSchemes(uri: string): string[] {
  const rest = uri.replace('http://', '');
  const starts = `https:// HTTP:// ftp:// // http:/ http: http:\\\\ http:\\/ javascript://x%0aalert(1)//
    javascript:alert(1)// vbscript:x// data:text/html, view-source: blob: file:// about:`;
  const fronts = [' ', '\t', '\n', '\0', '\ufeff', 'javascript:alert(1)//', 'view-source:', 'blob:', 'x'];
  return [rest, ...starts.split(/\s+/).map((start) => start + rest), ...fronts.map((front) => front + uri)];
}

function otherHosts(uri: string): string[] {
  const { host, hostname, port, pathname } = new URL(uri);
  const hosts = `${host.toUpperCase()} ${hostname}.:${port} ${hostname} ${hostname}:0${port} ${hostname}:
    ${hostname}:${Number(port) + 65_536} ${hostname}:1 127.0.0.1:${port} [::1]:${port} 2130706433:${port}
    user@${host} user:pass@${host} @${host} ｌocalhost:${port} loc%61lhost:${port} loc\u0430lhost:${port}`;
  return hosts.split(/\s+/).map((name) => `http://${name}${pathname}`);
}

function otherPaths(uri: string): string[] {
  const { origin, pathname } = new URL(uri);
  const base = uri.replace(/\/$/, '');
  const last = pathname.split('/').at(-1) || 'x';
  const ends = `/ // ? # ?x=1 #x ;x %20 %00 %0d%0aSet-Cookie:%20a=b /.. /../${last} /./ /%2e%2e/${last}
    .evil evil /evil %2fevil \\evil /${'a'.repeat(2000)}`;
  const paths = `/ /* //${pathname.slice(1)} ${pathname.toUpperCase()}x /evil/..${pathname} /%61uth/callback`;
  const others = ['*', '', 'null', 'undefined', '/auth/callback', 'urn:ietf:wg:oauth:2.0:oob'];
  return [
    ...[' ', '\0', '\n', ...ends.split(/\s+/)].map((end) => base + end),
    ...paths.split(/\s+/).map((path) => origin + path),
    ...[',', ' ', '\n'].map((mark) => uri + mark + uri),
    ...others,
  ];
}

describe('An address to send the browser to', () => {
  let site: Site;
  let signedIn: AppBrowser;
  let idToken: string;
  before(async () => {
    const mailbox = createMailbox();
    const server = await startTestServer({ transport: mailbox.transport });
    site = { server, mailbox };
    const { browser, callback } = await signIn({ ...site, url: authorizeUrl(server), email: 'ada@acme.com' });
    signedIn = browser;
    idToken = tokensOf(await exchange(server, callback)).idToken;
  });
  after(() => site.server.stop());

  const registered = () => site.server.app.redirectUri;
  const open = (params: Record<string, string | undefined>, browser = signedIn) =>
    browser.send(authorizeUrl(site.server, params));

  it('is the registered one for a person who is signed in: the control of what follows', async () => {
    assert.ok(isSignedIn(await open({})));
    assert.ok(isSignedIn(await open({ prompt: 'none' })));
    assert.ok(isSignedIn(await open({ response_mode: 'form_post' })));
    assert.ok(isSignedIn(await open({ response_mode: 'fragment' })) === false, 'its code is behind the #');
    assert.ok(mutationsOf(registered()).length >= 90);
  });

  const modes: ReadonlyArray<readonly [name: string, params: Record<string, string>]> = [
    ['a plain request', {}],
    ['prompt=none', { prompt: 'none' }],
    ['response_mode=form_post', { response_mode: 'form_post' }],
    ['response_mode=fragment', { response_mode: 'fragment' }],
    ['a request that fails for another reason', { response_type: 'token', scope: 'nonsense' }],
    [
      'a request that fails silently',
      { prompt: 'none login', code_challenge_method: 'plain', code_challenge: 'x' },
    ],
  ];
  for (const [name, params] of modes) {
    it(`is no mutation of the registered one, with ${name}`, async () => {
      for (const mutant of mutationsOf(registered())) {
        assertStays(await open({ ...params, redirect_uri: mutant }), mutant);
        if (name === 'prompt=none')
          assertStays(await open({ ...params, redirect_uri: mutant }, new AppBrowser(site.server)), mutant);
      }
    });
  }

  it('is no mutation in a POST either', async () => {
    for (const mutant of mutationsOf(registered())) {
      const [path = '', query = ''] = authorizeUrl(site.server, { redirect_uri: mutant }).split('?');
      const fields = Object.fromEntries(new URLSearchParams(query));
      const first = await signedIn.post(path, fields);
      assert.match(first.headers.get('location') ?? '', /^\/oauth\/authorize\?/);
      assertStays(
        await signedIn.send(new URL(first.headers.get('location') ?? '', site.server.url).href),
        mutant,
      );
    }
  });

  it('is not two addresses', async () => {
    const evil = encodeURIComponent('http://evil.example/');
    for (const name of ['redirect_uri', 'redirect_uri[]', 'redirect_uri[0]'])
      for (const url of [
        `${authorizeUrl(site.server)}&${name}=${evil}`,
        `${authorizeUrl(site.server).replace('?', `?${name}=${evil}&`)}`,
      ]) {
        const answer = await signedIn.send(url);
        assert.notEqual(answer.away?.hostname, 'evil.example');
      }
  });

  it('is the same one at the token endpoint, byte for byte', async () => {
    for (const mutant of [...mutationsOf(registered()).slice(0, 20), '']) {
      const { away } = await open({});
      const answer = await exchange(site.server, away ?? new URL('http://x'), { redirect_uri: mutant });
      assert.equal(answer.status, 400, mutant);
      assert.match(String(answer.body.error), /^invalid_(grant|request)$/);
    }
  });

  it('of a native app may vary in the port of its loopback address and in nothing else', async () => {
    const { rooms } = site.server;
    const { client } = await rooms.clients.create({
      name: 'Desk',
      public: true,
      redirectUris: ['http://127.0.0.1/cb'],
    });
    const { challenge } = pkce();
    const at = (redirect_uri: string) =>
      open({ client_id: client.id, redirect_uri, code_challenge: challenge, code_challenge_method: 'S256' });
    for (const fine of ['http://127.0.0.1/cb', 'http://127.0.0.1:50123/cb', 'http://127.0.0.1:1/cb'])
      assert.ok(isSignedIn(await at(fine)), fine);
    const wrong = [
      'http://127.0.0.1:50123/cb/',
      'http://127.0.0.1:50123/cb?x',
      'http://127.0.0.1:50123/',
      'https://127.0.0.1:50123/cb',
      'http://localhost:50123/cb',
      'http://[::1]:50123/cb',
      'http://127.0.0.2:50123/cb',
      'http://127.0.0.1.evil.example:50123/cb',
      'http://127.0.0.1:50123@evil.example/cb',
      'http://evil.example:50123/cb',
      'http://user@127.0.0.1:50123/cb',
      'http://127.1:50123/cb',
      'http://127.0.0.1:50123/cb#x',
      'http://127.0.0.1:99999/cb',
      'http://127.0.0.1:/evil',
    ];
    for (const mutant of wrong) assertStays(await at(mutant), mutant);
  });

  it('after a sign-out is no mutation of the registered one, and the session stays', async () => {
    for (const mutant of mutationsOf(site.server.app.postLogoutUri)) {
      for (const hint of [idToken, undefined]) {
        const query = new URLSearchParams({
          ...(hint && { id_token_hint: hint }),
          ...(!hint && { client_id: site.server.app.id }),
          state: 'x',
          post_logout_redirect_uri: mutant,
        });
        const answer = await signedIn.open(`/oidc/logout?${query}`);
        if (mutant !== '') assertStays(answer, mutant);
        assert.equal(answer.away, undefined);
      }
    }
    assert.ok(isSignedIn(await open({ prompt: 'none' })), 'nobody was signed out');
  });

  it('after a sign-out without proof of the app comes only when the person confirms', async () => {
    const { postLogoutUri, id } = site.server.app;
    const query = new URLSearchParams({ client_id: id, post_logout_redirect_uri: postLogoutUri });
    const asked = await signedIn.open(`/oidc/logout?${query}`);
    assert.equal(asked.away, undefined);
    assert.doesNotMatch(asked.body, /data-self-post/);
    assert.ok(isSignedIn(await open({ prompt: 'none' })));
  });
});

/** The answer is a page of ours: no redirect, no form and no refresh lead away, and no code is in it. */
function assertStays(answer: Landing, mutant: string): void {
  const what = `${JSON.stringify(mutant.slice(0, 100))}: ${answer.status} ${answer.headers.get('location')}`;
  assert.equal(answer.status, 400, what);
  assert.equal(answer.headers.get('location'), null, what);
  assert.equal(answer.away, undefined, what);
  assert.doesNotMatch(answer.body, /http-equiv/, what);
  assert.ok(
    formsOf(answer.body).every(({ action }) => action.startsWith('/')),
    what,
  );
  assert.match(answer.body, /<title>This cannot go on/, what);
}
