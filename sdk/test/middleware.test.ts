import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { after, describe, it } from 'node:test';
import fastify from 'fastify';
import { PosternClient } from '../src/index.ts';
import { type Auth, type ExpressRequest, requireAuth as forExpress } from '../src/middleware/express.ts';
import { requireAuth as forFastify } from '../src/middleware/fastify.ts';
import { requireAuth as forHono, type HonoContext } from '../src/middleware/hono.ts';
import { withAuth } from '../src/middleware/next.ts';
import { startOrigin } from './support/origin.ts';
import { newKey, signToken } from './support/signing.ts';

const origin = await startOrigin();
const key = newKey('snk_1');
origin.answer('/keys', { body: { keys: [key.jwk] } });
const client = new PosternClient(origin.url, 'skc_1', 'test_1', { retriesMax: 0 });
const outage = new PosternClient('http://127.0.0.1:9', 'skc_1', 'test_1', { retriesMax: 0 });
const broken = { validateToken: () => Promise.reject(new Error('a bug')) };
const options = { requiredScopes: ['openid', 'email'] };

function token(changes: Record<string, unknown> = {}, header: object = { typ: 'at+jwt' }): string {
  const iat = Math.floor(Date.now() / 1000);
  const claims = {
    iss: origin.url,
    sub: 'usr_1',
    aud: ['skc_1'],
    client_id: 'skc_1',
    sid: 'ses_1',
    iat,
    exp: iat + 900,
  };
  return signToken(key, { ...claims, scope: 'openid email', ...changes }, header);
}

type Clients = PosternClient | typeof broken;
/** Sends one request, with an `Authorization` header or without, to a handler behind the middleware. */
type Ask = (client: Clients, authorization?: string) => Promise<Response>;

const seen = (auth: Auth | null | undefined) => ({
  subject: auth?.subject,
  client: auth?.clientId,
  sid: auth?.sessionId,
});

async function listening(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const headersOf = (authorization?: string) => (authorization === undefined ? {} : { authorization });

const express: Ask = async (of, authorization) => {
  const app = createRequire(import.meta.url)('express')();
  app.get('/', forExpress(of, options), (request: ExpressRequest, response: { json(body: object): void }) =>
    response.json(seen(request.auth)),
  );
  app.set('env', 'test');
  return fetch(await listening(app), { headers: headersOf(authorization) });
};

const onFastify: Ask = async (of, authorization) => {
  const app = fastify();
  app.decorateRequest('auth', null);
  app.get('/', { onRequest: forFastify(of, options) }, (request) => seen(request.getDecorator<Auth>('auth')));
  const answer = await app.inject({ url: '/', headers: headersOf(authorization) });
  await app.close();
  return new Response(answer.body, {
    status: answer.statusCode,
    headers: answer.headers as Record<string, string>,
  });
};

const hono: Ask = async (of, authorization) => {
  const held = new Map<string, unknown>();
  const request = new Request('http://a.b', { headers: headersOf(authorization) });
  const context: HonoContext = {
    req: { header: (name) => request.headers.get(name) ?? undefined },
    set: (name, value) => void held.set(name, value),
  };
  let reached = false;
  const pass = async () => {
    reached = true;
  };
  const refused = await forHono(of, options)(context, pass).catch(() => new Response(null, { status: 500 }));
  assert.equal(reached, refused === undefined);
  return refused ?? Response.json(seen(held.get('auth') as Auth));
};

const next: Ask = async (of, authorization) => {
  const handler = withAuth<{ params: string }>(
    of,
    (_request, { auth, params }) => Response.json({ ...seen(auth), params }),
    options,
  );
  const request = new Request('http://a.b', { headers: headersOf(authorization) });
  const answer = await handler(request, { params: 'p' }).catch(() => new Response(null, { status: 500 }));
  if (!answer.ok) return answer;
  const { params, ...rest } = (await answer.json()) as Record<string, unknown>;
  assert.equal(params, 'p');
  return Response.json(rest);
};

const refusals: ReadonlyArray<
  readonly [name: string, authorization: () => string | undefined, status: number, challenge: RegExp]
> = [
  ['no header', () => undefined, 401, /^Bearer$/],
  ['another scheme', () => 'Basic YTpi', 401, /^Bearer$/],
  ['a scheme that begins alike', () => `Bearerx ${token()}`, 401, /^Bearer$/],
  [
    'no token behind the scheme',
    () => 'Bearer ',
    400,
    /^Bearer error="invalid_request", error_description="[^"]+"$/,
  ],
  ['two tokens', () => `Bearer ${token()}, Bearer ${token()}`, 400, /error="invalid_request"/],
  [
    'no token that it is',
    () => 'Bearer abc',
    401,
    /^Bearer error="invalid_token", error_description="[^"]+"$/,
  ],
  [
    'an expired token',
    () => `Bearer ${token({ exp: 1 })}`,
    401,
    /error="invalid_token", error_description="The token has expired"/,
  ],
  ['a token for another audience', () => `Bearer ${token({ aud: ['skc_2'] })}`, 401, /error="invalid_token"/],
  ['an ID token', () => `Bearer ${token({}, { typ: 'JWT' })}`, 401, /error="invalid_token"/],
  [
    'a token whose typ breaks out of the quotes',
    () => `Bearer ${token({}, { typ: 'x", evil="1\r\n' })}`,
    401,
    /^Bearer error="invalid_token", error_description="[^"]+"$/,
  ],
  [
    'a token with too few scopes',
    () => `Bearer ${token({ scope: 'openid' })}`,
    403,
    /^Bearer error="insufficient_scope", error_description="[^"]+", scope="openid email"$/,
  ],
];

for (const [name, ask] of Object.entries({ express, fastify: onFastify, hono, next })) {
  describe(`behind the middleware for ${name}`, () => {
    it('a request with a good token comes through, with what the token says', async () => {
      for (const scheme of ['Bearer', 'bearer']) {
        const answer = await ask(client, `${scheme} ${token()}`);
        assert.deepEqual(await answer.json(), { subject: 'usr_1', client: 'skc_1', sid: 'ses_1' });
      }
    });

    for (const [what, authorization, status, challenge] of refusals)
      it(`a request with ${what} is refused`, async () => {
        const answer = await ask(client, authorization());
        assert.equal(answer.status, status);
        assert.match(answer.headers.get('www-authenticate') ?? '', challenge);
        assert.match(answer.headers.get('content-type') ?? '', /^application\/json/);
        assert.equal(typeof ((await answer.json()) as { error: string }).error, 'string');
      });

    it('an outage of the server is no fault of the token', async () => {
      const answer = await ask(outage, `Bearer ${token()}`);
      assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '5']);
      assert.equal(answer.headers.get('www-authenticate'), null);
    });

    it('a fault of the program lets nobody through', async () => {
      assert.equal((await ask(broken, `Bearer ${token()}`)).status, 500);
    });
  });
}
