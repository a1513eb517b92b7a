import { createPublicKey, verify } from 'node:crypto';
import { z } from 'zod';
import type { DeliveryState } from '../../core/delivery.ts';
import type { Finding } from '../../platform/finding.ts';
import type { OutboundRequest } from '../../platform/http/outbound.ts';
import { isFresh, signatureOf } from '../../platform/http/webhook-signature.ts';
import type { OutgoingMail } from '../transport.ts';
import {
  accepted,
  CREDENTIALS,
  DOMAIN,
  extraFields,
  finding,
  handOverBy,
  instantOf,
  mailIdOf,
  readJson,
  refused,
  said,
  unsent,
} from './api.ts';
import { defineKind, type Parsed, type ProviderParts, secretText, type WebhookRequest } from './provider.ts';

const HOSTS = { global: 'https://api.sendgrid.com', eu: 'https://api.eu.sendgrid.com' } as const;

/** An address may be on any of these; each knows its own. */
const LISTS = ['bounces', 'blocks', 'invalid_emails', 'spam_reports'] as const;

const Refusal = z.looseObject({ errors: z.array(z.looseObject({ field: z.string().nullish() })) });
const Scopes = z.looseObject({ scopes: z.array(z.string()) });
const Domains = z.array(
  z.looseObject({ domain: z.string(), subdomain: z.string().optional(), valid: z.boolean() }),
);

const Told = z.looseObject({
  event: z.string(),
  sg_event_id: z.string(),
  sg_message_id: z.string().optional(),
  timestamp: z.number().optional(),
  type: z.string().optional(),
  reason: z.string().optional(),
  response: z.string().optional(),
  mail_id: z.string().optional(),
});

/** Base64 of a P-256 key's SubjectPublicKeyInfo, as the page of the webhook shows it. */
const verificationKey = z
  .string()
  .trim()
  .refine((text) => keyOf(text) !== undefined, 'must be the verification key of the signed event webhook');

export const sendgrid = defineKind({
  kind: 'sendgrid',
  title: 'Twilio SendGrid',
  options: z.strictObject({
    region: z.enum(['global', 'eu']).default('global'),
    verification_key: verificationKey.optional(),
  }),
  secrets: z.strictObject({ api_key: secretText }),
  labels: {
    api_key: {
      label: 'API key',
      help: 'Settings › API Keys; it needs Mail Send, and Suppressions to lift them',
    },
    region: { label: 'Region', help: 'global or eu' },
    verification_key: {
      label: 'Verification key',
      help: 'Settings › Mail Settings › Event Webhook › Signed',
    },
  },
  create: ({ api_key, region, verification_key }, parts) => {
    const ask = (path: string, more: Omit<OutboundRequest, 'url' | 'headers'> = { method: 'GET' }) =>
      parts.outbound({
        url: `${HOSTS[region]}/v3${path}`,
        headers: { authorization: `Bearer ${api_key}`, 'content-type': 'application/json' },
        ...more,
      });
    return {
      send: (mail, signal) =>
        handOverBy(
          mail,
          () => ask('/mail/send', { body: JSON.stringify(messageOf(mail, parts)), signal }),
          judge,
        ),
      check: () => check(ask, parts),
      parseWebhook: async (request) => parse(request, verification_key, parts),
      unsuppress: async (email) => {
        for (const list of LISTS) {
          const answer = await ask(`/suppression/${list}/${encodeURIComponent(email)}`, { method: 'DELETE' });
          if (answer.status >= 300 && answer.status !== 404) return { failed: said(answer) };
        }
        return 'lifted';
      },
    };
  },
});

