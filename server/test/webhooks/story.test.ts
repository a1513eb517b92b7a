import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ScalekitClient } from '@scalekit-sdk/node';
import { createMailbox } from '../support/mailbox.ts';
import { exchange, tokensOf } from '../support/oauth-requests.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { ask, enter, type Site, someone } from '../support/sign-in-steps.ts';
import { type Received, type Receiver, startReceiver } from './receiver.ts';

let site: Site;
let server: TestServer;
let app: Receiver;
before(async () => {
  const mailbox = createMailbox();
  server = await startTestServer({ transport: mailbox.transport });
  site = { server, mailbox };
  app = await startReceiver();
});
after(async () => {
  await server.stop();
  await app.stop();
});

const webhooks = () => server.rooms.webhooks;
const sdk = () => new ScalekitClient(server.url, 'skc_1', 'test');

async function signUp(email = someone()) {
  const asked = await ask(site, email);
  const done = await enter(asked, asked.code);
  const tokens = done.away ? tokensOf(await exchange(server, done.away)) : assert.fail('not signed in');
  return { email, asked, tokens, browser: asked.browser };
}

function isGenuine(secret: string, got: Received): boolean {
  const headers = Object.fromEntries(
    Object.entries(got.headers).map(([name, value]) => [name, String(value)]),
  );
  try {
    return sdk().verifyWebhookPayload(secret, headers, got.body);
  } catch {
    return false;
  }
}

