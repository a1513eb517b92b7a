import { generateKeyPairSync, sign } from 'node:crypto';
import { simpleParser } from 'mailparser';
import type { DeliveryState } from '../../../../src/core/delivery.ts';
import { type FakeProvider, jsonRequest, type ReportOf } from './fake-api.ts';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const TOPIC = 'arn:aws:sns:eu-central-1:123456789012:mail';
const ID = '0102018b6f1e2d3c-b1f2a3c4-0000';

/** Stands for Amazon's certificate: what counts is its key, and where it comes from. */
export const certificate = publicKey.export({ format: 'pem', type: 'spki' });

const EVENTS: Readonly<Record<string, { state: DeliveryState; content: Record<string, unknown> }>> = {
  Send: { state: 'accepted', content: { eventType: 'Send', send: {} } },
  Delivery: {
    state: 'delivered',
    content: {
      eventType: 'Delivery',
      delivery: { timestamp: '2030-06-03T12:00:01Z', smtpResponse: '250 ok' },
    },
  },
  DeliveryDelay: {
    state: 'deferred',
    content: {
      eventType: 'DeliveryDelay',
      deliveryDelay: { timestamp: '2030-06-03T12:00:01Z', delayType: 'TransientCommunicationFailure' },
    },
  },
  Bounce: bounce('bounced_hard', 'Permanent', 'General'),
  'transient Bounce': bounce('bounced_soft', 'Transient', 'MailboxFull'),
  'suppressed Bounce': bounce('suppressed', 'Permanent', 'OnAccountSuppressionList'),
  Complaint: {
    state: 'complained',
    content: {
      eventType: 'Complaint',
      complaint: { timestamp: '2030-06-03T12:00:01Z', complaintFeedbackType: 'abuse' },
    },
  },
  Reject: { state: 'failed', content: { eventType: 'Reject', reject: { reason: 'Bad content' } } },
  'identity feedback': {
    state: 'delivered',
    content: { notificationType: 'Delivery', delivery: { timestamp: '2030-06-03T12:00:01Z' } },
  },
};

function bounce(state: DeliveryState, bounceType: string, bounceSubType: string) {
  const bouncedRecipients = [
    { emailAddress: 'ana@example.com', status: '5.1.1', diagnosticCode: 'smtp; 550 unknown' },
  ];
  const timestamp = '2030-06-03T12:00:01Z';
  return {
    state,
    content: { eventType: 'Bounce', bounce: { bounceType, bounceSubType, bouncedRecipients, timestamp } },
  };
}

/** https://docs.aws.amazon.com/ses/latest/APIReference-V2 */
export const ses: FakeProvider = {
  kind: 'ses',
  hosts: ['email.eu-central-1.amazonaws.com', 'sns.eu-central-1.amazonaws.com'],
  options: {
    region: 'eu-central-1',
    access_key_id: 'AKIAIOSFODNN7EXAMPLE',
    configuration_set: 'sign-in',
    topic_arn: TOPIC,
  },
  secrets: { secret_access_key: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' },
  accepts: { status: 200, body: { MessageId: ID } },
  acceptedId: ID,
  refusesRecipient: {
    status: 400,
    headers: { 'x-amzn-errortype': 'BadRequestException' },
    body: { message: 'Local address contains control or whitespace' },
  },
  refusesKey: {
    status: 403,
    headers: { 'x-amzn-errortype': 'InvalidSignatureException' },
    body: { message: 'The request signature we calculated does not match the signature you provided.' },
  },
  paths: {
    'GET /v2/email/account': { status: 200, body: { SendingEnabled: true, ProductionAccessEnabled: true } },
    'GET /v2/email/identities/acme.com': { status: 200, body: { VerifiedForSendingStatus: true } },
    'GET /v2/email/configuration-sets/sign-in/event-destinations': {
      status: 200,
      body: {
        EventDestinations: [{ Name: 'sns', Enabled: true, MatchingEventTypes: ['BOUNCE', 'DELIVERY'] }],
      },
    },
    'DELETE /v2/email/suppression/addresses/ana%40example.com': { status: 200, body: {} },
    'GET /SimpleNotificationService-0123456789abcdef.pem': { status: 200, body: String(certificate) },
    'GET /': { status: 200, body: '<ConfirmSubscriptionResponse/>' },
  },
  sent: async ({ body }) => {
    const { Destination, Content, EmailTags, FromEmailAddress } = JSON.parse(body);
    const mail = await simpleParser(Buffer.from(Content.Raw.Data, 'base64'));
    const links = String(mail.html).match(/<a\s[^>]*>/g) ?? [];
    return {
      to: Destination.ToAddresses[0],
      from: FromEmailAddress.replaceAll('"', ''),
      subject: mail.subject ?? '',
      text: mail.text ?? '',
      html: String(mail.html).replaceAll(' ses:no-track', ''),
      mailId: EmailTags[0].Value,
      isTracked: !links.every((link) => link.includes('ses:no-track')),
    };
  },
  events: Object.fromEntries(Object.entries(EVENTS).map(([name, { state }]) => [name, state])),
  report: (event, about) =>
    notice({ Type: 'Notification', Message: JSON.stringify(contentOf(event, about)) }, about),
  isDated: true,
  unsuppresses: ['DELETE /v2/email/suppression/addresses/ana%40example.com'],
};

function contentOf(event: string, { mailId, at }: ReportOf): unknown {
  const mail = { timestamp: new Date(at).toISOString(), messageId: ID, tags: { mail_id: [mailId] } };
  return { ...EVENTS[event]?.content, mail };
}

/** A message of SNS, signed as Amazon signs; `changes` come before the signature. */
export function notice(changes: Record<string, string>, { id, at }: Pick<ReportOf, 'id' | 'at'>) {
  const content: Record<string, string> = {
    MessageId: id,
    TopicArn: TOPIC,
    Timestamp: new Date(at).toISOString(),
    SignatureVersion: '2',
    SigningCertURL: 'https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem',
    ...changes,
  };
  const fields = [
    'Message',
    'MessageId',
    'Subject',
    'SubscribeURL',
    'Timestamp',
    'Token',
    'TopicArn',
    'Type',
  ];
  const text = fields
    .filter((name) => content[name] !== undefined)
    .map((name) => `${name}\n${content[name]}\n`);
  const algorithm = content.SignatureVersion === '1' ? 'sha1' : 'sha256';
  const signature = sign(algorithm, Buffer.from(text.join('')), privateKey).toString('base64');
  return jsonRequest({ ...content, Signature: signature }, { 'content-type': 'text/plain; charset=UTF-8' });
}
