import {
  type Auth,
  judgeBearer,
  type RequireAuthOptions,
  responseOf,
  type TokenValidator,
} from './bearer.ts';

export type { Auth, RequireAuthOptions } from './bearer.ts';

/** A route handler of the App Router, or of anything else that takes a web `Request`. */
export type AuthHandler<Context> = (
  request: Request,
  context: Context & { readonly auth: Auth },
) => Response | Promise<Response>;

/** A route handler that only requests with a good access token reach; it finds it as `context.auth`. */
export function withAuth<Context extends object>(
  client: TokenValidator,
  handler: AuthHandler<Context>,
  options: RequireAuthOptions = {},
) {
  return async (request: Request, context: Context): Promise<Response> => {
    const { auth, refusal } = await judgeBearer(client, request.headers.get('authorization'), options);
    return refusal === undefined ? handler(request, { ...context, auth }) : responseOf(refusal);
  };
}
