import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { MINUTE, SECOND } from '../../src/core/units.ts';
import type { WebhookRequest } from '../../src/mail/providers/provider.ts';
import { openRooms, startServer } from '../../src/main.ts';
import { fakeProviders } from '../mail/providers/fakes/all.ts';
import { FakeApi, type FakeProvider } from '../mail/providers/fakes/fake-api.ts';
import { createFakeClock } from '../support/clock.ts';
import { createMailbox } from '../support/mailbox.ts';
import { startTestServer, testConfig } from '../support/server.ts';
import { ask, type Site, someone } from '../support/sign-in-steps.ts';

const clock = createFakeClock();
const api = new FakeApi();
const noted: string[] = [];
const log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (...entry: unknown[]) => void noted.push(JSON.stringify(entry)),
};
let site: Site;

before(async () => {
  await api.listen();
  site = { mailbox: createMailbox(), server: await startTestServer({ clock, outbound: api.outbound, log }) };
});
after(async () => {
  await site.server.stop();
  await api.close();
});
afterEach(async () => {
  const { providers } = site.server.rooms.mail;
  for (const { id } of await providers.list()) await providers.remove(id);
  await site.server.rooms.settings.set('sign_up.policy', 'open');
  assert.deepEqual(noted.splice(0), []);
});

/** A provider of the store, and a sign-in that was mailed by it. */
async function mailedBy(fake: FakeProvider) {
  const { kind, options, secrets } = fake;
  const wish = { kind, options, secrets, from: 'Acme <sign-in@acme.com>' };
  const { provider } = await site.server.rooms.mail.providers.add(wish);
  clock.advance(2 * SECOND);
  api.clear();
  api.paths = fake.paths;
  api.answers = [fake.accepts];
  const asked = await ask(site, someone());
  await site.server.mailIdle();
  const request = api.seen.find(({ method }) => method === 'POST');
  assert.ok(request, 'the mail was handed to the provider');
  const { mailId } = await fake.sent(request);
  assert.ok(/^msg_\d+$/.test(mailId));
  clock.advance(4 * SECOND);
  return { ...asked, provider, mailId: `msg_${mailId.slice(4)}` as const };
}

