import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { ScalekitClient } from '@scalekit-sdk/node';
import { AppBrowser, formsOf, type SignIn, signIn } from '../support/app-client.ts';
import { createMailbox } from '../support/mailbox.ts';
import { claimsOf, pkce } from '../support/oauth-requests.ts';
import { startWorld } from './world.ts';

const mailbox = createMailbox();
const server = await startWorld({ transport: mailbox.transport });
const { app } = server;
const scalekit = new ScalekitClient(server.url, app.id, app.secret);
after(() => server.stop());

/** What the guide's callback reads from its query. */
async function codeFor(url: string, rest: Partial<SignIn> = {}): Promise<string> {
  const { callback } = await signIn({ server, mailbox, url, email: 'john.doe@example.com', ...rest });
  return callback.searchParams.get('code') ?? '';
}

const refused = (status: number, error: string) => (failure: unknown) => {
  const { response } = failure as { response: { status: number; data: Record<string, unknown> } };
  assert.equal(response.status, status);
  assert.equal(response.data.error, error);
  assert.equal(typeof response.data.error_description, 'string');
  return true;
};

/** The address that the first page has filled in. */
async function filledIn(url: string): Promise<string | undefined> {
  const page = await new AppBrowser(server).open(url);
  return formsOf(page.body)[0]?.fields.email;
}

describe('the guide with the published SDK', () => {
  for (const by of ['code', 'link'] as const)
    it(`signs a person in by ${by} and gives the result object of the guide`, async () => {
      const url = scalekit.getAuthorizationUrl(app.redirectUri, { loginHint: 'john.doe@example.com' });
      const result = await scalekit.authenticateWithCode(await codeFor(url, { by }), app.redirectUri);
      assert.equal(result.user.email, 'john.doe@example.com');
      assert.equal(result.user.emailVerified, true);
      assert.match(result.user.id ?? '', /^usr_\d{15,21}$/);
      assert.match(result.idToken, /^eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+$/);
      assert.match(result.accessToken, /^eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+$/);
      assert.equal(typeof result.expiresIn, 'number');
      assert.ok(result.expiresIn > 890 && result.expiresIn <= 900, `${result.expiresIn}`);
      assert.equal(result.refreshToken, undefined);
    });

  it('takes four requests of the browser with a login_hint, the mail and the answer included', async () => {
    const url = scalekit.getAuthorizationUrl(app.redirectUri, { loginHint: 'quick@example.com' });
    const { requests } = await signIn({ server, mailbox, url, email: 'quick@example.com' });
    assert.equal(requests, 4);
  });

  it('gives the callback the state it was called with, and its own name as iss', async () => {
    const state = 'a/b+c d&e=é%20"';
    const url = scalekit.getAuthorizationUrl(app.redirectUri, { state, nonce: 'n-1' });
    const { callback } = await signIn({ server, mailbox, url, email: 'ada@example.com' });
    assert.equal(callback.searchParams.get('state'), state);
    assert.equal(callback.searchParams.get('iss'), server.url);
    const code = callback.searchParams.get('code') ?? '';
    const { idToken } = await scalekit.authenticateWithCode(code, app.redirectUri);
    assert.equal(claimsOf(idToken).nonce, 'n-1');
  });

  it('gives the same user the same id each time, and a refresh token when offline_access is asked for', async () => {
    const url = scalekit.getAuthorizationUrl(app.redirectUri, {
      scopes: ['openid', 'email', 'offline_access'],
    });
    const [first, second] = [await codeFor(url), await codeFor(url)];
    const one = await scalekit.authenticateWithCode(first, app.redirectUri);
    const two = await scalekit.authenticateWithCode(second, app.redirectUri);
    assert.equal(one.user.id, two.user.id);
    assert.ok(one.refreshToken && two.refreshToken && one.refreshToken !== two.refreshToken);
  });

  it('reports to the callback that the person cancelled', async () => {
    const url = scalekit.getAuthorizationUrl(app.redirectUri, { state: 's' });
    const browser = new AppBrowser(server);
    const left = await browser.submit(await browser.open(url), '/abort');
    assert.equal(left.away?.searchParams.get('error'), 'access_denied');
    assert.ok(left.away?.searchParams.get('error_description'));
    assert.equal(left.away?.searchParams.get('state'), 's');
  });

  it('gives the client a token of its own for generateClientToken', async () => {
    const token = await scalekit.generateClientToken(app.id, app.secret);
    const { sub, client_id, exp = 0, iat = 0 } = claimsOf(token) as Record<string, number | string>;
    assert.deepEqual([sub, client_id], [app.id, app.id]);
    assert.equal(Number(exp) - Number(iat), 86_400);
    assert.equal(await scalekit.validateAccessToken(token, { issuer: server.url, audience: [app.id] }), true);
    await assert.rejects(scalekit.generateClientToken(app.id, 'test_wrong'), { httpStatus: 401 });
  });
});

