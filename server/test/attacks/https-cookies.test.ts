import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createMailbox, linkIn } from '../support/mailbox.ts';
import { authorizeUrl } from '../support/oauth-requests.ts';
import { exchange, headerOf, type RawAnswer, valuesOf } from '../support/raw-http.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const ORIGIN = 'https://id.acme.com';

/** A person's browser as a proxy that speaks https passes it on: plain HTTP under the public name. */
class Proxied {
  readonly answers: (RawAnswer & { target: string })[] = [];
  readonly jar = new Map<string, string>();
  readonly #port: number;

  constructor(server: TestServer) {
    this.#port = server.port;
  }

  async go(method: 'GET' | 'POST', target: string, body = ''): Promise<RawAnswer> {
    const cookie = [...this.jar].map((pair) => pair.join('=')).join('; ');
    const headers = [
      ['Host', new URL(ORIGIN).host],
      ['Cookie', cookie],
      ['Origin', ORIGIN],
      ['Content-Type', 'application/x-www-form-urlencoded'],
    ] as const;
    const answer = await exchange(this.#port, {
      method,
      target,
      headers,
      ...(method === 'POST' && { body }),
    });
    assert.ok(answer);
    this.answers.push({ ...answer, target });
    for (const line of valuesOf(answer, 'set-cookie')) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      this.jar.set(name, value);
    }
    return answer;
  }

  cookies(): string[] {
    return this.answers.flatMap((answer) => valuesOf(answer, 'set-cookie'));
  }
}

describe('Behind a proxy that speaks https', () => {
  const mailbox = createMailbox();
  let server: TestServer;
  let browser: Proxied;
  before(async () => {
    server = await startTestServer({ transport: mailbox.transport, config: { url: ORIGIN } });
    browser = new Proxied(server);
    const started = await browser.go('GET', authorizeUrl(server).slice(ORIGIN.length));
    const home = headerOf(started, 'location') ?? '';
    await browser.go('GET', home);
    await browser.go('POST', `${home}/start`, 'email=ada%40acme.com');
    await server.mailIdle();
    await browser.go('POST', linkIn(mailbox.mails[0] ?? assert.fail()));
    await browser.go('GET', '/oidc/logout');
    for (const path of ['/nowhere', '/l/%ff', '/keys', '/healthz']) await browser.go('GET', path);
    for (const path of ['/oauth/token', '/keys', '/oauth/authorize', '/nowhere'])
      await browser.go('POST', path);
  });
  after(() => server.stop());

  it('the whole sign-in works, and its link leads to the public address', () => {
    assert.ok(browser.jar.has('__Host-postern_session'));
    assert.match(mailbox.mails[0]?.text ?? '', /https:\/\/id\.acme\.com\/l\//);
  });

  it('every cookie is bound to https and to this host', () => {
    for (const line of browser.cookies()) {
      assert.match(line, /^__(?:Host|Secure)-/, line);
      assert.match(line, /; ?secure/i, line);
      assert.match(line, /; ?httponly/i, line);
      assert.match(line, /; ?samesite=lax/i, line);
      assert.doesNotMatch(line, /domain=/i, line);
      if (line.startsWith('__Host-')) assert.match(line, /; ?path=\/(?:;|$)/i, line);
    }
    const names = [
      '__Host-postern_browser',
      '__Host-postern_session',
      '__Secure-postern_interaction',
      '__Secure-postern_resume',
    ];
    assert.deepEqual([...browser.jar.keys()].toSorted(), names);
  });

  it('every answer demands https for two years', () => {
    for (const answer of browser.answers)
      assert.equal(
        headerOf(answer, 'strict-transport-security'),
        'max-age=63072000; includeSubDomains',
        answer.target,
      );
  });

  it('bytes that are no request get that demand too', async () => {
    const answer = await exchange(server.port, { target: '/keys', headers: [['Bad Header', 'x']] });
    assert.equal(answer?.status, 400);
    assert.match((answer && headerOf(answer, 'strict-transport-security')) ?? '', /^max-age=/);
  });

  it('the names of plain http are no cookies of ours', async () => {
    const cookie = [...browser.jar]
      .map(([name, value]) => `${name.replace(/^__(?:Host|Secure)-/, '')}=${value}`)
      .join('; ');
    const silent = `${authorizeUrl(server).slice(ORIGIN.length)}&prompt=none`;
    const headers = [
      ['Host', new URL(ORIGIN).host],
      ['Cookie', cookie],
    ] as const;
    const answer = await exchange(server.port, { target: silent, headers });
    assert.match((answer && headerOf(answer, 'location')) ?? '', /error=login_required/);
  });
});
