import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { redacted } from '../../src/platform/redact.ts';
import { AppBrowser } from '../support/app-client.ts';
import { createMailbox } from '../support/mailbox.ts';
import { type Answer, basic, pkce, tokenRequest } from '../support/oauth-requests.ts';
import { startTestServer } from '../support/server.ts';
import { ask, enter, isSignedIn, someone, stateOf, wrongCode } from '../support/sign-in-steps.ts';
import {
  askInApp,
  CALLBACK,
  type Challenged,
  challenge,
  enterInApp,
  firstParty,
  redeemInApp,
} from './in-app.ts';

const mailbox = createMailbox();
const server = await startTestServer({ transport: mailbox.transport });
const site = { server, mailbox };
after(() => server.stop());
const ours = await firstParty(server, 'public');
const backend = await firstParty(server, 'confidential');
const other = await firstParty(server, 'public');

const errorOf = ({ status, body }: Answer) => `${status} ${body.error}`;
const s256 = () => ({ code_challenge: pkce().challenge, code_challenge_method: 'S256' });
const unmailed = async (attack: () => Promise<Answer>) => {
  await server.mailIdle();
  const before = mailbox.mails.length;
  const answer = await attack();
  await server.mailIdle();
  assert.equal(mailbox.mails.length, before);
  return errorOf(answer);
};

describe('an auth_session', () => {
  const refused: readonly [name: string, attack: (asked: Challenged) => Promise<Answer>][] = [
    ['of another public client', (asked) => enterInApp(server, other, asked)],
    ['of a public client, at a confidential one', (asked) => enterInApp(server, backend, asked)],
    [
      'with one letter changed',
      (asked) =>
        enterInApp(server, ours, {
          ...asked,
          authSession: `${asked.authSession.slice(0, -1)}${asked.authSession.endsWith('A') ? 'Q' : 'A'}`,
        }),
    ],
    ['that is empty', (asked) => enterInApp(server, ours, { ...asked, authSession: '' })],
    [
      'made up of a client and a secret',
      (asked) =>
        enterInApp(server, ours, { ...asked, authSession: `${ours.client.id}:${asked.authSession}` }),
    ],
  ];
  for (const [name, attack] of refused)
    it(`${name} is none`, async () => {
      const asked = await askInApp(site, ours);
      assert.equal(errorOf(await attack(asked)), '400 invalid_session');
      assert.equal((await enterInApp(server, ours, asked)).status, 200);
    });

  it('of a confidential client is nothing without its secret', async () => {
    const asked = await askInApp(site, backend);
    const fields = { client_id: backend.client.id, auth_session: asked.authSession, otp: asked.code };
    for (const client_secret of [undefined, '', 'wrong', ours.client.id])
      assert.equal(errorOf(await challenge(server, { ...fields, client_secret })), '401 invalid_client');
  });

  it('is no interaction, and an interaction is no auth_session', async () => {
    const asked = await askInApp(site, ours);
    const hosted = await ask(site, someone());
    const uid = hosted.home.split('/').at(-1) ?? '';
    assert.equal(
      errorOf(await enterInApp(server, ours, { authSession: uid, code: hosted.code })),
      '400 invalid_session',
    );
    const named = {
      cookie: `postern_interaction=${asked.authSession}; postern_browser=${asked.authSession}`,
    };
    for (const step of ['code', 'continue', 'resend'])
      assert.equal(
        isSignedIn(
          await new AppBrowser(server).post(
            `/interaction/${asked.authSession}/${step}`,
            { code: asked.code },
            named,
          ),
        ),
        false,
      );
    assert.equal(isSignedIn(await enter(hosted, asked.code)), false);
    assert.ok(isSignedIn(await enter(hosted, hosted.code)));
    assert.equal((await enterInApp(server, ours, asked)).status, 200);
  });

  it('stands nowhere in the database', async () => {
    const { authSession } = await askInApp(site, ours);
    assert.doesNotMatch(JSON.stringify(await stateOf(server)), new RegExp(authSession));
  });

  it('stands in no log, nor do the codes', async () => {
    const asked = await askInApp(site, ours);
    const { body } = await enterInApp(server, ours, asked);
    const { authSession: auth_session, code: otp } = asked;
    const told = { auth_session, otp, body, text: `for ${body.authorization_code}`, url: `/?otp=${otp}` };
    const line = JSON.stringify(redacted(told));
    for (const secret of [auth_session, otp, String(body.authorization_code)])
      assert.ok(!line.includes(secret), line);
  });

  it('works once', async () => {
    const asked = await askInApp(site, ours);
    await enterInApp(server, ours, asked);
    assert.equal(errorOf(await enterInApp(server, ours, asked)), '400 invalid_session');
    const again = { ...ours.credentials, auth_session: asked.authSession };
    assert.equal(errorOf(await challenge(server, { ...again, resend: 'true' })), '400 invalid_session');
    assert.equal(errorOf(await challenge(server, again)), '400 invalid_session');
  });
});

