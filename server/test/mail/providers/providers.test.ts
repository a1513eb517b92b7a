import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { HOUR, MINUTE } from '../../../src/core/units.ts';
import { parseSender } from '../../../src/mail/message.ts';
import { providerKinds } from '../../../src/mail/providers/kinds.ts';
import type { Provider, WebhookRequest } from '../../../src/mail/providers/provider.ts';
import { as, outgoing } from '../../support/mails.ts';
import { fakeProviders } from './fakes/all.ts';
import { FakeApi, type FakeProvider, type Reply, type ReportOf } from './fakes/fake-api.ts';

const NOW = Date.UTC(2030, 5, 3, 12);
const MAIL_ID = 'msg_1906718400000000001';

const api = new FakeApi();
before(() => api.listen());
after(() => api.close());
afterEach(() => api.clear());

function open(fake: FakeProvider): Provider {
  const kind = providerKinds[fake.kind];
  assert.ok(kind);
  const sender = parseSender('Acme <sign-in@acme.com>');
  const clock = { now: () => NOW };
  return kind.open(fake.options, fake.secrets, {
    id: 'prv_1',
    sender,
    outbound: api.outbound,
    clock,
    local: false,
  });
}

const mail = outgoing('ana@example.com', {
  messageId: MAIL_ID,
  subject: '482913 ist Ihr Code für Acme',
  text: 'Ihr Code: 482913\n',
  html: '<p>Ihr Code: 482913 <a href="https://id.acme.com/l/q8Zk3vX0b2NfT7yLr1CwAg">Anmelden</a></p>',
  facts: { code: '482913', link: 'https://id.acme.com/l/q8Zk3vX0b2NfT7yLr1CwAg' },
});

for (const fake of fakeProviders) {
  describe(`A mail for ${fake.kind}`, () => {
    const provider = open(fake);
    const sendTo = async (...answers: FakeApi['answers']) => {
      api.answers = answers;
      return provider.send(mail);
    };

    it('arrives whole, named by us, without tracking, over TLS at the host of the provider', async () => {
      const handover = await sendTo(fake.accepts);
      assert.deepEqual(handover, { outcome: 'accepted', providerMessageId: fake.acceptedId });
      const [request, ...more] = api.seen;
      assert.ok(request);
      assert.deepEqual(more, []);
      assert.ok(fake.hosts.includes(request.host), request.host);
      const sent = await fake.sent(request);
      assert.equal(sent.html.trim(), mail.html);
      assert.equal(sent.text.trim(), mail.text.trim());
      assert.deepEqual(
        {
          to: sent.to,
          from: sent.from,
          subject: sent.subject,
          mailId: sent.mailId,
          isTracked: sent.isTracked,
        },
        {
          to: 'ana@example.com',
          from: 'Acme <sign-in@acme.com>',
          subject: mail.subject,
          mailId: MAIL_ID,
          isTracked: false,
        },
      );
    });

    const classes: [string, Reply, string][] = [
      ['refused for good, where it is about the recipient', fake.refusesRecipient, 'refused'],
      ['not sent, where the key is not good', fake.refusesKey, 'unsent'],
      ['not sent, where there are too many', { status: 429, body: { message: 'slow down' } }, 'unsent'],
      ['not sent, where the provider is broken', { status: 500, body: 'oops' }, 'unsent'],
      ['not sent, where the provider is being mended', { status: 503, body: '' }, 'unsent'],
      [
        'not sent, where the answer is a redirect',
        { status: 307, headers: { location: '/elsewhere' } },
        'unsent',
      ],
      ['unclear, where a gateway has waited in vain', { status: 504, body: '' }, 'unclear'],
    ];
    for (const [what, answer, outcome] of classes)
      it(`is ${what}`, async () => {
        const handover = await sendTo(answer);
        assert.equal(handover.outcome, outcome);
        assert.doesNotMatch(JSON.stringify(handover), /@|482913|q8Zk3v/);
      });

    it('is unclear where the connection ends after the request', async () => {
      assert.equal((await sendTo('hang up after the request')).outcome, 'unclear');
    });

    it('is accepted where only the words of the answer are lost', async () => {
      assert.equal((await sendTo('answer half')).outcome, 'accepted');
    });

    it('never leaves for an address that is not canonical', async () => {
      for (const to of ['ana@example.com,eve@evil.com', 'Ana <ana@example.com>', 'ana@exa\r\nmple.com', '']) {
        const handover = await provider.send({ ...mail, to: as(to) });
        assert.equal(handover.outcome, 'refused', to);
      }
      assert.deepEqual(api.seen, []);
    });
  });

  describe(`A report of ${fake.kind}`, () => {
    const provider = open(fake);
    const about: ReportOf = { mailId: MAIL_ID, id: '7001', at: NOW };
    const parse = (request: WebhookRequest) => {
      api.paths = fake.paths;
      assert.ok(provider.parseWebhook);
      return provider.parseWebhook(request);
    };

    for (const [event, state] of Object.entries(fake.events))
      it(`${event} means ${state}`, async () => {
        const reports = await parse(fake.report(event, about));
        assert.ok(typeof reports !== 'string', `${reports}`);
        const [report, ...more] = reports;
        assert.deepEqual(more, []);
        assert.deepEqual([report?.state, report?.mailId], [state, MAIL_ID]);
        assert.ok(report && Math.abs(report.at - NOW) < MINUTE && report.id.length > 3);
      });

    it('is refused where anything of its proof is missing or different', async () => {
      const [event = ''] = Object.keys(fake.events);
      const forgeries = forgeriesOf(fake.report(event, about), fake);
      assert.ok(forgeries.length > 3);
      for (const forgery of forgeries) assert.equal(await parse(forgery), 'forged', shown(forgery));
    });

    it('is refused where it is signed with the key of another', async () => {
      const kind = providerKinds[fake.kind];
      assert.ok(kind);
      const [event = ''] = Object.keys(fake.events);
      const unproved = { ...fake, secrets: otherSecrets(fake), options: otherOptions(fake) };
      const { parseWebhook } = open(unproved);
      api.paths = fake.paths;
      assert.equal(await parseWebhook?.(fake.report(event, about)), 'forged');
    });

    if (fake.isDated)
      it('is refused where it was signed too long ago, or will be', async () => {
        const [event = ''] = Object.keys(fake.events);
        const window = fake.kind === 'ses' ? HOUR : 5 * MINUTE;
        for (const at of [NOW - window - MINUTE, NOW + window + MINUTE])
          assert.equal(await parse(fake.report(event, { ...about, at })), 'stale');
        assert.ok(Array.isArray(await parse(fake.report(event, { ...about, at: NOW - window + MINUTE }))));
      });

    it('that means nothing is none', async () => {
      const [event = ''] = Object.keys(fake.events);
      const none = await parse(fake.report('no such event', about));
      assert.ok(Array.isArray(none));
      assert.notEqual(none[0]?.state, fake.events[event]);
    });
  });

  describe(`What ${fake.kind} can be asked`, () => {
    const provider = open(fake);

    it('is well with good credentials', async () => {
      api.paths = fake.paths;
      api.answers = [{ status: 200 }];
      const findings = await provider.check();
      assert.ok(findings.length > 0);
      assert.deepEqual(
        findings.filter(({ status }) => status !== 'ok'),
        [],
      );
    });

    it('says what to do about bad ones', async () => {
      api.answers = [fake.refusesKey];
      const [credentials] = await provider.check();
      assert.equal(credentials?.status, 'fail');
      assert.ok(credentials.fix);
      assert.doesNotMatch(
        JSON.stringify(await provider.check()),
        new RegExp(Object.values(fake.secrets).join('|')),
      );
    });

    if (fake.unsuppresses)
      it('takes an address off its lists', async () => {
        api.paths = fake.paths;
        assert.equal(await provider.unsuppress?.(as('ana@example.com')), 'lifted');
        assert.deepEqual(
          api.seen.map(({ method, path }) => `${method} ${path}`),
          fake.unsuppresses,
        );
        api.paths = {};
        api.answers = [fake.refusesKey];
        assert.notEqual(await provider.unsuppress?.(as('ana@example.com')), 'lifted');
      });
  });
}

