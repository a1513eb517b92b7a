import { judgeBearer, type RequireAuthOptions, responseOf, type TokenValidator } from './bearer.ts';

export type { Auth, RequireAuthOptions } from './bearer.ts';

/** What is used of Hono's context; it then has the variable `auth`. */
export interface HonoContext {
  readonly req: { header(name: string): string | undefined };
  set(key: 'auth', value: unknown): void;
}

/** Lets through only requests with a good access token; handlers find it with `c.get('auth')`. */
export function requireAuth(client: TokenValidator, options: RequireAuthOptions = {}) {
  return async (context: HonoContext, next: () => Promise<void>): Promise<Response | undefined> => {
    const { auth, refusal } = await judgeBearer(client, context.req.header('authorization'), options);
    if (refusal !== undefined) return responseOf(refusal);
    context.set('auth', auth);
    await next();
    return undefined;
  };
}
