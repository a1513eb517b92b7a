import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { z } from 'zod';
import { HOUR } from '../../core/units.ts';
import { OutboundFailure } from '../../platform/http/outbound.ts';
import { isFresh, signatureOf } from '../../platform/http/webhook-signature.ts';
import { instantOf, readJson } from './api.ts';
import type { ProviderParts, WebhookRequest } from './provider.ts';

/** Amazon repeats a notification that was not taken for this long, under its first time and its first id. */
const RETRIED_FOR = HOUR;

/** Certificates and subscriptions are asked for there and nowhere else. */
const HOST = /^sns\.[a-z]{2}(?:-[a-z]+){1,3}-\d\.amazonaws\.com(?:\.cn)?$/;

const CERTIFICATES_MAX = 8;

const Notice = z.looseObject({
  Type: z.enum(['Notification', 'SubscriptionConfirmation', 'UnsubscribeConfirmation']),
  MessageId: z.string(),
  TopicArn: z.string(),
  Subject: z.string().optional(),
  Message: z.string(),
  Timestamp: z.string(),
  SignatureVersion: z.string(),
  Signature: z.string(),
  SigningCertURL: z.string(),
  SubscribeURL: z.string().optional(),
  Token: z.string().optional(),
});
type Notice = z.infer<typeof Notice>;

const SIGNED_FIELDS = {
  Notification: ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'],
  SubscriptionConfirmation: [
    'Message',
    'MessageId',
    'SubscribeURL',
    'Timestamp',
    'Token',
    'TopicArn',
    'Type',
  ],
  UnsubscribeConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
} as const satisfies Record<Notice['Type'], readonly (keyof Notice)[]>;

/**
 * Takes what Amazon SNS posts: signed by Amazon, and from one topic, because anybody's topic is signed by
 * Amazon. Confirms a subscription to that topic by itself. Gives the message of a notification.
 */
export function createSnsReader(
  parts: Pick<ProviderParts, 'outbound' | 'clock'>,
  topic: string | undefined,
): (request: WebhookRequest) => Promise<{ id: string; message: string } | 'none' | 'forged' | 'stale'> {
  const keys = new Map<string, KeyObject>();
  const keyAt = async (address: string): Promise<KeyObject | undefined> => {
    const known = keys.get(address);
    if (known || !isAmazon(address) || !new URL(address).pathname.endsWith('.pem')) return known;
    const answer = await parts.outbound({ url: address, method: 'GET' });
    const key = answer.status === 200 ? publicKeyOf(answer.body) : undefined;
    if (key) keys.set(address, key);
    for (const oldest of keys.keys()) if (keys.size > CERTIFICATES_MAX) keys.delete(oldest);
    return key;
  };
  return async (request) => {
    const notice = readJson(Notice, request.body.toString('utf8'));
    if (!notice || topic === undefined || notice.TopicArn !== topic) return 'forged';
    if (!isSigned(notice, await keyAt(notice.SigningCertURL))) return 'forged';
    const now = parts.clock.now();
    if (!isFresh(instantOf(notice.Timestamp, 0), now, RETRIED_FOR)) return 'stale';
    if (notice.Type === 'Notification') return { id: notice.MessageId, message: notice.Message };
    if (notice.Type === 'SubscriptionConfirmation') await confirm(parts, notice.SubscribeURL ?? '');
    return 'none';
  };
}

async function confirm({ outbound }: Pick<ProviderParts, 'outbound'>, address: string): Promise<void> {
  if (!isAmazon(address)) return;
  const answer = await outbound({ url: address, method: 'GET' });
  if (answer.status !== 200) throw new OutboundFailure('the subscription was not confirmed', true);
}

function isAmazon(address: string): boolean {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  return url?.protocol === 'https:' && url.port === '' && url.username === '' && HOST.test(url.hostname);
}

function isSigned(notice: Notice, key: KeyObject | undefined): boolean {
  const algorithm = { '1': 'sha1', '2': 'sha256' }[notice.SignatureVersion];
  if (!key || algorithm === undefined) return false;
  const fields = SIGNED_FIELDS[notice.Type].filter((name) => notice[name] !== undefined);
  const text = fields.map((name) => `${name}\n${notice[name]}\n`).join('');
  return verify(algorithm, Buffer.from(text), key, signatureOf(notice.Signature));
}

function publicKeyOf(certificate: string): KeyObject | undefined {
  try {
    const key = createPublicKey(certificate);
    return key.asymmetricKeyType === 'rsa' ? key : undefined;
  } catch {
    return undefined;
  }
}
