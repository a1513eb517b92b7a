import assert from 'node:assert/strict';
import { createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { after, describe, it } from 'node:test';
import { createMailbox } from '../support/mailbox.ts';
import {
  authorizeUrl,
  claimsOf,
  headerOf,
  type Person,
  postForm,
  signedIn,
  userinfo,
} from '../support/oauth-requests.ts';
import { startTestServer } from '../support/server.ts';

const mailbox = createMailbox();
const server = await startTestServer({ transport: mailbox.transport });
const { app } = server;
after(() => server.stop());

const person: Person = await signedIn({ server, mailbox, params: { scope: 'openid email offline_access' } });

const part = (content: object) => Buffer.from(JSON.stringify(content)).toString('base64url');
const own = generateKeyPairSync('rsa', { modulusLength: 2048 });

/** The token with another header, signed by whoever. */
type Forgery = (token: string) => Promise<string>;

function signedBy(header: object, claims: object, key = own.privateKey): string {
  const content = `${part(header)}.${part(claims)}`;
  return `${content}.${sign('sha256', Buffer.from(content), key).toString('base64url')}`;
}

function macOf(header: object, claims: object, secret: string | Buffer): string {
  const content = `${part(header)}.${part(claims)}`;
  return `${content}.${createHmac('sha256', secret).update(content).digest('base64url')}`;
}

/** The published key of a token, as the text that a careless verifier would take for a shared secret. */
async function publicKeyOf(token: string): Promise<string> {
  const { keys } = (await (await fetch(`${server.url}/keys`)).json()) as {
    keys: (JsonWebKey & { kid?: string })[];
  };
  const key = keys.find(({ kid }) => kid === headerOf(token).kid);
  return createPublicKey({ key: key ?? {}, format: 'jwk' })
    .export({ type: 'spki', format: 'pem' })
    .toString();
}

const forgeries: ReadonlyArray<readonly [name: string, forge: Forgery]> = [
  ['alg none', async (token) => `${part({ ...headerOf(token), alg: 'none' })}.${part(claimsOf(token))}.`],
  ['alg NONE', async (token) => `${part({ ...headerOf(token), alg: 'NONE' })}.${part(claimsOf(token))}.`],
  ['no signature', async (token) => `${token.split('.').slice(0, 2).join('.')}.`],
  [
    'HS256 with our public key as the secret',
    async (token) => macOf({ ...headerOf(token), alg: 'HS256' }, claimsOf(token), await publicKeyOf(token)),
  ],
  [
    "HS256 with the client's secret",
    async (token) => macOf({ ...headerOf(token), alg: 'HS256' }, claimsOf(token), app.secret),
  ],
  ['another key under our kid', async (token) => signedBy(headerOf(token), claimsOf(token))],
  [
    'a key that the token brings along',
    async (token) =>
      signedBy({ ...headerOf(token), jwk: own.publicKey.export({ format: 'jwk' }) }, claimsOf(token)),
  ],
  [
    'a key that we do not know',
    async (token) => signedBy({ ...headerOf(token), kid: 'snk_1' }, claimsOf(token)),
  ],
  [
    'our signature under other claims',
    async (token) => {
      const [header = '', , signature = ''] = token.split('.');
      return `${header}.${part({ ...claimsOf(token), sub: 'usr_1' })}.${signature}`;
    },
  ],
];

const credentials = { client_id: app.id, client_secret: app.secret };

/** Asserts that a token is worth nothing wherever an access token would be. */
async function assertNoAccessToken(token: string): Promise<void> {
  const { status, headers } = await userinfo(server, token);
  assert.equal(status, 401);
  assert.match(headers.get('www-authenticate') ?? '', /error="invalid_token"/);
  const told = await postForm(`${server.url}/oauth/introspect`, { ...credentials, token });
  assert.deepEqual([told.status, told.body], [200, { active: false }]);
  const revoked = await postForm(`${server.url}/revoke`, { ...credentials, token });
  assert.equal(revoked.status, 200);
  assert.equal((await userinfo(server, person.accessToken)).status, 200);
}

/** Asserts that a token is worth nothing wherever an ID token is a hint: nobody is signed in or out by it. */
async function assertNoHint(token: string): Promise<void> {
  const url = authorizeUrl(server, { id_token_hint: token, prompt: 'none' });
  const { away } = await person.browser.open(url);
  assert.equal(away?.searchParams.get('error'), 'invalid_request');
  const page = await person.browser.open(`/oidc/logout?${new URLSearchParams({ id_token_hint: token })}`);
  assert.doesNotMatch(page.body, /data-self-post/);
}

describe('a forged token', () => {
  for (const [name, forge] of forgeries)
    it(`with ${name} is no access token and no hint`, async () => {
      await assertNoAccessToken(await forge(person.accessToken));
      await assertNoHint(await forge(person.idToken));
    });

  it('of a revoked or unknown id is no access token, though the key is ours', async () => {
    const other = await signedIn({ server, mailbox });
    await postForm(`${server.url}/revoke`, { ...credentials, token: other.accessToken });
    await assertNoAccessToken(other.accessToken);
  });
});

describe('a token in the place of another', () => {
  it('an ID token is no access token', async () => {
    await assertNoAccessToken(person.idToken);
  });

  it('an access token is no hint', async () => {
    await assertNoHint(person.accessToken);
  });

  it('a refresh token opens nothing but the token endpoint', async () => {
    assert.equal((await userinfo(server, person.refreshToken)).status, 401);
    await assertNoHint(person.refreshToken);
  });

  it("another client's ID token is no hint", async () => {
    const redirectUris = [app.redirectUri];
    const { client } = await server.rooms.clients.create({ name: 'Other', redirectUris });
    const params = { client_id: client.id, id_token_hint: person.idToken, prompt: 'none' };
    const { away } = await person.browser.open(authorizeUrl(server, params));
    assert.equal(away?.searchParams.get('error'), 'invalid_request');
  });
});
