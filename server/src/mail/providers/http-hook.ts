import { z } from 'zod';
import { DELIVERY_STATES } from '../../core/delivery.ts';
import { isLoopbackHost } from '../../core/redirect-uri.ts';
import { isLinkLocal } from '../../platform/http/networks.ts';
import { judgeWebhook, signWebhook } from '../../platform/http/webhook-signature.ts';
import type { OutgoingMail } from '../transport.ts';
import {
  accepted,
  CREDENTIALS,
  extraFields,
  finding,
  handOverBy,
  instantOf,
  mailIdOf,
  messageIdField,
  readJson,
  refused,
  said,
  unsent,
} from './api.ts';
import {
  defineKind,
  type Parsed,
  type ProviderParts,
  secretText,
  type WebhookRequest,
  yesOrNo,
} from './provider.ts';

/** The answer that says that it is the recipient who gets no mail; any other refusal is not the mail's fault. */
const RECIPIENT_REFUSED = 422;

const Answer = z.looseObject({ id: z.string().optional() });
const Told = z.looseObject({
  type: z.literal('mail.report'),
  mail_id: z.string().optional(),
  id: z.string().optional(),
  state: z.enum(DELIVERY_STATES),
  detail: z.string().optional(),
  at: z.union([z.string(), z.number()]).optional(),
});

const address = z
  .string()
  .trim()
  .max(2000)
  .refine(isUsable, 'must be an https URL without a user and a fragment');

/** The owner's own endpoint: signed as Standard Webhooks says, in both directions with one secret. */
export const httpHook = defineKind({
  kind: 'http',
  title: 'Your own endpoint',
  options: z.strictObject({ url: address, allow_private_network: yesOrNo.default(false) }),
  secrets: z.strictObject({ signing_secret: secretText }),
  labels: {
    url: { label: 'URL', help: 'https; it gets each mail as JSON' },
    allow_private_network: { label: 'Private network', help: 'yes where the URL is inside your own network' },
    signing_secret: { label: 'Signing secret', help: 'Made for you where you give none' },
  },
  made: ['signing_secret'],
  create: ({ url, allow_private_network, signing_secret }, parts) => {
    const target = new URL(url);
    const isHere = parts.local && isLoopbackHost(target.hostname);
    const post = async (id: string, content: unknown, signal?: AbortSignal) => {
      const body = JSON.stringify(content);
      const timestamp = String(Math.floor(parts.clock.now() / 1000));
      return parts.outbound({
        url,
        body,
        signal,
        reach: allow_private_network || isHere ? 'private' : 'public',
        headers: {
          'content-type': 'application/json',
          'webhook-id': id,
          'webhook-timestamp': timestamp,
          'webhook-signature': signWebhook(signing_secret, { id, timestamp, body }),
        },
      });
    };
    const mayAsk = target.protocol === 'https:' || isHere;
    return {
      send: async (mail, signal) =>
        mayAsk
          ? handOverBy(mail, () => post(mail.messageId, messageOf(mail, parts), signal), judge)
          : { outcome: 'unsent', reason: 'http is for development, on this machine' },
      check: async () => [
        await finding(
          {
            ...CREDENTIALS,
            fix: 'Let the endpoint answer {"type":"mail.check"} with a status from 200 to 299.',
          },
          async () => {
            const answer = await post(`check_${parts.clock.now()}`, { type: 'mail.check' });
            if (answer.status < 300) return { status: 'ok', what: `${target.host} answers.` };
            return { status: 'fail', what: `${target.host} answers: ${said(answer)}.` };
          },
        ),
      ],
      parseWebhook: async (request) => parse(request, signing_secret, parts),
    };
  },
});

function isUsable(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.username !== '' || url.password !== '' || url.hash !== '') return false;
  if (isLinkLocal(url.hostname.replace(/^\[|\]$/g, ''))) return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname));
}

function messageOf(mail: OutgoingMail, { sender }: ProviderParts): unknown {
  return {
    type: 'mail.send',
    id: mail.messageId,
    from: { address: sender.address, name: sender.name },
    to: mail.to,
    subject: mail.subject,
    text: mail.text,
    html: mail.html,
    headers: { ...extraFields(mail), 'Message-ID': messageIdField(mail, sender) },
  };
}

const judge: Parameters<typeof handOverBy>[2] = (answer) => {
  if (answer.status >= 200 && answer.status < 300) return accepted(readJson(Answer, answer.body)?.id);
  return answer.status === RECIPIENT_REFUSED ? refused(answer) : unsent(answer);
};

function parse(request: WebhookRequest, secret: string, { clock }: ProviderParts): Parsed {
  const judged = judgeWebhook(request, { secret, prefix: 'webhook', now: clock.now() });
  if (typeof judged === 'string') return judged;
  const told = readJson(Told, request.body.toString('utf8'));
  if (!told) return [];
  return [
    {
      id: judged.id,
      mailId: mailIdOf(told.mail_id),
      providerMessageId: told.id,
      state: told.state,
      detail: told.detail ?? '',
      at: instantOf(told.at, clock.now()),
    },
  ];
}
