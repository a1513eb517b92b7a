import assert from 'node:assert/strict';
import { afterEach, it } from 'node:test';
import type { DeliveryState } from '../../../src/core/delivery.ts';
import type { MailId, ProviderId } from '../../../src/core/ids.ts';
import { DAY, MINUTE } from '../../../src/core/units.ts';
import { takeReports } from '../../../src/mail/delivery/reports.ts';
import { listSuppressions, pruneReports } from '../../../src/mail/delivery/store.ts';
import { createSuppressions } from '../../../src/mail/delivery/suppressions.ts';
import type { Report } from '../../../src/mail/providers/provider.ts';
import { openProviders } from '../../../src/mail/sending/open-providers.ts';
import { createOutbound } from '../../../src/platform/http/outbound.ts';
import { createSecrets } from '../../../src/platform/secrets.ts';
import { eachDatabase } from '../../support/databases.ts';
import { ATTEMPT, OutboxBench, recorder } from '../../support/outboxes.ts';

const ONE: ProviderId = 'prv_1';
const TWO: ProviderId = 'prv_2';

eachDatabase('what providers report', (store) => {
  const bench = new OutboxBench(store);
  const { clock, enqueue, eventsOf, rowOf, start } = bench;
  let reports = 0;

  afterEach(() =>
    bench.database.write(async (q) => {
      await q.deleteFrom('suppressions').execute();
      await q.deleteFrom('mail_reports').execute();
    }),
  );

  const by = (providerId: ProviderId) => () =>
    ({ outcome: 'accepted', providerId, providerMessageId: 'theirs' }) as const;

  const sent = async (providerId = ONE, to?: string): Promise<MailId> => {
    const id = await enqueue(to === undefined ? {} : { to });
    await start(recorder(by(providerId)).transport).idle();
    return id;
  };

  const report = (mailId: MailId | undefined, state: DeliveryState, more: Partial<Report> = {}): Report => {
    reports += 1;
    const at = clock.now();
    return { id: `r${reports}`, mailId, providerMessageId: undefined, state, detail: '', at, ...more };
  };
  const take = (providerId: ProviderId, ...list: Report[]) => takeReports(bench, providerId, list);
  const deliveryOf = async (id: MailId) => (await rowOf(id))?.delivery;
  const kept = () => bench.database.read((q) => q.selectFrom('mail_reports').selectAll().execute());
  const suppressed = () => bench.database.read((q) => listSuppressions(q, 10));

  it('is written beside the mail, with an event that names its sign-in', async () => {
    const id = await sent();
    await take(ONE, report(id, 'delivered'));
    assert.equal(await deliveryOf(id), 'delivered');
    assert.deepEqual((await eventsOf(id)).map(({ type }) => type).sort(), ['mail.delivered', 'mail.sent']);
    assert.ok((await eventsOf(id)).every(({ attemptId }) => attemptId === ATTEMPT));
  });

  it('is found by the name that the provider has for the mail', async () => {
    const id = await sent();
    await take(ONE, report(undefined, 'delivered', { providerMessageId: 'theirs' }));
    assert.equal(await deliveryOf(id), 'delivered');
  });

  it('is taken once, however often it comes', async () => {
    const id = await sent();
    const bounced = report(id, 'bounced_hard');
    await Promise.all(Array.from({ length: 8 }, () => take(ONE, bounced)));
    await take(ONE, bounced, bounced);
    assert.equal((await kept()).length, 1);
    assert.equal((await eventsOf(id)).filter(({ type }) => type === 'mail.bounced_hard').length, 1);
  });

  it('is kept, and changes nothing, where it comes late', async () => {
    const id = await sent();
    await take(ONE, report(id, 'delivered'));
    await take(ONE, report(id, 'deferred'), report(id, 'accepted'));
    assert.equal(await deliveryOf(id), 'delivered');
    assert.equal((await kept()).length, 3);
    assert.equal((await eventsOf(id)).length, 2);
  });

  it('may come before the hand-over is on record', async () => {
    const id = await enqueue();
    const landing = Promise.withResolvers<void>();
    const outbox = start(
      recorder(async () => {
        await take(ONE, report(id, 'delivered'));
        landing.resolve();
        return by(ONE)();
      }).transport,
    );
    await landing.promise;
    await outbox.idle();
    const row = await rowOf(id);
    assert.deepEqual([row?.state, row?.delivery, row?.provider_id], ['sent', 'delivered', ONE]);
  });

  it('counts from the provider that had the mail, and from no other', async () => {
    const id = await sent();
    await take(TWO, report(id, 'bounced_hard'));
    await take(TWO, report(undefined, 'bounced_hard', { providerMessageId: 'theirs' }));
    await take(ONE, report('msg_404', 'bounced_hard'));
    assert.equal(await deliveryOf(id), null);
    assert.deepEqual(await suppressed(), []);
  });

  it('tells the truth of a mail of which nobody knew', async () => {
    const id = await enqueue();
    await start(recorder(() => ({ outcome: 'unclear', reason: 'lost' })).transport).idle();
    await take(ONE, report(id, 'delivered'));
    assert.equal(await deliveryOf(id), 'delivered');
  });

  it('says nothing of people where it is kept', async () => {
    const id = await sent();
    await take(ONE, report(id, 'bounced_hard', { detail: '550 5.1.1 <ana@example.com>\r\nunknown' }));
    assert.doesNotMatch(JSON.stringify([await kept(), await eventsOf(id)]), /ana@/);
  });

  it('goes after thirty days', async () => {
    await take(ONE, report(undefined, 'delivered'));
    assert.equal(await bench.database.write((q) => pruneReports(q, clock.now(), 10)), 0);
    assert.equal(await bench.database.write((q) => pruneReports(q, clock.now() + 1, 10)), 1);
  });

  it('of a mailbox that is not there stops mails to it for a week, and the row says why', async () => {
    await take(ONE, report(await sent(), 'bounced_hard'));
    const { mails, transport } = recorder(by(ONE));
    const outbox = start(transport);
    const id = await enqueue();
    const other = await enqueue({ to: 'eva@example.com' });
    outbox.wake();
    await outbox.idle();
    assert.deepEqual(
      mails.map(({ messageId }) => messageId),
      [other],
    );
    const row = await rowOf(id);
    assert.deepEqual(
      [row?.state, row?.delivery, row?.reason],
      ['failed', 'suppressed', 'mails to this address bounced'],
    );
    assert.deepEqual(
      (await eventsOf(id)).map(({ type }) => type),
      ['mail.suppressed'],
    );
    clock.advance(7 * DAY);
    await enqueue({ notAfter: clock.now() + MINUTE });
    outbox.wake();
    await outbox.idle();
    assert.equal(mails.length, 2);
  });

  it('of a complaint lists the address, and it is sent to all the same', async () => {
    await take(ONE, report(await sent(), 'complained'));
    assert.deepEqual(
      (await suppressed()).map(({ email, reason }) => [email, reason]),
      [['ana@example.com', 'complained']],
    );
    assert.equal((await rowOf(await sent()))?.state, 'sent');
  });

  it('is on our list where a provider refuses an address by its own', async () => {
    const id = await enqueue();
    const refusal = { outcome: 'refused', reason: 'inactive', suppressed: true, providerId: ONE } as const;
    await start(recorder(() => refusal).transport).idle();
    assert.equal(await deliveryOf(id), 'suppressed');
    assert.deepEqual(
      (await suppressed()).map(({ reason, providerId }) => [reason, providerId]),
      [['suppressed', ONE]],
    );
  });

  it('is forgotten when it is lifted', async () => {
    await take(ONE, report(await sent(), 'bounced_hard'));
    const secrets = createSecrets(['a-master-secret-of-the-tests-0123456789abcdef']);
    const parts = { ...bench, database: bench.database, secrets, outbound: createOutbound(), local: false };
    const providers = openProviders({ ...parts, mailFrom: 'a@acme.com' });
    const lists = createSuppressions({ database: bench.database, clock, providers });
    assert.deepEqual(await lists.lift('ANA@example.com'), [
      { list: 'postern', name: 'Postern', result: 'lifted' },
    ]);
    assert.deepEqual((await lists.lift('ana@example.com'))[0]?.result, 'not listed');
    await assert.rejects(lists.lift('ana'), /invalid_email/);
    assert.equal((await rowOf(await sent()))?.state, 'sent');
  });
});
