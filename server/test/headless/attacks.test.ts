import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { UserId } from '../../src/core/ids.ts';
import { MINUTE } from '../../src/core/units.ts';
import { newId } from '../../src/platform/random.ts';
import { disown } from '../../src/sign-in/disowning/disowning.ts';
import { confirmLink, viewLink } from '../../src/sign-in/proving.ts';
import { eachDatabase } from '../support/databases.ts';
import { type HeadlessBench, openHeadless, refused, somebody, wrongCode } from './bench.ts';

/** Pages that nobody but a phisher would have a link lead to. */
const STRANGE_PAGES = [
  'https://evil.example/verify',
  'https://app.example.com.evil.example/verify',
  'https://app.example.com@evil.example/verify',
  'https://user:pass@app.example.com/verify',
  'https://app.example.com:8443/verify',
  'http://app.example.com/verify',
  'https://APP.example.com.:443/verify',
  'https://evil.example\\@app.example.com/verify',
  'https:evil.example/verify',
  '//app.example.com/verify',
  '/verify',
  'app.example.com/verify',
  'javascript://app.example.com/%0aalert(1)',
  'data:text/html,hello',
  'com.example.app:/verify',
  'https://app.example.com/ verify',
  'https://app.example.com/\tverify',
  'https://app.example.com/verify\r\nBcc: x@evil.example',
  'https://аpp.example.com/verify',
  'https://app.example.com/\u202everify',
  'https://app.example.com/"><img src=x>',
  'https://app.example.com/verify?link_token=chosen',
  'https://app.example.com/verify#link_token=chosen',
  'https://app.example.com/verify#/?link_token=chosen',
  'https://*.example.com/verify',
];

