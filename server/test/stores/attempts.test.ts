import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type Attempt, transition } from '../../src/core/attempt.ts';
import type { AttemptId, SessionId, UserId } from '../../src/core/ids.ts';
import type { Database } from '../../src/platform/database/database.ts';
import {
  type AttemptRecord,
  findAttempt,
  findMailByDisown,
  findMailByLink,
  insertAttempt,
  latestAttempt,
  lockAttempt,
  mailsOf,
  pruneAttempts,
  saveAttempt,
  saveMail,
  saveRedeemed,
  setLinksOnly,
} from '../../src/sign-in/store.ts';
import { startStoreProcesses } from '../fixtures/race-processes.ts';
import { attemptRecord, mailRecord, T0 } from '../fixtures/race-records.ts';
import { eachDatabase } from '../support/databases.ts';

const USER: UserId = 'usr_1795367104924960415';
const SESSION: SessionId = 'ses_1795367104924960416';

const insert = (database: Database, record: AttemptRecord) => database.write((q) => insertAttempt(q, record));
const find = (database: Database, id: AttemptId) => database.read((q) => findAttempt(q, id));

/** An attempt in each state that is written, as `transition` makes them. */
function inEveryState(pending: Attempt): Attempt[] {
  const wrong = { type: 'code-entered', matches: false, guess: 'a', guessesMax: 5 } as const;
  const guessed = transition(pending, wrong, T0 + 1).next;
  const satisfied = transition(guessed, { type: 'link-confirmed' }, T0 + 2).next;
  return [
    guessed,
    satisfied,
    transition(satisfied, { type: 'redeemed', userId: USER }, T0 + 3).next,
    transition(pending, { ...wrong, guessesMax: 1 }, T0 + 2).next,
    transition(pending, { type: 'replaced' }, T0 + 2).next,
    transition(satisfied, { type: 'disowned' }, T0 + 4).next,
  ];
}

