import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import type { ClientId, SessionId, UserId } from '../../src/core/ids.ts';
import { describeDevice } from '../../src/core/requester.ts';
import { endingSessions, endSession, endSessionsOf } from '../../src/oidc/sessions/ending.ts';
import { sessionsOfUser } from '../../src/oidc/sessions/sessions.ts';
import {
  countSessions,
  findSession,
  listSessions,
  noteEnd,
  noteSession,
  noteUse,
  pruneSessions,
  type Session,
} from '../../src/oidc/sessions/store.ts';
import { putRecord } from '../../src/oidc/store.ts';
import type { Database } from '../../src/platform/database/database.ts';
import { newId } from '../../src/platform/random.ts';
import { createSecrets } from '../../src/platform/secrets.ts';
import { findOrCreateUser } from '../../src/users/store.ts';
import { eachDatabase } from '../support/databases.ts';
import { as } from '../support/mails.ts';
import { SECRET } from '../support/server.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const T0 = Date.UTC(2030, 0, 1);

let now = T0;
const clock = { now: () => now };
const secrets = createSecrets([SECRET]);
const app = newId('skc', T0);

type Noted = Parameters<typeof noteSession>[1];

function begun(given: Partial<Noted> = {}): Noted {
  return {
    id: newId('ses', now),
    userId: newId('usr', now),
    createdAt: now,
    lastActiveAt: now,
    idleExpiresAt: now + 7 * DAY,
    absoluteExpiresAt: now + 30 * DAY,
    device: describeDevice('', ''),
    clients: [app],
    ...given,
  };
}

