import { type Client, findClientWithSecrets } from '../../clients/store.ts';
import type { Form } from '../../platform/http/form.ts';
import type { OidcParts } from '../oidc.ts';
import { ChallengeRefusal } from './refusal.ts';

interface Credentials {
  readonly id: string;
  readonly secret?: string;
}

/**
 * The app that calls, authenticated as at the token endpoint: a secret in the body or by HTTP Basic, or
 * none where it is public. Only the owner's own apps may ask people for their codes themselves.
 */
export async function callerOf(
  parts: OidcParts,
  given: { authorization: string | undefined; form: Form },
): Promise<Client> {
  const { id, secret } = credentialsOf(given.form, given.authorization);
  const found = await parts.database.read((q) => findClientWithSecrets(q, id, parts.clock.now()));
  if (!found) throw invalidClient('there is no client with this client_id');
  const { client, secretHashes } = found;
  if (client.public !== (secret === undefined))
    throw invalidClient(
      client.public ? 'a public client sends no secret' : 'this client has to send its client_secret',
    );
  const known = secretHashes.map((hash) => parts.secrets.matches('client-secret', secret ?? '', hash));
  if (!client.public && !known.includes(true)) throw invalidClient('the client_secret is not right');
  if (!client.firstParty)
    throw new ChallengeRefusal(
      'unauthorized_client',
      'only a first-party client may ask for codes on pages of its own; send the person to the authorization endpoint',
    );
  if (!client.grantTypes.includes('authorization_code'))
    throw new ChallengeRefusal('unauthorized_client', 'this client has no grant of authorization codes');
  return client;
}

function credentialsOf(form: Form, authorization = ''): Credentials {
  const id = form.get('client_id');
  const secret = form.get('client_secret') || undefined;
  const basic =
    /^bearer /i.test(authorization) || authorization === '' ? undefined : readBasic(authorization);
  if (basic === undefined) {
    if (id === undefined) throw new ChallengeRefusal('invalid_request', 'client_id is missing');
    return { id, ...(secret !== undefined && { secret }) };
  }
  if (secret !== undefined)
    throw new ChallengeRefusal('invalid_request', 'send the client secret in one place only');
  if (id !== undefined && id !== basic.id)
    throw new ChallengeRefusal('invalid_request', 'client_id is not the one of the authorization header');
  return basic;
}

/** Both halves are form-encoded first (RFC 6749 section 2.3.1). */
function readBasic(authorization: string): Credentials {
  const [, encoded = ''] = /^basic ([A-Za-z0-9+/]+={0,2})$/i.exec(authorization) ?? [];
  const [, id, secret] = /^([^:]+):(.+)$/s.exec(Buffer.from(encoded, 'base64').toString('utf8')) ?? [];
  if (id === undefined || secret === undefined)
    throw new ChallengeRefusal('invalid_request', 'the authorization header is not HTTP Basic');
  return { id: formDecoded(id), secret: formDecoded(secret) };
}

function formDecoded(half: string): string {
  return new URLSearchParams(`v=${half.replaceAll('&', '%26')}`).get('v') ?? '';
}

function invalidClient(description: string): ChallengeRefusal {
  return new ChallengeRefusal('invalid_client', description);
}
