import type { IncomingMessage } from 'node:http';
import type { Client } from '../../clients/store.ts';
import { nextMailAt } from '../../core/attempt.ts';
import { normaliseCode } from '../../core/code.ts';
import { domainOf, type Email } from '../../core/email.ts';
import type { Requester } from '../../core/requester.ts';
import { SECOND } from '../../core/units.ts';
import type { Form } from '../../platform/http/form.ts';
import { random } from '../../platform/random.ts';
import { codesAllowed } from '../../sign-in/limits.ts';
import { enterCode, isLiveCode, type Judged } from '../../sign-in/proving.ts';
import { type Asking, currentAttempt, type Resent, resend, start } from '../../sign-in/sign-in.ts';
import type { AttemptRecord } from '../../sign-in/store.ts';
import type { OidcParts } from '../oidc.ts';
import { issueCode } from './issuing.ts';
import { ChallengeRefusal } from './refusal.ts';
import {
  type ChallengeRequest,
  openChallenge,
  readAddress,
  readRequest,
  requireUnchanged,
  sealChallenge,
} from './request.ts';

/** One call of an app, whose client has been authenticated. */
export interface Call {
  readonly client: Client;
  readonly form: Form;
  /** What limits count as the one who asks. */
  readonly source: string;
  readonly requester: Requester;
  /** Of the person's own device: a public client runs on it. */
  readonly device: IncomingMessage | undefined;
}

/** What the app is told: that it may redeem a code, or what it has to do next. */
export type ChallengeAnswer =
  | { readonly kind: 'authorized'; readonly code: string }
  | {
      readonly kind: 'waiting';
      readonly authSession: string;
      readonly expiresInMs: number;
      readonly description: string;
      /** 0 unless another mail was asked for too soon. */
      readonly retryAfterMs: number;
    };

/** An app carries a person's address and code to the server by itself (OAuth 2.0 for First-Party Applications). */
export async function answerChallenge(parts: OidcParts, call: Call): Promise<ChallengeAnswer> {
  const authSession = call.form.get('auth_session');
  if (authSession !== undefined) return goOn(parts, call, authSession);
  if (call.form.has('otp') || call.form.has('resend'))
    throw new ChallengeRefusal('invalid_request', 'auth_session is missing: the one of the answer before');
  return begin(parts, call);
}

/** 256 bits; known to the app alone. */
const AUTH_SESSION_BITS = 256;

async function begin(parts: OidcParts, call: Call): Promise<ChallengeAnswer> {
  const request = readRequest(call.client, call.form);
  const email = readAddress(call.form);
  await requireMailDomain(parts, email);
  if (!(await codesWork(parts, email))) throw needsBrowser();
  const authSession = random.token(AUTH_SESSION_BITS);
  const asking = {
    ...askingOf(call, authSession),
    headless: { flow: 'challenge', sealed: sealChallenge(parts.secrets, request, call.client.id) },
  } as const;
  const started = await start(parts, asking, email);
  if (started.kind === 'puzzle') throw needsBrowser();
  if (started.kind === 'busy') throw busy(started.retryAfterMs);
  return waiting(parts, started.record, { authSession, description: 'enter the code that was sent' });
}

async function requireMailDomain(parts: OidcParts, email: Email): Promise<void> {
  const { 'email.check_domain': checks } = await parts.settings.current();
  if (checks && (await parts.mailDomains?.takesMail(domainOf(email))) === 'no')
    throw new ChallengeRefusal('invalid_request', 'the domain of this address takes no mail');
}

/** Whether a mail to this address would hold a code that is judged; the same whether it has an account. */
async function codesWork(parts: OidcParts, email: Email): Promise<boolean> {
  const settings = await parts.settings.current();
  const given = { secrets: parts.secrets, settings, now: parts.clock.now() };
  const allowed = await parts.database.read((q) => codesAllowed(q, email, given));
  return allowed && settings['passwordless.enabled'] && settings['passwordless.method'] !== 'link';
}

function askingOf(call: Call, authSession: string): Asking {
  return {
    interactionUid: uidOf(call.client, authSession),
    browser: random.token(AUTH_SESSION_BITS), // no browser has this name: what is mailed signs none in
    clientId: call.client.id,
    source: call.source,
    requester: call.requester,
  };
}

/** What names the attempt; no other client's `auth_session`, and no interaction's address, ever does. */
function uidOf(client: Client, authSession: string): string {
  return `authorization-challenge:${client.id}:${authSession}`;
}

interface Open {
  readonly authSession: string;
  readonly record: AttemptRecord;
  readonly request: ChallengeRequest;
}

async function goOn(parts: OidcParts, call: Call, authSession: string): Promise<ChallengeAnswer> {
  const record = await currentAttempt(parts, uidOf(call.client, authSession));
  const request = record && openChallenge(parts.secrets, record.headless?.sealed ?? '', call.client.id);
  if (!record || !request) throw over();
  requireUnchanged(call.form, { request, email: record.attempt.email, client: call.client });
  const open = { authSession, record, request };
  if (isResend(call.form)) return sendAgain(parts, call, open);
  const otp = call.form.get('otp');
  if (otp !== undefined) return judge(parts, call, { ...open, otp });
  return standing(parts, record, { authSession, description: 'enter the code that was sent' });
}

