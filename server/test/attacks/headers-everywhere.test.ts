import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AppBrowser, type Landing } from '../support/app-client.ts';
import { createMailbox } from '../support/mailbox.ts';
import { authorizeUrl, basic, exchange, refresh, tokensOf } from '../support/oauth-requests.ts';
import { headerOf, exchange as send } from '../support/raw-http.ts';
import { startTestServer } from '../support/server.ts';
import { ask, askAgain, begin, enter, type Site, stateOf, wrongCode } from '../support/sign-in-steps.ts';

interface Seen extends Landing {
  readonly method: string;
}

/** A browser that remembers every answer it got. */
class Crawler extends AppBrowser {
  readonly seen: Seen[] = [];

  override async send(url: string, init: Parameters<AppBrowser['send']>[1] = {}): Promise<Landing> {
    const landing = await super.send(url, init);
    this.seen.push({ ...landing, method: init.method ?? 'GET' });
    return landing;
  }
}

/** Whole sign-ins and sign-outs, and every way in which each step can be refused. */
async function crawl(site: Site): Promise<Seen[]> {
  const browser = new Crawler(site.server);
  await signingIn(site, browser);
  await tokens(site, browser);
  await signingOut(site, browser);
  await refusals(site, browser);
  return browser.seen;
}

async function signingIn(site: Site, browser: Crawler): Promise<void> {
  const asked = await ask(site, 'ada@acme.com', { browser });
  await browser.send(`${site.server.url}${asked.home}`);
  await browser.send(`${site.server.url}${asked.home}/status`);
  await browser.send(`${site.server.url}${asked.home}/code`);
  await enter(asked, wrongCode(asked.code));
  await enter(asked, '');
  await askAgain(site, asked, { path: 'resend', fields: { step: '1' } });
  await askAgain(site, asked, { path: 'address' });
  await askAgain(site, asked, { path: 'start', fields: { email: 'not an address' } });
  const again = await askAgain(site, asked, { path: 'start', fields: { email: 'grace@acme.com' } });
  for (let by = 1; by <= 5; by += 1) await enter(again, wrongCode(again.code, by));
  const restarted = await askAgain(site, again, { path: 'restart', fields: { step: '2' } });
  await new Crawler(site.server).open(restarted.link);
  await browser.open(restarted.link);
  const landing = await browser.post(restarted.link, {});
  assert.ok(landing.away, 'the crawl signs in');
  await browser.open(restarted.link);
  await browser.post(restarted.link, {});
  await browser.open(restarted.home);
  await browser.send(authorizeUrl(site.server, { prompt: 'none' }));
  await browser.open(authorizeUrl(site.server, { prompt: 'select_account' }));
  await browser.open(authorizeUrl(site.server, { prompt: 'consent' }));
  await browser.open(authorizeUrl(site.server, { response_mode: 'form_post' }));
  await browser.open(authorizeUrl(site.server, { login_hint: 'ada@acme.com', prompt: 'login' }));
}

async function tokens({ server }: Site, browser: Crawler): Promise<void> {
  const { away } = await browser.send(authorizeUrl(server, { scope: 'openid email offline_access' }));
  const first = tokensOf(await exchange(server, away ?? new URL('http://x')));
  const { accessToken, refreshToken } = tokensOf(await refresh(server, first.refreshToken));
  const asClient = basic(server.app.id, server.app.secret);
  const post = (path: string, fields: Record<string, string>, headers = {}) =>
    browser.post(path, fields, headers);
  await post('/oauth/token', { grant_type: 'refresh_token', refresh_token: refreshToken }, asClient);
  await post('/oauth/token', { grant_type: 'client_credentials' }, asClient);
  await post('/oauth/token', { grant_type: 'authorization_code', code: 'x' }, asClient);
  await post('/oauth/token', { grant_type: 'password' }, asClient);
  await post('/oauth/token', {}, basic(server.app.id, 'wrong'));
  for (const path of ['/oauth/introspect', '/revoke']) {
    await post(path, { token: accessToken }, asClient);
    await post(path, { token: accessToken }, basic(server.app.id, 'wrong'));
    await post(path, {}, asClient);
  }
  for (const token of [accessToken, 'x']) {
    await browser.send(`${server.url}/userinfo`, { headers: { authorization: `Bearer ${token}` } });
    await browser.send(`${server.url}/userinfo`, {
      headers: { authorization: `Bearer ${token}`, accept: '*/*' },
    });
  }
}

