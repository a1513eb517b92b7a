import assert from 'node:assert/strict';
import { it } from 'node:test';
import { RecordAdapter } from '../../src/oidc/adapter.ts';
import { carryOut, joining, newWork, SpentTwice, type Work } from '../../src/oidc/unit-of-work.ts';
import type { Database } from '../../src/platform/database/database.ts';
import { createSecrets } from '../../src/platform/secrets.ts';
import { startStoreProcesses } from '../fixtures/race-processes.ts';
import { T0 } from '../fixtures/race-records.ts';
import { eachDatabase } from '../support/databases.ts';
import { SECRET } from '../support/server.ts';

const clock = { now: () => T0 };
const secrets = createSecrets([SECRET]);
const adapterOf = (database: Database, kind: string) => new RecordAdapter(kind, { database, secrets, clock });
const commit = (database: Database, work: Work) => database.write((q) => carryOut(work, q));
const rowsOf = (database: Database) =>
  database.read((q) => q.selectFrom('oidc_records').selectAll().execute());

let made = 0;
const newName = () => `an-id-that-nobody-guesses-${++made}`;

eachDatabase('the records of the library', (given) => {
  it('are found by their id, as they were put', async () => {
    const tokens = adapterOf(await given.open(), 'RefreshToken');
    const id = newName();
    assert.equal(await tokens.find(id), undefined);
    await tokens.upsert(
      id,
      { jti: id, accountId: 'usr_1', grantId: 'g', scope: 'openid', deep: { a: [1] } },
      60,
    );
    assert.deepEqual(await tokens.find(id), {
      jti: id,
      accountId: 'usr_1',
      grantId: 'g',
      scope: 'openid',
      deep: { a: [1] },
    });
  });

  it('of two kinds with the same id have nothing to do with each other', async () => {
    const database = await given.open();
    const id = newName();
    await adapterOf(database, 'RefreshToken').upsert(id, { jti: id, is: 'a token' }, 60);
    await adapterOf(database, 'Session').upsert(id, { jti: id, uid: newName(), is: 'a session' }, 60);
    await adapterOf(database, 'Session').destroy(id);
    assert.equal(await adapterOf(database, 'Session').find(id), undefined);
    assert.equal((await adapterOf(database, 'RefreshToken').find(id))?.is, 'a token');
  });

  it('stay consumed when they are put again', async () => {
    const codes = adapterOf(await given.open(), 'AuthorizationCode');
    const id = newName();
    await codes.upsert(id, { jti: id, version: 1 }, 60);
    await codes.consume(id);
    await codes.upsert(id, { jti: id, version: 2 }, 60);
    assert.deepEqual(await codes.find(id), { jti: id, version: 2, consumed: T0 / 1000 });
  });

  it('can be consumed once; a second time, or when there is none, SpentTwice says so', async () => {
    const codes = adapterOf(await given.open(), 'AuthorizationCode');
    const id = newName();
    await codes.upsert(id, { jti: id }, 60);
    await codes.consume(id);
    await assert.rejects(codes.consume(id), SpentTwice);
    await assert.rejects(codes.consume(newName()), SpentTwice);
  });

  it('that are sessions are found by their uid too, and then can be read only', async () => {
    const sessions = adapterOf(await given.open(), 'Session');
    const [id, uid] = [newName(), newName()];
    await sessions.upsert(id, { jti: id, uid, accountId: 'usr_1' }, 60);
    assert.deepEqual(await sessions.findByUid(uid), { jti: '', uid, accountId: 'usr_1' });
    assert.equal(await sessions.findByUid(newName()), undefined);
    await sessions.destroy(id);
    assert.equal(await sessions.findByUid(uid), undefined);
  });

  it('of a grant go with it: those of the kind, and of no other grant', async () => {
    const database = await given.open();
    const [tokens, codes] = [adapterOf(database, 'RefreshToken'), adapterOf(database, 'AuthorizationCode')];
    const [mine, yours, code] = [newName(), newName(), newName()];
    const [grantId, otherGrant] = [newName(), newName()];
    await tokens.upsert(mine, { jti: mine, grantId }, 60);
    await tokens.upsert(yours, { jti: yours, grantId: otherGrant }, 60);
    await codes.upsert(code, { jti: code, grantId }, 60);
    await tokens.revokeByGrantId(grantId);
    assert.equal(await tokens.find(mine), undefined);
    assert.notEqual(await tokens.find(yours), undefined);
    assert.notEqual(await codes.find(code), undefined);
  });

  it('name their ids nowhere, nor the session cookie that an interaction remembers', async () => {
    const database = await given.open();
    const [token, interaction, session, cookie] = [newName(), newName(), newName(), newName()];
    const returnTo = `https://id.example/oauth/authorize/${interaction}`;
    const remembered = { accountId: 'usr_1', uid: 'ses_1', cookie };
    await adapterOf(database, 'RefreshToken').upsert(token, { jti: token, kind: 'RefreshToken' }, 60);
    await adapterOf(database, 'Session').upsert(session, { jti: session, uid: 'ses_1' }, 60);
    await adapterOf(database, 'Interaction').upsert(
      interaction,
      { jti: interaction, returnTo, session: remembered },
      60,
    );
    const stored = JSON.stringify(await rowsOf(database));
    for (const secret of [token, interaction, session, cookie]) assert.ok(!stored.includes(secret));
  });
});

