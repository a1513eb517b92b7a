import { PosternUsageError } from '../errors.ts';
import type { CallOptions } from '../http.ts';
import type { ApiCaller } from './caller.ts';

/** Which words the mail has: those for somebody who comes back, or for somebody new. */
export const TemplateType = { SIGNIN: 'SIGNIN', SIGNUP: 'SIGNUP' } as const;
export type TemplateType = keyof typeof TemplateType;
/** What the mail holds, as the server's owner has decided. */
export type PasswordlessType = 'OTP' | 'LINK' | 'LINK_OTP';

export interface SendPasswordlessOptions extends CallOptions {
  /** Also taken as the numbers 1 and 2. */
  readonly template?: TemplateType | 1 | 2 | undefined;
  /** Given back by `verifyPasswordlessEmail`; at most 1000 characters. */
  readonly state?: string | undefined;
  /** Where the mailed link leads; the token is added to it as `link_token`. Needed where mails hold a link. */
  readonly magiclinkAuthUri?: string | undefined;
  /** Seconds, 60 to 3600; by default what the server's owner has set. */
  readonly expiresIn?: number | undefined;
  /** For templates of the owner: at most 30. */
  readonly templateVariables?: Readonly<Record<string, string>> | undefined;
}

export interface SendPasswordlessResponse {
  /** To be kept for `verifyPasswordlessEmail` and `resendPasswordlessEmail`. */
  readonly authRequestId: string;
  /** Seconds since 1970: `new Date(expiresAt * 1000)`. */
  readonly expiresAt: number;
  /** Seconds. */
  readonly expiresIn: number;
  readonly passwordlessType: PasswordlessType;
}

export interface VerifyPasswordlessResponse {
  /** The address that was proved. */
  readonly email: string;
  readonly state?: string;
  readonly template?: TemplateType;
  readonly passwordlessType: PasswordlessType;
}

export interface PasswordlessCredential {
  readonly code?: string | undefined;
  readonly linkToken?: string | undefined;
}

const TEMPLATES = ['SIGNIN', 'SIGNUP'] as const;

/** Proving an address on the app's own pages: Postern mails and judges, the app shows. */
export class PasswordlessClient {
  readonly #api: ApiCaller;

  constructor(api: ApiCaller) {
    this.#api = api;
  }

  /** Mails a code, a link or both. Refused with `too_many_attempts` after two mails a minute to one address. */
  async sendPasswordlessEmail(
    email: string,
    options: SendPasswordlessOptions = {},
  ): Promise<SendPasswordlessResponse> {
    requireText(email, 'Email must be a valid string');
    const { template, state, magiclinkAuthUri, expiresIn, templateVariables } = options;
    const body = {
      email,
      template: templateOf(template),
      state,
      magiclinkAuthUri,
      expiresIn,
      templateVariables,
    };
    return this.#api.call({ method: 'POST', path: '/passwordless/email/send', body, call: options });
  }

  /** Another mail of the same sign-in; its id stays. */
  async resendPasswordlessEmail(
    authRequestId: string,
    call?: CallOptions,
  ): Promise<SendPasswordlessResponse> {
    requireText(authRequestId, 'authRequestId is required');
    return this.#api.call({
      method: 'POST',
      path: '/passwordless/email/resend',
      body: { authRequestId },
      call,
    });
  }

  /**
   * The address behind a code or a link. Refused with `verification_failed`, `auth_request_expired` or
   * `too_many_attempts`. A code needs the id of its sign-in; a link does so only where the owner wants the same browser.
   */
  async verifyPasswordlessEmail(
    { code, linkToken }: PasswordlessCredential,
    authRequestId?: string,
    call?: CallOptions,
  ): Promise<VerifyPasswordlessResponse> {
    if (!code && !linkToken) throw new PosternUsageError('Either code or linkToken must be provided');
    const body = { ...(code ? { code } : { linkToken }), authRequestId };
    return this.#api.call({ method: 'POST', path: '/passwordless/email/verify', body, call });
  }
}

function requireText(value: unknown, message: string): void {
  if (typeof value !== 'string' || value === '') throw new PosternUsageError(message);
}

function templateOf(template: SendPasswordlessOptions['template']): TemplateType | undefined {
  if (template === undefined) return undefined;
  const known = TEMPLATES.find((name, at) => name === template || at + 1 === template);
  if (known === undefined) throw new PosternUsageError('Invalid template type');
  return known;
}
