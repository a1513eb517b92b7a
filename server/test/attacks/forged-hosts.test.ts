import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createMailbox } from '../support/mailbox.ts';
import { authorizeUrl } from '../support/oauth-requests.ts';
import { exchange, headerOf, type RawAnswer, type RawRequest } from '../support/raw-http.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { begin, type Site, stateOf } from '../support/sign-in-steps.ts';

type Headers = NonNullable<RawRequest['headers']>;

/** What names the server in a request, forged; `HOST` stands for the true host. Refused where it is not ours alone. */
const HOSTS: ReadonlyArray<readonly [what: string, headers: Headers, version?: '1.0']> = [
  ['another host', [['Host', 'evil.example']]],
  ['another port', [['Host', 'localhost:1']]],
  ['the host without its port', [['Host', 'localhost']]],
  ['a name before an at sign', [['Host', 'evil.example@HOST']]],
  ['a name and a password before an at sign', [['Host', 'evil.example:x@HOST']]],
  ['a name after an at sign', [['Host', 'HOST@evil.example']]],
  ['a path behind it', [['Host', 'HOST/evil.example']]],
  ['a query behind it', [['Host', 'HOST?evil.example']]],
  ['a fragment behind it', [['Host', 'HOST#evil.example']]],
  ['a backslash behind it', [['Host', 'HOST\\evil.example']]],
  ['a subdomain that begins like it', [['Host', 'HOST.evil.example']]],
  ['a domain that ends like it', [['Host', 'evilHOST']]],
  ['a trailing dot', [['Host', 'localhost.']]],
  ['a list', [['Host', 'HOST, evil.example']]],
  ['a space inside', [['Host', 'HOST evil.example']]],
  ['the loopback address', [['Host', '127.0.0.1']]],
  ['an IPv6 literal', [['Host', '[::1]']]],
  ['a full-width name', [['Host', 'ｌocalhost']]],
  ['a NUL in it', [['Host', 'HOST\0evil.example']]],
  ['nothing in it', [['Host', '']]],
  ['no header at all', []],
  ['no header at all, in HTTP/1.0', [], '1.0'],
  [
    'two headers, ours first',
    [
      ['Host', 'HOST'],
      ['Host', 'evil.example'],
    ],
  ],
  [
    'two headers, ours last',
    [
      ['Host', 'evil.example'],
      ['Host', 'HOST'],
    ],
  ],
  [
    'two headers, both ours',
    [
      ['Host', 'HOST'],
      ['host', 'HOST'],
    ],
  ],
];

const TARGETS: ReadonlyArray<readonly [what: string, target: string]> = [
  ['an absolute URL elsewhere', 'http://evil.example/oauth/authorize'],
  ['an absolute URL elsewhere at a page', 'http://evil.example/interaction/x/code'],
  ['an https URL elsewhere', 'https://evil.example/.well-known/openid-configuration'],
  ['our host before an at sign', 'http://HOST@evil.example/keys'],
  ['a user before our host', 'http://evil.example@HOST/keys'],
  ['our host with a backslash', 'http://HOST\\evil.example/keys'],
  ['a URL of another scheme', 'ftp://evil.example/keys'],
  ['two slashes', '//evil.example/interaction/x/code'],
  ['two backslashes', '/\\evil.example/interaction/x/code'],
  ['a semicolon path', '/oauth/authorize;evil.example'],
  ['an encoded slash', '/oauth%2fauthorize'],
  ['dots', '/oauth/../oauth/authorize'],
  ['a tab', '/oauth/authorize%09'],
];

/** Headers by which a proxy, or somebody who plays one, says what the client asked for. */
const FORWARDED: Headers = [
  ['Forwarded', 'for=1.2.3.4;host=evil.example;proto=gopher;by=evil.example'],
  ['X-Forwarded-Host', 'evil.example'],
  ['X-Forwarded-Host', 'evil.example, HOST'],
  ['X-Forwarded-Proto', 'https'],
  ['X-Forwarded-Proto', 'javascript'],
  ['X-Forwarded-Port', '1'],
  ['X-Forwarded-Prefix', '/evil'],
  ['X-Forwarded-Server', 'evil.example'],
  ['X-Forwarded-Scheme', 'https'],
  ['X-Forwarded-Ssl', 'on'],
  ['X-Host', 'evil.example'],
  ['X-HTTP-Host-Override', 'evil.example'],
  ['X-Original-Host', 'evil.example'],
  ['X-Original-URL', '/interaction/evil'],
  ['X-Rewrite-URL', '/interaction/evil'],
  ['Front-End-Https', 'on'],
  ['Via', '1.1 evil.example'],
  ['X-HTTP-Method-Override', 'DELETE'],
];

