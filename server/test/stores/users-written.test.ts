import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { domainToASCII } from 'node:url';
import fc from 'fast-check';
import { parseEmail } from '../../src/core/email.ts';
import { Problem, type ProblemCode } from '../../src/core/problems.ts';
import type { Clock } from '../../src/platform/clock.ts';
import type { Database } from '../../src/platform/database/database.ts';
import { type Page, readPage } from '../../src/platform/paging.ts';
import { findOrCreateUser } from '../../src/users/store.ts';
import { createUsers, type Users, type UsersPage } from '../../src/users/users.ts';
import { eachDatabase } from '../support/databases.ts';

function refusal(code: ProblemCode): (failure: unknown) => boolean {
  return (failure) => failure instanceof Problem && failure.code === code;
}

eachDatabase('users that are written down', (store) => {
  let database: Database;
  let users: Users;
  let others: Users;
  let made = 0;
  let now = Date.UTC(2030, 0, 1);
  const clock: Clock = { now: () => now };
  const endSessions = async () => undefined;

  before(async () => {
    database = await store.open();
    users = createUsers({ database, clock, endSessions });
    others = createUsers({ database: await store.open(), clock, endSessions });
  });

  function create(user: object = {}) {
    made += 1;
    return users.create({ email: `written-${made}@example.com`, ...user });
  }

  async function eventsOf(id: string): Promise<string[]> {
    const rows = await database.read((q) =>
      q.selectFrom('events').select('type').where('user_id', '=', id).orderBy('id').execute(),
    );
    return rows.map(({ type }) => type);
  }

  const found = async (text: string) =>
    (await users.search(text, { size: 30 })).rows.map(({ email }) => email);

  it('a person who was written down is the one who signs in later', async () => {
    const user = await users.create({ email: 'Later@Example.com', profile: { name: 'Later' } });
    const email = parseEmail('later@example.com', domainToASCII);
    assert.ok(typeof email === 'string');
    const signedIn = await database.write((q) => findOrCreateUser(q, email, now));
    assert.deepEqual(signedIn, { user, created: false });
  });

  it('each change has its event, and one that is refused has none', async () => {
    const user = await create({ externalId: 'events' });
    now += 1000;
    const changed = await users.update({ id: user.id }, { metadata: { plan: 'gold' } });
    assert.equal(changed.updatedAt, now);
    assert.deepEqual(await users.get({ externalId: 'events' }), changed);
    const bad = users.update({ id: user.id }, { metadata: { plan: 'x'.repeat(257) } });
    await assert.rejects(bad, refusal('validation_failed'));
    assert.deepEqual(await eventsOf(user.id), ['user.created', 'user.changed']);
    await users.remove({ externalId: 'events' });
    assert.deepEqual(await eventsOf(user.id), ['user.created', 'user.changed', 'user.deleted']);
  });

  it('of twenty that create one address at once, in two processes, one does', async () => {
    const tries = await Promise.allSettled(
      Array.from({ length: 20 }, (_, at) =>
        (at % 2 === 0 ? users : others).create({ email: 'race@example.com', externalId: `race-${at}` }),
      ),
    );
    assert.equal(tries.filter(({ status }) => status === 'fulfilled').length, 1);
    for (const one of tries) if (one.status === 'rejected') assert.ok(refusal('user_exists')(one.reason));
  });

  it('of twenty that take one external id at once, made and changed, one does', async () => {
    const known = await Promise.all(Array.from({ length: 10 }, () => create()));
    const change = { externalId: 'wanted' };
    const tries = await Promise.allSettled(
      known.flatMap((user, at) => [
        (at % 2 === 0 ? users : others).update({ id: user.id }, change),
        others.create({ email: `wanted-${at}@example.com`, ...change }),
      ]),
    );
    assert.equal(tries.filter(({ status }) => status === 'fulfilled').length, 1);
    for (const one of tries) if (one.status === 'rejected') assert.ok(refusal('user_exists')(one.reason));
  });

  it('changes of different pairs at the same moment all stay', async () => {
    const { id } = await create();
    await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        (at % 2 === 0 ? users : others).update({ id }, { metadata: { [`key${at}`]: 'value' } }),
      ),
    );
    assert.equal(Object.keys((await users.get({ id })).metadata).length, 20);
    await assert.rejects(
      users.update({ id }, { metadata: { another: 'pair' } }),
      refusal('validation_failed'),
    );
  });

  it('a search finds who was never written down by the address, and takes no character for a pattern', async () => {
    const email = parseEmail('plain_reader@example.org', domainToASCII);
    assert.ok(typeof email === 'string');
    await database.write((q) => findOrCreateUser(q, email, now));
    await create({ email: 'other@example.org', profile: { givenName: 'ÉLODIE', name: '100% \\ sure_' } });
    assert.deepEqual(await found('PLAIN_READER'), [email]);
    assert.deepEqual(await found('plain%reader'), []);
    assert.deepEqual(await found('plain-reader'), []);
    assert.deepEqual(await found('élodie'), ['other@example.org']);
    assert.deepEqual(await found('100% \\ SURE_'), ['other@example.org']);
    assert.deepEqual(
      await found('e\u0301lodie'),
      ['other@example.org'],
      'however the letter is put together',
    );
    await users.update(
      { id: (await users.show('other@example.org')).id },
      { profile: { name: '', givenName: '' } },
    );
    assert.deepEqual(await found('élodie'), []);
  });

  it('a name cannot be written so that it is found as part of another field', async () => {
    await assert.rejects(create({ profile: { name: 'a\nadmin@example.com' } }), refusal('validation_failed'));
  });

  /** Every page from the first on, with whatever happens between two of them. */
  async function walk(size: number, between: (page: UsersPage) => Promise<void>): Promise<UsersPage[]> {
    const pages: UsersPage[] = [];
    const usual = { usual: 10, max: 30 };
    for (let page: Page | undefined = { size }; page; ) {
      const read: UsersPage = await users.page(page);
      pages.push(read);
      await between(read);
      page = read.nextToken === '' ? undefined : readPage({ size, token: read.nextToken }, usual);
    }
    return pages;
  }

  it('pages neither lose nor repeat anybody while users come and go', { timeout: 120_000 }, async () => {
    const one = fc.record({
      size: fc.integer({ min: 1, max: 9 }),
      changes: fc.array(fc.constantFrom('insert', 'delete-seen', 'delete-ahead', 'nothing'), {
        maxLength: 8,
      }),
    });
    await fc.assert(
      fc.asyncProperty(one, async ({ size, changes }) => {
        while ((await users.page({ size: 30 })).total < 25) await create();
        const standing = new Set((await users.list({ limit: 1000 })).map(({ id }) => id as string));
        const oldest = (await users.list({ limit: 1 }))[0]?.id ?? '';
        const todo = [...changes];
        const pages = await walk(size, async ({ rows }) => {
          const change = todo.shift();
          if (change === 'insert') await create();
          const gone =
            change === 'delete-seen' ? rows.at(-1)?.id : change === 'delete-ahead' ? oldest : undefined;
          if (gone && standing.delete(gone)) await users.remove({ id: gone });
        });
        const seen = pages.flatMap(({ rows }) => rows.map(({ id }) => id as string));
        assert.equal(new Set(seen).size, seen.length, 'nobody twice');
        assert.deepEqual(
          [...standing].filter((id) => !seen.includes(id)),
          [],
          'nobody lost',
        );
        assert.deepEqual(seen, seen.toSorted().toReversed());
      }),
      { numRuns: 12 },
    );
  });

  it('going back from a page gives the one before it', async () => {
    const [first, second] = await walk(7, async () => undefined);
    assert.ok(first && second);
    const back = await users.page(readPage({ size: 7, token: second.prevToken }, { usual: 10, max: 30 }));
    assert.deepEqual(back.rows, first.rows);
    assert.deepEqual([back.prevToken, back.nextToken], ['', first.nextToken]);
  });
});
