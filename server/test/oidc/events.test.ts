import assert from 'node:assert/strict';
import { after, it } from 'node:test';
import { recentEvents } from '../../src/events/store.ts';
import { createMailbox } from '../support/mailbox.ts';
import { signedIn } from '../support/oauth-requests.ts';
import { startTestServer } from '../support/server.ts';

const mailbox = createMailbox();
const server = await startTestServer({ transport: mailbox.transport });
after(() => server.stop());

it('writes what happened from the first click to the sign-out, in order, with the changes themselves', async () => {
  const { browser } = await signedIn({ server, mailbox, params: {} });
  await browser.submit(await browser.open('/oidc/logout'), '/oidc/logout/confirm');
  const events = await server.rooms.database.read((q) => recentEvents(q, 50));
  const story = events.toReversed().map(({ type }) => type);
  assert.deepEqual(
    story.filter((type) => type !== 'setting.changed' && type !== 'mail.sent' && type !== 'client.created'),
    [
      'attempt.started',
      'attempt.satisfied',
      'user.created',
      'attempt.redeemed',
      'session.started',
      'token.issued',
      'session.ended',
    ],
  );
  assert.equal(story.filter((type) => type === 'mail.sent').length, 1);
});