eachDatabase('whoever means ill at the headless API', (given) => {
  let bench: HeadlessBench;
  before(async () => {
    bench = await openHeadless(given);
  });
  after(() => bench.close());

  it('is given no request and no link of another app: both are as unknown as none', async () => {
    await bench.decide({});
    const { authRequestId, mail } = await bench.mailed();
    const { globex } = bench;
    const told = async (call: Promise<unknown>, code: 'auth_request_not_found' | 'verification_failed') =>
      (await refused(call, code)).message;
    for (const credential of [{ code: mail.code }, { linkToken: mail.token }, { code: wrongCode(mail.code) }])
      assert.equal(
        await told(bench.verify(credential, authRequestId, globex), 'auth_request_not_found'),
        await told(bench.verify(credential, 'A'.repeat(50), globex), 'auth_request_not_found'),
      );
    assert.equal(
      await told(bench.verify({ linkToken: mail.token }, undefined, globex), 'verification_failed'),
      await told(bench.verify({ linkToken: 'A'.repeat(22) }, undefined, globex), 'verification_failed'),
    );
    assert.equal(
      await told(bench.resend(authRequestId, globex), 'auth_request_not_found'),
      await told(bench.resend('A'.repeat(50), globex), 'auth_request_not_found'),
    );
    const own = await bench.mailed({ client: globex, magiclinkAuthUri: 'https://globex.example.com/' });
    await refused(bench.verify({ linkToken: mail.token }, own.authRequestId, globex), 'verification_failed');
    assert.ok(await bench.verify({ code: mail.code }, authRequestId), 'its guesses are all there');
  });

  it('has no use for the code or the link of one request in another one', async () => {
    await bench.decide({});
    const email = somebody();
    const [one, other] = [await bench.mailed({ email }), await bench.mailed({ email })];
    if (one.mail.code !== other.mail.code)
      await refused(bench.verify({ code: one.mail.code }, other.authRequestId), 'verification_failed');
    await refused(bench.verify({ linkToken: one.mail.token }, other.authRequestId), 'verification_failed');
    assert.ok(await bench.verify({ code: one.mail.code }, one.authRequestId));
    assert.ok(await bench.verify({ code: other.mail.code }, other.authRequestId));
  });

  it('has thirty guesses for an address, however many requests, and the owner still gets in', async () => {
    await bench.decide({ 'passwordless.method': 'otp' });
    const email = somebody();
    for (let request = 0; request < 6; request += 1) {
      const { authRequestId, mail } = await bench.mailed({ email });
      for (let turn = 0; turn < 5; turn += 1)
        await refused(
          bench.verify({ code: wrongCode(mail.code, turn) }, authRequestId),
          'verification_failed',
        );
      bench.clock.advance(MINUTE);
    }
    const { authRequestId, mail, method } = await bench.mailed({ email });
    assert.match(mail.code, /^\d{12}$/, 'a code that nobody guesses');
    assert.equal(method, 'otp', 'the app is told nothing new');
    await refused(bench.verify({ code: mail.code.slice(0, 6) }, authRequestId), 'verification_failed');
    assert.equal((await bench.verify({ code: mail.code }, authRequestId)).email, email);
    await bench.decide({ 'passwordless.method': 'link_otp' });
    const linked = await bench.mailed({ email });
    assert.deepEqual([linked.mail.code, linked.method], ['', 'link_otp']);
    await refused(bench.verify({ code: '123456' }, linked.authRequestId), 'too_many_attempts');
    assert.ok(await bench.verify({ linkToken: linked.mail.token }));
  });

  for (const uri of STRANGE_PAGES)
    it(`cannot have a link of ours lead to ${JSON.stringify(uri)}`, async () => {
      await bench.decide({});
      const email = somebody();
      await refused(bench.send({ email, magiclinkAuthUri: uri }), 'magiclink_auth_uri_not_allowed');
      assert.deepEqual(await bench.mailsTo(email), []);
    });

  it('learns nothing of an account: answer, writes and events are those of nobody', async () => {
    await bench.decide({ 'sign_up.blocked_domains': ['blocked.example'] });
    const [known, disabled, unknown] = [somebody(), somebody(), somebody()];
    for (const [email, status] of [
      [known, 'active'],
      [disabled, 'disabled'],
    ] as const)
      await addUser(bench, email, status);
    const refusedToJoin = 'ana@blocked.example';
    const seen = [];
    for (const email of [known, disabled, unknown, refusedToJoin]) {
      const { record, authRequestId, ...sent } = await bench.send({ email });
      await bench.resend(authRequestId);
      assert.match(authRequestId, /^[\w-]{50}$/);
      const rows = await rowsOf(bench, record.attempt.id);
      seen.push({ sent, mails: rows.outbox, events: rows.events, state: record.attempt.state });
      const wrong = refused(bench.verify({ code: '000000' }, authRequestId), 'verification_failed');
      assert.match((await wrong).detail, /^verification failed/);
    }
    for (const one of seen) assert.deepEqual(one, seen[0]);
    for (const [email, mails] of [
      [known, 2],
      [disabled, 0],
      [unknown, 2],
      [refusedToJoin, 0],
    ] as const)
      assert.equal((await bench.mailsTo(email)).length, mails, email);
  });

  it('finds in the store neither code nor link nor id, nor what the app gave along', async () => {
    await bench.decide({});
    const own = { state: 'state-of-the-app', templateVariables: { plan: 'plan-of-the-app' } };
    const page = 'https://app.example.com/page-of-the-app';
    const { mail, authRequestId } = await bench.mailed({ ...own, magiclinkAuthUri: page });
    await refused(bench.verify({ code: wrongCode(mail.code) }, authRequestId), 'verification_failed');
    await bench.verify({ code: mail.code }, authRequestId);
    const tables = ['attempts', 'attempt_mails', 'outbox', 'events', 'limits'] as const;
    const rows = await bench.database.read((q) =>
      Promise.all(tables.map((table) => q.selectFrom(table).selectAll().execute())),
    );
    const text = JSON.stringify(rows);
    for (const word of [`"${mail.code}"`, mail.token, authRequestId, 'of-the-app'])
      assert.ok(!text.includes(word), word);
  });

  it('is stopped by the owner of the address, to whom the mail says where', async () => {
    await bench.decide({});
    const { mail, authRequestId, record } = await bench.mailed();
    const { token } = /\/not-me\/(?<token>[\w-]{22})/.exec(mail.text)?.groups ?? {};
    const settings = await bench.parts.settings.current();
    const given = { token: token ?? '', settings, now: bench.clock.now() };
    await bench.database.write((q) => disown(q, bench.parts, given));
    for (const credential of [{ code: mail.code }, { linkToken: mail.token }])
      await refused(bench.verify(credential, authRequestId), 'auth_request_expired');
    await refused(bench.resend(authRequestId), 'auth_request_expired');
    assert.ok((await bench.eventsOf(record.attempt.id)).includes('attempt.disowned'));
    await bench.mailed(); // the app itself goes on
  });

  it('cannot use the link of an app at our own pages, to see its code or to sign in', async () => {
    await bench.decide({ 'passwordless.remote_approval': true });
    const { mail, record } = await bench.mailed();
    for (const browser of [undefined, 'a browser'])
      for (const use of [viewLink, confirmLink])
        assert.deepEqual(await use(bench.parts, { token: mail.token, browser }), { kind: 'unknown' });
    assert.deepEqual(await bench.eventsOf(record.attempt.id), ['attempt.started', 'mail.sent']);
    assert.ok(await bench.verify({ linkToken: mail.token }));
  });

  it('has one success however many ask at once, and one only for two codes that are right', async () => {
    await bench.decide({});
    const { authRequestId, mail, record } = await bench.mailed();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => bench.verify({ code: mail.code }, authRequestId)),
    );
    assert.equal(new Set(answers.map(({ email }) => email)).size, 1);
    const events = await bench.eventsOf(record.attempt.id);
    assert.equal(events.filter((type) => type === 'attempt.satisfied').length, 1);

    const both = await bench.mailed();
    await bench.resend(both.authRequestId);
    const mails = await bench.mailsTo(both.record.attempt.email);
    const results = await Promise.allSettled(
      mails.flatMap(({ code, token }) => [
        bench.verify({ code }, both.authRequestId),
        bench.verify({ linkToken: token }),
      ]),
    );
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
  });

  it('has five wrong codes judged at once at most', async () => {
    await bench.decide({});
    const { authRequestId, mail, record } = await bench.mailed();
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_each, turn) =>
        bench.verify({ code: wrongCode(mail.code, turn) }, authRequestId),
      ),
    );
    const reasons = results.map((result) => (result.status === 'rejected' ? result.reason.code : 'right'));
    const tally = Object.groupBy(reasons, (reason) => reason);
    assert.deepEqual(
      [tally.verification_failed?.length, tally.too_many_attempts?.length, tally.right],
      [5, 15, undefined],
    );
    const events = await bench.eventsOf(record.attempt.id);
    assert.equal(events.filter((type) => type === 'attempt.locked').length, 1);
  });
});

async function addUser(bench: HeadlessBench, email: string, status: string): Promise<void> {
  const id: UserId = newId('usr', bench.clock.now());
  const at = bench.clock.now();
  await bench.database.write((q) =>
    q.insertInto('users').values({ id, email, status, created_at: at, updated_at: at }).execute(),
  );
}

/** What was written about an attempt, but for ids and the one column that says why a mail stays. */
async function rowsOf(bench: HeadlessBench, attemptId: string) {
  return bench.database.read(async (q) => {
    const outbox = await q.selectFrom('outbox').selectAll().where('attempt_id', '=', attemptId).execute();
    const events = await q.selectFrom('events').selectAll().where('attempt_id', '=', attemptId).execute();
    return {
      outbox: outbox.map(({ kind, not_after }) => ({ kind, notAfter: not_after })),
      events: events
        .filter(({ type }) => type.startsWith('attempt.'))
        .map(({ type }) => type)
        .toSorted(),
    };
  });
}
