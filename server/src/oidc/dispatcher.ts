import type { IncomingMessage, ServerResponse } from 'node:http';
import { domainToASCII } from 'node:url';
import type Provider from 'oidc-provider';
import type { Branding } from '../clients/store.ts';
import { type Proof, transition } from '../core/attempt.ts';
import { type Email, parseEmail } from '../core/email.ts';
import type { ClientId, SessionId, UserId } from '../core/ids.ts';
import { SECOND } from '../core/units.ts';
import { recordEvent } from '../events/store.ts';
import { cookieNames } from '../platform/http/cookies.ts';
import { cookieOf } from '../platform/http/front-door.ts';
import { wordsOf } from '../platform/words/choice.ts';
import type { Words } from '../platform/words/words.ts';
import { rememberedAddress } from '../sign-in/remembering.ts';
import { type AttemptRecord, lockAttempt, saveRedeemed } from '../sign-in/store.ts';
import { touchSignIn } from '../users/store.ts';
import { brandingOf } from './client-metadata.ts';
import { admit, denial } from './intercepting/admitting.ts';
import { homeOf } from './library-pages.ts';
import type { OidcParts } from './oidc.ts';
import { BROWSER_PARAMETER } from './policy.ts';
import { remainsOf } from './resuming/remains.ts';
import { askedScope, sealRequest } from './resuming/sealed-request.ts';
import { noteEnd } from './sessions/store.ts';
import { deleteGrant } from './store.ts';
import { markPosted } from './transaction.ts';
import { joining, newWork, SpentTwice, type Work } from './unit-of-work.ts';

type Interaction = NonNullable<Awaited<ReturnType<Provider['interactionDetails']>>>;

/** One authorization request that waits for a person, as its pages need it. */
export interface Visit {
  readonly uid: string;
  readonly words: Words;
  readonly browser: string;
  readonly client: { id: ClientId } & ClientFacts;
  readonly loginHint?: string;
  /** The address that this browser was asked to remember. */
  readonly remembered?: Email;
  readonly prompt: string;
  readonly create: boolean;
  readonly scopes: string[];
  readonly accountId?: string;
  readonly interaction: Interaction;
  /** The authorization request, sealed: each form of a page carries it, so that an old page can go on too. */
  readonly request: string;
}

/** Why there is no visit: the pages tell these apart. */
export interface Lost {
  readonly lost: 'cookies' | 'expired' | 'ended' | 'done';
  readonly words: Words;
  readonly client?: ClientFacts;
  /** With these this browser can begin the same authorization request again, or cancel it. */
  readonly uid?: string;
  readonly request?: string;
  readonly email?: Email;
}

/** Finds the request behind `/interaction/:uid` and makes sure that this browser made it. */
export async function visitOf(
  parts: OidcParts,
  request: IncomingMessage,
  uid: string,
): Promise<Visit | Lost> {
  const provider = parts.provider();
  const names = cookieNames(parts.origin);
  const interaction = await provider.Interaction.find<Interaction>(uid);
  if (!interaction) return lostOf(parts, request, uid);
  const { params } = interaction;
  const words = wordsOf(request, parts, params.ui_locales);
  const client = await provider.Client.find(String(params.client_id));
  if (!client) return { lost: 'expired', words };
  const about = clientFacts(client);
  const browser = cookieOf(request, names.browser);
  if (browser === undefined || !isBegunIn(parts, request, { interaction, browser }))
    return { lost: 'cookies', words, client: about, uid };
  const remembered = rememberedAddress(parts.secrets, cookieOf(request, names.address));
  const prompts = String(params.prompt ?? '').split(' ');
  return {
    uid,
    words,
    browser,
    client: { id: client.clientId as ClientId, ...about },
    prompt: interaction.prompt.name,
    create: prompts.includes('create'),
    scopes: askedScope(params).split(' '),
    interaction,
    request: sealRequest(parts.secrets, params, interaction.iat * SECOND),
    ...(typeof params.login_hint === 'string' && { loginHint: params.login_hint }),
    ...(remembered && { remembered }),
    ...(interaction.session?.accountId && { accountId: interaction.session.accountId }),
  };
}

