import type { Client } from '../../src/clients/store.ts';
import type { OutgoingMail } from '../../src/mail/transport.ts';
import type { Mailbox } from '../support/mailbox.ts';
import { type Answer, pkce, postForm } from '../support/oauth-requests.ts';
import type { TestServer } from '../support/server.ts';
import { someone } from '../support/sign-in-steps.ts';

type Fields = Readonly<Record<string, string | undefined>>;

/** An app that may ask for codes on pages of its own, and how it makes itself known. */
export interface FirstParty {
  readonly client: Client;
  readonly credentials: Fields;
  readonly redirectUri: string;
}

export const CALLBACK = 'http://localhost:9/first-party';

export async function firstParty(server: TestServer, kind: 'public' | 'confidential'): Promise<FirstParty> {
  const { client, clientSecret } = await server.rooms.clients.create({
    name: `Ours (${kind})`,
    public: kind === 'public',
    firstParty: true,
    redirectUris: [CALLBACK],
  });
  const secret = clientSecret === undefined ? {} : { client_secret: clientSecret };
  return { client, credentials: { client_id: client.id, ...secret }, redirectUri: CALLBACK };
}

export function challenge(
  server: TestServer,
  fields: Fields,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return postForm(`${server.url}/oauth/authorize-challenge`, fields, headers);
}

/** A sign-in that waits for its code, in an app. */
export interface Challenged {
  readonly email: string;
  readonly answer: Answer;
  readonly authSession: string;
  readonly verifier: string;
  readonly challenge: string;
  readonly mail: OutgoingMail | undefined;
  readonly code: string;
}

/** The first call of an app, with PKCE, and the mail that came of it. */
export async function askInApp(
  site: { server: TestServer; mailbox: Mailbox },
  app: FirstParty,
  fields: Fields = {},
): Promise<Challenged> {
  const { server, mailbox } = site;
  const { verifier, challenge: hashed } = pkce();
  const email = fields.login_hint ?? someone();
  const sent = mailbox.to(email).length;
  const answer = await challenge(server, {
    ...app.credentials,
    login_hint: email,
    code_challenge: hashed,
    code_challenge_method: 'S256',
    ...fields,
  });
  await server.mailIdle();
  const mail = mailbox.to(email)[sent];
  return {
    email,
    answer,
    authSession: String(answer.body.auth_session),
    verifier,
    challenge: hashed,
    mail,
    code: mail?.facts?.code ?? '',
  };
}

export function enterInApp(
  server: TestServer,
  app: FirstParty,
  entry: { authSession: string; code: string },
): Promise<Answer> {
  return challenge(server, { ...app.credentials, auth_session: entry.authSession, otp: entry.code });
}

/** The code of an app's sign-in, redeemed at the token endpoint. */
export function redeemInApp(
  server: TestServer,
  app: FirstParty,
  fields: { code: unknown; verifier?: string; redirect_uri?: string },
): Promise<Answer> {
  return postForm(`${server.url}/oauth/token`, {
    grant_type: 'authorization_code',
    code: String(fields.code),
    code_verifier: fields.verifier,
    redirect_uri: fields.redirect_uri,
    ...app.credentials,
  });
}
