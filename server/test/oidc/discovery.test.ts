import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, describe, it } from 'node:test';
import { createFakeClock } from '../support/clock.ts';
import { createMailbox } from '../support/mailbox.ts';
import { headerOf, tokenRequest, tokensOf } from '../support/oauth-requests.ts';
import { startTestServer } from '../support/server.ts';

const SECOND = 1000;

const clock = createFakeClock();
const server = await startTestServer({ clock, transport: createMailbox().transport });
after(async () => {
  await server.stop();
  clock.release();
});

interface Key {
  readonly kid: string;
  readonly alg: string;
}

async function published(): Promise<Key[]> {
  const { keys } = (await (await fetch(`${server.url}/keys`)).json()) as { keys: Key[] };
  return keys;
}

const kidsOf = (keys: Key[], alg = 'RS256') => keys.filter((key) => key.alg === alg).map(({ kid }) => kid);

async function signingKid(): Promise<unknown> {
  const answer = await tokenRequest(server, { grant_type: 'client_credentials' });
  return headerOf(tokensOf(answer).accessToken).kid;
}

/** A request whose headers say anything, also what `fetch` would not. */
function ask(path: string, headers: Record<string, string>): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port: server.port, path, headers }, async (response) => {
      const chunks: Buffer[] = await response.toArray();
      resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
    });
    asked.once('error', reject).end();
  });
}

describe('the discovery document', () => {
  it('is the contract, under both names', async () => {
    const at = (path: string) => `${server.url}${path}`;
    for (const name of ['openid-configuration', 'oauth-authorization-server']) {
      const response = await fetch(at(`/.well-known/${name}`));
      assert.equal(response.headers.get('content-type'), 'application/json; charset=utf-8');
      const document = (await response.json()) as Record<string, unknown>;
      const sorted = (field: string) => [document[field]].flat().sort();
      const expected = {
        issuer: server.url,
        authorization_endpoint: at('/oauth/authorize'),
        token_endpoint: at('/oauth/token'),
        jwks_uri: at('/keys'),
        userinfo_endpoint: at('/userinfo'),
        revocation_endpoint: at('/revoke'),
        introspection_endpoint: at('/oauth/introspect'),
        end_session_endpoint: at('/oidc/logout'),
        response_types_supported: ['code'],
        response_modes_supported: ['form_post', 'fragment', 'query'],
        subject_types_supported: ['public'],
        code_challenge_methods_supported: ['S256'],
        authorization_response_iss_parameter_supported: true,
        claims_parameter_supported: true,
        request_uri_parameter_supported: false,
        backchannel_logout_supported: true,
        backchannel_logout_session_supported: true,
      };
      for (const [field, value] of Object.entries(expected)) assert.deepEqual(document[field], value, field);
      assert.deepEqual(sorted('scopes_supported'), ['email', 'offline_access', 'openid', 'profile']);
      assert.deepEqual(sorted('id_token_signing_alg_values_supported'), ['ES256', 'EdDSA', 'RS256']);
      assert.deepEqual(sorted('grant_types_supported'), [
        'authorization_code',
        'client_credentials',
        'refresh_token',
      ]);
      assert.deepEqual(sorted('token_endpoint_auth_methods_supported'), [
        'client_secret_basic',
        'client_secret_post',
        'none',
      ]);
      for (const claim of ['sub', 'email', 'email_verified', 'amr', 'acr', 'sid', 'auth_time'])
        assert.ok(sorted('claims_supported').includes(claim), claim);
    }
  });

  it('names our origin, whatever the headers of the request say', async () => {
    const { host } = new URL(server.url);
    const forwarded = {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      'x-forwarded-port': '443',
      'x-forwarded-for': '203.0.113.9',
      forwarded: 'host=evil.example;proto=https',
      'x-original-host': 'evil.example',
    };
    const { body } = await ask('/.well-known/openid-configuration', { host, ...forwarded });
    assert.equal(body, await (await fetch(`${server.url}/.well-known/openid-configuration`)).text());
    for (const asked of ['evil.example', `evil.example@${host}`, `${host}.evil.example`]) {
      const other = await ask('/.well-known/openid-configuration', { host: asked, ...forwarded });
      assert.notEqual(other.status, 200);
      assert.doesNotMatch(other.body, /"issuer"/);
    }
  });

  it('answers no other method', async () => {
    for (const path of ['/.well-known/openid-configuration', '/keys'])
      for (const method of ['POST', 'PUT', 'DELETE']) {
        const { status } = await fetch(`${server.url}${path}`, { method });
        assert.ok([404, 405].includes(status), `${method} ${path} is ${status}`);
      }
  });
});

describe('the key set', () => {
  it('has the current and the next key of each algorithm, and no private part', async () => {
    const response = await fetch(`${server.url}/keys`);
    assert.match(response.headers.get('content-type') ?? '', /^application\/(jwk-set\+)?json/);
    const keys = await published();
    const fields = {
      RS256: ['alg', 'e', 'kid', 'kty', 'n', 'use'],
      ES256: ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'],
      EdDSA: ['alg', 'crv', 'kid', 'kty', 'use', 'x'],
    };
    for (const [alg, names] of Object.entries(fields)) {
      const mine = keys.filter((key) => key.alg === alg);
      assert.equal(mine.length, 2);
      for (const key of mine) {
        assert.deepEqual(Object.keys(key).sort(), names);
        assert.match(key.kid, /^snk_\d+$/);
      }
    }
    assert.equal(new Set(keys.map(({ kid }) => kid)).size, 6);
  });

  it('keeps a key that is replaced, signs with one that was published before, and adds the next', async () => {
    const [before, signing] = [kidsOf(await published()), await signingKid()];
    assert.ok(before.includes(String(signing)));
    const rotated = await server.rooms.keys.rotate('RS256');
    assert.equal(rotated.length, 1);
    clock.advance(5 * SECOND);
    await published(); // the request that notices
    const now = kidsOf(await published());
    assert.deepEqual(
      before.filter((kid) => !now.includes(kid)),
      [],
    );
    assert.equal(now.length, 3);
    const newly = await signingKid();
    assert.notEqual(newly, signing);
    assert.ok(before.includes(String(newly)), 'a verifier that read the keys before knows the new one');
    assert.equal(kidsOf(await published(), 'ES256').length, 2);
  });
});
