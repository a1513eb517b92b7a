import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AppBrowser, titleOf } from '../support/app-client.ts';
import { openBrowser, type TestBrowser } from '../support/browser.ts';
import { createMailbox } from '../support/mailbox.ts';
import { authorizeUrl, claimsOf, exchange, tokensOf } from '../support/oauth-requests.ts';
import { openPageServer, type PageServer } from '../support/page-server.ts';
import { startTestServer } from '../support/server.ts';
import {
  type Asked,
  ask,
  askAgain,
  begin,
  enter,
  eventReader,
  isSignedIn,
  type Site,
  someone,
  stateOf,
  wrongCode,
} from '../support/sign-in-steps.ts';

let site: Site;
before(async () => {
  const mailbox = createMailbox();
  site = { mailbox, server: await startTestServer({ transport: mailbox.transport }) };
});
after(() => site.server.stop());

/** Headers by which a browser says that the form was not ours. */
const foreign = (own: string): ReadonlyArray<readonly [what: string, headers: Record<string, string>]> => [
  ['from another site', { origin: 'http://evil.example', 'sec-fetch-site': 'cross-site' }],
  ['from another site, in a browser that names only the origin', { origin: 'http://evil.example' }],
  ['from another site, in a browser that names only the relation', { 'sec-fetch-site': 'cross-site' }],
  [
    'from a neighbour on the same domain',
    { origin: own.replace('localhost', 'evil.localhost'), 'sec-fetch-site': 'same-site' },
  ],
  ['from another port', { origin: 'http://localhost:1' }],
  ['from the same host by https', { origin: own.replace('http:', 'https:') }],
  ['from a host that begins like ours', { origin: `${own}.evil.example` }],
  ['from a host that ends like ours', { origin: own.replace('localhost', 'evillocalhost') }],
  ['from a sandboxed frame', { origin: 'null', 'sec-fetch-site': 'cross-site' }],
  ['from nowhere', { origin: 'null' }],
  ['from two origins', { origin: `${own}, http://evil.example` }],
  ['from an empty origin', { origin: '' }],
  ['with a relation that does not exist', { 'sec-fetch-site': 'friend' }],
];

/** Every form below an interaction, with fields that would do something. */
const forms = (asked: Asked): ReadonlyArray<readonly [path: string, fields: Record<string, string>]> => [
  [`${asked.home}/start`, { email: 'other@acme.com' }],
  [`${asked.home}/code`, { code: asked.code }],
  [`${asked.home}/code`, { code: wrongCode(asked.code) }],
  [`${asked.home}/resend`, { step: '1' }],
  [`${asked.home}/address`, {}],
  [`${asked.home}/restart`, { step: '1' }],
  [`${asked.home}/continue`, {}],
  [`${asked.home}/keep`, {}],
  [`${asked.home}/consent`, {}],
  [`${asked.home}/abort`, {}],
  [asked.link, {}],
];

describe('A form', () => {
  it('that another site sends is refused at every step, with the cookies of the person, and nothing is written', async () => {
    const asked = await ask(site, someone());
    const stored = await stateOf(site.server);
    for (const [what, headers] of foreign(site.server.url))
      for (const [path, fields] of forms(asked)) {
        const answer = await asked.browser.send(site.server.url + path, {
          method: 'POST',
          headers,
          body: new URLSearchParams(fields),
        });
        assert.equal(answer.status, 403, `${path} ${what}`);
        assert.match(answer.body, /Go back to the sign-in page/);
        assert.equal(answer.away, undefined);
      }
    assert.deepEqual(await stateOf(site.server), stored);
    assert.ok(isSignedIn(await enter(asked, asked.code)));
  });

  it('that a program sends, which names neither origin nor relation, is one of our own', async () => {
    const asked = await ask(site, someone());
    const body = new URLSearchParams({ code: asked.code });
    assert.ok(
      isSignedIn(await asked.browser.send(`${site.server.url}${asked.home}/code`, { method: 'POST', body })),
    );
  });

  it('as text or JSON, which other sites may send without asking, is refused', async () => {
    const asked = await ask(site, someone());
    for (const type of ['text/plain', 'application/json', 'multipart/form-data; boundary=x']) {
      const headers = { 'content-type': type };
      const answer = await asked.browser.send(`${site.server.url}${asked.home}/code`, {
        method: 'POST',
        headers,
        body: `code=${asked.code}`,
      });
      assert.equal(answer.status, 415, type);
    }
  });

  it('without the cookies of its interaction does nothing but say so', async () => {
    const asked = await ask(site, someone());
    const stored = await stateOf(site.server);
    for (const [path, fields] of forms(asked)) {
      const answer = await new AppBrowser(site.server).post(path, fields);
      assert.equal(answer.status, 400, path);
      assert.equal(answer.away, undefined);
    }
    assert.deepEqual(await stateOf(site.server), stored);
  });
});

