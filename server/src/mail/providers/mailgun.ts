import { z } from 'zod';
import type { DeliveryState } from '../../core/delivery.ts';
import type { Finding } from '../../platform/finding.ts';
import type { OutboundRequest } from '../../platform/http/outbound.ts';
import { hmac, isFresh } from '../../platform/http/webhook-signature.ts';
import { random } from '../../platform/random.ts';
import { sameText } from '../../platform/secrets.ts';
import { composeMessage } from '../message.ts';
import type { OutgoingMail } from '../transport.ts';
import {
  accepted,
  CREDENTIALS,
  DOMAIN,
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
import {
  defineKind,
  type Parsed,
  type ProviderParts,
  plainWord,
  secretText,
  type WebhookRequest,
} from './provider.ts';

const HOSTS = { us: 'https://api.mailgun.net', eu: 'https://api.eu.mailgun.net' } as const;
const LISTS = ['bounces', 'complaints', 'unsubscribes'] as const;

const Answer = z.looseObject({ id: z.string().optional(), message: z.string().optional() });
const Domain = z.looseObject({ domain: z.looseObject({ name: z.string(), state: z.string() }) });
const Switch = z.looseObject({ active: z.union([z.boolean(), z.string()]) });
const Tracking = z.looseObject({ tracking: z.looseObject({ click: Switch, open: Switch }) });

const Signature = z.looseObject({ timestamp: z.string(), token: z.string().min(10), signature: z.string() });
const Event = z.looseObject({
  event: z.string(),
  timestamp: z.number().optional(),
  severity: z.string().optional(),
  reason: z.string().optional(),
  message: z
    .looseObject({ headers: z.looseObject({ 'message-id': z.string().optional() }).optional() })
    .optional(),
  'delivery-status': z
    .looseObject({ code: z.union([z.number(), z.string()]).optional(), message: z.string().optional() })
    .optional(),
  'user-variables': z.record(z.string(), z.unknown()).optional(),
});
type Event = z.infer<typeof Event>;
const Webhook = z.looseObject({ signature: Signature, 'event-data': z.unknown() });

export const mailgun = defineKind({
  kind: 'mailgun',
  title: 'Mailgun',
  options: z.strictObject({ domain: plainWord, region: z.enum(['us', 'eu']).default('us') }),
  secrets: z.strictObject({ api_key: secretText, signing_key: secretText.optional() }),
  labels: {
    domain: { label: 'Sending domain', help: 'As Mailgun lists it, such as mg.example.com' },
    region: { label: 'Region', help: 'us or eu: where the domain is' },
    api_key: { label: 'API key', help: 'A sending key of the domain, or an account key' },
    signing_key: {
      label: 'Webhook signing key',
      help: 'Settings › API security; without it no report is taken',
    },
  },
  create: ({ domain, region, api_key, signing_key }, parts) => {
    const authorization = `Basic ${Buffer.from(`api:${api_key}`).toString('base64')}`;
    const ask = (path: string, more: Omit<OutboundRequest, 'url'> = { method: 'GET' }) =>
      parts.outbound({
        url: `${HOSTS[region]}/v3${path}`,
        ...more,
        headers: { authorization, ...more.headers },
      });
    return {
      send: (mail, signal) =>
        handOverBy(mail, () => ask(`/${domain}/messages.mime`, { ...formOf(mail, parts), signal }), judge),
      check: () => check(ask, domain),
      parseWebhook: async (request) => parse(request, signing_key, parts),
      unsuppress: async (email) => {
        for (const list of LISTS) {
          const answer = await ask(`/${domain}/${list}/${encodeURIComponent(email)}`, { method: 'DELETE' });
          if (answer.status >= 300 && answer.status !== 404) return { failed: said(answer) };
        }
        return 'lifted';
      },
    };
  },
});

/** The mail goes as we have written it; Mailgun adds its signature. */
function formOf(mail: OutgoingMail, { sender, clock }: ProviderParts): Omit<OutboundRequest, 'url'> {
  const fields = {
    to: mail.to,
    'o:tracking': 'no',
    'o:tracking-clicks': 'no',
    'o:tracking-opens': 'no',
    'v:mail_id': mail.messageId,
  };
  const boundary = random.token(192);
  const part = (disposition: string, content: string | Buffer) =>
    Buffer.concat([
      Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n`),
      Buffer.from(content),
      Buffer.from('\r\n'),
    ]);
  const body = Buffer.concat([
    ...Object.entries(fields).map(([name, value]) => part(`name="${name}"`, value)),
    part('name="message"; filename="message.eml"', composeMessage(mail, sender, clock.now())),
    Buffer.from(`--${boundary}--\r\n`),
  ]);
  return { headers: { 'content-type': `multipart/form-data; boundary=${boundary}` }, body };
}

const judge: Parameters<typeof handOverBy>[2] = (answer) => {
  const told = readJson(Answer, answer.body);
  if (answer.status < 300) return accepted(told?.id?.replace(/^<|>$/g, ''));
  const isAboutRecipient =
    answer.status === 400 && /'to' parameter|\bto parameter/i.test(told?.message ?? '');
  return isAboutRecipient ? refused(answer) : unsent(answer);
};

async function check(
  ask: (path: string) => ReturnType<ProviderParts['outbound']>,
  domain: string,
): Promise<Finding[]> {
  let state: string | undefined;
  const credentials = await finding(CREDENTIALS, async () => {
    const answer = await ask(`/domains/${domain}`);
    state = readJson(Domain, answer.body)?.domain.state;
    if (answer.status === 200) return { status: 'ok', what: 'Mailgun takes the key.' };
    if (answer.status === 403 && /restricted|sending/i.test(answer.body))
      return { status: 'warn', what: 'The key may only send: nothing else can be asked with it.' };
    return { status: 'fail', what: `Mailgun does not take the key for ${domain}: ${said(answer)}.` };
  });
  if (state === undefined) return [credentials];
  const verified = await finding(DOMAIN, async () => {
    if (state === 'active') return { status: 'ok', what: `Mailgun has verified ${domain}.` };
    return { status: 'fail', what: `Mailgun has ${domain} as ${state}.` };
  });
  const tracking = await finding(TRACKING, async () => {
    const found = readJson(Tracking, (await ask(`/domains/${domain}/tracking`)).body)?.tracking;
    const isOff = [found?.click, found?.open].every((one) => one?.active === false || one?.active === 'no');
    if (isOff) return { status: 'ok', what: 'Tracking is off.' };
    return {
      status: 'warn',
      what: 'The domain tracks, or does not say; it is switched off in each of our mails.',
    };
  });
  return [credentials, verified, tracking];
}

/** The signature covers the token alone, so a token is good once, whatever comes with it. */
function parse(request: WebhookRequest, signingKey: string | undefined, { clock }: ProviderParts): Parsed {
  const told = readJson(Webhook, request.body.toString('utf8'));
  if (!told || signingKey === undefined) return 'forged';
  const { timestamp, token, signature } = told.signature;
  if (!sameText(hmac(signingKey, `${timestamp}${token}`, 'hex'), signature)) return 'forged';
  if (!isFresh(Number(timestamp) * 1000, clock.now())) return 'stale';
  const event = Event.safeParse(told['event-data']).data;
  return [
    {
      id: token,
      mailId: mailIdOf(event?.['user-variables']?.mail_id),
      providerMessageId: event?.message?.headers?.['message-id'],
      state: (event && stateOf(event)) ?? 'queued',
      detail: [event?.reason, event?.['delivery-status']?.message].filter(Boolean).join(': '),
      at: instantOf(event?.timestamp, clock.now()),
    },
  ];
}

function stateOf({
  event,
  severity,
  reason = '',
  'delivery-status': status,
}: Event): DeliveryState | undefined {
  switch (event) {
    case 'accepted':
    case 'delivered':
    case 'complained':
      return event;
    case 'rejected':
      return 'failed';
    case 'failed': {
      if (severity !== 'permanent') return 'deferred';
      if (reason.startsWith('suppress-')) return 'suppressed';
      const isMailbox = /^(?:550|551|553|605)$/.test(String(status?.code ?? ''));
      return isMailbox && reason !== 'old' && reason !== 'espblock' ? 'bounced_hard' : 'bounced_soft';
    }
    default:
      return undefined;
  }
}