eachDatabase('attempts', (given) => {
  it('come back as they were begun', async () => {
    const database = await given.open();
    const record = attemptRecord({ linksOnly: true, requester: { browser: 'Ф', os: '"' } });
    assert.equal(await insert(database, record), true);
    assert.deepEqual(await find(database, record.attempt.id), record);
    assert.equal(await find(database, 'req_1'), undefined);
  });

  it('come back in every state as they were saved', async () => {
    const database = await given.open();
    const record = attemptRecord();
    await insert(database, record);
    const states = inEveryState(record.attempt);
    assert.deepEqual(
      states.map(({ state }) => state),
      ['pending', 'satisfied', 'redeemed', 'locked', 'superseded', 'disowned'],
    );
    for (const attempt of states) {
      await database.write((q) => saveAttempt(q, attempt));
      assert.deepEqual((await find(database, attempt.id))?.attempt, attempt);
    }
  });

  it('are begun once for each generation of an interaction, and the newest one counts', async () => {
    const database = await given.open();
    const first = attemptRecord();
    const { interactionHash } = first;
    assert.equal(await insert(database, first), true);
    assert.equal(await insert(database, attemptRecord({ interactionHash })), false);
    const second = attemptRecord({ interactionHash, generation: 2 });
    assert.equal(await insert(database, second), true);
    const latest = (hashes: string[]) => database.read((q) => latestAttempt(q, hashes));
    assert.deepEqual(await latest(['another hash', interactionHash]), second);
    assert.equal(await latest(['another hash']), undefined);
  });

  it('are links only from the mail on for which that was decided', async () => {
    const database = await given.open();
    const record = attemptRecord();
    await insert(database, record);
    await database.write((q) => setLinksOnly(q, record.attempt.id, true));
    assert.equal((await find(database, record.attempt.id))?.linksOnly, true);
  });

  it('keep their mails, newest first; one that is written again replaces its secrets', async () => {
    const database = await given.open();
    const { attempt, ...rest } = attemptRecord();
    await insert(database, { attempt, ...rest });
    const [first, second] = [
      mailRecord(attempt.id),
      mailRecord(attempt.id, { step: 2, codeHash: undefined }),
    ];
    for (const mail of [first, second]) await database.write((q) => saveMail(q, mail));
    assert.deepEqual(await database.read((q) => mailsOf(q, attempt.id)), [second, first]);
    const again = {
      ...first,
      codeHash: 'another code',
      linkHash: `another-link-${first.id}`,
      sealedCode: 's',
    };
    await database.write((q) => saveMail(q, again));
    assert.deepEqual(await database.read((q) => findMailByLink(q, ['nothing', again.linkHash])), again);
    assert.equal(await database.read((q) => findMailByLink(q, [first.linkHash ?? ''])), undefined);
  });

  it('are found by the link of any of their mails that disowns them', async () => {
    const database = await given.open();
    const record = attemptRecord();
    await insert(database, record);
    const mails = [mailRecord(record.attempt.id), mailRecord(record.attempt.id, { step: 2 })];
    for (const mail of mails) await database.write((q) => saveMail(q, mail));
    for (const mail of mails)
      assert.deepEqual(
        await database.read((q) => findMailByDisown(q, ['nothing', mail.disownHash ?? ''])),
        mail,
      );
    const found = (hashes: string[]) => database.read((q) => findMailByDisown(q, hashes));
    assert.equal(await found([mails[0]?.linkHash ?? '']), undefined, 'the link that signs in is another');
    await assert.rejects(
      database.write((q) =>
        saveMail(q, { ...mailRecord(record.attempt.id), disownHash: mails[0]?.disownHash }),
      ),
    );
  });

  it('keep the session that they were redeemed for, also after they were disowned', async () => {
    const database = await given.open();
    const record = attemptRecord();
    await insert(database, record);
    const [, , redeemed = record.attempt] = inEveryState(record.attempt);
    await database.write((q) => saveRedeemed(q, redeemed, SESSION));
    assert.deepEqual(await find(database, redeemed.id), { ...record, attempt: redeemed, sessionId: SESSION });
    const { next } = transition(redeemed, { type: 'disowned' }, T0 + 9);
    await database.write((q) => saveAttempt(q, next));
    assert.deepEqual(await find(database, next.id), { ...record, attempt: next, sessionId: SESSION });
  });

  it('are pruned with their mails, a bounded number at once, once they are old', async () => {
    const database = await given.open();
    const records = Array.from({ length: 3 }, () => attemptRecord());
    for (const record of records) {
      await insert(database, record);
      await database.write((q) => saveMail(q, mailRecord(record.attempt.id)));
    }
    const prune = (before: number) => database.write((q) => pruneAttempts(q, before, 1000));
    assert.equal(await prune(T0), 0);
    assert.equal(await database.write((q) => pruneAttempts(q, T0 + 600_001, 1)), 1);
    assert.ok((await prune(T0 + 600_001)) >= 2);
    for (const { attempt } of records) {
      assert.equal(await find(database, attempt.id), undefined);
      assert.deepEqual(await database.read((q) => mailsOf(q, attempt.id)), []);
    }
  });
});

eachDatabase('twenty callers at once', (given) => {
  it('begin one attempt for an interaction, in two processes', async () => {
    const database = await given.open();
    const processes = await startStoreProcesses(given.url);
    try {
      for (let round = 0; round < 10; round += 1) {
        const hash = `interaction-${round}`;
        const outcomes = await processes.race('begin', hash, 10);
        assert.equal(outcomes.filter(({ done }) => done === true).length, 1);
        assert.equal(outcomes.filter(({ done }) => done === false).length, 19);
        assert.notEqual(await database.read((q) => latestAttempt(q, [hash])), undefined);
      }
    } finally {
      await processes.stop();
    }
  });

  it('prove one attempt once, in two processes: the lock makes each see what the others did', async () => {
    const database = await given.open();
    const processes = await startStoreProcesses(given.url);
    try {
      for (let round = 0; round < 10; round += 1) {
        const record = attemptRecord();
        await insert(database, record);
        const outcomes = await processes.race('prove', record.attempt.id, 10);
        assert.equal(outcomes.filter(({ done }) => done === true).length, 1);
        assert.equal(outcomes.filter(({ failed }) => failed !== undefined).length, 0);
      }
    } finally {
      await processes.stop();
    }
  });

  it('lose no change to an attempt that they make one after the other', async () => {
    const database = await given.open();
    const record = attemptRecord();
    await insert(database, record);
    const guess = (mark: number) =>
      database.write(async (q) => {
        const { attempt } = (await lockAttempt(q, record.attempt.id)) ?? record;
        await saveAttempt(q, { ...attempt, wrongGuesses: [...attempt.wrongGuesses, `guess-${mark}`] });
      });
    await Promise.all(Array.from({ length: 20 }, (_, mark) => guess(mark)));
    assert.equal((await find(database, record.attempt.id))?.attempt.wrongGuesses.length, 20);
  });
});