async function signingOut({ server }: Site, browser: Crawler): Promise<void> {
  const page = await browser.open('/oidc/logout');
  await browser.post('/oidc/logout/confirm', {});
  await browser.open(`/oidc/logout?post_logout_redirect_uri=http://evil.example`);
  await browser.submit(page, '/oidc/logout/confirm', { logout: 'no' });
  await browser.submit(await browser.open('/oidc/logout'), '/oidc/logout/confirm', { logout: 'yes' });
  await browser.open('/oidc/logout/success');
  await browser.post('/oidc/logout', { client_id: server.app.id });
}

async function refusals(site: Site, browser: Crawler): Promise<void> {
  const { url } = site.server;
  const { home } = await begin(site, { browser });
  await browser.post(
    `${home}/start`,
    { email: 'x@acme.com' },
    { origin: 'http://evil.example', 'sec-fetch-site': 'cross-site' },
  );
  await browser.post(`${home}/abort`, {});
  const paths = [
    '/',
    '/nowhere',
    '/healthz',
    '/readyz',
    '/keys',
    '/.well-known/openid-configuration',
    '/.well-known/oauth-authorization-server',
    '/oauth/authorize',
    '/authorize',
    '//oauth/authorize',
    '/oauth/token',
    '/interaction/x',
    '/interaction/x/start',
    '/l/x',
    '/l/%ff',
    `/l/${'x'.repeat(300)}`,
    '/userinfo',
    '/oidc/logout/confirm',
    '/end_session',
    '/oauth/authorize/x',
    '/favicon.ico',
    '/robots.txt',
    '/.git/config',
    '/metrics',
    '/dev/inbox',
    '/dev/inbox/messages',
    '/admin/',
    '/oauth/authorize?client_id=x',
    authorizeUrl(site.server, { scope: 'x' }).slice(url.length),
  ];
  for (const path of paths)
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
      for (const accept of ['text/html', 'application/json'])
        await browser.send(url + path, { method, headers: { accept, origin: url } });
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  for (const path of ['/oauth/token', '/oauth/authorize', '/interaction/x/start', '/l/x'])
    for (const [type, body] of [
      ['text/plain', 'x'],
      ['application/json', '{}'],
      [form['content-type'], `a=${'x'.repeat(20_000)}`],
      [form['content-type'], 'a=b&a=c'],
    ])
      await browser.send(url + path, {
        method: 'POST',
        headers: { 'content-type': String(type) },
        body: String(body),
      });
}

