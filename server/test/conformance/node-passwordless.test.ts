import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import {
  ScalekitBadRequestException as BadRequest,
  ScalekitNotFoundException as NotFound,
  type ScalekitClient,
  type ScalekitServerException,
  ScalekitTooManyRequestsException as TooManyRequests,
} from '@scalekit-sdk/node';
import { newAddress } from '../support/app-client.ts';
import { createFakeClock } from '../support/clock.ts';
import { createMailbox } from '../support/mailbox.ts';
import { failureOf, newSdk, pathsDuring, startWorld } from './world.ts';

const SECOND = 1000;
const DAY = 86_400 * SECOND;
const LINK = 'http://localhost:9/verify?from=app';
/** As the SDK sends it: enums are numbers there. */
const [OTP, LINK_OTP, SIGNUP] = [1, 3, 2];

const clock = createFakeClock();
const mailbox = createMailbox();
const server = await startWorld({ clock, transport: mailbox.transport });
const { settings } = server.rooms;
const { passwordless } = newSdk(server);
after(async () => {
  await server.stop();
  clock.release();
});

interface Sent {
  readonly email: string;
  readonly id: string;
  readonly code: string;
  readonly linkToken: string;
}

type Options = Parameters<ScalekitClient['passwordless']['sendPasswordlessEmail']>[1];

async function send(options: Options = {}): Promise<Sent> {
  const email = newAddress();
  const { authRequestId } = await passwordless.sendPasswordlessEmail(email, {
    magiclinkAuthUri: LINK,
    ...options,
  });
  return { email, id: authRequestId, ...(await lastMail(email)) };
}

async function lastMail(email: string): Promise<{ code: string; linkToken: string; link: URL }> {
  await server.mailIdle();
  const { facts = {} } = mailbox.to(email).at(-1) ?? {};
  const link = new URL(facts.link ?? 'none:');
  return { code: facts.code ?? '', linkToken: link.searchParams.get('link_token') ?? '', link };
}

/** That the SDK throws its exception of one kind, with our code and words, after one RPC. */
async function refusedOnce(
  work: () => Promise<unknown>,
  want: { kind: abstract new (...given: never[]) => Error; status: number; code: string; words: RegExp },
): Promise<ScalekitServerException> {
  let failure: Error | undefined;
  const paths = await pathsDuring(async () => {
    failure = await failureOf(work());
  });
  assert.ok(failure instanceof want.kind, `${failure}`);
  const told = failure as ScalekitServerException;
  assert.deepEqual([told.httpStatus, told.errorCode], [want.status, want.code]);
  assert.match(told.message, want.words);
  assert.equal(paths.length, 1, `${paths}`);
  return told;
}

const failedVerification = {
  kind: BadRequest,
  status: 400,
  code: 'VERIFICATION_FAILED',
  words: /^\[invalid_argument\] .*verification failed/,
} as const;

