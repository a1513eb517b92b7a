import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Client } from '../../src/clients/store.ts';
import { mailedLink, mailedLinkFault } from '../../src/sign-in/headless/mailed-link.ts';
import { openBrowser } from '../support/browser.ts';
import { onSqlite } from '../support/databases.ts';
import { hostileStrings } from '../support/hostile-strings.ts';
import { goodHtml, structureOf } from '../support/templates.ts';
import { type HeadlessBench, openHeadless, refused, VERIFY } from './bench.ts';

const ACME = {
  redirectUris: ['https://app.example.com/callback', 'com.example.app:/callback', 'http://localhost:3000/cb'],
  postLogoutRedirectUris: ['https://www.example.com/bye'],
  initiateLoginUri: 'https://login.example.com/start',
} as Client;

describe('the page that a mailed link leads to', () => {
  for (const uri of [
    'https://app.example.com',
    'https://app.example.com:443/any/path?with=query#and-fragment',
    'https://www.example.com/verify',
    'https://login.example.com/verify',
    'http://localhost:3000/verify',
    'com.example.app:/verify',
  ])
    it(`may be ${uri}`, () => assert.equal(mailedLinkFault(uri, ACME), undefined));

  for (const uri of [
    'http://localhost:3001/',
    'http://127.0.0.1:3000/',
    'com.example.app2:/',
    'COM.example.app://evil/',
  ])
    it(`may not be ${uri}`, () => assert.notEqual(mailedLinkFault(uri, ACME), undefined));

  for (const [uri, link] of [
    ['https://app.example.com', 'https://app.example.com/?link_token=T'],
    ['https://app.example.com/v?', 'https://app.example.com/v?link_token=T'],
    ['https://app.example.com/v?state=a%20b+c&', 'https://app.example.com/v?state=a%20b+c&link_token=T'],
    ['https://app.example.com/v?a=1&a=2#/route?x', 'https://app.example.com/v?a=1&a=2&link_token=T#/route?x'],
    ["https://app.example.com/it's", 'https://app.example.com/it%27s?link_token=T'],
    ['com.example.app:/verify?a=1', 'com.example.app:/verify?a=1&link_token=T'],
  ] as const)
    it(`gets its token as in ${link}`, () => assert.equal(mailedLink(uri, 'T'), link));
});

