import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { setDefaultCACertificates } from 'node:tls';
import { fromBinary } from '@bufbuild/protobuf';
import {
  SendPasswordlessResponseSchema,
  VerifyPasswordLessResponseSchema,
} from '../../generated/scalekit/v1/auth/passwordless_pb.js';
import {
  RevokeAllUserSessionsResponseSchema,
  RevokeSessionResponseSchema,
  SessionDetailsSchema,
  UserSessionDetailsSchema,
} from '../../generated/scalekit/v1/sessions/sessions_pb.js';
import {
  GetUserResponseSchema,
  ListUsersResponseSchema,
} from '../../generated/scalekit/v1/users/users_pb.js';
import { createAuthority } from '../fixtures/certificates.ts';
import { signIn } from '../support/app-client.ts';
import { createFakeClock } from '../support/clock.ts';
import { createMailbox } from '../support/mailbox.ts';
import { authorizeUrl, claimsOf, headerOf, refresh, signedIn } from '../support/oauth-requests.ts';
import { freePort, startTestServer, type TestServer } from '../support/server.ts';
import { Replay, recordingOf, type Values, type WireAnswer } from './wire.ts';

const DAY = 86_400_000;
/** What the recordings were told. */
const EMAIL = 'ada@example.com';
const REDIRECT_URI = 'https://app.example/callback';

const authority = createAuthority();
const certificate = authority.issue('localhost');
const clock = createFakeClock();
const mailbox = createMailbox();
const server = await startOverTls();
after(async () => {
  await server.stop();
  clock.release();
});

/** With an app whose addresses are those of the recordings. */
async function startOverTls(): Promise<TestServer> {
  setDefaultCACertificates([authority.cert]);
  const port = await freePort();
  const config = {
    url: `https://localhost:${port}`,
    listen: { host: '127.0.0.1', port },
    tls: certificate,
  };
  const started = await startTestServer({ clock, transport: mailbox.transport, config });
  const made = await started.rooms.clients.create({ name: 'App', redirectUris: [REDIRECT_URI] });
  const app = {
    ...started.app,
    id: made.client.id,
    secret: made.clientSecret ?? '',
    redirectUri: REDIRECT_URI,
  };
  return { ...started, app };
}

/** A replay of one scenario, ended with the test. */
function replay(sdk: string, scenario: string, values: Values = {}): Replay {
  const exchanges = recordingOf(sdk).scenarios[scenario] ?? [];
  const { id, secret } = server.app;
  const played = new Replay(exchanges, {
    url: server.url,
    values: { client_id: id, client_secret: secret, ...values },
  });
  after(() => played.close());
  return played;
}

/** The message of an answer that is one, in its frame. */
function messageOf({ status, grpcStatus, grpcMessage, body }: WireAnswer): Buffer {
  assert.deepEqual([status, grpcStatus], [200, 0], grpcMessage);
  assert.deepEqual([body.readUInt8(0), body.readUInt32BE(1)], [0, body.length - 5]);
  return body.subarray(5);
}

/** What the newest mail to the address of the recordings holds, and the request it belongs to. */
async function begun(played: Replay): Promise<Values> {
  const { authRequestId } = fromBinary(SendPasswordlessResponseSchema, messageOf(await played.next()));
  return { auth_request_id: authRequestId, ...(await mailed()) };
}

async function mailed(): Promise<Values> {
  await server.mailIdle();
  const { code = '', link = '' } = mailbox.to(EMAIL).at(-1)?.facts ?? {};
  return { code, link_token: new URL(link).searchParams.get('link_token') ?? '' };
}

/** A request that waits for its proof; other clients' calls begin it, so that a replay starts with its verify. */
async function waiting(): Promise<Values> {
  const sender = replay('java', 'calls');
  await sender.next();
  return begun(sender);
}

const proved = (answer: WireAnswer) =>
  assert.equal(fromBinary(VerifyPasswordLessResponseSchema, messageOf(answer)).email, EMAIL);

const SDKS = ['python-2.21', 'python-2.10', 'go', 'java'];

