import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type Cluster, startCluster } from '../fixtures/race-cluster.ts';
import { codeFor, Person, secretsIn, tokensIn } from '../fixtures/race-person.ts';
import { eachDatabase } from '../support/databases.ts';
import { SECRET } from '../support/server.ts';

const FRESH = 'another-master-secret-of-the-tests-0123456789';

/** A server whose secret is then changed: every step before it is taken under the old one. */
class Change {
  cluster: Cluster;
  readonly #database: string;

  private constructor(database: string, cluster: Cluster) {
    this.#database = database;
    this.cluster = cluster;
  }

  static async begin(database: string): Promise<Change> {
    return new Change(database, await startCluster({ database, processes: 1, secrets: [SECRET] }));
  }

  async change(): Promise<void> {
    const { app } = this.cluster;
    await this.cluster.stop();
    this.cluster = await startCluster({
      database: this.#database,
      processes: 1,
      secrets: [FRESH, SECRET],
      app,
    });
  }

  person(email: string): Person {
    return new Person({ email, app: this.cluster.app, send: (to, what) => this.cluster.send(to, what) });
  }
}

async function mailed(change: Change, email: string) {
  const person = change.person(email);
  await person.authorize();
  await person.start();
  return { person, ...secretsIn((await change.cluster.sink.waitFor(email, 20_000)).raw) };
}

const countersOf = (cluster: Cluster) =>
  cluster.rooms.database.read((q) => q.selectFrom('limits').selectAll().orderBy('uses').execute());

eachDatabase('after a change of the secret, with the old one listed', (given) => {
  it('everything that was stored under the old one still works, and nothing is there twice', async () => {
    const change = await Change.begin(given.url);
    const person = change.person('tokens@example.com');
    const before = await person.signIn(change.cluster.sink);
    const rotated = tokensIn(await person.refresh(before.refresh_token));
    const unspent = await change.person('code@example.com').signInToCode(change.cluster.sink);
    const typing = await mailed(change, 'typing@example.com');
    await typing.person.enter('000000');
    const opening = await mailed(change, 'opening@example.com');
    const waiting = change.person('waiting@example.com');
    await waiting.authorize();
    const counted = await countersOf(change.cluster);
    await change.change();
    try {
      const { cluster } = change;
      const again = await person.refresh(before.refresh_token);
      assert.deepEqual(tokensIn(again), rotated, 'the kept answer of a refresh');
      const latest = tokensIn(await person.refresh(rotated.refresh_token));
      assert.equal((await person.userinfo(before.access_token)).status, 200, 'an access token');
      for (const time of [1, 2])
        assert.notEqual(codeFor(await person.authorize()), undefined, `the session, time ${time}`);
      assert.equal((await person.exchange(unspent)).status, 200, 'an authorization code');
      assert.notEqual(codeFor(await typing.person.enter(typing.code)), undefined, 'a mailed code');
      assert.notEqual(codeFor(await opening.person.post(opening.link, {})), undefined, 'a mailed link');
      assert.equal((await waiting.start()).status, 200, 'an open interaction');
      const kept = (await countersOf(cluster)).length;
      assert.equal(kept, counted.length + 1, 'no counter began again but that of the new address');
      await person.logOut(latest.id_token);
      assert.equal((await person.refresh(latest.refresh_token)).status, 400);
      assert.equal(codeFor(await person.authorize()), undefined);
      const sessions = await cluster.rooms.database.read((q) =>
        q.selectFrom('oidc_records').select('uid_hash').where('kind', '=', 'Session').execute(),
      );
      assert.equal(new Set(sessions.map(({ uid_hash }) => uid_hash)).size, sessions.length);
    } finally {
      await change.cluster.stop();
    }
  });
});
