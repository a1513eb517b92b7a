import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { simpleParser } from 'mailparser';
import { normaliseCode } from '../../src/core/code.ts';
import { composeMessage, parseSender } from '../../src/mail/message.ts';
import { wordsFor } from '../../src/platform/words/words.ts';
import { mailColours } from '../../src/sign-in/mail-html.ts';
import { displayName, type SignInMailFacts, signInMail } from '../../src/sign-in/mails.ts';
import { hostileStrings } from '../support/hostile-strings.ts';
import { as } from '../support/mails.ts';

const CODE = '482913';
const LINK = 'https://id.acme.com/l/q8Zk3vX0b2NfT7yLr1CwAg';
const facts = (rest: Partial<SignInMailFacts> = {}): SignInMailFacts => ({
  appName: 'Acme',
  host: 'id.acme.com',
  origin: 'https://id.acme.com',
  words: wordsFor('en'),
  validMs: 600_000,
  requestedAt: Date.UTC(2026, 10, 22, 14, 32),
  requester: { browser: 'Chrome', os: 'macOS', ip: '203.0.113.7' },
  ...rest,
});
const both = (rest: Partial<SignInMailFacts> = {}) => signInMail(facts({ code: CODE, link: LINK, ...rest }));
const codeOnly = (rest: Partial<SignInMailFacts> = {}) => signInMail(facts({ code: CODE, ...rest }));
const linkOnly = (rest: Partial<SignInMailFacts> = {}) => signInMail(facts({ link: LINK, ...rest }));
const everyKind = [both(), codeOnly(), linkOnly()];

