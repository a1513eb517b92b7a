// What an app may expect: sessions, codes and tokens, written from the specification and not from the product.

/** Two people, and somebody who wants to be one of them; each has an address and a browser. */
export const PEOPLE = ['ann', 'bob', 'mallory'] as const;
export type Who = (typeof PEOPLE)[number];

export const APPS = ['Acme', 'Other'] as const;
export type App = (typeof APPS)[number];

/** A person signed in in one browser. */
export interface Session {
  readonly browser: Who;
  readonly person: Who;
  readonly grants: Map<App, Grant>;
  ended: boolean;
}

interface Grant {
  readonly person: Who;
  ended: boolean;
}

export interface AppCode {
  readonly app: App;
  readonly grant: Grant;
  readonly issuedAt: number;
  used: boolean;
  /** What the product called it, once it is there. */
  value: string;
}

export interface RefreshToken {
  readonly app: App;
  readonly grant: Grant;
  rotatedAt?: number;
  value: string;
  /** What the app got for it. */
  answer?: string;
}

export type TokenAnswer =
  | { kind: 'tokens'; person: Who; token: RefreshToken }
  | { kind: 'same'; answer: string | undefined }
  | { kind: 'refused' };

const CODE_LIFE = 60_000;
const REPLAY_FOR = 10_000;

export interface Surroundings {
  readonly now: () => number;
  /** Counts an event that the product must have recorded. */
  readonly happened: (type: string) => void;
}

export class AppRules {
  readonly codes: AppCode[] = [];
  readonly tokens: RefreshToken[] = [];
  readonly #sessions = new Map<Who, Session>();
  readonly #around: Surroundings;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  sessionIn(browser: Who): Session | undefined {
    const session = this.#sessions.get(browser);
    return session?.ended ? undefined : session;
  }

  /** Somebody else who was signed in there is no longer. */
  signIn(browser: Who, person: Who): Session {
    if (browser === 'mallory' && person !== 'mallory') throw new Error('the model lets the attacker in');
    const known = this.sessionIn(browser);
    this.#around.happened('session.started');
    if (known?.person === person) return known;
    if (known) this.end(known);
    const session = { browser, person, grants: new Map<App, Grant>(), ended: false };
    this.#sessions.set(browser, session);
    return session;
  }

  /** A session ends with all that was issued under it. */
  end(session: Session): void {
    if (session.ended) return;
    session.ended = true;
    for (const grant of session.grants.values()) grant.ended = true;
    this.#around.happened('session.ended');
  }

  /** The app gets a code for whoever is signed in. */
  issueCode(session: Session, app: App): void {
    const known = session.grants.get(app);
    const grant = known && !known.ended ? known : { person: session.person, ended: false };
    session.grants.set(app, grant);
    this.codes.push({ app, grant, issuedAt: this.#around.now(), used: false, value: '' });
  }

  redeem(code: AppCode, by: App): TokenAnswer {
    const isLate = this.#around.now() >= code.issuedAt + CODE_LIFE;
    if (by !== code.app || isLate || code.grant.ended) return { kind: 'refused' };
    if (code.used) {
      code.grant.ended = true;
      return { kind: 'refused' };
    }
    code.used = true;
    return this.#issueTokens(code);
  }

  refresh(token: RefreshToken, by: App): TokenAnswer {
    if (by !== token.app || token.grant.ended) return { kind: 'refused' };
    if (token.rotatedAt === undefined) {
      token.rotatedAt = this.#around.now();
      return this.#issueTokens(token);
    }
    if (this.#around.now() - token.rotatedAt < REPLAY_FOR) return { kind: 'same', answer: token.answer };
    token.grant.ended = true;
    return { kind: 'refused' };
  }

  #issueTokens({ app, grant }: { app: App; grant: Grant }): TokenAnswer {
    const token = { app, grant, value: '' };
    this.tokens.push(token);
    this.#around.happened('token.issued');
    return { kind: 'tokens', person: grant.person, token };
  }
}
