import { createHash, createHmac } from 'node:crypto';
import { simpleParser } from 'mailparser';
import type { DeliveryState } from '../../../../src/core/delivery.ts';
import { type FakeProvider, jsonRequest, type ReportOf } from './fake-api.ts';

const KEY = 'signing-key-0123456789';
const ID = '20300603120000.1.0123456789ABCDEF@mg.acme.com';

const EVENTS: Readonly<Record<string, { state: DeliveryState; fields: Record<string, unknown> }>> = {
  accepted: { state: 'accepted', fields: { event: 'accepted' } },
  delivered: {
    state: 'delivered',
    fields: { event: 'delivered', 'delivery-status': { code: 250, message: 'OK' } },
  },
  temporary: {
    state: 'deferred',
    fields: {
      event: 'failed',
      severity: 'temporary',
      reason: 'generic',
      'delivery-status': { code: 452, message: '4.2.2 The mailbox is full', 'retry-seconds': 600 },
    },
  },
  permanent: {
    state: 'bounced_hard',
    fields: {
      event: 'failed',
      severity: 'permanent',
      reason: 'bounce',
      'delivery-status': { code: 550, message: '5.1.1 The email account does not exist' },
    },
  },
  'too old': {
    state: 'bounced_soft',
    fields: {
      event: 'failed',
      severity: 'permanent',
      reason: 'old',
      'delivery-status': { code: 602, message: 'Too old' },
    },
  },
  suppressed: {
    state: 'suppressed',
    fields: {
      event: 'failed',
      severity: 'permanent',
      reason: 'suppress-bounce',
      'delivery-status': { code: 605, message: 'Not delivering to previously bounced address' },
    },
  },
  complained: { state: 'complained', fields: { event: 'complained' } },
};

/** https://documentation.mailgun.com */
export const mailgun: FakeProvider = {
  kind: 'mailgun',
  hosts: ['api.eu.mailgun.net'],
  options: { domain: 'mg.acme.com', region: 'eu' },
  secrets: { api_key: 'key-0123456789abcdef', signing_key: KEY },
  accepts: { status: 200, body: { id: `<${ID}>`, message: 'Queued. Thank you.' } },
  acceptedId: ID,
  refusesRecipient: {
    status: 400,
    body: { message: "'to' parameter is not a valid address. please check documentation" },
  },
  refusesKey: { status: 401, body: 'Forbidden' },
  paths: {
    'GET /v3/domains/mg.acme.com': {
      status: 200,
      body: { domain: { name: 'mg.acme.com', state: 'active' } },
    },
    'GET /v3/domains/mg.acme.com/tracking': {
      status: 200,
      body: {
        tracking: { click: { active: false }, open: { active: false }, unsubscribe: { active: false } },
      },
    },
    'DELETE /v3/mg.acme.com/bounces/ana%40example.com': {
      status: 200,
      body: { message: 'Bounced address has been removed' },
    },
    'DELETE /v3/mg.acme.com/complaints/ana%40example.com': {
      status: 404,
      body: { message: 'Address not found' },
    },
    'DELETE /v3/mg.acme.com/unsubscribes/ana%40example.com': {
      status: 404,
      body: { message: 'Address not found' },
    },
  },
  sent: async ({ headers, body }) => {
    const form = await new Response(body, {
      headers: { 'content-type': String(headers['content-type']) },
    }).formData();
    const file = form.get('message');
    const mail = await simpleParser(file instanceof Blob ? await file.text() : '');
    const isOff = ['o:tracking', 'o:tracking-clicks', 'o:tracking-opens'].every(
      (name) => form.get(name) === 'no',
    );
    return {
      to: String(form.get('to')),
      from: mail.from?.text.replaceAll('"', '') ?? '',
      subject: mail.subject ?? '',
      text: mail.text ?? '',
      html: String(mail.html),
      mailId: String(form.get('v:mail_id')),
      isTracked: !isOff,
    };
  },
  events: Object.fromEntries(Object.entries(EVENTS).map(([name, { state }]) => [name, state])),
  report: (event, about) =>
    jsonRequest({ signature: signatureOf(about), 'event-data': contentOf(event, about) }),
  isDated: true,
  unsuppresses: ['bounces', 'complaints', 'unsubscribes'].map(
    (list) => `DELETE /v3/mg.acme.com/${list}/ana%40example.com`,
  ),
};

function signatureOf({ id, at }: ReportOf): unknown {
  const timestamp = String(Math.floor(at / 1000));
  const token = createHash('sha256').update(id).digest('hex').slice(0, 50);
  return {
    timestamp,
    token,
    signature: createHmac('sha256', KEY)
      .update(timestamp + token)
      .digest('hex'),
  };
}

function contentOf(event: string, { mailId, id, at }: ReportOf): unknown {
  return {
    ...EVENTS[event]?.fields,
    id,
    timestamp: at / 1000,
    recipient: 'ana@example.com',
    message: {
      headers: { to: 'ana@example.com', 'message-id': ID, from: 'sign-in@acme.com', subject: '482913' },
    },
    'user-variables': { mail_id: mailId },
  };
}
