import type { IncomingMessage, ServerResponse } from 'node:http';
import { domainToASCII } from 'node:url';
import type Provider from 'oidc-provider';
import { transition } from '../core/attempt.ts';
import { parseEmail } from '../core/email.ts';
import type { ClientId, SessionId, UserId } from '../core/ids.ts';
import { recordEvent } from '../events/store.ts';
import { cookieOf } from '../platform/http/front-door.ts';
import { currentAttempt } from '../sign-in/sign-in.ts';
import { type AttemptRecord, lockAttempt, saveRedeemed } from '../sign-in/store.ts';
import { findUserByEmail, touchSignIn } from '../users/store.ts';
import { homeOf } from './library-pages.ts';
import type { OidcParts } from './oidc.ts';
import { cookieNames } from './provider.ts';
import { deleteGrant } from './store.ts';
import { markPosted } from './transaction.ts';
import { joining, newWork, SpentTwice, type Work } from './unit-of-work.ts';

type Interaction = NonNullable<Awaited<ReturnType<Provider['interactionDetails']>>>;

/** One authorization request that waits for a person, as its pages need it. */
export interface Visit {
  readonly uid: string;
  readonly browser: string;
  readonly client: { id: ClientId; name: string; home?: string };
  readonly loginHint?: string;
  readonly prompt: string;
  readonly create: boolean;
  readonly scopes: string[];
  readonly accountId?: string;
  readonly interaction: Interaction;
}

/** Why there is no visit: the pages tell these apart. */
export interface Lost {
  readonly lost: 'cookies' | 'expired' | 'done';
  readonly client?: { name: string; home?: string };
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
  if (!interaction) return lostInteraction(parts, request, uid);
  const { params } = interaction;
  const client = await provider.Client.find(String(params.client_id));
  if (!client) return { lost: 'expired' };
  const about = clientFacts(client);
  const browser = cookieOf(request, names.browser);
  if (cookieOf(request, names.interaction) !== uid || browser === undefined)
    return { lost: 'cookies', client: about };
  const prompts = String(params.prompt ?? '').split(' ');
  return {
    uid,
    browser,
    client: { id: client.clientId as ClientId, ...about },
    prompt: interaction.prompt.name,
    create: prompts.includes('create'),
    scopes: String(params.scope ?? '')
      .split(' ')
      .concat(params.postern_offline ? 'offline_access' : []),
    interaction,
    ...(typeof params.login_hint === 'string' && { loginHint: params.login_hint }),
    ...(interaction.session?.accountId && { accountId: interaction.session.accountId }),
  };
}

/** After the end of an interaction its address still says how it ended, to the browser that had it. */
async function lostInteraction(parts: OidcParts, request: IncomingMessage, uid: string): Promise<Lost> {
  const record = await currentAttempt(parts, uid);
  const browser = cookieOf(request, cookieNames(parts.origin).browser);
  if (!record || browser === undefined || !parts.secrets.matches('browser', browser, record.browserHash))
    return { lost: 'expired' };
  const client = await parts.provider().Client.find(record.attempt.clientId);
  const facts = client && { client: clientFacts(client) };
  return { lost: record.attempt.state === 'redeemed' ? 'done' : 'expired', ...facts };
}

/** What pages say of a client. */
export function clientFacts(client: {
  clientName?: string | undefined;
  redirectUris?: readonly string[] | undefined;
  initiateLoginUri?: string | undefined;
}) {
  const home = homeOf(client);
  return { name: client.clientName ?? '', ...(home && { home }) };
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
  const user = await parts.database.read((q) => findUserByEmail(q, attempt.email));
  if (!interaction || user?.status !== 'active' || attempt.state !== 'satisfied') return 'lost';
  const work = newWork();
  work.steps.push(redeem(parts, { uid: given.uid, attemptId: attempt.id, userId: user.id, work }));
  const byCode = attempt.provedBy === 'code';
  const login = {
    accountId: user.id,
    amr: byCode ? ['otp'] : ['link'],
    acr: byCode ? 'urn:postern:email-code' : 'urn:postern:email-link-bound',
  };
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
    if ('login' in result) delete interaction.session;
    await interaction.persist();
    exchange.takeOver();
    resume(parts, exchange, interaction.uid);
    await new Promise<void>((resolve) => exchange.response.once('close', resolve));
  });
}

/** Lets the library go on where it stopped, in this very request: the way to `/oauth/authorize/:uid` costs no round trip. */
function resume(parts: OidcParts, { request, response }: Exchange, uid: string): void {
  const names = cookieNames(parts.origin);
  markPosted(request);
  request.method = 'GET';
  request.url = `/oauth/authorize/${uid}`;
  request.headers.cookie = [`${names.resume}=${uid}`, request.headers.cookie].filter(Boolean).join('; '); // the first one counts
  parts.handleByLibrary(request, response);
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
  const ended = { type: 'session.ended', sessionId: session.uid as SessionId } as const;
  given.work.steps.push((q) => recordEvent(q, ended, parts.clock.now()));
  const kept = (request.headers.cookie ?? '')
    .split(';')
    .filter((pair) => !pair.trim().startsWith(`${name}=`));
  request.headers.cookie = kept.join(';');
}

function redeem(
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