/** Each with one thing wrong; what no proof covers stays as it is. */
function forgeriesOf(request: WebhookRequest, { kind }: FakeProvider): WebhookRequest[] {
  const headers = Object.keys(request.headers).filter((name) => name !== 'content-type');
  const changed = headers.flatMap((name) => [
    { ...request, headers: { ...request.headers, [name]: undefined } },
    { ...request, headers: { ...request.headers, [name]: '' } },
    { ...request, headers: { ...request.headers, [name]: `${request.headers[name]}x` } },
    { ...request, headers: { ...request.headers, [name]: `1${request.headers[name]}` } },
  ]);
  const text = request.body.toString('utf8');
  const bodies = [
    ...(kind === 'postmark' ? [] : ['', '{}', '[]', 'null', '{"signature":{}}']),
    ...(kind === 'postmark' || kind === 'mailgun' ? [] : [text.replace(MAIL_ID, 'msg_1906718400000000002')]),
    ...(kind === 'mailgun'
      ? [text.replace(/"token":"./, '"token":"z'), text.replace(/"timestamp":"1/, '"timestamp":"2')]
      : []),
    ...(kind === 'ses'
      ? [
          text.replace(
            '"TopicArn":"arn:aws:sns:eu-central-1:123456789012:mail',
            '"TopicArn":"arn:aws:sns:eu-central-1:6:mail',
          ),
          text.replace('"SignatureVersion":"2"', '"SignatureVersion":"1"'),
          text.replace('"SignatureVersion":"2"', '"SignatureVersion":"3"'),
          ...hosts.map((host) => text.replace('sns.eu-central-1.amazonaws.com', host)),
        ]
      : []),
  ];
  return [...changed, ...bodies.map((body) => ({ ...request, body: Buffer.from(body) }))];
}

/** Where a certificate may not come from. */
const hosts = [
  'sns.eu-central-1.amazonaws.com.evil.com',
  'evil.com/sns.eu-central-1.amazonaws.com',
  'sns.eu-central-1.amazonaws.com@evil.com',
  'sns.eu-central-1.amazonaws.com:8443',
  's3.eu-central-1.amazonaws.com',
  'evilsns.eu-central-1.amazonaws.com',
  '127.0.0.1',
];

function otherSecrets({ secrets }: FakeProvider): Record<string, string> {
  return Object.fromEntries(Object.keys(secrets).map((name) => [name, 'another-secret-0123456789']));
}

function otherOptions({ kind, options }: FakeProvider): Record<string, string> {
  const { verification_key: _key, topic_arn: _topic, ...others } = options;
  return kind === 'ses' ? { ...others, topic_arn: 'arn:aws:sns:eu-central-1:6:mail' } : others;
}

function shown({ headers, body }: WebhookRequest): string {
  return JSON.stringify({ headers, body: body.toString('utf8').slice(0, 300) });
}
