import assert from 'node:assert/strict';
import { it } from 'node:test';
import { describeDevice } from '../../src/core/requester.ts';
import { openRooms } from '../../src/main.ts';
import { noteSession } from '../../src/oidc/sessions/store.ts';
import { readConfig } from '../../src/platform/config.ts';
import { newId } from '../../src/platform/random.ts';
import { findOrCreateUser } from '../../src/users/store.ts';
import { as } from '../support/mails.ts';
import { json, newFolder, postern } from './command-lines.ts';

const folder = newFolder();
const data = ['--data', folder];
const DAY = 86_400_000;

/** Sessions of a user, as sign-ins write them. */
async function signedIn(email: string, count: number): Promise<string[]> {
  const rooms = await openRooms(readConfig({}, 'tool', { data: folder }));
  const now = rooms.clock.now();
  const { user } = await rooms.database.write((q) => findOrCreateUser(q, as(email), now));
  const ids = Array.from({ length: count }, () => newId('ses', now));
  for (const id of ids)
    await rooms.database.write((q) =>
      noteSession(q, {
        id,
        userId: user.id,
        createdAt: now,
        lastActiveAt: now,
        idleExpiresAt: now + DAY,
        absoluteExpiresAt: now + DAY,
        device: describeDevice('Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0', '192.0.2.1'),
        clients: [],
      }),
    );
  await rooms.close();
  return ids;
}

it('postern session lists where a user is signed in, and ends one or all', async () => {
  const [first = '', second = '', third = ''] = await signedIn('ada@example.com', 3);
  const list = (...more: string[]) => json(['session', 'list', 'ada@example.com', ...data, ...more]);
  assert.deepEqual(
    (await list()).map(({ id }: { id: string }) => id),
    [third, second, first],
  );
  const shown = await postern(['session', 'list', 'ada@example.com', '--limit', '2', ...data]);
  assert.match(shown.out, new RegExp(`${third} +active +Firefox on Linux`));
  const [, token = ''] = /More: --after '([^']+)'/.exec(shown.out) ?? [];
  assert.deepEqual(
    (await list('--after', token)).map(({ id }: { id: string }) => id),
    [first],
  );
  assert.equal(
    (await postern(['session', 'revoke', second, ...data])).out,
    `Ended ${second} (Firefox on Linux).`,
  );
  assert.deepEqual(
    (await list('--status', 'ACTIVE')).map(({ id }: { id: string }) => id),
    [third, first],
  );
  assert.equal((await json(['session', 'revoke', '--user', 'ada@example.com', ...data])).length, 2);
  assert.match(
    (await postern(['session', 'revoke', '--user', 'ada@example.com', ...data])).out,
    /none to end/,
  );
  assert.equal((await postern(['session', 'revoke', ...data])).code, 2);
  const unknown = await postern(['session', 'revoke', 'ses_1', '--json', ...data]);
  assert.match(unknown.err, /"code":"session_not_found"/);
});
