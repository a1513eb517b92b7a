import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Cluster, startCluster } from '../fixtures/race-cluster.ts';
import { AT_ONCE, atOnce, endRace, factsOf, tally } from '../fixtures/race-facts.ts';
import { codeFor, Person, secretsIn } from '../fixtures/race-person.ts';
import { eachDatabase } from '../support/databases.ts';

const ROUNDS = 10;
const ROUNDS_MAX = 40;

/** When the right code is sent: early enough to win sometimes, late enough to lose sometimes. */
const TURNS = [0, 4, 1, 9, 0, 2, 6, 1, 3, 11];
const GUESSES = 5;

/** Codes that are not the one: numbers around it. */
const wrongCode = (code: string, turn: number) =>
  String((Number(code) + 1 + turn) % 1_000_000).padStart(6, '0');

eachDatabase('fifty proofs at once', (given) =>
  describe('to two processes', () => {
    let cluster: Cluster;
    before(async () => {
      cluster = await startCluster({
        database: given.url,
        settings: { 'limits.guesses_per_attempt': GUESSES, 'limits.failures_per_address': 100 },
      });
    });
    after(() => endRace(cluster, given));

    async function mailed(email: string) {
      const person = new Person({ email, send: cluster.send, app: cluster.app });
      await person.authorize();
      await person.start();
      return { person, ...secretsIn((await cluster.sink.waitFor(email, 20_000)).raw) };
    }

    it('judge five wrong codes, then the attempt is over, and the right code is refused', async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const { person, code } = await mailed(`wrong-${round}@example.com`);
        const answers = await atOnce((turn) => person.enter(wrongCode(code, turn), turn));
        assert.deepEqual(tally(answers), { 400: GUESSES - 1, 200: AT_ONCE - GUESSES + 1 });
        assert.equal(codeFor(await person.enter(code, round)), undefined);
        const facts = await factsOf(cluster, person.email);
        assert.deepEqual(facts.states, ['locked']);
        assert.deepEqual(facts.wrongGuesses, [GUESSES]);
        assert.equal(facts.events('attempt.code_wrong'), GUESSES - 1);
        assert.equal(facts.events('attempt.locked'), 1);
        assert.deepEqual(facts.users, []);
      }
    });

    it('with the right code among them judge five wrong ones at most, and sign in once or not at all', async () => {
      let signedIn = 0;
      for (let round = 0; round < ROUNDS || (signedIn === 0 && round < ROUNDS_MAX); round += 1) {
        const { person, code } = await mailed(`one-right-${round}@example.com`);
        const at = TURNS[round % TURNS.length] ?? 0;
        const answers = await atOnce((turn) =>
          person.enter(turn === at ? code : wrongCode(code, turn), turn),
        );
        const facts = await factsOf(cluster, person.email);
        const [state] = facts.states;
        const won = state === 'redeemed';
        signedIn += Number(won);
        assert.ok(state === 'redeemed' || state === 'locked', `the attempt is ${state}`);
        assert.ok((facts.wrongGuesses[0] ?? 0) <= (won ? GUESSES - 1 : GUESSES));
        assert.equal(tally(answers).code ?? 0, Number(won));
        assert.equal(facts.records('Session'), Number(won));
        assert.equal(facts.records('AuthorizationCode'), Number(won));
        assert.equal(facts.events('attempt.redeemed'), Number(won));
      }
      assert.ok(signedIn > 0, 'in no round did the right code come in time: the race is none');
    });

    it('of the right code sign in once', async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const { person, code } = await mailed(`right-${round}@example.com`);
        const answers = await atOnce((turn) => person.enter(code, turn));
        assert.equal(tally(answers).code, 1);
        await requireOneSignIn(person.email);
      }
    });

    it('of the link sign in once', async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const { person, link } = await mailed(`link-${round}@example.com`);
        const answers = await atOnce((turn) => person.post(link, {}, turn));
        assert.equal(tally(answers).code, 1);
        await requireOneSignIn(person.email);
      }
    });

    it('of code and link together sign in once', async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const { person, code, link } = await mailed(`both-${round}@example.com`);
        const answers = await atOnce((turn) =>
          (turn >> 1) % 2 === 0 ? person.enter(code, turn) : person.post(link, {}, turn),
        );
        assert.equal(tally(answers).code, 1);
        await requireOneSignIn(person.email);
      }
    });

    async function requireOneSignIn(email: string): Promise<void> {
      const facts = await factsOf(cluster, email);
      assert.deepEqual(facts.states, ['redeemed']);
      assert.equal(facts.users.length, 1);
      assert.equal(facts.events('attempt.satisfied'), 1);
      assert.equal(facts.events('attempt.redeemed'), 1);
      for (const kind of ['Session', 'Grant', 'AuthorizationCode'])
        assert.equal(facts.records(kind), 1, kind);
    }
  }),
);