describe('Who the server is', () => {
  let site: Site;
  before(async () => {
    const mailbox = createMailbox();
    const trusting = { trustProxy: ['127.0.0.1'] };
    site = { mailbox, server: await startTestServer({ transport: mailbox.transport, config: trusting }) };
  });
  after(() => site.server.stop());

  const own = (text: string) => text.replaceAll('HOST', new URL(site.server.url).host);
  const send = (request: RawRequest) =>
    exchange(site.server.port, {
      ...request,
      target: own(request.target),
      headers: (request.headers ?? []).map(([name, value]) => [name, own(value)] as const),
    });

  for (const [what, headers, version] of HOSTS) {
    it(`is not taken from a Host header with ${what}: nothing happens, in words`, async () => {
      const stored = await stateOf(site.server);
      for (const target of [
        authorizePath(site.server),
        '/.well-known/openid-configuration',
        '/l/x',
        '/oidc/logout',
      ]) {
        const answer = await send({ target, headers, ...(version && { version }) });
        assertRefused(answer, [400, 421]);
      }
      assert.deepEqual(await stateOf(site.server), stored);
    });
  }

  for (const [what, target] of TARGETS) {
    it(`is not taken from a request target with ${what}`, async () => {
      const answer = await send({ target, headers: [['Host', 'HOST']] });
      assertRefused(answer, [400, 404, 421]);
    });
  }

  it('may be named by an absolute URL of our own', async () => {
    const answer = await send({
      target: `http://HOST${authorizePath(site.server)}`,
      headers: [['Host', 'HOST']],
    });
    assert.equal(answer?.status, 303);
    assert.match((answer && headerOf(answer, 'location')) ?? '', /^\/interaction\/[\w-]+$/);
  });

  it('answers probes of the machine under any name, and tells them no address', async () => {
    for (const target of ['/healthz', '/readyz']) {
      const answer = await send({ target, headers: [['Host', 'evil.example']] });
      assert.equal(answer?.status, 200);
      assert.doesNotMatch(JSON.stringify(answer), /evil\.example|https?:/);
    }
  });

  it('is the same in discovery, redirects and cookies whatever a proxy forwards', async () => {
    for (const header of FORWARDED) {
      const headers: Headers = [['Host', 'HOST'], header];
      const discovery = await send({ target: '/.well-known/openid-configuration', headers });
      assert.equal(discovery?.status, 200);
      const urls = discovery?.body.match(/https?:\/\/[^"/]+/g) ?? [];
      assert.deepEqual([...new Set(urls)], [site.server.url], header.join(': '));
      const started = await send({ target: authorizePath(site.server), headers });
      assert.equal(started?.status, 303);
      assert.match((started && headerOf(started, 'location')) ?? '', /^\/interaction\/[\w-]+$/);
      assert.doesNotMatch(JSON.stringify(started?.headers), /evil|secure|domain=/i, header.join(': '));
    }
  });

  it('is the same in mailed links whatever the request forged', async () => {
    const { server, mailbox } = site;
    for (const [at, [name, value]] of FORWARDED.entries()) {
      const { browser, home } = await begin(site);
      const email = `person${at}@acme.com`;
      await browser.post(`${home}/start`, { email }, { [name.toLowerCase()]: own(value) });
      await server.mailIdle();
      const [mail] = mailbox.to(email);
      const urls = `${mail?.text}${mail?.html}`.match(/https?:\/\/[^"/\s<]+/g) ?? [];
      assert.deepEqual([...new Set(urls)], [server.url], `${name}: ${value}`);
      assert.doesNotMatch(JSON.stringify(mail), /evil/);
    }
  });

  it('is the same in pages and errors whatever the request forged', async () => {
    for (const header of FORWARDED) {
      for (const target of ['/interaction/x', '/l/x', '/oidc/logout', '/oauth/authorize', '/nowhere']) {
        const answer = await send({ target, headers: [['Host', 'HOST'], ['Accept', 'text/html'], header] });
        assert.ok(answer && answer.status < 500);
        assert.doesNotMatch(JSON.stringify(answer), /evil\.example/, `${target} ${header.join(': ')}`);
      }
    }
  });
});

function authorizePath(server: TestServer): string {
  return authorizeUrl(server).slice(server.url.length);
}

function assertRefused(answer: RawAnswer | undefined, statuses: number[]): void {
  assert.ok(answer, 'an answer, not only a hang-up');
  assert.ok(statuses.includes(answer.status), `status ${answer.status}`);
  assert.equal(headerOf(answer, 'location'), undefined);
  assert.equal(headerOf(answer, 'set-cookie'), undefined);
  assert.match(answer.body, /"detail":"[^"]{10,}"/, 'the answer says what to do');
  assert.doesNotMatch(JSON.stringify(answer), /evil\.example/);
}