function messageOf(mail: OutgoingMail, { sender }: ProviderParts): unknown {
  const off = { enable: false };
  return {
    personalizations: [{ to: [{ email: mail.to }], custom_args: { mail_id: mail.messageId } }],
    from: { email: sender.address, ...(sender.name && { name: sender.name }) },
    subject: mail.subject,
    content: [
      { type: 'text/plain', value: mail.text },
      { type: 'text/html', value: mail.html },
    ],
    headers: extraFields(mail),
    tracking_settings: {
      click_tracking: { enable: false, enable_text: false },
      open_tracking: off,
      subscription_tracking: off,
      ganalytics: off,
    },
  };
}

const judge: Parameters<typeof handOverBy>[2] = (answer) => {
  if (answer.status < 300) return accepted(answer.headers['x-message-id']);
  const fields = readJson(Refusal, answer.body)?.errors.map(({ field }) => field ?? '') ?? [];
  const isAboutRecipient = fields.some((field) => /^personalizations\.0\.to\b/.test(field));
  return answer.status === 400 && isAboutRecipient ? refused(answer) : unsent(answer);
};

async function check(
  ask: (path: string) => ReturnType<ProviderParts['outbound']>,
  { sender }: ProviderParts,
): Promise<Finding[]> {
  const credentials = await finding(CREDENTIALS, async () => {
    const answer = await ask('/scopes');
    const scopes = readJson(Scopes, answer.body)?.scopes ?? [];
    if (scopes.includes('mail.send'))
      return { status: 'ok', what: 'SendGrid takes the key, which may send.' };
    return { status: 'fail', what: `SendGrid does not let this key send: ${said(answer)}.` };
  });
  if (credentials.status !== 'ok') return [credentials];
  const domain = await finding(DOMAIN, async () => {
    const answer = await ask('/whitelabel/domains?limit=200');
    const known = readJson(Domains, answer.body);
    if (!known) return { status: 'warn', what: `The key may not list domains: ${answer.status}.` };
    const own = known.filter(
      ({ domain: name }) => sender.domain === name || sender.domain.endsWith(`.${name}`),
    );
    if (own.some(({ valid }) => valid))
      return { status: 'ok', what: `SendGrid has verified ${sender.domain}.` };
    return { status: 'fail', what: `SendGrid has not verified ${sender.domain}.` };
  });
  return [credentials, domain];
}

function keyOf(text: string) {
  try {
    const key = createPublicKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'spki' });
    return key.asymmetricKeyType === 'ec' ? key : undefined;
  } catch {
    return undefined;
  }
}

function parse(
  request: WebhookRequest,
  verificationKeyText: string | undefined,
  { clock }: ProviderParts,
): Parsed {
  const header = (name: string) => request.headers[`x-twilio-email-event-webhook-${name}`] ?? '';
  const key = keyOf(verificationKeyText ?? '');
  const timestamp = header('timestamp');
  if (!key || !/^\d{1,12}$/.test(timestamp)) return 'forged';
  const signed = Buffer.concat([Buffer.from(timestamp), request.body]);
  if (!verify('sha256', signed, key, signatureOf(header('signature')))) return 'forged';
  if (!isFresh(Number(timestamp) * 1000, clock.now())) return 'stale';
  return (readJson(z.array(z.unknown()), request.body.toString('utf8')) ?? []).flatMap((one) => {
    const told = Told.safeParse(one).data;
    const state = told && stateOf(told);
    if (!told || !state) return [];
    return {
      id: told.sg_event_id,
      mailId: mailIdOf(told.mail_id),
      providerMessageId: told.sg_message_id?.replace(/\.(?:filter|recvd).*$/, ''),
      state,
      detail: told.reason ?? told.response ?? told.event,
      at: instantOf(told.timestamp, clock.now()),
    };
  });
}

function stateOf({ event, type }: z.infer<typeof Told>): DeliveryState | undefined {
  switch (event) {
    case 'processed':
      return 'accepted';
    case 'deferred':
    case 'delivered':
      return event;
    case 'bounce':
      return type === 'blocked' ? 'bounced_soft' : 'bounced_hard';
    case 'dropped':
      return 'suppressed';
    case 'spamreport':
      return 'complained';
    default:
      return undefined;
  }
}
