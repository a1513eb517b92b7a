import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { after, afterEach, before, describe, it } from 'node:test';
import { parseSender } from '../../../src/mail/message.ts';
import { providerKinds } from '../../../src/mail/providers/kinds.ts';
import { signAws } from '../../../src/mail/providers/sigv4.ts';
import { outgoing } from '../../support/mails.ts';
import { startSmtpSink } from '../../support/smtp-sink.ts';
import { FakeApi, type FakeProvider, jsonRequest } from './fakes/fake-api.ts';
import { httpHook } from './fakes/http-hook.ts';
import { postmark } from './fakes/postmark.ts';
import { resend } from './fakes/resend.ts';
import { notice, ses } from './fakes/ses.ts';

const NOW = Date.UTC(2030, 5, 3, 12);
const api = new FakeApi();
before(() => api.listen());
after(() => api.close());
afterEach(() => api.clear());

const parts = {
  id: 'prv_1',
  sender: parseSender('Acme <sign-in@acme.com>'),
  outbound: api.outbound,
  clock: { now: () => NOW },
  local: false,
} as const;

function open(
  { kind, options, secrets }: Pick<FakeProvider, 'kind' | 'options' | 'secrets'>,
  more: object = {},
) {
  const known = providerKinds[kind];
  assert.ok(known);
  return known.open(options, secrets, { ...parts, ...more });
}

describe('Amazon SES', () => {
  const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };

  it('is asked with a signature that changes with everything it covers', () => {
    const request = {
      url: new URL(
        'https://email.eu-central-1.amazonaws.com/v2/email/suppression/addresses/a%40b.com?x=1&a=2',
      ),
      method: 'DELETE',
      body: '',
      region: 'eu-central-1',
      service: 'ses',
    };
    const { authorization = '' } = signAws(keys, request, NOW);
    assert.match(
      authorization,
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/20300603\/eu-central-1\/ses\/aws4_request, SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date, Signature=[0-9a-f]{64}$/,
    );
    const others = [
      signAws(keys, { ...request, body: ' ' }, NOW),
      signAws(keys, { ...request, method: 'GET' }, NOW),
      signAws(keys, { ...request, region: 'us-east-1' }, NOW),
      signAws(keys, { ...request, url: new URL('/v2', request.url) }, NOW),
      signAws({ ...keys, secretAccessKey: 'other' }, request, NOW),
      signAws(keys, request, NOW + 1000),
    ];
    assert.equal(new Set([authorization, ...others.map((one) => one.authorization)]).size, 7);
  });

  it('signs as the derivation of the key in its documentation says', () => {
    const sign = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
    const derived = sign(
      sign(sign(sign('AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', '20150830'), 'us-east-1'), 'iam'),
      'aws4_request',
    );
    assert.equal(derived.toString('hex'), 'c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9');
    const at = Date.UTC(2015, 7, 30, 12, 36);
    const url = new URL('https://iam.amazonaws.com/?Version=2010-05-08&Action=ListUsers');
    const request = { url, method: 'GET', body: '', region: 'us-east-1', service: 'iam' };
    const headers = signAws(keys, request, at);
    const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
    const canonical = `GET\n/\nAction=ListUsers&Version=2010-05-08\ncontent-type:application/json\nhost:iam.amazonaws.com\nx-amz-content-sha256:${empty}\nx-amz-date:20150830T123600Z\n\ncontent-type;host;x-amz-content-sha256;x-amz-date\n${empty}`;
    const hash = createHash('sha256').update(canonical).digest('hex');
    const text = `AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/iam/aws4_request\n${hash}`;
    assert.ok(headers.authorization?.endsWith(`Signature=${sign(derived, text).toString('hex')}`));
  });

  it('has its subscription confirmed by us, at Amazon only', async () => {
    const { parseWebhook } = open(ses);
    api.paths = ses.paths;
    const confirmation = (SubscribeURL: string) =>
      notice(
        { Type: 'SubscriptionConfirmation', Message: 'Confirm', Token: '2336412f37', SubscribeURL },
        { id: '9', at: NOW },
      );
    const good = 'https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=2336412f37';
    assert.deepEqual(await parseWebhook?.(confirmation(good)), []);
    assert.equal(api.seen.at(-1)?.path, '/?Action=ConfirmSubscription&Token=2336412f37');
    api.seen.length = 0;
    for (const bad of ['http://169.254.169.254/', 'https://evil.com/', good.replace('https', 'http')])
      assert.deepEqual(await parseWebhook?.(confirmation(bad)), [], bad);
    assert.deepEqual(api.seen, []);
  });

  it('is believed with the older signature too, and asked for a certificate once', async () => {
    const { parseWebhook } = open(ses);
    api.paths = ses.paths;
    for (const SignatureVersion of ['1', '2', '1']) {
      const message = JSON.stringify({ eventType: 'Send', mail: { messageId: 'x' } });
      const told = notice(
        { Type: 'Notification', Message: message, Subject: 'Hi', SignatureVersion },
        { id: '9', at: NOW },
      );
      assert.equal((await parseWebhook?.(told))?.length, 1);
    }
    assert.equal(api.seen.length, 1);
  });

  it('takes no report where no topic is named: anybody has a topic that Amazon signs', async () => {
    const { topic_arn: _topic, ...options } = ses.options;
    const { parseWebhook } = open({ ...ses, options });
    api.paths = ses.paths;
    assert.equal(await parseWebhook?.(ses.report('Bounce', { mailId: 'msg_1', id: '1', at: NOW })), 'forged');
  });
});

