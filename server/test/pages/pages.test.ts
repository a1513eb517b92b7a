import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { brotliCompressSync } from 'node:zlib';
import { formPostPage } from '../../src/oidc/pages.ts';
import { html, outsideUrl, page, pageHeaders } from '../../src/platform/http/html.ts';
import { pageScripts } from '../../src/platform/http/page-scripts.ts';
import { pageStyle } from '../../src/platform/http/page-style.ts';
import { codePage } from '../../src/sign-in/code-page.ts';
import { linkElsewherePage } from '../../src/sign-in/link-pages.ts';
import { busyPage, doneElsewherePage, emailPage, leavingPage, lostPage } from '../../src/sign-in/pages.ts';
import { hostileStrings, hostileUrls } from '../support/hostile-strings.ts';
import { plainTexts, samples } from '../support/page-samples.ts';

const KILOBYTE = 1024;
const PAGE_MAX = 5 * KILOBYTE;
const SCRIPT_MAX = 2 * KILOBYTE;

const policy = pageHeaders()['content-security-policy'] ?? '';
const hashOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
const directive = (name: string) =>
  policy
    .split('; ')
    .find((part) => part.startsWith(`${name} `))
    ?.slice(name.length + 1);
const inlined = (markup: string, tag: string) =>
  [...markup.matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, 'gs'))].map(([, text = '']) => text);
const weight = (text: string) => brotliCompressSync(text).length;

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
      assert.equal(styles.length, 1);
      assert.equal(directive('style-src'), styles.map(hashOf).join(' '));
      for (const script of inlined(markup, 'script'))
        assert.ok(directive('script-src')?.split(' ').includes(hashOf(script)));
    });

    it(`${name}: has no handlers, no style attributes and nothing from elsewhere`, () => {
      const tags = markup.replace(/<(script|style)>.*?<\/\1>/gs, '').match(/<[a-z][^>]*>/g) ?? [];
      for (const tag of tags) assert.doesNotMatch(tag, /\s(?:on[a-z]+|style|src|srcset)=/i);
      const [styles = ''] = inlined(markup, 'style');
      assert.doesNotMatch(styles, /@import|url\(/);
      assert.doesNotMatch(markup, /<(?:link|img|iframe|object|embed|base)\b/);
    });

    it(`${name}: is the same bytes each time`, () => assert.equal(render(plainTexts), markup));
  }

  it('starts like a document in English, read from left to right', () => {
    const markup = page({ title: 'A', body: html`<p>B</p>` });
    assert.match(markup, /^<!doctype html>\n<html lang="en" dir="ltr">\n/);
    assert.match(page({ title: 'A', body: html``, lang: 'ar-EG' }), /<html lang="ar-EG" dir="rtl">/);
    assert.match(page({ title: 'A', body: html``, lang: 'art' }), /dir="ltr"/);
  });

  it('escapes what is not markup, in its title too', () => {
    for (const hostile of hostileStrings) {
      const body = html`<p title="${hostile}">${hostile}</p>`;
      assert.doesNotMatch(
        page({ title: hostile, body }).replace(/<(script|style)>.*?<\/\1>/gs, ''),
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
    const headers = pageHeaders();
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
      pageHeaders({ formAction: url })['content-security-policy']?.split('; ').at(-1);
    assert.equal(target('https://app.acme.com/callback'), 'form-action https:');
    assert.equal(target('http://localhost:3000/callback'), 'form-action https: http:');
    assert.equal(target("https://app.acme.com/;script-src 'unsafe-inline'"), 'form-action https:');
    assert.throws(() => pageHeaders({ formAction: 'callback' }));
  });
});

describe('the colours', () => {
  const pairs = [...pageStyle.matchAll(/--(\w+):light-dark\((#\w+),(#\w+)\)/g)];
  const colours = new Map(pairs.map(([, name, light = '', dark = '']) => [name, [light, dark] as const]));
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
      assert.throws(() => leavingPage({ to: url }), Error, url);
      assert.throws(() => formPostPage({ action: url, fields: {} }), Error, url);
    }
  });

  it('is left out of a page when it is none', () => {
    for (const url of hostileUrls.filter((each) => each !== '')) {
      const markup = doneElsewherePage({ appName: 'Acme', host: 'id.acme.com', backTo: url });
      assert.doesNotMatch(markup, /href=/, url);
    }
  });

  it('may be a path of our own', () => {
    const markup = lostPage({ host: 'id.acme.com', backTo: '/interaction/abc', reason: 'unknown' });
    assert.match(markup, /href="\/interaction\/abc"/);
  });

  it('stands whole in the refresh, with everything that separates there', () => {
    const to = `https://app.acme.com/cb?code=a;b,c&state=%22'"<>`;
    const content = leavingPage({ to }).match(/http-equiv="refresh" content="([^"]*)"/)?.[1];
    assert.equal(decoded(content ?? ''), `0;url=${new URL(to).href}`);
  });
});

describe('the words of the pages', () => {
  const code = { ...plainTexts, step: 1, codeLength: 6, numeric: true, minutes: 10, resendAfterSeconds: 30 };

  it('name what was sent and how long it works', () => {
    const text = (extra: object) => textOf(codePage({ ...code, method: 'link_otp', ...extra }));
    assert.match(
      text({}),
      /We sent a 6-digit code and a link to ana@example\.com\. They work for 10 minutes\./,
    );
    assert.match(
      text({ method: 'otp', minutes: 1 }),
      /We sent a 6-digit code to .*\. It works for 1 minute\./,
    );
    assert.match(text({ method: 'link' }), /We sent a link to ana@example\.com\./);
    assert.match(text({ numeric: false, codeLength: 8 }), /an 8-character code/);
  });

  it('say at once in the title that something is to be corrected', () => {
    const fault = emailPage({ ...plainTexts, create: false, sends: false, fault: 'empty' });
    assert.match(fault, /<title>Error: Sign in to Acme<\/title>/);
    assert.match(
      codePage({ ...code, method: 'otp', fault: { kind: 'wrong', left: 1 } }),
      /<title>Error: Check your email - Acme</,
    );
  });

  it('count the tries and the minutes that are left as people do', () => {
    const wrong = (left: number) =>
      textOf(codePage({ ...code, method: 'otp', fault: { kind: 'wrong', left } }));
    assert.match(wrong(3), /3 tries left/);
    assert.match(wrong(1), /1 try left/);
    assert.match(textOf(busyPage({ host: 'a.example', retryAfterMinutes: 1 })), /in 1 minute:/);
  });

  it('keep the shown code one word, and show none where only the same browser will do', () => {
    const asked = { appName: 'Acme', host: 'id.acme.com', code: '482913', requester: {}, minutesAgo: 0 };
    assert.match(textOf(linkElsewherePage({ ...asked, sameBrowserOnly: false })), /\b482913\b/);
    assert.doesNotMatch(textOf(linkElsewherePage({ ...asked, sameBrowserOnly: true })), /482/);
  });
});

function textOf(markup: string): string {
  const text = decoded(markup.replace(/<(script|style)>.*?<\/\1>/gs, '').replace(/<[^>]*>/g, ''));
  return text.replace(/\s+/g, ' ');
}

function decoded(text: string): string {
  return text.replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)));
}
