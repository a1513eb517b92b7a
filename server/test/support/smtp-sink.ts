import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { domainToASCII } from 'node:url';
import { type ParsedMail, simpleParser } from 'mailparser';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

/** How the sink treats what comes next. Codes are SMTP replies; `times` bounds it, for ever by default. */
export type Trouble = { readonly times?: number } & (
  | { readonly at: 'connect' | 'mail' | 'rcpt' | 'data'; readonly code: number; readonly says?: string }
  /** Hangs up before the greeting. */
  | { readonly at: 'connect'; readonly hangUp: true }
  /** Takes the whole message and never answers. */
  | { readonly at: 'data'; readonly hang: true }
  /** Takes the whole message and hangs up without an answer. */
  | { readonly at: 'data'; readonly drop: true }
  /** Answers each message this many milliseconds late. */
  | { readonly at: 'data'; readonly delay: number }
);

export interface SinkMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly raw: string;
  parsed(): Promise<ParsedMail>;
}

export interface SmtpSink {
  readonly url: string;
  readonly port: number;
  /** Messages that were accepted. */
  readonly mails: SinkMail[];
  /** Messages that were received in full, accepted or not. */
  readonly received: SinkMail[];
  /** Every recipient that was asked for, in the order of the commands. */
  readonly recipients: string[];
  /** All that clients sent, as bytes read as Latin-1. */
  transcript(): string;
  connections(): number;
  /** Replaces the trouble there was. */
  trouble(next?: Trouble): void;
  waitFor(address: string, milliseconds?: number): Promise<SinkMail>;
  close(): Promise<void>;
}

/** A real SMTP server on a free port of this machine that keeps what it gets. */
export async function startSmtpSink(
  options: SMTPServerOptions & { readonly port?: number } = {},
): Promise<SmtpSink> {
  const sink = new Sink(options);
  await sink.listen(options.port ?? 0);
  return sink;
}

type Done = (failure?: Error) => void;

class Sink implements SmtpSink {
  readonly mails: SinkMail[] = [];
  readonly received: SinkMail[] = [];
  readonly recipients: string[] = [];
  readonly #server: SMTPServer;
  #trouble: Trouble | undefined;
  #left = 0;
  #connections = 0;
  #bytes = '';

  constructor(options: SMTPServerOptions) {
    this.#server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      disableReverseLookup: true,
      closeTimeout: 100,
      ...options,
      onConnect: (_session, done) => this.#meet('connect', done),
      onMailFrom: (_address, _session, done) => this.#meet('mail', done),
      onRcptTo: ({ address }, _session, done) => {
        this.recipients.push(asSent(address));
        this.#meet('rcpt', done);
      },
      onData: (stream, session, done) => void this.#take(stream, session, done),
    });
    this.#server.on('error', () => undefined);
    this.#server.server.prependListener('connection', (socket) => {
      this.#connections += 1;
      if (this.#current('connect') && this.#trouble && 'hangUp' in this.#trouble) {
        this.#spend();
        socket.destroy();
      }
      socket.on('data', (chunk: Buffer) => {
        this.#bytes += chunk.toString('latin1');
      });
    });
  }

  get port(): number {
    return (this.#server.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `smtp://127.0.0.1:${this.port}`;
  }

  async listen(port: number): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server.server, 'listening');
  }

  transcript(): string {
    return this.#bytes;
  }

  connections(): number {
    return this.#connections;
  }

  trouble(next?: Trouble): void {
    this.#trouble = next;
    this.#left = next?.times ?? Number.POSITIVE_INFINITY;
  }

  async waitFor(address: string, milliseconds = 5000): Promise<SinkMail> {
    for (let waited = 0; waited < milliseconds; waited += 5) {
      const found = this.mails.findLast((mail) => mail.to.includes(address));
      if (found) return found;
      await sleep(5);
    }
    throw new Error(`no mail to ${address} within ${milliseconds} ms`);
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #current(at: Trouble['at']): Trouble | undefined {
    return this.#trouble?.at === at && this.#left > 0 ? this.#trouble : undefined;
  }

  #spend(): void {
    this.#left -= 1;
  }

  #meet(at: 'connect' | 'mail' | 'rcpt', done: Done): void {
    const trouble = this.#current(at);
    const refuses = trouble !== undefined && 'code' in trouble;
    if (refuses) this.#spend();
    done(refuses ? refusal(trouble) : undefined);
  }

  async #take(
    stream: NodeJS.ReadableStream,
    session: {
      envelope: { mailFrom: false | { address: string }; rcptTo: { address: string }[] };
      id: string;
    },
    done: Done,
  ): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(Buffer.from(chunk));
    const raw = Buffer.concat(chunks);
    const mail: SinkMail = {
      from: session.envelope.mailFrom ? session.envelope.mailFrom.address : '',
      to: session.envelope.rcptTo.map(({ address }) => asSent(address)),
      raw: raw.toString('utf8'),
      parsed: () => simpleParser(raw),
    };
    this.received.push(mail);
    const trouble = this.#current('data');
    if (!trouble) {
      this.mails.push(mail);
      return done();
    }
    this.#spend();
    return this.#mistreat(trouble, mail, { id: session.id, done });
  }

  async #mistreat(trouble: Trouble, mail: SinkMail, client: { id: string; done: Done }): Promise<void> {
    if ('code' in trouble) return client.done(refusal(trouble));
    if ('drop' in trouble) {
      for (const connection of this.#server.connections) if (connection.id === client.id) connection.close();
      return undefined;
    }
    if (!('delay' in trouble)) return undefined;
    await sleep(trouble.delay);
    this.mails.push(mail);
    return client.done();
  }
}

function refusal({ code, says = 'no' }: { code: number; says?: string }): Error {
  return Object.assign(new Error(says), { responseCode: code });
}

/** The server reads A-labels as what they stand for; this is what was on the wire. */
function asSent(address: string): string {
  const at = address.lastIndexOf('@');
  return `${address.slice(0, at + 1)}${domainToASCII(address.slice(at + 1))}`;
}
