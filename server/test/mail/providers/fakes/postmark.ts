import { type FakeProvider, jsonRequest, type ReportOf } from './fake-api.ts';

const ID = 'b7bc2f4a-e38e-4336-af7d-e6c392c2f817';
const PASSWORD = 'webhook-password-0123456789';

/** https://postmarkapp.com/developer */
export const postmark: FakeProvider = {
  kind: 'postmark',
  hosts: ['api.postmarkapp.com'],
  options: {},
  secrets: { token: 'server-token-0123456789', webhook_password: PASSWORD },
  accepts: {
    status: 200,
    body: {
      To: 'ana@example.com',
      SubmittedAt: '2030-06-03T12:00:00Z',
      MessageID: ID,
      ErrorCode: 0,
      Message: 'OK',
    },
  },
  acceptedId: ID,
  refusesRecipient: {
    status: 422,
    body: { ErrorCode: 300, Message: "Invalid 'To' address: 'ana@example.com'." },
  },
  refusesKey: {
    status: 401,
    body: {
      ErrorCode: 10,
      Message: 'The Server Token you provided in the X-Postmark-Server-Token header is invalid.',
    },
  },
  paths: {
    'GET /server': {
      status: 200,
      body: { ID: 1, Name: 'Production', TrackOpens: false, TrackLinks: 'None' },
    },
    'POST /message-streams/outbound/suppressions/delete': {
      status: 200,
      body: { Suppressions: [{ EmailAddress: 'ana@example.com', Status: 'Deleted', Message: null }] },
    },
  },
  sent: ({ body }) => {
    const mail = JSON.parse(body);
    return {
      to: mail.To,
      from: mail.From.replaceAll('"', ''),
      subject: mail.Subject,
      text: mail.TextBody,
      html: mail.HtmlBody,
      mailId: mail.Metadata.mail_id,
      isTracked: mail.TrackOpens !== false || mail.TrackLinks !== 'None',
    };
  },
  events: {
    Delivery: 'delivered',
    HardBounce: 'bounced_hard',
    BadEmailAddress: 'bounced_hard',
    SoftBounce: 'bounced_soft',
    Blocked: 'bounced_soft',
    Transient: 'deferred',
    ManuallyDeactivated: 'suppressed',
    SpamComplaint: 'complained',
    SubscriptionChange: 'suppressed',
  },
  report: (event, about) => jsonRequest(contentOf(event, about), { authorization: `Basic ${login}` }),
  isDated: false,
  unsuppresses: ['POST /message-streams/outbound/suppressions/delete'],
};

const login = Buffer.from(`postern:${PASSWORD}`).toString('base64');

function contentOf(event: string, { mailId, id, at }: ReportOf): unknown {
  const common = {
    MessageID: ID,
    Metadata: { mail_id: mailId },
    ServerID: 23,
    MessageStream: 'outbound',
    Tag: '',
  };
  const time = new Date(at).toISOString();
  const number = Number(id.replace(/\D/g, ''));
  if (event === 'Delivery')
    return {
      ...common,
      RecordType: event,
      Recipient: 'ana@example.com',
      DeliveredAt: `${time}${id}`,
      Details: '250 OK',
    };
  if (event === 'SubscriptionChange')
    return {
      ...common,
      RecordType: event,
      ChangedAt: `${time}${id}`,
      Recipient: 'ana@example.com',
      SuppressSending: true,
      SuppressionReason: 'HardBounce',
    };
  const bounce = {
    ...common,
    ID: number,
    Type: event,
    TypeCode: 1,
    Email: 'ana@example.com',
    BouncedAt: time,
  };
  return {
    ...bounce,
    RecordType: event === 'SpamComplaint' ? 'SpamComplaint' : 'Bounce',
    Description: 'The server was unable to deliver your message (ex: unknown user, mailbox not found).',
    Details: '550 5.1.1 <ana@example.com> unknown',
    Inactive: true,
    CanActivate: true,
  };
}
