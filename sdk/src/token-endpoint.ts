import { oauthErrorOf, requireText } from './answers.ts';
import type { CallOptions, Send } from './http.ts';
import type { Json } from './json.ts';

export interface Credentials {
  readonly clientId: string;
  /** Undefined for a public client, which has none. */
  readonly clientSecret: string | undefined;
}

export interface Tokens {
  readonly accessToken: string;
  readonly idToken: string | undefined;
  readonly refreshToken: string | undefined;
  /** Seconds. */
  readonly expiresIn: number;
}

export type Grant = { readonly grant_type: string } & Readonly<Record<string, string | undefined>>;

/** Asks for tokens (RFC 6749, 3.2), once: a grant that may have been used is not sent again. */
export class TokenEndpoint {
  readonly #url: string;
  readonly #send: Send;

  constructor(url: string, send: Send) {
    this.#url = url;
    this.#send = send;
  }

  /** Throws `PosternOAuthError` when it is refused. */
  async ask(credentials: Credentials, grant: Grant, call: CallOptions): Promise<Tokens> {
    const { clientId: client_id, clientSecret: client_secret } = credentials;
    const form = Object.entries({ ...grant, client_id, client_secret }).filter(isGiven);
    const answer = await this.#send({
      ...call,
      method: 'POST',
      url: this.#url,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(form).toString(),
      // Asking for a client's own token changes nothing.
      idempotent: grant.grant_type === 'client_credentials',
    });
    if (answer.status !== 200) throw oauthErrorOf(answer, secretsOf(client_secret, grant));
    return tokensOf(answer.json);
  }
}

function isGiven(entry: [string, string | undefined]): entry is [string, string] {
  return entry[1] !== undefined;
}

function secretsOf(clientSecret: string | undefined, grant: Grant): (string | undefined)[] {
  return [clientSecret, grant.code, grant.code_verifier, grant.refresh_token];
}

function tokensOf(json: Json | undefined): Tokens {
  return {
    accessToken: requireText(json, 'access_token'),
    idToken: typeof json?.id_token === 'string' ? json.id_token : undefined,
    refreshToken: typeof json?.refresh_token === 'string' ? json.refresh_token : undefined,
    expiresIn: typeof json?.expires_in === 'number' ? json.expires_in : 0,
  };
}