describe('sendPasswordlessEmail', () => {
  it('B1: is two calls and one token for a process that has just started', async () => {
    const fresh = newSdk(server).passwordless;
    let sent: Awaited<ReturnType<typeof fresh.sendPasswordlessEmail>> | undefined;
    const paths = await pathsDuring(async () => {
      sent = await fresh.sendPasswordlessEmail(newAddress(), { magiclinkAuthUri: LINK });
    });
    assert.deepEqual(paths, ['SendPasswordlessEmail', 'token', 'SendPasswordlessEmail']);
    assert.equal(typeof sent?.authRequestId, 'string');
    assert.equal(typeof sent?.expiresAt, 'bigint');
    assert.equal(Number(sent?.expiresAt), Math.floor((clock.now() + 600 * SECOND) / SECOND));
    assert.equal(sent?.expiresIn, 600);
    assert.equal(sent?.passwordlessType, LINK_OTP);
    assert.throws(() => JSON.stringify(sent), /BigInt/);
  });

  it('takes the expiry that the app asks for, up to an hour', async () => {
    const options = { magiclinkAuthUri: LINK, expiresIn: 3600 };
    assert.equal((await passwordless.sendPasswordlessEmail(newAddress(), options)).expiresIn, 3600);
    await refusedOnce(() => passwordless.sendPasswordlessEmail(newAddress(), { ...options, expiresIn: 59 }), {
      kind: BadRequest,
      status: 400,
      code: 'VALIDATION_FAILED',
      words: /expires_in/,
    });
  });

  it("mails the app's own page, its query kept, with the token of the link", async () => {
    const { email } = await send();
    const { link } = await lastMail(email);
    assert.equal(`${link.origin}${link.pathname}`, 'http://localhost:9/verify');
    assert.equal(link.searchParams.get('from'), 'app');
    assert.ok(link.searchParams.get('link_token'));
  });

  it('B2: tells too many mails to one address as 429, without another try', async () => {
    const email = newAddress();
    await settings.set('limits.mails_per_address_minute', 2);
    const sendIt = () => passwordless.sendPasswordlessEmail(email, { magiclinkAuthUri: LINK });
    await sendIt();
    await sendIt();
    await refusedOnce(sendIt, {
      kind: TooManyRequests,
      status: 429,
      code: 'TOO_MANY_ATTEMPTS',
      words: /^\[resource_exhausted\] .*too many/,
    });
    await settings.set('limits.mails_per_address_minute', 10);
  });

  it('B3: names the field that is wrong', async () => {
    const failure = await refusedOnce(
      () => passwordless.sendPasswordlessEmail('nobody', { magiclinkAuthUri: LINK }),
      { kind: BadRequest, status: 400, code: 'INVALID_EMAIL', words: /^\[invalid_argument\] .*invalid/ },
    );
    const [detail] = failure.unpackedDetails;
    assert.equal(detail?.validationErrorInfo?.fieldViolations[0]?.field, 'email');
  });

  it('needs magiclink_auth_uri where mails have links, and only there', async () => {
    await refusedOnce(() => passwordless.sendPasswordlessEmail(newAddress()), {
      kind: BadRequest,
      status: 400,
      code: 'MAGICLINK_AUTH_URI_REQUIRED',
      words: /magiclink_auth_uri is required/,
    });
    await settings.set('passwordless.method', 'otp');
    assert.equal((await passwordless.sendPasswordlessEmail(newAddress())).passwordlessType, OTP);
    await settings.set('passwordless.method', 'link_otp');
  });

  it('sends no link to a place that is not the app', async () => {
    await refusedOnce(() => send({ magiclinkAuthUri: 'https://evil.example/verify' }), {
      kind: BadRequest,
      status: 400,
      code: 'MAGICLINK_AUTH_URI_NOT_ALLOWED',
      words: /magiclink_auth_uri/,
    });
  });
});

describe('verifyPasswordlessEmail', () => {
  it('gives address, state and template for a code, and the same again when asked again', async () => {
    const { email, id, code } = await send({
      state: 's 1',
      template: SIGNUP,
      templateVariables: { a1: 'b' },
    });
    const first = await passwordless.verifyPasswordlessEmail({ code }, id);
    assert.deepEqual([first.email, first.state, first.template], [email, 's 1', SIGNUP]);
    assert.equal(first.passwordlessType, LINK_OTP);
    assert.deepEqual(await passwordless.verifyPasswordlessEmail({ code }, id), first);
  });

  it('takes the token of a link alone, twice, and only with its request where the browser must be the same', async () => {
    const { email, linkToken } = await send();
    for (let time = 0; time < 2; time += 1)
      assert.equal((await passwordless.verifyPasswordlessEmail({ linkToken })).email, email);
    await settings.set('passwordless.enforce_same_browser', true);
    const bound = await send();
    await refusedOnce(() => passwordless.verifyPasswordlessEmail({ linkToken: bound.linkToken }), {
      kind: BadRequest,
      status: 400,
      code: 'AUTH_REQUEST_ID_REQUIRED',
      words: /auth_request_id is required/,
    });
    const { linkToken: token, id } = bound;
    assert.equal((await passwordless.verifyPasswordlessEmail({ linkToken: token }, id)).email, bound.email);
    await settings.set('passwordless.enforce_same_browser', false);
  });

  it('needs the request of a code', async () => {
    const { code } = await send();
    await refusedOnce(() => passwordless.verifyPasswordlessEmail({ code }), {
      kind: BadRequest,
      status: 400,
      code: 'AUTH_REQUEST_ID_REQUIRED',
      words: /auth_request_id is required/,
    });
  });

  it('refuses a wrong code with one call, and after five different ones every code', async () => {
    const { id, code } = await send();
    for (let guess = 0; guess < 5; guess += 1) {
      const tried = String((Number(code) + guess + 1) % 1_000_000).padStart(6, '0');
      await refusedOnce(() => passwordless.verifyPasswordlessEmail({ code: tried }, id), failedVerification);
    }
    await refusedOnce(() => passwordless.verifyPasswordlessEmail({ code }, id), {
      kind: TooManyRequests,
      status: 429,
      code: 'TOO_MANY_ATTEMPTS',
      words: /too many attempts/,
    });
  });

  it('refuses a link that nobody was sent', async () => {
    const work = () =>
      passwordless.verifyPasswordlessEmail({ linkToken: 'a4143d8f-d13d-415c-8f5a-5a5c846ed91e' });
    await refusedOnce(work, failedVerification);
  });

  it('B4: knows no request that was never made', async () => {
    const { code } = await send();
    await refusedOnce(() => passwordless.verifyPasswordlessEmail({ code }, 'req_1'), {
      kind: NotFound,
      status: 404,
      code: 'AUTH_REQUEST_NOT_FOUND',
      words: /^\[not_found\] .*not found/,
    });
  });

  it('says that the time is over, for codes and links', async () => {
    const { id, code, linkToken } = await send({ expiresIn: 60 });
    clock.advance(60 * SECOND);
    for (const credential of [{ code }, { linkToken }])
      await refusedOnce(() => passwordless.verifyPasswordlessEmail(credential, id), {
        kind: BadRequest,
        status: 400,
        code: 'AUTH_REQUEST_EXPIRED',
        words: /^\[failed_precondition\] .*auth request expired/,
      });
  });
});

