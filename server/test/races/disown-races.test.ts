import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, type Cluster, startCluster } from '../fixtures/race-cluster.ts';
import { atOnce, endRace, factsOf } from '../fixtures/race-facts.ts';
import { authorizePath, codeFor, Person, secretsIn } from '../fixtures/race-person.ts';
import { eachDatabase } from '../support/databases.ts';

const ROUNDS = 8;
const ROUNDS_MAX = 40;

eachDatabase('"not me" and fifty other requests at once', (given) =>
  describe('in two processes', () => {
    let cluster: Cluster;
    before(async () => {
      cluster = await startCluster({ database: given.url, settings: { 'limits.puzzles': false } });
    });
    after(() => endRace(cluster, given));

    async function mailed(email: string) {
      const person = new Person({ email, send: cluster.send, app: cluster.app });
      await person.authorize();
      await person.start();
      return { person, ...secretsIn((await cluster.sink.waitFor(email, 20_000)).raw) };
    }

    async function disown(path: string, turn: number): Promise<Answer> {
      const answer = await cluster.send(turn, { path, form: { answer: 'not-me' } });
      assert.equal(answer.status, 200);
      assert.match(answer.body, /<title>It is stopped/);
      return answer;
    }

    async function requireNothingLeft(email: string, notRedeemed: boolean): Promise<void> {
      const facts = await factsOf(cluster, email);
      assert.ok(facts.attempts.every(({ disowned_at }) => disowned_at !== null));
      for (const kind of ['Session', 'Grant', 'AuthorizationCode', 'AccessToken', 'RefreshToken'])
        assert.equal(facts.records(kind), 0, kind);
      assert.equal(facts.events('attempt.disowned'), 1);
      assert.equal(facts.events('attempt.redeemed'), notRedeemed ? 0 : 1);
    }

    it('leave no session, whether the sign-in was finished before or never', async () => {
      const won = { bySignIn: 0, byOwner: 0 };
      let delay = 10;
      for (let round = 0; round < ROUNDS_MAX; round += 1) {
        if (round >= ROUNDS && won.bySignIn > 0 && won.byOwner > 0) break;
        const { person, code, notMe } = await mailed(`redeem-${round}@example.com`);
        const answers = await atOnce(async (turn) => {
          if (turn % 25 !== 0) return person.enter(code, turn);
          await sleep(delay);
          return disown(notMe, turn);
        });
        const codes = answers.map((answer) => codeFor(answer)).filter((one) => one !== undefined);
        assert.ok(codes.length <= 1);
        won[codes.length === 1 ? 'bySignIn' : 'byOwner'] += 1;
        delay = codes.length === 1 ? delay / 2 : delay * 1.5 + 1;
        await requireNothingLeft(person.email, codes.length === 0);
        for (const one of codes) assert.equal((await person.exchange(one)).status, 400);
        const silent = await cluster.send(round, {
          path: authorizePath(cluster.app, { prompt: 'none' }),
          headers: person.headersFor('/oauth/authorize'),
        });
        assert.match(silent.headers.location ?? '', /login_required/);
      }
      assert.ok(won.bySignIn > 0 && won.byOwner > 0, `one side always won: ${JSON.stringify(won)}`);
    });

    it('leave no token and no session, though apps refresh and ask silently all the while', async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const { person, code, notMe } = await mailed(`used-${round}@example.com`);
        const authorized = codeFor(await person.enter(code)) ?? '';
        const first = JSON.parse((await person.exchange(authorized)).body);
        const given: string[] = [first.refresh_token];
        const codes: string[] = [];
        await atOnce(async (turn) => {
          if (turn === round * 6) return void (await disown(notMe, turn));
          for (let time = 0; time < 3; time += 1) {
            if (turn % 2 === 0) {
              const answer = await person.refresh(given.at(-1) ?? '', turn);
              if (answer.status === 200) given.push(JSON.parse(answer.body).refresh_token);
            } else {
              const path = authorizePath(cluster.app, { prompt: 'none' });
              const headers = person.headersFor('/oauth/authorize');
              const issued = codeFor(await cluster.send(turn, { path, headers }));
              if (issued !== undefined) codes.push(issued);
            }
          }
        });
        await requireNothingLeft(person.email, false);
        for (const token of new Set(given)) assert.equal((await person.refresh(token)).status, 400);
        for (const one of codes) assert.equal((await person.exchange(one)).status, 400);
      }
    });
  }),
);
