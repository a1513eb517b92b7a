import { connect, type Socket } from 'node:net';

/** One answer as it came over the wire: header names keep their order and their writing. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
  readonly body: string;
}

/** A request as bytes may say it: nothing is added but what is written here. */
export interface RawRequest {
  readonly method?: string;
  readonly target: string;
  readonly version?: '1.0' | '1.1';
  readonly headers?: ReadonlyArray<readonly [name: string, value: string]>;
  readonly body?: string | Buffer;
}

/** The value of a header, whatever the case of its name; several values are joined by a line break. */
export function headerOf(answer: Pick<RawAnswer, 'headers'>, name: string): string | undefined {
  const values = valuesOf(answer, name);
  return values.length === 0 ? undefined : values.join('\n');
}

export function valuesOf(answer: Pick<RawAnswer, 'headers'>, name: string): string[] {
  return answer.headers.filter(([known]) => known.toLowerCase() === name).map(([, value]) => value);
}

/** The bytes of a request; a body brings its length unless the headers say how it travels. */
export function rawRequest(request: RawRequest): Buffer {
  const { method = 'GET', target, version = '1.1', headers = [], body } = request;
  const framed = headers.some(([name]) => /^(?:content-length|transfer-encoding)$/i.test(name));
  const length = body === undefined || framed ? [] : [['Content-Length', String(Buffer.byteLength(body))]];
  const lines = [...headers, ...length].map(([name, value]) => `${name}: ${value}\r\n`);
  const head = Buffer.from(`${method} ${target} HTTP/${version}\r\n${lines.join('')}\r\n`, 'latin1');
  return Buffer.concat([head, typeof body === 'string' ? Buffer.from(body) : (body ?? Buffer.alloc(0))]);
}

/** Sends one request on a connection of its own and gives its answer; none when the server only hangs up. */
export async function exchange(port: number, request: RawRequest): Promise<RawAnswer | undefined> {
  const headers = [...(request.headers ?? []), ['Connection', 'close'] as const];
  const [answer] = await exchangeBytes(port, rawRequest({ ...request, headers }));
  return answer;
}

export interface ByteOptions {
  /** Ends our half once everything is written, as a client that hangs up. */
  readonly end?: boolean;
  /** Milliseconds without a byte from the server after which what came is all there is. */
  readonly quietFor?: number;
}

/** Writes bytes as they are and reads every answer until the server hangs up or falls silent. */
export async function exchangeBytes(
  port: number,
  bytes: string | Buffer,
  { end = false, quietFor = 1500 }: ByteOptions = {},
): Promise<RawAnswer[]> {
  const chunks: Buffer[] = [];
  await new Promise<void>((resolve) => {
    const socket: Socket = connect(port, '127.0.0.1');
    socket.setTimeout(quietFor, () => socket.destroy());
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', () => undefined); // a reset is an answer too: what came before it counts
    socket.on('close', () => resolve());
    if (end) socket.end(bytes);
    else socket.write(bytes);
  });
  return parseAnswers(Buffer.concat(chunks));
}

/** Reads answers that follow one another; an answer to HEAD must come last, for its body is not there. */
export function parseAnswers(bytes: Buffer): RawAnswer[] {
  const answers: RawAnswer[] = [];
  let rest = bytes;
  while (rest.length > 0) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) throw new Error(`not HTTP: ${rest.subarray(0, 200).toString('latin1')}`);
    const head = parseHead(rest.subarray(0, end).toString('latin1'));
    const { body, length } = readBody(rest.subarray(end + 4), head);
    answers.push({ ...head, body });
    rest = rest.subarray(end + 4 + length);
  }
  return answers.filter(({ status }) => status >= 200);
}

function parseHead(head: string): Pick<RawAnswer, 'status' | 'headers'> {
  const [first = '', ...lines] = head.split('\r\n');
  const status = Number(/^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(first)?.[1]);
  if (!status) throw new Error(`not a status line: ${first.slice(0, 200)}`);
  const headers = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
  });
  return { status, headers };
}

function readBody(
  rest: Buffer,
  head: Pick<RawAnswer, 'status' | 'headers'>,
): { body: string; length: number } {
  if (head.status < 200 || head.status === 204 || head.status === 304) return { body: '', length: 0 };
  if (/chunked/i.test(headerOf(head, 'transfer-encoding') ?? '')) return readChunks(rest);
  const length = Math.min(Number(headerOf(head, 'content-length') ?? rest.length), rest.length);
  return { body: rest.subarray(0, length).toString('utf8'), length };
}

function readChunks(rest: Buffer): { body: string; length: number } {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const line = rest.indexOf('\r\n', at);
    const size = Number.parseInt(rest.subarray(at, line).toString('latin1'), 16);
    if (line < 0 || Number.isNaN(size)) break;
    parts.push(rest.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
    if (size === 0) break;
  }
  return { body: Buffer.concat(parts).toString('utf8'), length: Math.min(at, rest.length) };
}