describe('PKCE', () => {
  const faults: readonly [name: string, fields: Record<string, string | undefined>][] = [
    ['left out', { code_challenge: undefined, code_challenge_method: undefined }],
    ['plain', { code_challenge_method: 'plain' }],
    ['of no method', { code_challenge_method: undefined }],
    ['too short', { code_challenge: 'a'.repeat(42) }],
    ['no base64url', { code_challenge: `${'a'.repeat(42)}=` }],
    ['empty', { code_challenge: '' }],
  ];
  for (const [name, fields] of faults)
    it(`${name} is refused of a public client, and no mail leaves`, async () => {
      const answer = await unmailed(() =>
        challenge(server, { ...ours.credentials, login_hint: someone(), ...s256(), ...fields }),
      );
      assert.equal(answer, '400 invalid_request');
    });

  it('cannot be exchanged for one that somebody else knows in a later step', async () => {
    const asked = await askInApp(site, ours);
    const answer = await challenge(server, {
      ...ours.credentials,
      auth_session: asked.authSession,
      otp: asked.code,
      ...s256(),
    });
    assert.equal(errorOf(answer), '400 invalid_request');
  });

  it('cannot be brought in late, nor anything else be changed', async () => {
    const asked = await askInApp(site, backend, {
      code_challenge: undefined,
      code_challenge_method: undefined,
      scope: 'openid',
    });
    const next = { ...backend.credentials, auth_session: asked.authSession, otp: asked.code };
    for (const change of [
      s256(),
      { scope: 'openid offline_access' },
      { nonce: 'n' },
      { redirect_uri: CALLBACK },
      { login_hint: someone() },
      { email: someone() },
    ])
      assert.equal(errorOf(await challenge(server, { ...next, ...change })), '400 invalid_request');
    const same = await challenge(server, { ...next, scope: 'openid', login_hint: asked.email });
    assert.equal(same.status, 200);
  });

  it('is checked when the code is redeemed', async () => {
    const redeem = async (verifier: string | undefined) => {
      const asked = await askInApp(site, ours);
      const { body } = await enterInApp(server, ours, asked);
      return errorOf(
        await redeemInApp(server, ours, { code: body.authorization_code, ...(verifier && { verifier }) }),
      );
    };
    assert.equal(await redeem(undefined), '400 invalid_grant');
    assert.equal(await redeem(pkce().verifier), '400 invalid_grant');
  });

  it('that was left out cannot be used to redeem', async () => {
    const asked = await askInApp(site, backend, {
      code_challenge: undefined,
      code_challenge_method: undefined,
    });
    const { body } = await enterInApp(server, backend, asked);
    const answer = await redeemInApp(server, backend, {
      code: body.authorization_code,
      verifier: asked.verifier,
    });
    assert.equal(errorOf(answer), '400 invalid_grant');
  });
});