/** The release before this one wrote no browser into its interactions: theirs are known by the cookie of their address. */
function isBegunIn(
  parts: OidcParts,
  request: IncomingMessage,
  given: { interaction: Interaction; browser: string },
): boolean {
  const bound = given.interaction.params[BROWSER_PARAMETER];
  if (typeof bound === 'string') return parts.secrets.matches('browser', given.browser, bound);
  return cookieOf(request, cookieNames(parts.origin).interaction) === given.interaction.uid;
}

/** After the end of an interaction its address still says how it ended, to the browser that had it, and goes on from there. */
export async function lostOf(parts: OidcParts, request: IncomingMessage, uid: string): Promise<Lost> {
  const words = wordsOf(request, parts);
  const remains = await remainsOf(parts, uid, cookieOf(request, cookieNames(parts.origin).browser));
  if (!remains) return { lost: 'expired', words, uid };
  const client = await parts.provider().Client.find(remains.clientId);
  const facts = client && { client: clientFacts(client), request: remains.request };
  return {
    lost: remains.how,
    words,
    uid,
    ...(remains.email && { email: remains.email }),
    ...facts,
  };
}

/** What pages say of a client, and how they look for it. */
interface ClientFacts {
  readonly name: string;
  readonly home?: string;
  readonly branding: Branding;
}

export function clientFacts(client: {
  clientName?: string | undefined;
  redirectUris?: readonly string[] | undefined;
  initiateLoginUri?: string | undefined;
}): ClientFacts {
  const home = homeOf(client);
  return { name: client.clientName ?? '', branding: brandingOf(client), ...(home && { home }) };
}

/** The address in `login_hint`, where it is one. */
export function hintedEmail(visit: Visit) {
  const email =
    visit.loginHint === undefined ? { fault: 'empty' as const } : parseEmail(visit.loginHint, domainToASCII);
  return typeof email === 'string' ? email : undefined;
}

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Called when the library is about to answer, so that nobody else does. */
  readonly takeOver: () => void;
}

/** What a proof is worth to an app: its method (RFC 8176 where it has one), and how firmly it was bound to the browser. */
export const STRENGTHS: Readonly<Record<Proof, { amr: string[]; acr: string }>> = {
  code: { amr: ['otp'], acr: 'urn:postern:email-code' },
  link: { amr: ['link'], acr: 'urn:postern:email-link-bound' },
  approval: { amr: ['link'], acr: 'urn:postern:email-link' },
};

/**
 * Ends a sign-in: redeems the attempt and lets the library start the session, make the grant and the code,
 * and answer, all in one transaction. Called with a satisfied attempt; a crash before it leaves it satisfied.
 */
export async function finish(
  parts: OidcParts,
  exchange: Exchange,
  given: { uid: string; record: AttemptRecord; interaction?: Interaction },
): Promise<'answered' | 'lost'> {
  const { attempt } = given.record;
  const interaction = given.interaction ?? (await parts.provider().Interaction.find<Interaction>(given.uid));
  if (!interaction || attempt.state !== 'satisfied') return 'lost';
  const admission = await admit(parts, given.record);
  const work = newWork();
  if (admission.kind === 'denied') {
    work.steps.push(denial(parts, { record: given.record, asked: admission.asked }));
    const result = { error: 'access_denied', error_description: admission.message };
    await conclude(parts, exchange, { interaction, result, work });
    return 'answered';
  }
  if (admission.kind === 'lost') return 'lost';
  const { user, asked } = admission;
  if (asked) work.claims = asked;
  work.steps.push(redeem(parts, { uid: given.uid, attemptId: attempt.id, userId: user.id, work }));
  const login = { accountId: user.id, ...STRENGTHS[attempt.provedBy] };
  await joining(work, async () => {
    await leaveOtherAccount(parts, exchange.request, { accountId: user.id, work });
    await conclude(parts, exchange, { interaction, work, result: { login, select_account: {}, create: {} } });
  });
  return 'answered';
}

