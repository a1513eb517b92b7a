import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { DeliveryState } from '../../../../src/core/delivery.ts';
import type { MailId } from '../../../../src/core/ids.ts';
import type { WebhookRequest } from '../../../../src/mail/providers/provider.ts';
import { createOutbound, type Outbound } from '../../../../src/platform/http/outbound.ts';

export interface Seen {
  readonly host: string;
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** What a fake does with a request in place of an answer. */
export type Trouble = 'hang up after the request' | 'never answer' | 'answer half';

/** A mail as the provider has understood it. */
export interface SentMail {
  readonly to: string;
  readonly from: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly mailId: string;
  readonly isTracked: boolean;
}

export interface ReportOf {
  readonly mailId: MailId;
  readonly id: string;
  readonly at: number;
}

/** A provider's API as its public documentation shows it. */
export interface FakeProvider {
  readonly kind: string;
  readonly hosts: readonly string[];
  readonly options: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
  readonly accepts: Reply;
  readonly acceptedId: string | undefined;
  readonly refusesRecipient: Reply;
  readonly refusesKey: Reply;
  /** The API's other paths, by `METHOD /path`. */
  readonly paths: Readonly<Record<string, Reply>>;
  sent(request: Seen): SentMail | Promise<SentMail>;
  /** Every event of the provider that means something to us. */
  readonly events: Readonly<Record<string, DeliveryState>>;
  report(event: string, about: ReportOf): WebhookRequest;
  /** How the proof of a report dates it; undefined where it carries no date. */
  readonly isDated: boolean;
  readonly unsuppresses?: readonly string[];
}

/** A server that stands for the hosts of providers, and the way to it. */
export class FakeApi {
  readonly seen: Seen[] = [];
  /** Answers in order; the last one stays. */
  answers: (Reply | Trouble)[] = [];
  paths: Readonly<Record<string, Reply>> = {};
  /** Decides in place of `answers`. */
  answer: ((seen: Seen) => Reply | Trouble) | undefined;
  readonly #server: Server;
  readonly #real: Outbound = createOutbound();

  constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const seen = {
          host: String(request.headers['x-test-host']),
          method: request.method ?? '',
          path: request.url ?? '',
          headers: request.headers,
          body: Buffer.concat(chunks).toString('utf8'),
        };
        this.seen.push(seen);
        const known = this.paths[`${seen.method} ${seen.path.split('?')[0]}`];
        const next = () => (this.answers.length > 1 ? this.answers.shift() : this.answers[0]);
        const reply = known ?? (this.answer ? this.answer(seen) : next());
        if (reply === 'never answer') return;
        if (reply === 'hang up after the request') return void request.socket.destroy();
        if (reply === 'answer half') {
          response.writeHead(200, { 'content-length': '500' }).write('{"');
          return void setTimeout(() => request.socket.destroy(), 10);
        }
        const { status, headers = {}, body } = reply ?? { status: 404 };
        const text = typeof body === 'string' ? body : JSON.stringify(body ?? '');
        response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
      });
    });
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Goes to this server whatever the host; the host that was meant is in `Seen`. */
  readonly outbound: Outbound = (request) => {
    const { host, protocol, pathname, search } = new URL(request.url);
    return this.#real({
      ...request,
      url: `${this.url}${pathname}${search}`,
      headers: { ...request.headers, 'x-test-host': protocol === 'https:' ? host : `not https: ${host}` },
      reach: 'private',
    });
  };

  clear(): void {
    this.seen.length = 0;
    this.answers = [];
    this.paths = {};
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

export function jsonRequest(content: unknown, headers: Record<string, string> = {}): WebhookRequest {
  return { headers, body: Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)) };
}
