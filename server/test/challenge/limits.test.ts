import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { SettingName, SettingValues } from '../../src/settings/definitions.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { createMailbox } from '../support/mailbox.ts';
import type { Answer } from '../support/oauth-requests.ts';
import { startTestServer } from '../support/server.ts';
import { type Site, someone, wrongCode } from '../support/sign-in-steps.ts';
import { askInApp, challenge, enterInApp, type FirstParty, firstParty } from './in-app.ts';

const SECOND = 1000;
const HOUR = 3600 * SECOND;

let clock: FakeClock;
let site: Site;
let ours: FirstParty;
let backend: FirstParty;

/** The way the server was before each test. */
const USUAL: Partial<SettingValues> = {
  'passwordless.enabled': true,
  'passwordless.method': 'link_otp',
  'limits.starts_per_source_hour': 1_000_000,
  'limits.failures_per_address': 30,
  'limits.resend_after_seconds': 30,
  'limits.mails_per_address_minute': 10,
  'limits.puzzles': false,
  'sign_up.policy': 'open',
};

const set = async (values: Partial<SettingValues>) => {
  for (const [name, value] of Object.entries(values))
    await site.server.rooms.settings.set(name as SettingName, value);
};
const errorOf = ({ status, body }: Answer) => `${status} ${body.error}`;
const waitOf = ({ headers }: Answer) => Number(headers.get('retry-after'));
const resend = (app: FirstParty, { authSession }: { authSession: string }) =>
  challenge(site.server, { ...app.credentials, auth_session: authSession, resend: 'true' });

before(async () => {
  clock = createFakeClock();
  const mailbox = createMailbox();
  site = { mailbox, server: await startTestServer({ clock, transport: mailbox.transport }) };
  ours = await firstParty(site.server, 'public');
  backend = await firstParty(site.server, 'confidential');
});
beforeEach(async () => {
  clock.advance(2 * HOUR); // budgets of sources are those of an hour
  await set(USUAL);
});
after(async () => {
  await site.server.stop();
  clock.release();
});

describe('another mail', () => {
  it('may be asked for once the pause is over', async () => {
    const asked = await askInApp(site, ours);
    const early = await resend(ours, asked);
    assert.deepEqual([errorOf(early), waitOf(early)], ['429 insufficient_authorization', 30]);
    clock.advance(30 * SECOND);
    const again = await resend(ours, asked);
    assert.deepEqual(
      [errorOf(again), again.headers.get('retry-after')],
      ['400 insufficient_authorization', null],
    );
    assert.equal(waitOf(await resend(ours, asked)), 60);
  });

  it('is the last one after five, and their codes still work', async () => {
    await set({ 'limits.resend_after_seconds': 0 });
    const asked = await askInApp(site, ours);
    for (let mails = 1; mails < 8; mails += 1) await resend(ours, asked);
    await site.server.mailIdle();
    assert.equal(site.mailbox.to(asked.email).length, 5);
    assert.match(String((await resend(ours, asked)).body.error_description), /no more mails/);
    const code = site.mailbox.to(asked.email).at(-1)?.facts?.code ?? '';
    assert.equal((await enterInApp(site.server, ours, { ...asked, code })).status, 200);
  });

  it('is counted with those of the hosted pages, for the address', async () => {
    await set({ 'limits.mails_per_address_minute': 2 });
    const email = someone();
    for (let times = 0; times < 4; times += 1) {
      const { answer } = await askInApp(site, ours, { login_hint: email });
      assert.equal(errorOf(answer), '400 insufficient_authorization');
    }
    assert.equal(site.mailbox.to(email).length, 2);
  });
});

describe('somebody who asks too often', () => {
  it('is told to wait, as a public client by network', async () => {
    await set({ 'limits.starts_per_source_hour': 3 });
    const answers: Answer[] = [];
    for (let times = 0; times < 4; times += 1) answers.push((await askInApp(site, ours)).answer);
    assert.deepEqual(answers.map(errorOf), [
      ...Array(3).fill('400 insufficient_authorization'),
      '429 temporarily_unavailable',
    ]);
    assert.ok(waitOf(answers[3] ?? assert.fail()) > 0);
    const { answer } = await askInApp(site, backend);
    assert.equal(errorOf(answer), '400 insufficient_authorization');
  });

  it('is sent to a browser where a puzzle would stand before the mail', async () => {
    await set({ 'limits.starts_per_source_hour': 8, 'limits.puzzles': true });
    const answers: string[] = [];
    for (let times = 0; times < 5; times += 1) answers.push(errorOf((await askInApp(site, ours)).answer));
    assert.equal(answers[0], '400 insufficient_authorization');
    assert.equal(answers.at(-1), '400 redirect_to_web');
  });
});

describe('what an app cannot do is left to a browser', () => {
  it('where nobody can sign in', async () => {
    const open = await askInApp(site, ours);
    await set({ 'passwordless.enabled': false });
    const { answer, mail } = await askInApp(site, ours);
    assert.deepEqual([errorOf(answer), mail], ['400 redirect_to_web', undefined]);
    assert.equal(errorOf(await resend(ours, open)), '400 redirect_to_web');
  });

  it('where mails hold links only', async () => {
    await set({ 'passwordless.method': 'link' });
    const { answer, mail } = await askInApp(site, ours);
    assert.deepEqual([errorOf(answer), mail], ['400 redirect_to_web', undefined]);
  });

  it('where an address was guessed at too often, before and after a mail', async () => {
    await set({ 'limits.failures_per_address': 5 });
    const email = someone();
    const asked = await askInApp(site, ours, { login_hint: email });
    const open = await askInApp(site, ours, { login_hint: email });
    for (const by of [1, 2, 3, 4, 5])
      await enterInApp(site.server, ours, { ...asked, code: wrongCode(asked.code, by) });
    assert.equal(errorOf(await enterInApp(site.server, ours, open)), '400 redirect_to_web');
    const { answer, mail } = await askInApp(site, ours, { login_hint: email });
    assert.deepEqual([errorOf(answer), mail], ['400 redirect_to_web', undefined]);
  });
});

