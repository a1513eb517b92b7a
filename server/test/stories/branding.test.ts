import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { drawing, png } from '../fixtures/pictures.ts';
import { AppBrowser, type Landing } from '../support/app-client.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { createMailbox, notMeIn } from '../support/mailbox.ts';
import { startTestServer } from '../support/server.ts';
import { type Asked, ask, begin, enter, type Site, someone } from '../support/sign-in-steps.ts';

const OURS = '#7a1f5c';
const THEIRS = '#1f4f9a';

let clock: FakeClock;
let site: Site;
/** An app with colours and a logo of its own; the server's `app` has none. */
let branded: { id: string; logo: string };
let ours: { logo: string; logoDark: string };
before(async () => {
  clock = createFakeClock();
  const mailbox = createMailbox();
  site = { mailbox, server: await startTestServer({ transport: mailbox.transport, clock }) };
  const { settings, clients } = site.server.rooms;
  await settings.set('branding.colour', OURS);
  ours = {
    logo: await settings.setLogo('branding.logo', png(90, 30)),
    logoDark: await settings.setLogo('branding.logo_dark', png(91, 30)),
  };
  const { redirectUri, postLogoutUri } = site.server.app;
  const { client } = await clients.create({
    name: 'Shop',
    redirectUris: [redirectUri],
    postLogoutRedirectUris: [postLogoutUri],
    branding: { colour: THEIRS, logo: drawing },
  });
  branded = { id: client.id, logo: client.branding.logo ?? '' };
});
after(async () => {
  await site.server.stop();
  clock.release();
});