/** Ends an interaction with anything else that its prompts wait for, or with an OAuth error. */
export async function conclude(
  parts: OidcParts,
  exchange: Exchange,
  given: { interaction: Interaction; result: { [prompt: string]: unknown }; work?: Work },
): Promise<void> {
  const { interaction, result, work = newWork() } = given;
  work.passing = interaction.uid;
  await joining(work, async () => {
    interaction.result = 'error' in result ? result : { ...interaction.lastSubmission, ...result };
    if ('login' in result || 'error' in result) delete interaction.session; // whose it was may have ended meanwhile
    await interaction.persist();
    await resume(parts, exchange, interaction.uid);
  });
}

/** Lets the library go on where it stopped. */
function resume(parts: OidcParts, exchange: Exchange, uid: string): Promise<void> {
  const { headers } = exchange.request;
  headers.cookie = [`${cookieNames(parts.origin).resume}=${uid}`, headers.cookie].filter(Boolean).join('; '); // the first one counts
  return passOn(parts, exchange, `/oauth/authorize/${uid}`);
}

/** Has the library answer this very request as if it were a GET of that path: a redirect there would cost a round trip. */
export async function passOn(parts: OidcParts, exchange: Exchange, path: string): Promise<void> {
  const { request, response, takeOver } = exchange;
  takeOver();
  markPosted(request);
  request.method = 'GET';
  request.url = path;
  parts.handleByLibrary(request, response);
  await new Promise<void>((resolve) => response.once('close', resolve));
}

/** Somebody else was signed in here: their session ends with its tokens, as by a logout, and this one starts with nothing of it. */
async function leaveOtherAccount(
  parts: OidcParts,
  request: IncomingMessage,
  given: { accountId: string; work: Work },
): Promise<void> {
  const name = cookieNames(parts.origin).session;
  const id = cookieOf(request, name);
  const session = id === undefined ? undefined : await parts.provider().Session.find(id);
  if (!session?.accountId || session.accountId === given.accountId) return;
  await session.destroy();
  for (const { grantId } of Object.values(session.authorizations ?? {})) {
    if (grantId === undefined) continue;
    const idHashes = parts.secrets.hashes('oidc-record', `Grant:${grantId}`);
    given.work.grants.set(grantId, { idHashes, isNeeded: false });
    given.work.steps.push((q) => deleteGrant(q, { id: grantId, idHashes }));
  }
  const at = parts.clock.now();
  const [sessionId, userId] = [session.uid as SessionId, session.accountId as UserId];
  const ended = { type: 'session.ended', sessionId, userId, data: { as: 'logout' } } as const;
  given.work.steps.push(async (q) => {
    await noteEnd(q, { id: sessionId, as: 'logout', at });
    await recordEvent(q, ended, at);
  });
  const kept = (request.headers.cookie ?? '')
    .split(';')
    .filter((pair) => !pair.trim().startsWith(`${name}=`));
  request.headers.cookie = kept.join(';');
}

export function redeem(
  parts: OidcParts,
  of: { uid: string; attemptId: AttemptRecord['attempt']['id']; userId: UserId; work: Work },
): Work['steps'][number] {
  return async (q) => {
    const now = parts.clock.now();
    const record = await lockAttempt(q, of.attemptId);
    if (!record) throw new SpentTwice('Attempt', of.uid);
    const { next, outcome } = transition(record.attempt, { type: 'redeemed', userId: of.userId }, now);
    if (outcome !== 'redeemed') throw new SpentTwice('Attempt', of.uid);
    await saveRedeemed(q, next, of.work.sessionUid as SessionId | undefined);
    if (!(await touchSignIn(q, of.userId, now))) throw new SpentTwice('Attempt', of.uid); // disabled meanwhile
    await recordEvent(
      q,
      { type: 'attempt.redeemed', attemptId: next.id, userId: of.userId, clientId: next.clientId },
      now,
    );
  };
}
