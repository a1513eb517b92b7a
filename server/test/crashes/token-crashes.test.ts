import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type CrashLab,
  describeKills,
  killAtEach,
  mailsSettled,
  startCrashLab,
} from '../fixtures/crash-lab.ts';
import { codeFor, logoutForm, Person, type Tokens, tokensIn } from '../fixtures/race-person.ts';
import { eachDatabase } from '../support/databases.ts';

/** The records of a user by kind, and how many of them have been used. */
async function recordsOf(lab: CrashLab, email: string) {
  const rows = await lab.look((database) =>
    database.read((q) =>
      q
        .selectFrom('oidc_records')
        .innerJoin('users', 'users.id', 'oidc_records.account_id')
        .select(['kind', 'consumed_at', 'grant_id'])
        .where('users.email', '=', email)
        .execute(),
    ),
  );
  const ofKind = (kind: string) => rows.filter((row) => row.kind === kind);
  return {
    count: (kind: string) => ofKind(kind).length,
    unspent: (kind: string) => ofKind(kind).filter(({ consumed_at }) => consumed_at === null).length,
  };
}

/** An app whose requests to the token endpoint may lose their answers, and which tries again. */
class DeterminedApp {
  readonly #lab: CrashLab;
  readonly #person: Person;

  constructor(lab: CrashLab, person: Person) {
    this.#lab = lab;
    this.#person = person;
  }

  /** A code whose answer was lost is spent, and what it gave revoked: the session gives the next one. */
  async exchange(code: string): Promise<Tokens> {
    const answer = await this.#person.exchange(code);
    if (answer.status === 200) return tokensIn(answer);
    assert.ok(this.#lab.wasKilled, answer.body);
    assert.equal(answer.status, 400);
    const records = await recordsOf(this.#lab, this.#person.email);
    for (const kind of ['RefreshToken', 'AccessToken', 'Grant']) assert.equal(records.count(kind), 0, kind);
    return tokensIn(await this.#person.exchange(await this.silentCode()));
  }

  /** Gives a working pair, however often the answer was lost. */
  async refresh(tokens: Tokens): Promise<Tokens> {
    const answer = await this.#person.refresh(tokens.refresh_token);
    assert.equal(answer.status, 200, answer.body);
    const fresh = tokensIn(answer);
    assert.equal((await this.#person.userinfo(fresh.access_token)).status, 200);
    const records = await recordsOf(this.#lab, this.#person.email);
    assert.equal(records.unspent('RefreshToken'), 1, 'the family has one successor');
    return fresh;
  }

  async silentCode(): Promise<string> {
    const answer = await this.#person.authorize(0, { prompt: 'none' });
    return codeFor(answer) ?? assert.fail(`no code: ${answer.status} ${answer.headers.location}`);
  }

  /** A form that is sent again after the logout finds nothing to end: that is what was asked for. */
  async logOut(tokens: Tokens): Promise<void> {
    const path = `/oidc/logout?${new URLSearchParams({ id_token_hint: tokens.id_token })}`;
    const page = await this.#person.get(path);
    const answer = await this.#person.post('/oidc/logout/confirm', logoutForm(page));
    if (!/\/oidc\/logout\/success/.test(answer.headers.location ?? ''))
      assert.ok(this.#lab.wasKilled, `${answer.status} ${answer.body}`);
    const { location } = (await this.#person.authorize(0, { prompt: 'none' })).headers;
    assert.match(location ?? '', /error=login_required/);
    assert.equal((await this.#person.refresh(tokens.refresh_token)).status, 400);
    const records = await recordsOf(this.#lab, this.#person.email);
    for (const kind of ['RefreshToken', 'AccessToken', 'Session']) assert.equal(records.count(kind), 0, kind);
  }
}

eachDatabase('a server that is killed', (given) =>
  describe('after any statement', () => {
    it('of a code exchange, a refresh or a logout leaves all of it or nothing', async (t) => {
      const lab = await startCrashLab({ database: given.url, everyStatement: true });
      try {
        await killAtEach(lab, async (point) => {
          const email = `person-${point}@example.com`;
          const send = (_process: number, outgoing: Parameters<CrashLab['send']>[0]) => lab.send(outgoing);
          const person = new Person({ email, app: lab.app, send });
          const app = new DeterminedApp(lab, person);
          const code = await person.signInToCode(lab.sink);
          await mailsSettled(lab, email);
          return async () => {
            const tokens = await app.exchange(code);
            await app.logOut(await app.refresh(tokens));
          };
        });
        t.diagnostic(describeKills(lab.kills));
        assert.ok(lab.kills.length > 10, `only ${lab.kills.length} points`);
        assert.ok(lab.kills.filter((name) => name === 'after a commit').length >= 4);
      } finally {
        await lab.stop();
      }
    });
  }),
);
