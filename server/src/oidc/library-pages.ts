import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { type Html, pageHeaders } from '../platform/http/html.ts';
import { wordsOf } from '../platform/words/choice.ts';
import { type BrandedSite, brandOf } from '../sign-in/branding.ts';
import { brandingOf } from './client-metadata.ts';
import { errorPage, formPostPage, signedOutPage, signOutPage } from './pages.ts';

/** What the library would say to a person, in our words and under our headers. */
export async function showError(
  ctx: KoaContextWithOIDC,
  about: {
    out: { error: string; error_description?: string | undefined };
    error: unknown;
    site: BrandedSite;
  },
): Promise<void> {
  const { out, site } = about;
  const backTo = backToApp(ctx);
  const page = errorPage({
    ...frameOf(ctx, site),
    error: out.error,
    description: out.error_description ?? describe(about.error),
    requestId: String(ctx.state.requestId ?? ''),
    ...(backTo && { backTo }),
  });
  answerPage(ctx, page);
}

/** The answer to an app that asked for `response_mode=form_post`, under our policy instead of the library's script. */
export function showFormPost(site: BrandedSite) {
  return async (
    ctx: KoaContextWithOIDC,
    action: string,
    answer: { [name: string]: unknown },
  ): Promise<void> => {
    const fields = Object.fromEntries(Object.entries(answer).map(([name, value]) => [name, String(value)]));
    ctx.status = 'error' in answer ? 400 : 200;
    answerPage(ctx, formPostPage({ ...frameOf(ctx, site), action, fields }), { formAction: action });
  };
}

function answerPage(ctx: KoaContextWithOIDC, page: Html, options: { formAction?: string } = {}): void {
  ctx.type = 'html';
  ctx.body = page;
  ctx.set(pageHeaders(page, options));
}

/** The language, the host and the look of a page that the library asks for. */
export function frameOf(ctx: KoaContextWithOIDC, site: BrandedSite) {
  const words = wordsOf(ctx.req, site, ctx.oidc?.params?.ui_locales);
  const client = ctx.oidc?.client;
  const brand = brandOf(site, client && brandingOf(client));
  return { words, host: site.origin.host, brand };
}

/** Whether somebody asks to be signed out who is not signed in: the library would post a form to itself. */
export function isIdleLogout(ctx: KoaContextWithOIDC): boolean {
  return ctx.oidc?.route === 'end_session' && ctx.status === 200 && !ctx.oidc.session?.accountId;
}

/** There is nothing to end, so nobody is asked: on to where the checked request leads. */
export function leaveIdleLogout(ctx: KoaContextWithOIDC, origin: URL): void {
  const { client, params = {} } = ctx.oidc;
  const back = params.post_logout_redirect_uri;
  const to = new URL(typeof back === 'string' ? back : '/oidc/logout/success', origin);
  if (typeof back === 'string' && typeof params.state === 'string')
    to.searchParams.set('state', params.state);
  if (typeof back !== 'string' && client) to.searchParams.set('client_id', client.clientId);
  ctx.remove('Set-Cookie');
  ctx.status = 303;
  ctx.set('Location', to.href);
  ctx.body = '';
}

/** The pages of RP-initiated logout: asked without proof of the app's intent, the person confirms. */
export function logoutPages(site: BrandedSite) {
  return {
    async logoutSource(ctx: KoaContextWithOIDC) {
      const { session, client, entities } = ctx.oidc;
      const state = session?.state ?? {};
      const hinted = entities.IdTokenHint?.payload;
      const page = signOutPage({
        ...frameOf(ctx, site),
        formAction: new URL('/oidc/logout/confirm', site.origin).pathname,
        xsrf: String(state.secret ?? ''),
        auto: hinted !== undefined && hinted.sub === session?.accountId,
        ...(client?.clientName && { appName: client.clientName }),
      });
      answerPage(ctx, page);
    },
    async postLogoutSuccessSource(ctx: KoaContextWithOIDC) {
      const { client } = ctx.oidc;
      const backTo = backToApp(ctx);
      const page = signedOutPage({
        ...frameOf(ctx, site),
        ...(client?.clientName && { appName: client.clientName }),
        ...(backTo && { backTo }),
      });
      answerPage(ctx, page);
    },
  };
}

/** Where a person can begin again: the app's own sign-in address, or its home. */
export function homeOf(client: {
  redirectUris?: readonly string[] | undefined;
  initiateLoginUri?: string | undefined;
}): string | undefined {
  if (client.initiateLoginUri) return client.initiateLoginUri;
  const home = client.redirectUris
    ?.map((uri) => URL.parse(uri))
    .find((uri) => uri && /^https?:$/.test(uri.protocol));
  return home ? `${home.origin}/` : undefined;
}

function backToApp(ctx: KoaContextWithOIDC): string | undefined {
  return ctx.oidc?.client && homeOf(ctx.oidc.client);
}

function describe(error: unknown): string {
  return error instanceof errors.OIDCProviderError
    ? (error.error_description ?? error.message)
    : 'The sign-in could not go on.';
}
