import { z } from 'zod';
import type { DeliveryState } from '../../core/delivery.ts';
import type { Finding } from '../../platform/finding.ts';
import { sameText } from '../../platform/secrets.ts';
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

const BASE = 'https://api.postmarkapp.com';
const WEBHOOK_USER = 'postern';

/** "You tried to send to a recipient that has been marked as inactive." */
const INACTIVE = 406;
const INVALID_REQUEST = 300;

const Answer = z.looseObject({
  ErrorCode: z.number(),
  MessageID: z.string().optional(),
  Message: z.string().optional(),
});
const Server = z.looseObject({
  Name: z.string(),
  TrackOpens: z.boolean().optional(),
  TrackLinks: z.string().optional(),
});

/** Deliveries, bounces and complaints in one: each has some of the fields. */
const Told = z.looseObject({
  RecordType: z.string(),
  MessageID: z.string(),
  ID: z.number().optional(),
  Type: z.string().optional(),
  Description: z.string().optional(),
  Details: z.string().optional(),
  DeliveredAt: z.string().optional(),
  BouncedAt: z.string().optional(),
  ChangedAt: z.string().optional(),
  SuppressSending: z.boolean().optional(),
  Metadata: z.record(z.string(), z.unknown()).optional(),
});
type Told = z.infer<typeof Told>;

/** Bounces that are about the mailbox; the others are about this mail, or no bounces at all. */
const BOUNCES: Readonly<Record<string, DeliveryState | undefined>> = {
  HardBounce: 'bounced_hard',
  BadEmailAddress: 'bounced_hard',
  SpamComplaint: 'complained',
  ManuallyDeactivated: 'suppressed',
  Transient: 'deferred',
  SoftBounce: 'bounced_soft',
  DnsError: 'bounced_soft',
  SpamNotification: 'bounced_soft',
  Blocked: 'bounced_soft',
  DMARCPolicy: 'bounced_soft',
  VirusNotification: 'bounced_soft',
  SMTPApiError: 'bounced_soft',
  Unknown: 'bounced_soft',
};

export const postmark = defineKind({
  kind: 'postmark',
  title: 'Postmark',
  options: z.strictObject({ stream: plainWord.default('outbound') }),
  secrets: z.strictObject({ token: secretText, webhook_password: secretText }),
  labels: {
    token: { label: 'Server API token', help: 'Servers › your server › API Tokens' },
    stream: { label: 'Message stream', help: 'A transactional one' },
    webhook_password: { label: 'Webhook password', help: 'Made for you where you give none' },
  },
  made: ['webhook_password'],
  webhookLogin: (secrets) => `${WEBHOOK_USER}:${secrets.webhook_password ?? ''}`,
  create: ({ stream, token, webhook_password }, parts) => {
    const ask = (path: string, body?: unknown) =>
      parts.outbound({
        url: `${BASE}${path}`,
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          accept: 'application/json',
          'content-type': 'application/json',
          'x-postmark-server-token': token,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
    return {
      send: (mail) => handOverBy(mail, () => ask('/email', messageOf(mail, stream, parts)), judge),
      check: () => check(() => ask('/server')),
      parseWebhook: async (request) => parse(request, webhook_password, parts),
      unsuppress: async (email) => {
        const body = { Suppressions: [{ EmailAddress: email }] };
        const answer = await ask(`/message-streams/${stream}/suppressions/delete`, body);
        return answer.status === 200 && answer.body.includes('"Deleted"')
          ? 'lifted'
          : { failed: said(answer) };
      },
    };
  },
});

function messageOf(mail: OutgoingMail, stream: string, { sender }: ProviderParts): unknown {
  const fields = { ...extraFields(mail), 'Message-ID': messageIdField(mail, sender), 'X-PM-KeepID': 'true' };
  return {
    From: sender.field,
    To: mail.to,
    Subject: mail.subject,
    TextBody: mail.text,
    HtmlBody: mail.html,
    Headers: Object.entries(fields).map(([Name, Value]) => ({ Name, Value })),
    MessageStream: stream,
    TrackOpens: false,
    TrackLinks: 'None',
    Metadata: { mail_id: mail.messageId },
  };
}

const judge: Parameters<typeof handOverBy>[2] = (answer) => {
  const told = readJson(Answer, answer.body);
  if (answer.status < 300) return accepted(told?.MessageID);
  if (told?.ErrorCode === INACTIVE) return { outcome: 'refused', reason: said(answer), suppressed: true };
  const isAboutRecipient = told?.ErrorCode === INVALID_REQUEST && /'To'/.test(told.Message ?? '');
  return isAboutRecipient ? refused(answer) : unsent(answer);
};

async function check(ask: () => ReturnType<ProviderParts['outbound']>): Promise<Finding[]> {
  let server: z.infer<typeof Server> | undefined;
  const credentials = await finding(CREDENTIALS, async () => {
    const answer = await ask();
    server = readJson(Server, answer.body);
    if (answer.status === 200)
      return { status: 'ok', what: `Postmark knows the server ${server?.Name ?? ''}.` };
    return { status: 'fail', what: `Postmark does not take the token: ${said(answer)}.` };
  });
  if (server === undefined) return [credentials];
  const { TrackOpens = false, TrackLinks = 'None' } = server;
  const isTracking = TrackOpens || TrackLinks !== 'None';
  const tracking = await finding(TRACKING, async () =>
    isTracking
      ? { status: 'warn', what: 'The server tracks; it is switched off in each of our mails.' }
      : { status: 'ok', what: 'Tracking is off.' },
  );
  return [credentials, tracking];
}

function parse(request: WebhookRequest, password: string, { clock }: ProviderParts): Parsed {
  const login = Buffer.from(`${WEBHOOK_USER}:${password}`).toString('base64');
  if (!sameText(request.headers.authorization ?? '', `Basic ${login}`)) return 'forged';
  const told = readJson(Told, request.body.toString('utf8'));
  const state = told && stateOf(told);
  if (!told || !state) return [];
  const at = told.DeliveredAt ?? told.BouncedAt ?? told.ChangedAt;
  return [
    {
      id: `${told.RecordType} ${told.ID ?? told.MessageID} ${at ?? ''}`,
      mailId: mailIdOf(told.Metadata?.mail_id),
      providerMessageId: told.MessageID,
      state,
      detail: [told.Type, told.Description, told.Details].filter(Boolean).join(': '),
      at: instantOf(at, clock.now()),
    },
  ];
}

function stateOf(told: Told): DeliveryState | undefined {
  switch (told.RecordType) {
    case 'Delivery':
      return 'delivered';
    case 'Bounce':
      return BOUNCES[told.Type ?? ''];
    case 'SpamComplaint':
      return 'complained';
    case 'SubscriptionChange':
      return told.SuppressSending === true ? 'suppressed' : undefined;
    default:
      return undefined;
  }
}
