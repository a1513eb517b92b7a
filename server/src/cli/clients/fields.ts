import type { ClientFields } from '../../clients/checking.ts';
import type { Client } from '../../clients/store.ts';
import { DAY, SECOND } from '../../core/units.ts';
import { type Call, type Flag, UsageError, wholeNumber } from '../command.ts';

/** What is decided of an app beside its name and look, when it is made and later. */
export const fieldFlags: Readonly<Record<string, Flag>> = {
  'redirect-uri': { type: 'string', multiple: true, value: 'URI', meaning: 'Where a sign-in ends' },
  'post-logout-uri': { type: 'string', multiple: true, value: 'URI', meaning: 'Where a sign-out ends' },
  'back-channel-uri': {
    type: 'string',
    multiple: true,
    value: 'URI',
    meaning: 'Where the app is told that a session has ended',
  },
  'initiate-login-uri': { type: 'string', value: 'URI', meaning: 'Where the app begins a sign-in itself' },
  'require-pkce': { type: 'boolean', meaning: 'Refuse sign-ins without PKCE (public clients always do)' },
  'id-token-alg': { type: 'string', value: 'ALG', meaning: 'RS256 (default), ES256 or EdDSA' },
  'access-token-seconds': {
    type: 'string',
    value: 'N',
    meaning: 'Life of its access tokens, 60 to 86400 (0: as the setting says)',
  },
  api: { type: 'boolean', meaning: 'Let it call the API (every app with a secret may)' },
  'no-api': { type: 'boolean', meaning: 'Let it sign people in, and not call the API' },
  'first-party': { type: 'boolean', meaning: 'One of your own, that may sign people in on its own pages' },
};

/** What of it a command line says; an empty URI stands for none. */
export function fieldsIn(call: Call): ClientFields {
  const uris = (flag: string) => {
    const given = call.texts(flag);
    return given.length === 0 ? undefined : given.filter((uri) => uri !== '');
  };
  return {
    redirectUris: uris('redirect-uri'),
    postLogoutRedirectUris: uris('post-logout-uri'),
    backChannelLogoutUris: uris('back-channel-uri'),
    initiateLoginUri: call.text('initiate-login-uri'),
    requirePkce: eitherOf(call, 'require-pkce'),
    idTokenAlg: call.text('id-token-alg'),
    accessTokenSeconds: wholeNumber(call, 'access-token-seconds', DAY / SECOND),
    apiAccess: eitherOf(call, 'api'),
    firstParty: eitherOf(call, 'first-party'),
  };
}

export function fieldFacts(client: Client): [string, string | undefined][] {
  return [
    ...client.redirectUris.map((uri): [string, string] => ['Redirect URI', uri]),
    ...client.postLogoutRedirectUris.map((uri): [string, string] => ['Post-logout URI', uri]),
    ...client.backChannelLogoutUris.map((uri): [string, string] => ['Back-channel URI', uri]),
    ['Initiate-login URI', client.initiateLoginUri],
    ['PKCE', client.requirePkce ? 'required' : 'optional'],
    ['Grants', client.grantTypes.join(', ')],
    ['ID token', client.idTokenAlg],
    [
      'Access token',
      client.accessTokenSeconds === undefined ? undefined : `${client.accessTokenSeconds} seconds`,
    ],
    ['API', client.apiAccess ? 'may call it' : 'no access'],
    ['Own pages', client.firstParty ? 'may sign people in (first party)' : undefined],
  ];
}

export function fieldsJson(client: Client): Record<string, unknown> {
  return {
    redirect_uris: client.redirectUris,
    post_logout_redirect_uris: client.postLogoutRedirectUris,
    back_channel_logout_uris: client.backChannelLogoutUris,
    initiate_login_uri: client.initiateLoginUri,
    require_pkce: client.requirePkce,
    grant_types: client.grantTypes,
    id_token_alg: client.idTokenAlg,
    access_token_seconds: client.accessTokenSeconds,
    api_access: client.apiAccess,
    first_party: client.firstParty,
  };
}

function eitherOf(call: Call, flag: string): boolean | undefined {
  const [yes, no] = [call.has(flag), call.has(`no-${flag}`)];
  if (yes && no) throw new UsageError(`--${flag} and --no-${flag} were both given.`, 'Give one of them.');
  return yes || no ? yes : undefined;
}
