import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { SECOND } from '../../../src/core/units.ts';
import { recentEvents } from '../../../src/events/store.ts';
import { Breaker } from '../../../src/mail/sending/breaker.ts';
import { createMailing } from '../../../src/mail/sending/mailing.ts';
import type { ProviderWish } from '../../../src/mail/sending/providers.ts';
import type { MailTransport } from '../../../src/mail/transport.ts';
import type { Database } from '../../../src/platform/database/database.ts';
import { createSecrets } from '../../../src/platform/secrets.ts';
import { eachDatabase } from '../../support/databases.ts';
import { outgoing } from '../../support/mails.ts';
import { FakeApi, type Reply } from '../providers/fakes/fake-api.ts';

const quiet = { warn: () => undefined, info: () => undefined, error: () => undefined };
const OK: Reply = { status: 200, body: { id: 'theirs' } };
const DOWN: Reply = { status: 503, body: 'down' };

describe('A breaker', () => {
  it('opens after three failures in a row, and not after three in all', () => {
    const breaker = new Breaker();
    assert.deepEqual([breaker.fail(0), breaker.fail(0)], [false, false]);
    breaker.succeed();
    assert.deepEqual([breaker.fail(0), breaker.fail(0), breaker.fail(0)], [false, false, true]);
    assert.equal(breaker.admits(0), false);
  });

  it('lets one mail try after a pause, which doubles up to half a minute', () => {
    const breaker = new Breaker();
    let now = 0;
    for (let failures = 0; failures < 3; failures += 1) breaker.fail(now);
    const pauses: number[] = [];
    for (let probe = 0; probe < 6; probe += 1) {
      const since = now;
      while (!breaker.admits(now)) now += SECOND;
      pauses.push((now - since) / SECOND);
      assert.equal(breaker.admits(now), false, 'one at a time');
      assert.equal(breaker.fail(now), false, 'known to be down');
    }
    assert.deepEqual(pauses, [2, 4, 8, 16, 30, 30]);
    now += 30 * SECOND;
    assert.ok(breaker.admits(now));
    assert.equal(breaker.succeed(), true);
    assert.ok(breaker.admits(now) && breaker.admits(now));
  });

  it('does not count what left before it opened, and gives a probe back that told nothing', () => {
    const breaker = new Breaker();
    for (let failures = 0; failures < 3; failures += 1) breaker.fail(0);
    breaker.fail(0);
    assert.ok(breaker.admits(2 * SECOND));
    breaker.skip();
    assert.ok(breaker.admits(2 * SECOND));
  });
});

