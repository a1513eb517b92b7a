import { createHash } from 'node:crypto';
import { groupCode } from '../core/code.ts';
import { type Html, html } from '../platform/http/html.ts';
import type { InboxMessage } from './inbox.ts';
import { inboxScript, inboxStyle } from './inbox-style.ts';

export interface InboxPage {
  /** Newest first. */
  readonly messages: readonly InboxMessage[];
  readonly selected: InboxMessage | undefined;
  /** Only mail to this address is listed. */
  readonly to: string | undefined;
}

/** The development inbox: what arrived, and one mail with its code and link at hand. */
export function inboxPage(model: InboxPage): Html {
  const { messages, selected, to } = model;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${selected?.subject ?? 'Development inbox'}</title>
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="robots" content="noindex">
<noscript><meta http-equiv="refresh" content="5"></noscript>
<style>!${inboxStyle as Html}</style>
</head>
<body data-next="${nextUrl(messages[0]?.id, to)}">
<header><h1>Development inbox</h1>
<p class="soft">Every mail of this server arrives here, and nowhere else.!${to === undefined ? '' : onlyTo(to)}</p></header>
<main>
!${selected === undefined ? EMPTY : html`!${list(model, selected)}!${mail(selected)}`}
</main>
<script>!${inboxScript as Html}</script>
</body>
</html>`;
}

const EMPTY = html`<div class="empty"><h2>No mail yet</h2>
<p class="soft">Sign in to an app with any address. What it would be sent appears here at once.</p></div>`;

function onlyTo(to: string): Html {
  return html` Shown: mail to <b>${to}</b>. <a class="link" href="/dev/inbox">Show all</a>`;
}

function list({ messages, to }: InboxPage, selected: InboxMessage): Html {
  const items = messages.map((message) => {
    const current = message === selected ? html` aria-current="page"` : '';
    return html`<a href="${pageUrl(message.id, to)}"!${current}><b>${message.subject}</b>
<small><span>${message.to}</span>!${timeOf(message)}</small></a>`;
  });
  return html`<nav aria-label="Mails">!${items}</nav>`;
}

function mail(message: InboxMessage): Html {
  const { id, to, subject, text, code, link } = message;
  return html`<article>
<div><h2>${subject}</h2>
<p class="meta soft">To <b>${to}</b>, !${timeOf(message)}</p></div>
<div class="keys">!${code === null ? '' : codeKey(code)}!${link === null ? '' : linkKey(link)}</div>
<iframe title="The mail as HTML" sandbox="allow-popups allow-popups-to-escape-sandbox" src="/dev/inbox/messages/${id}/html"></iframe>
<details open><summary>The mail as text</summary>
<pre>${text}</pre></details>
</article>`;
}

function codeKey(code: string): Html {
  const [first = '', second] = groupCode(code);
  return html`<div class="key"><output class="code">${first}!${second === undefined ? '' : html`<span>${second}</span>`}</output>
!${copyButton(code)}</div>`;
}

function linkKey(link: string): Html {
  return html`<div class="key"><a class="link" href="${link}" target="_blank" rel="noopener">${link}</a>
<span><a class="button" href="${link}" target="_blank" rel="noopener">Open</a>!${copyButton(link)}</span></div>`;
}

function copyButton(text: string): Html {
  return html`<button type="button" data-copy="${text}" hidden>Copy</button>`;
}

function timeOf({ sentAt }: InboxMessage): Html {
  const iso = new Date(sentAt).toISOString();
  return html`<time datetime="${iso}">${iso.slice(11, 19)} UTC</time>`;
}

function pageUrl(id: string, to: string | undefined): string {
  return `/dev/inbox?${new URLSearchParams({ id, ...(to === undefined ? {} : { to }) })}`;
}

function nextUrl(after: string | undefined, to: string | undefined): string {
  const query = {
    wait: '25',
    ...(after === undefined ? {} : { after }),
    ...(to === undefined ? {} : { to }),
  };
  return `/dev/inbox/messages?${new URLSearchParams(query)}`;
}

const hashOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

export const inboxPageHeaders: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': [
    `default-src 'none'`,
    `style-src ${hashOf(inboxStyle)}`,
    `script-src ${hashOf(inboxScript)}`,
    `connect-src 'self'`,
    `frame-src 'self'`,
    `base-uri 'none'`,
    `form-action 'none'`,
    `frame-ancestors 'none'`,
    `require-trusted-types-for 'script'`,
    `trusted-types 'none'`,
  ].join('; '),
  'cache-control': 'no-store',
};

/**
 * A mail's own HTML is shown as a document of its own, not as `srcdoc`: that would inherit the policy of the
 * page, which allows no style of another's. It may run nothing and load nothing; its links open a new tab.
 */
export function mailDocument(message: InboxMessage): string {
  const base = '<base target="_blank">';
  return /<head>/i.test(message.html)
    ? message.html.replace(/<head>/i, (head) => `${head}${base}`)
    : `${base}${message.html}`;
}

export const mailDocumentHeaders: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': [
    `default-src 'none'`,
    `style-src 'unsafe-inline'`,
    `img-src 'self' data:`,
    `base-uri 'none'`,
    `form-action 'none'`,
    `frame-ancestors 'self'`,
    'sandbox allow-popups allow-popups-to-escape-sandbox',
  ].join('; '),
  'cache-control': 'no-store',
};
