import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { eachDatabase } from '../support/databases.ts';
import { createMailbox } from '../support/mailbox.ts';
import { exchange, headerOf } from '../support/raw-http.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

interface Odd {
  readonly what: string;
  readonly method?: string;
  readonly target: string;
  readonly headers?: ReadonlyArray<readonly [string, string]>;
  readonly body?: string | Buffer;
  readonly status: number;
}

const AS_FORM = ['Content-Type', 'application/x-www-form-urlencoded'] as const;
const post = (target: string, rest: Partial<Odd> & { what: string; status: number }): Odd => ({
  method: 'POST',
  target,
  headers: [AS_FORM],
  ...rest,
});

/** Well-formed HTTP with contents that no client of ours sends. */
const ODD: readonly Odd[] = [
  ...['%', '%4', '%zz', '%c0%80', '%ff', '%ed%a0%80'].flatMap((octets) => [
    { what: `the escape ${octets} in an interaction`, target: `/interaction/${octets}`, status: 400 },
    { what: `the escape ${octets} in a link`, target: `/l/${octets}`, status: 400 },
  ]),
  { what: 'a NUL as interaction', target: '/interaction/%00', status: 400 },
  { what: 'a long interaction', target: `/interaction/${'a'.repeat(5000)}`, status: 404 },
  { what: 'a long link', target: `/l/${'a'.repeat(5000)}`, status: 404 },
  { what: 'a path that climbs', target: '/interaction/../../etc/passwd', status: 404 },
  { what: 'an encoded path that climbs', target: '/interaction/%2e%2e%2f%2e%2e%2fetc%2fpasswd', status: 400 },
  {
    what: 'a step named like a property of objects',
    method: 'POST',
    target: '/interaction/x/constructor',
    status: 404,
  },
  { what: 'a step named __proto__', method: 'POST', target: '/interaction/x/__proto__', status: 404 },
  { what: 'a NUL in client_id', target: '/oauth/authorize?client_id=%00&response_type=code', status: 400 },
  {
    what: 'a lone surrogate in client_id',
    target: '/oauth/authorize?client_id=%ed%a0%80&response_type=code',
    status: 400,
  },
  { what: 'client_id twice', target: '/oauth/authorize?client_id=a&client_id=b', status: 400 },
  { what: 'a client_id of 8 kB', target: `/oauth/authorize?client_id=${'a'.repeat(8000)}`, status: 400 },
  {
    what: 'a NUL in every parameter of a sign-out',
    target: '/oidc/logout?id_token_hint=%00&client_id=%00&state=%00',
    status: 400,
  },
  ...[
    '/oauth/token',
    '/oauth/introspect',
    '/revoke',
    '/oauth/authorize',
    '/oidc/logout',
    '/interaction/x/start',
    '/l/x',
  ].flatMap((path) => [
    post(path, { what: `a body of 20 kB at ${path}`, body: `a=${'x'.repeat(20_000)}`, status: 413 }),
    post(path, {
      what: `10,000 fields at ${path}`,
      body: Array.from({ length: 10_000 }, (_, at) => `f${at}=`).join('&'),
      status: 413,
    }),
  ]),
  ...['/oauth/token', '/oauth/introspect', '/revoke'].flatMap((path) => [
    post(path, { what: `no body at ${path}`, status: 400 }),
    post(path, {
      what: `NULs at ${path}`,
      body: 'client_id=%00&client_secret=%00&token=%00&grant_type=%00&code=%00',
      status: 401,
    }),
    post(path, {
      what: `invalid UTF-8 at ${path}`,
      body: Buffer.from('client_id=\xff&token=\xfe', 'latin1'),
      status: 401,
    }),
    post(path, {
      what: `repeated fields at ${path}`,
      body: 'client_id=a&client_id=b&token=a&token=b',
      status: 400,
    }),
    post(path, { what: `deep brackets at ${path}`, body: `a${'[a]'.repeat(2000)}=b`, status: 400 }),
    post(path, {
      what: `deep JSON at ${path}`,
      body: '['.repeat(10_000),
      headers: [['Content-Type', 'application/json']],
      status: 400,
    }),
    post(path, {
      what: `a bearer token of NULs at ${path}`,
      headers: [AS_FORM, ['Authorization', 'Bearer \x80\x80']],
      body: 'a=b',
      status: 400,
    }),
    post(path, {
      what: `broken Basic at ${path}`,
      headers: [AS_FORM, ['Authorization', 'Basic %%%']],
      body: 'grant_type=x',
      status: 400,
    }),
    post(path, {
      what: `Basic with NULs at ${path}`,
      headers: [AS_FORM, ['Authorization', `Basic ${btoa('\0:\0')}`]],
      body: 'grant_type=x',
      status: 400,
    }),
  ]),
  post('/oauth/authorize', {
    what: 'JSON at /oauth/authorize',
    body: '{"client_id":"x"}',
    headers: [['Content-Type', 'application/json']],
    status: 415,
  }),
  post('/oidc/logout', {
    what: 'plain text at /oidc/logout',
    body: 'client_id=x',
    headers: [['Content-Type', 'text/plain']],
    status: 415,
  }),
  {
    what: 'userinfo with a token of 9 kB',
    target: '/userinfo',
    headers: [['Authorization', `Bearer ${'a'.repeat(9000)}`]],
    status: 401,
  },
  {
    what: 'userinfo with a broken scheme',
    target: '/userinfo',
    headers: [['Authorization', 'Bearer']],
    status: 400,
  },
  {
    what: '100 cookies',
    target: '/interaction/x',
    headers: [['Cookie', Array.from({ length: 100 }, (_, at) => `c${at}=${at}`).join('; ')]],
    status: 400,
  },
  {
    what: 'cookies without names and values',
    target: '/interaction/x',
    headers: [['Cookie', ';;; =; =x; postern_session; postern_browser==;']],
    status: 400,
  },
  {
    what: 'our cookies twice',
    target: '/interaction/x',
    headers: [
      ['Cookie', 'postern_interaction=x; postern_interaction=y; postern_browser=a; postern_browser=b'],
    ],
    status: 400,
  },
];

