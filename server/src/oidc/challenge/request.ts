import { domainToASCII } from 'node:url';
import type { Client } from '../../clients/store.ts';
import { type Email, parseEmail } from '../../core/email.ts';
import type { Form } from '../../platform/http/form.ts';
import type { Secrets } from '../../platform/secrets.ts';
import { DEFAULT_SCOPE } from '../policy.ts';
import { ChallengeRefusal } from './refusal.ts';

/** What an app asks to be authorized for; fixed with its first request. */
export interface ChallengeRequest {
  readonly scope: string;
  readonly redirectUri?: string;
  readonly nonce?: string;
  /** S256 of the verifier (RFC 7636); no other method is taken. */
  readonly codeChallenge?: string;
}

const SCOPES = ['openid', 'profile', 'email', 'offline_access'];

/** 43 characters: the hash of S256 as base64url. */
const CHALLENGE = /^[\w-]{43}$/;

const NONCE_MAX = 500;

/** The authorization request in the parameters of an app's first call. */
export function readRequest(client: Client, form: Form): ChallengeRequest {
  const redirectUri = form.get('redirect_uri');
  const nonce = form.get('nonce');
  const codeChallenge = readCodeChallenge(client, form);
  if (redirectUri !== undefined && !client.redirectUris.includes(redirectUri))
    throw invalid('redirect_uri is not registered for this client; it may be left out');
  if ((nonce?.length ?? 0) > NONCE_MAX) throw invalid(`nonce has at most ${NONCE_MAX} characters`);
  if ((form.get('response_type') ?? 'code') !== 'code') throw invalid('response_type can only be code');
  return {
    scope: knownScope(form.get('scope') || DEFAULT_SCOPE),
    ...(redirectUri !== undefined && { redirectUri }),
    ...(nonce !== undefined && { nonce }),
    ...(codeChallenge !== undefined && { codeChallenge }),
  };
}

function readCodeChallenge(client: Client, form: Form): string | undefined {
  const codeChallenge = form.get('code_challenge');
  const method = form.get('code_challenge_method');
  if (codeChallenge === undefined) {
    if (client.public || client.requirePkce)
      throw invalid('this client has to send code_challenge, with code_challenge_method S256');
    if (method !== undefined) throw invalid('code_challenge_method came without code_challenge');
    return undefined;
  }
  if (method !== 'S256') throw invalid('code_challenge_method has to be S256');
  if (!CHALLENGE.test(codeChallenge)) throw invalid('code_challenge is not a hash of S256 as base64url');
  return codeChallenge;
}

/** As at the authorization endpoint, what we do not know is left out. */
function knownScope(asked: string): string {
  const wanted = new Set(asked.split(' '));
  return SCOPES.filter((scope) => wanted.has(scope)).join(' ');
}

/** The address to prove. */
export function readAddress(form: Form): Email {
  const [hint, email] = [form.get('login_hint'), form.get('email')];
  if (hint !== undefined && email !== undefined && hint !== email)
    throw invalid('login_hint and email are two names of one parameter; send one');
  const typed = hint ?? email;
  if (typed === undefined) throw invalid('login_hint is missing: the address of the person');
  const parsed = parseEmail(typed.slice(0, 400), domainToASCII);
  if (typeof parsed !== 'string') throw invalid('login_hint is not an email address that we can send to');
  return parsed;
}

/** What was asked first stays: a later call may say it again, not change it. */
export function requireUnchanged(
  form: Form,
  first: { request: ChallengeRequest; email: Email; client: Client },
): void {
  const { request, email } = first;
  const unchanged: readonly [name: string, said: string | undefined][] = [
    ['code_challenge', request.codeChallenge],
    ['code_challenge_method', request.codeChallenge && 'S256'],
    ['redirect_uri', request.redirectUri],
    ['nonce', request.nonce],
  ];
  for (const [name, said] of unchanged) if (form.has(name) && form.get(name) !== said) throw changed(name);
  const scope = form.get('scope');
  if (scope !== undefined && knownScope(scope || DEFAULT_SCOPE) !== request.scope) throw changed('scope');
  if ((form.has('login_hint') || form.has('email')) && readAddress(form) !== email)
    throw changed('login_hint');
}

function changed(name: string): ChallengeRefusal {
  return invalid(`${name} is not the one of the first request; begin a new one without auth_session`);
}

/** Kept with the attempt, for this client alone; nobody reads or changes it without the master secret. */
export function sealChallenge(secrets: Secrets, request: ChallengeRequest, clientId: string): string {
  return secrets.seal('request', JSON.stringify(request), contextOf(clientId));
}

export function openChallenge(
  secrets: Secrets,
  sealed: string,
  clientId: string,
): ChallengeRequest | undefined {
  const text = secrets.open('request', sealed, contextOf(clientId));
  return text === undefined ? undefined : parseRequest(text);
}

function contextOf(clientId: string): string {
  return `authorization-challenge:${clientId}`;
}

/** Only `sealChallenge` writes it. */
function parseRequest(text: string): ChallengeRequest {
  return JSON.parse(text);
}

function invalid(description: string): ChallengeRefusal {
  return new ChallengeRefusal('invalid_request', description);
}
