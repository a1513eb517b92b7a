import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CrashLab,
  describeKills,
  FLUSHED_AFTER,
  killAtEach,
  mailsSettled,
  startCrashLab,
} from '../fixtures/crash-lab.ts';
import type { Answer } from '../fixtures/race-cluster.ts';
import { codeFor, Person, secretsIn, tokensIn } from '../fixtures/race-person.ts';
import { eachDatabase } from '../support/databases.ts';

/** What an address has come to, and what it cost. */
async function factsOf(lab: CrashLab, email: string) {
  return lab.look((database) =>
    database.read(async (q) => {
      const attempts = await q.selectFrom('attempts').selectAll().where('email', '=', email).execute();
      const outbox = await q.selectFrom('outbox').selectAll().where('recipient', '=', email).execute();
      const users = await q.selectFrom('users').selectAll().where('email', '=', email).execute();
      const userIds = [...users.map(({ id }) => id), ''];
      const records = await q
        .selectFrom('oidc_records')
        .select('kind')
        .where('account_id', 'in', userIds)
        .execute();
      const ids = [...attempts.map(({ id }) => id), ''];
      const events = await q.selectFrom('events').select('type').where('attempt_id', 'in', ids).execute();
      const created = await q
        .selectFrom('events')
        .select('type')
        .where('type', '=', 'user.created')
        .where('user_id', 'in', userIds)
        .execute();
      return { attempts, outbox, users, records, events, created };
    }),
  );
}

/** The wrong guesses that are on record: of the attempts, and of the addresses. */
async function failuresIn(lab: CrashLab): Promise<number> {
  return lab.look((database) =>
    database.read(async (q) => {
      const limits = await q.selectFrom('limits').select('uses').execute();
      const attempts = await q.selectFrom('attempts').select('wrong_guesses').execute();
      const counted = limits.flatMap(
        ({ uses }): [number, number][] => JSON.parse(uses).address_failures ?? [],
      );
      const guessed = attempts.flatMap(({ wrong_guesses }) => JSON.parse(wrong_guesses));
      return counted.reduce((sum, [, count]) => sum + count, 0) + guessed.length;
    }),
  );
}

/** Somebody who signs in while the server may die at any moment, and does what a person would do then. */
class Determined {
  readonly person: Person;
  readonly #lab: CrashLab;
  #failures = 0;
  #read = 0;

  constructor(lab: CrashLab, email: string) {
    this.#lab = lab;
    this.person = new Person({ email, app: lab.app, send: (_process, outgoing) => lab.send(outgoing) });
  }

