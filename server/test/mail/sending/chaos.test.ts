import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MailId } from '../../../src/core/ids.ts';
import { MINUTE, SECOND } from '../../../src/core/units.ts';
import { createMailing } from '../../../src/mail/sending/mailing.ts';
import { createSecrets } from '../../../src/platform/secrets.ts';
import { eachDatabase } from '../../support/databases.ts';
import { OutboxBench } from '../../support/outboxes.ts';
import { type SmtpSink, startSmtpSink } from '../../support/smtp-sink.ts';
import { FakeApi, type Reply, type Trouble } from '../providers/fakes/fake-api.ts';

const quiet = { warn: () => undefined, info: () => undefined, error: () => undefined };
const VALID_FOR = 10 * MINUTE;

/** The same sequence each time: a failure can be looked at again. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

interface Arrived {
  readonly id: string;
  readonly text: string;
  readonly at: number;
}

eachDatabase('mail through chaos', (store) => {
  const bench = new OutboxBench(store);
  const { clock, enqueue } = bench;
  const api = new FakeApi();
  const arrived: Arrived[] = [];
  let sink: SmtpSink;
  let outage = false;
  const roll = dice(20_301);

  /** A third of all requests fails, each in one of the ways in which providers fail. */
  const trouble = (): Reply | Trouble | undefined => {
    if (outage) return { status: 503, body: 'down' };
    if (roll() >= 0.3) return undefined;
    const ways: (Reply | Trouble)[] = [
      { status: 500 },
      { status: 429 },
      { status: 503 },
      'hang up after the request',
    ];
    return ways[Math.floor(roll() * ways.length)];
  };

  before(async () => {
    await api.listen();
    sink = await startSmtpSink();
    api.answer = ({ body }) => {
      const met = trouble();
      const took = met === undefined || met === 'hang up after the request';
      const { id, text } = JSON.parse(body);
      if (took) arrived.push({ id, text, at: clock.now() });
      return met ?? { status: 200, body: { id } };
    };
  });
  after(async () => {
    await api.close();
    await sink.close();
  });

  const open = async () => {
    const secrets = createSecrets(['a-master-secret-of-the-tests-0123456789abcdef']);
    const parts = { database: bench.database, clock, secrets, outbound: api.outbound, local: false };
    const mailing = createMailing({ ...parts, mailFrom: 'Acme <sign-in@acme.com>' });
    await bench.database.write((q) => q.deleteFrom('mail_providers').execute());
    for (const name of ['one', 'two'])
      await mailing.providers.add({ kind: 'http', name, options: { url: `https://${name}.acme.com/` } });
    return mailing;
  };

  it('loses none that could still arrive, sends none too late, and none twice', {
    timeout: 120_000,
  }, async () => {
    arrived.length = 0;
    const mailing = await open();
    const smtp = { preset: 'custom', host: '127.0.0.1', port: String(sink.port), tls: 'off' };
    await mailing.providers.add({ kind: 'smtp', name: 'three', options: smtp });
    const outbox = bench.start(mailing.transport({ log: quiet }));
    const mails: { id: MailId; notAfter: number }[] = [];
    const begin = clock.now();
    for (let second = 0; second < 30 * 60; second += 5) {
      clock.set(begin + second * SECOND);
      outage = second >= 300 && second < 900;
      const luck = roll();
      if (outage) sink.trouble({ at: 'connect', code: 421 });
      else if (luck < 0.3) sink.trouble({ at: 'data', drop: true, times: 1 });
      else if (luck < 0.5) sink.trouble({ at: 'data', delay: 20, times: 2 });
      else sink.trouble();
      if (second < 1200) {
        const notAfter = clock.now() + VALID_FOR;
        mails.push({ id: await enqueue({ notAfter, to: `ana${second}@example.com` }), notAfter });
      }
      await outbox.idle();
    }
    const rows = await Promise.all(mails.map(async (mail) => ({ ...mail, row: await bench.rowOf(mail.id) })));
    for (const { id, row, notAfter } of rows) {
      const copies = [
        ...arrived.filter((one) => one.id === id),
        ...sink.received.filter(({ raw }) => raw.includes(id)).map(() => ({ at: row?.updated_at ?? 0 })),
      ];
      assert.ok(copies.length <= 1, `${id} arrived ${copies.length} times`);
      for (const copy of copies) assert.ok(copy.at < notAfter, `${id} arrived too late`);
      if (row?.state === 'sent') assert.equal(copies.length, 1, `${id} is on record as sent`);
      assert.ok(['sent', 'unclear', 'dropped'].includes(row?.state ?? ''), `${id} is ${row?.state}`);
      if (row?.state === 'unclear') assert.equal(copies.length, 1, `${id} may have arrived, and has`);
      const couldArrive =
        notAfter > begin + 900 * SECOND + 2 * MINUTE ||
        row === undefined ||
        row.created_at < begin + 300 * SECOND - MINUTE;
      if (couldArrive) assert.notEqual(row?.state, 'dropped', `${id} was given up: ${row?.reason}`);
    }
    const codes = arrived.map(({ text }) => text);
    assert.equal(new Set(codes).size, codes.length, 'no code was mailed twice');
    const share = rows.filter(({ row }) => row?.state === 'sent').length / rows.length;
    assert.ok(share > 0.75, `only ${share} were sent`);
    await mailing.close();
  });

  it('keeps a queue no longer than what was asked for, and empties it when all is over', async () => {
    const mailing = await open();
    outage = true;
    const outbox = bench.start(mailing.transport({ log: quiet }));
    const began = api.seen.length;
    for (let asked = 0; asked < 100; asked += 1) await enqueue({ to: `ida${asked}@example.com` });
    for (let second = 0; second < 60; second += 1) {
      clock.advance(SECOND);
      await outbox.idle();
    }
    const tried = api.seen.length - began;
    assert.ok(tried < 100, `${tried} requests in a minute to providers that are down`);
    outage = false;
    api.answer = ({ body }) => {
      const { id, text } = JSON.parse(body);
      arrived.push({ id, text, at: clock.now() });
      return { status: 200, body: { id } };
    };
    for (let second = 0; second < 180; second += 1) {
      clock.advance(SECOND);
      await outbox.idle();
      await sleep(0);
    }
    const states = await bench.database.read((q) => q.selectFrom('outbox').select('state').execute());
    assert.deepEqual(new Set(states.map(({ state }) => state)), new Set(['sent']));
    await mailing.close();
  });
});
