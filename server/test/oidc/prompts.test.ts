import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { AppBrowser, type Landing, newAddress, prove, titleOf } from '../support/app-client.ts';
import { createFakeClock } from '../support/clock.ts';
import { createMailbox } from '../support/mailbox.ts';
import {
  authorizeUrl,
  claimsOf,
  exchange,
  type Person,
  refresh,
  signedIn,
  tokensOf,
  userinfo,
} from '../support/oauth-requests.ts';
import { startTestServer } from '../support/server.ts';

const SECOND = 1000;

const clock = createFakeClock();
const mailbox = createMailbox();
const server = await startTestServer({ clock, transport: mailbox.transport });
after(async () => {
  await server.stop();
  clock.release();
});

const EMAIL_PAGE = 'Sign in to Acme';

/** Someone who is signed in, in their browser. */
async function someone(): Promise<Person & { email: string; sub: unknown; authTime: number }> {
  const email = newAddress();
  const person = await signedIn({ server, mailbox, email });
  const { sub, auth_time } = claimsOf(person.idToken);
  return { ...person, email, sub, authTime: Number(auth_time) };
}

const ask = (browser: AppBrowser, params: Record<string, string>) =>
  browser.open(authorizeUrl(server, params));

function errorOf({ away }: Landing): string | null | undefined {
  return away?.searchParams.get('error');
}

/** The claims of the ID token that an answer leads to. */
async function claims({ away }: Landing): Promise<Record<string, unknown>> {
  if (away === undefined || !away.searchParams.has('code')) throw new Error(`no code in ${away}`);
  return claimsOf(tokensOf(await exchange(server, away)).idToken);
}

describe('prompt=none', () => {
  it('answers at once where there is a session', async () => {
    const { browser, sub } = await someone();
    const before = browser.requests;
    const answer = await ask(browser, { prompt: 'none' });
    assert.equal((await claims(answer)).sub, sub);
    assert.equal(browser.requests - before, 1);
  });

  it('without a session says login_required, with the state and iss, by a redirect', async () => {
    const answer = await ask(new AppBrowser(server), { prompt: 'none', state: 'x y' });
    assert.equal(answer.status, 303);
    const query = Object.fromEntries(answer.away?.searchParams ?? []);
    const { error_description, ...rest } = query;
    assert.deepEqual(rest, { error: 'login_required', state: 'x y', iss: server.url });
    assert.ok(error_description);
  });

  for (const prompt of ['none login', 'consent none'])
    it(`is refused together with another prompt: ${prompt}`, async () => {
      const { browser } = await someone();
      assert.equal(errorOf(await ask(browser, { prompt })), 'invalid_request');
    });
});

describe('prompt=login', () => {
  it('asks again in spite of a session, and says when that was', async () => {
    const { browser, email, sub, authTime } = await someone();
    clock.advance(100 * SECOND);
    const page = await ask(browser, { prompt: 'login' });
    assert.equal(titleOf(page), EMAIL_PAGE);
    const now = await claims(await prove(browser, page, { server, mailbox, email }));
    assert.equal(now.sub, sub);
    assert.equal(now.auth_time, authTime + 100);
  });

  it('lets somebody else sign in, with a session of their own', async () => {
    const first = await someone();
    const other = newAddress();
    const page = await ask(first.browser, { prompt: 'login' });
    const now = await claims(await prove(first.browser, page, { server, mailbox, email: other }));
    assert.notEqual(now.sub, first.sub);
    assert.notEqual(now.sid, claimsOf(first.idToken).sid);
    const silent = await claims(await ask(first.browser, { prompt: 'none' }));
    assert.equal(silent.sub, now.sub);
  });

  it('ends the tokens of the one who was signed in before, as a logout would', async () => {
    const before = await signedIn({ server, mailbox, params: { scope: 'openid offline_access' } });
    const page = await ask(before.browser, { prompt: 'login' });
    await prove(before.browser, page, { server, mailbox, email: newAddress() });
    assert.equal((await refresh(server, before.refreshToken)).body.error, 'invalid_grant');
    assert.equal((await userinfo(server, before.accessToken)).status, 401);
  });
});

