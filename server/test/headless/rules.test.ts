import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ProblemCode } from '../../src/core/problems.ts';
import { MINUTE, SECOND } from '../../src/core/units.ts';
import { createMailDomains } from '../../src/platform/mail-domains.ts';
import type { Sending } from '../../src/sign-in/headless/options.ts';
import { sendHeadless } from '../../src/sign-in/headless/sending.ts';
import { eachDatabase } from '../support/databases.ts';
import { type HeadlessBench, openHeadless, refused, somebody, VERIFY, wrongCode } from './bench.ts';

/** What a send is refused for, and what its caller is told. */
const REFUSED_SENDS: readonly (readonly [string, Partial<Sending>, ProblemCode, RegExp])[] = [
  ['no address', { email: '' }, 'invalid_email', /invalid email/],
  ['a list of addresses', { email: 'ana@example.com,bob@example.com' }, 'invalid_email', /one address/],
  ['a second header', { email: 'ana@example.com\r\nBcc: bob@example.com' }, 'invalid_email', /one address/],
  ['an expiry below a minute', { expiresIn: 59 }, 'validation_failed', /expires_in takes 60 to 3600 seconds/],
  ['an expiry above an hour', { expiresIn: 3601 }, 'validation_failed', /expires_in/],
  ['no expiry at all', { expiresIn: 0 }, 'validation_failed', /expires_in/],
  ['a long state', { state: 's'.repeat(1001) }, 'validation_failed', /state takes at most 1000/],
  ['a megabyte of state', { state: 's'.repeat(1 << 20) }, 'validation_failed', /state/],
  [
    'no page for the link',
    { magiclinkAuthUri: '' },
    'magiclink_auth_uri_required',
    /magiclink_auth_uri is required/,
  ],
  [
    'an endless page',
    { magiclinkAuthUri: `https://app.example.com/${'a'.repeat(1000)}` },
    'validation_failed',
    /magiclink_auth_uri takes at most 1000/,
  ],
];

