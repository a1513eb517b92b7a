import { isIP } from 'node:net';
import { isLinkLocal, isPublicAddress } from '../../platform/http/networks.ts';

/** Whom an address may belong to: everybody's, or where the owner has said so a private network's. */
export type Reach = 'public' | 'private';

const URL_MAX = 2000;

/** Below 1024 live mail servers, shells and printers, which understand more than they should. */
const LOW_PORTS: readonly string[] = ['', '80', '443'];

/** Why nothing may be sent to an address; undefined where it may. Names are judged again when they are connected to. */
export function targetFault(text: string, reach: Reach): string | undefined {
  if (text.length > URL_MAX) return `is longer than ${URL_MAX} characters`;
  if (!URL.canParse(text)) return 'is no URL: write it like https://app.example.com/webhooks';
  const url = new URL(text);
  const wanted = reach === 'private' ? 'https:// or http://' : 'https://';
  if (url.protocol !== 'https:' && !(reach === 'private' && url.protocol === 'http:'))
    return `must begin with ${wanted}`;
  if (url.username !== '' || url.password !== '')
    return 'names a user or password: check the signature instead';
  if (url.hash !== '') return 'has a fragment, which is never sent';
  if (Number(url.port) < 1024 && !LOW_PORTS.includes(url.port))
    return `has the port ${url.port}: use 443, 80 or one above 1023`;
  return hostFault(url.hostname.replace(/^\[|\]$/g, ''), reach);
}

function hostFault(host: string, reach: Reach): string | undefined {
  if (host === '') return 'names no host';
  if (isIP(host) !== 0 && isLinkLocal(host)) return 'is link-local: nothing is ever sent there';
  if (reach === 'private') return undefined;
  const isInside =
    isIP(host) !== 0 ? !isPublicAddress(host) : /(^|\.)(localhost|local|internal)\.?$/i.test(host);
  return isInside ? 'belongs to a private network' : undefined;
}
