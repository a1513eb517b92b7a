import assert from 'node:assert/strict';
import { afterEach, beforeEach, it } from 'node:test';
import type { Event } from '../../src/core/events.ts';
import { RAISED_FOR } from '../../src/core/tripwire.ts';
import { HOUR, MINUTE, SECOND } from '../../src/core/units.ts';
import { countEvents, recentEvents, recordEvent } from '../../src/events/store.ts';
import type { Database } from '../../src/platform/database/database.ts';
import { newId } from '../../src/platform/random.ts';
import { createSettings } from '../../src/settings/settings.ts';
import { type RunningWatch, startWatch } from '../../src/sign-in/guarding/watch.ts';
import { eachDatabase } from '../support/databases.ts';

const MAILS = 100;
const fails = (entry: unknown) => assert.fail(String(entry));
const log = { debug: fails, info: fails, warn: fails, error: fails };

let now = Date.UTC(2030, 5, 3, 12);
const clock = { now: () => now };
const attemptId = newId('req', now);
const clientId = newId('skc', now);

const wrong: Event = { type: 'attempt.code_wrong', attemptId, data: { guesses: 1 } };
const locked: Event = { type: 'attempt.locked', attemptId };
const right: Event = { type: 'attempt.satisfied', attemptId, data: { provedBy: 'code' } };
const byLink: Event = { type: 'attempt.satisfied', attemptId, data: { provedBy: 'link' } };
const mail = (decision: string): Event => ({ type: 'attempt.mail_asked', attemptId, data: { decision } });

eachDatabase('The watch', (given) => {
  let database: Database;
  let watches: RunningWatch[] = [];

  const write = (count: number, event: Event, at = now) =>
    database.write(async (q) => {
      for (let written = 0; written < count; written += 1) await recordEvent(q, event, at);
    });
  const start = async () => {
    const watch = await startWatch({
      database,
      clock,
      settings: createSettings(database, clock),
      log,
    });
    watches.push(watch);
    return watch;
  };
  const guardEvents = async () => {
    const events = await database.read((q) => recentEvents(q, 10_000));
    return events.filter(({ type }) => type.startsWith('guard.')).toReversed();
  };

  beforeEach(async () => {
    database ??= await given.open();
    now += 100 * HOUR; // nothing of the test before counts any more
    await database.write((q) => q.deleteFrom('limits').execute());
    await createSettings(database, clock).set('limits.mails_per_deployment_hour', MAILS);
    await database.write((q) => q.deleteFrom('events').execute());
  });
  afterEach(async () => {
    for (const watch of watches) await watch.stop();
    watches = [];
  });

  it('sees an alarm in the codes of the last ten minutes, locks among them, and links not', async () => {
    const watch = await start();
    await write(150, wrong, now - 11 * MINUTE);
    await write(139, right);
    await write(50, byLink);
    await write(50, wrong);
    await write(10, locked);
    await watch.look();
    assert.equal(watch.alarm, false, '60 of 199');
    await write(1, locked);
    await watch.look();
    assert.equal(watch.alarm, true, '61 of 200');
    const [raised] = await guardEvents();
    assert.equal(raised?.type, 'guard.raised');
    assert.deepEqual(JSON.parse(raised?.data ?? ''), { guard: 'codes', wrong: 61, right: 139, mails: 0 });
  });

  it('raises the alarm once, however many processes see it, for all of them and for those to come', async () => {
    const all = await Promise.all(Array.from({ length: 6 }, start));
    await write(300, wrong);
    await Promise.all(all.map((watch) => watch.look()));
    assert.deepEqual(new Set(all.map(({ alarm }) => alarm)), new Set([true]));
    assert.equal((await start()).alarm, true, 'as after a restart');
    assert.equal((await guardEvents()).length, 1);
  });

  it('keeps the alarm for half an hour after it was last seen, and lowers it once', async () => {
    const [first, second] = [await start(), await start()];
    await write(300, wrong);
    await first.look();
    now += 9 * MINUTE;
    await first.look();
    now += RAISED_FOR - SECOND;
    await second.look();
    assert.equal(second.alarm, true);
    now += SECOND;
    assert.equal(second.alarm, false, 'before it has looked again');
    await Promise.all([first.look(), second.look()]);
    assert.deepEqual([first.alarm, second.alarm], [false, false]);
    assert.deepEqual(
      (await guardEvents()).map(({ type }) => type),
      ['guard.raised', 'guard.lowered'],
    );
  });

  it('counts what was written late, and nothing twice', async () => {
    const watch = await start();
    await write(199, wrong);
    await watch.look();
    now += 25 * SECOND;
    await watch.look();
    await watch.look();
    assert.equal(watch.alarm, false);
    await write(1, wrong, now - 20 * SECOND);
    await watch.look();
    assert.equal(watch.alarm, true);
  });

  it('counts the mails of the last hour, also those held for what the account is, and none held by a limit', async () => {
    await write(MAILS, mail('send'), now - HOUR - MINUTE);
    await write(20, mail('send'), now - 50 * MINUTE);
    await write(20, { type: 'attempt.started', attemptId, clientId, data: { decision: 'send' } });
    await write(5, mail('user-disabled'));
    await write(4, mail('sign-up-closed'));
    for (const held of ['address-limited', 'deployment-limited']) await write(MAILS, mail(held));
    const watch = await start();
    assert.equal(watch.mailPressure, 'none', '49');
    await write(1, mail('send'));
    await watch.look();
    assert.equal(watch.mailPressure, 'high', '50');
    now += 11 * MINUTE;
    await watch.look();
    assert.equal(watch.mailPressure, 'none', '30');
  });

  it('counts its own mails between two looks, and stops at the limit, with one event', async () => {
    const watch = await start();
    for (let mails = 0; mails < MAILS; mails += 1) assert.equal(watch.spendMail(), true);
    assert.deepEqual([watch.spendMail(), watch.mailPressure], [false, 'full']);
    await write(MAILS, mail('send'));
    await watch.look();
    assert.deepEqual([watch.spendMail(), watch.mailPressure], [false, 'full']);
    await watch.look();
    const events = await guardEvents();
    assert.deepEqual(
      events.map(({ data }) => JSON.parse(data)),
      [{ guard: 'mails', wrong: 0, right: 0, mails: MAILS }],
    );
    now += HOUR + MINUTE;
    await watch.look();
    assert.deepEqual([watch.mailPressure, watch.spendMail()], ['none', true]);
    assert.equal((await guardEvents()).at(-1)?.type, 'guard.lowered');
  });

  it('begins anew when the clock is set back', async () => {
    const watch = await start();
    await write(300, wrong);
    await watch.look();
    now -= 2 * HOUR;
    await watch.look();
    await write(MAILS, mail('send'));
    await watch.look();
    assert.equal(watch.mailPressure, 'full');
  });

  it('counts events by slices of time that begin at whole ones', async () => {
    const at = Math.floor(now / MINUTE) * MINUTE;
    await write(2, wrong, at - 1);
    await write(3, wrong, at);
    await write(4, wrong, at + MINUTE - 1);
    await write(5, right, at);
    const types = [wrong.type, right.type];
    const counts = await database.read((q) => countEvents(q, { types, since: at - 1, sliceMs: MINUTE }));
    const found = counts
      .map(({ type, slice, count }) => `${slice - at / MINUTE} ${type} ${count}`)
      .toSorted();
    assert.deepEqual(found, ['-1 attempt.code_wrong 2', '0 attempt.code_wrong 7', '0 attempt.satisfied 5']);
  });
});
