import { Problem } from '../core/problems.ts';
import { redirectUriFault, type UriKind } from '../core/redirect-uri.ts';
import { DAY, MINUTE, SECOND } from '../core/units.ts';
import {
  CLIENT_KINDS,
  type Client,
  type ClientKind,
  GRANT_TYPES,
  type GrantType,
  ID_TOKEN_ALGS,
  type IdTokenAlg,
} from './store.ts';

/** Each is read on every sign-in. */
const URIS_MAX = 20;

/** The same as the setting that it stands in for. */
const ACCESS_TOKEN_SECONDS = { min: MINUTE / SECOND, max: DAY / SECOND };

/** What an owner decides of a client beside its look; what is left out stays as it is. */
export interface ClientFields {
  readonly redirectUris?: readonly string[] | undefined;
  readonly postLogoutRedirectUris?: readonly string[] | undefined;
  /** Empty takes it away. */
  readonly initiateLoginUri?: string | undefined;
  readonly backChannelLogoutUris?: readonly string[] | undefined;
  readonly requirePkce?: boolean | undefined;
  /** Empty means all that its kind has. */
  readonly grantTypes?: readonly string[] | undefined;
  readonly idTokenAlg?: string | undefined;
  /** 0 takes it away: the setting applies. */
  readonly accessTokenSeconds?: number | undefined;
  readonly apiAccess?: boolean | undefined;
  readonly firstParty?: boolean | undefined;
}

type Decided = Omit<Client, 'secrets' | 'name' | 'branding'>;

/** The client as it is after a change; throws `client_invalid` or `redirect_uri_invalid`. */
export function checkedClient(known: Decided, wanted: ClientFields, production: boolean): Decided {
  const urisOf = (kind: UriKind, uris?: readonly string[]) => uris && checkedUris(uris, { kind, production });
  const { initiateLoginUri: initiate = known.initiateLoginUri, requirePkce = known.requirePkce } = wanted;
  const { accessTokenSeconds: seconds = known.accessTokenSeconds } = wanted;
  const changed: Decided = {
    id: known.id,
    kind: known.kind,
    public: known.public,
    createdAt: known.createdAt,
    updatedAt: known.updatedAt,
    redirectUris: urisOf('redirect', wanted.redirectUris) ?? known.redirectUris,
    postLogoutRedirectUris:
      urisOf('post-logout', wanted.postLogoutRedirectUris) ?? known.postLogoutRedirectUris,
    backChannelLogoutUris:
      urisOf('back-channel', wanted.backChannelLogoutUris) ?? known.backChannelLogoutUris,
    ...(initiate && {
      initiateLoginUri: checkedUris([initiate], { kind: 'initiate-login', production })[0] ?? initiate,
    }),
    requirePkce,
    grantTypes: wanted.grantTypes ? checkedGrants(wanted.grantTypes, known.public) : known.grantTypes,
    idTokenAlg: wanted.idTokenAlg === undefined ? known.idTokenAlg : checkedAlg(wanted.idTokenAlg),
    ...(seconds && { accessTokenSeconds: checkedSeconds(seconds) }),
    apiAccess: wanted.apiAccess ?? known.apiAccess,
    firstParty: wanted.firstParty ?? known.firstParty,
  };
  requireWhole(changed);
  return changed;
}

/** What holds between the fields. */
function requireWhole(client: Decided): void {
  if (client.public && !client.requirePkce)
    invalid('A public client always uses PKCE: leave require_pkce out.');
  if (client.public && client.apiAccess)
    invalid('A public client has no secret, so it can have no API access.');
  if (client.grantTypes.includes('authorization_code') && client.redirectUris.length === 0)
    invalid('A client needs at least one redirect URI.');
}

interface WantedKind {
  readonly kind?: string | undefined;
  readonly public?: boolean | undefined;
  readonly redirectUris: readonly string[];
}

/** An app that nobody gave a kind is taken for what its shape says. */
export function checkedKind(wanted: WantedKind): ClientKind {
  const { kind: text, public: isPublic, redirectUris } = wanted;
  if (text === undefined && !isPublic) return 'ENV';
  if (text === undefined) return redirectUris.every((uri) => /^https?:/i.test(uri)) ? 'SPA' : 'NTV';
  const kind = CLIENT_KINDS.find((known) => known === text);
  if (kind === undefined) return invalid(`A client cannot be a ${text}: choose ${CLIENT_KINDS.join(', ')}.`);
  if (isPublic !== undefined && isPublic !== isPublicKind(kind))
    invalid(`A client of the kind ${kind} is ${isPublic ? 'not ' : ''}public.`);
  return kind;
}

/** Apps in a browser or on a device keep no secret. */
export function isPublicKind(kind: ClientKind): boolean {
  return kind === 'SPA' || kind === 'NTV';
}

/** A public client cannot prove to be itself, and gets no token of its own. */
export function usualGrants(isPublic: boolean): GrantType[] {
  return GRANT_TYPES.filter((type) => !isPublic || type !== 'client_credentials');
}

function checkedGrants(wanted: readonly string[], isPublic: boolean): GrantType[] {
  const usual = usualGrants(isPublic);
  const unknown = wanted.find((type) => !usual.some((known) => known === type));
  if (unknown !== undefined)
    invalid(
      `The grant type ${JSON.stringify(unknown.slice(0, 60))} cannot be had: choose ${usual.join(', ')}.`,
    );
  return wanted.length === 0 ? usual : usual.filter((type) => wanted.includes(type));
}

function checkedSeconds(seconds: number): number {
  const { min, max } = ACCESS_TOKEN_SECONDS;
  if (Number.isInteger(seconds) && seconds >= min && seconds <= max) return seconds;
  return invalid(`An access token lives ${min} to ${max} seconds, not ${seconds}.`);
}

function checkedUris(uris: readonly string[], rules: { kind: UriKind; production: boolean }): string[] {
  const distinct = [...new Set(uris)];
  if (distinct.length > URIS_MAX)
    invalid(`A client can have ${URIS_MAX} URIs of a kind, not ${distinct.length}.`);
  for (const uri of distinct) {
    const fault = redirectUriFault(uri, rules);
    if (fault !== undefined)
      throw new Problem('redirect_uri_invalid', `${JSON.stringify(uri.slice(0, 300))}: ${fault}`);
  }
  return distinct;
}

function checkedAlg(text: string): IdTokenAlg {
  const alg = ID_TOKEN_ALGS.find((known) => known === text);
  return alg ?? invalid(`ID tokens cannot be signed with ${text}: choose ${ID_TOKEN_ALGS.join(', ')}.`);
}

function invalid(detail: string): never {
  throw new Problem('client_invalid', detail);
}
