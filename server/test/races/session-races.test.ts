import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, type App, type Cluster, registerApp, startCluster } from '../fixtures/race-cluster.ts';
import { atOnce, endRace, factsOf, tally } from '../fixtures/race-facts.ts';
import {
  authorizePath,
  codeFor,
  exchangeForm,
  logoutForm,
  Person,
  refreshForm,
  secretsIn,
  type Tokens,
  tokensIn,
} from '../fixtures/race-person.ts';
import { eachDatabase } from '../support/databases.ts';

const ROUNDS = 8;

function requireSignedOut(answer: Answer | undefined): void {
  assert.match(answer?.headers.location ?? '', /\/oidc\/logout\/success/);
}

/** The refresh tokens of one sign-in, and what came of using the newest one again and again. */
class Family {
  readonly tokens: string[];
  /** The answers to requests that were sent after the logout had been answered. */
  readonly late: number[] = [];
  isOver = false;
  readonly #person: Person;

  constructor(person: Person, first: string) {
    this.#person = person;
    this.tokens = [first];
  }

  async refreshRepeatedly(turn: number): Promise<void> {
    for (let time = 0; time < 6; time += 1) {
      const wasOver = this.isOver;
      const answer = await this.#person.refresh(this.tokens.at(-1) ?? '', turn);
      if (answer.status === 200) this.tokens.push(tokensIn(answer).refresh_token);
      if (wasOver) this.late.push(answer.status);
    }
  }
}

eachDatabase('a logout and fifty other requests at once', (given) =>
  describe('in two processes', () => {
    let cluster: Cluster;
    before(async () => {
      cluster = await startCluster({ database: given.url });
    });
    after(() => endRace(cluster, given));

    /** Somebody who is signed in, with the page open that asks whether to sign out. */
    async function leaving(
      email: string,
    ): Promise<{ person: Person; tokens: Tokens; logOut: () => Promise<Answer> }> {
      const person = new Person({ email, send: cluster.send, app: cluster.app });
      const tokens = await person.signIn(cluster.sink);
      const path = `/oidc/logout?${new URLSearchParams({ id_token_hint: tokens.id_token })}`;
      const form = logoutForm(await person.get(path));
      const headers = person.headersFor('/');
      const post = (turn: number) => cluster.send(turn, { path: '/oidc/logout/confirm', form, headers });
      return { person, tokens, logOut: () => repeated(post) };
    }

    /** A browser posts a form again where a 307 says so. */
    async function repeated(post: (turn: number) => Promise<Answer>): Promise<Answer> {
      for (let turn = 0; turn < 60; turn += 1) {
        const answer = await post(turn);
        if (answer.status !== 307) return answer;
      }
      throw new Error('the logout never came to an end');
    }

    const silently = (person: Person, turn: number, app: App = cluster.app) =>
      cluster.send(turn, {
        path: authorizePath(app, { prompt: 'none' }),
        headers: person.headersFor('/oauth/authorize'),
      });

    it('leave no refresh token that works, wherever the logout came among the refreshes', async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const { person, tokens, logOut } = await leaving(`refresh-${round}@example.com`);
        const family = new Family(person, tokens.refresh_token);
        await atOnce(async (turn) => {
          if (turn !== round * 6) return family.refreshRepeatedly(turn);
          requireSignedOut(await logOut());
          family.isOver = true;
        });
        assert.ok(family.late.length > 0, 'no refresh came after the logout');
        assert.ok(family.late.every((status) => status === 400));
        for (const token of new Set(family.tokens))
          for (const turn of [0, 1]) assert.equal((await person.refresh(token, turn)).status, 400);
        const { records } = await factsOf(cluster, person.email);
        for (const kind of ['RefreshToken', 'AccessToken', 'Grant', 'Session'])
          assert.equal(records(kind), 0, kind);
      }
    });

    it('leave no session, though silent sign-ins had read it before it ended', async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const { person, logOut } = await leaving(`silent-${round}@example.com`);
        const answers = await atOnce((turn) => (turn === round * 6 ? logOut() : silently(person, turn)));
        requireSignedOut(answers[round * 6]);
        for (const turn of [0, 1])
          assert.match((await silently(person, turn)).headers.location ?? '', /login_required/);
        const codes = answers.map((answer) => codeFor(answer)).filter((code) => code !== undefined);
        for (const code of codes) assert.equal((await person.exchange(code)).status, 400);
        const { records } = await factsOf(cluster, person.email);
        for (const kind of ['RefreshToken', 'AccessToken', 'Session']) assert.equal(records(kind), 0, kind);
      }
    });

    it('end what every app got, though the apps came at the same moment', async () => {
      const apps = await Promise.all(Array.from({ length: 4 }, () => registerApp(cluster.rooms)));
      for (let round = 0; round < ROUNDS; round += 1) {
        const { person, logOut } = await leaving(`apps-${round}@example.com`);
        const got = await Promise.all(
          apps.map(async (app, turn) => {
            const code = await silentCode(person, turn, app);
            return cluster.send(turn, { path: '/oauth/token', form: exchangeForm(app, code) });
          }),
        );
        const refreshTokens = got.map((answer) => tokensIn(answer).refresh_token);
        requireSignedOut(await logOut());
        for (const [index, app] of apps.entries()) {
          const form = refreshForm(app, refreshTokens[index] ?? '');
          assert.equal((await cluster.send(index, { path: '/oauth/token', form })).status, 400);
        }
      }
    });

    /** Follows a redirect to the same request, as a browser does when another one has changed the session. */
    async function silentCode(person: Person, turn: number, app: App): Promise<string> {
      for (let tries = 0; tries < 20; tries += 1) {
        const answer = await silently(person, turn, app);
        const code = codeFor(answer);
        if (code !== undefined) return code;
        assert.doesNotMatch(answer.headers.location ?? '', /error=/);
      }
      throw new Error('a silent sign-in never came to an end');
    }
  }),
);