eachDatabase('what the library writes in one request', (given) => {
  it('is read by that request at once, and by nobody else before the commit', async () => {
    const database = await given.open();
    const tokens = adapterOf(database, 'RefreshToken');
    const [fresh, spent, gone] = [newName(), newName(), newName()];
    for (const id of [spent, gone]) await tokens.upsert(id, { jti: id }, 60);
    const before = await rowsOf(database);
    const work = newWork();
    await joining(work, async () => {
      await tokens.upsert(fresh, { jti: fresh, scope: 'openid' }, 60);
      await tokens.consume(spent);
      await tokens.destroy(gone);
      assert.deepEqual(await tokens.find(fresh), { jti: fresh, scope: 'openid' });
      assert.equal((await tokens.find(spent))?.consumed, T0 / 1000);
      assert.equal(await tokens.find(gone), undefined);
    });
    assert.deepEqual(await rowsOf(database), before);
    await commit(database, work);
    assert.deepEqual(await tokens.find(fresh), { jti: fresh, scope: 'openid' });
    assert.equal((await tokens.find(spent))?.consumed, T0 / 1000);
    assert.equal(await tokens.find(gone), undefined);
  });

  it('comes to nothing as a whole when a part of it was spent by another request first', async () => {
    const database = await given.open();
    const tokens = adapterOf(database, 'RefreshToken');
    const [old, successor, other] = [newName(), newName(), newName()];
    for (const id of [old, other]) await tokens.upsert(id, { jti: id }, 60);
    const work = newWork();
    await joining(work, async () => {
      await tokens.destroy(other);
      await tokens.upsert(successor, { jti: successor }, 60);
      await tokens.consume(old);
    });
    await tokens.consume(old);
    const before = await rowsOf(database);
    await assert.rejects(commit(database, work), SpentTwice);
    assert.deepEqual(await rowsOf(database), before);
  });

  it('never brings back a session that another request has ended, under its id or a new one', async () => {
    const database = await given.open();
    const sessions = adapterOf(database, 'Session');
    const [id, uid, renamed] = [newName(), newName(), newName()];
    await sessions.upsert(id, { jti: id, uid, accountId: 'usr_1' }, 60);
    const [touching, renaming] = [newWork(), newWork()];
    await joining(touching, async () => sessions.upsert(id, { ...(await sessions.find(id)) }, 60));
    await joining(renaming, async () => {
      const payload = await sessions.find(id);
      await sessions.destroy(id);
      await sessions.upsert(renamed, { ...payload, jti: renamed }, 60);
    });
    await sessions.destroy(id);
    await assert.rejects(commit(database, touching), SpentTwice);
    await assert.rejects(commit(database, renaming), SpentTwice);
    assert.equal(await sessions.findByUid(uid), undefined);
  });

  it('never overwrites what another request has added to the session', async () => {
    const database = await given.open();
    const sessions = adapterOf(database, 'Session');
    const [id, uid] = [newName(), newName()];
    await sessions.upsert(id, { jti: id, uid, accountId: 'usr_1' }, 60);
    const works = [newWork(), newWork()];
    for (const [index, work] of works.entries()) {
      await joining(work, async () => {
        const payload = await sessions.find(id);
        await sessions.upsert(id, { ...payload, authorizations: { [`skc_${index}`]: { grantId: 'g' } } }, 60);
      });
    }
    const settled = await Promise.allSettled(works.map((work) => commit(database, work)));
    assert.equal(settled.filter(({ status }) => status === 'fulfilled').length, 1);
  });
});

eachDatabase('twenty callers at once', (given) => {
  it('spend a token once, in one process', async () => {
    const tokens = adapterOf(await given.open(), 'RefreshToken');
    const id = newName();
    await tokens.upsert(id, { jti: id }, 60);
    const settled = await Promise.allSettled(Array.from({ length: 20 }, () => tokens.consume(id)));
    assert.equal(settled.filter(({ status }) => status === 'fulfilled').length, 1);
  });

  it('spend a token once, in two processes', async () => {
    const database = await given.open();
    const processes = await startStoreProcesses(given.url);
    try {
      for (let round = 0; round < 20; round += 1) {
        const id = newName();
        await adapterOf(database, 'RefreshToken').upsert(id, { jti: id }, 60);
        const outcomes = await processes.race('consume', id, 10);
        assert.equal(outcomes.filter(({ failed }) => failed === undefined).length, 1);
        assert.equal(outcomes.filter(({ failed }) => failed === 'SpentTwice').length, 19);
      }
    } finally {
      await processes.stop();
    }
  });

  it('put one record, whoever comes last', async () => {
    const database = await given.open();
    const sessions = adapterOf(database, 'Session');
    const [id, uid] = [newName(), newName()];
    await Promise.all(
      Array.from({ length: 20 }, (_, turn) => sessions.upsert(id, { jti: id, uid, turn }, 60)),
    );
    const rows = (await rowsOf(database)).filter(({ payload }) => payload.includes(uid));
    assert.equal(rows.length, 1);
  });
});