eachDatabase('what an app may ask for', (given) => {
  let bench: HeadlessBench;
  before(async () => {
    bench = await openHeadless(given);
  });
  after(() => bench.close());

  describe('send', () => {
    it('answers with an id of fifty characters, the expiry in full, and the type of the deployment', async () => {
      for (const method of ['otp', 'link', 'link_otp'] as const) {
        await bench.decide({ 'passwordless.method': method, 'passwordless.validity_seconds': 300 });
        const sent = await bench.mailed();
        assert.match(sent.authRequestId, /^[\w-]{50}$/);
        assert.deepEqual([sent.method, sent.expiresIn], [method, 300]);
        assert.equal(sent.expiresAt, bench.clock.now() + 300 * SECOND);
        assert.deepEqual(
          [sent.mail.code !== '', sent.mail.link !== ''],
          [method !== 'link', method !== 'otp'],
        );
      }
    });

    for (const [title, wanted, code, words] of REFUSED_SENDS)
      it(`refuses ${title}`, async () => {
        await bench.decide({});
        const failure = await refused(bench.send(wanted), code, words);
        assert.equal(failure.violations.length, 1);
      });

    it('needs no page for the link where mails hold none', async () => {
      await bench.decide({ 'passwordless.method': 'otp' });
      const { mail, authRequestId } = await bench.mailed({ magiclinkAuthUri: undefined });
      assert.equal((await bench.verify({ code: mail.code }, authRequestId)).method, 'otp');
    });

    it('takes the shortest and the longest expiry, and keeps to them', async () => {
      await bench.decide({});
      for (const expiresIn of [60, 3600]) {
        const { authRequestId, mail, expiresIn: told } = await bench.mailed({ expiresIn });
        assert.equal(told, expiresIn);
        const other = await bench.mailed({ expiresIn });
        bench.clock.advance(expiresIn * SECOND - 1);
        assert.ok(await bench.verify({ code: mail.code }, authRequestId));
        bench.clock.advance(1);
        const late = () => bench.verify({ code: other.mail.code }, other.authRequestId);
        await refused(late(), 'auth_request_expired', /^auth request expired/);
        await refused(bench.verify({ linkToken: other.mail.token }), 'auth_request_expired');
      }
    });

    it('refuses an address whose domain takes no mail, as far as the owner wants to know', async () => {
      const nothing = async () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }));
      const resolver = { resolveMx: nothing, resolve4: nothing, resolve6: nothing };
      const mailDomains = createMailDomains({ resolver, clock: bench.clock });
      const sending = { client: bench.acme, email: 'ana@gone.example', magiclinkAuthUri: VERIFY };
      const send = () => sendHeadless({ ...bench.parts, mailDomains }, sending);
      await bench.decide({});
      await refused(send(), 'invalid_email', /domain that takes no mail/);
      await bench.decide({ 'email.check_domain': false });
      assert.ok(await send());
    });

    it('mails an address twice a minute, and tells when there is room again', async () => {
      await bench.decide({ 'limits.mails_per_address_minute': 2 });
      const email = somebody();
      await bench.mailed({ email });
      const { authRequestId } = await bench.mailed({ email: email.replace('@', '+tag@') });
      const failure = await refused(bench.send({ email }), 'too_many_attempts', /^too many attempts/);
      await refused(bench.resend(authRequestId), 'too_many_attempts', /Try again in \d+ s\./);
      const wait = Number(failure.data.retry_after);
      assert.ok(wait > 0 && wait <= 62, `${wait} s`);
      bench.clock.advance(wait * SECOND);
      await bench.mailed({ email });
    });

    it('counts its people by address, and itself with a hundred times the share of a network', async () => {
      await bench.decide({ 'limits.starts_per_source_hour': 1 });
      bench.clock.advance(62 * MINUTE);
      for (let person = 0; person < 100; person += 1) await bench.send();
      await refused(bench.send(), 'too_many_attempts', /this app has begun very many sign-ins/);
      const globex = { client: bench.globex, magiclinkAuthUri: 'https://globex.example.com/' };
      await bench.send(globex);
      bench.clock.advance(62 * MINUTE);
      await bench.send();
    });
  });

  describe('resend', () => {
    it('keeps the id, renews the expiry, and leaves what was mailed good', async () => {
      await bench.decide({});
      const email = somebody();
      const { authRequestId, mail } = await bench.mailed({ email, expiresIn: 120 });
      bench.clock.advance(MINUTE);
      const again = await bench.resend(authRequestId);
      assert.equal(again.authRequestId, authRequestId);
      assert.deepEqual([again.expiresIn, again.expiresAt], [120, bench.clock.now() + 2 * MINUTE]);
      const [, second] = await bench.mailsTo(email);
      assert.notEqual(second?.code, mail.code);
      bench.clock.advance(MINUTE); // the first one is over, the second is not
      await refused(bench.verify({ code: mail.code }, authRequestId), 'verification_failed');
      await refused(bench.verify({ linkToken: mail.token }), 'auth_request_expired');
      assert.equal((await bench.verify({ code: second?.code ?? '' }, authRequestId)).email, email);
    });

    it('makes what was mailed before worthless where the owner wants it', async () => {
      await bench.decide({ 'passwordless.regenerate_on_resend': true });
      const { authRequestId, mail, record } = await bench.mailed();
      await bench.resend(authRequestId);
      const [, second] = await bench.mailsTo(record.attempt.email);
      await refused(bench.verify({ linkToken: mail.token }, authRequestId), 'verification_failed');
      if (second?.code !== mail.code)
        await refused(bench.verify({ code: mail.code }, authRequestId), 'verification_failed');
      assert.ok(await bench.verify({ linkToken: second?.token ?? '' }, authRequestId));
    });

    it('sends five mails, and no more once it was verified, is over or was never begun', async () => {
      await bench.decide({});
      const { authRequestId, mail } = await bench.mailed();
      for (let nth = 2; nth <= 5; nth += 1) await bench.resend(authRequestId);
      await refused(bench.resend(authRequestId), 'too_many_attempts', /has had its mails/);
      const done = await bench.mailed();
      await bench.verify({ code: done.mail.code }, done.authRequestId);
      await refused(bench.resend(done.authRequestId), 'auth_request_expired');
      bench.clock.advance(11 * MINUTE);
      await refused(bench.resend(authRequestId), 'auth_request_expired', /^auth request expired/);
      await refused(bench.resend('req_1'), 'auth_request_not_found', /not found/);
      await refused(bench.resend(''), 'auth_request_id_required', /^auth_request_id is required/);
      await refused(bench.resend('a'.repeat(201)), 'validation_failed', /auth_request_id/);
      assert.ok(mail.code);
    });
  });

  describe('verify', () => {
    it('gives back the address, the state and the template, and makes neither user nor session', async () => {
      await bench.decide({});
      const state = ' "état" \u202e';
      const { authRequestId, mail, record } = await bench.mailed({
        email: 'Ana.B@Example.COM',
        state,
        template: 'SIGNUP',
      });
      const { email, state: told, template, method } = await bench.verify({ code: mail.code }, authRequestId);
      assert.deepEqual([email, told, template, method], ['ana.b@example.com', state, 'SIGNUP', 'link_otp']);
      const count = (table: 'users' | 'sessions') =>
        bench.database.read((q) => q.selectFrom(table).selectAll().execute());
      assert.deepEqual([await count('users'), await count('sessions')], [[], []]);
      const events = await bench.eventsOf(record.attempt.id);
      assert.deepEqual(events, ['attempt.started', 'mail.sent', 'attempt.satisfied']);
    });

    it('finds a code as people type it, and counts nothing that is none', async () => {
      await bench.decide({});
      const { authRequestId, mail } = await bench.mailed();
      for (let time = 0; time < 9; time += 1)
        await refused(bench.verify({ code: 'no code' }, authRequestId), 'verification_failed');
      const typed = ` ${mail.code.slice(0, 3)} - ${mail.code.slice(3)} `;
      assert.ok(await bench.verify({ code: typed }, authRequestId));
    });

    it('needs the request of a code always, of a link where the browser must be the same', async () => {
      await bench.decide({});
      const { mail } = await bench.mailed();
      await refused(
        bench.verify({ code: mail.code }),
        'auth_request_id_required',
        /^auth_request_id is required/,
      );
      await bench.decide({ 'passwordless.enforce_same_browser': true });
      const bound = await bench.mailed();
      const alone = bench.verify({ linkToken: bound.mail.token });
      await refused(alone, 'auth_request_id_required', /^auth_request_id is required/);
      await refused(bench.verify({ linkToken: bound.mail.token }, mail.code), 'auth_request_not_found');
      assert.ok(await bench.verify({ linkToken: bound.mail.token }, bound.authRequestId));
    });

    it('refuses what no code or link can be', async () => {
      await bench.decide({});
      const { authRequestId } = await bench.mailed();
      await refused(bench.verify({ code: '' }, authRequestId), 'validation_failed', /^code/);
      await refused(bench.verify({ code: '1'.repeat(21) }, authRequestId), 'validation_failed', /^code/);
      await refused(bench.verify({ linkToken: '' }), 'validation_failed', /^link_token/);
      await refused(bench.verify({ linkToken: 'a'.repeat(101) }), 'validation_failed', /^link_token/);
      for (const linkToken of ['a4143d8f-d13d-415c-8f5a-5a5c846ed91e', 'x', "' or 1=1 --"])
        await refused(bench.verify({ linkToken }), 'verification_failed', /^verification failed/);
    });

    it('judges five codes, the same one once, and then none', async () => {
      await bench.decide({});
      const { authRequestId, mail, record } = await bench.mailed();
      for (let turn = 0; turn < 5; turn += 1)
        for (const _again of turn < 4 ? [1, 2, 3] : [1])
          await refused(
            bench.verify({ code: wrongCode(mail.code, turn) }, authRequestId),
            'verification_failed',
            /^verification failed/,
          );
      for (const credential of [{ code: mail.code }, { linkToken: mail.token }])
        await refused(bench.verify(credential, authRequestId), 'too_many_attempts', /^too many attempts/);
      await refused(bench.resend(authRequestId), 'too_many_attempts');
      const wrong = (await bench.eventsOf(record.attempt.id)).filter((type) => type === 'attempt.code_wrong');
      assert.equal(wrong.length, 4);
    });

    it('gives the same answer to the same proof for a minute, and to no other', async () => {
      await bench.decide({});
      const email = somebody();
      const { authRequestId } = await bench.mailed({ email, state: 's', expiresIn: 3600 });
      await bench.resend(authRequestId);
      const [first, second] = await bench.mailsTo(email);
      assert.ok(first && second);
      const answer = await bench.verify({ linkToken: first.token });
      for (const seconds of [0, 30, 29.999]) {
        bench.clock.advance(seconds * SECOND);
        assert.deepEqual(await bench.verify({ linkToken: first.token }), answer);
        assert.deepEqual(await bench.verify({ linkToken: first.token }, authRequestId), answer);
        for (const { code } of [first, second])
          await refused(bench.verify({ code }, authRequestId), 'verification_failed');
        await refused(bench.verify({ linkToken: second.token }), 'verification_failed');
      }
      bench.clock.advance(1);
      await refused(bench.verify({ linkToken: first.token }), 'verification_failed');
      bench.clock.advance(MINUTE * 60);
      await refused(bench.verify({ linkToken: first.token }), 'auth_request_expired');
    });
  });
});
