import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { heldDatabase } from '../fixtures/held-database.ts';
import { type Cluster, startCluster } from '../fixtures/race-cluster.ts';
import { atOnce, endRace, factsOf } from '../fixtures/race-facts.ts';
import { Person, refreshForm, tokensIn } from '../fixtures/race-person.ts';
import { type AppBrowser, signIn } from '../support/app-client.ts';
import { eachDatabase, onPostgres } from '../support/databases.ts';
import { createMailbox } from '../support/mailbox.ts';
import {
  authorizeUrl,
  exchange,
  postForm,
  refresh,
  signedIn,
  tokensOf,
  userinfo,
} from '../support/oauth-requests.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const OFFLINE = { scope: 'openid email offline_access' };

const recordsOf = (server: TestServer, kinds: string[]) =>
  server.rooms.database.read((q) =>
    q.selectFrom('oidc_records').select(['kind', 'id_hash']).where('kind', 'in', kinds).execute(),
  );

onPostgres('a logout that comes between the writes and the commit of a request', (given) =>
  describe('that issues tokens', () => {
    const mailbox = createMailbox();
    const held = heldDatabase();
    let server: TestServer;
    before(async () => {
      server = await startTestServer({
        database: given.url,
        transport: mailbox.transport,
        wrapDatabase: held.wrap,
      });
    });
    after(() => server.stop());

    async function logOut(browser: AppBrowser): Promise<number> {
      const page = await browser.open('/oidc/logout');
      return (await browser.submit(page, '/oidc/logout/confirm')).status;
    }

    /** Until a transaction waits for a row that another one has. */
    async function untilOneWaits(): Promise<void> {
      const client = new pg.Client({ connectionString: given.url });
      await client.connect();
      for (let tries = 0; tries < 500; tries += 1) {
        const { rows } = await client.query('select 1 from pg_stat_activity where wait_event_type = $1', [
          'Lock',
        ]);
        if (rows.length > 0) break;
        await sleep(10);
      }
      await client.end();
    }

    async function requireNothingLeft(answer: Awaited<ReturnType<typeof refresh>>): Promise<void> {
      assert.equal(answer.status, 200);
      const issued = tokensOf(answer);
      assert.equal((await userinfo(server, issued.accessToken)).status, 401);
      assert.equal((await refresh(server, issued.refreshToken)).body.error, 'invalid_grant');
      assert.deepEqual(await recordsOf(server, ['Grant', 'RefreshToken', 'AccessToken']), []);
    }

    async function endsWhat(browser: AppBrowser, issue: () => ReturnType<typeof refresh>): Promise<void> {
      const hold = held.holdNext('before its commit');
      const issued = issue();
      await hold.reached;
      const left = logOut(browser);
      await untilOneWaits();
      hold.release();
      assert.equal(await left, 200);
      await requireNothingLeft(await issued);
    }

    it('waits, and ends what a rotation gives', async () => {
      const { browser, refreshToken } = await signedIn({ server, mailbox, params: OFFLINE });
      await endsWhat(browser, () => refresh(server, refreshToken));
    });

    it('waits, and ends what an exchange of a code gives', async () => {
      const { browser, callback } = await signIn({ server, mailbox, url: authorizeUrl(server, OFFLINE) });
      await endsWhat(browser, () => exchange(server, callback));
    });
  }),
);

eachDatabase('a request whose grant ends before it writes', (given) =>
  describe('after it has read it', () => {
    const mailbox = createMailbox();
    const held = heldDatabase();
    let server: TestServer;
    before(async () => {
      server = await startTestServer({
        database: given.url,
        transport: mailbox.transport,
        wrapDatabase: held.wrap,
      });
    });
    after(() => server.stop());

    const revoke = (token: string) =>
      postForm(`${server.url}/revoke`, { client_id: server.app.id, client_secret: server.app.secret, token });

    it('is refused its tokens, and is no replay', async () => {
      const { refreshToken } = await signedIn({ server, mailbox, params: OFFLINE });
      const hold = held.holdNext('before it begins');
      const rotated = refresh(server, refreshToken);
      await hold.reached;
      assert.equal((await revoke(refreshToken)).status, 200);
      hold.release();
      const { status, body } = await rotated;
      assert.deepEqual({ status, error: body.error }, { status: 400, error: 'invalid_grant' });
      const { rooms } = server;
      const reused = await rooms.database.read((q) =>
        q.selectFrom('events').select('id').where('type', '=', 'token.reused').execute(),
      );
      assert.deepEqual(reused, []);
    });

    for (const [name, scope] of [
      ['the same scope', OFFLINE.scope],
      ['a wider scope', `${OFFLINE.scope} profile`],
    ] as const)
      it(`looks again at the authorization endpoint, and its code works, with ${name}`, async () => {
        const { browser, refreshToken } = await signedIn({ server, mailbox, params: OFFLINE });
        const [ended] = await recordsOf(server, ['Grant']);
        const hold = held.holdNext('before it begins');
        const asked = browser.open(authorizeUrl(server, { scope, prompt: 'none' }));
        await hold.reached;
        assert.equal((await revoke(refreshToken)).status, 200);
        hold.release();
        const { away } = await asked;
        assert.ok(away, 'the silent sign-in came to no end');
        const exchanged = await exchange(server, away);
        assert.equal(exchanged.status, 200);
        const grants = await recordsOf(server, ['Grant']);
        assert.equal(grants.length, 1);
        assert.notEqual(grants[0]?.id_hash, ended?.id_hash, 'the grant came back');
        assert.equal((await revoke(tokensOf(exchanged).refreshToken)).status, 200); // the next one begins with none
      });
  }),
);

eachDatabase('a revocation among fifty refreshes', (given) =>
  describe('in two processes', () => {
    let cluster: Cluster;
    before(async () => {
      cluster = await startCluster({ database: given.url });
    });
    after(() => endRace(cluster, given));

    it('leaves nothing that works, and waits for none of them in a circle', async () => {
      for (let round = 0; round < 8; round += 1) {
        const person = new Person({
          email: `revoked-${round}@example.com`,
          send: cluster.send,
          app: cluster.app,
        });
        const { refresh_token } = await person.signIn(cluster.sink);
        const {
          grant_type: _,
          refresh_token: token = '',
          ...client
        } = refreshForm(cluster.app, refresh_token);
        const answers = await atOnce((turn) =>
          turn === round * 6
            ? cluster.send(turn, { path: '/revoke', form: { ...client, token } })
            : person.refresh(refresh_token, turn),
        );
        assert.equal(answers[round * 6]?.status, 200);
        for (const answer of answers.filter(({ body }) => body.includes('"refresh_token"')))
          assert.equal((await person.refresh(tokensIn(answer).refresh_token)).status, 400);
        const { records } = await factsOf(cluster, person.email);
        for (const kind of ['RefreshToken', 'AccessToken', 'Grant']) assert.equal(records(kind), 0, kind);
      }
    });
  }),
);