function isResend(form: Form): boolean {
  const resends = form.get('resend');
  if (resends !== undefined && resends !== 'true')
    throw new ChallengeRefusal('invalid_request', 'resend can only be true');
  if (resends !== undefined && form.has('otp'))
    throw new ChallengeRefusal('invalid_request', 'send otp or resend, not both');
  return resends !== undefined;
}

async function judge(
  parts: OidcParts,
  call: Call,
  { authSession, request, otp }: Open & { otp: string },
): Promise<ChallengeAnswer> {
  const source = call.client.public ? call.source : undefined; // behind an app's server are all of its people
  const entry = { interactionUid: uidOf(call.client, authSession), input: otp, source };
  const judged = await enterCode(parts, entry);
  const record = judgedRecord(judged);
  if (judged.kind === 'empty')
    return standing(parts, record, { authSession, description: 'otp holds no code of the right length' });
  if (record.attempt.state !== 'satisfied' || !(await isProved(parts, judged, otp)))
    return standing(parts, record, { authSession, description: 'the code is not right' });
  const code = await issueCode(parts, { record, request, client: call.client, device: call.device });
  if (code === undefined) throw over();
  return { kind: 'authorized', code };
}

/** Proved by this very code: also where it was before, and a crash has left the rest undone. */
async function isProved(parts: OidcParts, judged: Judged, otp: string): Promise<boolean> {
  if (judged.kind !== 'judged') return false;
  if (judged.outcome === 'proved') return true;
  const settings = await parts.settings.current();
  const { record } = judged;
  const shape = { length: record.codeLength, alphabet: settings['passwordless.code_alphabet'] };
  const facts = { record, code: normaliseCode(otp, shape), settings, now: parts.clock.now() };
  return parts.database.read((q) => isLiveCode(q, parts, facts));
}

function judgedRecord(judged: Judged): AttemptRecord {
  switch (judged.kind) {
    case 'none':
      throw over();
    case 'busy':
      throw busy(judged.retryAfterMs);
    case 'codes-off':
      throw needsBrowser();
    default:
      return judged.record;
  }
}

async function sendAgain(parts: OidcParts, call: Call, open: Open): Promise<ChallengeAnswer> {
  const { authSession, record } = open;
  if (record.attempt.state !== 'pending') return standing(parts, record, { authSession, description: '' });
  if (!(await codesWork(parts, record.attempt.email))) throw needsBrowser();
  const step = record.attempt.mailedAt.length;
  return afterMail(parts, await resend(parts, askingOf(call, authSession), step), authSession);
}

function afterMail(parts: OidcParts, resent: Resent, authSession: string): ChallengeAnswer {
  switch (resent.kind) {
    case 'none':
      throw over();
    case 'busy':
      throw busy(resent.retryAfterMs);
    case 'puzzle':
      throw needsBrowser();
    case 'too-soon':
      return tooSoon(parts, resent.record, authSession);
    case 'spent':
      return standing(parts, resent.record, {
        authSession,
        description: 'there are no more mails for this sign-in; enter a code that was sent, or begin again',
      });
    default:
      return standing(parts, resent.record, { authSession, description: 'another code was sent' });
  }
}

function tooSoon(parts: OidcParts, record: AttemptRecord, authSession: string): ChallengeAnswer {
  const pauseMs = parts.settings.snapshot()['limits.resend_after_seconds'] * SECOND;
  const retryAfterMs = Math.max(1, nextMailAt(record.attempt, pauseMs) - parts.clock.now());
  const description = 'a code was sent a moment ago; ask for another one later';
  return standing(parts, record, { authSession, description, retryAfterMs });
}

interface Said {
  readonly authSession: string;
  readonly description: string;
  readonly retryAfterMs?: number;
}

/** What an attempt that is not finished has come to. */
function standing(parts: OidcParts, record: AttemptRecord, said: Said): ChallengeAnswer {
  switch (record.attempt.state) {
    case 'pending':
      return waiting(parts, record, said);
    case 'satisfied':
      return waiting(parts, record, { ...said, description: 'send the right code once more' });
    case 'locked':
      throw new ChallengeRefusal('access_denied', 'too many wrong codes; begin again');
    case 'disowned':
      throw new ChallengeRefusal('access_denied', 'the owner of the address has stopped this sign-in');
    default:
      throw over();
  }
}

function waiting(parts: OidcParts, record: AttemptRecord, said: Said): ChallengeAnswer {
  const expiresInMs = record.attempt.expiresAt - parts.clock.now();
  return { kind: 'waiting', retryAfterMs: 0, ...said, expiresInMs };
}

function over(): ChallengeRefusal {
  return new ChallengeRefusal(
    'invalid_session',
    'this auth_session is unknown, used or expired; begin again',
  );
}

function busy(retryAfterMs: number): ChallengeRefusal {
  return new ChallengeRefusal('temporarily_unavailable', 'too many requests; try again later', retryAfterMs);
}

/** The way out that every app needs anyway: the pages of this server can do more than an app can. */
function needsBrowser(): ChallengeRefusal {
  return new ChallengeRefusal(
    'redirect_to_web',
    'send the person to the authorization endpoint in a browser',
  );
}
