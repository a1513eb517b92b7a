import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { parseForm } from '../../platform/http/form.ts';
import { requireSameOrigin } from '../../platform/http/front-door.ts';
import { type Html, pageHeaders } from '../../platform/http/html.ts';
import { wordsOf } from '../../platform/words/choice.ts';
import { brandOf } from '../../sign-in/branding.ts';
import { type DisownView, disownPath, viewDisown } from '../../sign-in/disowning/disowning.ts';
import { ANSWER, disownedPage, disownPage, disownUnknownPage } from '../../sign-in/disowning/pages.ts';
import type { OidcParts } from '../oidc.ts';
import { disownAndEnd } from './ending.ts';

type TokenRequest = FastifyRequest<{ Params: { token: string } }>;

/** "It was not me", from the link in a mail: looking at it does nothing, the button of its page does it all. */
export function disownRoutes(parts: OidcParts): (app: FastifyInstance) => Promise<void> {
  return async (app) => {
    app.get('/not-me/:token', async (request: TokenRequest, reply) => {
      const view = await viewDisown(parts, request.params.token);
      return show(parts, { request, reply, view });
    });
    app.post('/not-me/:token', async (request: TokenRequest, reply) => {
      requireSameOrigin(request.raw, parts.origin.origin);
      const { token } = request.params;
      const isPressed = parseForm(String(request.body ?? '')).get('answer') === ANSWER;
      const view = isPressed ? await disownAndEnd(parts, token) : await viewDisown(parts, token);
      return show(parts, { request, reply, view });
    });
  };
}

function show(
  parts: OidcParts,
  given: { request: TokenRequest; reply: FastifyReply; view: DisownView },
): FastifyReply {
  const page = pageOf(parts, given.request, given.view);
  return given.reply.headers(pageHeaders(page)).send(page);
}

function pageOf(parts: OidcParts, request: TokenRequest, view: DisownView): Html {
  const { token } = request.params;
  const about = { words: wordsOf(request.raw, parts), host: parts.origin.host, path: disownPath(token) };
  if (view.kind === 'unknown') return disownUnknownPage({ ...about, brand: brandOf(parts) });
  const { appName, brand, record } = view;
  const frame = { ...about, brand };
  if (view.done) return disownedPage({ ...frame, appName, used: record.sessionId !== undefined });
  const { email, state, createdAt } = record.attempt;
  const { requester } = record;
  const sinceMs = parts.clock.now() - createdAt;
  return disownPage({ ...frame, appName, token, email, requester, sinceMs, used: state === 'redeemed' });
}
