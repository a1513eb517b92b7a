/** Two years, as the preload lists want it; sent on every answer of an https origin (RFC 6797). */
const HSTS = 'max-age=63072000; includeSubDomains';

/** Headers that every answer carries, page or not. */
export function securityHeaders(origin: URL): Record<string, string> {
  return {
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'same-origin',
    ...(origin.protocol === 'https:' && { 'strict-transport-security': HSTS }),
  };
}

/** For answers that are data: opened as a page, they are none. */
export const dataHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
};
