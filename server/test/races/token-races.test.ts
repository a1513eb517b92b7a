import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Answer, type Cluster, startCluster } from '../fixtures/race-cluster.ts';
import { endRace } from '../fixtures/race-facts.ts';
import { exchangeForm, Person, refreshForm, tokensIn } from '../fixtures/race-person.ts';
import { eachDatabase } from '../support/databases.ts';

const AT_ONCE = 50;
const ROUNDS = 10;

/** The same request, fifty times at the same moment, to both processes in turn. */
function atOnce(cluster: Cluster, form: Record<string, string>): Promise<Answer[]> {
  return Promise.all(
    Array.from({ length: AT_ONCE }, (_, turn) => cluster.send(turn, { path: '/oauth/token', form })),
  );
}

const recordsOf = (cluster: Cluster, kind: string, accountId: string) =>
  cluster.rooms.database.read((q) =>
    q
      .selectFrom('oidc_records')
      .selectAll()
      .where('kind', '=', kind)
      .where('account_id', '=', accountId)
      .execute(),
  );

const eventsOf = (cluster: Cluster, type: string, userId: string) =>
  cluster.rooms.database.read((q) =>
    q.selectFrom('events').selectAll().where('type', '=', type).where('user_id', '=', userId).execute(),
  );

function tally(answers: Answer[]): Record<string, number> {
  const count: Record<string, number> = {};
  for (const { status, body } of answers) {
    const what = status === 200 ? '200' : `${status} ${JSON.parse(body).error}`;
    count[what] = (count[what] ?? 0) + 1;
  }
  return count;
}

eachDatabase('fifty requests at once', (given) =>
  describe('to two processes', () => {
    let cluster: Cluster;
    before(async () => {
      cluster = await startCluster({ database: given.url });
    });
    after(() => endRace(cluster, given));

    const personOf = (email: string) => new Person({ email, send: cluster.send, app: cluster.app });
    const accountOf = async (email: string) => (await cluster.rooms.users.show(email)).id;

    it('exchange one authorization code once; the reuse revokes what the one got', async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const person = personOf(`code-${round}@example.com`);
        const code = await person.signInToCode(cluster.sink);
        const account = await accountOf(person.email);
        const answers = await atOnce(cluster, exchangeForm(cluster.app, code));
        assert.deepEqual(tally(answers), { 200: 1, '400 invalid_grant': AT_ONCE - 1 });
        assert.equal((await eventsOf(cluster, 'token.issued', account)).length, 1);
        for (const kind of ['RefreshToken', 'AccessToken', 'Grant'])
          assert.equal((await recordsOf(cluster, kind, account)).length, 0, `a ${kind} is left`);
        const won = answers.find(({ status }) => status === 200);
        const tokens = tokensIn(won ?? { status: 0, headers: {}, body: '' });
        assert.equal((await person.refresh(tokens.refresh_token)).status, 400);
        assert.equal((await person.userinfo(tokens.access_token)).status, 401);
      }
    });

    it('refresh one token into one successor, which all of them get, to the byte', async () => {
      const person = personOf('refresh@example.com');
      let { refresh_token } = await person.signIn(cluster.sink);
      const account = await accountOf(person.email);
      for (let round = 1; round <= ROUNDS; round += 1) {
        const answers = await atOnce(cluster, refreshForm(cluster.app, refresh_token));
        assert.deepEqual(tally(answers), { 200: AT_ONCE });
        assert.equal(new Set(answers.map(({ body }) => body)).size, 1);
        const family = await recordsOf(cluster, 'RefreshToken', account);
        assert.equal(family.length, round + 1);
        assert.equal(family.filter(({ consumed_at }) => consumed_at === null).length, 1);
        assert.equal((await recordsOf(cluster, 'AccessToken', account)).length, round + 1);
        const [first] = answers;
        refresh_token = tokensIn(first ?? { status: 0, headers: {}, body: '' }).refresh_token;
      }
      assert.equal((await eventsOf(cluster, 'token.issued', account)).length, ROUNDS + 1);
      assert.equal((await person.refresh(refresh_token)).status, 200, 'the last successor works');
    });

    it('give another client nothing, though it presents the token at the same moment', async () => {
      const person = personOf('stolen@example.com');
      const { refresh_token } = await person.signIn(cluster.sink);
      const made = await cluster.rooms.clients.create({
        name: 'Thief',
        redirectUris: ['http://localhost:9/thief'],
      });
      const thief = { id: made.client.id, secret: made.clientSecret ?? '' };
      const forms = [refreshForm(cluster.app, refresh_token), refreshForm(thief, refresh_token)];
      const answers = await Promise.all(
        Array.from({ length: AT_ONCE }, (_, turn) =>
          cluster.send(turn, { path: '/oauth/token', form: forms[Math.floor(turn / 2) % 2] ?? {} }),
        ),
      );
      const [own, foreign] = [0, 1].map((which) =>
        answers.filter((_, turn) => Math.floor(turn / 2) % 2 === which),
      );
      assert.deepEqual(tally(own ?? []), { 200: own?.length });
      assert.deepEqual(tally(foreign ?? []), { '400 invalid_grant': foreign?.length });
      assert.equal(new Set(own?.map(({ body }) => body)).size, 1);
    });
  }),
);
