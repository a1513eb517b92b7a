import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { domainToASCII } from 'node:url';
import { type Email, parseEmail } from '../../src/core/email.ts';
import { Problem, type ProblemCode } from '../../src/core/problems.ts';
import type { Clock } from '../../src/platform/clock.ts';
import type { Database } from '../../src/platform/database/database.ts';
import { findOrCreateUser, findUser, findUserByEmail, touchSignIn } from '../../src/users/store.ts';
import { createUsers, type Users } from '../../src/users/users.ts';
import { eachDatabase } from '../support/databases.ts';

function email(text: string): Email {
  const parsed = parseEmail(text, domainToASCII);
  assert.ok(typeof parsed === 'string');
  return parsed;
}

function refusal(code: ProblemCode): (failure: unknown) => boolean {
  return (failure) => failure instanceof Problem && failure.code === code;
}

eachDatabase('users', (store) => {
  let database: Database;
  let users: Users;
  const ended: string[] = [];
  let now = Date.UTC(2030, 0, 1);
  const clock: Clock = { now: () => now };

  before(async () => {
    database = await store.open();
    users = createUsers({ database, clock, endSessions: async (id) => void ended.push(id) });
  });

  const signedIn = (address: string) => database.write((q) => findOrCreateUser(q, email(address), now));

  async function eventsOf(id: string): Promise<string[]> {
    const rows = await database.read((q) =>
      q.selectFrom('events').select('type').where('user_id', '=', id).orderBy('id').execute(),
    );
    return rows.map(({ type }) => type);
  }

  it('an address becomes a user once', async () => {
    const first = await signedIn('Ada@Example.com');
    assert.equal(first.created, true);
    assert.match(first.user.id, /^usr_\d{19}$/);
    assert.deepEqual(first.user, {
      id: first.user.id,
      email: 'ada@example.com',
      status: 'active',
      createdAt: now,
      updatedAt: now,
      profile: {},
      metadata: {},
    });
    now += 1000;
    assert.deepEqual(await signedIn('ada@example.com'), { ...first, created: false });
    assert.deepEqual(await database.read((q) => findUser(q, first.user.id)), first.user);
    assert.deepEqual(await database.read((q) => findUserByEmail(q, first.user.email)), first.user);
  });

  it('twenty sign-ins of one new address at once, in two processes, make one user', async () => {
    const other = await store.open();
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        (at % 2 === 0 ? database : other).write((q) =>
          findOrCreateUser(q, email('race@example.com'), now + at),
        ),
      ),
    );
    assert.equal(new Set(results.map(({ user }) => user.id)).size, 1);
    assert.equal(results.filter(({ created }) => created).length, 1);
  });

  it('twenty new addresses at once make twenty users with different ids', async () => {
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, at) => signedIn(`many-${at}@example.com`)),
    );
    assert.equal(new Set(results.map(({ user }) => user.id)).size, 20);
    assert.ok(results.every(({ created }) => created));
  });

  it('a user that was made in a transaction that failed is not there', async () => {
    const attempt = database.write(async (q) => {
      await findOrCreateUser(q, email('undone@example.com'), now);
      throw new Error('undone');
    });
    await assert.rejects(attempt, /undone/);
    assert.equal(await database.read((q) => findUserByEmail(q, email('undone@example.com'))), undefined);
  });

  it('the last sign-in is remembered', async () => {
    const { user } = await signedIn('last@example.com');
    now += 5000;
    await database.write((q) => touchSignIn(q, user.id, now));
    assert.equal((await users.show(user.id)).lastSignInAt, now);
  });

  it('a user is found by id and by address, however it is written', async () => {
    const { user } = await signedIn('find@example.com');
    assert.deepEqual(await users.show(user.id), user);
    assert.deepEqual(await users.show(' FIND@Example.COM '), user);
  });

  it('a user is disabled and enabled again, each with one event however often it is asked', async () => {
    const { user } = await signedIn('off@example.com');
    now += 1000;
    const disabled = await users.disable('off@example.com');
    assert.deepEqual(disabled, { ...user, status: 'disabled', updatedAt: now });
    assert.deepEqual(await users.disable(user.id), disabled);
    assert.equal((await signedIn('off@example.com')).user.status, 'disabled');
    assert.equal((await users.enable(user.id)).status, 'active');
    assert.equal((await users.enable(user.id)).status, 'active');
    assert.deepEqual(await eventsOf(user.id), ['user.disabled', 'user.enabled']);
    assert.deepEqual(ended, [user.id, user.id], 'a second time ends what the first one may have left');
  });

  it('a deleted address that signs up again is another user', async () => {
    const { user } = await signedIn('again@example.com');
    assert.deepEqual(await users.delete('again@example.com'), user);
    assert.equal(await database.read((q) => findUser(q, user.id)), undefined);
    const second = await signedIn('again@example.com');
    assert.equal(second.created, true);
    assert.notEqual(second.user.id, user.id);
    assert.deepEqual(await eventsOf(user.id), ['user.deleted']);
  });

  it('a deletion between two sign-ins at the same moment leaves at most one user', async () => {
    const { user } = await signedIn('busy@example.com');
    const other = await store.open();
    const work = Array.from({ length: 20 }, (_, at) =>
      at === 10
        ? users.delete(user.id)
        : other.write((q) => findOrCreateUser(q, email('busy@example.com'), now)).then(() => user),
    );
    await Promise.all(work);
    const rows = await database.read((q) =>
      q.selectFrom('users').select('id').where('email', '=', 'busy@example.com').execute(),
    );
    assert.ok(rows.length <= 1);
  });

  it('a user that is not there is refused, whatever the name looks like', async () => {
    const nobody = [
      'usr_1',
      'nobody@example.com',
      '',
      'usr_',
      "usr_1' or 1=1",
      'usr_1\u0000',
      'x'.repeat(10_000),
    ];
    for (const who of nobody) {
      await assert.rejects(users.show(who), refusal('user_not_found'));
      await assert.rejects(users.disable(who), refusal('user_not_found'));
      await assert.rejects(users.delete(who), refusal('user_not_found'));
    }
  });

  it('pages of the list hold every user once, oldest first', async () => {
    const all = await users.list({ limit: 1000 });
    const paged: typeof all = [];
    for (let page = await users.list({ limit: 7 }); page.length > 0; ) {
      paged.push(...page);
      page = await users.list({ limit: 7, after: page.at(-1)?.id ?? '' });
    }
    assert.deepEqual(paged, all);
    assert.ok(all.length > 20);
    for (const page of [{ limit: 0 }, { limit: 1001 }, { limit: 1.5 }, { after: 'x' }])
      await assert.rejects(users.list(page), refusal('invalid_request'));
  });
});
