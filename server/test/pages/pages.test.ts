import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { brotliCompressSync } from 'node:zlib';
import { formPostPage } from '../../src/oidc/pages.ts';
import { html, outsideUrl, page, pageHeaders } from '../../src/platform/http/html.ts';
import { pageScripts } from '../../src/platform/http/page-scripts.ts';
import { pageColours } from '../../src/platform/http/page-style.ts';
import { wordsFor } from '../../src/platform/words/words.ts';
import { doneElsewherePage, leavingPage, lostPage } from '../../src/sign-in/pages.ts';
import { hostileStrings, hostileUrls } from '../support/hostile-strings.ts';
import { brandWith, plainTexts, samples } from '../support/page-samples.ts';

const words = wordsFor('en');
const KILOBYTE = 1024;
const PAGE_MAX = 5 * KILOBYTE;
const SCRIPT_MAX = 2 * KILOBYTE;

const policy = pageHeaders('')['content-security-policy'] ?? '';
const hashOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
const directive = (name: string, headers = pageHeaders('')) =>
  (headers['content-security-policy'] ?? '')
    .split('; ')
    .find((part) => part.startsWith(`${name} `))
    ?.slice(name.length + 1);
const inlined = (markup: string, tag: string) =>
  [...markup.matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, 'gs'))].map(([, text = '']) => text);
const weight = (text: string) => brotliCompressSync(text).length;

/** Asks for nothing: the browser waits for the end of the page before it shows any of it. */
const WHOLE = '<link rel="expect" href="#end" blocking="render">';

describe('every page', () => {
  for (const [name, render] of samples) {
    const markup = render(plainTexts);

    it(`${name}: weighs at most 5 kB, its script at most 2 kB`, () => {
      assert.ok(weight(markup) <= PAGE_MAX, `${weight(markup)} bytes`);
      const scripts = inlined(markup, 'script');
      assert.ok(scripts.length <= 1);
      for (const script of scripts) assert.ok(weight(script) <= SCRIPT_MAX, `${weight(script)} bytes`);
    });

    it(`${name}: inlines only what the policy knows`, () => {
      const styles = inlined(markup, 'style');
      assert.equal(styles.length, name.endsWith('branded') ? 2 : 1);
      assert.equal(directive('style-src', pageHeaders(markup)), styles.map(hashOf).join(' '));
      for (const script of inlined(markup, 'script'))
        assert.ok(directive('script-src')?.split(' ').includes(hashOf(script)));
    });

    it(`${name}: has no handlers, no style attributes and nothing from elsewhere`, () => {
      const own = markup.replaceAll(/ src="\/logos\/[\da-f]{32}-\d+x\d+\.svg"/g, '').replace(WHOLE, '');
      const tags = own.replace(/<(script|style)>.*?<\/\1>/gs, '').match(/<[a-z][^>]*>/g) ?? [];
      for (const tag of tags) assert.doesNotMatch(tag, /\s(?:on[a-z]+|style|src|srcset)=/i);
      const [styles = ''] = inlined(markup, 'style');
      assert.doesNotMatch(styles, /@import|url\(/);
      assert.doesNotMatch(own, /<(?:link|iframe|object|embed|base)\b/);
    });

    it(`${name}: is the same bytes each time`, () => assert.equal(render(plainTexts), markup));
  }

  it('starts like a document in English, read from left to right', () => {
    const markup = page({ lang: 'en', dir: 'ltr', title: 'A', body: html`<p>B</p>` });
    assert.match(markup, /^<!doctype html>\n<html lang="en" dir="ltr">\n/);
  });

  it('escapes what is not markup, in its title too', () => {
    for (const hostile of hostileStrings) {
      const body = html`<p title="${hostile}">${hostile}</p>`;
      assert.doesNotMatch(
        page({ lang: 'en', dir: 'ltr', title: hostile, body }).replace(/<(script|style)>.*?<\/\1>/gs, ''),
        /alert\(1\)>/,
      );
    }
  });
});

describe('the headers of a page', () => {
  it('allow nothing that the page does not need', () => {
    assert.equal(directive('default-src'), "'none'");
    assert.equal(directive('form-action'), "'self'");
    assert.equal(directive('base-uri'), "'none'");
    assert.equal(directive('frame-ancestors'), "'none'");
    assert.equal(directive('require-trusted-types-for'), "'script'");
    assert.equal(directive('script-src'), Object.values(pageScripts).map(hashOf).join(' '));
    assert.doesNotMatch(policy, /unsafe|nonce|\*|http/);
  });

  it('keep it out of caches, frames and indexes, and its address at home', () => {
    const headers = pageHeaders('');
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(headers['x-frame-options'], 'DENY');
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['x-robots-tag'], 'noindex');
    assert.equal(headers['referrer-policy'], 'same-origin');
    assert.match(headers['permissions-policy'] ?? '', /camera=\(\)/);
    assert.equal(headers['cross-origin-opener-policy'], undefined);
  });

  it('open the scheme of the app for a form that is posted to it, and no other', () => {
    const target = (url: string) =>
      pageHeaders('', { formAction: url })['content-security-policy']?.split('; ').at(-1);
    assert.equal(target('https://app.acme.com/callback'), 'form-action https:');
    assert.equal(target('http://localhost:3000/callback'), 'form-action https: http:');
    assert.equal(target("https://app.acme.com/;script-src 'unsafe-inline'"), 'form-action https:');
    assert.throws(() => pageHeaders('', { formAction: 'callback' }));
  });
});

