import { type LookupAddress, lookup } from 'node:dns';
import { Agent as PlainAgent, type RequestOptions, request as requestPlain } from 'node:http';
import { request as requestTls, Agent as TlsAgent } from 'node:https';
import { isIP, type LookupFunction, type Socket } from 'node:net';
import { SECOND } from '../../core/units.ts';
import { isLinkLocal, isPublicAddress } from './networks.ts';

/** Until name, connection and TLS are done. */
const CONNECT_MAX = 5 * SECOND;

/** Until the whole answer is here. Longer than the connection may take: after it, giving up tells nothing. */
const ANSWER_MAX = 10 * SECOND;

/** Servers end what is idle, and a request that meets the end is a request of which nobody knows. */
const IDLE_MAX = 4 * SECOND;

const SOCKETS_MAX = 16;

/** What an answer may have; the rest is not read. */
const BODY_MAX = 256 * 1024;

export interface OutboundRequest {
  readonly url: string;
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly signal?: AbortSignal | undefined;
  /** Whom the address of the host may belong to: everybody's by default. Link-local ones are never asked. */
  readonly reach?: 'public' | 'private';
  /** Over a connection of its own: one that was kept may end at the very moment of the request. */
  readonly anew?: boolean;
  /** Milliseconds until the whole answer is here; ten seconds by default. */
  readonly within?: number;
}

export interface OutboundAnswer {
  readonly status: number;
  /** Lower-case names; the first value of each. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** Why there is no answer. `began`: the other side may have got the request. */
export class OutboundFailure extends Error {
  readonly began: boolean;
  override name = 'OutboundFailure';

  constructor(message: string, began: boolean, cause?: unknown) {
    super(message, { cause });
    this.began = began;
  }
}

/** One HTTP request to another server. Any status is an answer; rejects with an `OutboundFailure`. */
export type Outbound = (request: OutboundRequest) => Promise<OutboundAnswer>;

/**
 * Requests as our server makes them: certificates are checked, redirects are not followed, times and sizes
 * are bounded, and the address is judged when it is connected to, so that no name can change its mind.
 */
export function createOutbound(): Outbound {
  // A connection is kept for those who may use its address: it was judged for them alone.
  const agents = { public: keptConnections(), private: keptConnections() };
  return (wanted) => {
    const url = URL.canParse(wanted.url) ? new URL(wanted.url) : undefined;
    const { tls, plain } = agents[wanted.reach ?? 'public'];
    if (url?.protocol === 'https:') return exchange(url, wanted, { agent: tls, of: requestTls });
    if (url?.protocol === 'http:') return exchange(url, wanted, { agent: plain, of: requestPlain });
    return Promise.reject(new OutboundFailure('the address is no URL of the web', false));
  };
}

function keptConnections() {
  const options = { keepAlive: true, maxSockets: SOCKETS_MAX, timeout: IDLE_MAX };
  return { tls: new TlsAgent(options), plain: new PlainAgent(options) };
}

interface Means {
  readonly agent: RequestOptions['agent'];
  readonly of: typeof requestTls;
}

async function exchange(url: URL, wanted: OutboundRequest, means: Means): Promise<OutboundAnswer> {
  const reach = wanted.reach ?? 'public';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && !isReachable(host, reach)) throw new OutboundFailure(FORBIDDEN, false);
  const body = wanted.body ?? '';
  const headers = {
    'user-agent': 'Postern',
    ...wanted.headers,
    ...(wanted.method === 'GET' ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
  };
  return new Promise((resolve, reject) => {
    const request = means.of(url, {
      method: wanted.method ?? 'POST',
      headers,
      ...(means.agent && { agent: wanted.anew ? false : means.agent }),
      lookup: lookupWithin(reach),
      ...(wanted.signal && { signal: wanted.signal }),
    });
    const journey = watchOver(request, wanted.within ?? ANSWER_MAX);
    request.once('error', (failure) => {
      journey.end();
      reject(new OutboundFailure(journey.late ?? failure.message, journey.began, failure));
    });
    request.once('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const done = () => {
        journey.end();
        resolve({
          status: response.statusCode ?? 0,
          headers: Object.fromEntries(
            Object.entries(response.headers).map(([name, value]) => [name, first(value)]),
          ),
          body: Buffer.concat(chunks).toString('utf8'),
        });
      };
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= BODY_MAX) chunks.push(chunk);
        else {
          done();
          request.destroy();
        }
      });
      response.once('end', done);
      response.once('error', done); // the status is what counts
    });
    request.end(body);
  });
}

interface Journey {
  began: boolean;
  late: string | undefined;
  end(): void;
}

/** Tells whether a connection was there to write to, and ends what takes too long. */
function watchOver(request: ReturnType<typeof requestTls>, within: number): Journey {
  const giveUp = (after: number, late: string) =>
    setTimeout(() => {
      journey.late = late;
      request.destroy(new Error(late));
    }, after);
  const timers = [
    giveUp(CONNECT_MAX, 'no connection within five seconds'),
    giveUp(within, within === ANSWER_MAX ? 'no answer within ten seconds' : `no answer within ${within} ms`),
  ];
  const journey: Journey = {
    began: false,
    late: undefined,
    end: () => {
      for (const timer of timers) clearTimeout(timer);
    },
  };
  request.once('socket', (socket: Socket) => {
    const ready = () => {
      journey.began = true;
      clearTimeout(timers[0]);
    };
    if (!socket.connecting && socket.writable && request.reusedSocket) ready();
    else socket.once('encrypted' in socket ? 'secureConnect' : 'connect', ready);
  });
  return journey;
}

const FORBIDDEN = 'the address belongs to a private network';

function isReachable(address: string, reach: 'public' | 'private'): boolean {
  return reach === 'private' ? !isLinkLocal(address) : isPublicAddress(address);
}

/** Fails when any of a name's addresses is not to be asked: which one is used is not ours to choose. */
function lookupWithin(reach: 'public' | 'private'): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (failure, found: LookupAddress[]) => {
      if (failure) return callback(failure, '', 0);
      if (found.some(({ address }) => !isReachable(address, reach)))
        return callback(new Error(FORBIDDEN), '', 0);
      const [one] = found;
      return options.all === true
        ? callback(null, found)
        : callback(null, one?.address ?? '', one?.family ?? 0);
    });
  };
}

function first(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
