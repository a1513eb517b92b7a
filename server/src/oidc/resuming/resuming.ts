import type { IncomingMessage } from 'node:http';
import { cookieNames } from '../../platform/http/cookies.ts';
import type { Form } from '../../platform/http/form.ts';
import { cookieOf } from '../../platform/http/front-door.ts';
import { interactionOf } from '../../sign-in/proving.ts';
import type { AttemptRecord } from '../../sign-in/store.ts';
import { clientFacts, type Exchange, type Lost, passOn, type Visit } from '../dispatcher.ts';
import type { OidcParts } from '../oidc.ts';
import { markCancelled } from '../policy.ts';
import { hintOf, isOf } from './remains.ts';
import { type AuthorizationRequest, openRequest } from './sealed-request.ts';

export interface LateForm {
  readonly step: string;
  readonly form: Form;
  readonly lost: Lost;
  /** The form comes a second time, with the cookie that the answer to the first one set, if the browser keeps any. */
  readonly again: boolean;
}

/**
 * A form whose interaction is over, or which came without its cookies: goes on with the authorization
 * request that is sealed into its page, or is kept for this browser. `probe`: the form is to be sent once
 * more, to see whether cookies are kept here. Otherwise says which page is left to show.
 */
export async function answerLate(
  parts: OidcParts,
  exchange: Exchange,
  late: LateForm,
): Promise<'answered' | 'probe' | Lost> {
  const { step, form, lost } = late;
  const sealed = form.get('request') || lost.request || '';
  const asked = openRequest(parts.secrets, sealed, parts.clock.now());
  if (asked === undefined) return lost;
  if (lost.lost === 'done' && step !== 'again') return lost;
  if (step === 'abort') return cancelRequest(parts, exchange, asked);
  if (!cookieOf(exchange.request, cookieNames(parts.origin).browser))
    return late.again ? withoutCookies(parts, { lost, asked, sealed }) : 'probe';
  return restartRequest(parts, exchange, { asked, email: form.get('email') || lost.email });
}

/** Says what to do about it. The page keeps the request, so that its button goes on once cookies are allowed. */
async function withoutCookies(
  parts: OidcParts,
  given: { lost: Lost; asked: AuthorizationRequest; sealed: string },
): Promise<Lost> {
  const { lost, asked, sealed } = given;
  const client = await parts.provider().Client.find(asked.client_id ?? '');
  if (client === undefined) return lost;
  return { ...lost, lost: 'cookies', client: clientFacts(client), request: sealed };
}

/**
 * Has the library answer the same authorization request from its start, which is where it checks everything
 * again. Not by a redirect to it: browsers would hold the form's policy against where that one leads.
 */
async function restartRequest(
  parts: OidcParts,
  exchange: Exchange,
  given: { asked: AuthorizationRequest; email: string | undefined },
): Promise<'answered'> {
  const params = new URLSearchParams(given.asked);
  if (given.email !== undefined) params.set('login_hint', given.email.slice(0, HINT_MAX));
  await passOn(parts, exchange, `/oauth/authorize?${params}`);
  return 'answered';
}

/** As long as an address can be, which is the only hint that does something here (RFC 5321 4.5.3.1.3). */
const HINT_MAX = 254;

/** Has the library give the app `access_denied` for the request, when everything in it is still right (RFC 6749 4.1.2.1). */
async function cancelRequest(
  parts: OidcParts,
  exchange: Exchange,
  asked: AuthorizationRequest,
): Promise<'answered'> {
  markCancelled(exchange.request);
  await passOn(parts, exchange, `/oauth/authorize?${new URLSearchParams(asked)}`);
  return 'answered';
}

/** Whether the session that the interaction began in is still this browser's. */
export async function hasItsSession(
  parts: OidcParts,
  request: IncomingMessage,
  { interaction }: Visit,
): Promise<boolean> {
  const id = cookieOf(request, cookieNames(parts.origin).session);
  const session = id === undefined ? undefined : await parts.provider().Session.find(id);
  return session !== undefined && session.uid === interaction.session?.uid;
}

/** How the sign-in of a link that is over goes on in this browser; undefined in any other. */
export async function nextStepOfLink(
  parts: OidcParts,
  record: AttemptRecord,
  browser: string | undefined,
): Promise<'waiting' | 'restart' | undefined> {
  if (!isOf(parts, record, browser)) return undefined;
  if (record.attempt.state !== 'redeemed' && (await openInteraction(parts, record))) return 'waiting';
  return requestOf(parts, record) && 'restart';
}

/** Takes that step: the path of the waiting page, or the request begun again; undefined where there is none. */
export async function followLink(
  parts: OidcParts,
  exchange: Exchange,
  given: { record: AttemptRecord; browser: string | undefined },
): Promise<'answered' | { uid: string } | undefined> {
  const { record, browser } = given;
  const next = await nextStepOfLink(parts, record, browser);
  const uid = next === 'waiting' ? interactionOf(parts, record) : undefined;
  if (uid !== undefined) return { uid };
  const asked = next === undefined ? undefined : requestOf(parts, record);
  return asked && restartRequest(parts, exchange, { asked, email: hintOf(record.attempt).email });
}

async function openInteraction(parts: OidcParts, record: AttemptRecord): Promise<boolean> {
  const uid = interactionOf(parts, record);
  return uid !== undefined && (await parts.provider().Interaction.find(uid)) !== undefined;
}

function requestOf(parts: OidcParts, record: AttemptRecord): AuthorizationRequest | undefined {
  return openRequest(parts.secrets, record.requestSealed ?? '', parts.clock.now());
}
