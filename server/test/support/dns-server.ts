import { createSocket, type RemoteInfo } from 'node:dgram';
import { Resolver } from 'node:dns/promises';

/** What a zone says of a domain; a domain that is not listed does not exist. */
export interface Zone {
  readonly mx?: ReadonlyArray<readonly [priority: number, host: string]>;
  readonly a?: readonly string[];
  readonly aaaa?: readonly string[];
  /** Says nothing to these questions. */
  readonly silent?: 'all' | 'addresses';
  readonly failure?: 'SERVFAIL' | 'REFUSED';
}

export interface DnsServer {
  /** Asks this server only. */
  readonly resolver: Resolver;
  readonly zones: Map<string, Zone>;
  /** Each question that came, as `MX example.com`. */
  readonly asked: string[];
  stop(): Promise<void>;
}

const TYPES: Readonly<Record<number, 'A' | 'MX' | 'AAAA'>> = { 1: 'A', 15: 'MX', 28: 'AAAA' };
const NUMBERS = { A: 1, MX: 15, AAAA: 28 } as const;
const CODES = { SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const;

/** A DNS server (RFC 1035) over UDP on 127.0.0.1 that knows what it is told. */
export async function startDnsServer(zones: Record<string, Zone>): Promise<DnsServer> {
  const socket = createSocket('udp4');
  const known = new Map(Object.entries(zones));
  const asked: string[] = [];
  socket.on('message', (query: Buffer, from: RemoteInfo) => {
    const { name, type, end } = questionOf(query);
    asked.push(`${type} ${name}`);
    const zone = known.get(name);
    if (zone?.silent === 'all' || (zone?.silent === 'addresses' && type !== 'MX')) return;
    const answer = answerTo(query, { end, zone, type });
    socket.send(answer, from.port, from.address);
  });
  await new Promise<void>((listening) => socket.bind(0, '127.0.0.1', listening));
  const resolver = new Resolver({ timeout: 500, tries: 1 });
  resolver.setServers([`127.0.0.1:${socket.address().port}`]);
  return {
    resolver,
    zones: known,
    asked,
    stop: async () => {
      resolver.cancel();
      await new Promise<void>((closed) => socket.close(closed));
    },
  };
}

interface Question {
  readonly end: number;
  readonly zone: Zone | undefined;
  readonly type: string;
}

function questionOf(query: Buffer) {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const type = TYPES[query.readUInt16BE(at + 1)] ?? 'other';
  return { name: labels.join('.').toLowerCase(), type, end: at + 5 };
}

function answerTo(query: Buffer, { end, zone, type }: Question): Buffer {
  const records = zone === undefined || zone.failure ? [] : recordsOf(zone, type);
  const code = zone === undefined ? CODES.NXDOMAIN : zone.failure ? CODES[zone.failure] : 0;
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(0x8180 | code, 2);
  header.writeUInt16BE(records.length, 6);
  header.writeUInt32BE(0, 8);
  return Buffer.concat([header, query.subarray(12, end), ...records]);
}

function recordsOf(zone: Zone, type: string): Buffer[] {
  switch (type) {
    case 'MX':
      return (zone.mx ?? []).map(([priority, host]) =>
        record('MX', Buffer.concat([Buffer.from([priority >> 8, priority & 255]), nameBytes(host)])),
      );
    case 'A':
      return (zone.a ?? []).map((address) => record('A', Buffer.from(address.split('.').map(Number))));
    case 'AAAA':
      return (zone.aaaa ?? []).map((address) => record('AAAA', Buffer.from(address, 'hex')));
    default:
      return [];
  }
}

/** The name of the question, by pointer; class IN; to be kept for a minute. */
function record(type: keyof typeof NUMBERS, data: Buffer): Buffer {
  const head = Buffer.from([
    0xc0,
    12,
    0,
    NUMBERS[type],
    0,
    1,
    0,
    0,
    0,
    60,
    data.length >> 8,
    data.length & 255,
  ]);
  return Buffer.concat([head, data]);
}

function nameBytes(host: string): Buffer {
  const labels = host === '.' ? [] : host.split('.');
  const bytes = labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)]);
  return Buffer.concat([...bytes, Buffer.from([0])]);
}
