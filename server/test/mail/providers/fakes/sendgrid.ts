import { generateKeyPairSync, sign } from 'node:crypto';
import type { DeliveryState } from '../../../../src/core/delivery.ts';
import { type FakeProvider, jsonRequest, type ReportOf } from './fake-api.ts';

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const ID = '14c5d75ce93.dfd.64b469';

const EVENTS: Readonly<Record<string, { state: DeliveryState; fields: Record<string, string> }>> = {
  processed: { state: 'accepted', fields: { event: 'processed' } },
  delivered: { state: 'delivered', fields: { event: 'delivered', response: '250 OK' } },
  deferred: {
    state: 'deferred',
    fields: { event: 'deferred', response: '400 try again later', attempt: '5' },
  },
  bounce: {
    state: 'bounced_hard',
    fields: { event: 'bounce', type: 'bounce', reason: '500 unknown recipient', status: '5.0.0' },
  },
  blocked: {
    state: 'bounced_soft',
    fields: { event: 'bounce', type: 'blocked', reason: '550 blocked', status: '5.7.1' },
  },
  dropped: { state: 'suppressed', fields: { event: 'dropped', reason: 'Bounced Address', status: '5.0.0' } },
  spamreport: { state: 'complained', fields: { event: 'spamreport' } },
};

/** https://www.twilio.com/docs/sendgrid/api-reference */
export const sendgrid: FakeProvider = {
  kind: 'sendgrid',
  hosts: ['api.sendgrid.com'],
  options: { verification_key: publicKey.export({ format: 'der', type: 'spki' }).toString('base64') },
  secrets: { api_key: 'SG.0123456789abcdef.0123456789abcdef' },
  accepts: { status: 202, headers: { 'x-message-id': ID }, body: '' },
  acceptedId: ID,
  refusesRecipient: {
    status: 400,
    body: {
      errors: [
        { message: 'Does not contain a valid address.', field: 'personalizations.0.to.0.email', help: null },
      ],
    },
  },
  refusesKey: {
    status: 401,
    body: {
      errors: [
        {
          message: 'The provided authorization grant is invalid, expired, or revoked',
          field: null,
          help: null,
        },
      ],
    },
  },
  paths: {
    'GET /v3/scopes': { status: 200, body: { scopes: ['mail.send', 'alerts.create'] } },
    'GET /v3/whitelabel/domains': {
      status: 200,
      body: [{ id: 1, domain: 'acme.com', subdomain: 'em', valid: true }],
    },
    'DELETE /v3/suppression/bounces/ana%40example.com': { status: 204 },
    'DELETE /v3/suppression/blocks/ana%40example.com': { status: 404 },
    'DELETE /v3/suppression/invalid_emails/ana%40example.com': { status: 404 },
    'DELETE /v3/suppression/spam_reports/ana%40example.com': { status: 204 },
  },
  sent: ({ body }) => {
    const mail = JSON.parse(body);
    const { click_tracking, open_tracking } = mail.tracking_settings;
    return {
      to: mail.personalizations[0].to[0].email,
      from: `${mail.from.name} <${mail.from.email}>`,
      subject: mail.subject,
      text: mail.content[0].value,
      html: mail.content[1].value,
      mailId: mail.personalizations[0].custom_args.mail_id,
      isTracked: click_tracking.enable || click_tracking.enable_text || open_tracking.enable,
    };
  },
  events: Object.fromEntries(Object.entries(EVENTS).map(([name, { state }]) => [name, state])),
  report: (event, about) => signed([contentOf(event, about)], about.at),
  isDated: true,
  unsuppresses: ['bounces', 'blocks', 'invalid_emails', 'spam_reports'].map(
    (list) => `DELETE /v3/suppression/${list}/ana%40example.com`,
  ),
};

function contentOf(event: string, { mailId, id, at }: ReportOf): unknown {
  return {
    email: 'ana@example.com',
    timestamp: Math.floor(at / 1000),
    'smtp-id': '<14c5d75ce93.dfd.64b469@ismtpd-555>',
    sg_event_id: id,
    sg_message_id: `${ID}.filter0001.16648.5515E0B88.0`,
    mail_id: mailId,
    ...EVENTS[event]?.fields,
  };
}

function signed(content: unknown, at: number) {
  const timestamp = String(Math.floor(at / 1000));
  const body = JSON.stringify(content);
  const signature = sign('sha256', Buffer.from(timestamp + body), privateKey).toString('base64');
  return jsonRequest(body, {
    'x-twilio-email-event-webhook-timestamp': timestamp,
    'x-twilio-email-event-webhook-signature': signature,
  });
}