describe('an authorization code of an app', () => {
  const coded = async (app = ours, fields = {}) => {
    const asked = await askInApp(site, app, fields);
    const { body } = await enterInApp(server, app, asked);
    return { code: String(body.authorization_code), verifier: asked.verifier };
  };

  it('works once', async () => {
    const code = await coded();
    assert.equal((await redeemInApp(server, ours, code)).status, 200);
    assert.equal(errorOf(await redeemInApp(server, ours, code)), '400 invalid_grant');
  });

  it('is of use to its own client only', async () => {
    const code = await coded();
    assert.equal(errorOf(await redeemInApp(server, other, code)), '400 invalid_grant');
    assert.equal(
      errorOf(
        await tokenRequest(server, {
          grant_type: 'authorization_code',
          code: code.code,
          code_verifier: code.verifier,
          redirect_uri: CALLBACK,
        }),
      ),
      '400 invalid_grant',
    );
  });

  it('goes with the redirect URI that was named, or with none', async () => {
    const named = { redirect_uri: CALLBACK };
    assert.equal(
      errorOf(await redeemInApp(server, ours, { ...(await coded()), ...named })),
      '400 invalid_grant',
    );
    assert.equal(errorOf(await redeemInApp(server, ours, await coded(ours, named))), '400 invalid_grant');
    assert.equal((await redeemInApp(server, ours, { ...(await coded(ours, named)), ...named })).status, 200);
  });

  it('is made for a registered redirect URI only', async () => {
    const fields = { ...ours.credentials, login_hint: someone(), ...s256() };
    for (const redirect_uri of ['https://evil.example/', `${CALLBACK}/`, 'urn:postern:no-redirect', ''])
      assert.equal(
        await unmailed(() => challenge(server, { ...fields, redirect_uri })),
        '400 invalid_request',
      );
  });

  it('of the hosted pages still needs its redirect URI', async () => {
    const hosted = await ask(site, someone());
    const code = (await enter(hosted, hosted.code)).away?.searchParams.get('code') ?? '';
    const answer = await tokenRequest(server, { grant_type: 'authorization_code', code });
    assert.equal(errorOf(answer), '400 invalid_request');
  });
});

describe('guessing', () => {
  it('ends after five wrong codes, the right one included', async () => {
    const asked = await askInApp(site, ours);
    const answers: string[] = [];
    for (const by of [1, 2, 3, 4, 5])
      answers.push(errorOf(await enterInApp(server, ours, { ...asked, code: wrongCode(asked.code, by) })));
    assert.deepEqual(answers, [...Array(4).fill('400 insufficient_authorization'), '400 access_denied']);
    assert.equal(errorOf(await enterInApp(server, ours, asked)), '400 access_denied');
  });

  it('in parallel judges no more than five', async () => {
    const asked = await askInApp(site, ours);
    const all = Array.from({ length: 20 }, (_, by) =>
      enterInApp(server, ours, { ...asked, code: wrongCode(asked.code, by + 1) }),
    );
    const answers = (await Promise.all(all)).map(errorOf);
    assert.equal(answers.filter((answer) => answer === '400 insufficient_authorization').length, 4);
    assert.equal(errorOf(await enterInApp(server, ours, asked)), '400 access_denied');
  });

  it('the right code twenty times at once gives one authorization code', async () => {
    const asked = await askInApp(site, ours);
    const all = await Promise.all(Array.from({ length: 20 }, () => enterInApp(server, ours, asked)));
    const codes = new Set(all.flatMap(({ body }) => body.authorization_code ?? []));
    assert.equal(codes.size, 1);
    const others = all.filter(({ status }) => status !== 200).map(errorOf);
    assert.deepEqual([...new Set(others)], ['400 invalid_session']);
    const [code] = codes;
    assert.equal((await redeemInApp(server, ours, { code, verifier: asked.verifier })).status, 200);
  });
});

