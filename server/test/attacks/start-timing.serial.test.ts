import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { after, before, describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Queries } from '../../src/platform/database/schema.ts';
import { Budgets } from '../../src/sign-in/limits.ts';
import { findOrCreateUser, setUserStatus } from '../../src/users/store.ts';
import type { TimerTask, Timing } from '../fixtures/start-timer.ts';
import { createMailbox } from '../support/mailbox.ts';
import { as } from '../support/mails.ts';
import { authorizeUrl } from '../support/oauth-requests.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

/** Kinds of addresses by their first letters, all of one length; each has so many, each tried so often. */
const KINDS = {
  known: { local: 'known', domain: 'allowed.example' },
  unknown: { local: 'fresh', domain: 'allowed.example' },
  disabled: { local: 'goner', domain: 'allowed.example' },
  blocked: { local: 'fresh', domain: 'blocked.example' },
  limited: { local: 'often', domain: 'allowed.example' },
} as const;
type Kind = keyof typeof KINDS;
const ALL = Object.keys(KINDS) as Kind[];
const ADDRESSES = 50;
const USES = 8;

/** Tries at the beginning that only warm up what is compiled and cached. */
const WARM_UP = 300;

/** What a difference of medians may be, in milliseconds: less than the jitter of any network in between. */
const MEDIANS_MAX = 1;

/**
 * With 400 tries of each of two kinds that are alike, the AUC has a standard error of 0.0204: one of ten
 * pairs would leave 0.45..0.55 in every tenth run by chance alone. So two pools, of those who get a mail (800)
 * and those who do not (1200), with a standard error of 0.013, are held to 0.45..0.55, and each pair to four
 * standard errors, which chance alone leaves once in 1600 runs.
 */
const POOLS = { mailed: ['known', 'unknown'], refused: ['disabled', 'blocked', 'limited'] } as const;
const POOLS_AUC_OFF_MAX = 0.05;
const PAIRS_ERRORS_MAX = 4;

let server: TestServer;
before(async () => {
  const settings = { 'sign_up.blocked_domains': ['blocked.example'] };
  server = await startTestServer({ transport: createMailbox().transport, settings });
  for (const kind of ALL) for (let at = 0; at < ADDRESSES; at += 1) await prepare(kind, emailOf(kind, at));
});
after(() => server.stop());

function emailOf(kind: Kind, at: number): string {
  return `${KINDS[kind].local}${String(at).padStart(3, '0')}@${KINDS[kind].domain}`;
}

function kindOf(email: string): Kind | undefined {
  return ALL.find((kind) => email.startsWith(KINDS[kind].local) && email.endsWith(KINDS[kind].domain));
}

/** Every address has been seen before, so that none is the first of its kind in any table. */
async function prepare(kind: Kind, email: string): Promise<void> {
  const { database, secrets, settings, clock } = server.rooms;
  const [values, now] = [await settings.current(), clock.now()];
  await database.write(async (q: Queries) => {
    if (kind !== 'unknown' && kind !== 'blocked') {
      const { user } = await findOrCreateUser(q, as(email), now);
      if (kind === 'disabled') await setUserStatus(q, { id: user.id, status: 'disabled' }, now);
    }
    const given = { secrets, settings: values, now };
    const budgets = await Budgets.lock(q, { email: as(email), source: '203.0.113.1' }, given);
    for (let mails = 0; mails < (kind === 'limited' ? 10 : 0); mails += 1) budgets.spendMail();
    await budgets.save();
  });
}

