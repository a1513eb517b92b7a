import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { after, afterEach, before, describe, it } from 'node:test';
import { ScalekitClient } from '@scalekit-sdk/node';
import { createMailbox } from '../support/mailbox.ts';
import { claimsOf, exchange, refresh, tokensOf } from '../support/oauth-requests.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { ask, enter, eventReader, type Site, someone } from '../support/sign-in-steps.ts';
import { type Receiver, startReceiver } from '../webhooks/receiver.ts';

let site: Site;
let server: TestServer;
let app: Receiver;
let events: () => Promise<string[]>;
before(async () => {
  const mailbox = createMailbox();
  server = await startTestServer({ transport: mailbox.transport });
  site = { server, mailbox };
  app = await startReceiver();
  events = eventReader(server);
});
after(async () => {
  await server.stop();
  await app.stop();
});
afterEach(async () => {
  for (const { id } of await interceptors().list()) await interceptors().remove(id);
  app.received.length = 0;
});

const interceptors = () => server.rooms.interceptors;
const says = (answer: unknown) => (response: ServerResponse) =>
  void response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));

async function signIn(email = someone(), scope = 'openid email offline_access') {
  const asked = await ask(site, email, { params: { scope } });
  const done = await enter(asked, asked.code);
  return { email, asked, away: done.away, error: done.away?.searchParams.get('error') ?? undefined };
}

async function usersOf(email: string): Promise<number> {
  const rows = await server.rooms.database.read((q) =>
    q.selectFrom('users').select('id').where('email', '=', email).execute(),
  );
  return rows.length;
}

describe('An interceptor before a sign-up', () => {
  it('is asked once for a new person, signed so that the SDK accepts it, and never for one who is known', async () => {
    app.answers('/signup', says({ decision: 'ALLOW' }));
    const { secret } = await interceptors().create({ kind: 'PRE_SIGNUP', url: `${app.url}/signup` });
    const { email, error } = await signIn();
    assert.deepEqual([error, await usersOf(email)], [undefined, 1]);
    await signIn(email);
    const [question, ...more] = app.bodies('/signup');
    assert.deepEqual([question?.trigger_point, more.length], ['PRE_SIGNUP', 0]);
    assert.equal(question?.interceptor_context.user_email, email);
    assert.deepEqual(question?.interceptor_context.connection_details, [
      { id: 'conn_1', type: 'PASSWORDLESS', provider: 'SCALEKIT' },
    ]);
    const { headers, body } = app.received[0] ?? assert.fail();
    const sent = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
    const sdk = new ScalekitClient(server.url, 'skc_1', 'test');
    assert.equal(sdk.verifyInterceptorPayload(secret, sent, body), true);
    assert.match(sent['interceptor-id'] ?? '', /^evt_\d+$/);
    assert.equal(sent.connection, 'close', 'it is asked over a connection of its own');
  });

  it('that denies sends the app an OAuth error with its words; there is no user, and the code is spent', async () => {
    app.answers('/signup', says({ decision: 'DENY', error: { message: 'Only for "members"' } }));
    await interceptors().create({ kind: 'PRE_SIGNUP', url: `${app.url}/signup` });
    await events();
    const { email, asked, away } = await signIn();
    assert.deepEqual(
      [away?.searchParams.get('error'), away?.searchParams.get('error_description')],
      ['access_denied', "Only for 'members'"],
    );
    assert.equal(away?.searchParams.has('code'), false);
    assert.equal(await usersOf(email), 0);
    const seen = await events();
    assert.ok(seen.includes('interceptor.denied') && !seen.includes('user.created'), seen.join());
    const again = await asked.browser.open(asked.link);
    assert.notEqual(again.away?.searchParams.has('code'), true);
    assert.equal(await usersOf(email), 0);
  });

  it('is told nothing that signs anyone in', async () => {
    app.answers('/signup', says({ decision: 'ALLOW' }));
    await interceptors().create({ kind: 'PRE_SIGNUP', url: `${app.url}/signup` });
    const { asked } = await signIn();
    const { body } = app.received[0] ?? assert.fail();
    for (const secret of [asked.code, asked.link.slice(3)]) assert.equal(body.includes(secret), false);
  });
});

