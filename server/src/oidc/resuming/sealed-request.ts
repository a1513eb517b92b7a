import type { Instant } from '../../core/ids.ts';
import { DAY, SECOND } from '../../core/units.ts';
import type { Secrets } from '../../platform/secrets.ts';
import { DEFAULT_SCOPE, FORM_POST, OFFLINE_PARAMETER } from '../policy.ts';

/** The parameters of an authorization request, as the app sent them. */
export type AuthorizationRequest = Readonly<Record<string, string>>;

/** As long as its attempt is kept: what is known of a sign-in, and what its pages can go on with, end together. */
const VALID_FOR = 30 * DAY;

/** A form has 16 kB, and something typed in it. A longer request is not sealed, and its pages do without. */
const SEALED_MAX = 8 * 1024;

/** Each parameter under one letter, for a page's sake. What was sealed is opened a month later: none changes its meaning. */
const LETTERS: Readonly<Record<string, string>> = {
  acr_values: 'a',
  claims: 'b',
  claims_locales: 'd',
  client_id: 'c',
  code_challenge: 'k',
  code_challenge_method: 'j',
  connection_id: 'e',
  display: 'f',
  id_token_hint: 'h',
  login_hint: 'l',
  max_age: 'x',
  nonce: 'n',
  prompt: 'p',
  redirect_uri: 'r',
  response_mode: 'm',
  response_type: 't',
  scope: 's',
  state: 'w',
  ui_locales: 'u',
};

const MADE_AT = '@';

/** What most requests say takes no room. */
const USUAL: Readonly<Record<string, string>> = { response_type: 'code', scope: DEFAULT_SCOPE };

const CONTEXT = 'authorization-request';

/**
 * An authorization request that a page, or an attempt, can keep: nobody reads or changes it without the
 * master secret. Empty where it is too long.
 */
export function sealRequest(
  secrets: Secrets,
  params: { readonly [name: string]: unknown },
  at: Instant,
): string {
  const told = { ...params, scope: askedScope(params), response_mode: askedMode(params) };
  const kept = Object.entries(told).flatMap(([name, value]) => {
    const letter = LETTERS[name];
    return letter === undefined || typeof value !== 'string' || value === '' || value === USUAL[name]
      ? []
      : [[letter, value]];
  });
  const text = JSON.stringify({ [MADE_AT]: Math.floor(at / SECOND), ...Object.fromEntries(kept) });
  const sealed = secrets.seal('request', text, CONTEXT);
  return sealed.length > SEALED_MAX ? '' : sealed;
}

/** The request again; undefined when it is not one that this server has sealed, or too old. */
export function openRequest(
  secrets: Secrets,
  sealed: string,
  now: Instant,
): AuthorizationRequest | undefined {
  const text = secrets.open('request', sealed, CONTEXT);
  if (text === undefined) return undefined;
  const { [MADE_AT]: madeAt, ...kept } = parseKept(text);
  if (now - Number(madeAt) * SECOND > VALID_FOR) return undefined;
  const told = Object.entries(LETTERS).flatMap(([name, letter]) => {
    const value = kept[letter] ?? USUAL[name];
    return typeof value === 'string' ? [[name, value] as const] : [];
  });
  return Object.fromEntries(told);
}

/** The library drops `offline_access` from the scope where it is not asked for with a prompt. */
export function askedScope(params: { readonly [name: string]: unknown }): string {
  const scope = String(params.scope ?? '');
  if (!params[OFFLINE_PARAMETER] || scope.split(' ').includes('offline_access')) return scope;
  return `${scope} offline_access`;
}

function askedMode({ response_mode: mode }: { readonly [name: string]: unknown }): unknown {
  return mode === FORM_POST ? 'form_post' : mode;
}

/** Only `sealRequest` writes it. */
function parseKept(text: string): { readonly [letter: string]: unknown } {
  return JSON.parse(text);
}
