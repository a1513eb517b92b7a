import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Client } from '../../clients/store.ts';
import { acceptedLanguages } from '../../core/language.ts';
import { describeRequester, type Requester } from '../../core/requester.ts';
import { SECOND } from '../../core/units.ts';
import { countryOf, sourceOf } from '../../platform/http/addresses.ts';
import { type Form, parseForm } from '../../platform/http/form.ts';
import { addressOf } from '../../platform/http/front-door.ts';
import { dataHeaders } from '../../platform/http/headers.ts';
import { asProblem } from '../../platform/http/problems.ts';
import type { Log } from '../../platform/log.ts';
import { wordsFor } from '../../platform/words/words.ts';
import { clientSource } from '../../sign-in/limits.ts';
import type { OidcParts } from '../oidc.ts';
import { callerOf } from './callers.ts';
import { answerChallenge, type Call, type ChallengeAnswer } from './challenge.ts';
import { CHALLENGE_PATH } from './code-form.ts';
import { ChallengeRefusal } from './refusal.ts';

type ChallengeParts = OidcParts & { readonly log: Log };

const PREFLIGHT_SECONDS = '3600';

/** `POST /oauth/authorize-challenge`: sign-in on an app's own pages. Reads and sets no cookie. */
export function challengeRoutes(parts: ChallengeParts): (app: FastifyInstance) => Promise<void> {
  return async (app) => {
    app.setErrorHandler((failure: FastifyError, request, reply) =>
      refuse(parts, failure, { request, reply }),
    );
    app.post(CHALLENGE_PATH, async (request, reply) => {
      reply.headers({ ...dataHeaders, vary: 'Origin' });
      const form = parseForm(String(request.body ?? ''));
      const client = await callerOf(parts, { authorization: request.headers.authorization, form });
      allowOrigin(client, request, reply);
      return send(reply, await answerChallenge(parts, callOf(parts, { client, form, request })));
    });
    app.options(CHALLENGE_PATH, (request, reply) => preflight(request, reply));
    app.route({
      method: ['GET', 'PUT', 'PATCH', 'DELETE'],
      url: CHALLENGE_PATH,
      handler: (_request, reply) => {
        const refusal = bodyOf('invalid_request', 'send a POST');
        return reply.headers(dataHeaders).header('allow', 'POST').code(405).send(refusal);
      },
    });
  };
}

/** An app's server asks for many people from one address: it counts as itself. */
function callOf(parts: OidcParts, given: { client: Client; form: Form; request: FastifyRequest }): Call {
  const { client, form, request } = given;
  const { lang } = wordsFor(
    ...(form.get('ui_locales') ?? '').split(' '),
    ...acceptedLanguages(request.headers['accept-language'] ?? ''),
    parts.settings.snapshot()['branding.language'],
  );
  return {
    client,
    form,
    source: client.public ? sourceOf(addressOf(request.raw)) : clientSource(client.id),
    requester: { ...(client.public && personBehind(request)), language: lang },
    device: client.public ? request.raw : undefined,
  };
}

/** A public client runs on the person's own device; of one behind an app's server nothing is known. */
function personBehind(request: FastifyRequest): Requester {
  const address = addressOf(request.raw);
  return { ...describeRequester(request.headers['user-agent'] ?? '', address), ...countryOf(request.raw) };
}

/**
 * A script may call for its own client: from the origin of one of its redirect URIs. Any other page that
 * makes a browser post here is refused before a mail leaves.
 */
function allowOrigin(client: Client, request: FastifyRequest, reply: FastifyReply): void {
  const { origin } = request.headers;
  if (origin === undefined) return;
  if (!client.redirectUris.some((uri) => URL.parse(uri)?.origin === origin))
    throw new ChallengeRefusal('invalid_request', 'this client has no redirect URI of that origin');
  reply.header('access-control-allow-origin', origin);
}

/** Who asks is not known yet, so scripts of any origin may send; as at the token endpoint, not all may read. */
function preflight(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const wanted = request.headers['access-control-request-headers'];
  return reply
    .code(204)
    .headers({
      vary: 'Origin',
      allow: 'POST',
      ...(request.headers.origin !== undefined && {
        'access-control-allow-origin': request.headers.origin,
        'access-control-allow-methods': 'POST',
        'access-control-max-age': PREFLIGHT_SECONDS,
        ...(wanted !== undefined && { 'access-control-allow-headers': wanted }),
      }),
    })
    .send();
}

/** The draft's answers: an authorization code, or why there is none yet. */
function send(reply: FastifyReply, answer: ChallengeAnswer): FastifyReply {
  if (answer.kind === 'authorized') return reply.send({ authorization_code: answer.code });
  const { authSession, description, expiresInMs, retryAfterMs } = answer;
  if (retryAfterMs > 0) waitFor(reply, retryAfterMs);
  return reply.code(retryAfterMs > 0 ? 429 : 400).send({
    error: 'insufficient_authorization',
    error_description: description,
    auth_session: authSession,
    passwordless_type: 'OTP',
    expires_in: Math.max(0, Math.ceil(expiresInMs / SECOND)),
  });
}

function waitFor(reply: FastifyReply, ms: number): void {
  reply.header('retry-after', Math.ceil(ms / SECOND));
}

/** Every answer here has the form of RFC 6749, also to what could not be read. */
function refuse(
  parts: ChallengeParts,
  failure: unknown,
  at: { request: FastifyRequest; reply: FastifyReply },
): FastifyReply {
  const { request, reply } = at;
  reply.headers(dataHeaders);
  if (failure instanceof ChallengeRefusal) {
    if (failure.retryAfterMs > 0) waitFor(reply, failure.retryAfterMs);
    if (failure.status === 401 && request.headers.authorization !== undefined)
      reply.header('www-authenticate', `Basic realm="${parts.origin.origin}"`);
    return reply.code(failure.status).send(bodyOf(failure.error, failure.description));
  }
  const problem = asProblem(failure);
  if (problem.status >= 500)
    parts.log.error({ failure: String(failure), requestId: request.id }, 'a request failed');
  if (problem.status === 503) waitFor(reply, 2 * SECOND);
  const error =
    problem.status === 503
      ? 'temporarily_unavailable'
      : problem.status === 500
        ? 'server_error'
        : 'invalid_request';
  return reply.code(problem.status).send(bodyOf(error, problem.detail));
}

function bodyOf(error: string, description: string) {
  return { error, error_description: description };
}
