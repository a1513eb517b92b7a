import type { IncomingMessage } from 'node:http';
import type Provider from 'oidc-provider';
import type { Client } from '../../clients/store.ts';
import type { SessionId, UserId } from '../../core/ids.ts';
import { SECOND } from '../../core/units.ts';
import { recordEvent } from '../../events/store.ts';
import { random } from '../../platform/random.ts';
import type { SettingValues } from '../../settings/definitions.ts';
import type { AttemptRecord } from '../../sign-in/store.ts';
import { redeem, STRENGTHS } from '../dispatcher.ts';
import { admit, denial } from '../intercepting/admitting.ts';
import type { OidcParts } from '../oidc.ts';
import { carryOut, joining, newWork, SpentTwice, type Work } from '../unit-of-work.ts';
import { codeId, redirectUriOf } from './code-form.ts';
import { ChallengeRefusal } from './refusal.ts';
import type { ChallengeRequest } from './request.ts';

interface Issue {
  readonly record: AttemptRecord;
  readonly request: ChallengeRequest;
  readonly client: Client;
  readonly device: IncomingMessage | undefined;
}

interface Person extends Issue {
  readonly userId: UserId;
  readonly work: Work;
}

/**
 * Redeems the attempt and makes a session, its grant and an authorization code, in one transaction: of
 * several who bring the right code at once one gets an authorization code, and the others nothing.
 */
export async function issueCode(parts: OidcParts, issue: Issue): Promise<string | undefined> {
  const { attempt } = issue.record;
  const admission = await admit(parts, issue.record);
  if (admission.kind === 'denied') {
    await parts.database.write(denial(parts, { record: issue.record, asked: admission.asked }));
    throw new ChallengeRefusal('access_denied', admission.message);
  }
  if (admission.kind === 'lost') throw new ChallengeRefusal('access_denied', 'this person may not sign in');
  const { user, asked } = admission;
  const work: Work = { ...newWork(), ...(issue.device && { request: issue.device }) };
  if (asked) work.claims = asked;
  work.steps.push(redeem(parts, { uid: '', attemptId: attempt.id, userId: user.id, work }));
  const code = await joining(work, () => prepare(parts, { ...issue, userId: user.id, work }));
  try {
    await parts.database.write((q) => carryOut(work, q));
  } catch (failure) {
    if (failure instanceof SpentTwice) return undefined;
    throw failure;
  }
  return code;
}

/** A session like that of a browser, but no browser has its cookie: only its end can be asked for. */
async function prepare(parts: OidcParts, person: Person): Promise<string> {
  const provider = parts.provider();
  const { client, request, userId } = person;
  const { provedBy } = provedOf(person.record);
  const session = new provider.Session();
  const strength = STRENGTHS[provedBy];
  session.loginAccount({ accountId: userId, loginTs: Math.floor(parts.clock.now() / SECOND), ...strength });
  const grantId = await makeGrant(provider, person);
  session.ensureClientContainer(client.id);
  session.grantIdFor(client.id, grantId);
  await session.save(sessionSeconds(parts.settings.snapshot()));
  const sessionId = session.uid as SessionId;
  const started = { type: 'session.started', userId, clientId: client.id, sessionId } as const;
  person.work.steps.push((q) => recordEvent(q, started, parts.clock.now()));
  const libraryClient = await provider.Client.find(client.id);
  if (!libraryClient) throw new ChallengeRefusal('invalid_client', 'this client was deleted meanwhile');
  const code = new provider.AuthorizationCode({
    accountId: userId,
    client: libraryClient,
    ...strength,
    authTime: session.authTime(),
    gty: 'authorization_code',
    grantId,
    redirectUri: redirectUriOf(request.redirectUri),
    scope: withoutOffline(request.scope),
    sessionUid: session.uid,
    sid: session.uid,
    jti: codeId(random.token(256)),
    ...(request.nonce !== undefined && { nonce: request.nonce }),
    ...(request.codeChallenge && { codeChallenge: request.codeChallenge, codeChallengeMethod: 'S256' }),
  });
  return code.save();
}

function provedOf({ attempt }: AttemptRecord) {
  if (attempt.state !== 'satisfied') throw new Error('only a proved attempt can be redeemed');
  return attempt;
}

async function makeGrant(provider: Provider, { client, request, userId }: Person): Promise<string> {
  const grant = new provider.Grant({ accountId: userId, clientId: client.id });
  grant.addOIDCScope(request.scope);
  return grant.save();
}

/** As everywhere, a refresh token follows from the grant, and the scope of tokens names it again on its own. */
function withoutOffline(scope: string): string {
  return scope
    .split(' ')
    .filter((one) => one !== 'offline_access')
    .join(' ');
}

function sessionSeconds(settings: SettingValues): number {
  return Math.min(settings['session.idle_seconds'], settings['session.absolute_seconds']);
}