describe('An interceptor before a session', () => {
  it('puts its claims into the tokens of that session, also after a refresh, and into no other', async () => {
    app.answers('/session', (response, got) => {
      const email = JSON.parse(got.body).interceptor_context.user_email;
      says({ decision: 'ALLOW', response: { claims: { plan: 'pro', of: email } } })(response);
    });
    await interceptors().create({ kind: 'PRE_SESSION_CREATION', url: `${app.url}/session` });
    const { email, away } = await signIn();
    const tokens = tokensOf(await exchange(server, away ?? assert.fail()));
    const expected = { plan: 'pro', of: email };
    for (const token of [tokens.accessToken, tokens.idToken])
      assert.deepEqual(claimsOf(token).custom_claims, expected);
    const fresh = tokensOf(await refresh(server, tokens.refreshToken));
    assert.deepEqual(claimsOf(fresh.accessToken).custom_claims, expected);
    const [question] = app.bodies('/session');
    assert.equal(question?.data.user?.email, email);
    const other = await signIn();
    const others = tokensOf(await exchange(server, other.away ?? assert.fail()));
    assert.deepEqual(claimsOf(others.accessToken).custom_claims, { plan: 'pro', of: other.email });
  });

  it('that denies ends the sign-in of a known person: no session, no code', async () => {
    const { email } = await signIn();
    app.answers('/session', says({ decision: 'DENY', error: { message: 'paused' } }));
    await interceptors().create({ kind: 'PRE_SESSION_CREATION', url: `${app.url}/session` });
    await events();
    const { asked, away } = await signIn(email);
    assert.equal(away?.searchParams.get('error_description'), 'paused');
    assert.equal((await events()).includes('session.started'), false);
    const silent = await ask(site, email, { browser: asked.browser });
    assert.notEqual(silent.code, '', 'the browser has no session, so it is asked for a proof again');
  });

  it('that answers nothing usable lets people in or not, as its owner chose', {
    timeout: 30_000,
  }, async () => {
    const ways: readonly (readonly [string, (response: ServerResponse) => void])[] = [
      ['late', () => undefined],
      ['drip', (response) => void response.writeHead(200).write('{')],
      ['error', (response) => void response.writeHead(500).end()],
      ['redirect', (response) => void response.writeHead(302, { location: '/yes' }).end()],
      ['html', (response) => void response.end('<html>')],
      ['huge', (response) => void response.end(Buffer.alloc(1_000_000, ' '))],
      ['reserved', says({ decision: 'ALLOW', response: { claims: { sub: 'usr_1' } } })],
    ];
    const url = `${app.url}/session`;
    const { interceptor } = await interceptors().create({
      kind: 'PRE_SESSION_CREATION',
      url,
      timeoutMs: 150,
    });
    for (const [name, way] of ways) {
      app.answers('/session', way);
      await interceptors().update(interceptor.id, { onFailure: 'deny' });
      assert.equal((await signIn()).error, 'access_denied', name);
      await interceptors().update(interceptor.id, { onFailure: 'allow' });
      const { away, error } = await signIn();
      assert.equal(error, undefined, name);
      const { accessToken } = tokensOf(await exchange(server, away ?? assert.fail()));
      assert.equal(claimsOf(accessToken).custom_claims, undefined, name);
    }
    assert.equal((await events()).filter((type) => type === 'interceptor.failed').length, ways.length * 2);
  });

  it('does not hold the database while it thinks: others sign in meanwhile', async () => {
    let release: () => void = () => undefined;
    app.answers('/session', (response, got) => {
      if (JSON.parse(got.body).interceptor_context.user_email.startsWith('slow'))
        release = () => says({ decision: 'ALLOW' })(response);
      else says({ decision: 'ALLOW' })(response);
    });
    await interceptors().create({ kind: 'PRE_SESSION_CREATION', url: `${app.url}/session` });
    const slow = signIn('slow@acme.com');
    while (app.received.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal((await signIn()).error, undefined);
    release();
    assert.equal((await slow).error, undefined);
  });

  it('is asked once, however often the form is sent while it thinks', async () => {
    const waiting: (() => void)[] = [];
    app.answers('/session', (response) => void waiting.push(() => says({ decision: 'ALLOW' })(response)));
    await interceptors().create({ kind: 'PRE_SESSION_CREATION', url: `${app.url}/session` });
    const asked = await ask(site, someone());
    const sent = Array.from({ length: 10 }, () => enter(asked, asked.code));
    while (waiting.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 300));
    const times = waiting.length;
    for (const release of waiting) release();
    app.answers('/session', says({ decision: 'ALLOW' }));
    const codes = (await Promise.all(sent)).filter(({ away }) => away?.searchParams.has('code'));
    assert.deepEqual([times, codes.length], [1, 1]);
  });
});
