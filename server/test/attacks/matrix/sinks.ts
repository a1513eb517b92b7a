import { askInApp, challenge, redeemInApp } from '../../challenge/in-app.ts';
import { AppBrowser, titleOf } from '../../support/app-client.ts';
import { authorizeUrl, basic, pkce, postForm } from '../../support/oauth-requests.ts';
import { begin, isSignedIn, postOn, someone } from '../../support/sign-in-steps.ts';
import { asApp, askHeadless, callApi, type Kind, type Scene } from './kinds.ts';

/** A place that takes a value as proof of something. */
export interface Sink {
  readonly name: string;
  /** What it is for; everything else gets nothing there. */
  readonly takes: readonly Kind[];
  /** True when the value got anything. */
  use(scene: Scene, value: string): Promise<boolean>;
}

const PROFILE = '/api/v1/users';
const stranger = ({ server }: Scene) => new AppBrowser(server);
const path = (value: string) => encodeURIComponent(value);
const cookies = (pairs: Record<string, string>) => ({
  cookie: Object.entries(pairs)
    .map(([name, value]) => `${name}=${encodeURI(value)}`)
    .join('; '),
});
const redeemed = ({ status, body }: { status: number; body: Record<string, unknown> }) =>
  status === 200 && 'access_token' in body;

const tokenEndpoint: readonly Sink[] = [
  {
    name: 'code at the token endpoint',
    takes: ['authorization code'],
    use: async (scene, code) =>
      redeemed(
        await asApp(scene, '/oauth/token', {
          grant_type: 'authorization_code',
          code,
          code_verifier: scene.verifier,
          redirect_uri: scene.server.app.redirectUri,
        }),
      ),
  },
  {
    name: 'code at the token endpoint, without a redirect URI, of an app with its own pages',
    takes: ['authorization code of an app'],
    use: async (scene, code) =>
      redeemed(await redeemInApp(scene.server, scene.ours, { code, verifier: scene.verifier })),
  },
  {
    name: 'code_verifier at the token endpoint',
    takes: [],
    use: async (scene, value) => {
      const { challenge: code_challenge } = pkce();
      const url = authorizeUrl(scene.server, { code_challenge, code_challenge_method: 'S256' });
      const code = (await scene.signedIn.send(url)).away?.searchParams.get('code') ?? '';
      const redirect_uri = scene.server.app.redirectUri;
      const fields = { grant_type: 'authorization_code', code, redirect_uri, code_verifier: value };
      return redeemed(await asApp(scene, '/oauth/token', fields));
    },
  },
  {
    name: 'refresh_token at the token endpoint',
    takes: ['refresh token'],
    use: async (scene, refresh_token) =>
      redeemed(await asApp(scene, '/oauth/token', { grant_type: 'refresh_token', refresh_token })),
  },
  {
    name: 'client_secret in the body',
    takes: ['client secret'],
    use: async (scene, client_secret) =>
      redeemed(await asApp(scene, '/oauth/token', { grant_type: 'client_credentials', client_secret })),
  },
  {
    name: 'client_secret by HTTP Basic',
    takes: ['client secret'],
    use: async ({ server }, value) =>
      redeemed(
        await postForm(
          `${server.url}/oauth/token`,
          { grant_type: 'client_credentials' },
          basic(server.app.id, value),
        ),
      ),
  },
];

const bearers: readonly Sink[] = [
  {
    name: 'Bearer at userinfo',
    takes: ['access token of a person'],
    use: async ({ server }, value) => {
      const headers = { authorization: `Bearer ${encodeURI(value)}` };
      return (await fetch(`${server.url}/userinfo`, { headers })).status === 200;
    },
  },
  {
    name: 'access_token in a form at userinfo',
    takes: ['access token of a person'],
    use: async ({ server }, access_token) =>
      (await postForm(`${server.url}/userinfo`, { access_token })).status === 200,
  },
  {
    name: 'access_token in the address of userinfo',
    takes: [],
    use: async ({ server }, value) =>
      (await fetch(`${server.url}/userinfo?access_token=${path(value)}`)).status === 200,
  },
  {
    name: 'token at introspection',
    takes: ['access token of a person', 'access token of a client', 'refresh token'],
    use: async (scene, token) => (await asApp(scene, '/oauth/introspect', { token })).body.active === true,
  },
  {
    name: 'Bearer at the API over REST',
    takes: ['access token of a client'],
    use: async (scene, value) =>
      (await callApi(scene, encodeURI(value), { method: 'GET', path: PROFILE })).status === 200,
  },
  {
    name: 'Bearer at the API over Connect',
    takes: ['access token of a client'],
    use: async (scene, value) => {
      const rpc = '/scalekit.v1.users.UserService/ListUsers';
      const call = { method: 'POST', path: rpc, body: {} };
      return (await callApi(scene, encodeURI(value), call)).status === 200;
    },
  },
  {
    name: 'a token of the API in its address',
    takes: [],
    use: async (scene, value) =>
      (await fetch(`${scene.server.url}${PROFILE}?access_token=${path(value)}`)).status === 200,
  },
];

