import { groupCode } from '../core/code.ts';
import { type Html, html } from '../platform/http/html.ts';
import type { Words } from '../platform/words/words.ts';
import type { Brand } from './branding.ts';

/** What every mail of ours has. */
export interface MailFrame {
  readonly words: Words;
  readonly app: string;
  readonly subject: string;
  readonly preheader: string;
  readonly look: MailLook;
}

/** What the sign-in mail says, in the words of both its parts. */
export interface SignInLines extends MailFrame {
  readonly host: string | undefined;
  readonly code: string | undefined;
  readonly link: string | undefined;
  readonly notMe: string | undefined;
  /** How long and where it works, in sentences. */
  readonly terms: readonly string[];
  /** Who asked for it, and what to do if that is a stranger. */
  readonly origins: readonly string[];
}

/** The accents of a brand, and its logo at an absolute address. */
export interface MailLook {
  readonly accents?: Brand['accents'];
  readonly logo?: { readonly url: string; readonly width: number; readonly height: number };
}

/** The colours of the hosted pages; each text on its ground has a contrast of 4.5 or more. */
export const mailColours = {
  light: {
    page: '#f4f5f2',
    card: '#ffffff',
    line: '#dee2de',
    text: '#18211e',
    soft: '#56605b',
    tint: '#e9f1ed',
    act: '#0d5a49',
    on: '#ffffff',
  },
  dark: {
    page: '#0d1211',
    card: '#161d1b',
    line: '#2a3431',
    text: '#eaf0ed',
    soft: '#a4b1ab',
    tint: '#1c2a26',
    act: '#86d9bf',
    on: '#06261d',
  },
} as const;

export type Colours = { readonly [name in keyof typeof mailColours.light]: string };

function coloursOf({ accents }: MailLook): { light: Colours; dark: Colours } {
  const { light, dark } = mailColours;
  if (!accents) return { light, dark };
  const chosen = ({ act, on, tint }: typeof accents.light) => ({ act, on, tint });
  return { light: { ...light, ...chosen(accents.light) }, dark: { ...dark, ...chosen(accents.dark) } };
}

/** Mail programs know no variables: each class takes its dark colour by itself. */
function styleOf(dark: Colours): Html {
  const grounds = { page: dark.page, card: dark.card, tint: dark.tint, act: dark.act };
  const inks = { text: dark.text, soft: dark.soft, link: dark.act, on: dark.on };
  const rules = [
    ':root{color-scheme:light dark;supported-color-schemes:light dark}',
    '@media (prefers-color-scheme:dark){',
    ...Object.entries(grounds).map(([name, colour]) => `.${name}{background:${colour}!important}`),
    ...Object.entries(inks).map(([name, colour]) => `.${name}{color:${colour}!important}`),
    `.card{border-color:${dark.line}!important}`,
    '}',
    ...Object.entries(grounds).map(
      ([name, colour]) => `[data-ogsb] .${name}{background:${colour}!important}`,
    ),
    ...Object.entries(inks).map(([name, colour]) => `[data-ogsc] .${name}{color:${colour}!important}`),
    '@media (max-width:480px){.around{padding:0!important}.card{border-radius:0!important;border-width:0!important}.inside{padding:28px 20px!important}}',
  ];
  return rules.join('\n') as Html;
}

const FONT = `font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif`;
const MONO = 'font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace';
const TABLE = html`role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"`;

/** Keeps a list of mails from showing the text after the preheader. */
const BLANK = html`!${'&#8199;&#847; '.repeat(50) as Html}`;

const META = html`<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<meta name="format-detection" content="telephone=no,date=no,address=no,email=no,url=no">
<meta name="x-apple-disable-message-reformatting">`;

export function signInHtml(lines: SignInLines): string {
  return mailHtml(lines, (light) => content(lines, light));
}

