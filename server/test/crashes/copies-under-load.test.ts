import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSecrets } from '../../src/platform/secrets.ts';
import { type Cluster, startCluster } from '../fixtures/race-cluster.ts';
import { codeFor, Person, secretsIn, tokensIn } from '../fixtures/race-person.ts';
import { onSqlite } from '../support/databases.ts';
import { SECRET } from '../support/server.ts';

const IMAGES = 40;
const CUTS = 10;
const PEOPLE = 6;

/** What is true between any two transactions: each query finds what breaks it. */
const UNSOUND = {
  'a redeemed attempt without its one event': `select id from attempts a where state = 'redeemed' and
    1 <> (select count(*) from events e where e.attempt_id = a.id and e.type = 'attempt.redeemed')`,
  'a proved attempt without a user': `select id from attempts a where state in ('satisfied', 'redeemed') and
    not exists (select 1 from users u where u.email = a.email)`,
  'an attempt without its mail or its event': `select id from attempts a where
    not exists (select 1 from outbox o where o.attempt_id = a.id) or
    not exists (select 1 from events e where e.attempt_id = a.id and e.type = 'attempt.started')`,
  'a mail that left without its code': `select id from outbox o where state in ('sending', 'sent') and
    not exists (select 1 from attempt_mails m where m.id = o.id)`,
  'a mail and its event that disagree': `select id from outbox o where (state = 'sent') <>
    exists (select 1 from events e where e.type = 'mail.sent' and e.data like '%' || o.id || '%')`,
  'a wrong guess without its event': `select id from attempts a where json_array_length(wrong_guesses) <>
    (select count(*) from events e where e.attempt_id = a.id and e.type = 'attempt.code_wrong')`,
  'a session without its sign-in': `select 1 where (select count(*) from attempts where state = 'redeemed') <>
    (select count(*) from oidc_records where kind = 'Session')`,
  'a spent code without its tokens, or tokens without a spent code': `select grant_id from oidc_records c
    where kind = 'AuthorizationCode' and (consumed_at is not null) <>
    exists (select 1 from oidc_records r where r.kind = 'RefreshToken' and r.grant_id = c.grant_id)`,
  'a family with no successor or two': `select grant_id from oidc_records where kind = 'RefreshToken'
    group by grant_id having sum(consumed_at is null) <> 1`,
  'a rotation without its kept answer': `select id_hash from oidc_records where kind = 'RefreshToken' and
    (consumed_at is null) <> (replay is null)`,
};

interface Image {
  readonly path: string;
  /** The refresh tokens whose answers had arrived when the picture was taken. */
  readonly acknowledged: readonly string[];
}

/** Returns when it stands still, which is a moment after it was told to. */
function stop(pid: number): void {
  process.kill(pid, 'SIGSTOP');
  while (!execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).startsWith('T'));
}

/** Stops the server for a moment and copies its files as they are: what a kill would leave behind. */
function takeImage(cluster: Cluster, from: string, acknowledged: readonly string[]): Image {
  const path = join(mkdtempSync(join(tmpdir(), 'postern-test-')), 'image.db');
  for (const pid of cluster.pids) stop(pid);
  for (const file of ['', '-wal', '-shm']) copyFileSync(from + file, path + file);
  for (const pid of cluster.pids) process.kill(pid, 'SIGCONT');
  return { path, acknowledged: [...acknowledged] };
}

/** No cut is earlier than the tables. */
function moveLogInto(path: string): void {
  const database = new DatabaseSync(path);
  database.exec('pragma wal_checkpoint(truncate)');
  database.close();
}

/** Opens an image as a server would after a crash, and gives what is wrong with it. */
function faultsOf(path: string): string[] {
  const database = new DatabaseSync(path);
  const check = database.prepare('pragma integrity_check').all();
  const faults = [
    ...(JSON.stringify(check) === '[{"integrity_check":"ok"}]' ? [] : [JSON.stringify(check)]),
    ...database
      .prepare('pragma foreign_key_check')
      .all()
      .map((row) => JSON.stringify(row)),
    ...Object.entries(UNSOUND).flatMap(([what, query]) =>
      database.prepare(query).all().length > 0 ? [what] : [],
    ),
  ];
  database.close();
  return faults;
}

