import { createHmac } from 'node:crypto';
import { DELIVERY_STATES } from '../../../../src/core/delivery.ts';
import { type FakeProvider, jsonRequest } from './fake-api.ts';

const SECRET = 'a-secret-that-both-sides-know';

/** The owner's own endpoint. */
export const httpHook: FakeProvider = {
  kind: 'http',
  hosts: ['mail.acme.com'],
  options: { url: 'https://mail.acme.com/postern' },
  secrets: { signing_secret: SECRET },
  accepts: { status: 200, body: { id: 'ours-1' } },
  acceptedId: 'ours-1',
  refusesRecipient: { status: 422, body: { error: 'no such mailbox' } },
  refusesKey: { status: 401, body: '' },
  paths: {},
  sent: ({ headers, body }) => {
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
    const expected = `v1,${createHmac('sha256', SECRET).update(signed).digest('base64')}`;
    const mail = JSON.parse(body);
    return {
      to: mail.to,
      from: `${mail.from.name} <${mail.from.address}>`,
      subject: mail.subject,
      text: mail.text,
      html: mail.html,
      mailId: headers['webhook-signature'] === expected ? mail.id : 'not signed',
      isTracked: false,
    };
  },
  events: Object.fromEntries(DELIVERY_STATES.map((state) => [state, state])),
  report: (state, { mailId, id, at }) => {
    const body = JSON.stringify({
      type: 'mail.report',
      mail_id: mailId,
      state,
      detail: 'as told',
      at: new Date(at).toISOString(),
    });
    const timestamp = String(Math.floor(at / 1000));
    const signature = createHmac('sha256', SECRET).update(`${id}.${timestamp}.${body}`).digest('base64');
    return jsonRequest(body, {
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signature}`,
    });
  },
  isDated: true,
};