describe('Every answer', () => {
  let site: Site;
  let seen: Seen[];
  before(async () => {
    const mailbox = createMailbox();
    site = { mailbox, server: await startTestServer({ transport: mailbox.transport }) };
    seen = await crawl(site);
  });
  after(() => site.server.stop());
  const each = (check: (answer: Seen, what: string) => void, of: (answer: Seen) => boolean = () => true) => {
    const chosen = seen.filter(of);
    assert.ok(chosen.length > 0);
    for (const answer of chosen) {
      const path = answer.url.slice(site.server.url.length).slice(0, 60);
      check(
        answer,
        `${answer.method} ${path} -> ${answer.status} ${[...answer.headers].join('; ').slice(0, 400)}`,
      );
    }
  };
  const isPage = ({ headers }: Seen) => headers.get('content-type')?.startsWith('text/html') ?? false;
  const isRedirect = ({ status }: Seen) => status >= 300 && status < 400;

  it('of the crawl is one of many kinds, and none is a failure of ours', () => {
    const statuses = new Set(seen.map(({ status }) => status));
    for (const status of [200, 303, 400, 401, 403, 404, 405, 413, 415])
      assert.ok(statuses.has(status), `${status} was met`);
    each((answer, what) => assert.ok(answer.status < 500, what));
    assert.ok(seen.length > 450);
  });

  it('forbids to guess its type, and tells other sites nothing in Referer', () => {
    each((answer, what) => {
      assert.equal(answer.headers.get('x-content-type-options'), 'nosniff', what);
      assert.match(answer.headers.get('referrer-policy') ?? '', /^(same-origin|no-referrer)$/, what);
    });
  });

  it('names no software', () => {
    for (const name of ['server', 'x-powered-by', 'via'])
      each((answer, what) => assert.equal(answer.headers.get(name), null, what));
    each((answer, what) =>
      assert.doesNotMatch(
        answer.body,
        /\bat .+\.(?:ts|js):\d+|node_modules|oidc-provider|fastify|FST_ERR/i,
        what,
      ),
    );
  });

  it('that is a page runs only our scripts, is framed by nobody and kept by nobody', () => {
    each((answer, what) => {
      const policy = answer.headers.get('content-security-policy') ?? '';
      for (const part of ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"])
        if (!isRedirect(answer)) assert.ok(policy.includes(part), `${part}: ${what}`);
      assert.doesNotMatch(policy, /unsafe-|\*|data:/, what);
      if (!isRedirect(answer) && !answer.url.includes('/dev/'))
        // the inbox frames mails of its own
        assert.equal(answer.headers.get('x-frame-options'), 'DENY', what);
      assert.match(answer.headers.get('cache-control') ?? '', /no-store/, what);
      assert.match(answer.headers.get('content-type') ?? '', /charset=utf-8/i, what);
    }, isPage);
  });

  it('with a cookie, a token or a refusal is kept by no cache', () => {
    const isPrivate = ({ headers, status, body }: Seen) =>
      headers.has('set-cookie') ||
      /access_token|id_token"|"sub"|"active"/.test(body) ||
      (status >= 400 && status !== 404);
    each(
      (answer, what) => assert.match(answer.headers.get('cache-control') ?? '', /no-store/, what),
      (answer) => isPrivate(answer) && !answer.url.includes('.well-known'),
    );
  });

  it('that redirects does so with 303, to us or to the registered app', () => {
    each((answer, what) => {
      assert.equal(answer.status, 303, what);
      const to = new URL(answer.headers.get('location') ?? '', answer.url);
      assert.ok([site.server.url, new URL(site.server.app.redirectUri).origin].includes(to.origin), what);
    }, isRedirect);
  });

  it('that refuses says why', () => {
    each(
      (answer, what) => {
        if (answer.method !== 'HEAD')
          assert.match(answer.body, /"detail":"|"error_description":"|<title>[^<]+</, what);
      },
      ({ status }) => status >= 400,
    );
  });

  it('sets cookies for this host only, out of the reach of scripts and of foreign posts', () => {
    each(
      (answer, what) => {
        for (const cookie of answer.headers.getSetCookie()) {
          assert.match(cookie, /; ?httponly/i, what);
          assert.match(cookie, /; ?samesite=lax/i, what);
          assert.match(cookie, /; ?path=\//i, what);
          assert.doesNotMatch(cookie, /domain=|secure/i, what);
          assert.ok(cookie.length < 400, what);
        }
      },
      ({ headers }) => headers.has('set-cookie'),
    );
  });

  it('allows no other origin to read it, but for keys, discovery and what a registered app calls', async () => {
    for (const origin of [
      'http://evil.example',
      'null',
      `${site.server.url}.evil.example`,
      'http://localhost:9.evil.example',
    ])
      for (const path of [
        '/oauth/authorize',
        '/interaction/x',
        '/l/x',
        '/oidc/logout',
        '/healthz',
        '/userinfo',
        '/oauth/token',
        '/nowhere',
        '/dev/inbox/messages',
      ]) {
        const host = ['Host', new URL(site.server.url).host] as const;
        const answer = await send(site.server.port, { target: path, headers: [host, ['Origin', origin]] });
        const allowed = answer && headerOf(answer, 'access-control-allow-origin');
        assert.equal(answer && headerOf(answer, 'access-control-allow-credentials'), undefined);
        if (!/userinfo|token/.test(path)) assert.equal(allowed, undefined, `${origin} at ${path}`);
      }
  });

  it('to HEAD is that to GET without its body, and writes nothing', async () => {
    const stored = await stateOf(site.server);
    const { url } = site.server;
    for (const path of [
      '/keys',
      '/healthz',
      '/interaction/x',
      '/l/x',
      '/.well-known/openid-configuration',
      '/oidc/logout/success',
      '/nowhere',
    ]) {
      const [head, get] = [
        await new AppBrowser({ url }).send(url + path, { method: 'HEAD' }),
        await new AppBrowser({ url }).send(url + path),
      ];
      assert.equal(head.status, get.status, path);
      assert.equal(head.body, '');
      assert.equal(head.headers.get('content-type'), get.headers.get('content-type'), path);
    }
    assert.deepEqual(await stateOf(site.server), stored);
  });
});
