import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Email, parseEmail } from '../../src/core/email.ts';
import { inboxLink, inboxLinkByMx } from '../../src/core/inbox-links.ts';

const sender = 'sign-in@id.example.com';

function address(text: string): Email {
  const email = parseEmail(text, (domain) => domain);
  return typeof email === 'string' ? email : assert.fail(text);
}

const gmail =
  'https://mail.google.com/mail/u/?authuser=ana%40DOMAIN#search/from%3Asign-in%40id.example.com+in%3Aanywhere+newer_than%3A1h';
const yahoo = 'https://mail.yahoo.com/d/search/keyword=from%253Asign-in%2540id.example.com';
const proton = 'https://mail.proton.me/u/0/all-mail#from=sign-in%40id.example.com';
const fastmail = 'https://app.fastmail.com/mail/search:from%3Asign-in%40id.example.com';
const mailRu = 'https://e.mail.ru/search/?q_from=sign-in%40id.example.com';

const byDomain: [domain: string, provider: string, url: string][] = [
  ['gmail.com', 'Gmail', gmail],
  ['googlemail.com', 'Gmail', gmail],
  ['outlook.com', 'Outlook', 'https://outlook.live.com/mail/?login_hint=ana%40outlook.com'],
  ['hotmail.fr', 'Outlook', 'https://outlook.live.com/mail/?login_hint=ana%40hotmail.fr'],
  ['live.co.uk', 'Outlook', 'https://outlook.live.com/mail/?login_hint=ana%40live.co.uk'],
  ['msn.com', 'Outlook', 'https://outlook.live.com/mail/?login_hint=ana%40msn.com'],
  ['yahoo.com', 'Yahoo', yahoo],
  ['yahoo.co.uk', 'Yahoo', yahoo],
  ['ymail.com', 'Yahoo', yahoo],
  ['yahoo.co.jp', 'Yahoo', 'https://mail.yahoo.co.jp/'],
  ['icloud.com', 'iCloud', 'https://www.icloud.com/mail/'],
  ['me.com', 'iCloud', 'https://www.icloud.com/mail/'],
  ['proton.me', 'Proton', proton],
  ['protonmail.com', 'Proton', proton],
  ['pm.me', 'Proton', proton],
  ['fastmail.com', 'Fastmail', fastmail],
  ['aol.com', 'AOL', 'https://mail.aol.com/d/search/keyword=from%253Asign-in%2540id.example.com'],
  ['gmx.de', 'GMX', 'https://www.gmx.net/'],
  ['gmx.net', 'GMX', 'https://www.gmx.net/'],
  ['gmx.com', 'GMX', 'https://www.gmx.com/'],
  ['web.de', 'WEB.DE', 'https://web.de/'],
  ['t-online.de', 'T-Online', 'https://email.t-online.de/'],
  ['mail.ru', 'Mail.ru', mailRu],
  ['bk.ru', 'Mail.ru', mailRu],
  ['yandex.ru', 'Yandex', 'https://mail.yandex.ru/'],
  ['yandex.com', 'Yandex', 'https://mail.yandex.com/'],
  ['qq.com', 'QQ', 'https://mail.qq.com/'],
  ['163.com', 'NetEase', 'https://mail.163.com/'],
  ['126.com', 'NetEase', 'https://mail.126.com/'],
  ['naver.com', 'NAVER', 'https://mail.naver.com/'],
  ['libero.it', 'Libero', 'https://mail.libero.it/'],
  ['zoho.com', 'Zoho', 'https://mail.zoho.com/zm/'],
  ['zohomail.eu', 'Zoho', 'https://mail.zoho.eu/zm/'],
  ['hey.com', 'HEY', 'https://app.hey.com/topics/everything'],
  ['tuta.com', 'Tuta', 'https://app.tuta.com/mail'],
];

const byMx: [hosts: string[], provider: string, url: string][] = [
  [['aspmx.l.google.com', 'alt1.aspmx.l.google.com'], 'Gmail', gmail],
  [['smtp.google.com.'], 'Gmail', gmail],
  [['ASPMX.L.GOOGLE.COM.'], 'Gmail', gmail],
  [
    ['acme-com.mail.protection.outlook.com'],
    'Outlook',
    'https://outlook.office.com/mail/?login_hint=ana%40acme.com',
  ],
  [['acme-com.a-v1.mx.microsoft'], 'Outlook', 'https://outlook.office.com/mail/?login_hint=ana%40acme.com'],
  [['mail.protonmail.ch', 'mailsec.protonmail.ch'], 'Proton', proton],
  [['in1-smtp.messagingengine.com'], 'Fastmail', fastmail],
  [['mx01.mail.icloud.com.'], 'iCloud', 'https://www.icloud.com/mail/'],
  [['mx.zoho.com'], 'Zoho', 'https://mail.zoho.com/zm/'],
  [['mx.zoho.eu.'], 'Zoho', 'https://mail.zoho.eu/zm/'],
  [['mx.yandex.net'], 'Yandex', 'https://mail.yandex.com/'],
  [['mta5.am0.yahoodns.net'], 'Yahoo', yahoo],
  [['emx.mail.ru'], 'Mail.ru', mailRu],
  [['mail.tutanota.de'], 'Tuta', 'https://app.tuta.com/mail'],
  [['mxbiz1.qq.com'], 'QQ', 'https://mail.qq.com/'],
  [['filter.example.net', 'aspmx.l.google.com'], 'Gmail', gmail],
];

