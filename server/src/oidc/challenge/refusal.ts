/** The words of RFC 6749, and of the authorization challenge endpoint, for what was refused. */
const STATUSES = {
  invalid_request: 400,
  invalid_client: 401,
  unauthorized_client: 400,
  invalid_session: 400,
  access_denied: 400,
  redirect_to_web: 400,
  temporarily_unavailable: 429,
} as const;

export type ChallengeError = keyof typeof STATUSES;

/** A refusal to an app, in the form of RFC 6749 section 5.2. */
export class ChallengeRefusal extends Error {
  readonly error: ChallengeError;
  readonly description: string;
  /** 0 where waiting does not help. */
  readonly retryAfterMs: number;
  override name = 'ChallengeRefusal';

  constructor(error: ChallengeError, description: string, retryAfterMs = 0) {
    super(`${error}: ${description}`);
    this.error = error;
    this.description = description;
    this.retryAfterMs = retryAfterMs;
  }

  get status(): number {
    return STATUSES[this.error];
  }
}
