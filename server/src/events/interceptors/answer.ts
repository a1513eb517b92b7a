/** What an app's own server says of a sign-up or a sign-in. */
export type InterceptorAnswer =
  | { readonly decision: 'allow'; readonly claims?: Claims }
  | { readonly decision: 'deny'; readonly message: string };

/** Claims of the app's own, as they stand in tokens below `custom_claims`. */
export type Claims = Readonly<Record<string, unknown>>;

/** Tokens travel in headers, which servers keep short. */
const CLAIMS_BYTES_MAX = 4096;
const DEPTH_MAX = 5;
const MESSAGE_MAX = 200;

/** Names that mean something in tokens: below another name they would only mislead whoever reads them. */
const RESERVED: ReadonlySet<string> = new Set(
  `iss sub aud exp nbf iat jti sid azp client_id scope scopes acr amr auth_time at_hash c_hash nonce email
   email_verified act cnf may_act typ custom_claims __proto__ constructor prototype`.split(/\s+/),
);

/** Reads an answer; a text says why it is none. */
export function parseAnswer(body: string): InterceptorAnswer | string {
  const answer = parsed(body);
  if (answer === undefined) return 'the answer is no JSON object';
  if (own(answer, 'decision') === 'DENY')
    return { decision: 'deny', message: messageOf(own(answer, 'error')) };
  if (own(answer, 'decision') !== 'ALLOW') return 'the answer has no decision ALLOW or DENY';
  const response = own(answer, 'response');
  const claims = isObject(response) ? own(response, 'claims') : undefined;
  if (claims === undefined || claims === null) return { decision: 'allow' };
  const fault = claimsFault(claims);
  if (fault !== undefined || !isObject(claims)) return `the claims ${fault ?? 'are no object'}`;
  return Object.keys(claims).length === 0 ? { decision: 'allow' } : { decision: 'allow', claims };
}

/** Whether claims can be put into a token: why not, or undefined. */
function claimsFault(claims: unknown): string | undefined {
  if (!isObject(claims)) return 'are no object';
  const reserved = Object.keys(claims).find((name) => RESERVED.has(name.toLowerCase()));
  if (reserved !== undefined) return `use the reserved name ${reserved}`;
  const fault = nestingFault(claims, 1);
  if (fault !== undefined) return fault;
  return Buffer.byteLength(JSON.stringify(claims)) > CLAIMS_BYTES_MAX
    ? `are longer than ${CLAIMS_BYTES_MAX} bytes`
    : undefined;
}

/** Goes no deeper than what is allowed, however deep the answer is. */
function nestingFault(value: unknown, depth: number): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth > DEPTH_MAX) return `are nested more than ${DEPTH_MAX} deep`;
  for (const [name, inner] of Object.entries(value)) {
    if (['__proto__', 'constructor', 'prototype'].includes(name)) return `use the reserved name ${name}`;
    const fault = nestingFault(inner, depth + 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** In the characters that an `error_description` may have (RFC 6749 4.1.2.1), and short. */
function messageOf(error: unknown): string {
  const message = isObject(error) ? own(error, 'message') : undefined;
  const text = typeof message === 'string' ? message : '';
  const cleaned = text
    .slice(0, MESSAGE_MAX * 2)
    .normalize('NFKD')
    .replaceAll('"', "'")
    .replace(/\p{M}/gu, '')
    .replace(/[^\x20-\x5b\x5d-\x7e]+/g, ' ')
    .replace(/ +/g, ' ')
    .trim()
    .slice(0, MESSAGE_MAX);
  return cleaned === '' ? 'the sign-in was refused' : cleaned;
}

function parsed(body: string): Claims | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Never what an object has from its prototype. */
function own(object: Claims, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function isObject(value: unknown): value is Claims {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
