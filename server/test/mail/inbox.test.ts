import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createInbox, type Inbox } from '../../src/mail/inbox.ts';
import { inboxRoutes } from '../../src/mail/routes.ts';
import type { OutgoingMail } from '../../src/mail/transport.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createApp } from '../../src/platform/http/app.ts';
import { wordsFor } from '../../src/platform/words/words.ts';
import { signInMail } from '../../src/sign-in/mails.ts';
import { hostileStrings } from '../support/hostile-strings.ts';
import { outgoing } from '../support/mails.ts';

describe('the development inbox', () => {
  let inbox: Inbox;
  let server: Server;
  let origin: string;
  let stop: () => Promise<void>;
  let count = 0;

  const deliver = async (to: string, rest: Partial<OutgoingMail> = {}) => {
    count += 1;
    const messageId = `msg_${1_790_000_000_000 + count}`;
    await inbox.send(outgoing(to, { messageId, ...rest }));
    return messageId;
  };
  const messages = async (query = '') => {
    const answer = await fetch(`${origin}/dev/inbox/messages${query}`);
    return {
      status: answer.status,
      type: answer.headers.get('content-type') ?? '',
      body: await answer.json(),
    };
  };

  before(async () => {
    server = createServer((request, response) => app.routing(request, response));
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const address = server.address();
    origin = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
    const quiet = () => undefined;
    const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
    const renderProblem = () => ({ body: '', headers: {} });
    const app = createApp({ origin: new URL(origin), clock: systemClock, log, renderProblem });
    const current: Inbox = {
      messages: (query) => inbox.messages(query),
      waitFor: (query, milliseconds, signal) => inbox.waitFor(query, milliseconds, signal),
      send: (mail) => inbox.send(mail),
      close: () => inbox.close(),
    };
    await app.register(inboxRoutes(current));
    await app.ready();
    stop = () => app.close();
  });
  beforeEach(() => {
    inbox = createInbox(systemClock);
  });
  after(async () => {
    await stop();
    server.close();
  });

  it('gives each mail with its code and link, oldest first', async () => {
    const facts = { code: '482913', link: 'https://id.acme.com/l/x' };
    const first = await deliver('ana@example.com', { facts });
    const second = await deliver('ben@example.com');
    const { status, body } = await messages();
    assert.equal(status, 200);
    assert.deepEqual(
      body.map(({ id }: { id: string }) => id),
      [first, second],
    );
    const { sentAt, ...rest } = body[0];
    const { subject, text, html } = outgoing('x');
    assert.deepEqual(rest, { id: first, to: 'ana@example.com', subject, text, html, ...facts });
    assert.ok(Math.abs(Date.parse(sentAt) - Date.now()) < 5000);
    assert.deepEqual([body[1].code, body[1].link], [null, null]);
  });

  it('tells mails by address, however it is written, and by what came before', async () => {
    const first = await deliver('ana@example.com');
    await deliver('ben@example.com');
    const third = await deliver('ana@example.com');
    const ids = async (query: string) => (await messages(query)).body.map(({ id }: { id: string }) => id);
    assert.deepEqual(await ids('?to=ana@example.com'), [first, third]);
    assert.deepEqual(await ids('?to=%20Ana@EXAMPLE.com'), [first, third]);
    assert.deepEqual(await ids(`?to=ana@example.com&after=${first}`), [third]);
    assert.deepEqual(await ids(`?after=${third}`), []);
    assert.equal((await ids('?after=msg_1')).length, 3);
  });

  it('waits for the next mail, and answers as soon as it is there', async () => {
    const first = await deliver('ana@example.com');
    const waiting = messages(`?to=ana@example.com&after=${first}&wait=30`);
    await sleep(100);
    await deliver('ben@example.com');
    await sleep(50);
    const second = await deliver('ana@example.com');
    const { body } = await waiting;
    assert.deepEqual(
      body.map(({ id }: { id: string }) => id),
      [second],
    );
  });

  it('waits no longer than it was asked to', async () => {
    const begun = performance.now();
    assert.deepEqual((await messages('?to=ana@example.com&wait=1')).body, []);
    const waited = performance.now() - begun;
    assert.ok(waited > 900 && waited < 3000, `${waited} ms`);
    assert.deepEqual((await messages('?to=ana@example.com')).body, []);
  });

  it('forgets a wait whose client has gone, and ends all waits when it closes', async () => {
    const client = new AbortController();
    const gone = fetch(`${origin}/dev/inbox/messages?wait=30`, { signal: client.signal }).catch(() => 'gone');
    const staying = messages('?wait=30');
    await sleep(100);
    client.abort();
    assert.equal(await gone, 'gone');
    await inbox.close();
    assert.deepEqual((await staying).body, []);
  });

  it('refuses what it does not understand, with a problem that says so', async () => {
    const wrong = [
      '?wait=31',
      '?wait=-1',
      '?wait=1.5',
      '?wait=',
      '?wait=x',
      '?after=1',
      '?after=usr_1',
      '?to=ana',
      '?to=',
      '?to=a@b.example,c@d.example',
      '?since=1',
      '?to[]=a@b.example',
      '?to=a@b.example&to=c@d.example',
      '?wait=1&wait=2',
    ];
    for (const query of wrong) {
      const { status, type, body } = await messages(query);
      assert.equal(status, 400, query);
      assert.match(type, /^application\/problem\+json/, query);
      assert.ok(body.code && body.detail, query);
    }
  });

  it('keeps the newest 200', async () => {
    for (let sent = 0; sent < 205; sent += 1) await deliver(`a${sent}@example.com`);
    const { body } = await messages();
    assert.equal(body.length, 200);
    assert.equal(body[0].to, 'a5@example.com');
  });

  it('shows the newest mail on a page that works without scripts, and any other on demand', async () => {
    const page = async (query = '') => (await fetch(`${origin}/dev/inbox${query}`)).text();
    assert.match(await page(), /No mail yet/);
    const first = await deliver('ana@example.com', { facts: { code: '111222' } });
    await deliver('ben@example.com', { facts: { link: 'http://localhost:4000/l/abc' } });
    const newest = await page();
    assert.match(newest, /<a class="link" href="http:\/\/localhost:4000\/l\/abc"/);
    assert.ok(newest.indexOf('ben@example.com') < newest.indexOf('ana@example.com'));
    assert.match(newest, /<noscript><meta http-equiv="refresh"/);
    assert.match(await page(`?id=${first}`), /111<span>222<\/span>/);
    assert.doesNotMatch(await page('?to=ana@example.com'), /ben@/);
    assert.equal((await fetch(`${origin}/dev/inbox?to=nobody`)).status, 400);
  });

  it('runs nothing that a mail brings along', async () => {
    const answer = await fetch(`${origin}/dev/inbox`);
    const policy = answer.headers.get('content-security-policy') ?? '';
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*|https?:/);
    for (const hostile of hostileStrings) {
      const id = await deliver('eve@example.com', { subject: hostile, text: hostile, html: `<p>${hostile}` });
      const page = await (await fetch(`${origin}/dev/inbox?id=${id}`)).text();
      assert.equal(page.match(/<script/g)?.length, 1, hostile);
      assert.equal(page.match(/<(img|svg|base|form|object|embed)\b/g), null, hostile);
      assert.match(
        page,
        /<iframe[^>]* sandbox="allow-popups allow-popups-to-escape-sandbox" src="\/dev\/inbox\/messages\/msg_\d+\/html"/,
      );
    }
  });

  it('serves the HTML of a mail as a document that may do nothing', async () => {
    const mail = signInMail({
      appName: 'Acme',
      host: 'x',
      origin: 'https://x',
      code: '482913',
      words: wordsFor('en'),
      validMs: 600_000,
      requestedAt: 0,
      requester: {},
    });
    const id = await deliver('ana@example.com', { html: mail.html });
    const answer = await fetch(`${origin}/dev/inbox/messages/${id}/html`);
    const policy = answer.headers.get('content-security-policy') ?? '';
    assert.match(policy, /sandbox allow-popups allow-popups-to-escape-sandbox$/);
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /script-src|allow-scripts|allow-same-origin/);
    assert.equal(await answer.text(), mail.html.replace('<head>', '<head><base target="_blank">'));
    assert.equal((await fetch(`${origin}/dev/inbox/messages/msg_404/html`)).status, 404);
  });
});
