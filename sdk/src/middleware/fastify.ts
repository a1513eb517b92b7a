import { type Auth, judgeBearer, type RequireAuthOptions, type TokenValidator } from './bearer.ts';

export type { Auth, RequireAuthOptions } from './bearer.ts';

/** What is used of Fastify's request; it then has `auth`. Declare it with `app.decorateRequest('auth', null)`. */
export interface FastifyRequest {
  readonly headers: { readonly authorization?: string | undefined };
  auth?: Auth | null;
}

export interface FastifyReply {
  code(status: number): FastifyReply;
  headers(headers: Record<string, string>): FastifyReply;
  send(body: unknown): FastifyReply;
}

/** A hook for `onRequest` or `preHandler`: only requests with a good access token come through. */
export function requireAuth(client: TokenValidator, options: RequireAuthOptions = {}) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const { auth, refusal } = await judgeBearer(client, request.headers.authorization, options);
    if (refusal !== undefined)
      return reply
        .code(refusal.status)
        .headers({ ...refusal.headers })
        .send(refusal.body);
    request.auth = auth;
    return undefined;
  };
}