const ROUTES = [
  ...[
    '/oauth/authorize',
    '/oauth/token',
    '/oauth/introspect',
    '/revoke',
    '/userinfo',
    '/keys',
    '/oidc/logout',
  ],
  ...[
    '/oidc/logout/confirm',
    '/oidc/logout/success',
    '/.well-known/openid-configuration',
    '/healthz',
    '/readyz',
  ],
  ...[
    '/interaction/x',
    '/interaction/x/status',
    '/interaction/x/start',
    '/interaction/x/abort',
    '/l/x',
    '/nowhere',
    '*',
  ],
];
const METHODS = [
  'TRACE',
  'OPTIONS',
  'PUT',
  'DELETE',
  'PATCH',
  'PROPFIND',
  'SEARCH',
  'PURGE',
  'LINK',
  'REPORT',
];

/** Parameters of an authorization request, as a hostile page could write them into a link. */
const PARAMETERS = [
  ['state', '%00%0d%0a'],
  ['nonce', '%ff%fe'],
  ['scope', '%00'],
  ['scope', 'a%20'.repeat(3000)],
  ['login_hint', '%00@x'],
  ['ui_locales', '%ed%a0%80'],
  ['display', 'x'.repeat(500)],
  ['claims', '%5B'.repeat(2000)],
  ['claims', '%7B%22__proto__%22%3A%7B%22a%22%3A1%7D%7D'],
  ['acr_values', '%F0%9F%98%80'.repeat(200)],
  ['max_age', '-1'],
  ['max_age', '9'.repeat(400)],
  ['prompt', '__proto__'],
  ['response_mode', 'constructor'],
  ['id_token_hint', '%00.%00.%00'],
  ['code_challenge', '%00'],
  ['request', 'eyJhbGciOiJub25lIn0.e30.'],
  ['request_uri', 'http://127.0.0.1:1/'],
] as const;

// On PostgreSQL too: its texts hold no NUL and no broken UTF-8, so there a value that gets that far is a failure.
eachDatabase('A well-formed request with contents that no client of ours sends', (database) => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer({ transport: createMailbox().transport, database: database.url });
  });
  after(() => server.stop());
  const send = ({ headers = [], ...request }: Omit<Odd, 'what' | 'status'>) =>
    exchange(server.port, { ...request, headers: [['Host', new URL(server.url).host], ...headers] });

  for (const { what, status, ...request } of ODD) {
    it(`such as ${what} gets ${status} in words`, async () => {
      const answer = await send(request);
      assert.equal(answer?.status, status, String(answer?.body).slice(0, 200));
      const words = /"detail":"[^"]{10,}"|"error_description":"[^"]{5,}"|<title>[^<]{5,}<\/title>/;
      assert.match(answer?.body ?? '', words);
      assert.equal(answer && headerOf(answer, 'x-content-type-options'), 'nosniff');
      assert.equal(answer && headerOf(answer, 'location'), undefined);
    });
  }

  for (const method of METHODS)
    it(`such as ${method} anywhere gets 404 or 405 in words, and nothing of it comes back`, async () => {
      for (const target of ROUTES) {
        const answer = await send({ method, target, headers: [['X-Secret', 'to-be-echoed']] });
        assert.ok(answer && [404, 405].includes(answer.status), `${target} ${answer?.status}`);
        if (answer.status === 405) assert.match(headerOf(answer, 'allow') ?? '', /^[A-Z]+(?:, [A-Z]+)*$/);
        assert.match(answer.body, /"detail":"/);
        assert.doesNotMatch(JSON.stringify(answer), /to-be-echoed/);
      }
    });

  for (const [name, value] of PARAMETERS) {
    it(`such as ${name}=${value.slice(0, 20)} begins a sign-in or sends an error to the app`, async () => {
      const { id, redirectUri } = server.app;
      const query = `client_id=${id}&redirect_uri=${encodeURIComponent(redirectUri)}&response_type=code&${name}=${value}`;
      const answer = await send({ target: `/oauth/authorize?${query}` });
      assert.ok(
        answer && [200, 303].includes(answer.status),
        `${answer?.status} ${answer?.body.slice(0, 300)}`,
      );
      const location = headerOf(answer, 'location') ?? '';
      const isError = location.startsWith(`${redirectUri}?error=`) || /name="error"/.test(answer.body);
      assert.ok(location.startsWith('/interaction/') || isError, location);
      const next = location.startsWith('/') ? await send({ target: location }) : undefined;
      assert.ok((next?.status ?? 0) < 500);
    });
  }
});
