import { SECOND } from '../core/units.ts';
import { type Delivery, type SessionOptions, SmtpSession } from './smtp-session.ts';

/** Connections that wait for the next mail say goodbye after this long. */
const IDLE_MAX = 60 * SECOND;

/** Relays tire of long conversations; a new one costs little. */
const MAILS_PER_SESSION = 100;

interface Idle {
  readonly session: SmtpSession;
  readonly timer: NodeJS.Timeout;
}

/** A few connections to one mail server, opened when needed and kept for the next mail. */
export class SmtpPool {
  readonly #options: SessionOptions;
  readonly #max: number;
  readonly #idle: Idle[] = [];
  readonly #waiting: (() => void)[] = [];
  #lent = 0;
  #closed = false;

  constructor(options: SessionOptions, max: number) {
    this.#options = options;
    this.#max = max;
  }

  /**
   * Lends a connection to `work`: a kept one, or a new one with `fresh`. Rejects when none can be had.
   * Nothing is sent but by `work`.
   */
  async use(work: (session: SmtpSession) => Promise<Delivery>, fresh = false): Promise<Delivery> {
    if (this.#lent >= this.#max) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#lent += 1;
    let giveBack = Promise.resolve();
    try {
      const session = (fresh ? undefined : this.#kept()) ?? (await SmtpSession.open(this.#options));
      const delivery = await work(session);
      giveBack = this.#keep(session, delivery);
      return delivery;
    } finally {
      void giveBack.then(() => this.#free());
    }
  }

  close(): void {
    this.#closed = true;
    for (const { session, timer } of this.#idle.splice(0)) {
      clearTimeout(timer);
      session.quit();
    }
  }

  #free(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#lent -= 1;
  }

  #kept(): SmtpSession | undefined {
    const idle = this.#idle.pop();
    clearTimeout(idle?.timer);
    return idle?.session;
  }

  /** After a refusal the next mail needs a clean slate; after anything worse, another connection. */
  async #keep(session: SmtpSession, delivery: Delivery): Promise<void> {
    const answered = delivery.accepted || delivery.error.responseCode !== undefined;
    const fit = answered && (delivery.accepted || (await session.reset()));
    if (!fit || session.ended || session.used >= MAILS_PER_SESSION || this.#closed) return session.quit();
    const timer = setTimeout(() => this.#drop(session), IDLE_MAX).unref();
    this.#idle.push({ session, timer });
    session.onEnd = () => this.#drop(session);
  }

  #drop(session: SmtpSession): void {
    const at = this.#idle.findIndex((idle) => idle.session === session);
    if (at >= 0) clearTimeout(this.#idle.splice(at, 1)[0]?.timer);
    session.quit();
  }
}
