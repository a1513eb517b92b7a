import { connect, isIP, type Socket } from 'node:net';
import { hostname } from 'node:os';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { DAY, SECOND } from '../../core/units.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Finding } from '../../platform/finding.ts';
import { presentable } from '../transport.ts';
import type { Found, Relay } from './ways.ts';

const CONNECT_MAX = 5 * SECOND;

/** A certificate that ends sooner was not renewed as it should have been. */
const LEFT_MIN = 10 * DAY;

/** What a server says before it is believed to say anything. */
const REPLY_MAX = 8192;

const why =
  'Codes and the password of the mail server travel over it; without TLS everybody on the way reads them.';

/** Connects as for a mail, looks at the encryption, and says goodbye; signs in nowhere and sends nothing. */
export async function tlsFinding(relay: Relay, clock: Clock): Promise<Finding> {
  return { id: 'mail.tls', why, ...(await found(relay, clock)) };
}

async function found(relay: Relay, clock: Clock): Promise<Found> {
  const at = `${relay.host}:${relay.port}`;
  if (relay.tls === 'off') return plain(relay, at);
  const began = AbortSignal.timeout(CONNECT_MAX);
  const raw = connect({ host: relay.host, port: relay.port });
  raw.on('error', () => undefined); // whoever waits hears of it by the end of the connection
  const hangUp = () => raw.destroy(new Error('it took longer than five seconds'));
  began.addEventListener('abort', hangUp);
  try {
    const refusal = relay.tls === 'starttls' ? await startTls(raw) : undefined;
    return refusal ? noTls(at, refusal) : judged(at, await secured(raw, relay.host), clock);
  } catch (failure) {
    const words = presentable(failure instanceof Error ? failure.message : `${failure}`);
    const fix =
      'Check host and port, and let this machine reach the server; port 465 speaks TLS from the first byte.';
    return { status: 'fail', what: `No TLS with ${at}: ${words}.`, fix };
  } finally {
    began.removeEventListener('abort', hangUp);
    raw.destroy();
  }
}

function plain({ host }: Relay, at: string): Found {
  if (host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.')))
    return { status: 'ok', what: `${at} is this machine: no TLS is needed.` };
  const fix =
    'Give the server a certificate, and take tls=off away; keep it only in a network that is yours alone.';
  return { status: 'warn', what: `Mail goes to ${at} without TLS.`, fix };
}

function noTls(at: string, refusal: string): Found {
  const what = `${at} does not offer STARTTLS (${presentable(refusal)}): no mail is handed to it.`;
  const fix =
    'Switch STARTTLS on at the server, or use its port with TLS from the first byte (smtps://, 465).';
  return { status: 'fail', what, fix };
}

/** STARTTLS (RFC 3207). Gives why there is none. */
async function startTls(socket: Socket): Promise<string | undefined> {
  const name = hostname();
  const conversation = replies(socket);
  const greeting = await conversation();
  if (!greeting.startsWith('220')) return lastLine(greeting);
  socket.write(`EHLO ${/^[\w.-]+\.[\w.-]+$/.test(name) ? name : '[127.0.0.1]'}\r\n`);
  const offered = await conversation();
  if (!/^250[ -]STARTTLS\s*$/im.test(offered)) return lastLine(offered);
  socket.write('STARTTLS\r\n');
  const answer = await conversation();
  return answer.startsWith('220') ? undefined : lastLine(answer);
}

function lastLine(reply: string): string {
  return reply.trimEnd().split('\r\n').at(-1) ?? '';
}

/** Reads one whole reply at a time. */
function replies(socket: Socket): () => Promise<string> {
  return () =>
    new Promise((resolve, reject) => {
      let text = '';
      const stop = () => {
        socket.off('data', take).off('close', ended).off('error', reject);
      };
      const ended = () => reject(new Error('the server hung up'));
      const take = (chunk: Buffer) => {
        text += chunk.toString('latin1');
        if (text.length > REPLY_MAX) return ended();
        if (!/(?:^|\r\n)\d{3}(?: [^\r\n]*)?\r\n$/.test(text)) return undefined;
        stop();
        return resolve(text);
      };
      if (socket.destroyed) return ended();
      return void socket.on('data', take).once('close', ended).once('error', reject);
    });
}

/** Old protocols and bad certificates are let through here, to be told apart. */
function secured(socket: Socket, host: string): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const tls = connectTls({
      socket,
      host,
      ...(isIP(host) === 0 && { servername: host }),
      rejectUnauthorized: false,
      minVersion: 'TLSv1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    tls.once('secureConnect', () => resolve(tls));
    tls.on('error', reject);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the server hung up')));
  });
}

function judged(at: string, tls: TLSSocket, clock: Clock): Found {
  const protocol = tls.getProtocol() ?? '';
  const certificate = tls.getPeerCertificate();
  tls.end('QUIT\r\n');
  if (!tls.authorized) return distrusted(at, `${tls.authorizationError}`);
  if (/^(?:SSLv|TLSv1(?:\.1)?$)/.test(protocol)) {
    const fix = 'Switch TLS 1.2 or 1.3 on at the server.';
    return { status: 'fail', what: `${at} speaks ${protocol}, which is broken.`, fix };
  }
  const left = Date.parse(certificate.valid_to) - clock.now();
  const what = `${at} speaks ${protocol} with a certificate that is good until ${certificate.valid_to}.`;
  if (left >= LEFT_MIN) return { status: 'ok', what };
  return { status: 'warn', what, fix: 'Renew the certificate: mail stops on the day it ends.' };
}

const DISTRUST: Readonly<Record<string, readonly [what: string, fix: string]>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: [
    'is for another name',
    'Use the name that stands in the certificate as host, or give the server one for this name.',
  ],
  CERT_HAS_EXPIRED: ['has expired', 'Renew the certificate.'],
  CERT_NOT_YET_VALID: ['is not valid yet', 'Set the clock of this machine, or wait.'],
};

function distrusted(at: string, code: string): Found {
  const [what, fix] = DISTRUST[code] ?? [
    `is signed by nobody known here (${code})`,
    'Give the server a certificate of a public authority with its whole chain, or name your own authority in NODE_EXTRA_CA_CERTS.',
  ];
  return { status: 'fail', what: `The certificate of ${at} ${what}: no mail is handed to it.`, fix };
}