describe('prompt=select_account', () => {
  it('offers the account of the session, and goes on with it', async () => {
    const { browser, email, sub } = await someone();
    const page = await ask(browser, { prompt: 'select_account' });
    assert.match(page.body, new RegExp(`Continue as <bdi>${email}</bdi>`));
    assert.equal((await claims(await browser.submit(page, '/keep'))).sub, sub);
  });

  it('lets the person use another address', async () => {
    const { browser, sub } = await someone();
    const choice = await ask(browser, { prompt: 'select_account' });
    const page = await browser.submit(choice, '/address');
    assert.equal(titleOf(page), EMAIL_PAGE);
    const answer = await prove(browser, page, { server, mailbox, email: newAddress() });
    assert.notEqual((await claims(answer)).sub, sub);
  });

  it('asks for the address once where nobody is signed in', async () => {
    const browser = new AppBrowser(server);
    const page = await ask(browser, { prompt: 'select_account' });
    assert.equal(titleOf(page), EMAIL_PAGE);
    assert.ok(await claims(await prove(browser, page, { server, mailbox })));
  });
});

describe('prompt=create and prompt=consent', () => {
  it('create speaks of a new account, also where somebody is signed in', async () => {
    const { browser } = await someone();
    for (const at of [browser, new AppBrowser(server)]) {
      const page = await ask(at, { prompt: 'create' });
      assert.equal(titleOf(page), 'Create your Acme account');
      assert.ok(await claims(await prove(at, page, { server, mailbox })));
    }
  });

  it('consent asks after the sign-in what the app may do', async () => {
    const browser = new AppBrowser(server);
    const first = await ask(browser, { prompt: 'consent', scope: 'openid email offline_access' });
    const page = await prove(browser, first, { server, mailbox });
    assert.equal(titleOf(page), 'Allow Acme?');
    for (const asked of ['Know who you are', 'See your email address', 'Stay signed in when you are away'])
      assert.equal(page.body.split(asked).length, 2, asked);
    assert.ok(await claims(await browser.submit(page, '/consent')));
  });

  it('consent denied is access_denied', async () => {
    const { browser } = await someone();
    const page = await ask(browser, { prompt: 'consent' });
    const answer = await browser.submit(page, '/abort');
    assert.equal(errorOf(answer), 'access_denied');
    assert.equal(answer.away?.searchParams.get('state'), 'a state');
  });

  it('login and consent together ask for both', async () => {
    const { browser, email } = await someone();
    const first = await ask(browser, { prompt: 'login consent' });
    assert.equal(titleOf(first), EMAIL_PAGE);
    const second = await prove(browser, first, { server, mailbox, email });
    assert.equal(titleOf(second), 'Allow Acme?');
    assert.ok(await claims(await browser.submit(second, '/consent')));
  });

  it('a prompt that nobody knows is invalid_request', async () => {
    assert.equal(errorOf(await ask(new AppBrowser(server), { prompt: 'dance' })), 'invalid_request');
  });
});