onSqlite('the mail of a headless sign-in', (given) => {
  let bench: HeadlessBench;
  before(async () => {
    bench = await openHeadless(given);
  });
  after(() => bench.close());

  const write = (kind: string, html: string, text = 'Your code is {{ code }}.\n{{ link }}\n') =>
    bench.parts.templates.save(
      { kind },
      { subject: '{{ code }} {{ custom.plan }}', preheader: '', html, text },
    );

  it('names the place where the app is, leads there, and says "not me" to us', async () => {
    await bench.decide({});
    const { mail } = await bench.mailed({ magiclinkAuthUri: `${VERIFY}?from=mail#step` });
    assert.match(mail.link, /^https:\/\/app\.example\.com\/verify\?from=mail&link_token=[\w-]{22}#step$/);
    const spaced = mail.code.replace(/^.../, '$& ');
    assert.ok(mail.subject.startsWith(`${spaced} is your Acme`), mail.subject);
    const text = mail.text.split('\n');
    assert.ok(text.includes(mail.link));
    assert.equal(text.filter((line) => line.includes('app.example.com')).length, 3, mail.text);
    assert.match(mail.text, /Enter the code only on app\.example\.com\./);
    assert.equal(text.at(-2), `@app.example.com #${mail.code}`);
    assert.match(mail.text, /\nhttps:\/\/id\.example\.com\/not-me\/[\w-]{22}\n/);
    assert.ok(!mail.text.includes('/l/'));
  });

  it('of an app that is in no browser names the app', async () => {
    await bench.decide({ 'passwordless.method': 'otp' });
    const client: Client = { ...bench.acme, redirectUris: ['com.example.app:/callback'] };
    await bench.database.write((q) =>
      q
        .updateTable('clients')
        .set({ redirect_uris: JSON.stringify(client.redirectUris) })
        .where('id', '=', client.id)
        .execute(),
    );
    const { mail } = await bench.mailed({ client });
    assert.match(mail.text, /Enter the code only on Acme\./);
    assert.doesNotMatch(mail.text, /^@/m);
    assert.equal(mail.link, '');
    await bench.decide({});
    const linked = await bench.mailed({ client, magiclinkAuthUri: 'com.example.app:/verify' });
    assert.match(linked.mail.text, /^com\.example\.app:\/verify\?link_token=[\w-]{22}$/m);
  });

  it('is that of a sign-up where the app says so, and never because nobody knows the address', async () => {
    await bench.decide({});
    const parts = (subject: string) => ({
      subject,
      preheader: '',
      html: goodHtml,
      text: '{{ code }} {{ link }}',
    });
    await bench.parts.templates.save({ kind: 'sign_up_both' }, parts('Welcome {{ code }}'));
    const subjectOf = async (template?: 'SIGNIN' | 'SIGNUP') =>
      (await bench.mailed({ template })).mail.subject;
    assert.match(await subjectOf('SIGNUP'), /^Welcome/);
    assert.doesNotMatch(await subjectOf('SIGNIN'), /^Welcome/);
    assert.doesNotMatch(await subjectOf(), /^Welcome/);
    await bench.parts.templates.remove({ kind: 'sign_up_both' });
    assert.doesNotMatch(await subjectOf('SIGNUP'), /^Welcome/);
  });

  it('needs each variable that its template shows, and no other', async () => {
    await bench.decide({});
    await write(
      'sign_in_both',
      goodHtml.replace(
        '</body>',
        `<p>{{ custom.first_name }} {{ custom.title | default: "friend" }}</p>
        {% if custom.trial %}<p>{{ custom.trial }} {{ custom.trial_end }}</p>{% endif %}</body>`,
      ),
    );
    const send = (templateVariables: Record<string, string>) => bench.mailed({ templateVariables });
    const failure = await refused(send({}), 'template_variable_missing', /give plan, first_name\.$/);
    assert.deepEqual(
      failure.violations.map(({ field }) => field),
      ['template_variables.plan', 'template_variables.first_name'],
    );
    const { mail } = await send({ plan: 'Pro', first_name: 'Ana', unused: 'x' });
    assert.match(mail.html, /<p>Ana friend<\/p>/);
    assert.equal(mail.subject, `${mail.code} Pro`);
    await refused(
      send({ plan: 'Pro', first_name: 'Ana', trial: 'yes' }),
      'template_variable_missing',
      /trial_end/,
    );
    await refused(send({ plan: '', first_name: 'Ana' }), 'template_variable_missing', /plan/);
  });

  it('shows what an app fills in as text on one line, whatever it is', async () => {
    await bench.decide({});
    await write(
      'sign_in_both',
      goodHtml.replace('</body>', '<p title="{{ custom.plan }}">{{ custom.plan }}</p></body>'),
      '{{ custom.plan }}\n{{ code }} {{ link }}',
    );
    const plain = await bench.mailed({ templateVariables: { plan: 'Pro' } });
    const odd = [
      '{{ code }}',
      '{% if code %}x{% endif %}',
      'a\r\nBcc: x@evil.example',
      '\u202eevil',
      '\ud800',
      '\0',
    ];
    for (const plan of [...odd, ...hostileStrings].filter((text) => text.length <= 256)) {
      const { mail } = await bench.mailed({ templateVariables: { plan: `x${plan}` } });
      assert.deepEqual(structureOf(mail.html), structureOf(plain.mail.html), plan);
      assert.ok(mail.subject.startsWith(`${mail.code} x`), mail.subject);
      assert.doesNotMatch(mail.subject + mail.text.split('\n')[0], /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
      assert.equal(mail.text.match(new RegExp(mail.code, 'g'))?.length, 1);
    }
  });

  for (const [title, templateVariables, words] of [
    [
      '31 of them',
      Object.fromEntries(Array.from({ length: 31 }, (_each, at) => [`name${at}`, 'x'])),
      /at most 30/,
    ],
    ['one of a letter', { a: 'x' }, /2 to 25/],
    ['one of 26 letters', { ['a'.repeat(26)]: 'x' }, /2 to 25/],
    ['one with a dot', { 'user.email': 'x' }, /letters, digits and underscores/],
    ['one of a language', JSON.parse('{"__proto__": "x"}'), /letters, digits and underscores/],
    ['a value of 257 letters', { plan: 'x'.repeat(257) }, /at most 256/],
    ['a megabyte', { plan: 'x'.repeat(1 << 20) }, /at most 256/],
    ...['code', 'otp', 'LINK', 'expiry_time_relative', 'expire_time', 'expiry_time'].map(
      (name) => [name, { [name]: 'x' }, /is a reserved name/] as const,
    ),
  ] as const)
    it(`takes no variables like ${title}`, async () => {
      await bench.decide({});
      await refused(bench.send({ templateVariables }), 'validation_failed', words);
    });

  it('can be read in a browser, and its one foreign link is the app', async () => {
    await bench.decide({});
    await bench.parts.templates.remove({ kind: 'sign_in_both' });
    const { mail } = await bench.mailed({ magiclinkAuthUri: `${VERIFY}?a=1&copy=2#step` });
    const browser = await openBrowser();
    try {
      const page = await browser.newPage();
      await page.setContent(mail.html);
      const text = await page.innerText('body');
      assert.ok(text.replaceAll(/\s/g, '').includes(mail.code), text);
      const links = await page.$$eval('a', (all) => all.map((each) => each.href));
      assert.equal(links.filter((href) => href === mail.link).length > 0, true);
      for (const href of links)
        assert.ok(href === mail.link || href.startsWith('https://id.example.com/not-me/'), href);
    } finally {
      await browser.close();
    }
  });
});