const tell = (id: string, { headers, body }: WebhookRequest) =>
  fetch(`${site.server.url}/mail/webhooks/${id}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers } as Record<string, string>,
    body: new Uint8Array(body),
  });
const statusOf = async ({ browser, home }: Awaited<ReturnType<typeof mailedBy>>) =>
  JSON.parse((await browser.open(`${home}/status`)).body).delivery;
const deliveries = () =>
  site.server.rooms.database.read((q) => q.selectFrom('outbox').select(['id', 'delivery']).execute());
const reportCount = async () =>
  (await site.server.rooms.database.read((q) => q.selectFrom('mail_reports').select('id').execute())).length;

for (const fake of fakeProviders) {
  const lost = Object.keys(fake.events).find((event) => fake.events[event] === 'bounced_hard') ?? '';

  describe(`A bounce that ${fake.kind} reports`, () => {
    it('is on the page that waits with the next look', async () => {
      const mailed = await mailedBy(fake);
      assert.equal(await statusOf(mailed), 'accepted');
      const report = fake.report(lost, { mailId: mailed.mailId, id: '7101', at: clock.now() });
      assert.equal((await tell(mailed.provider.id, report)).status, 204);
      assert.equal(await statusOf(mailed), 'failed');
      assert.match((await mailed.browser.open(mailed.home)).body, /did not take our mail/);
    });

    it('has no effect a second time, nor when it is forged, stale or sent to another', async () => {
      const mailed = await mailedBy(fake);
      const other = await site.server.rooms.mail.providers.add({
        kind: 'smtp',
        options: { host: 'localhost' },
      });
      clock.advance(2 * SECOND);
      const good = fake.report(lost, { mailId: mailed.mailId, id: '7102', at: clock.now() });
      const before = await reportCount();
      const { authorization, ...headers } = good.headers;
      const broken = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, `${value}x`]));
      const body = Buffer.from(good.body.toString('utf8').replace(/"(signature)":"/i, '"$1":"x'));
      const forged = await tell(mailed.provider.id, { headers: broken, body });
      assert.equal(forged.status, 401);
      assert.match(await forged.text(), /webhook_refused/);
      for (const id of ['prv_404', other.provider.id, 'x', '..%2f..'])
        assert.equal((await tell(id, good)).status, 404, id);
      if (fake.isDated) {
        const old = fake.report(lost, { mailId: mailed.mailId, id: '7103', at: clock.now() - 90 * MINUTE });
        assert.equal((await tell(mailed.provider.id, old)).status, 401);
      }
      assert.equal(await reportCount(), before);
      assert.equal(await statusOf(mailed), 'accepted');
      assert.equal((await tell(mailed.provider.id, good)).status, 204);
      const known = await deliveries();
      assert.equal((await tell(mailed.provider.id, good)).status, 204);
      assert.deepEqual(await deliveries(), known);
      assert.equal(await reportCount(), before + 1);
    });
  });
}

describe('A report', () => {
  const [fake] = fakeProviders.filter(({ kind }) => kind === 'http');

  it('of a bounce is not told where not everybody may sign up', async () => {
    assert.ok(fake);
    const mailed = await mailedBy(fake);
    await site.server.rooms.settings.set('sign_up.policy', 'closed');
    await tell(
      mailed.provider.id,
      fake.report('bounced_hard', { mailId: mailed.mailId, id: '7201', at: clock.now() }),
    );
    assert.equal(await statusOf(mailed), 'accepted');
  });

  it('may be a quarter of a megabyte long, and no longer', async () => {
    assert.ok(fake);
    const { provider } = await mailedBy(fake);
    const { headers } = fake.report('delivered', { mailId: 'msg_1', id: '7202', at: clock.now() });
    const statuses = [250_000, 300_000].map((length) =>
      tell(provider.id, { headers, body: Buffer.alloc(length, 'x') }),
    );
    assert.deepEqual(
      (await Promise.all(statuses)).map(({ status }) => status),
      [401, 413],
    );
  });

  it('comes by POST', async () => {
    assert.ok(fake);
    const { provider } = await mailedBy(fake);
    assert.equal((await fetch(`${site.server.url}/mail/webhooks/${provider.id}`)).status, 404);
  });
});

describe('The numbers of the server', () => {
  it('tell of mails and providers, and of nobody', async () => {
    const [fake] = fakeProviders.filter(({ kind }) => kind === 'postmark');
    assert.ok(fake);
    const mailed = await mailedBy(fake);
    clock.advance(MINUTE);
    const response = await fetch(`${site.server.url}/metrics`);
    const text = await response.text();
    assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
    const series = [
      `postern_mail_handovers_total{provider="${mailed.provider.id}",kind="postmark",outcome="accepted"} 1`,
      `postern_mail_provider_up{provider="${mailed.provider.id}",kind="postmark"} 1`,
      'postern_outbox_mails{state="queued"} 0',
      'postern_outbox_oldest_seconds 0',
    ];
    for (const line of series) assert.ok(text.includes(`\n${line}\n`), `${line} in\n${text}`);
    assert.match(text, /postern_mail_accept_seconds_bucket\{le="0.1"\} \d+/);
    assert.match(text, /postern_events_total\{type="attempt.started"\} [1-9]/);
    assert.match(text, /# TYPE postern_events_total counter/);
    assert.match(text, /process_resident_memory_bytes \d+/);
    assert.doesNotMatch(text, /@|acme|token/i);
    for (const line of text.trim().split('\n'))
      assert.match(
        line,
        /^(?:# (?:HELP|TYPE) [a-z_]+ .+|[a-z_]+(?:\{[a-z]+="[^"]*"(?:,[a-z]+="[^"]*")*\})? -?[\d.e+-]+)$/,
      );
  });
});

describe('A server in production', () => {
  it('does not start while no mail could leave, and does once there is a provider', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'postern-test-'));
    const config = await testConfig(dataDir, { config: { mode: 'serve' } });
    await assert.rejects(startServer(config, { clock, log }), /postern mail provider add/);
    const rooms = await openRooms(config, { clock });
    await rooms.mail.providers.add({ kind: 'smtp', options: { host: '127.0.0.1' } });
    await rooms.close();
    await (await startServer(config, { clock, log })).stop();
    rmSync(dataDir, { recursive: true });
  });

  it('shows its numbers to nobody who comes from outside, through a proxy that it trusts', async () => {
    const server = await startTestServer({ clock, log, config: { trustProxy: ['127.0.0.1'] } });
    const from = (address: string) =>
      fetch(`${server.url}/metrics`, { headers: { 'x-forwarded-for': address } });
    const statuses = await Promise.all(['8.8.8.8', '2606:4700::1111', '10.0.0.9'].map(from));
    assert.deepEqual(
      statuses.map(({ status }) => status),
      [404, 404, 200],
    );
    await server.stop();
  });

  it('nor through a proxy that nobody has named, however near it stands', async () => {
    for (const name of ['x-forwarded-for', 'forwarded', 'x-real-ip'])
      for (const address of ['8.8.8.8', '10.0.0.9', '127.0.0.1', 'for=127.0.0.1']) {
        const { status } = await fetch(`${site.server.url}/metrics`, { headers: { [name]: address } });
        assert.equal(status, 404, `${name}: ${address}`);
      }
  });
});