describe('A look', () => {
  it('at any address of a sign-in, by GET or HEAD, in any state and browser, writes nothing', async () => {
    const locked = await ask(site, someone());
    for (let by = 1; by <= 5; by += 1) await enter(locked, wrongCode(locked.code, by));
    const done = await ask(site, someone());
    await enter(done, done.code);
    const left = await ask(site, someone());
    await askAgain(site, left, { path: 'address' });
    const waiting = await ask(site, someone());
    const fresh = {
      ...(await begin(site, { params: { login_hint: someone() } })),
      link: waiting.link,
      code: '000000',
    };
    const stored = await stateOf(site.server);
    for (const at of [locked, done, left, waiting, fresh])
      for (const visitor of [at.browser, new AppBrowser(site.server)])
        for (const { method, path } of looksAt(at)) {
          const answer = await visitor.send(site.server.url + path, { method });
          assert.ok(answer.status < 500 && !answer.away, `${method} ${path} ${answer.status}`);
        }
    assert.deepEqual(await stateOf(site.server), stored);
    assert.ok(isSignedIn(await enter(waiting, waiting.code)));
  });
});

/** Every address that belongs to a sign-in, also those that only take forms. */
function looksAt({ home, link, code }: Pick<Asked, 'home' | 'link' | 'code'>) {
  const steps =
    'start code resend address restart continue keep consent abort status nonsense __proto__'.split(' ');
  const paths = [
    home,
    ...steps.map((step) => `${home}/${step}`),
    `${home}/code?code=${code}`,
    `${home}?email=x@acme.com`,
    link,
    `${link}?x`,
    `/oauth/authorize/${home.split('/').at(-1)}`,
  ];
  return paths.flatMap((path) => ['GET', 'HEAD'].map((method) => ({ method, path })));
}

/** A browser that somebody has planted their own interaction's cookie in, as a neighbouring subdomain can. */
function planted(attacker: Asked, victim = new AppBrowser(site.server)) {
  const [interaction, own] = [
    attacker.browser.cookie('postern_interaction'),
    victim.cookie('postern_browser') ?? 'of-the-victim',
  ];
  const headers = { cookie: `postern_interaction=${interaction}; postern_browser=${own}` };
  return {
    open: (path: string) => victim.open(path, headers),
    post: (path: string, fields: Record<string, string> = {}) => victim.post(path, fields, headers),
  };
}

describe('Somebody who wants another person to be signed in as themselves', () => {
  it('gets nowhere with the address of their own sign-in', async () => {
    const attacker = await ask(site, someone());
    const page = await new AppBrowser(site.server).open(attacker.home);
    assert.equal(page.status, 400);
    assert.match(titleOf(page), /^Let us start again/);
    assert.match(page.body, /href="http:\/\/localhost:9\/"/, 'with a way back to the app');
  });

  it('gets nowhere with their link, opened or posted', async () => {
    const attacker = await ask(site, someone());
    const victim = new AppBrowser(site.server);
    await victim.open(authorizeUrl(site.server));
    assert.match(titleOf(await victim.open(attacker.link)), /^Almost there/);
    const posted = await victim.post(attacker.link, {});
    assert.equal(posted.status, 400);
    assert.equal(victim.cookie('postern_session'), undefined);
  });

  it('gets nowhere with a cookie they planted, whatever they have proved', async () => {
    const attacker = await ask(site, someone());
    const victim = planted(attacker);
    for (const answer of [
      await victim.open(attacker.home),
      await victim.post(`${attacker.home}/code`, { code: attacker.code }),
      await victim.open(attacker.home),
      await victim.post(`${attacker.home}/continue`),
    ]) {
      assert.equal(answer.status, 400, titleOf(answer));
      assert.match(titleOf(answer), /^Let us start again/);
      assert.deepEqual(
        answer.headers.getSetCookie().filter((line) => line.includes('session')),
        [],
      );
      assert.doesNotMatch(answer.body, /person\d+@acme/, 'and the address is not shown');
    }
    assert.ok(isSignedIn(await enter(attacker, attacker.code)), 'their own browser goes on');
  });

  it('gets nowhere with a planted resume cookie: the person resumes their own sign-in', async () => {
    const [attacker, victim] = [await ask(site, someone()), await ask(site, someone())];
    const uid = attacker.home.split('/').at(-1);
    const cookie = `postern_resume=${uid}; postern_interaction=${victim.browser.cookie('postern_interaction')}; postern_browser=${victim.browser.cookie('postern_browser')}; postern_resume=${uid}`;
    const answer = await victim.browser.post(`${victim.home}/code`, { code: victim.code }, { cookie });
    assert.ok(isSignedIn(answer));
  });

  it('gets nowhere with a session cookie of their own choice, new or of their own session', async () => {
    const attacker = await ask(site, someone());
    await enter(attacker, attacker.code);
    const theirs = attacker.browser.cookie('postern_session') ?? '';
    for (const fixed of ['A'.repeat(43), theirs]) {
      const email = someone();
      const victim = await ask(site, email);
      const cookie = `postern_session=${fixed}; postern_interaction=${victim.browser.cookie('postern_interaction')}; postern_browser=${victim.browser.cookie('postern_browser')}`;
      const answer = await victim.browser.post(`${victim.home}/code`, { code: victim.code }, { cookie });
      assert.ok(isSignedIn(answer));
      const given = victim.browser.cookie('postern_session') ?? '';
      assert.ok(given !== fixed && given.length >= 43);
      const tokens = tokensOf(await exchange(site.server, answer.away ?? assert.fail()));
      assert.equal(claimsOf(tokens.idToken).email, email);
      const probe = await new AppBrowser(site.server).send(authorizeUrl(site.server, { prompt: 'none' }), {
        headers: { cookie: `postern_session=${fixed}` },
      });
      assert.ok(!isSignedIn(probe), 'the cookie they know is worth nothing');
    }
  });
});