describe('An app with a webhook endpoint', () => {
  it('hears of sign-up, login and logout in the familiar envelope, signed so that the SDK accepts it', async () => {
    const path = '/familiar';
    const { endpoint, secret } = await webhooks().create({
      url: app.url + path,
      types: ['user.signup', 'user.login', 'user.logout'],
    });
    const { email, browser } = await signUp();
    await browser.submit(await browser.open('/oidc/logout'), '/oidc/logout/confirm', { logout: 'yes' });
    await server.deliveriesIdle();
    const messages = app.bodies(path);
    assert.deepEqual(messages.map(({ type }) => type).sort(), ['user.login', 'user.logout', 'user.signup']);
    const login = messages.find(({ type }) => type === 'user.login') ?? assert.fail();
    assert.deepEqual(Object.keys(login), [
      'spec_version',
      'id',
      'type',
      'object',
      'occurred_at',
      'environment_id',
      'organization_id',
      'data',
      'display_name',
    ]);
    assert.match(login.id, /^evt_\d+$/);
    assert.deepEqual(
      [login.spec_version, login.object, login.display_name, login.environment_id],
      ['1', 'User', 'User Login', 'env_1'],
    );
    assert.equal(new Date(String(login.occurred_at)).toISOString(), login.occurred_at);
    const { user = {}, user_session: session = {} } = login.data;
    assert.equal(user.email, email);
    assert.match(String(user.id), /^usr_\d+$/);
    assert.match(String(session.session_id), /^ses_\d+$/);
    assert.equal(typeof session.device, 'object');
    const logout = messages.find(({ type }) => type === 'user.logout');
    assert.equal(logout?.data.user_session?.session_id, session.session_id);
    for (const got of app.received.filter((one) => one.path === path)) {
      assert.equal(isGenuine(secret, got), true);
      assert.equal(isGenuine(secret, { ...got, body: got.body.replace(email, 'eve@evil.com') }), false);
      assert.equal(got.headers['webhook-id'], JSON.parse(got.body).id);
    }
    await webhooks().remove(endpoint.id);
  });

  it('gets all of ours by a star, with no code, link, token or secret in any of them', async () => {
    const { endpoint } = await webhooks().create({ url: `${app.url}/all`, types: ['*'] });
    const { asked, tokens } = await signUp();
    await enter(await ask(site, someone()), '000000');
    await server.deliveriesIdle();
    const types = app.bodies('/all').map(({ type }) => type);
    for (const type of [
      'attempt.started',
      'attempt.satisfied',
      'attempt.redeemed',
      'mail.sent',
      'user.created',
    ])
      assert.ok(types.includes(type), `${type} is missing from ${types}`);
    assert.equal(new Set(app.bodies('/all').map(({ id }) => id)).size, types.length, 'every id is its own');
    const said = app.received.filter(({ path }) => path === '/all').map(({ body }) => body);
    const token = asked.link.slice(asked.link.lastIndexOf('/') + 1);
    for (const secret of [asked.code, token, tokens.accessToken, tokens.idToken, server.app.secret])
      assert.equal(
        said.some((body) => body.includes(`${secret}`)),
        false,
      );
    await webhooks().remove(endpoint.id);
  });

  it('is signed to with both secrets while one replaces the other, and with the new one alone after', async () => {
    const { endpoint, secret: old } = await webhooks().create({
      url: `${app.url}/turn`,
      types: ['user.signup'],
    });
    const { secret: fresh } = await webhooks().rotateSecret(endpoint.id);
    await webhooks().test(endpoint.id);
    const during = app.received.at(-1) ?? assert.fail();
    assert.deepEqual([isGenuine(fresh, during), isGenuine(old, during)], [true, true]);
    assert.equal(String(during.headers['webhook-signature']).split(' ').length, 2);
    const { secret: last } = await webhooks().rotateSecret(endpoint.id, { oldForMs: 0 });
    await webhooks().test(endpoint.id);
    const done = app.received.at(-1) ?? assert.fail();
    assert.deepEqual(
      [isGenuine(last, done), isGenuine(fresh, done), isGenuine(old, done)],
      [true, false, false],
    );
    const kept = await server.rooms.database.read((q) =>
      q.selectFrom('webhook_endpoints').selectAll().execute(),
    );
    for (const secret of [old, fresh, last])
      assert.equal(JSON.stringify(kept).includes(secret.slice(6)), false);
    assert.match(last, /^whsec_[A-Za-z0-9+/]{43}=$/);
    await webhooks().remove(endpoint.id);
  });

  it('is left alone once it answers 410, and says so', async () => {
    app.answers('/gone', (response) => response.writeHead(410).end());
    const { endpoint } = await webhooks().create({ url: `${app.url}/gone`, types: ['user.signup'] });
    await signUp();
    await signUp();
    await server.deliveriesIdle();
    const { enabled, deliveries } = await webhooks().show(endpoint.id);
    assert.deepEqual([enabled, deliveries.waiting], [false, undefined]);
    const told = app.received.filter(({ path }) => path === '/gone').length;
    await signUp();
    await server.deliveriesIdle();
    assert.equal(app.received.filter(({ path }) => path === '/gone').length, told);
    await webhooks().remove(endpoint.id);
  });

  it('cannot send the server elsewhere: a redirect is a failure, and its target is never asked', async () => {
    app.answers('/away', (response) => response.writeHead(302, { location: `${app.url}/inside` }).end());
    const { endpoint } = await webhooks().create({ url: `${app.url}/away`, types: ['user.signup'] });
    const tried = await webhooks().test(endpoint.id);
    assert.equal(tried.state, 'dead');
    assert.match(tried.log[0]?.reason ?? '', /302: redirects are not followed/);
    assert.deepEqual(app.bodies('/inside'), []);
    await webhooks().remove(endpoint.id);
  });

  it('may answer with as much as it likes, or drip without an end: neither holds the server up', {
    timeout: 20_000,
  }, async () => {
    app.answers('/flood', (response) => response.writeHead(200).end(Buffer.alloc(5_000_000, 'x')));
    app.answers('/drip', (response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write('.'), 200);
      response.once('close', () => clearInterval(drip));
    });
    app.answers('/mute', () => undefined);
    const results = await Promise.all(
      ['/flood', '/drip', '/mute'].map(async (path) => {
        const { endpoint } = await webhooks().create({ url: app.url + path, types: ['user.signup'] });
        const { state, log } = await webhooks().test(endpoint.id);
        await webhooks().remove(endpoint.id);
        return [path, state, (log[0]?.ms ?? 99_999) < 12_000];
      }),
    );
    assert.deepEqual(results, [
      ['/flood', 'done', true],
      ['/drip', 'dead', true],
      ['/mute', 'dead', true],
    ]);
  });
});