function missingIn({ path, acknowledged }: Image): string[] {
  const secrets = createSecrets([SECRET]);
  const database = new DatabaseSync(path);
  const find = database.prepare('select 1 from oidc_records where id_hash = ?');
  const lost = acknowledged.filter(
    (token) => find.get(secrets.hash('oidc-record', `RefreshToken:${token}`)) === undefined,
  );
  database.close();
  return lost;
}

/**
 * Copies of an image whose log ends early, as a power cut may leave it: at a frame or inside one, but
 * never before what has been moved into the database already, which was flushed first.
 */
function cutsOf({ path }: Image): string[] {
  const wal = readFileSync(`${path}-wal`);
  const shm = readFileSync(`${path}-shm`);
  if (wal.length < 32) return [];
  const frame = 24 + wal.readUInt32BE(8);
  const last = shm.readUInt32LE(16);
  const moved = Math.max(shm.readUInt32LE(96), shm.readUInt32LE(128)); // done, and begun
  return Array.from({ length: CUTS }, (_, index) => {
    const kept = moved + Math.floor(((last - moved) * index) / CUTS);
    const cut = `${path}.${index}`;
    copyFileSync(path, cut);
    copyFileSync(`${path}-wal`, `${cut}-wal`);
    truncateSync(`${cut}-wal`, Math.min(wal.length, 32 + kept * frame + (index % 2) * 1000));
    return cut;
  });
}

/** Signs in, guesses wrong once, and refreshes, again and again, until told to stop. */
async function liveOn(cluster: Cluster, name: string, state: { over: boolean; acknowledged: string[] }) {
  for (let time = 0; !state.over; time += 1) {
    const email = `${name}-${time}@example.com`;
    const person = new Person({ email, send: cluster.send, app: cluster.app });
    await person.authorize();
    await person.start();
    const { code } = secretsIn((await cluster.sink.waitFor(email, 20_000)).raw);
    await person.enter(code === '111111' ? '222222' : '111111');
    let tokens = tokensIn(await person.exchange(codeFor(await person.enter(code)) ?? ''));
    state.acknowledged.push(tokens.refresh_token);
    for (let rotation = 0; rotation < 3; rotation += 1) {
      tokens = tokensIn(await person.refresh(tokens.refresh_token));
      state.acknowledged.push(tokens.refresh_token);
    }
  }
}

onSqlite('copies of the database that are taken while it is written', (given) => {
  it('are sound, hold all that was acknowledged, and stay sound when their log is cut anywhere', async (t) => {
    const cluster = await startCluster({ database: given.url, processes: 1 });
    const from = given.url.slice('sqlite:'.length);
    moveLogInto(from);
    const state: { over: boolean; acknowledged: string[] } = { over: false, acknowledged: [] };
    const people = Array.from({ length: PEOPLE }, (_, index) => liveOn(cluster, `person-${index}`, state));
    const images: Image[] = [];
    while (images.length < IMAGES) {
      await sleep(100);
      images.push(takeImage(cluster, from, state.acknowledged));
    }
    state.over = true;
    await Promise.all(people);
    await cluster.stop();
    const cuts = images.flatMap(cutsOf);
    for (const { path } of images) assert.deepEqual(faultsOf(path), [], 'a copy');
    for (const path of cuts) assert.deepEqual(faultsOf(path), [], 'a copy whose log was cut');
    for (const image of images) assert.deepEqual(missingIn(image), []);
    for (const { path } of images) rmSync(join(path, '..'), { recursive: true });
    t.diagnostic(`${images.length} copies and ${cuts.length} cuts, ${state.acknowledged.length} tokens`);
    assert.ok((images.at(-1)?.acknowledged.length ?? 0) > 50 && cuts.length > 200);
  });
});
