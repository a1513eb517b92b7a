import { decodeJwt, decodeProtectedHeader } from 'jose';
import { errors, type KoaContextWithOIDC, type default as Provider } from 'oidc-provider';
import type { SigningKey } from './keys.ts';

/** Makes hints of our ID tokens work, whose `aud` is a list, and of nothing else that we sign. */
export function installIdTokenHints(provider: Provider): void {
  const { entity } = provider.OIDCContext.prototype;
  Object.assign(provider.OIDCContext.prototype, {
    entity(this: object, name: string, value: unknown) {
      if (name === 'IdTokenHint') flattenAudience(value);
      Reflect.apply(entity, this, [name, value]);
    },
  });
  const validate = provider.IdToken.validate.bind(provider.IdToken);
  Object.assign(provider.IdToken, {
    validate(jwt: string, client: Parameters<typeof validate>[1]) {
      if (typed(jwt) !== 'JWT') throw new errors.InvalidRequest('id_token_hint is not an ID token');
      return validate(jwt, client);
    },
  });
}

/** The library asks for the client by the whole of `aud`. */
function flattenAudience(hint: unknown): void {
  if (typeof hint !== 'object' || hint === null || !('payload' in hint)) return;
  const { payload } = hint;
  if (typeof payload !== 'object' || payload === null || !('aud' in payload)) return;
  if (Array.isArray(payload.aud) && payload.aud.length === 1) payload.aud = payload.aud[0];
}

/**
 * A hint may be far older than our keys. One whose key is gone proves nothing, yet it names the client, so
 * the person is asked instead of turned away.
 */
export function adjustLogout(params: { [name: string]: unknown }, ring: readonly SigningKey[]): void {
  const hint = params.id_token_hint;
  if (typeof hint !== 'string' || !isOfUnknownKey(hint, ring)) return;
  params.id_token_hint = undefined;
  params.client_id ??= audienceOf(hint);
}

/** Whether a person has just signed in whom the hint of the request, which was checked when it came, does not mean. */
export function isSomebodyElse(ctx: KoaContextWithOIDC): boolean {
  const { result, params, session } = ctx.oidc;
  if (!result?.login || typeof params?.id_token_hint !== 'string') return false;
  return decodeJwt(params.id_token_hint).sub !== session?.accountId;
}

function isOfUnknownKey(jwt: string, ring: readonly SigningKey[]): boolean {
  try {
    const { kid } = decodeProtectedHeader(jwt);
    return kid !== undefined && ring.every((key) => key.kid !== kid);
  } catch {
    return false; // no JWT at all: the library refuses it
  }
}

function audienceOf(jwt: string): string | undefined {
  try {
    return [decodeJwt(jwt).aud].flat()[0];
  } catch {
    return undefined;
  }
}

function typed(jwt: string): string | undefined {
  try {
    return decodeProtectedHeader(jwt).typ;
  } catch {
    return undefined;
  }
}
