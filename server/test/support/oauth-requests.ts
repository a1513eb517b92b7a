import { createHash, randomBytes } from 'node:crypto';
import { type AppBrowser, type SignIn, signIn } from './app-client.ts';
import type { TestServer } from './server.ts';

type Fields = Readonly<Record<string, string | undefined>>;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

export interface Tokens {
  readonly accessToken: string;
  readonly idToken: string;
  readonly refreshToken: string;
}

/** The authorization request of the server's registered app; `undefined` leaves a parameter out. */
export function authorizeUrl(server: TestServer, params: Fields = {}): string {
  const { app } = server;
  const query = {
    response_type: 'code',
    client_id: app.id,
    redirect_uri: app.redirectUri,
    scope: 'openid profile email',
    state: 'a state',
    ...params,
  };
  return `${server.url}/oauth/authorize?${encoded(query)}`;
}

/** A POST of a form that expects JSON; without `authorization` nothing but the fields says who asks. */
export async function postForm(
  url: string,
  fields: Fields,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: encoded(fields),
    redirect: 'manual',
  });
  return answerOf(response);
}

/** A token request of the registered app, its secret in the body; given fields replace or, undefined, remove. */
export function tokenRequest(
  server: TestServer,
  fields: Fields,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const credentials = { client_id: server.app.id, client_secret: server.app.secret };
  return postForm(`${server.url}/oauth/token`, { ...credentials, ...fields }, headers);
}

/** The tokens for the code of a callback. */
export function exchange(server: TestServer, callback: URL, fields: Fields = {}): Promise<Answer> {
  return tokenRequest(server, {
    grant_type: 'authorization_code',
    code: callback.searchParams.get('code') ?? undefined,
    redirect_uri: server.app.redirectUri,
    ...fields,
  });
}

export function refresh(server: TestServer, refreshToken: string, fields: Fields = {}): Promise<Answer> {
  return tokenRequest(server, { grant_type: 'refresh_token', refresh_token: refreshToken, ...fields });
}

export async function userinfo(server: TestServer, accessToken: string): Promise<Answer> {
  return answerOf(
    await fetch(`${server.url}/userinfo`, { headers: { authorization: `Bearer ${accessToken}` } }),
  );
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const json = response.headers.get('content-type')?.includes('json') ?? false;
  return {
    status: response.status,
    headers: response.headers,
    body: json ? (JSON.parse(text) as Record<string, unknown>) : { text },
  };
}

/** The tokens of an answer, as text; what is not there is empty. */
export function tokensOf({ body }: Answer): Tokens {
  const text = (name: string) => (typeof body[name] === 'string' ? body[name] : '');
  return {
    accessToken: text('access_token'),
    idToken: text('id_token'),
    refreshToken: text('refresh_token'),
  };
}

/** HTTP Basic as RFC 6749 section 2.3.1 has it: both halves form-encoded first. */
export function basic(id: string, secret: string): Record<string, string> {
  const half = (text: string) => new URLSearchParams([['', text]]).toString().slice(1);
  return {
    authorization: `Basic ${Buffer.from(`${half(id)}:${half(secret)}`).toString('base64')}`,
  };
}

/** A verifier of the given length and the S256 challenge of it (RFC 7636). */
export function pkce(length = 43): { verifier: string; challenge: string } {
  const verifier = randomBytes(length).toString('base64url').slice(0, length);
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

export interface Person extends Tokens {
  readonly browser: AppBrowser;
  readonly callback: URL;
  readonly answer: Answer;
}

/** Signs a person in to the registered app, with the parameters it sends, and redeems the code. */
export async function signedIn(
  how: Omit<SignIn, 'url'> & { readonly params?: Fields; readonly fields?: Fields },
): Promise<Person> {
  const { callback, browser } = await signIn({ ...how, url: authorizeUrl(how.server, how.params) });
  const answer = await exchange(how.server, callback, how.fields);
  return { browser, callback, answer, ...tokensOf(answer) };
}

/** What a token says, unchecked. */
export function claimsOf(jwt: string): Record<string, unknown> {
  return partOf(jwt, 1);
}

export function headerOf(jwt: string): Record<string, unknown> {
  return partOf(jwt, 0);
}

function partOf(jwt: string, at: number): Record<string, unknown> {
  return JSON.parse(Buffer.from(jwt.split('.')[at] ?? '', 'base64url').toString('utf8')) as Record<
    string,
    unknown
  >;
}

function encoded(fields: Fields): string {
  const given = Object.entries(fields).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return new URLSearchParams(given).toString();
}