for (const sdk of SDKS)
  describe(`what ${recordingOf(sdk).sdk} sends`, () => {
    it('is answered call by call: send, resend, verify, users, sessions', async () => {
      const person = await signedIn({ server, mailbox, email: EMAIL });
      const { sub, sid } = claimsOf(person.idToken);
      const played = replay(sdk, 'calls', { user_id: String(sub), session_id: String(sid) });
      assert.equal((await played.next()).status, 200);
      Object.assign(played.values, await begun(played));
      const again = fromBinary(SendPasswordlessResponseSchema, messageOf(await played.next()));
      assert.equal(again.authRequestId, played.values.auth_request_id);
      proved(await played.next());
      Object.assign(played.values, await waiting());
      proved(await played.next());
      const { user } = fromBinary(GetUserResponseSchema, messageOf(await played.next()));
      assert.equal(user?.email, EMAIL);
      const { users } = fromBinary(ListUsersResponseSchema, messageOf(await played.next()));
      assert.ok(users.some(({ id }) => id === sub));
      const { sessions } = fromBinary(UserSessionDetailsSchema, messageOf(await played.next()));
      assert.ok(sessions.some(({ sessionId }) => sessionId === sid));
      const session = fromBinary(SessionDetailsSchema, messageOf(await played.next()));
      assert.deepEqual([session.status, session.userId], ['active', sub]);
      const { revokedSession } = fromBinary(RevokeSessionResponseSchema, messageOf(await played.next()));
      assert.equal(revokedSession?.status, 'revoked');
      fromBinary(RevokeAllUserSessionsResponseSchema, messageOf(await played.next()));
      assert.equal(played.left, 0);
      assert.notEqual((await refresh(server, person.refreshToken)).status, 200);
    });

    it('goes on after its token has expired, also where the old token still comes along', async () => {
      const played = replay(sdk, 'unauthenticated');
      await played.next();
      clock.advance(DAY + 1000);
      Object.assign(played.values, await waiting());
      const refused = await played.next();
      assert.deepEqual([refused.status, refused.grpcStatus], [200, 16]);
      assert.equal(refused.headersOnly, true); // Netty takes an empty frame of data for a broken answer
      assert.equal((await played.next()).status, 200);
      proved(await played.next());
    });

    it('redeems, checks and refreshes tokens', async () => {
      const params = { scope: 'openid profile email offline_access', state: undefined };
      const { callback } = await signIn({ server, mailbox, url: authorizeUrl(server, params), email: EMAIL });
      const played = replay(sdk, 'tokens', { authorization_code: callback.searchParams.get('code') ?? '' });
      assert.equal((await played.next()).status, 200);
      const redeemed = jsonOf(await played.next());
      const { keys } = jsonOf(await played.next());
      assert.ok(Array.isArray(keys) && keys.length > 0);
      for (const key of keys) assert.deepEqual([typeof key.kid, key.use], ['string', 'sig']);
      played.values.refresh_token = String(redeemed.refresh_token);
      const refreshed = jsonOf(await played.next());
      for (const { access_token, id_token, refresh_token } of [redeemed, refreshed]) {
        assert.equal(typeof refresh_token, 'string');
        assert.match(String(claimsOf(String(access_token)).scope), /^openid /);
        for (const token of [access_token, id_token, played.values.token])
          readableEverywhere(String(token), keys);
      }
      assert.equal(played.left, 0);
    });
  });

function jsonOf({ status, body }: WireAnswer): Record<string, unknown> {
  assert.equal(status, 200, body.toString());
  return JSON.parse(body.toString());
}

/** Go has `aud` as a list and `scope` as a text; Go and Java have no room for a number in `updated_at`. */
function readableEverywhere(token: string, keys: Record<string, unknown>[]): void {
  const { alg, kid } = headerOf(token);
  assert.equal(alg, 'RS256');
  assert.ok(keys.some((key) => key.kid === kid && key.alg === 'RS256' && key.kty === 'RSA'));
  const { aud, exp, updated_at, metadata, scope = '', scopes = [] } = claimsOf(token);
  assert.deepEqual(aud, [server.app.id]);
  assert.equal(typeof exp, 'number');
  assert.deepEqual([typeof scope, Array.isArray(scopes)], ['string', true]);
  assert.deepEqual(scopes, String(scope).split(' ').filter(Boolean));
  assert.notEqual(typeof updated_at, 'number');
  assert.notEqual(typeof metadata, 'object');
}

describe('what the SDKs send again', () => {
  it('counts once: a wrong code that Python 2.10 sends three times', async () => {
    const values = await waiting();
    const other = (step: number) => String((Number(values.code) + step) % 1_000_000).padStart(6, '0');
    const played = replay('python-2.10', 'wrong-code', { ...values, code: other(1) });
    await played.next();
    for (let time = 0; time < 3; time += 1) {
      const { grpcStatus, grpcMessage } = await played.next();
      assert.equal(grpcStatus, 3);
      assert.match(grpcMessage, /verification failed/);
    }
    assert.equal(played.left, 0);
    for (const step of [2, 3, 4]) {
      played.values.code = other(step);
      assert.equal((await played.again()).grpcStatus, 3);
    }
    played.values.code = values.code ?? '';
    proved(await played.again());
  });

  for (const sdk of ['python-2.21', 'python-2.10', 'java'])
    it(`gets the same answer where ${sdk} has lost the first one`, async () => {
      const played = replay(sdk, 'unavailable', await waiting());
      await played.next();
      const [first, second] = [await played.next(), await played.next()];
      proved(first);
      assert.deepEqual(second.body, first.body);
      assert.equal(played.left, 0);
    });
});

describe('an environment URL with a slash at its end', () => {
  const doubled = (path: string) => `/${path}`;

  it('leads Go to //scalekit.v1, which is served', async () => {
    const played = replay('go', 'calls');
    assert.equal((await played.next(doubled)).status, 200);
    const { authRequestId } = fromBinary(
      SendPasswordlessResponseSchema,
      messageOf(await played.next(doubled)),
    );
    assert.ok(authRequestId);
  });

  it('leads Python to //oauth/token and //keys, which are served', async () => {
    const played = replay('python-2.21', 'tokens', { authorization_code: 'none' });
    assert.equal((await played.next(doubled)).status, 200);
    const refused = await played.next(doubled);
    assert.equal(refused.status, 400);
    assert.equal(JSON.parse(refused.body.toString()).error, 'invalid_grant');
    assert.ok(jsonOf(await played.next(doubled)).keys);
  });
});
