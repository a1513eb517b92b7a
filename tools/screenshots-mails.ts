import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MailKind } from '../server/src/mail/templates/variables.ts';
import { wordsFor } from '../server/src/platform/words/words.ts';
import { defaultMail, type MailFacts } from '../server/src/sign-in/mailing/writing.ts';
import { openBrowser, type PageOptions } from '../server/test/support/browser.ts';

/** Pictures of the default mails, as docs/operating/templates.md shows them. */
const folder = join(import.meta.dirname, '..', 'docs', 'images', 'mails');

interface Picture {
  readonly kind: MailKind;
  readonly lang?: string;
  readonly look?: PageOptions;
  readonly facts?: Partial<MailFacts>;
  /** How much larger than usual the reader has all text. */
  readonly textScale?: number;
}

const ORIGIN = 'https://id.example.com';
const PHONE = { width: 400 };
const code = '482913';
const link = `${ORIGIN}/l/q8Zk3vX0b2NfT7yLr1CwAg`;
const notMe = `${ORIGIN}/not-me/q8Zk3vX0b2NfT7yLr1CwAg`;
const longName = 'Donaudampfschifffahrtsgesellschaft und Co';

const pictures: Readonly<Record<string, Picture>> = {
  'sign-in-light': { kind: 'sign_in_both', facts: { code, link, notMe } },
  'sign-in-dark': { kind: 'sign_in_both', look: { dark: true }, facts: { code, link, notMe } },
  'sign-in-link': { kind: 'sign_in_link', facts: { link, notMe } },
  'sign-in-rtl': { kind: 'sign_in_both', lang: 'ar', facts: { code, link, notMe } },
  'sign-in-long': {
    kind: 'sign_in_both',
    lang: 'de',
    look: PHONE,
    facts: { code, link, notMe, appName: longName },
  },
  'sign-in-large-text': { kind: 'sign_in_both', look: PHONE, textScale: 2, facts: { code, link, notMe } },
  'disowned-light': { kind: 'disowned' },
  'disowned-dark': { kind: 'disowned', lang: 'ja', look: { dark: true } },
  invitation: { kind: 'invitation', facts: { link } },
  'new-device': { kind: 'new_device', facts: { notMe } },
  'email-change': { kind: 'email_change', facts: { code, link } },
  test: { kind: 'test', look: { dark: true } },
};

mkdirSync(folder, { recursive: true });
const browser = await openBrowser();
for (const [name, { kind, lang = 'en', look = {}, facts = {}, textScale = 1 }] of Object.entries(pictures)) {
  const page = await browser.newPage({ width: 620, height: 300, javaScript: false, ...look });
  await page.setContent(enlarged(mailOf(kind, lang, facts), textScale));
  const picture = await page.screenshot({ fullPage: true, type: 'jpeg', quality: 72 });
  writeFileSync(join(folder, `${name}.jpg`), picture);
  console.log(`docs/images/mails/${name}.jpg  ${Math.round(picture.length / 1000)} kB`);
  await page.context().close();
}
await browser.close();

function mailOf(kind: MailKind, lang: string, rest: Partial<MailFacts>): string {
  const facts = {
    words: wordsFor(lang),
    appName: 'Acme',
    host: 'id.example.com',
    origin: ORIGIN,
    validMs: 600_000,
    requestedAt: Date.UTC(2026, 0, 15, 14, 32),
    requester: { browser: 'Firefox', os: 'Linux', country: 'FR', ip: '203.0.113.7' },
    email: 'ada@example.com',
    ...rest,
  };
  return defaultMail(kind, facts).html;
}

/** As mail programs do it that follow the text size of the system: every size and line grows, the rest stays. */
function enlarged(html: string, scale: number): string {
  return html.replace(
    /(font-size|line-height):(\d+)px/g,
    (_size, name, pixels) => `${name}:${Number(pixels) * scale}px`,
  );
}
