import { isLoopbackHost } from '../../core/redirect-uri.ts';
import type { Config } from '../../platform/config.ts';
import { SECRET_BYTES_MIN } from '../../platform/config-values.ts';
import type { Finding } from '../../platform/finding.ts';

/** What the environment alone tells: the public address and the master secret. */
export function environmentFindings(config: Config): Finding[] {
  return [urlFinding(config), secretFinding(config)];
}

function urlFinding({ url }: Config): Finding {
  const why = 'Codes, cookies and tokens travel over it: without https everybody on the way reads them.';
  const { protocol, hostname } = new URL(url);
  if (protocol === 'https:') return { id: 'url', status: 'ok', what: `The public address is ${url}.`, why };
  if (isLoopbackHost(hostname))
    return { id: 'url', status: 'ok', what: `The public address is ${url}, for this machine only.`, why };
  return {
    id: 'url',
    status: 'fail',
    what: `The public address is ${url}, without encryption.`,
    why,
    fix: 'Set POSTERN_URL to an https address; http is for localhost, 127.0.0.1 and [::1] only.',
  };
}

function secretFinding({ secrets }: Config): Finding {
  const why = 'It seals the signing keys and hashes every code: who guesses it signs in as anybody.';
  const shortest = Math.min(...secrets.map((secret) => Buffer.byteLength(secret)));
  const more = secrets.length - 1;
  const older = more === 0 ? '' : `, and ${more} older ${more === 1 ? 'one is' : 'ones are'} still read`;
  if (shortest >= SECRET_BYTES_MIN)
    return { id: 'secret', status: 'ok', what: `The master secret has ${shortest} bytes${older}.`, why };
  return {
    id: 'secret',
    status: 'fail',
    what: `A master secret has ${shortest} bytes, fewer than ${SECRET_BYTES_MIN}.`,
    why,
    fix: 'Make one with `openssl rand -base64 48` and list it first in POSTERN_SECRET.',
  };
}
