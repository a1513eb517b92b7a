import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { AppBrowser, prove, titleOf } from '../support/app-client.ts';
import { createMailbox } from '../support/mailbox.ts';
import { freePort, startTestServer } from '../support/server.ts';

const APP = fileURLToPath(new URL('../../../examples/quickstart/app.js', import.meta.url));

const mailbox = createMailbox();
const server = await startTestServer({ transport: mailbox.transport });
const port = await freePort();
const home = `http://localhost:${port}`;
const child = await startExample();
after(async () => {
  child.kill();
  await server.stop();
});

async function startExample(): Promise<ChildProcess> {
  const { client, clientSecret } = await server.rooms.clients.create({
    name: 'Quickstart',
    redirectUris: [`${home}/auth/callback`],
    postLogoutRedirectUris: [`${home}/`],
  });
  const env = {
    SCALEKIT_ENVIRONMENT_URL: server.url,
    SCALEKIT_CLIENT_ID: client.id,
    SCALEKIT_CLIENT_SECRET: clientSecret ?? '',
    PORT: String(port),
  };
  const started = spawn(process.execPath, [APP], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  await once(started.stdout, 'data');
  return started;
}

/** A person with one browser, which keeps the cookies of the app and of the server apart. */
function newPerson() {
  const [atApp, atServer] = [new AppBrowser({ url: home }), new AppBrowser(server)];
  const begin = async (query: string) => {
    const left = await atApp.open(`/auth/login${query}`);
    return atServer.open(left.away?.href ?? '');
  };
  const signIn = async (email: string) => {
    const page = await begin(`?email=${encodeURIComponent(email)}`);
    const last = await prove(atServer, page, { server, mailbox, email });
    return atApp.open(last.away?.href ?? '');
  };
  return { atApp, atServer, begin, signIn };
}

describe('the quickstart app', () => {
  it('signs a person in, shows who they are, and signs them out again', async () => {
    const { atApp, atServer, signIn } = newPerson();
    assert.equal(titleOf(await atApp.open('/')), 'Sign in without a password');
    const profile = await signIn('grace@example.com');
    assert.equal(titleOf(profile), 'Hello, grace@example.com');
    assert.match(profile.body, /good for (900|89\d) seconds/);
    assert.match(profile.body, /&quot;email_verified&quot;: true/);
    assert.equal(titleOf(await atApp.open('/')), 'Hello, grace@example.com');
    const left = await atApp.submit(profile, '/auth/logout');
    const page = await atServer.open(left.away?.href ?? '');
    const done = await atServer.submit(page, '/oidc/logout/confirm');
    assert.equal(done.away?.href, `${home}/`);
    assert.equal(titleOf(await atApp.open('/')), 'Sign in without a password');
  });

  it('works without an address, and says what went wrong when the person cancels', async () => {
    const { atApp, atServer, begin } = newPerson();
    const left = await atServer.submit(await begin(''), '/abort');
    const failed = await atApp.open(left.away?.href ?? '');
    assert.equal(failed.status, 400);
    assert.match(failed.body, /cancelled/);
  });

  it('takes no answer that it did not ask for, and escapes what the address bar says', async () => {
    const { atApp, begin } = newPerson();
    for (const state of ['', 'forged']) {
      const page = await atApp.open(`/auth/callback?code=x&state=${state}`);
      assert.equal(page.status, 400);
    }
    await begin('');
    const state = atApp.cookie('app_state') ?? '';
    const query = new URLSearchParams({ state, error: 'x', error_description: '<script>alert(1)</script>' });
    const page = await atApp.open(`/auth/callback?${query}`);
    assert.doesNotMatch(page.body, /<script/);
    assert.match(page.body, /&lt;script&gt;/);
  });

  it('says why a code is refused', async () => {
    const { atApp, begin } = newPerson();
    await begin('');
    const page = await atApp.open(`/auth/callback?code=wrong&state=${atApp.cookie('app_state')}`);
    assert.equal(page.status, 400);
    assert.match(page.body, /authorization code not found/);
  });
});