const hints: readonly Sink[] = [
  {
    name: 'id_token_hint at the sign-out',
    takes: ['ID token'],
    use: async ({ server, signedIn }, id_token_hint) => {
      const query = new URLSearchParams({
        id_token_hint,
        post_logout_redirect_uri: server.app.postLogoutUri,
      });
      const page = await signedIn.open(`/oidc/logout?${query}`);
      return page.status === 200 && page.body.includes('data-self-post');
    },
  },
  {
    name: 'id_token_hint at a silent sign-in',
    takes: ['ID token'],
    use: async ({ server, signedIn }, id_token_hint) =>
      isSignedIn(await signedIn.send(authorizeUrl(server, { prompt: 'none', id_token_hint }))),
  },
];

const pages: readonly Sink[] = [
  {
    name: 'a mailed link, opened',
    takes: ['mailed link token'],
    use: async (scene, value) =>
      /Almost there|Signing you in/.test(titleOf(await stranger(scene).open(`/l/${path(value)}`))),
  },
  {
    name: 'a mailed link, posted by its browser',
    takes: [],
    use: async (scene, value) => isSignedIn(await stranger(scene).post(`/l/${path(value)}`, {})),
  },
  {
    name: 'a link that says "not me", opened',
    takes: ['disown token'],
    use: async (scene, value) =>
      (await stranger(scene).open(`/not-me/${path(value)}`)).body.includes('name="answer"'),
  },
  {
    name: 'the address and both cookies of an interaction',
    takes: [],
    use: async (scene, value) => {
      const own = cookies({ postern_interaction: value, postern_browser: value });
      const at = `/interaction/${path(value)}`;
      const code = { code: scene.hosted.code };
      return isSignedIn(await stranger(scene).post(`${at}/code`, code, own));
    },
  },
  {
    name: 'the browser cookie of a waiting interaction',
    takes: ['browser cookie'],
    use: async (scene, value) => {
      const own = cookies({ postern_interaction: value, postern_browser: value });
      return (await stranger(scene).open(scene.hosted.home, own)).status === 200;
    },
  },
  {
    name: 'the session cookie',
    takes: ['session cookie'],
    use: async (scene, value) => {
      const silent = authorizeUrl(scene.server, { prompt: 'none' });
      return isSignedIn(await stranger(scene).send(silent, { headers: cookies({ postern_session: value }) }));
    },
  },
  {
    name: 'the request of an old page',
    takes: ['sealed request'],
    use: async (scene, request) =>
      (await postOn(stranger(scene), '/interaction/none/again', { request })).status === 200,
  },
  {
    name: 'the code on a hosted page',
    takes: [],
    use: async (scene, code) => {
      const { browser, home } = await begin(scene);
      await browser.post(`${home}/start`, { email: someone() });
      return isSignedIn(await browser.post(`${home}/code`, { code }));
    },
  },
];

const passwordless = (scene: Scene, step: string, body: object) =>
  callApi(scene, scene.apiToken, { method: 'POST', path: `/api/v1/passwordless/email/${step}`, body });

const apps: readonly Sink[] = [
  {
    name: 'link_token at verify',
    takes: ['link token for an app'],
    use: async (scene, link_token) => (await passwordless(scene, 'verify', { link_token })).status === 200,
  },
  {
    name: 'code at verify',
    takes: [],
    use: async (scene, code) => {
      const { id } = await askHeadless(scene, scene.apiToken);
      return (await passwordless(scene, 'verify', { auth_request_id: id, code })).status === 200;
    },
  },
  {
    name: 'auth_request_id at resend',
    takes: ['auth_request_id'],
    use: async (scene, auth_request_id) =>
      (await passwordless(scene, 'resend', { auth_request_id })).status === 200,
  },
  {
    name: 'auth_request_id at verify',
    takes: ['auth_request_id'],
    use: async (scene, auth_request_id) => {
      const codes = [scene.headless.code, scene.hosted.code, scene.challenged.code];
      const answers = codes.map((code) => passwordless(scene, 'verify', { auth_request_id, code }));
      return (await Promise.all(answers)).some(({ status }) => status === 200);
    },
  },
  {
    name: 'auth_session, to be told how it stands',
    takes: ['auth_session'],
    use: async ({ server, ours }, auth_session) =>
      (await challenge(server, { ...ours.credentials, auth_session })).body.error ===
      'insufficient_authorization',
  },
  {
    name: 'auth_session with a code',
    takes: ['auth_session'],
    use: async ({ server, ours, headless, hosted, challenged }, auth_session) => {
      const codes = [challenged.code, hosted.code, headless.code];
      const answers = codes.map((otp) => challenge(server, { ...ours.credentials, auth_session, otp }));
      return (await Promise.all(answers)).some(({ status }) => status === 200);
    },
  },
  {
    name: 'otp with an auth_session',
    takes: [],
    use: async (scene, otp) => {
      const { server, ours } = scene;
      const { authSession } = await askInApp(scene, ours);
      return (
        (await challenge(server, { ...ours.credentials, auth_session: authSession, otp })).status === 200
      );
    },
  },
  {
    name: 'the secret of an app with its own pages',
    takes: [],
    use: async ({ server, ours }, client_secret) => {
      const { client_id } = ours.credentials;
      const answer = await challenge(server, { client_id, client_secret, login_hint: someone() });
      return answer.status !== 401;
    },
  },
];

/** Those that end something when the value is right come last. */
export const SINKS: readonly Sink[] = [...bearers, ...hints, ...pages, ...tokenEndpoint, ...apps];