/** An HTML part: ASCII only and in short lines, so that it travels as it is. */
export function mailHtml(lines: MailFrame, content: (light: Colours) => Html): string {
  const { words } = lines;
  const { light, dark } = coloursOf(lines.look);
  const document = html`<!doctype html>
<html lang="${words.lang}" dir="${words.dir}">
<head>
!${META}
<style>
!${styleOf(dark)}
</style>
<title>${lines.subject}</title>
</head>
<body class="page" style="margin:0;padding:0;background:${light.page}">
<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">${lines.preheader}
!${BLANK}</div>
<table !${TABLE} class="page" style="background:${light.page}">
<tr><td class="around" align="center" style="padding:32px 16px">
<!--[if mso]><table role="presentation" width="480"><tr><td><![endif]-->
<table !${TABLE} class="card" style="max-width:480px;background:${light.card};border:1px solid ${light.line};border-radius:20px">
<tr><td class="inside" style="padding:36px 40px;!${FONT as Html}">
!${logoOf(lines)}!${content(light)}
</td></tr></table>
<!--[if mso]></td></tr></table><![endif]-->
</td></tr></table>
</body>
</html>
`;
  return document.replace(/[^\t\n\x20-\x7e]/gu, (symbol) => `&#${symbol.codePointAt(0)};`);
}

/** On white in the dark too: mail programs show one picture in both. */
function logoOf({ look, app }: MailFrame): Html {
  if (look.logo === undefined) return html``;
  const { url, width, height } = look.logo;
  return html`<p style="margin:0 0 20px"><img src="${url}" width="${width}" height="${height}" alt="${app}"
style="display:inline-block;border:6px solid #ffffff;border-radius:8px;margin:0 -6px;background:#ffffff;color:#18211e;font-size:16px"></p>
`;
}

function content(lines: SignInLines, light: Colours): Html {
  const { words, code, link, notMe } = lines;
  const app = html`<bdi>${lines.app}</bdi>`;
  return html`!${heading(words.show('mail.title', { app }), light)}
!${code === undefined ? '' : codeBlock(words, { code, light })}
!${link === undefined ? '' : linkBlock(lines, { link, app, light })}
!${paragraph(html`${lines.terms.join(' ')}`, 'text', '24px 0 0')}
!${lines.origins.map((sentence) => paragraph(html`${sentence}`, 'soft', '12px 0 0'))}
!${notMe === undefined ? '' : paragraph(html`<a class="link" href="${notMe}" style="color:${light.act}">!${words.show('mail.not_me')}</a>`, 'soft', '12px 0 0')}`;
}

export function heading(sentence: Html, light: Colours): Html {
  return html`<h1 class="text" style="margin:0 0 20px;font-size:22px;line-height:28px;font-weight:650;color:${light.text}">
!${sentence}</h1>`;
}

/** The gap between the groups is a margin, so that the code is copied and recognised in one piece. */
export function codeBlock(words: Words, { code, light }: { code: string; light: Colours }): Html {
  const [first = '', second] = groupCode(code);
  const gap = second === undefined ? '' : html`<span style="margin-left:14px">${second}</span>`;
  return html`!${paragraph(words.show('mail.enter_code'), 'text', '0 0 12px')}
<table !${TABLE}><tr>
<td class="tint text" align="center" dir="ltr" style="padding:22px 8px;background:${light.tint};border-radius:14px;
color:${light.text};!${MONO as Html};font-size:32px;line-height:38px;font-weight:600;letter-spacing:3px;-webkit-user-select:all;user-select:all">${first}!${gap}</td>
</tr></table>`;
}

interface LinkParts {
  readonly link: string;
  readonly app: Html;
  readonly light: Colours;
}

function linkBlock({ words, code }: SignInLines, parts: LinkParts): Html {
  const before = words.show(code === undefined ? 'mail.open_link' : 'mail.or_link');
  return html`!${paragraph(before, 'text', code === undefined ? '0 0 12px' : '24px 0 12px')}
!${button(words.show('mail.button', { app: parts.app }), parts)}`;
}

/** With the address in plain below it. */
export function button(label: Html, { link, light }: Pick<LinkParts, 'link' | 'light'>): Html {
  return html`<table !${TABLE}><tr>
<td class="act" align="center" style="background:${light.act};border-radius:12px;mso-padding-alt:15px 16px">
<a class="on" href="${link}"
style="display:block;padding:15px 16px;font-size:16px;line-height:22px;font-weight:600;text-decoration:none;color:${light.on}">
!${label}</a></td>
</tr></table>
<p dir="ltr" style="margin:12px 0 0;font-size:12px;line-height:18px;word-break:break-all">
<a class="link" href="${link}" style="color:${light.act}">${link}</a></p>`;
}

export function paragraph(sentence: Html, ink: 'text' | 'soft', margin: string): Html {
  const size = ink === 'soft' ? html`font-size:14px;line-height:21px` : html`font-size:16px;line-height:24px`;
  return html`<p class="${ink}" style="margin:${margin};!${size};color:${mailColours.light[ink]}">!${sentence}</p>`;
}
