import { createHash } from 'node:crypto';
import { html as tag } from 'ghtml';
import { brandStyleIn } from './brand-style.ts';
import { type PageScript, pageScripts } from './page-scripts.ts';
import { pageStyle } from './page-style.ts';

/** Markup that may be sent as it is: only `html` makes it. */
export type Html = string & { readonly brand: 'Html' };

type Value = string | number | readonly Html[] | undefined;

/** Markup from a template: `${value}` is escaped, `!${markup}` is not and takes only what `html` made. */
export function html(literals: TemplateStringsArray, ...values: Value[]): Html {
  return tag(literals, ...values) as Html;
}

/**
 * A whole document in one file: same input, same bytes. Nothing of it is painted before its last element was
 * parsed and its script ran (HTML, "expect" links): a half page that grows would move under the finger.
 */
export function page(parts: {
  title: string;
  body: Html;
  script?: PageScript;
  /** The colours of a brand, from `brandStyle`. */
  style?: string;
  /** An absolute URL to go on to at once, without a script; checked by `outsideUrl` before. */
  refresh?: string;
  /** BCP 47. */
  lang: string;
  dir: 'ltr' | 'rtl';
}): Html {
  return html`<!doctype html>
<html lang="${parts.lang}" dir="${parts.dir}">
<head>
<meta charset="utf-8">
<title>${parts.title}</title>
<meta name="viewport" content="width=device-width,initial-scale=1">
<link rel="expect" href="#end" blocking="render">
!${parts.refresh === undefined ? '' : html`<meta http-equiv="refresh" content="0;url=${parts.refresh}">`}
<style>!${pageStyle}</style>!${parts.style === undefined ? '' : html`<style>!${parts.style}</style>`}
</head>
<body>
!${parts.body}
!${parts.script === undefined ? '' : html`<script>!${pageScripts[parts.script]}</script>`}
<template id="end"></template>
</body>
</html>`;
}

/** Schemes whose content would run or be shown as ours, or that lead into the person's own machine. */
const UNSAFE_SCHEMES = new Set(
  'about blob data file filesystem javascript vbscript view-source ws wss'
    .split(' ')
    .map((name) => `${name}:`),
);

/** The URL as a browser reads it, if it is absolute and leads somewhere; an app's own scheme does. */
export function outsideUrl(to: string): string | undefined {
  const url = URL.parse(to);
  return url === null || UNSAFE_SCHEMES.has(url.protocol) ? undefined : url.href;
}

const hashOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

const STYLE_HASH = hashOf(pageStyle);

const DIRECTIVES = [
  `script-src ${Object.values(pageScripts).map(hashOf).join(' ')}`,
  `img-src 'self'`,
  `connect-src 'self'`,
  `base-uri 'none'`,
  `frame-ancestors 'none'`,
  `require-trusted-types-for 'script'`,
  `trusted-types 'none'`,
];

const NO_FEATURES = [
  'camera',
  'display-capture',
  'geolocation',
  'hid',
  'idle-detection',
  'microphone',
  'midi',
  'payment',
  'serial',
  'usb',
  'xr-spatial-tracking',
];

/**
 * Headers of a page, made from its markup: they allow the colours of its brand. Hashes, not nonces, so that
 * the same page is the same bytes each time.
 * The referrer stays `same-origin`: under `no-referrer` a form posted to ourselves would carry
 * `Origin: null` and look like a foreign one. No Cross-Origin-Opener-Policy: it would cut off an app that
 * signs in through a popup. `formAction` is the URL that a form of this page posts to, elsewhere;
 * browsers hold the directive against every redirect that follows too, so it opens the scheme, not the origin.
 */
export function pageHeaders(markup: string, options: { formAction?: string } = {}): Record<string, string> {
  const brand = brandStyleIn(markup);
  const styles = brand === undefined ? STYLE_HASH : `${STYLE_HASH} ${hashOf(brand)}`;
  const policy = [`default-src 'none'`, `style-src ${styles}`, ...DIRECTIVES];
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': [...policy, `form-action ${formTargets(options.formAction)}`].join('; '),
    'referrer-policy': 'same-origin',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'permissions-policy': NO_FEATURES.map((name) => `${name}=()`).join(', '),
    'x-robots-tag': 'noindex',
  };
}

function formTargets(url: string | undefined): string {
  if (url === undefined) return `'self'`;
  return new URL(url).protocol === 'http:' ? 'https: http:' : 'https:';
}
