import { z } from 'zod';
import type { DeliveryState } from '../../core/delivery.ts';
import type { Instant } from '../../core/ids.ts';
import type { Finding } from '../../platform/finding.ts';
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
import { defineKind, type Parsed, type ProviderParts, plainWord, type Report } from './provider.ts';
import { signAws } from './sigv4.ts';
import { createSnsReader } from './sns.ts';

const Answer = z.looseObject({ MessageId: z.string() });
const Account = z.looseObject({ SendingEnabled: z.boolean(), ProductionAccessEnabled: z.boolean() });
const Identity = z.looseObject({ VerifiedForSendingStatus: z.boolean() });
const Destinations = z.looseObject({
  EventDestinations: z.array(
    z.looseObject({ Enabled: z.boolean(), MatchingEventTypes: z.array(z.string()) }),
  ),
});

const Timed = z.looseObject({ timestamp: z.string().optional() }).optional();
const Told = z.looseObject({
  eventType: z.string().optional(),
  notificationType: z.string().optional(),
  mail: z.looseObject({ messageId: z.string(), tags: z.record(z.string(), z.array(z.string())).optional() }),
  bounce: z
    .looseObject({
      timestamp: z.string().optional(),
      bounceType: z.string(),
      bounceSubType: z.string().optional(),
      bouncedRecipients: z.array(z.looseObject({ diagnosticCode: z.string().optional() })).optional(),
    })
    .optional(),
  complaint: Timed,
  delivery: Timed,
  deliveryDelay: z
    .looseObject({ timestamp: z.string().optional(), delayType: z.string().optional() })
    .optional(),
});
type Told = z.infer<typeof Told>;

export const ses = defineKind({
  kind: 'ses',
  title: 'Amazon SES',
  options: z.strictObject({
    region: z.string().regex(/^[a-z]{2}(?:-[a-z]+){1,3}-\d$/, 'must be a region, such as eu-central-1'),
    access_key_id: plainWord,
    configuration_set: plainWord.optional(),
    topic_arn: plainWord.optional(),
  }),
  secrets: z.strictObject({ secret_access_key: z.string().trim().min(16) }),
  labels: {
    region: { label: 'Region', help: 'Such as eu-central-1' },
    access_key_id: { label: 'Access key id', help: 'Of a user that may ses:SendEmail' },
    secret_access_key: { label: 'Secret access key' },
    configuration_set: { label: 'Configuration set', help: 'The one that publishes events to the topic' },
    topic_arn: { label: 'Topic ARN', help: 'The SNS topic of the events; without it no report is taken' },
  },
  create: (given, parts) => {
    const ask = asker(given, parts);
    const readNotice = createSnsReader(parts, given.topic_arn);
    return {
      send: (mail, signal) => {
        const body = () => JSON.stringify(messageOf(mail, given.configuration_set, parts));
        return handOverBy(
          mail,
          () => ask('/outbound-emails', { method: 'POST', body: body(), signal }),
          judge,
        );
      },
      check: () => check(ask, given.configuration_set, parts),
      parseWebhook: async (request): Promise<Parsed> => {
        const notice = await readNotice(request);
        if (notice === 'none') return [];
        return typeof notice === 'string' ? notice : reportsOf(notice, parts.clock.now());
      },
      unsuppress: async (email) => {
        const answer = await ask(`/suppression/addresses/${encodeURIComponent(email)}`, { method: 'DELETE' });
        return answer.status < 300 || answer.status === 404 ? 'lifted' : { failed: said(answer) };
      },
    };
  },
});

interface Access {
  readonly region: string;
  readonly access_key_id: string;
  readonly secret_access_key: string;
}

interface Question {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly body?: string;
  readonly signal?: AbortSignal | undefined;
}

type Ask = (path: string, question?: Question) => ReturnType<ProviderParts['outbound']>;

function asker(access: Access, { outbound, clock }: ProviderParts): Ask {
  const { region, access_key_id: accessKeyId, secret_access_key: secretAccessKey } = access;
  return (path, { method, body = '', signal } = { method: 'GET' }) => {
    const url = new URL(`https://email.${region}.amazonaws.com/v2/email${path}`);
    const request = { url, method, body, region, service: 'ses' };
    const headers = signAws({ accessKeyId, secretAccessKey }, request, clock.now());
    return outbound({ url: url.href, method, body, headers, signal });
  };
}