eachDatabase('the rows of sessions', (given) => {
  let database: Database;
  before(async () => {
    database = await given.open();
  });

  const note = (session: Noted) => database.write((q) => noteSession(q, session));
  const found = (id: SessionId) => database.read((q) => findSession(q, id, now));
  const eventsOf = async (id: SessionId) => {
    const rows = await database.read((q) =>
      q.selectFrom('events').select(['type', 'user_id', 'data']).where('session_id', '=', id).execute(),
    );
    return rows.map((row) => ({ ...row }));
  };

  it('are read as they were written', async () => {
    const session = begun({ device: describeDevice('Mozilla/5.0 (X11; Linux) Firefox/130.0', '192.0.2.1') });
    await note(session);
    assert.deepEqual(await found(session.id), {
      ...session,
      status: 'active',
      updatedAt: now,
    } satisfies Session);
    assert.equal(await found(newId('ses', now)), undefined);
  });

  it('note a use at most once a minute, and at once what else has changed', async () => {
    const session = begun();
    await note(session);
    const later = (ms: number, change: Partial<Noted> = {}) =>
      note({ ...session, lastActiveAt: T0 + ms, idleExpiresAt: T0 + ms + 7 * DAY, ...change });
    await later(MINUTE - 1);
    assert.equal((await found(session.id))?.lastActiveAt, T0);
    await later(MINUTE);
    assert.deepEqual(
      [(await found(session.id))?.lastActiveAt, (await found(session.id))?.idleExpiresAt],
      [T0 + MINUTE, T0 + MINUTE + 7 * DAY],
    );
    const two: ClientId[] = [app, newId('skc', T0)];
    await later(MINUTE + 1, { clients: two });
    assert.deepEqual((await found(session.id))?.clients, two);
    await later(MINUTE + 2, { clients: two, absoluteExpiresAt: T0 + 31 * DAY });
    assert.equal((await found(session.id))?.absoluteExpiresAt, T0 + 31 * DAY);
    assert.equal((await found(session.id))?.createdAt, T0);
  });

  it('note that tokens were asked for, and never an end past the absolute one', async () => {
    const session = begun();
    await note(session);
    const use = (at: number) =>
      database.write((q) => noteUse(q, { id: session.id, at, idleExpiresAt: at + 7 * DAY }));
    await use(T0 + 30_000);
    assert.equal((await found(session.id))?.lastActiveAt, T0);
    await use(T0 + DAY);
    assert.equal((await found(session.id))?.idleExpiresAt, T0 + 8 * DAY);
    await use(T0 + 29 * DAY);
    assert.equal((await found(session.id))?.idleExpiresAt, T0 + 30 * DAY);
    assert.deepEqual((await found(session.id))?.clients, [app]);
  });

  it('end once, and nothing brings them back', async () => {
    const session = begun();
    await note(session);
    const end = (as: 'logout' | 'revoked', at: number) =>
      database.write((q) => noteEnd(q, { id: session.id, as, at }));
    assert.equal(await end('logout', T0 + 5), session.userId);
    assert.equal(await end('revoked', T0 + 6), undefined);
    await note({ ...session, lastActiveAt: T0 + DAY });
    await database.write((q) => noteUse(q, { id: session.id, at: T0 + DAY, idleExpiresAt: T0 + 8 * DAY }));
    const after = await found(session.id);
    assert.deepEqual([after?.status, after?.endedAt, after?.lastActiveAt], ['logout', T0 + 5, T0]);
  });

  it('are listed by status and by when they began, newest first, over pages that lose none', async () => {
    const { user } = await database.write((q) => findOrCreateUser(q, as('many@example.com'), T0));
    const userId: UserId = user.id;
    const made: SessionId[] = [];
    for (const minute of [0, 1, 2, 3, 4, 5]) {
      const at = T0 + minute * MINUTE;
      const session = begun({ id: newId('ses', at), userId, createdAt: at, lastActiveAt: at });
      made.unshift(session.id);
      await note(minute === 0 ? { ...session, idleExpiresAt: T0 + 1 } : session);
    }
    await note(begun());
    await database.write((q) => noteEnd(q, { id: made[0] ?? 'ses_0', as: 'logout', at: T0 + DAY }));
    await database.write((q) => noteEnd(q, { id: made[1] ?? 'ses_0', as: 'revoked', at: T0 + DAY }));
    now = T0 + DAY;
    const by = async (statuses: string[], more: { from?: number; until?: number } = {}) => {
      const { rows, total } = await sessionsOfUser(
        { database, secrets, clock },
        { userId, statuses, ...more },
      );
      assert.equal(total, rows.length);
      return rows.map(({ id }) => made.indexOf(id));
    };
    assert.deepEqual(await by([]), [0, 1, 2, 3, 4, 5]);
    assert.deepEqual(await by(['ACTIVE']), [2, 3, 4]);
    assert.deepEqual(await by(['active', 'Logout']), [0, 2, 3, 4]);
    assert.deepEqual(await by(['revoked', 'expired']), [1, 5]);
    assert.deepEqual(await by([], { from: T0 + MINUTE, until: T0 + 3 * MINUTE }), [3, 4]);
    const filter = { userId, statuses: [] };
    const ids = async (page: { size: number; after?: string; before?: string }) => {
      const rows = await database.read((q) => listSessions(q, filter, { page, now }));
      return rows.map(({ id }) => made.indexOf(id));
    };
    assert.deepEqual(await ids({ size: 2 }), [0, 1, 2]);
    assert.deepEqual(await ids({ size: 2, after: made[1] ?? '' }), [2, 3, 4]);
    assert.deepEqual(await ids({ size: 2, before: made[4] ?? '' }), [1, 2, 3]);
    assert.equal(await database.read((q) => countSessions(q, filter, now)), 6);
    now = T0;
  });

  it('go thirty days after the end, and not while tokens are still asked for', async () => {
    const [old, ended, used] = [
      begun(),
      begun({ idleExpiresAt: T0 + DAY }),
      begun({ idleExpiresAt: T0 + DAY }),
    ];
    for (const session of [old, ended, used]) await note(session);
    await database.write((q) => noteEnd(q, { id: ended.id, as: 'revoked', at: T0 + 9 * DAY }));
    await note({ ...used, lastActiveAt: T0 + 9 * DAY });
    const left = async (before: number) => {
      await database.write((q) => pruneSessions(q, before, 500));
      return Promise.all([old, ended, used].map(async ({ id }) => (await found(id)) !== undefined));
    };
    assert.deepEqual(await left(T0 + 7 * DAY), [true, true, true]);
    assert.deepEqual(await left(T0 + 8 * DAY), [false, true, true]);
    assert.deepEqual(await left(T0 + 9 * DAY + 1), [false, false, false]);
  });

  it('end with their grants and all that was issued under them, in one transaction with the event', async () => {
    const parts = { database, secrets, clock };
    const [mine, other] = [begun(), begun()];
    for (const session of [mine, other]) await issue(database, session);
    assert.equal(await endSession(parts, mine.id, 'revoked'), true);
    assert.equal(await endSession(parts, mine.id, 'revoked'), false);
    assert.deepEqual(await recordsOf(database, mine), []);
    assert.deepEqual(await recordsOf(database, other), ['Grant', 'RefreshToken', 'Session']);
    assert.deepEqual(await eventsOf(mine.id), [
      { type: 'session.ended', user_id: mine.userId, data: '{"as":"revoked"}' },
    ]);
    assert.deepEqual(await eventsOf(other.id), []);
  });

  it('end for a user all at once; those that had ended stay as they were', async () => {
    const parts = { database, secrets, clock };
    const userId = newId('usr', now);
    const [one, two, gone] = [begun({ userId }), begun({ userId }), begun({ userId })];
    const stranger = begun();
    for (const session of [one, two, gone, stranger]) await issue(database, session);
    await endSession(parts, gone.id, 'logout');
    assert.deepEqual(await endSessionsOf(parts, userId, 'revoked'), [one.id, two.id].toSorted());
    assert.deepEqual(await endSessionsOf(parts, userId, 'revoked'), []);
    assert.equal((await found(gone.id))?.status, 'logout');
    assert.equal((await found(stranger.id))?.status, 'active');
    for (const session of [one, two]) assert.deepEqual(await recordsOf(database, session), []);
  });

  it('end with a grant that was made between looking and ending', async () => {
    const parts = { database, secrets, clock };
    const session = begun();
    await issue(database, session);
    let looked = 0;
    await endingSessions(parts, {
      known: async () => {
        looked += 1;
        return [session.id];
      },
      decide: async (q) => {
        if (looked === 1) await putGrant(q, session);
        return { result: undefined, sessions: [session.id] };
      },
      as: 'revoked',
    });
    assert.equal(looked, 2);
    assert.deepEqual(await recordsOf(database, session), []);
  });

  it('leave nothing ended when the transaction fails', async () => {
    const parts = { database, secrets, clock };
    const session = begun();
    await issue(database, session);
    const known = async () => [session.id];
    const decide = () => Promise.reject(new Error('no'));
    await assert.rejects(endingSessions(parts, { known, decide, as: 'revoked' }), /no/);
    assert.equal((await found(session.id))?.status, 'active');
    assert.equal((await recordsOf(database, session)).length, 3);
  });
});