/** What a person or a program reads of the HTML, the hidden preheader included. */
function readable(html: string): string {
  const body = html.slice(html.indexOf('<body')).replace(/<!--.*?-->/gs, '');
  const text = body.replace(/<\/(p|td|tr|h1|div)>/g, '\n').replace(/<[^>]+>/g, '');
  const decoded = text.replace(/&#(\d+);/g, (_entity, point) => String.fromCodePoint(Number(point)));
  return decoded.replace(/[\u034f\u2007]/g, '').replace(/[ \t]+/g, ' ');
}

/** Runs of digits, or of capitals and digits mixed, that stand for themselves and not inside a name or number. */
function codeLike(text: string): string[] {
  const runs = text.matchAll(/(?<![\p{L}\p{N}.:/_@#-])[0-9A-Z]{4,10}(?![\p{L}\p{N}]|[.:/_-][\p{L}\p{N}])/gu);
  return [...new Set([...runs].map(([run]) => run).filter((run) => /\d/.test(run)))];
}

describe('the sign-in mail', () => {
  it('says it all in words that can be read aloud', () => {
    assert.equal(both().subject, '482 913 is your Acme sign-in code');
    assert.equal(both().preheader, '482913 is your Acme code. Works for 10 minutes.');
    assert.equal(
      both().text,
      `482913 is your Acme sign-in code.

Or sign in with this link:
https://id.acme.com/l/q8Zk3vX0b2NfT7yLr1CwAg

Works for 10 minutes, once.
Enter the code only on id.acme.com. Nobody will ever ask you for it.

Requested at 14:32 UTC from Chrome on macOS (203.0.113.7).
Not you? Ignore this mail; nobody can sign in without it.

@id.acme.com #482913
`,
    );
  });

  it('names the time in the subject when there is no code, so that two mails stay two', () => {
    const { subject, preheader, text } = linkOnly();
    assert.equal(subject, 'Sign in to Acme, 14:32 UTC');
    assert.equal(preheader, 'Your link to sign in to Acme. Works for 10 minutes.');
    assert.doesNotMatch(text, /code|#/);
    assert.match(text, /Open it in the browser where you started\./);
  });

  it('leaves out the link when there is none', () => {
    assert.doesNotMatch(codeOnly().text, /https?:|link/);
    assert.doesNotMatch(codeOnly().html, /<a |https?:/);
  });

  it('puts the code first: in the subject, the preheader and the first 100 characters of both parts', () => {
    for (const { subject, preheader, text, html } of [both(), codeOnly()]) {
      assert.ok(subject.startsWith('482 913 '));
      assert.ok(preheader.startsWith('482913 '));
      assert.ok(text.slice(0, 100).includes(CODE));
      assert.ok(readable(html).trim().slice(0, 100).includes(CODE));
    }
  });

  it('holds one thing only that looks like a code, and ends with the line that programs fill it in from', () => {
    for (const { text, html } of [both(), codeOnly()]) {
      assert.deepEqual(codeLike(text), [CODE]);
      assert.deepEqual(codeLike(readable(html)), [CODE]);
      assert.equal(text.trimEnd().split('\n').at(-1), '@id.acme.com #482913');
    }
    assert.deepEqual(codeLike(linkOnly().text), []);
    assert.equal(both({ host: 'localhost:4000' }).text.trimEnd().split('\n').at(-1), '@localhost #482913');
  });

  it('keeps the digits of the shown code together for those who copy it', () => {
    assert.match(readable(both().html), /\n\s*482913\s*\n/);
    assert.match(readable(both({ code: 'A3F4GH79' }).html), /\n\s*A3F4GH79\s*\n/);
  });

  it('can be pasted whole into the code field', () => {
    const shape = { length: 6, alphabet: 'numeric' } as const;
    assert.equal(normaliseCode(both().subject, shape), CODE);
    assert.equal(normaliseCode(both().preheader, shape), CODE);
  });

  it('has the link as a button and below it as an address, and no other link', () => {
    const { html } = both();
    assert.deepEqual([...new Set([...html.matchAll(/href="([^"]*)"/g)].map(([, href]) => href))], [LINK]);
    assert.equal(html.match(/<a /g)?.length, 2);
    assert.ok(html.includes(`>${LINK}</a>`));
    assert.ok(both().text.split('\n').includes(LINK));
  });

  it('mails a link to the configured origin only', () => {
    for (const link of [
      'https://evil.example/l/x',
      'https://id.acme.com.evil.example/l/x',
      'https://id.acme.comx/',
      '/l/x',
    ])
      assert.throws(() => both({ link }), /configured origin/);
    assert.throws(() => signInMail(facts()), /needs a code or a link/);
  });

  it('says only what is known of who asked', () => {
    const line = (requester: SignInMailFacts['requester']) =>
      both({ requester })
        .text.split('\n')
        .find((one) => one.startsWith('Requested'));
    assert.equal(line({}), 'Requested at 14:32 UTC.');
    assert.equal(line({ browser: 'Firefox' }), 'Requested at 14:32 UTC from Firefox.');
    assert.equal(
      line({ os: 'Windows', ip: '2001:db8::1' }),
      'Requested at 14:32 UTC from Windows (2001:db8::1).',
    );
    assert.equal(line({ ip: '203.0.113.7' }), 'Requested at 14:32 UTC from 203.0.113.7.');
    assert.equal(line({ ip: 'https://evil.example' }), 'Requested at 14:32 UTC.');
    assert.match(both({ validMs: 60_000 }).text, /Works for 1 minute, once\./);
  });

  it('is a small document that loads nothing, tracks nobody and runs nothing', () => {
    for (const { html } of everyKind) {
      assert.ok(html.length <= 15_000, `${html.length} bytes`);
      assert.equal(/[^\n\x20-\x7e]/.test(html), false);
      assert.doesNotMatch(
        html,
        /<(img|script|iframe|object|embed|form|link|base|video|audio|svg)\b|url\(|@import|src=|\bon\w+=/i,
      );
      assert.ok(html.split('\n').every((line) => line.length < 900));
    }
  });

  it('tells programs its language, direction and both colour schemes, and marks its tables as layout', () => {
    const { html } = both();
    assert.match(html, /^<!doctype html>\n<html lang="en" dir="ltr">/);
    assert.match(html, /<meta name="color-scheme" content="light dark">/);
    assert.match(html, /@media \(prefers-color-scheme:dark\)/);
    assert.match(html, /\[data-ogsc\]/);
    assert.match(html, /\[data-ogsb\]/);
    assert.match(html, /<title>482 913 is your Acme sign-in code<\/title>/);
    const tables = html.match(/<table [^>]*>/g) ?? [];
    assert.ok(tables.length >= 4 && tables.every((table) => table.includes('role="presentation"')));
  });

  it('hides the preheader, which comes before everything else', () => {
    const body = both().html.slice(both().html.indexOf('<body'));
    assert.match(body, /^<body[^>]*>\n<div style="display:none;[^"]*">482913 is your Acme code\./);
  });

  it('arrives as it was written', async () => {
    for (const mail of [...everyKind, both({ appName: 'Bäcker & Söhne' }), both({ appName: 'بنك المثال' })]) {
      const outgoing = { ...mail, to: as('ana@example.com'), messageId: 'msg_1' };
      const raw = composeMessage(outgoing, parseSender('Acme <a@acme.com>'), 0);
      const parsed = await simpleParser(raw);
      assert.equal(parsed.subject, mail.subject);
      assert.equal(parsed.text, mail.text);
      assert.equal(parsed.html, mail.html);
    }
    const { text, html, subject } = both();
    const raw = composeMessage(
      { to: as('a@b.example'), messageId: 'm', text, html, subject },
      parseSender('a@acme.com'),
      0,
    );
    assert.equal(raw.toString('latin1').match(/Content-Transfer-Encoding: 7bit/g)?.length, 2);
  });
});

describe('the colours of the mail', () => {
  const pairs = [
    ['text', 'card'],
    ['soft', 'card'],
    ['text', 'tint'],
    ['on', 'act'],
    ['act', 'card'],
  ] as const;
  for (const scheme of ['light', 'dark'] as const) {
    it(`have a contrast of at least 4.5 in the ${scheme} scheme`, () => {
      const colours = mailColours[scheme];
      for (const [ink, ground] of pairs) {
        const ratio = contrast(colours[ink], colours[ground]);
        assert.ok(ratio >= 4.5, `${ink} on ${ground}: ${ratio.toFixed(2)}`);
      }
    });
  }

  it('are all there is', () => {
    const known = new Set(
      [...Object.values(mailColours.light), ...Object.values(mailColours.dark)].map(String),
    );
    const used = everyKind.flatMap(({ html }) => html.match(/(?<=[:\s])#[0-9a-f]{3,8}\b/gi) ?? []);
    assert.deepEqual(
      [...new Set(used)].filter((colour) => !known.has(colour)),
      [],
    );
  });
});

/** WCAG 2: relative luminance of two `#rrggbb`. */
function contrast(one: string, other: string): number {
  const luminance = (colour: string) => {
    const [r = 0, g = 0, b = 0] = [1, 3, 5]
      .map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].toSorted((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

describe('an app name that somebody chose', () => {
  it('stands as it is when it is a name', () => {
    for (const name of [
      'Acme',
      'Bäcker & Söhne',
      "O'Brien's",
      'AT&T',
      '1Password',
      'Forza 2026',
      'بنك',
      '東京アプリ',
      'C++ Club',
      'St. Mary',
      'Hi 👋🏽',
    ])
      assert.equal(displayName(name), name);
  });

  it('leads nowhere: no domain, address, scheme or phone number survives for a mail program to find', () => {
    const linkable =
      /:\/\/|www\.|@|[\p{L}\p{N}]\.[\p{L}\p{N}]|[\p{L}\p{N}]\u3002[\p{L}\p{N}]|\d[\d\s()+-]{5,}\d/u;
    const names = [
      'https://evil.example/login',
      'http:// evil.example',
      'Visit www.evil.example now',
      'evil。example',
      'evil．example',
      'ｅｖｉｌ.example',
      'Pay at e.vil.co',
      'mail eve@evil.example',
      'eve＠evil.example',
      'Call +1 800 555 0199',
      'Call (800) 555-0199',
      'Call ١٨٠٠٥٥٥٠١٩٩',
      '999999 is your',
      '1.1.1.1',
      'javascript://evil.example',
      'ev\u200bil.exam\u00adple',
    ];
    for (const name of names) {
      assert.doesNotMatch(displayName(name), linkable, name);
      const mail = codeOnly({ appName: name });
      assert.deepEqual(codeLike(mail.text), [CODE], name);
      assert.doesNotMatch(
        mail.text
          .replaceAll('id.acme.com', '')
          .replace('203.0.113.7', '')
          .replace(/@ #482913/, ''),
        linkable,
        name,
      );
    }
    assert.equal(displayName('Cal.com'), 'Cal\u2024com');
  });

  it('stays on one line, visible, and no longer than 40 characters', () => {
    const names = [
      'A\r\nBcc: eve',
      'A\u2028B',
      'A\u0000B',
      '\u202eemcA',
      'A\u2066B',
      '\u200b\u200b',
      `Z${'\u0301'.repeat(50)}`,
      'x'.repeat(5000),
      '👨‍👩‍👧‍👦'.repeat(50),
      '\ud800',
      '\u3164\u2800',
    ];
    for (const name of names) {
      const shown = displayName(name);
      assert.doesNotMatch(shown, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|\p{M}{3}/u);
      assert.ok([...shown].length <= 40);
      const mail = both({ appName: name });
      assert.equal(mail.subject.split(/[\r\n]/).length, 1);
      assert.equal(mail.text.split('\n').length, both().text.split('\n').length);
    }
    assert.equal(both({ appName: '\u200b\u3164' }).subject, '482 913 is your id.acme.com sign-in code');
    assert.equal(displayName(`${'long '.repeat(20)}`), 'long long long long long long long long…');
  });

  it('is text in the HTML, whatever it holds', () => {
    const tags = (html: string) => html.match(/<\/?[a-z!][^>]*/gi)?.map((tag) => tag.replace(/\s.*/s, ''));
    const expected = tags(both().html);
    for (const appName of hostileStrings) {
      const { html, text } = both({ appName });
      assert.deepEqual(tags(html), expected, appName);
      assert.doesNotMatch(text, /[<>]/, appName);
      assert.ok(html.length <= 15_000);
    }
  });
});