describe('who may ask', () => {
  const fields = () => ({ login_hint: someone(), ...s256() });
  const { app } = server;

  it('is a first-party client', async () => {
    const hosted = { client_id: app.id, client_secret: app.secret };
    assert.equal(
      await unmailed(() => challenge(server, { ...hosted, ...fields() })),
      '400 unauthorized_client',
    );
  });

  it('is one that may have authorization codes at all', async () => {
    const made = await firstParty(server, 'confidential');
    await server.rooms.clients.update(made.client.id, { grantTypes: ['client_credentials'] });
    const answer = await unmailed(() => challenge(server, { ...made.credentials, ...fields() }));
    assert.equal(answer, '400 unauthorized_client');
  });

  it('is nobody without a right secret', async () => {
    const wrong = [
      { client_id: 'skc_1', client_secret: 'x' },
      { client_id: backend.client.id },
      { client_id: backend.client.id, client_secret: app.secret },
      { ...ours.credentials, client_secret: 'a public client has none' },
    ];
    for (const credentials of wrong)
      assert.equal(
        await unmailed(() => challenge(server, { ...credentials, ...fields() })),
        '401 invalid_client',
      );
    assert.equal(await unmailed(() => challenge(server, fields())), '400 invalid_request');
  });

  it('names itself once, in the body or by HTTP Basic', async () => {
    const { client_id = '', client_secret = '' } = backend.credentials;
    const header = basic(client_id, client_secret);
    assert.equal((await challenge(server, fields(), header)).body.error, 'insufficient_authorization');
    assert.equal(
      errorOf(await challenge(server, { ...backend.credentials, ...fields() }, header)),
      '400 invalid_request',
    );
    assert.equal(
      errorOf(await challenge(server, { client_id: other.client.id, ...fields() }, header)),
      '400 invalid_request',
    );
    const refused = await challenge(server, fields(), basic(client_id, 'wrong'));
    assert.equal(errorOf(refused), '401 invalid_client');
    assert.match(refused.headers.get('www-authenticate') ?? '', /^Basic /);
  });
});

describe('a browser', () => {
  const mine = { origin: new URL(CALLBACK).origin };

  it('that another site makes post here asks for no mail', async () => {
    for (const origin of ['https://evil.example', 'null', server.url])
      assert.equal(
        await unmailed(() =>
          challenge(server, { ...ours.credentials, login_hint: someone(), ...s256() }, { origin }),
        ),
        '400 invalid_request',
      );
  });

  it('gets no session, whatever cookies it sends', async () => {
    const hosted = await ask(site, someone());
    await enter(hosted, hosted.code);
    const cookie = `postern_session=${hosted.browser.cookie('postern_session')}; postern_browser=${hosted.browser.cookie('postern_browser')}`;
    const before = hosted.browser.cookie('postern_session');
    const asked = await askInApp(site, ours);
    const answer = await challenge(
      server,
      { ...ours.credentials, auth_session: asked.authSession, otp: asked.code },
      { ...mine, cookie },
    );
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('set-cookie'), null);
    assert.equal(hosted.browser.cookie('postern_session'), before);
  });

  it('of a registered origin may read the answer, and no other', async () => {
    const asked = await challenge(server, { ...ours.credentials, login_hint: someone(), ...s256() }, mine);
    assert.equal(asked.headers.get('access-control-allow-origin'), mine.origin);
    assert.equal(asked.headers.get('access-control-allow-credentials'), null);
    const refused = await challenge(server, { ...ours.credentials }, { origin: 'https://evil.example' });
    assert.equal(refused.headers.get('access-control-allow-origin'), null);
    const before = await fetch(`${server.url}/oauth/authorize-challenge`, {
      method: 'OPTIONS',
      headers: {
        ...mine,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type',
      },
    });
    assert.deepEqual([before.status, before.headers.get('access-control-allow-origin')], [204, mine.origin]);
  });
});
