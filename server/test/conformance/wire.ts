import { readFileSync } from 'node:fs';
import {
  type ClientHttp2Session,
  type ClientSessionOptions,
  connect,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';

/** What a client sent; `fixtures/wire/README.md` says what the members are. */
interface Exchange {
  readonly protocol: 'http/1.1' | 'h2';
  readonly raw?: string;
  readonly headers?: readonly (readonly [string, string])[];
  readonly message?: string;
  readonly form?: string;
}

interface Recording {
  readonly sdk: string;
  readonly scenarios: Readonly<Record<string, readonly Exchange[]>>;
}

/** What stands for the placeholders. */
export type Values = Record<string, string>;

export interface WireAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** gRPC's own, of the trailers or, without a message, of the headers. */
  readonly grpcStatus: number | undefined;
  readonly grpcMessage: string;
  /** The headers ended the stream: no data and no trailers came. */
  readonly headersOnly: boolean;
}

/** What `authorization` may be on the wire; the types do not know the option yet. */
const REPEATABLE: ClientSessionOptions & { strictSingleValueFields: boolean } = {
  strictSingleValueFields: false,
};

const FOLDER = join(import.meta.dirname, '..', 'fixtures', 'wire');

export function recordingOf(name: string): Recording {
  return JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8'));
}

/** Sends the requests of one scenario again, in their order, over connections as the client had them. */
export class Replay {
  readonly values: Values;
  readonly #url: string;
  readonly #exchanges: readonly Exchange[];
  #at = 0;
  #session: ClientHttp2Session | undefined;

  constructor(exchanges: readonly Exchange[], to: { url: string; values: Values }) {
    this.#exchanges = exchanges;
    this.#url = to.url;
    this.values = { host: new URL(to.url).host, ...to.values };
  }

  /** Sends the next request, its path changed where wanted. A token of the client's own fills the next ones. */
  async next(change: (path: string) => string = (path) => path): Promise<WireAnswer> {
    const exchange = this.#exchanges[this.#at];
    if (exchange === undefined) throw new Error('the recording has ended');
    this.#at += 1;
    const answer =
      exchange.protocol === 'h2'
        ? await this.#overHttp2(exchange, change)
        : await this.#raw(exchange, change);
    if (JSON.stringify(exchange).includes('client_credentials')) this.#keepToken(answer);
    return answer;
  }

  /** Sends the last request again, as it was but for the values. */
  again(): Promise<WireAnswer> {
    this.#at -= 1;
    return this.next();
  }

  get left(): number {
    return this.#exchanges.length - this.#at;
  }

  close(): void {
    this.#session?.close();
  }

  #keepToken({ body }: WireAnswer): void {
    const { access_token: token } = JSON.parse(body.toString());
    const named = JSON.stringify(this.#exchanges).includes('{{token_2}}') && 'token' in this.values;
    this.values[named ? 'token_2' : 'token'] = token;
  }

