import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Api, apiOf, fieldsOf } from '../support/api/caller.ts';
import { AppBrowser } from '../support/app-client.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { codeIn, createMailbox, type Mailbox } from '../support/mailbox.ts';
import { authorizeUrl, signedIn } from '../support/oauth-requests.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

let clock: FakeClock;
let mailbox: Mailbox;
let server: TestServer;
let api: Api;
before(async () => {
  clock = createFakeClock();
  mailbox = createMailbox();
  server = await startTestServer({ clock, transport: mailbox.transport });
  api = await apiOf(server);
});
after(async () => {
  await server.stop();
  clock.release();
});

interface Line {
  readonly auth_request_id: string;
  readonly email: string;
  readonly status: string;
}

async function logs(query: string) {
  const { status, body } = await api('GET', `/api/v1/logs/authentication/requests?${query}`);
  assert.equal(status, 200, JSON.stringify(body));
  const lines: Line[] = body.authRequests;
  return { lines, body };
}

const statusOf = async (email: string) =>
  (await logs(new URLSearchParams({ email }).toString())).lines.map(({ status }) => status);

/** A person who has given an address, and no proof yet. */
async function asking(email: string) {
  const browser = new AppBrowser(server);
  const first = await browser.open(authorizeUrl(server));
  const page = await browser.submit(first, '/start', { email });
  return { browser, page };
}

function wrongCodes(right: string): string[] {
  const codes = ['000001', '000002', '000003', '000004', '000005', '000006'];
  return codes.filter((code) => code !== right).slice(0, 5);
}

describe('how sign-ins went, over the API', () => {
  it('a finished one is told with its app, its address and its time, under the names of the contract', async () => {
    await signedIn({ server, mailbox, email: 'done@example.com' });
    const { body } = await logs('email=Done%40Example.com');
    const { auth_request_id: id, timestamp, ...line } = body.authRequests[0];
    assert.match(id, /^req_\d{19}$/);
    assert.ok(Math.abs(Date.parse(timestamp) - clock.now()) < 5000);
    assert.deepEqual(line, {
      ...line,
      environment_id: 'env_1',
      connection_id: 'conn_1',
      connection_type: 'PASSWORDLESS',
      connection_provider: 'SCALEKIT',
      email: 'done@example.com',
      status: 'SUCCESS',
      workflow: 'PASSWORDLESS',
      client_id: server.app.id,
      client_name: 'Acme',
    });
    assert.deepEqual([body.total_size, body.next_page_token, body.prev_page_token], [1, '', '']);
  });

  it('one that waits is pending, and failed when its time is over', async () => {
    await asking('waits@example.com');
    await server.mailIdle();
    assert.deepEqual(await statusOf('waits@example.com'), ['PENDING']);
    clock.advance(11 * 60_000);
    assert.deepEqual(await statusOf('waits@example.com'), ['FAILED']);
  });

  it('one with too many wrong codes has failed', async () => {
    const { browser, page } = await asking('locked@example.com');
    await server.mailIdle();
    const [mail] = mailbox.to('locked@example.com');
    assert.ok(mail);
    let at = page;
    for (const wrong of wrongCodes(codeIn(mail))) at = await browser.submit(at, '/code', { code: wrong });
    assert.deepEqual(await statusOf('locked@example.com'), ['FAILED']);
  });

  it('one that was only begun is initiated', async () => {
    const { rooms } = server;
    await asking('begun@example.com');
    await server.mailIdle();
    const { lines } = await logs('email=begun%40example.com');
    await rooms.database.write((q) =>
      q
        .deleteFrom('attempt_mails')
        .where('attempt_id', '=', lines[0]?.auth_request_id ?? '')
        .execute(),
    );
    assert.deepEqual(await statusOf('begun@example.com'), ['INITIATED']);
  });

  it('they are found by status in any case, by time and by app, newest first, over pages', async () => {
    const emails = async (query: string) => (await logs(query)).lines.map(({ email }) => email.split('@')[0]);
    assert.deepEqual(await emails('status=success&status=Initiated'), ['begun', 'done']);
    assert.deepEqual(await emails('status=FAILURE'), ['locked', 'waits']);
    assert.deepEqual(await emails(`client_id=${server.app.id}`), ['begun', 'locked', 'waits', 'done']);
    assert.deepEqual(await emails('client_id=skc_1'), []);
    const since = new Date(clock.now() - 5 * 60_000).toISOString();
    assert.deepEqual(await emails(`start_time=${since}`), ['begun', 'locked']);
    assert.deepEqual(await emails(`end_time=${since}`), ['waits', 'done']);
    const first = await logs('page_size=3');
    assert.deepEqual([first.lines.length, first.body.total_size], [3, 4]);
    assert.deepEqual(await emails(`page_size=3&page_token=${first.body.next_page_token}`), ['done']);
    assert.deepEqual(await emails('resource_id=app_1'), []);
    assert.deepEqual(await emails('email=nobody'), []);
  });

  it('a status that there is not is refused', async () => {
    const answer = await api('GET', '/api/v1/logs/authentication/requests?status=open');
    assert.deepEqual([answer.status, fieldsOf(answer)], [400, ['status']]);
  });
});
