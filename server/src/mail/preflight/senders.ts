import { isWithin } from './domains.ts';

/** What is known of a service that sends: how its mails prove themselves, and where it is told not to track. */
export interface Service {
  readonly title: string;
  /** Hosts of its SMTP servers lie below these. */
  readonly hosts: readonly string[];
  /** Its SPF records, the one to publish first. */
  readonly spf: readonly string[];
  /** Where its keys are; none where each customer's differ. */
  readonly selectors: readonly string[];
  /** By which domain SPF is judged: the sender's, one of the service's own, or one below the sender's. */
  readonly envelope: 'ours' | 'theirs' | { readonly below: string };
  /** Where its tracking of links and of opening is switched off; undefined where it never tracks. */
  readonly untrack?: string;
  /** Addresses in these domains are its own customers'. */
  readonly mailboxes?: readonly string[];
}

const KNOWN = {
  ses: {
    title: 'Amazon SES',
    hosts: ['amazonaws.com'],
    spf: ['amazonses.com'],
    selectors: [],
    envelope: 'theirs',
    untrack:
      'Amazon SES: Configuration sets › your set › Event destinations: take Opens and Clicks out, or use another set.',
  },
  sendgrid: {
    title: 'SendGrid',
    hosts: ['sendgrid.net'],
    spf: ['sendgrid.net'],
    selectors: ['s1', 's2'],
    envelope: 'theirs',
    untrack: 'SendGrid: Settings › Tracking: switch Click Tracking and Open Tracking off.',
  },
  postmark: {
    title: 'Postmark',
    hosts: ['postmarkapp.com'],
    spf: ['spf.mtasv.net'],
    selectors: [],
    envelope: 'theirs',
    untrack: 'Postmark: Servers › your server › Settings › Tracking: Opens off, Links off.',
  },
  mailgun: {
    title: 'Mailgun',
    hosts: ['mailgun.org'],
    spf: ['mailgun.org', 'eu.mailgun.org'],
    selectors: ['smtp', 'mx', 'k1', 'krs', 'pic', 'mailo', 's1', 'email'],
    envelope: 'ours',
    untrack: 'Mailgun: Sending › Domain settings › Tracking: Click and Open off.',
  },
  resend: {
    title: 'Resend',
    hosts: ['resend.com'],
    spf: ['amazonses.com'],
    selectors: ['resend'],
    envelope: { below: 'send' },
    untrack: 'Resend: Domains › your domain › Configuration: Click Tracking and Open Tracking off.',
  },
  brevo: {
    title: 'Brevo',
    hosts: ['brevo.com', 'sendinblue.com'],
    spf: ['spf.brevo.com', 'spf.sendinblue.com'],
    selectors: ['brevo1', 'brevo2', 'mail'],
    envelope: 'theirs',
    untrack: 'Brevo: Transactional › Settings › Configuration: switch tracking off.',
  },
  mailjet: {
    title: 'Mailjet',
    hosts: ['mailjet.com'],
    spf: ['spf.mailjet.com'],
    selectors: ['mailjet'],
    envelope: 'theirs',
    untrack: 'Mailjet: Account settings › Statistics: switch open and click tracking off.',
  },
  google: {
    title: 'Google',
    hosts: ['gmail.com', 'google.com', 'googlemail.com'],
    spf: ['_spf.google.com'],
    selectors: ['google'],
    envelope: 'ours',
    mailboxes: ['gmail.com', 'googlemail.com'],
  },
  microsoft365: {
    title: 'Microsoft 365',
    hosts: ['office365.com', 'outlook.com'],
    spf: ['spf.protection.outlook.com'],
    selectors: ['selector1', 'selector2'],
    envelope: 'ours',
    mailboxes: ['outlook.com', 'hotmail.com', 'live.com'],
  },
  fastmail: {
    title: 'Fastmail',
    hosts: ['fastmail.com', 'messagingengine.com'],
    spf: ['spf.messagingengine.com'],
    selectors: ['fm1', 'fm2', 'fm3'],
    envelope: 'ours',
    mailboxes: ['fastmail.com', 'fastmail.fm'],
  },
  zoho: {
    title: 'Zoho',
    hosts: ['zoho.com', 'zoho.eu', 'zoho.in'],
    spf: ['zohomail.com', 'zohomail.eu', 'zoho.com', 'zoho.eu', 'zoho.in'],
    selectors: ['zmail', 'zoho'],
    envelope: 'ours',
    mailboxes: ['zoho.com', 'zohomail.com'],
  },
} as const satisfies Record<string, Service>;

const SERVICES: Readonly<Record<string, Service>> = KNOWN;

/** The service behind a kind of provider that is not SMTP. */
export function serviceOfKind(kind: string): Service | undefined {
  return Object.hasOwn(SERVICES, kind) ? SERVICES[kind] : undefined;
}

export function serviceOfHost(host: string): Service | undefined {
  return Object.values(SERVICES).find(({ hosts }) => hosts.some((one) => isWithin(host, one)));
}
