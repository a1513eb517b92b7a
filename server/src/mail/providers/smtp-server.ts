import { z } from 'zod';
import type { Finding } from '../../platform/finding.ts';
import { createSmtpTransport, sessionOptions } from '../smtp.ts';
import { SmtpSession } from '../smtp-session.ts';
import { presentable } from '../transport.ts';
import { CREDENTIALS } from './api.ts';
import { defineKind } from './provider.ts';

interface Preset {
  readonly host?: string;
  readonly port: number;
  readonly user?: string;
  /** What keeps tracking out of a mail, where the server listens to a header. */
  readonly headers?: Readonly<Record<string, string>>;
}

const PRESET_NAMES = [
  'custom',
  'gmail',
  'google_workspace',
  'microsoft365',
  'ses',
  'postmark',
  'sendgrid',
  'mailgun',
  'mailgun_eu',
  'resend',
  'brevo',
  'mailjet',
  'fastmail',
  'zoho',
] as const;

/** What is known of the servers that most people use. */
const PRESETS: Readonly<Record<(typeof PRESET_NAMES)[number], Preset>> = {
  custom: { port: 587 },
  gmail: { host: 'smtp.gmail.com', port: 465 },
  google_workspace: { host: 'smtp-relay.gmail.com', port: 465 },
  microsoft365: { host: 'smtp.office365.com', port: 587 },
  ses: { port: 465 },
  postmark: {
    host: 'smtp.postmarkapp.com',
    port: 587,
    headers: { 'X-PM-TrackOpens': 'false', 'X-PM-TrackLinks': 'None' },
  },
  sendgrid: {
    host: 'smtp.sendgrid.net',
    port: 465,
    user: 'apikey',
    headers: {
      'X-SMTPAPI': JSON.stringify({
        filters: { clicktrack: { settings: { enable: 0 } }, opentrack: { settings: { enable: 0 } } },
      }),
    },
  },
  mailgun: { host: 'smtp.mailgun.org', port: 465, headers: { 'X-Mailgun-Track': 'no' } },
  mailgun_eu: { host: 'smtp.eu.mailgun.org', port: 465, headers: { 'X-Mailgun-Track': 'no' } },
  resend: { host: 'smtp.resend.com', port: 465, user: 'resend' },
  brevo: { host: 'smtp-relay.brevo.com', port: 587 },
  mailjet: {
    host: 'in-v3.mailjet.com',
    port: 587,
    headers: { 'X-Mailjet-TrackOpen': '0', 'X-Mailjet-TrackClick': '0' },
  },
  fastmail: { host: 'smtp.fastmail.com', port: 465 },
  zoho: { host: 'smtp.zoho.com', port: 465 },
};

const options = z
  .strictObject({
    preset: z.enum(PRESET_NAMES).default('custom'),
    host: z
      .string()
      .trim()
      .toLowerCase()
      .regex(/^(?:[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[?[0-9a-f:.]+\]?)$/, 'must be the name of a mail server')
      .optional(),
    port: z.coerce.number().int().min(1).max(65_535).optional(),
    tls: z.enum(['on', 'off']).default('on'),
    user: z.string().trim().max(300).optional(),
  })
  .refine(({ preset, host }) => (host ?? PRESETS[preset].host) !== undefined, {
    path: ['host'],
    error: 'is missing: the mail server, such as smtp.example.com',
  });
type Options = z.infer<typeof options>;

/** Any mail server. */
export const smtpServer = defineKind({
  kind: 'smtp',
  title: 'SMTP',
  options,
  secrets: z.strictObject({ password: z.string().max(2000).optional() }),
  labels: {
    preset: { label: 'Provider', help: PRESET_NAMES.join(', ') },
    host: { label: 'Host', help: 'Where the provider has none of its own' },
    port: { label: 'Port', help: '465: TLS from the first byte; any other: STARTTLS, insisted on' },
    tls: { label: 'TLS', help: 'off only for a network that is yours alone' },
    user: { label: 'User' },
    password: { label: 'Password' },
  },
  create: ({ password = '', ...given }, { sender, clock }) => {
    const url = urlOf(given, password);
    const transport = createSmtpTransport({ url, from: sender.field, clock });
    const { headers = {} } = PRESETS[given.preset];
    return {
      send: (mail) => transport.send({ ...mail, headers: { ...mail.headers, ...headers } }),
      check: async () => [await opens(url)],
      close: () => transport.close(),
    };
  },
});

/** Where mail goes by what is stored of such a provider, without its login. Throws a ZodError for anything else. */
export function relayUrlOf(stored: unknown): string {
  return urlOf({ ...options.parse(stored), user: '' }, '');
}

function urlOf(given: Options, password: string): string {
  const preset = PRESETS[given.preset];
  const port = given.port ?? preset.port;
  const user = given.user ?? preset.user ?? '';
  const login = user === '' ? '' : `${encodeURIComponent(user)}:${encodeURIComponent(password)}@`;
  const secure = port === 465 && given.tls === 'on';
  const host = given.host ?? preset.host ?? '';
  return `${secure ? 'smtps' : 'smtp'}://${login}${host}:${port}${given.tls === 'off' ? '?tls=off' : ''}`;
}

async function opens(url: string): Promise<Finding> {
  const { id, why } = CREDENTIALS;
  try {
    const session = await SmtpSession.open(sessionOptions(url));
    session.quit();
    return { id, why, status: 'ok', what: 'The mail server is there, and takes the login.' };
  } catch (failure) {
    const reason = failure instanceof Error ? failure.message : `${failure}`;
    const fix = 'Check host, port, user and password; let this machine reach the server.';
    return { id, why, status: 'fail', what: `The mail server cannot be used: ${presentable(reason)}.`, fix };
  }
}