/** Signs that mean something in an address of the web, and may stand before the at sign. */
const hostile = [
  "o'hara",
  'a#b',
  'a&authuser=eve',
  'a+b',
  'a=b',
  'a?b',
  'a/b',
  'a*b',
  'a~b',
  'a`b',
  '{a}|b^$',
];

describe('the way to the inbox', () => {
  for (const [domain, provider, url] of byDomain) {
    it(`is known for ${domain}`, () => {
      const link = inboxLink({ email: address(`ana@${domain}`), sender });
      assert.deepEqual(link, { provider, url: url.replace('DOMAIN', domain) });
    });
  }

  for (const [hosts, provider, url] of byMx) {
    it(`is known for a domain of one's own at ${hosts.join(', ')}`, () => {
      const link = inboxLinkByMx(hosts, { email: address('ana@acme.com'), sender });
      assert.deepEqual(link, { provider, url: url.replace('DOMAIN', 'acme.com') });
    });
  }

  it('is not guessed for other domains and exchangers', () => {
    for (const domain of [
      'acme.com',
      'mail.gmail.com',
      'gmail.org',
      'notgmail.com',
      'yahoo.xyz',
      'constructor.com',
    ])
      assert.equal(inboxLink({ email: address(`ana@${domain}`), sender }), undefined, domain);
    const foreign = [[], ['mx.acme.com'], ['aspmx.l.google.com.evil.example'], ['notgoogle.com'], ['']];
    for (const hosts of foreign)
      assert.equal(inboxLinkByMx(hosts, { email: address('ana@acme.com'), sender }), undefined, hosts.join());
  });

  it('leads to the same place whatever stands before the at sign, and names that address alone', () => {
    for (const local of hostile) {
      const email = address(`${local}@gmail.com`);
      const { url } = inboxLink({ email, sender }) ?? assert.fail();
      const parsed = new URL(url);
      assert.deepEqual([...parsed.searchParams], [['authuser', email]]);
      assert.match(
        parsed.hash,
        /^#search\/from%3Asign-in%40id\.example\.com\+in%3Aanywhere\+newer_than%3A1h$/,
      );
      assert.doesNotMatch(url, /['"<>`{}|^\\*~\s]/);
      const outlook = new URL(inboxLink({ email: address(`${local}@live.com`), sender })?.url ?? '');
      assert.deepEqual([...outlook.searchParams], [['login_hint', `${local}@live.com`]]);
    }
  });

  it('searches for the sender as it is, whatever its signs', () => {
    for (const local of hostile) {
      const from = `${local}@id.example.com`;
      const search = (domain: string) =>
        new URL(inboxLink({ email: address(`ana@${domain}`), sender: from })?.url ?? '');
      const twice = (text: string) => decodeURIComponent(decodeURIComponent(text));
      assert.equal(twice(search('yahoo.com').pathname), `/d/search/keyword=from:${from}`);
      assert.equal(twice(search('aol.com').pathname), `/d/search/keyword=from:${from}`);
      assert.equal(decodeURIComponent(search('fastmail.com').pathname), `/mail/search:from:${from}`);
      assert.deepEqual([...search('mail.ru').searchParams], [['q_from', from]]);
      assert.equal(decodeURIComponent(search('proton.me').hash), `#from=${from}`);
      const [query = ''] = search('gmail.com').hash.slice('#search/'.length).split('+');
      assert.equal(decodeURIComponent(query), `from:${from}`);
    }
  });

  it('is an address of https at a provider we name, for every address', () => {
    const domains = byDomain.map(([domain]) => domain);
    const local = fc
      .stringMatching(/^[A-Za-z0-9#$&'*+/=?^_`{|}~-]{1,20}$/)
      .filter((text) => !text.includes('=?'));
    const known = new Set(byDomain.map(([domain, , url]) => new URL(url.replace('DOMAIN', domain)).host));
    fc.assert(
      fc.property(local, fc.constantFrom(...domains), (text, domain) => {
        const url = new URL(inboxLink({ email: address(`${text}@${domain}`), sender })?.url ?? '');
        assert.equal(url.protocol, 'https:');
        assert.ok(known.has(url.host), url.host);
        assert.equal(url.username, '');
      }),
    );
  });
});
