import assert from 'node:assert/strict';
import { connect as connectHttp2 } from 'node:http2';
import { request as requestTls } from 'node:https';
import { after, before, describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { createAuthority } from '../fixtures/certificates.ts';
import { ask } from '../support/api/calls.ts';
import { openBrowser, type TestBrowser } from '../support/browser.ts';
import { codeIn, createMailbox } from '../support/mailbox.ts';
import { freePort, startTestServer, type TestServer } from '../support/server.ts';

const mailbox = createMailbox();
const authority = createAuthority();
let server: TestServer;
let browser: TestBrowser;

before(async () => {
  const port = await freePort();
  [server, browser] = await Promise.all([
    startTestServer({
      transport: mailbox.transport,
      config: {
        url: `https://localhost:${port}`,
        listen: { host: '127.0.0.1', port },
        tls: authority.issue('localhost'),
      },
    }),
    openBrowser(),
  ]);
});
after(async () => {
  await browser.close();
  await server.stop();
});

/** The address at which an app begins a sign-in. */
function authorizeUrl(): string {
  const { app, url } = server;
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: app.id,
    redirect_uri: app.redirectUri,
    scope: 'openid email',
    state: 's',
  });
  return `${url}/oauth/authorize?${query}`;
}

describe('a server with TLS of its own', () => {
  for (const javaScript of [true, false])
    it(`signs a person in over HTTP/2, ${javaScript ? 'with' : 'without'} scripts`, async () => {
      const context = await browser.newContext({ javaScript, anyCertificate: true });
      await context.route('http://localhost:9/**', (route) => route.fulfill({ body: 'the app' }));
      const page = await context.newPage();
      const protocols: string[] = [];
      const devtools = await context.newCDPSession(page);
      await devtools.send('Network.enable');
      devtools.on('Network.responseReceived', ({ response }) => {
        if (response.url.startsWith(server.url)) protocols.push(response.protocol ?? '');
      });
      const email = `tls${javaScript}@example.com`;
      await page.goto(authorizeUrl());
      await page.fill('input[name="email"]', email);
      await page.getByRole('button', { name: 'Continue', exact: true }).click();
      await page.waitForSelector('input[name="code"]');
      await server.mailIdle();
      const [mail] = mailbox.to(email);
      assert.ok(mail);
      await page.fill('input[name="code"]', codeIn(mail));
      if (!javaScript) await page.getByRole('button', { name: 'Continue', exact: true }).click();
      await page.waitForURL(/^http:\/\/localhost:9\/auth\/callback\?/);
      assert.match(page.url(), /[?&]code=[\w-]{20,}/);
      assert.ok(protocols.length >= 2);
      assert.deepEqual([...new Set(protocols)], ['h2']);
      await context.close();
    });

  it('speaks HTTP/1.1 to whoever knows no other', async () => {
    const version = await new Promise<string>((resolve, reject) => {
      const asked = requestTls(`${server.url}/healthz`, { ca: authority.cert }, (answer) => {
        answer.resume();
        resolve(answer.httpVersion);
      });
      asked.on('error', reject).end();
    });
    assert.equal(version, '1.1');
  });

  it('speaks HTTP/2 to a program that asks for it', async () => {
    const session = connectHttp2(server.url, { ca: authority.cert });
    const answer = await ask(session, { ':path': '/keys' });
    assert.equal(answer.status, 200);
    assert.ok(answer.headers['strict-transport-security']);
    session.destroy();
  });

  it('says in words that a preface without the agreement is no request', async () => {
    const { hostname, port } = new URL(server.url);
    const socket = connectTls({ host: hostname, port: Number(port), ca: authority.cert });
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', () => undefined);
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    await new Promise((resolve) => void socket.once('close', resolve));
    assert.match(Buffer.concat(chunks).toString(), /^HTTP\/1\.1 400 [\s\S]*"code":"invalid_request"/);
  });

  it('speaks no TLS older than 1.2', async () => {
    const { hostname, port } = new URL(server.url);
    const socket = connectTls({
      host: hostname,
      port: Number(port),
      ca: authority.cert,
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    const outcome = await new Promise<string>((resolve) => {
      socket.once('secureConnect', () => resolve('connected'));
      socket.once('error', (failure) => resolve(failure.message));
    });
    assert.match(outcome, /alert|unsupported|version/i);
  });
});
