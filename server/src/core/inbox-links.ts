import { domainOf, type Email } from './email.ts';
import { mailHostOf } from './mail-hosts.ts';

export type MailProvider =
  | 'AOL'
  | 'Fastmail'
  | 'Gmail'
  | 'GMX'
  | 'HEY'
  | 'iCloud'
  | 'Libero'
  | 'Mail.ru'
  | 'NAVER'
  | 'NetEase'
  | 'Outlook'
  | 'Proton'
  | 'QQ'
  | 'T-Online'
  | 'Tuta'
  | 'WEB.DE'
  | 'Yahoo'
  | 'Yandex'
  | 'Zoho';

export interface InboxLink {
  readonly provider: MailProvider;
  /** Opens the inbox, with a search for our mail (in spam too) where the provider has an address for that. */
  readonly url: string;
}

/** Whose inbox, and the bare From address of the mail to find in it. */
export interface Wanted {
  readonly email: Email;
  readonly sender: string;
}

/** Where the mail can be read, for an address whose domain says whose inbox it is. */
export function inboxLink(wanted: Wanted): InboxLink | undefined {
  const domain = domainOf(wanted.email);
  if (domain === 'yahoo.co.jp') return { provider: 'Yahoo', url: 'https://mail.yahoo.co.jp/' };
  const provider = BY_DOMAIN.get(domain) ?? BY_NAME.get(mailHostOf(domain) ?? '');
  return provider === undefined ? undefined : { provider, url: INBOXES[provider]({ ...wanted, own: false }) };
}

/**
 * The same for a domain of one's own, by the names of its mail exchangers, the preferred one first; they
 * may end in a dot.
 */
export function inboxLinkByMx(mxHosts: readonly string[], wanted: Wanted): InboxLink | undefined {
  const hosts = mxHosts.map((host) => `.${host.toLowerCase().replace(/\.$/, '')}`);
  for (const host of hosts) {
    const [, provider] = EXCHANGERS.find(([suffix]) => host.endsWith(`.${suffix}`)) ?? [];
    if (provider !== undefined)
      return { provider, url: INBOXES[provider]({ ...wanted, own: true, exchanger: host }) };
  }
  return undefined;
}

/** What an address in the table says by its name, under any of the endings that `MAIL_HOSTS` has for it. */
const BY_NAME: ReadonlyMap<string, MailProvider> = new Map<string, MailProvider>([
  ['gmail', 'Gmail'],
  ['googlemail', 'Gmail'],
  ['outlook', 'Outlook'],
  ['hotmail', 'Outlook'],
  ['live', 'Outlook'],
  ['msn', 'Outlook'],
  ['yahoo', 'Yahoo'],
  ['ymail', 'Yahoo'],
  ['rocketmail', 'Yahoo'],
  ['icloud', 'iCloud'],
  ['me', 'iCloud'],
  ['mac', 'iCloud'],
  ['proton', 'Proton'],
  ['protonmail', 'Proton'],
  ['pm', 'Proton'],
  ['fastmail', 'Fastmail'],
  ['aol', 'AOL'],
  ['gmx', 'GMX'],
  ['web', 'WEB.DE'],
  ['t-online', 'T-Online'],
  ['yandex', 'Yandex'],
  ['qq', 'QQ'],
  ['163', 'NetEase'],
  ['126', 'NetEase'],
  ['naver', 'NAVER'],
  ['libero', 'Libero'],
  ['zoho', 'Zoho'],
  ['hey', 'HEY'],
  ['tutanota', 'Tuta'],
]);

/** Domains that are not in the table under a name of their own. */
const BY_DOMAIN: ReadonlyMap<string, MailProvider> = new Map<string, MailProvider>([
  ['mail.ru', 'Mail.ru'],
  ['bk.ru', 'Mail.ru'],
  ['list.ru', 'Mail.ru'],
  ['inbox.ru', 'Mail.ru'],
  ['internet.ru', 'Mail.ru'],
  ['ya.ru', 'Yandex'],
  ['zohomail.com', 'Zoho'],
  ['zohomail.eu', 'Zoho'],
  ['tuta.com', 'Tuta'],
  ['tuta.io', 'Tuta'],
  ['tutamail.com', 'Tuta'],
  ['foxmail.com', 'QQ'],
]);