/** That a browser applies every style of the page: each is in the policy that came with it. */
function isAllowed({ body, headers }: Landing): void {
  const styles = [...body.matchAll(/<style>(.*?)<\/style>/gs)].map(([, text = '']) => text);
  const policy = /style-src ([^;]*)/.exec(headers.get('content-security-policy') ?? '')?.[1];
  const hashes = styles.map((text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`);
  assert.equal(policy, hashes.join(' '));
}

function looksLikeShop(page: Landing): void {
  isAllowed(page);
  assert.ok(page.body.includes(`--act:${THEIRS}`), 'their colour');
  assert.ok(
    page.body.includes(`src="/logos/${branded.logo}" width="120" height="40" alt="Shop"`),
    'their logo',
  );
  assert.ok(!page.body.includes(OURS) && !page.body.includes(ours.logo), 'nothing of ours');
}

function looksLikeUs(page: Landing, alt: string): void {
  isAllowed(page);
  assert.ok(page.body.includes(`--act:${OURS}`), 'our colour');
  assert.ok(page.body.includes(`src="/logos/${ours.logo}" width="90" height="30" alt="${alt}"`), 'our logo');
  assert.ok(page.body.includes(`srcset="/logos/${ours.logoDark}" width="91" height="30"`), 'our dark logo');
  assert.ok(!page.body.includes(THEIRS) && !page.body.includes(branded.logo), 'nothing of theirs');
}

const asShop = () => ({ params: { client_id: branded.id } });

describe('a brand', () => {
  it('of an app is on all of its pages, from the address to the way back', async () => {
    const { page } = await begin(site, asShop());
    looksLikeShop(page);
    const asked = await ask(site, someone(), asShop());
    looksLikeShop(asked.page);
    const elsewhere = new AppBrowser(site.server);
    looksLikeShop(await elsewhere.open(asked.link));
    looksLikeShop(await elsewhere.open(notMeIn(asked.mail)));
    const done = await enter(asked, asked.code);
    assert.ok(done.away);
    looksLikeShop(done);
    looksLikeShop(await asked.browser.open(asked.home));
    looksLikeShop(await asked.browser.open(`/oidc/logout?client_id=${branded.id}`));
  });

  it('of the deployment is on the pages of an app without one, and on those of no app', async () => {
    const asked = await ask(site, someone());
    looksLikeUs(asked.page, 'Acme');
    looksLikeUs(await new AppBrowser(site.server).open(asked.link), 'Acme');
    looksLikeUs(await enter(asked, asked.code), 'Acme');
    looksLikeUs(await asked.browser.open('/languages?from=/'), 'Postern');
    looksLikeUs(await asked.browser.open('/oauth/authorize?client_id=skc_1'), 'Postern');
    looksLikeUs(await asked.browser.open('/l/nothing'), 'Postern');
    looksLikeUs(await asked.browser.open('/nowhere'), 'Postern');
  });

  it('is the same bytes each time', async () => {
    const { body } = await begin(site, asShop()).then(({ page }) => page);
    const again = await begin(site, asShop()).then(({ page }) => page);
    const styleOf = (text: string) => text.slice(0, text.indexOf('</head>'));
    assert.equal(styleOf(again.body), styleOf(body));
  });

  it('that is changed is seen within a second, and one that is taken away is gone', async () => {
    const { clients } = site.server.rooms;
    const { client } = await clients.create({ name: 'Fresh', redirectUris: [site.server.app.redirectUri] });
    const look = async () => (await begin(site, { params: { client_id: client.id } })).page;
    looksLikeUs(await look(), 'Fresh');
    await clients.brand(client.id, { name: 'Fresher', colour: '#006644', logo: png(20, 20) });
    clock.advance(1000);
    const changed = await look();
    isAllowed(changed);
    assert.match(changed.body, /--act:#006644/);
    assert.match(changed.body, /width="20" height="20" alt="Fresher"/);
    await clients.brand(client.id, { reset: true });
    clock.advance(1000);
    looksLikeUs(await look(), 'Fresher');
  });

  it('with a colour between 3 and 4.5 to 1 is shown in the nearest shade that is readable', async () => {
    const { clients } = site.server.rooms;
    const redirectUris = [site.server.app.redirectUri];
    const { client } = await clients.create({ name: 'Pale', redirectUris, branding: { colour: '#0a9396' } });
    const { page } = await begin(site, { params: { client_id: client.id } });
    isAllowed(page);
    assert.match(page.body, /--act:#0[\da-f]{5};/);
    assert.doesNotMatch(page.body, /#0a9396/);
  });
});

describe('a logo', () => {
  it('is sent as what it is, for ever, and can do nothing when it is opened', async () => {
    const response = await fetch(`${site.server.url}/logos/${branded.logo}`);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'image/svg+xml');
    assert.equal(response.headers.get('cache-control'), 'public, max-age=31536000, immutable');
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
    assert.match(response.headers.get('content-security-policy') ?? '', /^default-src 'none';.*; sandbox$/);
    assert.deepEqual(await response.bytes(), drawing);
    const picture = await fetch(`${site.server.url}/logos/${ours.logo}`);
    assert.equal(picture.headers.get('content-type'), 'image/png');
    assert.deepEqual(await picture.bytes(), new Uint8Array(png(90, 30)));
  });

  it('that is not there is not found, whatever it is called', async () => {
    const names = [
      `${'0'.repeat(32)}-1x1.png`,
      'x',
      '%2e%2e%2fetc%2fpasswd',
      `${branded.logo}x`,
      "'%20or%201=1",
    ];
    for (const name of names)
      assert.equal((await fetch(`${site.server.url}/logos/${name}`)).status, 404, name);
  });
});

describe('a mail', () => {
  const htmlOf = (asked: Asked): string => asked.mail?.html ?? '';

  it('has the colours of its app in light and dark, and no drawing, which mail programs do not show', async () => {
    const html = htmlOf(await ask(site, someone(), asShop()));
    assert.match(html, new RegExp(`class="act"[^>]*background:${THEIRS}`));
    assert.match(html, /\.act\{background:#[\da-f]{6}!important\}/);
    assert.doesNotMatch(html, /#0d5a49|#86d9bf|<img/);
  });

  it('has the logo by its address at the configured origin, with its size and the name in its place', async () => {
    const html = htmlOf(await ask(site, someone()));
    const [tag = ''] = html.match(/<img\b[^>]*>/g) ?? [];
    assert.equal(html.match(/<img\b/g)?.length, 1);
    assert.ok(
      tag.includes(`src="${site.server.url}/logos/${ours.logo}" width="90" height="30" alt="Acme"`),
      tag,
    );
    assert.match(html, new RegExp(`class="act"[^>]*background:${OURS}`));
  });

  it('has no picture at all where nobody has chosen one', async () => {
    const { settings } = site.server.rooms;
    await settings.set('branding.logo', '');
    const html = htmlOf(await ask(site, someone()));
    await settings.set('branding.logo', ours.logo);
    assert.doesNotMatch(html, /<img|\/logos\//);
  });
});
