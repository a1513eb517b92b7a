import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { SessionId, UserId } from '../../src/core/ids.ts';
import { endSession, endSessionsOf } from '../../src/oidc/sessions/ending.ts';
import { showSession } from '../../src/oidc/sessions/sessions.ts';
import { type Cluster, startCluster } from '../fixtures/race-cluster.ts';
import { atOnce, endRace, factsOf } from '../fixtures/race-facts.ts';
import { authorizePath, codeFor, Person, type Tokens, tokensIn } from '../fixtures/race-person.ts';
import { eachDatabase } from '../support/databases.ts';
import { claimsOf } from '../support/oauth-requests.ts';

const ROUNDS = 4;

eachDatabase('revoking a session and fifty other requests at once', (given) =>
  describe('in three processes', () => {
    let cluster: Cluster;
    before(async () => {
      cluster = await startCluster({ database: given.url });
    });
    after(() => endRace(cluster, given));

    async function signedIn(email: string): Promise<{ person: Person; tokens: Tokens; sid: SessionId }> {
      const person = new Person({ email, send: cluster.send, app: cluster.app });
      const tokens = await person.signIn(cluster.sink);
      return { person, tokens, sid: String(claimsOf(tokens.id_token).sid) as SessionId };
    }

    const silently = (person: Person, turn: number) =>
      cluster.send(turn, {
        path: authorizePath(cluster.app, { prompt: 'none' }),
        headers: person.headersFor('/oauth/authorize'),
      });

    async function requireNothingLeft(email: string, sid: SessionId): Promise<void> {
      const { records } = await factsOf(cluster, email);
      for (const kind of ['RefreshToken', 'AccessToken', 'AuthorizationCode', 'Grant', 'Session'])
        assert.equal(records(kind), 0, kind);
      const ended = await cluster.rooms.database.read((q) =>
        q
          .selectFrom('events')
          .select('id')
          .where('session_id', '=', sid)
          .where('type', '=', 'session.ended')
          .execute(),
      );
      assert.equal(ended.length, 1);
    }

    it('leaves no token that works, wherever it came among the refreshes', async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const { person, tokens, sid } = await signedIn(`refresh-${round}@example.com`);
        const family = [tokens.refresh_token];
        const late: number[] = [];
        let isOver = false;
        await atOnce(async (turn) => {
          if (turn === round * 12) {
            assert.equal(await endSession(cluster.rooms, sid, 'revoked'), true);
            isOver = true;
            return;
          }
          for (let time = 0; time < 4; time += 1) {
            const wasOver = isOver;
            const answer = await person.refresh(family.at(-1) ?? '', turn);
            if (answer.status === 200) family.push(tokensIn(answer).refresh_token);
            if (wasOver) late.push(answer.status);
          }
        });
        assert.ok(late.length > 0 && late.every((status) => status === 400));
        for (const token of new Set(family)) assert.equal((await person.refresh(token)).status, 400);
        await requireNothingLeft(person.email, sid);
        assert.equal((await showSession(cluster.rooms, sid)).status, 'revoked');
      }
    });

    it('leaves no session, though silent sign-ins had read it before, and many revoke at once', async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const { person, tokens, sid } = await signedIn(`silent-${round}@example.com`);
        const userId = String(claimsOf(tokens.id_token).sub) as UserId;
        const codes: string[] = [];
        const ends: boolean[] = [];
        await atOnce(async (turn) => {
          if (turn % 16 === round) ends.push(await endSession(cluster.rooms, sid, 'revoked'));
          else if (turn % 16 === round + 1)
            ends.push((await endSessionsOf(cluster.rooms, userId, 'revoked')).length > 0);
          else {
            const code = codeFor(await silently(person, turn));
            if (code !== undefined) codes.push(code);
          }
        });
        assert.deepEqual(ends.filter(Boolean), [true]);
        for (const turn of [0, 1])
          assert.match((await silently(person, turn)).headers.location ?? '', /login_required/);
        for (const code of codes) assert.equal((await person.exchange(code)).status, 400);
        assert.equal((await person.refresh(tokens.refresh_token)).status, 400);
        await requireNothingLeft(person.email, sid);
      }
    });
  }),
);
