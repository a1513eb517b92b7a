import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { Email } from '../../src/core/email.ts';
import { SECOND } from '../../src/core/units.ts';
import { recentEvents } from '../../src/events/store.ts';
import { startOutbox } from '../../src/mail/outbox.ts';
import { openRooms } from '../../src/main.ts';
import { composeSignIn } from '../../src/sign-in/composing.ts';
import { startWatch } from '../../src/sign-in/guarding/watch.ts';
import { enterCode } from '../../src/sign-in/proving.ts';
import { type Asking, type Parts, start } from '../../src/sign-in/sign-in.ts';
import { createMailbox } from '../support/mailbox.ts';
import { as } from '../support/mails.ts';
import { testConfig } from '../support/server.ts';

/** Codes so short that luck shows in a test; no owner can set them. */
const SHORT = {
  'passwordless.code_length': 2,
  'limits.guess_odds': 1,
  'limits.puzzles': false, // as if the attacker solved them all
  'limits.mails_per_deployment_hour': 1_000_000,
};
const SOURCES = 5000;
const GUESSES_EACH = 5;
const ATTEMPTS_AT_ONCE = 50;

const log = { debug: () => undefined, info: () => undefined, warn: console.error, error: console.error };
const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** A deployment in this process, and an attacker who has a new address and network for each attempt. */
async function attack(given: { guesses: number; watched: boolean }) {
  const folder = mkdtempSync(join(tmpdir(), 'postern-flood-'));
  folders.push(folder);
  let now = Date.UTC(2030, 5, 3, 12);
  const rooms = await openRooms(await testConfig(folder), { clock: { now: () => now }, log });
  const values = { ...(await rooms.settings.current()), ...SHORT };
  const settings = { ...rooms.settings, current: async () => values, snapshot: () => values };
  const watch = await startWatch({ ...rooms, settings, log });
  if (!given.watched) await watch.stop(); // its own ten seconds are real ones, and a busy machine takes longer
  const parts: Parts = { ...rooms, settings, watch, mailQueued: () => outbox.wake() };
  const { transport } = createMailbox();
  const compose = composeSignIn(parts, new URL('http://localhost:4000'));
  const outbox = startOutbox({ ...rooms, transport, compose, log });
  const lengths: number[] = [];
  let accepted = 0;
  const rounds = given.guesses / GUESSES_EACH / ATTEMPTS_AT_ONCE;
  for (let round = 0; round < rounds; round += 1) {
    const askings = Array.from({ length: ATTEMPTS_AT_ONCE }, (_, at) =>
      asking(round * ATTEMPTS_AT_ONCE + at),
    );
    const begun = await Promise.all(askings.map((each) => start(parts, each, emailOf(each))));
    await outbox.idle();
    const wins = await Promise.all(
      begun.map(async (started, at) => {
        const record = started.kind === 'attempt' ? started.record : assert.fail(started.kind);
        lengths.push(record.codeLength);
        return guessAll(parts, { ...(askings[at] ?? assert.fail()), length: record.codeLength });
      }),
    );
    accepted += wins.filter(Boolean).length;
    now += 5 * SECOND;
    if (given.watched && round % 2 === 1) await watch.look(); // every ten seconds
  }
  const events = await rooms.database.read((q) => recentEvents(q, 1_000_000));
  if (given.watched) await watch.stop();
  await outbox.stop();
  await rooms.close();
  return { accepted, lengths, raised: events.filter(({ type }) => type === 'guard.raised').length };
}

function asking(number: number): Asking {
  const source = number % SOURCES;
  return {
    interactionUid: `interaction-${number}`,
    browser: `browser-${number}`,
    clientId: 'skc_1000000000000000000' as Asking['clientId'],
    source: `10.0.${source >> 8}.${source & 255}`,
    requester: { browser: 'Chrome', os: 'Linux', ip: '10.0.0.1' },
  };
}

const emailOf = ({ interactionUid }: Asking): Email => as(`${interactionUid}@acme.example`);

/** Five different guesses without knowing anything; whether one of them was right. */
async function guessAll(parts: Parts, at: Asking & { length: number }): Promise<boolean> {
  const space = 10 ** at.length;
  const first = (Number(at.interactionUid.replace(/\D/g, '')) * 7919) % space;
  for (let guess = 0; guess < GUESSES_EACH; guess += 1) {
    const input = String((first + guess) % space).padStart(at.length, '0');
    const judged = await enterCode(parts, { ...at, input });
    if (judged.kind === 'judged' && judged.outcome === 'proved') return true;
  }
  return false;
}

describe('Guessing from five thousand networks at addresses of its own choice', () => {
  it('meets longer codes within ten seconds, and almost never a right one: 20,000 guesses', async () => {
    const { accepted, lengths, raised } = await attack({ guesses: 20_000, watched: true });
    const short = lengths.filter((length) => length === 2).length;
    assert.equal(raised, 1);
    assert.deepEqual([short, lengths.at(-1)], [2 * ATTEMPTS_AT_ONCE, 4], 'until the first look only');
    // 500 guesses at 1 in 100, the others at 1 in 10,000: 7 are to be expected, 25 in one run of a hundred million.
    assert.ok(accepted <= 25, `${accepted} were right`);
  });

  it('would meet ten times as many without the watch', async () => {
    const { accepted, raised } = await attack({ guesses: 6000, watched: false });
    assert.equal(raised, 0);
    assert.ok(accepted > 25, `${accepted} were right`);
  });
});