describe('the colours', () => {
  const colours = new Map<string, readonly [string, string]>(Object.entries(pageColours));
  const contrast = (front: string, back: string) => {
    const ratios = ([0, 1] as const).map((look) => {
      const [a = 0, b = 0] = [front, back].map((name) => luminance(colours.get(name)?.[look] ?? ''));
      return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    });
    return Math.min(...ratios);
  };

  it('of texts stand out at 4.5 to 1, in light and dark', () => {
    const texts = [
      'text card',
      'soft card',
      'soft page',
      'soft glow',
      'act card',
      'act2 card',
      'on act',
      'on act2',
    ];
    for (const pair of [...texts, 'bad card', 'bad badtint', 'text tint', 'text field']) {
      const [front = '', back = ''] = pair.split(' ');
      assert.ok(contrast(front, back) >= 4.5, `${pair}: ${contrast(front, back)}`);
    }
  });

  it('of edges and rings stand out at 3 to 1', () => {
    for (const front of ['edge', 'act', 'bad'])
      for (const back of ['card', 'field']) assert.ok(contrast(front, back) >= 3, `${front} on ${back}`);
  });
});

/** WCAG 2.2, relative luminance. */
function luminance(hex: string): number {
  const digits =
    hex.length === 4 ? [...hex.slice(1)].map((digit) => digit + digit) : hex.slice(1).match(/../g);
  const [r = 0, g = 0, b = 0] = (digits ?? []).map((pair) => {
    const value = Number.parseInt(pair, 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

describe('the style of a brand', () => {
  const style = brandWith({ 'branding.colour': '#7a1f5c' }).style ?? '';
  const withStyle = (text: string) =>
    page({ lang: 'en', dir: 'ltr', title: 'A', body: html`<p>B</p>`, style: text });
  const allowed = (markup: string) => directive('style-src', pageHeaders(markup))?.split(' ').length;

  it('is allowed by the headers of the page that has it, and of no other', () => {
    assert.equal(allowed(withStyle(style)), 2);
    assert.ok(directive('style-src', pageHeaders(withStyle(style)))?.includes(hashOf(style)));
    assert.equal(allowed(page({ lang: 'en', dir: 'ltr', title: 'A', body: html`<p>B</p>` })), 1);
  });

  it('is not allowed where it is more than colours, or stands anywhere else', () => {
    const others = [
      'body{display:none}',
      `${style}body{display:none}`,
      style.replace(/#[\da-f]{6}/, 'url(https://example.com/)'),
      style.replace('--act:', '--card:'),
      style.replace('}@', ';background:red}@'),
      '',
    ];
    for (const other of others) assert.equal(allowed(withStyle(other)), 1, other);
    const inBody = `<body></style><style>${style}</style></body>`;
    assert.equal(allowed(inBody), 1);
  });
});

describe('a way out of a page', () => {
  it('leads to web addresses and to the schemes of apps', () => {
    for (const url of [
      'https://app.acme.com/cb?code=a&state=b',
      'http://localhost:3000/',
      'myapp://cb?code=1',
    ])
      assert.equal(outsideUrl(url), url);
  });

  it('refuses what would run, or lead nowhere', () => {
    for (const url of hostileUrls) {
      assert.equal(outsideUrl(url), undefined, url);
      assert.throws(() => leavingPage({ words, to: url }), Error, url);
      assert.throws(() => formPostPage({ words, action: url, fields: {} }), Error, url);
    }
  });

  it('is left out of a page when it is none', () => {
    for (const url of hostileUrls.filter((each) => each !== '')) {
      const markup = doneElsewherePage({ words, appName: 'Acme', host: 'id.acme.com', backTo: url });
      assert.doesNotMatch(markup.replace(WHOLE, ''), /href=/, url);
    }
  });

  it('may be a path of our own', () => {
    const markup = lostPage({ words, host: 'id.acme.com', backTo: '/interaction/abc', reason: 'unknown' });
    assert.match(markup, /href="\/interaction\/abc"/);
  });

  it('stands whole in the refresh, with everything that separates there', () => {
    const to = `https://app.acme.com/cb?code=a;b,c&state=%22'"<>`;
    const content = leavingPage({ words, to }).match(/http-equiv="refresh" content="([^"]*)"/)?.[1];
    assert.equal(decoded(content ?? ''), `0;url=${new URL(to).href}`);
  });
});

describe('the words of the pages', () => {
  const sample = (name: string, other = words) =>
    samples.find(([known]) => known === name)?.[1](plainTexts, other) ?? '';
  const text = (name: string, other = words) => textOf(sample(name, other));

  it('name what was sent, when, and how long it works', () => {
    assert.match(
      text('code'),
      /We sent a code and a link to ana@example\.com\. Sent at 14:03 UTC\. Works for 10 minutes\./,
    );
    assert.match(text('code-only'), /We sent a code to ana@example\.com\..* Works for 1 minute\./);
    assert.match(text('code-link'), /We sent a link to ana@example\.com\./);
    assert.match(text('code-letters'), /10-character code/);
  });

  it('tell which of several mails work', () => {
    assert.match(
      text('code-resent'),
      /We sent 2 emails, the last at 14:03 UTC\. The codes of the newest three/,
    );
    assert.match(text('code-newest-only'), /We sent 2 emails, the last at 14:03 UTC\. Only the newest works/);
  });

  it('say at once in the title that something is to be corrected', () => {
    assert.match(sample('email-empty'), /<title>Error: Sign in to Acme<\/title>/);
    assert.match(sample('code-wrong-last'), /<title>Error: Check your email - Acme</);
  });

  it('count the tries and the minutes that are left as people do', () => {
    assert.match(text('code-wrong'), /3 tries left/);
    assert.match(text('code-wrong-last'), /1 try left/);
    assert.match(text('busy'), /in 3 minutes:/);
  });

  it('keep the shown code one word, and show none where only the same browser will do', () => {
    assert.match(text('link-elsewhere'), /\b482913\b/);
    assert.doesNotMatch(text('link-elsewhere-no-code'), /482/);
  });
});

function textOf(markup: string): string {
  const text = decoded(markup.replace(/<(script|style)>.*?<\/\1>/gs, '').replace(/<[^>]*>/g, ''));
  return text.replace(/\s+/g, ' ');
}

function decoded(text: string): string {
  return text.replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)));
}
