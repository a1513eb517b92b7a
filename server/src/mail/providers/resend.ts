import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { DeliveryState } from '../../core/delivery.ts';
import type { Finding } from '../../platform/finding.ts';
import type { OutboundRequest } from '../../platform/http/outbound.ts';
import { judgeWebhook } from '../../platform/http/webhook-signature.ts';
import type { Handover, OutgoingMail } from '../transport.ts';
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
  TRACKING,
  unsent,
} from './api.ts';
import { defineKind, type Parsed, type ProviderParts, secretText, type WebhookRequest } from './provider.ts';

const BASE = 'https://api.resend.com';

const Answer = z.looseObject({ id: z.string() });
const Refusal = z.looseObject({ name: z.string(), message: z.string().optional() });
const Domain = z.looseObject({
  id: z.string(),
  name: z.string(),
  status: z.string(),
  open_tracking: z.boolean().optional(),
  click_tracking: z.boolean().optional(),
});
const Domains = z.looseObject({ data: z.array(Domain) });

/** A list of names and values when a mail is sent, an object when it is reported. */
const Tags = z.union([
  z.record(z.string(), z.string()),
  z.array(z.looseObject({ name: z.string(), value: z.string() })),
]);
const Told = z.looseObject({
  type: z.string(),
  created_at: z.string().optional(),
  data: z.looseObject({
    email_id: z.string().optional(),
    tags: Tags.optional(),
    bounce: z
      .looseObject({
        type: z.string().optional(),
        subType: z.string().optional(),
        message: z.string().optional(),
      })
      .optional(),
  }),
});
type Told = z.infer<typeof Told>;

export const resend = defineKind({
  kind: 'resend',
  title: 'Resend',
  options: z.strictObject({}),
  secrets: z.strictObject({ api_key: secretText, webhook_secret: secretText.optional() }),
  labels: {
    api_key: { label: 'API key', help: 'API Keys; with full access it can also be checked' },
    webhook_secret: { label: 'Webhook signing secret', help: 'Webhooks › your endpoint; begins with whsec_' },
  },
  create: ({ api_key, webhook_secret }, parts) => {
    const ask = (path: string, more: Omit<OutboundRequest, 'url'> = { method: 'GET' }) =>
      parts.outbound({
        url: `${BASE}${path}`,
        ...more,
        headers: { authorization: `Bearer ${api_key}`, 'content-type': 'application/json', ...more.headers },
      });
    return {
      send: async (mail, signal) => {
        const body = JSON.stringify(messageOf(mail, parts));
        const headers = { 'idempotency-key': keyOf(mail, body) };
        const hand = () => handOverBy(mail, () => ask('/emails', { body, headers, signal }), judge);
        const first = await hand();
        return first.outcome === 'unclear' ? settled(first, await hand()) : first;
      },
      check: () => check(ask, parts),
      parseWebhook: async (request) => parse(request, webhook_secret, parts),
    };
  },
});

/** The same words under the same key are one mail for a day; a new code makes a new key. */
function keyOf(mail: OutgoingMail, body: string): string {
  return `${mail.messageId}-${createHash('sha256').update(body).digest('base64url')}`;
}

/** The second of two equal requests tells what became of the first, unless it did not come through either. */
function settled(first: Handover, second: Handover): Handover {
  return second.outcome === 'accepted' || second.outcome === 'refused' ? second : first;
}

function messageOf(mail: OutgoingMail, { sender }: ProviderParts): unknown {
  return {
    from: sender.field,
    to: [mail.to],
    subject: mail.subject,
    text: mail.text,
    html: mail.html,
    headers: extraFields(mail),
    tags: [{ name: 'mail_id', value: mail.messageId }],
  };
}

const judge: Parameters<typeof handOverBy>[2] = (answer) => {
  if (answer.status < 300) return accepted(readJson(Answer, answer.body)?.id);
  const told = readJson(Refusal, answer.body);
  if (told?.name === 'concurrent_idempotent_requests') return { outcome: 'unclear', reason: said(answer) };
  const isAboutRecipient = told?.name === 'validation_error' && /`to`/.test(told.message ?? '');
  return isAboutRecipient ? refused(answer) : unsent(answer);
};

async function check(
  ask: (path: string) => ReturnType<ProviderParts['outbound']>,
  { sender }: ProviderParts,
): Promise<Finding[]> {
  let domains: z.infer<typeof Domain>[] | undefined;
  const credentials = await finding(CREDENTIALS, async () => {
    const answer = await ask('/domains');
    domains = readJson(Domains, answer.body)?.data;
    if (answer.status === 200) return { status: 'ok', what: 'Resend takes the key.' };
    if (readJson(Refusal, answer.body)?.name === 'restricted_api_key')
      return { status: 'warn', what: 'The key may only send: nothing else can be asked with it.' };
    return { status: 'fail', what: `Resend does not take the key: ${said(answer)}.` };
  });
  if (domains === undefined) return [credentials];
  const own = domains.find(({ name }) => name === sender.domain);
  const verified = await finding(DOMAIN, async () => {
    if (own?.status === 'verified') return { status: 'ok', what: `Resend has verified ${sender.domain}.` };
    return { status: 'fail', what: `Resend has ${sender.domain} as ${own?.status ?? 'not known'}.` };
  });
  if (own === undefined) return [credentials, verified];
  const tracking = await finding(TRACKING, async () => {
    const { open_tracking, click_tracking } = readJson(Domain, (await ask(`/domains/${own.id}`)).body) ?? own;
    if (open_tracking === true || click_tracking === true)
      return { status: 'fail', what: `Resend tracks the mails of ${own.name}, and cannot leave one out.` };
    return { status: 'ok', what: 'Tracking is off.' };
  });
  return [credentials, verified, tracking];
}

function parse(request: WebhookRequest, secret: string | undefined, { clock }: ProviderParts): Parsed {
  if (secret === undefined) return 'forged';
  const judged = judgeWebhook(request, { secret, prefix: 'svix', now: clock.now() });
  if (typeof judged === 'string') return judged;
  const told = readJson(Told, request.body.toString('utf8'));
  const state = told && stateOf(told);
  if (!told || !state) return [];
  const { email_id, tags, bounce } = told.data;
  return [
    {
      id: judged.id,
      mailId: mailIdOf(
        Array.isArray(tags) ? tags.find(({ name }) => name === 'mail_id')?.value : tags?.mail_id,
      ),
      providerMessageId: email_id,
      state,
      detail: [bounce?.type, bounce?.subType, bounce?.message].filter(Boolean).join(': '),
      at: instantOf(told.created_at, clock.now()),
    },
  ];
}

function stateOf({ type, data: { bounce } }: Told): DeliveryState | undefined {
  switch (type) {
    case 'email.sent':
      return 'accepted';
    case 'email.delivered':
      return 'delivered';
    case 'email.delivery_delayed':
      return 'deferred';
    case 'email.complained':
      return 'complained';
    case 'email.failed':
      return 'failed';
    case 'email.suppressed':
      return 'suppressed';
    case 'email.bounced':
      if (/suppress/i.test(bounce?.subType ?? '')) return 'suppressed';
      return /^permanent$/i.test(bounce?.type ?? 'Permanent') ? 'bounced_hard' : 'bounced_soft';
    default:
      return undefined;
  }
}
