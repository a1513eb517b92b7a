import { createHash, createHmac } from 'node:crypto';
import type { Instant } from '../../core/ids.ts';

export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface AwsRequest {
  readonly url: URL;
  readonly method: string;
  readonly body: string;
  readonly region: string;
  readonly service: string;
}

/** The headers that sign a request to AWS (Signature Version 4); send them and no other but `host`. */
export function signAws(keys: AwsKeys, request: AwsRequest, at: Instant): Record<string, string> {
  const time = new Date(at).toISOString().replace(/[:-]|\.\d{3}/g, '');
  const bodyHash = sha256(request.body);
  const signed: Record<string, string> = {
    'content-type': 'application/json',
    host: request.url.host,
    'x-amz-content-sha256': bodyHash,
    'x-amz-date': time,
  };
  const names = Object.keys(signed).join(';');
  const canonical = [
    request.method,
    pathOf(request.url),
    queryOf(request.url),
    ...Object.entries(signed).map(([name, value]) => `${name}:${value}`),
    '',
    names,
    bodyHash,
  ].join('\n');
  const scope = [time.slice(0, 8), request.region, request.service, 'aws4_request'];
  const text = ['AWS4-HMAC-SHA256', time, scope.join('/'), sha256(canonical)].join('\n');
  const key = scope.reduce<string | Buffer>(
    (outer, inner) => createHmac('sha256', outer).update(inner).digest(),
    `AWS4${keys.secretAccessKey}`,
  );
  const signature = createHmac('sha256', key).update(text).digest('hex');
  const credential = `${keys.accessKeyId}/${scope.join('/')}`;
  const { host: _host, ...headers } = signed;
  return {
    ...headers,
    authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names}, Signature=${signature}`,
  };
}

/** Every segment encoded once more than it is on the wire, as all services but S3 want it. */
function pathOf(url: URL): string {
  return url.pathname.split('/').map(encoded).join('/');
}

function queryOf(url: URL): string {
  return [...url.searchParams]
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join('&');
}

function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