const EXCHANGERS: readonly (readonly [suffix: string, provider: MailProvider])[] = [
  ['google.com', 'Gmail'],
  ['googlemail.com', 'Gmail'],
  ['protection.outlook.com', 'Outlook'],
  ['mx.microsoft', 'Outlook'],
  ['protonmail.ch', 'Proton'],
  ['messagingengine.com', 'Fastmail'],
  ['mail.icloud.com', 'iCloud'],
  ['zoho.com', 'Zoho'],
  ['zoho.eu', 'Zoho'],
  ['zoho.in', 'Zoho'],
  ['yandex.net', 'Yandex'],
  ['yandex.ru', 'Yandex'],
  ['yahoodns.net', 'Yahoo'],
  ['mail.ru', 'Mail.ru'],
  ['tutanota.de', 'Tuta'],
  ['qq.com', 'QQ'],
];

interface Target extends Wanted {
  /** Hosted for a domain of one's own: some have another door for that. */
  readonly own: boolean;
  readonly exchanger?: string;
}

/** First those where an address can hold the search, then those that only have a door. */
const INBOXES: Readonly<Record<MailProvider, (target: Target) => string>> = {
  Gmail: ({ email, sender }) =>
    `https://mail.google.com/mail/u/?authuser=${encoded(email)}#search/${encoded(`from:${sender}`)}+in%3Aanywhere+newer_than%3A1h`,
  // Both read the keyword from a path, and decode it once more.
  Yahoo: ({ sender }) => `https://mail.yahoo.com/d/search/keyword=${encoded(encoded(`from:${sender}`))}`,
  AOL: ({ sender }) => `https://mail.aol.com/d/search/keyword=${encoded(encoded(`from:${sender}`))}`,
  Proton: ({ sender }) => `https://mail.proton.me/u/0/all-mail#from=${encoded(sender)}`,
  Fastmail: ({ sender }) => `https://app.fastmail.com/mail/search:${encoded(`from:${sender}`)}`,
  'Mail.ru': ({ sender }) => `https://e.mail.ru/search/?q_from=${encoded(sender)}`,
  Outlook: ({ email, own }) =>
    `https://outlook.${own ? 'office' : 'live'}.com/mail/?login_hint=${encoded(email)}`,
  iCloud: () => 'https://www.icloud.com/mail/',
  GMX: ({ email }) =>
    /\.(?:de|net|at|ch)$/.test(domainOf(email)) ? 'https://www.gmx.net/' : 'https://www.gmx.com/',
  'WEB.DE': () => 'https://web.de/',
  'T-Online': () => 'https://email.t-online.de/',
  Yandex: ({ email }) =>
    /\.(?:ru|by|kz)$/.test(domainOf(email)) ? 'https://mail.yandex.ru/' : 'https://mail.yandex.com/',
  QQ: () => 'https://mail.qq.com/',
  NetEase: ({ email }) => `https://mail.${domainOf(email)}/`,
  NAVER: () => 'https://mail.naver.com/',
  Libero: () => 'https://mail.libero.it/',
  Zoho: ({ email, exchanger }) => `https://mail.zoho.${zohoRegion(exchanger ?? domainOf(email))}/zm/`,
  HEY: () => 'https://app.hey.com/topics/everything',
  Tuta: () => 'https://app.tuta.com/mail',
};

/** Accounts live in one region, and the other regions do not know them. */
function zohoRegion(host: string): string {
  return /\.(eu|in)$/.exec(host)?.[1] ?? 'com';
}

/** Also what `encodeURIComponent` leaves alone and a reader of addresses may not: `'`, `(`, `)`, `*`, `!`, `~`. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*~]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
