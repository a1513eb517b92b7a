import type { IncomingMessage } from 'node:http';
import Provider, { errors, type KoaContextWithOIDC, type RefreshToken } from 'oidc-provider';
import type { ClientId } from '../core/ids.ts';
import { recordEvent } from '../events/store.ts';
import { dataHeaders, securityHeaders } from '../platform/http/headers.ts';
import { pageHeaders } from '../platform/http/html.ts';
import type { Log } from '../platform/log.ts';
import { leavingPage } from '../sign-in/pages.ts';
import { findUser } from '../users/store.ts';
import { eventsOf } from './library-events.ts';
import { frameOf, isIdleLogout, leaveIdleLogout } from './library-pages.ts';
import type { ProviderParts } from './provider.ts';
import { keepAnswer, keptAnswer } from './refresh-replay.ts';
import { browserCookie, browserNameOf } from './resuming/browser-name.ts';
import { sessionSteps } from './sessions/noting.ts';
import { deleteGrant } from './store.ts';
import { carryOut, currentWork, joining, newWork, SpentTwice, type Work } from './unit-of-work.ts';

/** Requests that the dispatcher hands to the library after a form was posted: they must not end in a redirect. */
const posted = new WeakSet<IncomingMessage>();

export function markPosted(request: IncomingMessage): void {
  posted.add(request);
}

export interface TransactionParts extends ProviderParts {
  readonly log: Log;
}

/**
 * Makes every request to the library one transaction: what it writes is carried out together after it
 * has answered and before a byte of the answer leaves, or not at all. A 200 is durable (house invariant 10).
 */
export function installTransaction(provider: Provider, parts: TransactionParts): void {
  installReplay(provider, parts);
  provider.use(async (context, next) => {
    await parts.settings.current();
    const work = currentWork() ?? newWork();
    await joining(work, () => next());
    const ctx = asOidcContext(context);
    complete(ctx);
    if (isIdleLogout(ctx)) leaveIdleLogout(ctx, parts.origin);
    else if (ctx.status < 500) await commit(ctx, work, parts);
    finish(ctx, parts);
  });
}

/** The library adds `oidc` on its own routes; elsewhere it is not there, and is asked for with `?.`. */
function asOidcContext(context: object): KoaContextWithOIDC {
  return context as KoaContextWithOIDC;
}

async function commit(ctx: KoaContextWithOIDC, work: Work, parts: TransactionParts): Promise<void> {
  if (typeof ctx.state.replay === 'string') return answer(ctx, 200, ctx.state.replay);
  const kept = keptBody(ctx, work);
  const events = eventsOf(ctx);
  work.steps.push(...sessionSteps(ctx, parts));
  if (work.steps.length === 0) return;
  try {
    await parts.database.write(async (q) => {
      await carryOut(work, q);
      if (kept) await keepAnswer(q, parts.secrets, kept);
      for (const event of events) await recordEvent(q, event, parts.clock.now());
    });
  } catch (failure) {
    if (!(failure instanceof SpentTwice)) return unavailable(ctx, failure, parts.log);
    await answerSpent(ctx, failure, parts);
  }
}

/** What the library leaves out of its JSON answers: whom a token is for, and that the scope includes offline access. */
function complete(ctx: KoaContextWithOIDC): void {
  const body: unknown = ctx.body;
  if (ctx.status !== 200 || typeof body !== 'object' || body === null) return;
  if (ctx.oidc?.route === 'introspection' && 'client_id' in body)
    ctx.body = { ...body, aud: [body.client_id] };
  if (ctx.oidc?.route === 'token' && 'refresh_token' in body && 'scope' in body) {
    ctx.body = { ...body, scope: `${String(body.scope)} offline_access` };
  }
}

function keptBody(ctx: KoaContextWithOIDC, work: Work) {
  const client = ctx.oidc?.client;
  if (work.rotated === undefined || ctx.status !== 200 || client === undefined) return undefined;
  return { token: work.rotated, clientId: client.clientId, body: JSON.stringify(ctx.body) };
}