describe('resendPasswordlessEmail', () => {
  it('keeps the id, gives a new expiry, and leaves earlier codes good', async () => {
    const { email, id, code } = await send({ expiresIn: 120 });
    clock.advance(60 * SECOND);
    const again = await passwordless.resendPasswordlessEmail(id);
    assert.deepEqual([again.authRequestId, again.expiresIn], [id, 120]);
    assert.equal(Number(again.expiresAt), Math.floor(clock.now() / SECOND) + 120);
    await lastMail(email);
    assert.equal(mailbox.to(email).length, 2);
    assert.equal((await passwordless.verifyPasswordlessEmail({ code }, id)).email, email);
  });

  it('makes earlier codes void where the owner wants it', async () => {
    await settings.set('passwordless.regenerate_on_resend', true);
    const { email, id, code } = await send();
    await passwordless.resendPasswordlessEmail(id);
    const newer = await lastMail(email);
    if (newer.code !== code)
      await refusedOnce(() => passwordless.verifyPasswordlessEmail({ code }, id), failedVerification);
    assert.equal((await passwordless.verifyPasswordlessEmail({ code: newer.code }, id)).email, email);
    await settings.set('passwordless.regenerate_on_resend', false);
  });

  it('knows no request that was never made', async () => {
    const failure = await failureOf(passwordless.resendPasswordlessEmail('req_1'));
    assert.ok(failure instanceof NotFound);
  });
});

describe("the client's own token", () => {
  it('B5: is renewed in silence when it has expired', async () => {
    const scalekit = newSdk(server);
    await scalekit.passwordless.sendPasswordlessEmail(newAddress(), { magiclinkAuthUri: LINK });
    clock.advance(DAY + SECOND);
    const { id, code, email } = await send();
    let proved = '';
    const paths = await pathsDuring(async () => {
      proved = (await scalekit.passwordless.verifyPasswordlessEmail({ code }, id)).email;
    });
    assert.deepEqual(paths, ['VerifyPasswordlessEmail', 'token', 'VerifyPasswordlessEmail']);
    assert.equal(proved, email);
  });

  it('B5: is refused with 401 for a wrong secret, as the HTTP client tells it', async () => {
    const stranger = newSdk(server, 'test_wrong').passwordless;
    const failure = await failureOf(stranger.sendPasswordlessEmail(newAddress(), { magiclinkAuthUri: LINK }));
    assert.equal(failure.name, 'AxiosError');
    assert.equal((failure as Error & { response?: { status: number } }).response?.status, 401);
  });

  it('B14: is asked for below an environment URL with a slash at its end too', async () => {
    const slashed = newSdk({ ...server, url: `${server.url}/` }).passwordless;
    assert.ok(await slashed.sendPasswordlessEmail(newAddress(), { magiclinkAuthUri: LINK }));
  });

  it("does not let one app verify another app's request", async () => {
    const made = await server.rooms.clients.create({ name: 'Other', redirectUris: [server.app.redirectUri] });
    const other = newSdk({
      ...server,
      app: { ...server.app, id: made.client.id, secret: made.clientSecret ?? '' },
    });
    const { id, code } = await send();
    const failure = await failureOf(other.passwordless.verifyPasswordlessEmail({ code }, id));
    assert.ok(failure instanceof NotFound, `${failure}`);
    assert.ok(await passwordless.verifyPasswordlessEmail({ code }, id));
  });
});