describe('Resend', () => {
  it('is asked once more where an answer is lost, and knows that it is the same mail', async () => {
    api.answers = ['hang up after the request', resend.accepts];
    assert.equal((await open(resend).send(outgoing('ana@example.com'))).outcome, 'accepted');
    const [first, second] = api.seen.map(({ headers, body }) => [headers['idempotency-key'], body]);
    assert.deepEqual(first, second);
    assert.ok(String(first?.[0]).length <= 256);
  });

  it('gets a new key with a new code', async () => {
    api.answers = [resend.accepts];
    const mail = outgoing('ana@example.com');
    await open(resend).send(mail);
    await open(resend).send({ ...mail, text: 'Another code' });
    assert.notEqual(api.seen[0]?.headers['idempotency-key'], api.seen[1]?.headers['idempotency-key']);
  });

  it('is unclear where both answers are lost', async () => {
    api.answers = ['hang up after the request', { status: 503 }];
    assert.equal((await open(resend).send(outgoing('ana@example.com'))).outcome, 'unclear');
  });

  it('is told apart by its tracking, which no mail can switch off', async () => {
    const { status, body } = resend.paths['GET /domains/d91cd9bd'] ?? { status: 0, body: {} };
    api.paths = {
      ...resend.paths,
      'GET /domains/d91cd9bd': { status, body: { ...Object(body), click_tracking: true } },
    };
    const tracking = (await open(resend).check()).find(({ id }) => id === 'mail.tracking');
    assert.equal(tracking?.status, 'fail');
  });
});

describe('Postmark', () => {
  it('says that it never sends to an address', async () => {
    api.answers = [
      {
        status: 422,
        body: {
          ErrorCode: 406,
          Message: 'You tried to send to a recipient that has been marked as inactive.',
        },
      },
    ];
    const handover = await open(postmark).send(outgoing('ana@example.com'));
    assert.deepEqual([handover.outcome, 'suppressed' in handover && handover.suppressed], ['refused', true]);
  });

  it('reports nothing that means nothing', async () => {
    const { headers } = postmark.report('Delivery', { mailId: 'msg_1', id: '1', at: NOW });
    const login = { authorization: headers.authorization ?? '' };
    for (const content of [
      '',
      '[]',
      '{"RecordType":"Open","MessageID":"x"}',
      '{"RecordType":"Bounce","Type":"AutoResponder","MessageID":"x"}',
    ])
      assert.deepEqual(await open(postmark).parseWebhook?.(jsonRequest(content, login)), []);
  });
});

describe('An endpoint of the owner', () => {
  it('is on https, and on http only on this machine in development', async () => {
    const form = httpHook.secrets;
    const at = (url: string, local: boolean) =>
      open({ kind: 'http', options: { url }, secrets: form }, { local });
    api.answers = [httpHook.accepts];
    assert.equal((await at('http://localhost:9/x', false).send(outgoing('a@example.com'))).outcome, 'unsent');
    assert.equal(
      (await at('http://localhost:9/x', true).send(outgoing('a@example.com'))).outcome,
      'accepted',
    );
    for (const url of [
      'http://mail.acme.com/',
      'https://user:pass@mail.acme.com/',
      'file:///etc/passwd',
      'gopher://x/',
      'https://169.254.169.254/latest',
      'x',
    ])
      assert.throws(() => at(url, true), url);
  });
});

describe('A mail server', () => {
  it('is checked by a login, and gets the header that keeps tracking away', async () => {
    const sink = await startSmtpSink({
      onAuth: ({ username, password }, _session, done) =>
        done(username === 'u' && password === 'p@ss' ? null : new Error('no'), { user: 'u' }),
    });
    try {
      const at = { preset: 'postmark', host: '127.0.0.1', port: String(sink.port), tls: 'off', user: 'u' };
      const good = open({ kind: 'smtp', options: at, secrets: { password: 'p@ss' } });
      assert.deepEqual(
        (await good.check()).map(({ status }) => status),
        ['ok'],
      );
      assert.equal((await good.send(outgoing('ana@example.com'))).outcome, 'accepted');
      assert.match(sink.mails[0]?.raw ?? '', /^X-PM-TrackLinks: None\r$/m);
      await good.close?.();
      const bad = open({ kind: 'smtp', options: at, secrets: { password: 'wrong' } });
      const [finding] = await bad.check();
      assert.equal(finding?.status, 'fail');
      assert.doesNotMatch(JSON.stringify(finding), /wrong/);
    } finally {
      await sink.close();
    }
  });
});