/** Tries every kind in one random order, and gives the times of each. */
async function timeStarts(kinds: readonly Kind[]): Promise<Map<Kind, Timing[]>> {
  const tries = kinds.flatMap((kind) =>
    Array.from({ length: ADDRESSES * USES }, (_, at) => emailOf(kind, at % ADDRESSES)),
  );
  for (let at = tries.length - 1; at > 0; at -= 1) {
    const other = randomInt(at + 1);
    [tries[at], tries[other]] = [tries[other] ?? '', tries[at] ?? ''];
  }
  const warmUp = Array.from(
    { length: WARM_UP },
    (_, at) => `early${String(at).padStart(3, '0')}@allowed.example`,
  );
  const task: TimerTask = {
    port: server.port,
    host: new URL(server.url).host,
    authorize: authorizeUrl(server).slice(server.url.length),
    emails: [...warmUp, ...tries],
  };
  // A thread of its own: what the server does meanwhile must not delay the clock.
  const worker = new Worker(new URL('../fixtures/start-timer.ts', import.meta.url), { workerData: task });
  const timings = await new Promise<Timing[]>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  const known = timings.filter(({ email }) => kindOf(email) !== undefined);
  return Map.groupBy(known, ({ email }) => kindOf(email) ?? 'known');
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** The chance that a value of `a` is larger than one of `b` (Mann-Whitney U over n·m): 0.5 when they are alike. */
function auc(a: readonly number[], b: readonly number[]): number {
  const ranked = [...a.map((ms) => ({ ms, own: 1 })), ...b.map((ms) => ({ ms, own: 0 }))].sort(
    (x, y) => x.ms - y.ms,
  );
  const ranks = ranked.reduce((sum, { own }, at) => sum + own * (at + 1), 0);
  return (ranks - (a.length * (a.length + 1)) / 2) / (a.length * b.length);
}

function standardError(a: readonly number[], b: readonly number[]): number {
  return Math.sqrt((a.length + b.length + 1) / (12 * a.length * b.length));
}

/** Whether somebody with a stopwatch tells the two apart, by the rules above. */
function compare(
  a: readonly number[],
  b: readonly number[],
  aucOffMax = PAIRS_ERRORS_MAX * standardError(a, b),
) {
  const [delta, chance] = [median(a) - median(b), auc(a, b)];
  const told = Math.abs(delta) > MEDIANS_MAX || Math.abs(chance - 0.5) > aucOffMax;
  return { told, text: `medians ${delta.toFixed(3)} ms apart, AUC ${chance.toFixed(3)}` };
}

describe('The time of the answer to a start', () => {
  it('does not tell a known address from an unknown, disabled, blocked or limited one', async (t: TestContext) => {
    const times = await timeStarts(ALL);
    const of = (kind: Kind) => (times.get(kind) ?? []).map(({ start }) => start);
    assert.ok(
      ALL.every((kind) => of(kind).length === ADDRESSES * USES),
      'two thousand tries',
    );
    const pool = (kinds: readonly Kind[]) => kinds.flatMap(of);
    const pools = compare(pool(POOLS.mailed), pool(POOLS.refused), POOLS_AUC_OFF_MAX);
    t.diagnostic(`start, mailed or refused: ${pools.text}; median ${median(pool(ALL)).toFixed(2)} ms`);
    const after = (kinds: readonly Kind[]) =>
      kinds.flatMap((kind) => (times.get(kind) ?? []).map(({ next }) => next));
    // Not held to anything: the mail is written and handed over then, and the process is busy with it.
    const { text } = compare(after(POOLS.mailed), after(POOLS.refused));
    t.diagnostic(`the request after it on an idle server, mailed or refused: ${text}`);
    for (const [at, one] of ALL.entries())
      for (const other of ALL.slice(at + 1)) {
        const pair = compare(of(one), of(other));
        t.diagnostic(`start, ${one} or ${other}: ${pair.text}`);
        assert.ok(!pair.told, `${one} and ${other}: ${pair.text}`);
      }
    assert.ok(!pools.told, pools.text);
  });

  it('would tell them apart if one kind took two milliseconds longer: the same figures see it', async (t) => {
    const undo = plantDelay(server, KINDS.disabled.local, 2);
    const times = await timeStarts(['known', 'disabled']);
    undo();
    const [known, disabled] = (['known', 'disabled'] as const).map((kind) =>
      (times.get(kind) ?? []).map(({ start }) => start),
    );
    const pair = compare(disabled ?? [], known ?? []);
    t.diagnostic(`start, with 2 ms planted: ${pair.text}`);
    assert.ok(pair.told, pair.text);
  });
});

/** Delays the transactions that began an attempt for such an address, behind the server's back. */
function plantDelay({ rooms }: TestServer, local: string, milliseconds: number): () => void {
  const { write } = rooms.database;
  const slow: typeof write = async (work) => {
    const result = await write(work);
    if (JSON.stringify(result ?? null).includes(`"email":"${local}`)) await sleep(milliseconds);
    return result;
  };
  Object.assign(rooms.database, { write: slow });
  return () => void Object.assign(rooms.database, { write });
}