const hashed = (text: string) => secrets.hash('oidc-record', text);

type Q = Parameters<typeof putRecord>[0];

async function putGrant(q: Q, session: Noted): Promise<string> {
  const grant = newId('tkn', now);
  await putRecord(q, {
    idHash: hashed(`Grant:${grant}`),
    olderHashes: [],
    kind: 'Grant',
    uidHash: hashed(`GrantUid:${session.id}`),
    grantId: grant,
    accountId: session.userId,
    payload: '{}',
    expiresAt: now + DAY,
  });
  return grant;
}

/** A session as the library leaves it: the session, a grant in it, and a refresh token. */
async function issue(database: Database, session: Noted): Promise<void> {
  await database.write(async (q) => {
    await noteSession(q, session);
    const grantId = await putGrant(q, session);
    const record = { olderHashes: [], accountId: session.userId, expiresAt: now + DAY };
    const payload = JSON.stringify({ authorizations: { [app]: { grantId } } });
    await putRecord(q, {
      ...record,
      idHash: hashed(`Session:${session.id}`),
      kind: 'Session',
      uidHash: hashed(`SessionUid:${session.id}`),
      payload,
    });
    await putRecord(q, {
      ...record,
      idHash: hashed(`RefreshToken:${grantId}`),
      kind: 'RefreshToken',
      grantId,
      payload: '{}',
    });
  });
}

async function recordsOf(database: Database, session: Noted): Promise<string[]> {
  const rows = await database.read((q) =>
    q
      .selectFrom('oidc_records')
      .select('kind')
      .where('account_id', '=', session.userId)
      .orderBy('kind')
      .execute(),
  );
  return rows.map(({ kind }) => kind);
}
