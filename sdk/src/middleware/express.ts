import {
  type Auth,
  judgeBearer,
  type Refusal,
  type RequireAuthOptions,
  type TokenValidator,
  type Verdict,
} from './bearer.ts';

export type { Auth, RequireAuthOptions } from './bearer.ts';

/** What is used of Express's request; it then has `auth`. */
export interface ExpressRequest {
  readonly headers: { readonly authorization?: string | undefined };
  auth?: Auth;
}

export interface ExpressResponse {
  status(code: number): ExpressResponse;
  set(headers: Readonly<Record<string, string>>): unknown;
  json(body: unknown): unknown;
}

/** Lets through only requests with a good access token, and tells the next handler of it as `request.auth`. */
export function requireAuth(client: TokenValidator, options: RequireAuthOptions = {}) {
  return (request: ExpressRequest, response: ExpressResponse, next: (failure?: unknown) => void): void => {
    const proceed = ({ auth, refusal }: Verdict) => {
      if (refusal !== undefined) return send(response, refusal);
      request.auth = auth;
      next();
    };
    judgeBearer(client, request.headers.authorization, options).then(proceed, next);
  };
}

function send(response: ExpressResponse, { status, headers, body }: Refusal): void {
  response.set(headers);
  response.status(status).json(body);
}