describe('max_age', () => {
  it('is silent while the sign-in is recent enough, and asks once it is not', async () => {
    const { browser, email, authTime } = await someone();
    clock.advance(5000 * SECOND);
    const silent = await claims(await ask(browser, { max_age: '10000', prompt: 'none' }));
    assert.equal(silent.auth_time, authTime);
    const late = await ask(browser, { max_age: '4999', prompt: 'none' });
    assert.equal(errorOf(late), 'login_required');
    const page = await ask(browser, { max_age: '4999' });
    assert.equal(titleOf(page), EMAIL_PAGE);
    clock.advance(20 * SECOND);
    const fresh = await claims(await prove(browser, page, { server, mailbox, email }));
    assert.equal(fresh.auth_time, authTime + 5020);
  });

  it('of one second asks a second later, and is met by a sign-in that takes longer than that', async () => {
    const { browser, email } = await someone();
    clock.advance(2 * SECOND);
    const page = await ask(browser, { max_age: '1' });
    assert.equal(titleOf(page), EMAIL_PAGE);
    clock.advance(60 * SECOND);
    assert.ok(await claims(await prove(browser, page, { server, mailbox, email })));
  });

  it('of zero always asks', async () => {
    const { browser } = await someone();
    assert.equal(titleOf(await ask(browser, { max_age: '0' })), EMAIL_PAGE);
    assert.equal(errorOf(await ask(browser, { max_age: '0', prompt: 'none' })), 'login_required');
  });

  for (const max_age of ['-1', 'soon', '1.5'])
    it(`of ${max_age} is invalid_request`, async () => {
      assert.equal(errorOf(await ask(new AppBrowser(server), { max_age })), 'invalid_request');
    });
});

describe('id_token_hint and claims', () => {
  it('a hint of the same person is silent, long after the hint has expired too', async () => {
    const { browser, idToken, sub } = await someone();
    clock.advance(2 * 3600 * SECOND);
    const answer = await ask(browser, { id_token_hint: idToken, prompt: 'none' });
    assert.equal((await claims(answer)).sub, sub);
  });

  it('a hint of somebody else is login_required with prompt=none, and asks without', async () => {
    const [one, other] = [await someone(), await someone()];
    const params = { id_token_hint: other.idToken };
    assert.equal(errorOf(await ask(one.browser, { ...params, prompt: 'none' })), 'login_required');
    const page = await ask(one.browser, params);
    assert.equal(titleOf(page), EMAIL_PAGE);
    const right = await prove(one.browser, page, { server, mailbox, email: other.email });
    assert.equal((await claims(right)).sub, other.sub);
  });

  it('a hint is an answer of login_required when the wrong person signs in', async () => {
    const other = await someone();
    const browser = new AppBrowser(server);
    const page = await ask(browser, { id_token_hint: other.idToken });
    assert.equal(errorOf(await prove(browser, page, { server, mailbox })), 'login_required');
  });

  for (const [what, hint] of [
    ['an access token', (person: Person) => person.accessToken],
    ['a token that we did not sign', (person: Person) => `${person.idToken.slice(0, -8)}AAAAAAAA`],
    ['no token', () => 'x.y.z'],
  ] as const)
    it(`a hint that is ${what} is invalid_request`, async () => {
      const person = await someone();
      const answer = await ask(person.browser, { id_token_hint: hint(person), prompt: 'none' });
      assert.equal(errorOf(answer), 'invalid_request');
    });

  it('single claims can be asked for without their scope', async () => {
    const { browser, email } = await someone();
    const wanted = JSON.stringify({ id_token: { email: null }, userinfo: { email_verified: null } });
    const answer = await ask(browser, { scope: 'openid', claims: wanted, prompt: 'none' });
    const { email: told, email_verified } = await claims(answer);
    assert.deepEqual([told, email_verified], [email, undefined]);
  });

  it('another sub or an acr that the session has not is login_required with prompt=none', async () => {
    const { browser, sub } = await someone();
    const asking = (id_token: object) =>
      ask(browser, { prompt: 'none', claims: JSON.stringify({ id_token }) });
    assert.ok(await claims(await asking({ sub: { value: sub } })));
    assert.equal(errorOf(await asking({ sub: { value: 'usr_1' } })), 'login_required');
    const acr = (value: string) => ({ acr: { essential: true, values: [value] } });
    assert.ok(await claims(await asking(acr('urn:postern:email-code'))));
    assert.equal(errorOf(await asking(acr('urn:postern:email-link-bound'))), 'login_required');
  });

  for (const text of ['{', '[]', '{}', '{"id_token":1}'])
    it(`claims=${text} is invalid_request`, async () => {
      assert.equal(errorOf(await ask(new AppBrowser(server), { claims: text })), 'invalid_request');
    });
});