/** Only a configuration set can track; the attribute, which SES removes, keeps our links out of it. */
function messageOf(mail: OutgoingMail, set: string | undefined, { sender, clock }: ProviderParts): unknown {
  const html = set === undefined ? mail.html : mail.html.replaceAll(/<a(?=\s)/g, '<a ses:no-track');
  const raw = composeMessage({ ...mail, html }, sender, clock.now());
  return {
    FromEmailAddress: sender.field,
    Destination: { ToAddresses: [mail.to] },
    Content: { Raw: { Data: raw.toString('base64') } },
    EmailTags: [{ Name: 'mail_id', Value: mail.messageId }],
    ...(set !== undefined && { ConfigurationSetName: set }),
  };
}

const judge: Parameters<typeof handOverBy>[2] = (answer) => {
  if (answer.status < 300) return accepted(readJson(Answer, answer.body)?.MessageId);
  const isBadRequest = (answer.headers['x-amzn-errortype'] ?? '').startsWith('BadRequestException');
  return isBadRequest && /illegal address|local address|missing final/i.test(answer.body)
    ? refused(answer)
    : unsent(answer);
};

async function check(ask: Ask, set: string | undefined, { sender }: ProviderParts): Promise<Finding[]> {
  const credentials = await finding(CREDENTIALS, async () => {
    const answer = await ask('/account');
    const account = readJson(Account, answer.body);
    if (answer.status !== 200 || !account)
      return { status: 'fail', what: `Amazon SES does not take the key: ${said(answer)}.` };
    if (!account.SendingEnabled)
      return { status: 'fail', what: 'Amazon SES has paused the sending of this account.' };
    if (account.ProductionAccessEnabled) return { status: 'ok', what: 'Amazon SES takes the key.' };
    const fix = 'Ask for production access in the console of Amazon SES.';
    return { status: 'fail', what: 'The account is in the sandbox: only verified addresses get mail.', fix };
  });
  const domain = await finding(DOMAIN, async () => {
    const answer = await ask(`/identities/${encodeURIComponent(sender.domain)}`);
    if (readJson(Identity, answer.body)?.VerifiedForSendingStatus === true)
      return { status: 'ok', what: `Amazon SES has verified ${sender.domain}.` };
    const status = answer.status === 403 ? 'warn' : 'fail';
    return { status, what: `Amazon SES does not say that ${sender.domain} is verified: ${said(answer)}.` };
  });
  if (set === undefined) return [credentials, domain];
  const tracking = await finding(TRACKING, async () => {
    const answer = await ask(`/configuration-sets/${encodeURIComponent(set)}/event-destinations`);
    const destinations = readJson(Destinations, answer.body)?.EventDestinations;
    if (!destinations) return { status: 'warn', what: `Amazon SES does not show ${set}: ${said(answer)}.` };
    const tracks = destinations.some(
      ({ Enabled, MatchingEventTypes: types }) =>
        Enabled && (types.includes('OPEN') || types.includes('CLICK')),
    );
    if (!tracks) return { status: 'ok', what: 'Tracking is off.' };
    return { status: 'warn', what: `${set} tracks openings or clicks; our links are kept out of it.` };
  });
  return [credentials, domain, tracking];
}

function reportsOf(notice: { id: string; message: string }, now: Instant): Report[] {
  const told = readJson(Told, notice.message);
  const state = told && stateOf(told);
  if (!told || !state) return [];
  const { mail, bounce, complaint, delivery, deliveryDelay } = told;
  const at = (bounce ?? complaint ?? delivery ?? deliveryDelay)?.timestamp;
  const diagnosis = bounce?.bouncedRecipients?.[0]?.diagnosticCode;
  return [
    {
      id: notice.id,
      mailId: mailIdOf(mail.tags?.mail_id),
      providerMessageId: mail.messageId,
      state,
      detail: [bounce?.bounceType, bounce?.bounceSubType, diagnosis, deliveryDelay?.delayType]
        .filter(Boolean)
        .join(': '),
      at: instantOf(at, now),
    },
  ];
}

function stateOf({ eventType, notificationType, bounce }: Told): DeliveryState | undefined {
  switch (eventType ?? notificationType) {
    case 'Send':
      return 'accepted';
    case 'Delivery':
      return 'delivered';
    case 'DeliveryDelay':
      return 'deferred';
    case 'Complaint':
      return 'complained';
    case 'Reject':
      return 'failed';
    case 'Bounce':
      if (/Suppress/.test(bounce?.bounceSubType ?? '')) return 'suppressed';
      return bounce?.bounceType === 'Permanent' ? 'bounced_hard' : 'bounced_soft';
    default:
      return undefined;
  }
}
