import type { IncomingMessage } from 'node:http';
import fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { Problem } from '../../core/problems.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { newId } from '../random.ts';
import { BODY_MAX } from './form.ts';
import { dataHeaders, securityHeaders } from './headers.ts';
import { asProblem, problemBody } from './problems.ts';

export interface AppParts {
  readonly origin: URL;
  readonly clock: Clock;
  readonly log: Log;
  /** A refusal as a person reads it. */
  readonly renderProblem: (
    problem: Problem,
    at: { request: IncomingMessage; id: string },
  ) => { body: string; headers: Record<string, string> };
}

/** The router of everything that is not the library's. Its handler takes requests that the front door admitted. */
export function createApp(parts: AppParts): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: BODY_MAX,
    genReqId: () => newId('req', parts.clock.now()),
    routerOptions: { maxParamLength: 200 },
    frameworkErrors: (failure, request, reply) => {
      reply.headers(securityHeaders(parts.origin)); // no hook runs for an address that cannot be routed
      refuse(parts, asProblem(failure), { request, reply });
    },
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) => done(null, body),
  );
  app.addHook('onSend', async (_request, reply) => {
    reply.headers(securityHeaders(parts.origin));
  });
  app.setNotFoundHandler((request, reply) =>
    refuse(parts, new Problem('not_found', 'Check the address.'), { request, reply }),
  );
  app.setErrorHandler((failure: FastifyError, request, reply) => {
    const problem = asProblem(failure);
    if (problem.status >= 500)
      parts.log.error(
        { failure: failure.message, stack: failure.stack, requestId: request.id },
        'a request failed',
      );
    return refuse(parts, problem, { request, reply });
  });
  return app;
}

function refuse(
  parts: AppParts,
  problem: Problem,
  at: { request: FastifyRequest; reply: FastifyReply },
): FastifyReply {
  const { request, reply } = at;
  reply.code(problem.status);
  if (problem.status === 429 || problem.status === 503) reply.header('retry-after', '2');
  if (/\btext\/html\b/.test(request.headers.accept ?? '')) {
    const page = parts.renderProblem(problem, { request: request.raw, id: request.id });
    return reply.headers(page.headers).send(page.body);
  }
  return reply
    .headers(dataHeaders)
    .type('application/problem+json')
    .send(problemBody(problem, { requestId: request.id, origin: parts.origin.origin }));
}