  #overHttp2(
    { headers = [], message, form = '' }: Exchange,
    change: (path: string) => string,
  ): Promise<WireAnswer> {
    const body =
      message === undefined
        ? Buffer.from(filledForm(form, this.values))
        : filledFrame(Buffer.from(message, 'base64'), this.values);
    const list = headers.flatMap(([name, value]) => [
      name,
      name === 'content-length'
        ? String(body.length)
        : filled(name === ':path' ? change(value) : value, this.values),
    ]);
    this.#session ??= connect(this.#url, REPEATABLE);
    const stream = this.#session.request(list, { endStream: body.length === 0 });
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let told: IncomingHttpHeaders = {};
      let headersOnly = false;
      stream.on('response', (received, flags) => {
        told = { ...told, ...received };
        headersOnly = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
      });
      stream.on('trailers', (trailers) => {
        told = { ...told, ...trailers };
      });
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('error', reject);
      stream.on('end', () =>
        resolve({ ...answerOf(told, Number(told[':status']), Buffer.concat(chunks)), headersOnly }),
      );
      if (body.length > 0) stream.end(body);
    });
  }

  #raw({ raw = '' }: Exchange, change: (path: string) => string): Promise<WireAnswer> {
    const [head = '', body = ''] = raw.split('\r\n\r\n');
    const form = filledForm(body, this.values);
    const lines = filled(head.replace(/(?<= )\/\S*/, change), this.values).replace(
      /^(content-length: )\d+$/im,
      `$1${Buffer.byteLength(form)}`,
    );
    const { hostname, port } = new URL(this.#url);
    const given = { host: hostname, servername: hostname, port: Number(port) };
    const socket = connectTls({ ...given, ALPNProtocols: ['http/1.1'] });
    return new Promise((resolve, reject) => {
      let text = '';
      socket.setEncoding('latin1');
      socket.on('error', reject);
      socket.on('data', (chunk: string) => {
        text += chunk;
        const answer = parsed(text);
        if (answer === undefined) return;
        socket.destroy();
        resolve(answer);
      });
      socket.write(Buffer.from(`${lines}\r\n\r\n${form}`, 'latin1'));
    });
  }
}

function answerOf(told: IncomingHttpHeaders, status: number, body: Buffer): WireAnswer {
  const grpcStatus = told['grpc-status'];
  return {
    status,
    headers: told,
    body,
    grpcStatus: grpcStatus === undefined ? undefined : Number(grpcStatus),
    grpcMessage: decodeURIComponent(String(told['grpc-message'] ?? '')),
    headersOnly: false,
  };
}

/** A whole HTTP/1.1 answer with a content length, or nothing as long as some of it is missing. */
function parsed(text: string): WireAnswer | undefined {
  const at = text.indexOf('\r\n\r\n');
  if (at < 0) return undefined;
  const [statusLine = '', ...lines] = text.slice(0, at).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
  );
  const body = text.slice(at + 4);
  if (body.length < Number(headers['content-length'])) return undefined;
  return answerOf(headers, Number(statusLine.split(' ')[1]), Buffer.from(body, 'latin1'));
}

function filled(text: string, values: Values): string {
  return text.replace(/\{\{(\w+)\}\}/g, (_whole, name: string) => standingFor(values, name));
}

function filledForm(text: string, values: Values): string {
  return text.replace(/%7B%7B(\w+)%7D%7D/g, (_whole, name: string) =>
    encodeURIComponent(standingFor(values, name)),
  );
}

function standingFor(values: Values, name: string): string {
  const value = values[name];
  if (value === undefined) throw new Error(`nothing stands for {{${name}}}`);
  return value;
}

/** A gRPC frame whose placeholders, each the whole of a field, are filled in: their lengths and the frame's follow. */
function filledFrame(frame: Buffer, values: Values): Buffer {
  const parts: Buffer[] = [];
  for (let at = 5; at < frame.length; ) {
    const key = varint(frame, at);
    const value = varint(frame, key.end);
    const isText = (key.value & 7) === 2;
    const end = isText ? value.end + value.value : value.end;
    const text = isText ? frame.toString('utf8', value.end, end) : '';
    const whole = /^\{\{\w+\}\}$/.test(text);
    const content = Buffer.from(whole ? filled(text, values) : '');
    parts.push(
      whole
        ? Buffer.concat([frame.subarray(at, key.end), asVarint(content.length), content])
        : frame.subarray(at, end),
    );
    at = end;
  }
  const message = Buffer.concat(parts);
  const head = Buffer.from(frame.subarray(0, 5));
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function varint(bytes: Buffer, from: number): { value: number; end: number } {
  let value = 0;
  for (let at = from, shift = 0; ; at += 1, shift += 7) {
    const byte = bytes[at] ?? 0;
    value |= (byte & 127) << shift;
    if (byte < 128) return { value, end: at + 1 };
  }
}

function asVarint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}
