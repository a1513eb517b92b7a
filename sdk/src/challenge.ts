import { oauthErrorOf, requireText } from './answers.ts';
import { randomToken } from './encoding.ts';
import { PosternUsageError } from './errors.ts';
import type { CallOptions, HttpAnswer, Send, Share } from './http.ts';
import { pack, unpack } from './packing.ts';
import { challengeOf } from './sign-in.ts';
import type { Credentials } from './token-endpoint.ts';

export interface ChallengeOptions extends CallOptions {
  /** `openid profile email` by default; `offline_access` asks for a refresh token. */
  readonly scopes?: readonly string[] | undefined;
}

export interface ChallengeStart {
  /** For `enter` and `resend`: keep it where the person cannot lose or swap it, such as the app's session. */
  readonly pending: string;
  /** Seconds until the mailed code ends. */
  readonly expiresIn: number | undefined;
}

type Exchange<Result> = (
  code: string,
  options: CallOptions & { readonly codeVerifier: string; readonly nonce: string },
) => Promise<Result>;

export interface ChallengeClientOptions<Result> {
  readonly url: string;
  readonly send: Send;
  readonly share: Share;
  readonly credentials: Credentials;
  readonly exchange: Exchange<Result>;
}

/**
 * A whole sign-in on the app's own pages, for clients of the owner's own (`postern client create --first-party`):
 * the same tokens, session and verified ID token as by way of the hosted pages. Refusals are `PosternOAuthError`s:
 * `redirect_to_web` asks for `beginSignIn` instead.
 */
export class ChallengeClient<Result> {
  readonly #options: ChallengeClientOptions<Result>;

  constructor(options: ChallengeClientOptions<Result>) {
    this.#options = options;
  }

  /** Mails a code. The answer is the same for every address, known or not. */
  async start(email: string, { scopes, ...call }: ChallengeOptions = {}): Promise<ChallengeStart> {
    if (typeof email !== 'string' || email === '')
      throw new PosternUsageError('email must be text that is not empty');
    const [nonce, codeVerifier] = [randomToken(), randomToken()];
    const pkce = { code_challenge: challengeOf(codeVerifier), code_challenge_method: 'S256' };
    const answer = await this.#ask({ login_hint: email, scope: scopes?.join(' '), nonce, ...pkce }, call);
    const session = this.#sessionIn(answer);
    const expiresIn = answer.json?.expires_in;
    const pending = pack(session, nonce, codeVerifier);
    return { pending, expiresIn: typeof expiresIn === 'number' ? expiresIn : undefined };
  }

  /**
   * The person behind the code. A wrong one throws `insufficient_authorization`, and may be tried again with the same
   * `pending`; five end the sign-in (`access_denied`).
   */
  async enter(pending: unknown, code: string, call: CallOptions = {}): Promise<Result> {
    const [auth_session = '', nonce = '', codeVerifier = ''] = unpack(pending, 3);
    const rest = this.#options.share(call);
    const answer = await this.#ask({ auth_session, otp: code }, rest());
    if (answer.status !== 200)
      throw oauthErrorOf(answer, [this.#options.credentials.clientSecret, auth_session, code]);
    return this.#options.exchange(requireText(answer.json, 'authorization_code'), {
      ...call,
      nonce,
      codeVerifier,
    });
  }

  /** Mails another code. Too soon after the last, it throws with `retryAfterSeconds`. */
  async resend(pending: unknown, call: CallOptions = {}): Promise<void> {
    const [auth_session] = unpack(pending, 3);
    const answer = await this.#ask({ auth_session, resend: 'true' }, call);
    this.#sessionIn(answer);
  }

  #ask(fields: Readonly<Record<string, string | undefined>>, call: CallOptions): Promise<HttpAnswer> {
    const { clientId: client_id, clientSecret: client_secret } = this.#options.credentials;
    const form = Object.entries({ client_id, client_secret, ...fields }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    );
    return this.#options.send({
      ...call,
      method: 'POST',
      url: this.#options.url,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(form).toString(),
      idempotent: false,
    });
  }

  /** That a code is needed is what a good call is answered with. */
  #sessionIn(answer: HttpAnswer): string {
    if (answer.status === 400 && answer.json?.error === 'insufficient_authorization')
      return requireText(answer.json, 'auth_session');
    throw oauthErrorOf(answer, [this.#options.credentials.clientSecret]);
  }
}
