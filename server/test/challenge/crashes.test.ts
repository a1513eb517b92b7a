import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Database } from '../../src/platform/database/database.ts';
import { createMailbox } from '../support/mailbox.ts';
import { startTestServer } from '../support/server.ts';
import { type Site, stateOf, wrongCode } from '../support/sign-in-steps.ts';
import { askInApp, enterInApp, type FirstParty, firstParty, redeemInApp } from './in-app.ts';

/** Writes that still succeed; after them the store is as good as gone. */
let writesLeft = Number.POSITIVE_INFINITY;

function breakable(database: Database): Database {
  return {
    ...database,
    write: (work) => {
      writesLeft -= 1;
      return writesLeft < 0 ? Promise.reject(new Error('the power is out')) : database.write(work);
    },
  };
}

let site: Site;
let app: FirstParty;

before(async () => {
  const mailbox = createMailbox();
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const server = await startTestServer({ transport: mailbox.transport, wrapDatabase: breakable, log });
  site = { mailbox, server };
  app = await firstParty(server, 'public');
});
after(() => site.server.stop());

/** Enters the code while only so many writes succeed. */
async function enterUntil(writes: number, asked: { authSession: string; code: string }) {
  writesLeft = writes;
  try {
    return await enterInApp(site.server, app, asked);
  } finally {
    writesLeft = Number.POSITIVE_INFINITY;
  }
}

describe('when the store fails on the way to an authorization code', () => {
  it('before the proof, nothing has happened', async () => {
    const asked = await askInApp(site, app);
    const state = await stateOf(site.server);
    const answer = await enterUntil(0, asked);
    assert.deepEqual([answer.status, answer.body.error], [500, 'server_error']);
    assert.deepEqual(await stateOf(site.server), state);
    assert.equal((await enterInApp(site.server, app, asked)).status, 200);
  });

  it('after the proof, no session is left, and the right code finishes', async () => {
    const asked = await askInApp(site, app);
    const { oidc_records: records } = await stateOf(site.server);
    assert.equal((await enterUntil(1, asked)).status, 500);
    assert.equal((await stateOf(site.server)).oidc_records, records);
    const again = await enterInApp(site.server, app, asked);
    const { verifier } = asked;
    const redeemed = await redeemInApp(site.server, app, { code: again.body.authorization_code, verifier });
    assert.equal(redeemed.status, 200);
  });

  it('after the proof, a wrong code still gets nothing', async () => {
    const asked = await askInApp(site, app);
    await enterUntil(1, asked);
    for (const code of [wrongCode(asked.code), wrongCode(asked.code, 2), '', 'abc']) {
      const answer = await enterInApp(site.server, app, { ...asked, code });
      assert.deepEqual([answer.status, answer.body.error], [400, 'insufficient_authorization']);
    }
    assert.equal((await enterInApp(site.server, app, asked)).status, 200);
  });
});