eachDatabase('mail in the hands of several providers', (store) => {
  const api = new FakeApi();
  let database: Database;
  let now = Date.UTC(2030, 5, 3, 12);
  const clock = { now: () => now };
  const secrets = createSecrets(['a-master-secret-of-the-tests-0123456789abcdef']);
  const byHost: Record<string, FakeApi['answers']> = {};
  const mailingNow = () =>
    createMailing({
      database,
      clock,
      secrets,
      outbound: api.outbound,
      mailFrom: 'Acme <a@acme.com>',
      local: false,
    });
  let mailing: ReturnType<typeof createMailing>;
  let transport: MailTransport;
  const handed: string[] = [];
  const hook = (name: string, more: Partial<ProviderWish> = {}) =>
    mailing.providers.add({ kind: 'http', name, options: { url: `https://${name}.acme.com/` }, ...more });
  const hosts = () => api.seen.map(({ host }) => host.split('.')[0]);

  before(async () => {
    await api.listen();
    database = await store.open();
    api.answer = ({ host }) => byHost[host.split('.')[0] ?? '']?.[0] ?? OK;
    mailing = mailingNow();
    transport = mailing.transport({ log: quiet, onHandover: ({ outcome }) => void handed.push(outcome) });
  });
  after(async () => {
    await transport.close();
    await mailing.close();
    await api.close();
  });
  afterEach(async () => {
    for (const { id } of await mailing.providers.list()) await mailing.providers.remove(id);
    for (const name of Object.keys(byHost)) delete byHost[name];
    api.seen.length = 0;
    handed.length = 0;
  });

  it('goes to the first, and is named by who took it', async () => {
    const { provider } = await hook('one');
    await hook('two');
    const handover = await transport.send(outgoing('ana@example.com'));
    assert.deepEqual(handover, { outcome: 'accepted', providerId: provider.id, providerMessageId: 'theirs' });
    assert.deepEqual(hosts(), ['one']);
  });

  it('goes to the next while it is certain that it is nowhere', async () => {
    await hook('one');
    await hook('two');
    byHost.one = [DOWN];
    assert.equal((await transport.send(outgoing('ana@example.com'))).outcome, 'accepted');
    assert.deepEqual(hosts(), ['one', 'two']);
    assert.deepEqual(handed, ['unsent', 'accepted']);
  });

  it('goes nowhere else once it may have arrived, or is refused', async () => {
    await hook('one');
    await hook('two');
    byHost.one = ['hang up after the request'];
    assert.equal((await transport.send(outgoing('ana@example.com'))).outcome, 'unclear');
    byHost.one = [{ status: 422, body: 'no mailbox' }];
    assert.equal((await transport.send(outgoing('ana@example.com'))).outcome, 'refused');
    assert.deepEqual(hosts(), ['one', 'one']);
  });

  it('leaves a provider alone that is down, and says so once, and once that it is back', async () => {
    const { provider } = await hook('one');
    await hook('two');
    byHost.one = [DOWN];
    for (let sent = 0; sent < 6; sent += 1) await transport.send(outgoing('ana@example.com'));
    assert.equal(hosts().filter((host) => host === 'one').length, 3);
    now += 3 * SECOND;
    await transport.send(outgoing('ana@example.com'));
    byHost.one = [OK];
    now += 5 * SECOND;
    await transport.send(outgoing('ana@example.com'));
    assert.equal(hosts().at(-1), 'one');
    await transport.close();
    const told = (await database.read((q) => recentEvents(q, 100))).filter(({ data }) =>
      data.includes(provider.id),
    );
    assert.deepEqual(
      told.map(({ type }) => type).filter((type) => /_(?:up|down)$/.test(type)),
      ['mail.provider_up', 'mail.provider_down'],
    );
  });

  it('is not sent where all are down, and the reason is what the last one said', async () => {
    await hook('one');
    byHost.one = [DOWN];
    const handover = await transport.send(outgoing('ana@example.com'));
    assert.equal(handover.outcome, 'unsent');
    assert.match('reason' in handover ? handover.reason : '', /^prv_\d+: 503 "?down/);
  });

  it('goes by the domain of its recipient: those that name it before those that name none', async () => {
    await hook('all');
    await hook('below', { domains: ['*.example.com'] });
    await hook('only', { domains: ['example.com', 'EXAMPLE.org'] });
    await transport.send(outgoing('ana@example.com'));
    await transport.send(outgoing('ana@mail.example.com'));
    await transport.send(outgoing('ana@example.org'));
    await transport.send(outgoing('ana@notexample.com'));
    assert.deepEqual(hosts(), ['only', 'below', 'only', 'all']);
    byHost.only = [DOWN];
    await transport.send(outgoing('ana@example.com'));
    assert.deepEqual(hosts().slice(4), ['only', 'all']);
  });

  it('follows a change that another process has made, within a second', async () => {
    const { provider } = await hook('one');
    await transport.send(outgoing('ana@example.com'));
    const other = mailingNow();
    await other.providers.change(provider.id, { options: { url: 'https://moved.acme.com/' } });
    now += SECOND;
    await transport.send(outgoing('ana@example.com'));
    assert.deepEqual(hosts(), ['one', 'moved']);
    await other.providers.change(provider.id, { enabled: false });
    now += SECOND;
    assert.deepEqual(await transport.send(outgoing('ana@example.com')), {
      outcome: 'unsent',
      reason: 'there is no mail provider',
    });
    await other.close();
  });

  it('goes the way of the environment until there is a provider, and again when there is none', async () => {
    const environment: string[] = [];
    const bootstrap: MailTransport = {
      send: async ({ to }) => {
        environment.push(to);
        return { outcome: 'accepted' };
      },
      close: async () => undefined,
    };
    const way = mailing.transport({ log: quiet, bootstrap });
    await way.send(outgoing('ana@example.com'));
    const { provider } = await hook('one');
    await way.send(outgoing('eva@example.com'));
    await mailing.providers.remove(provider.id);
    await way.send(outgoing('ida@example.com'));
    assert.deepEqual(environment, ['ana@example.com', 'ida@example.com']);
    assert.deepEqual(hosts(), ['one']);
    await way.close();
  });

  it('waits with the next provider for the next try when the first took too long', async () => {
    await hook('one');
    await hook('two');
    api.answer = ({ host }) => {
      now += 9 * SECOND;
      return byHost[host.split('.')[0] ?? '']?.[0] ?? OK;
    };
    byHost.one = [DOWN];
    assert.equal((await transport.send(outgoing('ana@example.com'))).outcome, 'unsent');
    assert.deepEqual(hosts(), ['one']);
    api.answer = ({ host }) => byHost[host.split('.')[0] ?? '']?.[0] ?? OK;
  });
});