eachDatabase('disabling a user among fifty requests at once', (given) =>
  describe('in two processes', () => {
    let cluster: Cluster;
    before(async () => {
      cluster = await startCluster({ database: given.url });
    });
    after(() => endRace(cluster, given));

    it('leaves no way in: no session begins after it, and no token works', async () => {
      const won = { bySignIn: 0, byDisabling: 0 };
      let delay = 20;
      for (let round = 0; round < 40 && !isEnough(won, round); round += 1) {
        const email = `disabled-${round}@example.com`;
        const old = new Person({ email, send: cluster.send, app: cluster.app });
        const tokens = await old.signIn(cluster.sink);
        const { person, code } = await mailedAgain(email);
        const answers = await atOnce(async (turn) => {
          if (turn === 0) return disable(email, delay);
          return turn % 5 === 0 ? old.refresh(tokens.refresh_token, turn) : person.enter(code, turn);
        });
        const signedIn = tally(answers).code === 1;
        won[signedIn ? 'bySignIn' : 'byDisabling'] += 1;
        delay = signedIn ? delay / 2 : delay * 1.5 + 1;
        for (const answer of answers) await requireWorthless(person, answer);
        assert.equal(
          (await old.refresh(tokens.refresh_token)).status,
          400,
          'a kept answer is not given again',
        );
        assert.equal((await old.userinfo(tokens.access_token)).status, 401);
        assert.equal(codeFor(await person.enter(code)), undefined);
        await requireNoRedeemAfterDisable(email);
      }
      assert.ok(won.bySignIn > 0 && won.byDisabling > 0, `one side always won: ${JSON.stringify(won)}`);
    });

    const isEnough = (won: { bySignIn: number; byDisabling: number }, round: number) =>
      round >= ROUNDS && won.bySignIn > 0 && won.byDisabling > 0;

    async function disable(email: string, delay: number): Promise<Answer> {
      await sleep(delay);
      await cluster.rooms.users.disable(email);
      return { status: 200, headers: {}, body: '{}' };
    }

    async function mailedAgain(email: string) {
      const person = new Person({ email, send: cluster.send, app: cluster.app });
      await person.authorize();
      await person.start();
      for (;;) {
        const mails = cluster.sink.mails.filter(({ to }) => to.includes(email));
        if (mails[1]) return { person, ...secretsIn(mails[1].raw) };
        await sleep(5);
      }
    }

    /** Whatever was given out before the end is worth nothing after it. */
    async function requireWorthless(person: Person, answer: Answer): Promise<void> {
      const code = codeFor(answer);
      if (code !== undefined) assert.equal((await person.exchange(code)).status, 400);
      if (!answer.body.includes('"refresh_token"')) return;
      assert.equal((await person.refresh(tokensIn(answer).refresh_token)).status, 400);
      assert.equal((await person.userinfo(tokensIn(answer).access_token)).status, 401);
    }

    async function requireNoRedeemAfterDisable(email: string): Promise<void> {
      const [user] = (await factsOf(cluster, email)).users;
      const events = await cluster.rooms.database.read((q) =>
        q
          .selectFrom('events')
          .select(['type', 'at'])
          .where('user_id', '=', user?.id ?? '')
          .execute(),
      );
      const disabledAt = events.find(({ type }) => type === 'user.disabled')?.at ?? 0;
      const late = events.filter(({ type, at }) => type === 'attempt.redeemed' && at > disabledAt);
      assert.deepEqual(late, []);
    }
  }),
);