/** The loser of a race: the kept answer where there is one, else what a replay gets, and the family is revoked. */
async function answerSpent(
  ctx: KoaContextWithOIDC,
  spent: SpentTwice,
  parts: TransactionParts,
): Promise<void> {
  const clientId = ctx.oidc.client?.clientId ?? '';
  if (spent.kind === 'Attempt') return redirectTo(ctx, `/interaction/${spent.id}`, parts);
  if (spent.kind === 'Grant' && ctx.oidc.route === 'token') return refuse(ctx, 'the grant has ended');
  if (spent.kind === 'Session' || spent.kind === 'Grant') return redirectTo(ctx, ctx.url, parts);
  if (spent.kind === 'RefreshToken') {
    const kept = await parts.database.read((q) =>
      keptAnswer(q, parts.secrets, { token: spent.id, clientId, now: parts.clock.now() }),
    );
    if (kept !== undefined) return answer(ctx, 200, kept);
  }
  const grantId = ctx.oidc.grant?.jti;
  await parts.database.write(async (q) => {
    if (grantId)
      await deleteGrant(q, {
        id: grantId,
        idHashes: parts.secrets.hashes('oidc-record', `Grant:${grantId}`),
      });
    await recordEvent(
      q,
      { type: 'token.reused', clientId: clientId as ClientId, data: { kind: spent.kind } },
      parts.clock.now(),
    );
  });
  refuse(ctx, 'this value has already been used');
}

function refuse(ctx: KoaContextWithOIDC, why: string): void {
  answer(ctx, 400, JSON.stringify({ error: 'invalid_grant', error_description: why }));
}

/** To look again at what another request has changed; a form is sent again as it is. */
function redirectTo(ctx: KoaContextWithOIDC, path: string, parts: TransactionParts): void {
  ctx.remove('Set-Cookie');
  ctx.status = ctx.method === 'POST' ? 307 : 303;
  ctx.set('Location', new URL(path, parts.origin).href);
  ctx.body = '';
}

function answer(ctx: KoaContextWithOIDC, status: number, body: string): void {
  ctx.status = status;
  ctx.type = 'json';
  ctx.body = body;
}

function unavailable(ctx: KoaContextWithOIDC, failure: unknown, log: Log): void {
  log.error(
    { failure: failure instanceof Error ? failure.message : String(failure) },
    'a transaction failed',
  );
  ctx.remove('Set-Cookie');
  ctx.remove('Location');
  ctx.set('Retry-After', '2');
  answer(
    ctx,
    503,
    JSON.stringify({
      error: 'temporarily_unavailable',
      error_description: 'try again; whether this request was carried out is not known',
    }),
  );
}

/** Headers of every answer, the browser's name for itself, and a page instead of a redirect after a form. */
function finish(ctx: KoaContextWithOIDC, parts: TransactionParts): void {
  ctx.set(securityHeaders(parts.origin));
  if (!ctx.response.get('Content-Security-Policy')) ctx.set('Content-Security-Policy', DATA_POLICY);
  if (ctx.oidc?.route === 'authorization' && ctx.status === 303) nameBrowser(ctx, parts.origin);
  const afterForm = posted.has(ctx.req) || ctx.oidc?.route === 'end_session_confirm';
  const location = ctx.response.get('Location');
  if (
    afterForm &&
    ctx.status === 303 &&
    !location.startsWith(`${parts.origin.origin}/`) &&
    !location.startsWith('/')
  ) {
    ctx.status = 200;
    ctx.remove('Location');
    ctx.type = 'html';
    const { words, brand } = frameOf(ctx, parts);
    const page = leavingPage({
      words,
      brand,
      to: location,
      ...(ctx.oidc?.client?.clientName && { appName: ctx.oidc.client.clientName }),
    });
    ctx.body = page;
    ctx.set(pageHeaders(page));
  }
}

const DATA_POLICY = dataHeaders['content-security-policy'] ?? '';

function nameBrowser(ctx: KoaContextWithOIDC, origin: URL): void {
  const { token, isNew } = browserNameOf(ctx.req, origin);
  if (isNew) ctx.append('Set-Cookie', browserCookie(origin, token));
}

/**
 * Within the grace, a spent refresh token gets the answer that was kept for it. The library, which would
 * revoke the family, is stopped by an error that is answered over.
 */
function installReplay(provider: Provider, parts: TransactionParts): void {
  const stored = provider.RefreshToken.find;
  const find = (token: string, options?: object): Promise<RefreshToken | undefined> =>
    Reflect.apply(stored, provider.RefreshToken, [token, options]);
  Object.assign(provider.RefreshToken, {
    async find(token: string, options?: object) {
      const found = await find(token, options);
      const ctx = Provider.ctx;
      if (
        found?.consumed &&
        ctx?.oidc.route === 'token' &&
        found.clientId !== undefined &&
        ctx.oidc.client?.clientId === found.clientId
      ) {
        const asked = { token, clientId: found.clientId, now: parts.clock.now() };
        const { accountId } = found;
        const user = await parts.database.read((q) => findUser(q, accountId));
        const kept = await parts.database.read((q) => keptAnswer(q, parts.secrets, asked));
        if (kept !== undefined && user?.status === 'active') {
          ctx.state.replay = kept;
          throw new errors.InvalidGrant('answered again');
        }
      }
      return found;
    },
  });
}
