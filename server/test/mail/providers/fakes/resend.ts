import { createHmac } from 'node:crypto';
import type { DeliveryState } from '../../../../src/core/delivery.ts';
import { type FakeProvider, jsonRequest, type ReportOf } from './fake-api.ts';

const KEY = Buffer.from('a-signing-secret-of-thirty-two-b');
const ID = '49a3999c-0ce1-4ea6-ab68-afcd6dc2e794';
const DOMAIN = {
  id: 'd91cd9bd',
  name: 'acme.com',
  status: 'verified',
  open_tracking: false,
  click_tracking: false,
};

const EVENTS: Readonly<Record<string, { state: DeliveryState; type: string; data?: unknown }>> = {
  sent: { state: 'accepted', type: 'email.sent' },
  delivered: { state: 'delivered', type: 'email.delivered' },
  delayed: { state: 'deferred', type: 'email.delivery_delayed' },
  bounced: {
    state: 'bounced_hard',
    type: 'email.bounced',
    data: { bounce: { type: 'Permanent', subType: 'General', message: 'The mailbox does not exist.' } },
  },
  'bounced for now': {
    state: 'bounced_soft',
    type: 'email.bounced',
    data: { bounce: { type: 'Transient', subType: 'MailboxFull', message: 'The mailbox is full.' } },
  },
  suppressed: {
    state: 'suppressed',
    type: 'email.bounced',
    data: { bounce: { type: 'Permanent', subType: 'Suppressed', message: 'On the suppression list.' } },
  },
  complained: { state: 'complained', type: 'email.complained' },
  failed: { state: 'failed', type: 'email.failed', data: { failed: { reason: 'reached_daily_quota' } } },
};

/** https://resend.com/docs */
export const resend: FakeProvider = {
  kind: 'resend',
  hosts: ['api.resend.com'],
  options: {},
  secrets: { api_key: 're_0123456789abcdef', webhook_secret: `whsec_${KEY.toString('base64')}` },
  accepts: { status: 200, body: { id: ID } },
  acceptedId: ID,
  refusesRecipient: {
    status: 422,
    body: {
      statusCode: 422,
      name: 'validation_error',
      message: 'Invalid `to` field. The email address needs to follow…',
    },
  },
  refusesKey: {
    status: 403,
    body: { statusCode: 403, name: 'invalid_api_key', message: 'API key is invalid' },
  },
  paths: {
    'GET /domains': { status: 200, body: { data: [DOMAIN] } },
    'GET /domains/d91cd9bd': { status: 200, body: { object: 'domain', ...DOMAIN } },
  },
  sent: ({ body }) => {
    const mail = JSON.parse(body);
    return {
      to: mail.to[0],
      from: mail.from.replaceAll('"', ''),
      subject: mail.subject,
      text: mail.text,
      html: mail.html,
      mailId: mail.tags[0].value,
      isTracked: false, // a domain's own choice, which check() looks at
    };
  },
  events: Object.fromEntries(Object.entries(EVENTS).map(([name, { state }]) => [name, state])),
  report: (event, about) => {
    const body = JSON.stringify(contentOf(event, about));
    const timestamp = String(Math.floor(about.at / 1000));
    const signature = createHmac('sha256', KEY).update(`${about.id}.${timestamp}.${body}`).digest('base64');
    return jsonRequest(body, {
      'svix-id': about.id,
      'svix-timestamp': timestamp,
      'svix-signature': `v1,${signature}`,
    });
  },
  isDated: true,
};

function contentOf(event: string, { mailId, at }: ReportOf): unknown {
  const created_at = new Date(at).toISOString();
  const known = EVENTS[event];
  const about = {
    email_id: ID,
    created_at,
    from: 'sign-in@acme.com',
    to: ['ana@example.com'],
    tags: { mail_id: mailId },
  };
  return { type: known?.type, created_at, data: { ...about, ...(known?.data ?? {}) } };
}
