import { Readable } from 'node:stream';
import SMTPConnection, { type SMTPConnectionOptions } from 'nodemailer/lib/smtp-connection';
import { SECOND } from '../core/units.ts';

/** Silence that a mail server is allowed while a mail is handed over; none is expected in between. */
const SILENCE_MAX = 10 * SECOND;

/**
 * However busily the other side trickles. Two hand-overs and an opening fit into the minute after which
 * other processes take a hand-over for abandoned.
 */
const OPEN_MAX = 10 * SECOND;
const HANDOVER_MAX = 20 * SECOND;

export type SessionOptions = SMTPConnectionOptions & {
  readonly silenceMax?: number;
  readonly login?: { readonly user: string; readonly pass: string };
};

/** What an SMTP client reports; `responseCode` only when the server gave an answer. */
export interface SmtpError extends Error {
  code?: string | undefined;
  command?: string | undefined;
  responseCode?: number | undefined;
}

/** `began` tells whether a byte of the message was given to the connection: before that, nobody has the mail. */
export type Delivery =
  | { readonly accepted: true }
  | { readonly accepted: false; readonly began: boolean; readonly error: SmtpError };

/** One connection to a mail server: greeted, encrypted, logged in, and used for one mail at a time. */
export class SmtpSession {
  readonly #connection: SMTPConnection;
  readonly #silenceMax: number;
  #ended = false;
  /** Mails handed over so far. */
  used = 0;
  /** Called once when the connection is gone. */
  onEnd: () => void = () => undefined;

  private constructor(connection: SMTPConnection, silenceMax: number) {
    this.#connection = connection;
    this.#silenceMax = silenceMax;
    connection.on('end', () => {
      this.#ended = true;
      this.onEnd();
    });
  }

  /** Connects; rejects with an `SmtpError` when the server cannot be reached, trusted or logged in to. */
  static async open(options: SessionOptions): Promise<SmtpSession> {
    const silenceMax = options.silenceMax ?? SILENCE_MAX;
    const connection = new SMTPConnection({ ...options, socketTimeout: silenceMax });
    const session = new SmtpSession(connection, silenceMax);
    const giveUp = setTimeout(() => connection.close(), OPEN_MAX);
    try {
      await connected(connection);
      if (options.login) await loggedIn(connection, options.login);
    } catch (failure) {
      connection.close();
      throw failure;
    } finally {
      clearTimeout(giveUp);
    }
    session.#allowSilence(0);
    return session;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Hands over one message. Never rejects. */
  async send(envelope: { from: string; to: string }, message: Buffer): Promise<Delivery> {
    const content = new Content(message);
    this.used += 1;
    this.#allowSilence(this.#silenceMax);
    const error = await this.#attempt(envelope, content);
    this.#allowSilence(0);
    return error === undefined ? { accepted: true } : { accepted: false, began: content.began, error };
  }

  /** Whether the session is fit for another mail after a refusal. */
  async reset(): Promise<boolean> {
    if (this.#ended) return false;
    this.#allowSilence(this.#silenceMax);
    const clean = await new Promise<boolean>((resolve) => {
      this.onEnd = () => resolve(false);
      this.#connection.reset((error) => resolve(!error));
    });
    this.#allowSilence(0);
    return clean;
  }

  /** Says goodbye, and hangs up whether or not there is an answer. */
  quit(): void {
    if (this.#ended) return;
    this.#allowSilence(SECOND);
    this.#connection.quit();
  }

  #attempt(envelope: { from: string; to: string }, content: Content): Promise<SmtpError | undefined> {
    return new Promise((resolve) => {
      const giveUp = setTimeout(() => {
        resolve(new Error('the mail server took too long'));
        this.#connection.close();
      }, HANDOVER_MAX);
      this.#connection.send({ from: envelope.from, to: [envelope.to] }, content, (error) => {
        clearTimeout(giveUp);
        resolve(error ?? undefined);
      });
    });
  }

  /** An idle connection may be silent for as long as the server likes. */
  #allowSilence(milliseconds: number): void {
    const socket = this.#connection._socket;
    if (socket) socket.setTimeout(milliseconds);
  }
}

/** Read only once the server has said that it wants the message. */
class Content extends Readable {
  began = false;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    super();
    this.#bytes = bytes;
  }

  override _read(): void {
    this.began = true;
    this.push(this.#bytes);
    this.push(null);
  }
}

function connected(connection: SMTPConnection): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.on('error', reject); // stays: an error event that nobody hears ends the process
    connection.once('end', () => reject(new Error('the mail server hung up')));
    connection.connect((error) => (error ? reject(error) : resolve()));
  });
}

function loggedIn(connection: SMTPConnection, login: { user: string; pass: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.once('error', reject);
    connection.once('end', () => reject(new Error('the mail server hung up')));
    if (!connection.allowsAuth) return reject(new Error('the mail server offers no login'));
    return connection.login({ ...login }, (error) => (error ? reject(error) : resolve()));
  });
}