  /** Gives the tokens; goes back to the app and begins again where a page says so. */
  async signIn(): Promise<void> {
    for (let time = 1; time <= 2; time += 1) {
      const code = codeFor(await this.person.authorize()) ?? (await this.#prove());
      const answer = code === undefined ? undefined : await this.person.exchange(code);
      if (answer?.status === 200) return void tokensIn(answer);
      assert.ok(this.#lab.wasKilled && time === 1, `the app got ${answer?.status} ${answer?.body}`);
    }
  }

  /** Undefined where the answer with the authorization code was lost, and a page leads back to the app. */
  async #prove(): Promise<string | undefined> {
    await this.#begin();
    const { code } = await this.#nextMail();
    await this.#guessWrong(code);
    const answer = await this.person.enter(code);
    assert.ok((await failuresIn(this.#lab)) >= this.#failures, 'a counter has gone down');
    const authorization = codeFor(answer);
    if (authorization === undefined) assert.match(answer.body, /href="http:\/\/localhost:9\/"/);
    return authorization;
  }

  async #begin(): Promise<void> {
    const { person } = this;
    assert.equal((await person.get(person.at)).status, 200);
    assert.equal((await person.start()).status, 200);
    const { attempts } = await factsOf(this.#lab, person.email);
    assert.ok(
      attempts.some(({ state }) => state === 'pending'),
      'what was acknowledged is there',
    );
  }

  /** Waits for a mail; where a kill may have lost it, asks for another one before long, as the page offers. */
  async #nextMail() {
    const found = await this.#mailWithin(() => (this.#lab.wasKilled ? 1500 : 20_000));
    if (found) return found;
    const answer = await this.person.post(`${this.person.at}/resend`, { step: '1' });
    assert.match(answer.body, /We have sent you another email/);
    const second = await this.#mailWithin(() => 20_000);
    assert.ok(second, 'no mail came, though another one was asked for');
    return second;
  }

  async #mailWithin(patience: () => number) {
    for (let waited = 0; waited < patience(); waited += 10) {
      await this.#lab.revive();
      const mails = this.#lab.sink.mails.filter(({ to }) => to.includes(this.person.email));
      const mail = mails[this.#read];
      if (mail) {
        this.#read = mails.length;
        await this.#settled();
        return secretsIn(mail.raw);
      }
      await sleep(10);
    }
    return undefined;
  }

  /** That a mail was handed over is written a moment later; a server that was killed then never knows. */
  async #settled(): Promise<void> {
    while (!this.#lab.wasKilled) {
      const { outbox } = await factsOf(this.#lab, this.person.email);
      if (outbox.every(({ state }) => state === 'sent')) return void (await sleep(FLUSHED_AFTER));
      await sleep(10);
    }
  }

  /** One wrong code; sent again after a crash, it is the same guess. */
  async #guessWrong(code: string): Promise<void> {
    const before = await failuresIn(this.#lab);
    const answer: Answer = await this.person.enter(code === '111111' ? '222222' : '111111');
    assert.equal(answer.status, 400);
    assert.match(answer.body, /4 tries left/);
    this.#failures = await failuresIn(this.#lab);
    assert.equal(
      this.#failures,
      before + 2,
      'one guess counts once for the attempt and once for the address',
    );
  }
}

/** Whatever happened, this holds. */
async function requireSound(lab: CrashLab, email: string): Promise<void> {
  const { attempts, outbox, users, records, events, created } = await factsOf(lab, email);
  assert.equal(users.length, 1);
  assert.equal(created.length, 1);
  const redeemed = attempts.filter(({ state }) => state === 'redeemed').length;
  const count = (kind: string) => records.filter((record) => record.kind === kind).length;
  assert.ok(redeemed === 1 || redeemed === 2, `${redeemed} attempts were redeemed`);
  assert.equal(events.filter(({ type }) => type === 'attempt.redeemed').length, redeemed);
  assert.equal(count('Session'), redeemed);
  assert.equal(count('AuthorizationCode'), redeemed);
  assert.equal(count('RefreshToken'), 1);
  const sent = lab.sink.received
    .filter(({ to }) => to.includes(email))
    .map(({ raw }) => /^Message-ID: <(msg_\d+)@/m.exec(raw)?.[1]);
  assert.equal(new Set(sent).size, sent.length, 'a mail was sent twice');
  for (const id of sent)
    assert.ok(
      outbox.some((row) => row.id === id),
      'a mail left that nobody asked for',
    );
}

eachDatabase('a server that is killed', (given) =>
  describe('between any two writes of a sign-in', () => {
    it('loses nothing it acknowledged, spends nothing twice, and lets the person go on', async (t) => {
      const lab = await startCrashLab({ database: given.url });
      try {
        await killAtEach(lab, async (point) => {
          const email = `person-${point}@example.com`;
          return async () => {
            await new Determined(lab, email).signIn();
            await requireSound(lab, email);
          };
        });
        t.diagnostic(describeKills(lab.kills));
        assert.ok(lab.kills.length > 10, `only ${lab.kills.length} points`);
        for (const name of ['before a commit', 'after a commit', 'before a mail is handed over'])
          assert.ok(lab.kills.includes(name), name);
      } finally {
        await lab.stop();
      }
    });

    it('by a link takes the person to the app, or begins the same request again', async (t) => {
      const lab = await startCrashLab({ database: given.url });
      try {
        await killAtEach(lab, async (point) => {
          const email = `link-${point}@example.com`;
          const send = (_process: number, outgoing: Parameters<CrashLab['send']>[0]) => lab.send(outgoing);
          const person = new Person({ email, app: lab.app, send });
          await person.authorize();
          await person.start();
          const { link } = secretsIn((await lab.sink.waitFor(email, 20_000)).raw);
          await mailsSettled(lab, email);
          return async () => {
            const answer = await person.post(link, {});
            const [attempt] = (await factsOf(lab, email)).attempts;
            assert.equal(attempt?.state, 'redeemed');
            if (codeFor(answer) !== undefined) return;
            assert.ok(lab.wasKilled);
            assert.ok(answer.body.includes(`action="${link}/again"`), answer.body);
            assert.equal((await person.post(`${link}/again`, {})).status, 303, 'the same request, once more');
          };
        });
        t.diagnostic(describeKills(lab.kills));
        assert.ok(lab.kills.length >= 4);
      } finally {
        await lab.stop();
      }
    });
  }),
);
