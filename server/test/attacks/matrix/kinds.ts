import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OutboundRequest } from '../../../src/platform/http/outbound.ts';
import {
  askInApp,
  type Challenged,
  enterInApp,
  type FirstParty,
  firstParty,
} from '../../challenge/in-app.ts';
import type { AppBrowser } from '../../support/app-client.ts';
import { createMailbox, notMeIn } from '../../support/mailbox.ts';
import {
  authorizeUrl,
  exchange,
  pkce,
  postForm,
  tokenRequest,
  tokensOf,
} from '../../support/oauth-requests.ts';
import { startTestServer } from '../../support/server.ts';
import { type Asked, ask, enter, type Site, sealedIn, someone } from '../../support/sign-in-steps.ts';

/** One server, with everything that it gives out to somebody. */
export interface Scene extends Site {
  readonly ours: FirstParty;
  /** By its kind. */
  readonly values: Readonly<Record<Kind, string>>;
  /** Of the client that calls the API. */
  readonly apiToken: string;
  /** What the authorization codes in `values` were asked with. */
  readonly verifier: string;
  readonly signedIn: AppBrowser;
  /** Sign-ins that wait for their code: on our pages, at the API, in an app. */
  readonly hosted: Asked;
  readonly headless: Headless;
  readonly challenged: Challenged;
}

export interface Headless {
  readonly id: string;
  readonly code: string;
  readonly linkToken: string;
}

export const KINDS = [
  'authorization code',
  'authorization code of an app',
  'access token of a person',
  'access token of a client',
  'ID token',
  'refresh token',
  'logout token',
  'mailed link token',
  'link token for an app',
  'disown token',
  'auth_request_id',
  'auth_session',
  'interaction id',
  'session cookie',
  'browser cookie',
  'sealed request',
  'code verifier',
  'client secret',
  'webhook secret',
  'id of a token',
  'id of a session',
] as const;
export type Kind = (typeof KINDS)[number];

const LOGOUT_URI = 'http://localhost:9/logged-out';
const S256 = (challenge: string) => ({ code_challenge: challenge, code_challenge_method: 'S256' });

export async function openScene(): Promise<Scene> {
  const mailbox = createMailbox();
  const told: OutboundRequest[] = [];
  const outbound = async (request: OutboundRequest) => {
    told.push(request);
    return { status: 204, headers: {}, body: '' };
  };
  const server = await startTestServer({ transport: mailbox.transport, outbound });
  const site = { server, mailbox };
  try {
    return await fill(site, told);
  } catch (failure) {
    await server.stop();
    throw failure;
  }
}

async function fill(site: Site, told: readonly OutboundRequest[]): Promise<Scene> {
  const { server } = site;
  await server.rooms.clients.update(server.app.id, { backChannelLogoutUris: [LOGOUT_URI] });
  const { secret } = await server.rooms.webhooks.create({
    url: 'http://localhost:9999/hook',
    types: ['user.login'],
    private: true,
  });
  const ours = await firstParty(server, 'confidential');
  const apiToken = tokensOf(await tokenRequest(server, { grant_type: 'client_credentials' })).accessToken;
  const person = await signIn(site);
  const logoutToken = await loggedOut(site, { apiToken, told });
  const { verifier, challenge } = pkce();
  const proved = await person.browser.send(authorizeUrl(server, S256(challenge)));
  const inApp = await askInApp(site, ours, S256(challenge));
  const { body } = await enterInApp(server, ours, inApp);
  const hosted = await ask(site, someone());
  const headless = await askHeadless(site, apiToken);
  const challenged = await askInApp(site, ours);
  const claims = JSON.parse(Buffer.from(person.accessToken.split('.')[1] ?? '', 'base64url').toString());
  return {
    ...site,
    ours,
    apiToken,
    verifier,
    signedIn: person.browser,
    hosted,
    headless,
    challenged,
    values: {
      'authorization code': proved.away?.searchParams.get('code') ?? '',
      'authorization code of an app': String(body.authorization_code),
      'access token of a person': person.accessToken,
      'access token of a client': apiToken,
      'ID token': person.idToken,
      'refresh token': person.refreshToken,
      'logout token': logoutToken,
      'mailed link token': hosted.link.split('/').at(-1) ?? '',
      'link token for an app': (await askHeadless(site, apiToken)).linkToken,
      'disown token': notMeIn(hosted.mail).split('/').at(-1) ?? '',
      auth_request_id: headless.id,
      auth_session: challenged.authSession,
      'interaction id': hosted.home.split('/').at(-1) ?? '',
      'session cookie': person.browser.cookie('postern_session') ?? '',
      'browser cookie': hosted.browser.cookie('postern_browser') ?? '',
      'sealed request': sealedIn(hosted.page),
      'code verifier': verifier,
      'client secret': server.app.secret,
      'webhook secret': secret,
      'id of a token': String(claims.jti),
      'id of a session': String(claims.sid),
    },
  };
}

async function signIn(site: Site) {
  const asked = await ask(site, someone(), { params: { scope: 'openid email offline_access' } });
  const landing = await enter(asked, asked.code);
  const tokens = tokensOf(await exchange(site.server, landing.away ?? assert.fail('nobody was signed in')));
  return { browser: asked.browser, ...tokens };
}

/** The token by which the app hears that a session of its has ended. */
async function loggedOut(
  site: Site,
  { apiToken, told }: { apiToken: string; told: readonly OutboundRequest[] },
): Promise<string> {
  const { accessToken } = await signIn(site);
  const { sid } = JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString());
  await callApi(site, apiToken, { method: 'POST', path: `/api/v1/sessions/${sid}/revoke`, body: {} });
  for (let waited = 0; waited < 100; waited += 1) {
    const notice = told.find(({ url }) => url === LOGOUT_URI);
    if (notice) return new URLSearchParams(String(notice.body)).get('logout_token') ?? '';
    await sleep(100);
  }
  throw new Error('the app was not told that the session has ended');
}

/** A sign-in that the app itself carries on, with a mail that holds code and link. */
export async function askHeadless(site: Site, apiToken: string): Promise<Headless> {
  const email = someone();
  const sent = await callApi(site, apiToken, {
    method: 'POST',
    path: '/api/v1/passwordless/email/send',
    body: { email, magiclink_auth_uri: 'http://localhost:9/verify' },
  });
  await site.server.mailIdle();
  const { facts } = site.mailbox.to(email)[0] ?? {};
  const linkToken = new URL(facts?.link ?? 'none:').searchParams.get('link_token') ?? '';
  return { id: String(sent.body.auth_request_id), code: facts?.code ?? '', linkToken };
}

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

export async function callApi(
  { server }: Site,
  token: string,
  call: { method: string; path: string; body?: object; headers?: Record<string, string> },
): Promise<Answer> {
  const response = await fetch(server.url + call.path, {
    method: call.method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...call.headers },
    ...(call.body && { body: JSON.stringify(call.body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json');
  return { status: response.status, body: isJson && text !== '' ? JSON.parse(text) : {} };
}

/** The endpoints of OAuth, with the credentials of the registered app. */
export function asApp({ server }: Site, path: string, fields: Record<string, string | undefined>) {
  const { id, secret } = server.app;
  return postForm(server.url + path, { client_id: id, client_secret: secret, ...fields });
}
