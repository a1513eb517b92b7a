import assert from 'node:assert/strict';
import { it } from 'node:test';
import { eachDatabase } from '../support/databases.ts';
import { createMailbox } from '../support/mailbox.ts';
import { postForm } from '../support/oauth-requests.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { askInApp, challenge, enterInApp, firstParty, redeemInApp } from './in-app.ts';

const times = <T>(count: number, one: () => Promise<T>) => Promise.all(Array.from({ length: count }, one));

async function rows(server: TestServer, table: 'users' | 'sessions' | 'attempts'): Promise<number> {
  const found = await server.rooms.database.read((q) => q.selectFrom(table).selectAll().execute());
  return found.length;
}

async function recordsOf(server: TestServer, kind: string): Promise<number> {
  const read = server.rooms.database.read((q) =>
    q.selectFrom('oidc_records').select('id_hash').where('kind', '=', kind).execute(),
  );
  return (await read).length;
}

eachDatabase('An app that does everything twenty times at once', (database) => {
  it('gets one authorization code, one session and one grant, and mails as if it had asked once', async () => {
    const mailbox = createMailbox();
    const server = await startTestServer({ database: database.url, transport: mailbox.transport });
    try {
      const app = await firstParty(server, 'public');
      const asked = await askInApp({ server, mailbox }, app, { scope: 'openid offline_access' });
      const again = { ...app.credentials, auth_session: asked.authSession, resend: 'true' };
      const resent = await times(20, () => challenge(server, again));
      for (const { status } of resent) assert.ok(status === 400 || status === 429);
      await server.mailIdle();
      assert.ok(mailbox.to(asked.email).length <= 5);
      const code = mailbox.to(asked.email).at(-1)?.facts?.code ?? '';
      const answers = await times(20, () => enterInApp(server, app, { ...asked, code }));
      const codes = new Set(answers.flatMap(({ body }) => body.authorization_code ?? []));
      assert.equal(codes.size, 1);
      assert.equal(await rows(server, 'users'), 1);
      assert.equal(await rows(server, 'sessions'), 1);
      assert.equal(await recordsOf(server, 'Session'), 1);
      assert.equal(await recordsOf(server, 'Grant'), 1);
      assert.equal(await recordsOf(server, 'AuthorizationCode'), 1);
      const redeemed = await redeemInApp(server, app, { code: [...codes][0], verifier: asked.verifier });
      assert.equal(redeemed.status, 200);
      const token = { ...app.credentials, token: String(redeemed.body.refresh_token) };
      assert.equal((await postForm(`${server.url}/revoke`, token)).status, 200);
    } finally {
      await server.stop();
    }
  });
});