describe('wrong codes of many people behind one server', () => {
  it('count for their addresses, and stop nobody else', async () => {
    await set({ 'limits.failures_per_source_hour': 3 });
    for (let people = 0; people < 5; people += 1) {
      const asked = await askInApp(site, backend);
      const wrong = await enterInApp(site.server, backend, { ...asked, code: wrongCode(asked.code) });
      assert.equal(errorOf(wrong), '400 insufficient_authorization');
    }
    const asked = await askInApp(site, backend);
    assert.equal((await enterInApp(site.server, backend, asked)).status, 200);
    await set({ 'limits.failures_per_source_hour': 1_000_000 });
  });
});

describe('time', () => {
  it('ends a sign-in that was not finished', async () => {
    const asked = await askInApp(site, ours);
    clock.advance(600 * SECOND);
    assert.equal(errorOf(await enterInApp(site.server, ours, asked)), '400 invalid_session');
    assert.equal(errorOf(await resend(ours, asked)), '400 invalid_session');
  });
});

describe('whether there is an account', () => {
  it('shows in no answer to the first call', async () => {
    const known = await askInApp(site, ours);
    assert.equal((await enterInApp(site.server, ours, known)).status, 200);
    const gone = await askInApp(site, ours);
    await enterInApp(site.server, ours, gone);
    await site.server.rooms.users.disable(gone.email);
    await set({ 'sign_up.policy': 'closed' });
    const answers: unknown[] = [];
    for (const login_hint of [known.email, gone.email, someone()]) {
      const { answer, mail } = await askInApp(site, ours, { login_hint });
      const { auth_session: _own, ...body } = answer.body;
      answers.push({ status: answer.status, body, headers: [...answer.headers.keys()] });
      assert.equal(mail === undefined, login_hint !== known.email);
    }
    assert.deepEqual(answers[1], answers[0]);
    assert.deepEqual(answers[2], answers[0]);
  });

  it('or may not sign in any more, is said only to who has the code', async () => {
    const asked = await askInApp(site, ours);
    await enterInApp(site.server, ours, asked);
    const again = await askInApp(site, ours, { login_hint: asked.email });
    await site.server.rooms.users.disable(asked.email);
    const wrong = await enterInApp(site.server, ours, { ...again, code: wrongCode(again.code) });
    assert.equal(errorOf(wrong), '400 insufficient_authorization');
    assert.equal(errorOf(await enterInApp(site.server, ours, again)), '400 access_denied');
  });
});

describe('a request that makes no sense', () => {
  const fields = () => ({ ...ours.credentials, login_hint: someone() });
  const faults: readonly [name: string, send: () => Promise<Answer>, expected: string][] = [
    [
      'no address',
      () =>
        challenge(site.server, {
          ...ours.credentials,
          code_challenge: 'a'.repeat(43),
          code_challenge_method: 'S256',
        }),
      '400 invalid_request',
    ],
    [
      'a code without auth_session',
      () => challenge(site.server, { ...fields(), otp: '123456' }),
      '400 invalid_request',
    ],
    [
      'resend without auth_session',
      () => challenge(site.server, { ...fields(), resend: 'true' }),
      '400 invalid_request',
    ],
    [
      'another response type',
      () =>
        challenge(site.server, {
          ...fields(),
          code_challenge: 'a'.repeat(43),
          code_challenge_method: 'S256',
          response_type: 'token',
        }),
      '400 invalid_request',
    ],
    [
      'two addresses',
      () =>
        challenge(site.server, {
          ...fields(),
          email: someone(),
          code_challenge: 'a'.repeat(43),
          code_challenge_method: 'S256',
        }),
      '400 invalid_request',
    ],
    [
      'JSON',
      () => challenge(site.server, fields(), { 'content-type': 'application/json' }),
      '415 invalid_request',
    ],
    [
      'a body of 20 kB',
      () => challenge(site.server, { ...fields(), scope: 'x'.repeat(20_000) }),
      '413 invalid_request',
    ],
  ];
  for (const [name, send, expected] of faults)
    it(`is refused in the form of RFC 6749: ${name}`, async () => {
      const answer = await send();
      assert.equal(errorOf(answer), expected);
      assert.ok(String(answer.body.error_description).length > 10);
      assert.equal(answer.headers.get('cache-control'), 'no-store');
    });

  it('such as a parameter that comes twice', async () => {
    const body = `client_id=${ours.client.id}&client_id=${ours.client.id}`;
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await fetch(`${site.server.url}/oauth/authorize-challenge`, {
      method: 'POST',
      headers,
      body,
    });
    assert.equal(((await answer.json()) as { error: string }).error, 'invalid_request');
  });

  it('such as a GET is answered with the way to ask', async () => {
    const answer = await fetch(`${site.server.url}/oauth/authorize-challenge`);
    assert.deepEqual([answer.status, answer.headers.get('allow')], [405, 'POST']);
  });
});
