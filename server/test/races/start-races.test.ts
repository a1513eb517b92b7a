import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cluster, startCluster } from '../fixtures/race-cluster.ts';
import { AT_ONCE, atOnce, endRace, factsOf, failuresOf, tally } from '../fixtures/race-facts.ts';
import { Person, secretsIn } from '../fixtures/race-person.ts';
import { eachDatabase } from '../support/databases.ts';

const ROUNDS = 5;
const MAILS_A_MINUTE = 2;
const FAILURES = 30;

eachDatabase('fifty sign-ins at once', (given) =>
  describe('in two processes', () => {
    let cluster: Cluster;
    before(async () => {
      const settings = {
        'limits.mails_per_address_minute': MAILS_A_MINUTE,
        'limits.failures_per_address': FAILURES,
      };
      cluster = await startCluster({ database: given.url, settings });
    });
    after(() => endRace(cluster, given));

    const personOf = (email: string) => new Person({ email, send: cluster.send, app: cluster.app });

    async function visitor(email: string): Promise<Person> {
      const person = personOf(email);
      await person.authorize();
      return person;
    }

    /** Every mail that was asked for has come to an end. */
    async function settled(email: string): Promise<void> {
      for (let tries = 0; tries < 400; tries += 1) {
        const { outbox } = await factsOf(cluster, email);
        if (outbox.every(({ state }) => state === 'sent' || state === 'held')) return;
        await sleep(10);
      }
      throw new Error(`the mails to ${email} did not settle`);
    }

    const mailsTo = (email: string) => cluster.sink.received.filter(({ to }) => to.includes(email)).length;

    it('begin one attempt and send one mail when they are one form, posted fifty times', async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const person = await visitor(`start-${round}@example.com`);
        const answers = await atOnce((turn) => person.start(turn));
        assert.deepEqual(tally(answers), { 200: AT_ONCE });
        await settled(person.email);
        const facts = await factsOf(cluster, person.email);
        assert.equal(facts.attempts.length, 1);
        assert.equal(facts.outbox.length, 1);
        assert.equal(mailsTo(person.email), 1);
      }
    });

    it('send one mail more when a resend is posted fifty times, and begin one attempt at a restart', async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const person = await visitor(`resend-${round}@example.com`);
        await person.start();
        await atOnce((turn) => person.post(`${person.at}/resend`, { step: '1' }, turn));
        await settled(person.email);
        assert.equal(mailsTo(person.email), 2);
        await atOnce((turn) => person.post(`${person.at}/restart`, { step: '1' }, turn));
        const facts = await factsOf(cluster, person.email);
        assert.deepEqual(facts.states, ['pending', 'superseded']);
        assert.equal(facts.outbox.length, 3);
      }
    });

    it('for two addresses in one interaction leave one attempt open', async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const emails = [`either-${round}@example.com`, `or-${round}@example.com`];
        const person = await visitor('');
        await atOnce((turn) =>
          person.post(`${person.at}/start`, { email: emails[(turn >> 1) % 2] ?? '', step: '0' }, turn),
        );
        const facts = await Promise.all(emails.map((email) => factsOf(cluster, email)));
        const states = facts.flatMap((fact) => fact.states);
        assert.equal(states.filter((state) => state === 'pending').length, 1);
        assert.equal(states.filter((state) => state === 'superseded').length, states.length - 1);
      }
    });

    it('never send more mails to an address than its limit', async () => {
      const email = 'flooded@example.com';
      const people = await Promise.all(Array.from({ length: AT_ONCE }, () => visitor(email)));
      await atOnce(async (turn) => people[turn]?.start(turn));
      await settled(email);
      const facts = await factsOf(cluster, email);
      assert.equal(facts.attempts.length, AT_ONCE);
      assert.equal(facts.outbox.filter(({ state }) => state === 'sent').length, MAILS_A_MINUTE);
      assert.equal(mailsTo(email), MAILS_A_MINUTE);
    });

    it('make one user of all the ways to write an address', async () => {
      await cluster.rooms.settings.set('limits.mails_per_address_minute', 10);
      await sleep(1000); // until both processes know
      for (let round = 0; round < ROUNDS; round += 1) {
        const variants = Array.from({ length: 10 }, (_, index) => caseVariant(`new.person.${round}`, index));
        const proofs = await Promise.all(
          variants.map(async (written) => {
            const person = await visitor(`${written}@${round % 2 ? 'EXAMPLE.com' : 'example.COM'}`);
            await person.start();
            return person;
          }),
        );
        const email = `new.person.${round}@example.com`;
        await settled(email);
        const codes = cluster.sink.received
          .filter(({ to }) => to.includes(email))
          .map(({ raw }) => secretsIn(raw));
        assert.equal(codes.length, 10);
        const links = await Promise.all(
          proofs.flatMap((person, turn) => codes.map(({ link }) => person.post(link, {}, turn))),
        );
        assert.equal(tally(links).code, 10);
        const facts = await factsOf(cluster, email);
        assert.equal(facts.users.length, 1);
        assert.deepEqual(facts.states, Array(10).fill('redeemed'));
        assert.equal(new Set(facts.attempts.map(({ user_id }) => user_id)).size, 1);
      }
    });

    it('judge no more wrong codes of an address than its budget, over however many attempts', async () => {
      const email = 'guessed@example.com';
      const people = await Promise.all(Array.from({ length: AT_ONCE }, () => visitor(email)));
      await atOnce(async (turn) => people[turn]?.start(turn));
      const before = await failuresOf(cluster);
      const answers = await Promise.all(
        [1, 2, 3, 4].flatMap((guess) =>
          people.map((person, turn) =>
            person.enter(`${guess}00${String(turn).padStart(3, '0')}`, turn + guess),
          ),
        ),
      );
      assert.deepEqual(tally(answers), { 400: 4 * AT_ONCE });
      const facts = await factsOf(cluster, email);
      const judged = facts.wrongGuesses.reduce((sum, guesses) => sum + guesses, 0);
      assert.equal(judged, FAILURES);
      assert.equal(facts.events('attempt.code_wrong'), FAILURES);
      assert.equal(facts.events('attempt.code_refused'), 4 * AT_ONCE - FAILURES);
      assert.deepEqual(await failuresOf(cluster), [...before, FAILURES].sort());
    });
  }),
);

function caseVariant(local: string, index: number): string {
  return [...local]
    .map((letter, at) => ((at * 7 + index) % 3 === 0 ? letter.toUpperCase() : letter))
    .join('');
}