describe('PKCE with the published SDK', () => {
  it('redeems a code whose challenge fits the codeVerifier', async () => {
    const { verifier, challenge } = pkce();
    const options = { codeChallenge: challenge, codeChallengeMethod: 'S256' };
    const code = await codeFor(scalekit.getAuthorizationUrl(app.redirectUri, options));
    const result = await scalekit.authenticateWithCode(code, app.redirectUri, { codeVerifier: verifier });
    assert.equal(result.user.email, 'john.doe@example.com');
  });
});

describe('conformance cases of the SDK', () => {
  const plain = () => codeFor(scalekit.getAuthorizationUrl(app.redirectUri));

  it('B6: a code redeemed twice gives an AxiosError 400 with invalid_grant', async () => {
    const code = await plain();
    await scalekit.authenticateWithCode(code, app.redirectUri);
    await assert.rejects(scalekit.authenticateWithCode(code, app.redirectUri), refused(400, 'invalid_grant'));
  });

  it('B7: another redirect_uri gives 400 invalid_grant', async () => {
    const code = await plain();
    const other = 'http://localhost:9/elsewhere';
    await assert.rejects(scalekit.authenticateWithCode(code, other), refused(400, 'invalid_grant'));
  });

  it('B7: a wrong code_verifier gives 400 invalid_grant', async () => {
    const { challenge } = pkce();
    const options = { codeChallenge: challenge, codeChallengeMethod: 'S256' };
    const code = await codeFor(scalekit.getAuthorizationUrl(app.redirectUri, options));
    const wrong = { codeVerifier: pkce().verifier };
    await assert.rejects(
      scalekit.authenticateWithCode(code, app.redirectUri, wrong),
      refused(400, 'invalid_grant'),
    );
  });

  it("B7: another client's code gives 400 invalid_grant", async () => {
    const made = await server.rooms.clients.create({ name: 'Other', redirectUris: [app.redirectUri] });
    const other = new ScalekitClient(server.url, made.client.id, made.clientSecret ?? '');
    await assert.rejects(
      other.authenticateWithCode(await plain(), app.redirectUri),
      refused(400, 'invalid_grant'),
    );
  });

  it('B14: an environment URL with a trailing slash works, though the SDK then doubles the slash', async () => {
    const slashed = new ScalekitClient(`${server.url}/`, app.id, app.secret);
    const url = slashed.getAuthorizationUrl(app.redirectUri);
    assert.match(url, /\/\/oauth\/authorize\?/);
    const result = await slashed.authenticateWithCode(await codeFor(url), app.redirectUri);
    assert.equal(result.user.email, 'john.doe@example.com');
    assert.equal(await slashed.validateAccessToken(result.accessToken), true);
  });

  it('B15: login_hint reaches the page as it was meant, plus signs and blanks too', async () => {
    const url = scalekit.getAuthorizationUrl(app.redirectUri, { loginHint: 'a b+c@d.co' });
    assert.match(url, /[?&]login_hint=a%20b%2Bc%40d\.co(&|$)/);
    assert.equal(await filledIn(url), 'a b+c@d.co');
    assert.equal(await filledIn(url.replace('a%20b', 'a+b')), 'a b+c@d.co');
    assert.equal(await filledIn(url.replace('a%20b%2Bc', 'ada%2Bwork')), 'ada+work@d.co');
  });
});
