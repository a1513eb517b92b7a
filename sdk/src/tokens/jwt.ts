import { compactVerify } from 'jose';
import { fromBase64url, textOf } from '../encoding.ts';
import { PosternTokenError } from '../errors.ts';
import type { CallOptions } from '../http.ts';
import { isRecord, type Json, parseJson, repeatsKey } from '../json.ts';
import type { KeySet } from './key-set.ts';

/** What Postern signs with. Anything else is refused before a key is looked for. */
export const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

const CHARACTERS_MAX = 16 * 1024;
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

export interface ParsedToken {
  readonly text: string;
  readonly alg: Algorithm;
  readonly kid: string;
  readonly claims: Json;
}

/**
 * Reads a signed JWT in compact form (RFC 7515, 7519) without believing it. Keys that the token itself brings (`jwk`,
 * `jku`, `x5c`, `x5u`) are never looked at; `crit` and `b64` are refused.
 */
export function parseToken(token: unknown, types: readonly (string | undefined)[]): ParsedToken {
  if (typeof token !== 'string' || token.length > CHARACTERS_MAX || !COMPACT.test(token))
    throw new PosternTokenError('token_malformed', 'This is no signed token in compact form');
  const [header, claims, signature] = token.split('.');
  const [head, body] = [objectOf(header ?? ''), objectOf(claims ?? '')];
  if (head === undefined || body === undefined || fromBase64url(signature ?? '') === undefined)
    throw new PosternTokenError('token_malformed', 'A part of the token is not what it should be');
  const alg = ALGORITHMS.find((one) => one === head.alg);
  if (alg === undefined)
    throw new PosternTokenError('token_algorithm', `Tokens are signed with ${ALGORITHMS.join(', ')} only`);
  if ('crit' in head || 'b64' in head)
    throw new PosternTokenError('token_malformed', 'The token asks for an extension that is not understood');
  if (!types.includes(typeOf(head)))
    throw new PosternTokenError(
      'token_type',
      `This token is of another kind (typ ${JSON.stringify(typeOf(head) ?? null)})`,
    );
  if (typeof head.kid !== 'string' || head.kid === '')
    throw new PosternTokenError('token_key_unknown', 'The token does not say which key signed it');
  return { text: token, alg, kid: head.kid, claims: body };
}

/** Throws unless the token is signed by a published key of the server. */
export async function requireSignature(token: ParsedToken, keys: KeySet, call: CallOptions): Promise<void> {
  const key = await keys.find({ kid: token.kid, alg: token.alg }, call);
  if (key === undefined)
    throw new PosternTokenError(
      'token_key_unknown',
      'The key that signed the token is not one of the server',
    );
  await compactVerify(token.text, key, { algorithms: [token.alg] }).catch((cause: unknown) => {
    throw new PosternTokenError('token_signature', 'The signature of the token is not right', { cause });
  });
}

/** A media type without its optional prefix, in small letters (RFC 7515, 4.1.9). */
function typeOf({ typ }: Json): string | undefined {
  return typ === undefined
    ? undefined
    : String(typ)
        .toLowerCase()
        .replace(/^application\//, '');
}

function objectOf(part: string): Json | undefined {
  const bytes = fromBase64url(part);
  const text = bytes && textOf(bytes);
  const value = text === undefined ? undefined : parseJson(text);
  return text !== undefined && isRecord(value) && !repeatsKey(text) ? value : undefined;
}