describe('A page of another site', () => {
  let chromium: TestBrowser;
  let evil: PageServer;
  before(async () => {
    chromium = await openBrowser();
    evil = await openPageServer();
  });
  after(async () => {
    await chromium.close();
    await evil.close();
  });
  const html = (text: string) => ({ text, headers: { 'content-type': 'text/html' } });

  it('cannot show one of ours inside it', async () => {
    const asked = await ask(site, someone());
    const { url } = site.server;
    const framed = [
      `${url}${asked.link}`,
      authorizeUrl(site.server),
      `${url}/oidc/logout`,
      `${url}/oauth/authorize?client_id=x`,
    ];
    evil.put(
      '/',
      html(framed.map((target) => `<iframe src="${target.replaceAll('&', '&amp;')}"></iframe>`).join('')),
    );
    const page = await chromium.newPage();
    await page.goto(evil.origin, { waitUntil: 'networkidle' });
    const frames = page.frames().slice(1);
    assert.equal(frames.length, framed.length);
    for (const frame of frames) assert.match(frame.url(), /^chrome-error:/);
    await page.context().close();
  });

  it('cannot make a browser ask for a mail, type a code or sign out, by forms, images or scripts', async () => {
    const context = await chromium.newContext();
    const own = await context.newPage();
    await own.goto(authorizeUrl(site.server));
    const home = new URL(own.url()).pathname;
    const events = eventReader(site.server);
    await events();
    const sent = site.mailbox.mails.length;
    const target = `${site.server.url}${home}`;
    const hinted = authorizeUrl(site.server, { login_hint: 'victim@acme.com' }).replaceAll('&', '&amp;');
    evil.put(
      '/',
      html(`<form method="post" action="${target}/start"><input name="email" value="victim@acme.com"></form>
      <img src="${hinted}"><img src="${target}/start?email=victim@acme.com"><link rel="prefetch" href="${hinted}"><iframe src="${hinted}"></iframe>
      <script>
        fetch('${target}/start', { method: 'POST', mode: 'no-cors', credentials: 'include', body: new URLSearchParams({ email: 'victim@acme.com' }) });
        fetch('${target}/abort', { method: 'POST', mode: 'no-cors', credentials: 'include' });
        navigator.sendBeacon('${target}/start', new URLSearchParams({ email: 'victim@acme.com' }));
        setTimeout(() => document.forms[0].submit(), 300);
      </script>`),
    );
    const page = await context.newPage();
    await page.goto(evil.origin);
    await page.waitForURL(`${target}/start`);
    assert.match(await page.title(), /^This cannot go on/);
    await site.server.mailIdle();
    assert.equal(site.mailbox.mails.length, sent);
    assert.deepEqual(await events(), []);
    await context.close();
  });
});
