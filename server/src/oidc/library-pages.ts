import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { pageHeaders } from '../platform/http/html.ts';
import { errorPage, signedOutPage, signOutPage } from './pages.ts';

/** What the library would say to a person, in our words and under our headers. */
export async function showError(
  ctx: KoaContextWithOIDC,
  about: { out: { error: string; error_description?: string | undefined }; error: unknown; host: string },
): Promise<void> {
  const { out, host } = about;
  const backTo = backToApp(ctx);
  ctx.type = 'html';
  ctx.body = errorPage({
    host,
    error: out.error,
    description: out.error_description ?? describe(about.error),
    requestId: String(ctx.state.requestId ?? ''),
    ...(backTo && { backTo }),
  });
  ctx.set(pageHeaders());
}

/** The pages of RP-initiated logout: asked without proof of the app's intent, the person confirms. */
export function logoutPages(origin: URL) {
  return {
    async logoutSource(ctx: KoaContextWithOIDC) {
      const { session, client, entities } = ctx.oidc;
      const state = session?.state ?? {};
      const hinted = entities.IdTokenHint?.payload;
      ctx.body = signOutPage({
        host: origin.host,
        formAction: new URL('/oidc/logout/confirm', origin).pathname,
        xsrf: String(state.secret ?? ''),
        auto: hinted !== undefined && hinted.sub === session?.accountId,
        ...(client?.clientName && { appName: client.clientName }),
      });
      ctx.set(pageHeaders());
    },
    async postLogoutSuccessSource(ctx: KoaContextWithOIDC) {
      const { client } = ctx.oidc;
      const backTo = backToApp(ctx);
      ctx.type = 'html';
      ctx.body = signedOutPage({
        host: origin.host,
        ...(client?.clientName && { appName: client.clientName }),
        ...(backTo && { backTo }),
      });
      ctx.set(pageHeaders());
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
