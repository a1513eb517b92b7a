import type { MailText } from '../../mail/templates/rendering.ts';
import type { MailKind } from '../../mail/templates/variables.ts';
import { type Html, html } from '../../platform/http/html.ts';
import { clockTime, type TextKey } from '../../platform/words/words.ts';
import {
  button,
  type Colours,
  codeBlock,
  heading,
  type MailFrame,
  mailHtml,
  paragraph,
} from '../mail-html.ts';
import { displayName, lookOf, requesterOf, type SignInMailFacts } from '../mails.ts';

/** Kinds of mail beside those that sign somebody in or up. */
export type NoticeKind = Exclude<MailKind, `sign_${string}`>;

interface Wording {
  readonly subject: TextKey;
  readonly texts: readonly TextKey[];
  /** On the button of the link. */
  readonly button?: TextKey;
  /** Who asked for it, from where. */
  readonly tellsRequester?: true;
}

const wordings: Readonly<Record<NoticeKind, Wording>> = {
  disowned: {
    subject: 'mail.disowned_subject',
    texts: ['mail.disowned_text', 'mail.disowned_next'],
    tellsRequester: true,
  },
  invitation: { subject: 'mail.invitation_subject', texts: ['mail.invitation_text'] },
  new_device: { subject: 'mail.device_subject', texts: ['mail.device_text'], tellsRequester: true },
  email_change: {
    subject: 'mail.change_subject',
    texts: ['mail.change_text'],
    button: 'mail.change_subject',
    tellsRequester: true,
  },
  test: { subject: 'mail.test_subject', texts: ['mail.test_text'] },
};

interface NoticeLines extends MailFrame {
  readonly facts: SignInMailFacts;
  readonly button: TextKey;
  readonly texts: readonly TextKey[];
  /** Below the rest, in a softer colour. */
  readonly notes: readonly string[];
}

/** The default mail of a notice, in the look of the sign-in mail. */
export function noticeMail(kind: NoticeKind, facts: SignInMailFacts): MailText {
  const lines = linesOf(wordings[kind], facts);
  const { subject, preheader } = lines;
  return { subject, preheader, text: textOf(lines), html: mailHtml(lines, (light) => content(lines, light)) };
}

function linesOf(
  { subject, texts, button: label, tellsRequester }: Wording,
  facts: SignInMailFacts,
): NoticeLines {
  const { words, host } = facts;
  const app = displayName(facts.appName) || host;
  const time = clockTime(facts.requestedAt);
  const where = requesterOf(facts);
  const proves = facts.code !== undefined || facts.link !== undefined;
  const requested =
    where === '' ? words.say('mail.requested', { time }) : words.say('mail.requested_from', { time, where });
  return {
    words,
    app,
    look: lookOf(facts),
    subject: words.say(subject, { app, time }),
    preheader: texts.map((key) => words.say(key, { app, host })).join(' '),
    facts,
    button: label ?? 'mail.button',
    texts,
    notes: [
      ...(proves ? [words.say('mail.works_for', { minutes: words.minutes(facts.validMs) })] : []),
      ...(tellsRequester ? [requested] : []),
    ],
  };
}

function textOf({ words, app, texts, notes, facts }: NoticeLines): string {
  const { code, link, notMe, host } = facts;
  const lines = [
    ...texts.map((key) => words.say(key, { app, host })),
    ...(code === undefined ? [] : ['', words.say('mail.enter_code'), code]),
    ...(link === undefined
      ? []
      : ['', words.say(code === undefined ? 'mail.open_link' : 'mail.or_link'), link]),
    ...(notes.length === 0 ? [] : ['', ...notes]),
    ...(notMe === undefined ? [] : ['', `${words.say('mail.not_me')}:`, notMe]),
  ];
  return `${lines.join('\n')}\n`;
}

function content(lines: NoticeLines, light: Colours): Html {
  const { words, facts, subject, notes } = lines;
  const { code, link, notMe } = facts;
  const app = html`<bdi>${lines.app}</bdi>`;
  const host = html`<bdi>${facts.host}</bdi>`;
  const before = (key: TextKey) => paragraph(words.show(key), 'text', '24px 0 12px');
  return html`!${heading(html`${subject}`, light)}
!${lines.texts.map((key) => paragraph(words.show(key, { app, host }), 'text', '0 0 12px'))}
!${code === undefined ? '' : codeBlock(words, { code, light })}
!${link === undefined ? '' : html`!${before(code === undefined ? 'mail.open_link' : 'mail.or_link')}!${button(words.show(lines.button, { app }), { link, light })}`}
!${notes.map((sentence) => paragraph(html`${sentence}`, 'soft', '12px 0 0'))}
!${notMe === undefined ? '' : paragraph(html`<a class="link" href="${notMe}" style="color:${light.act}">!${words.show('mail.not_me')}</a>`, 'soft', '12px 0 0')}`;
}
