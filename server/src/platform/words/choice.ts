import type { IncomingMessage } from 'node:http';
import { acceptedLanguages } from '../../core/language.ts';
import { cookieNames } from '../http/cookies.ts';
import { cookieOf } from '../http/front-door.ts';
import { languages, type Words, wordsFor } from './words.ts';

/** A year. */
const KEPT_FOR = 31_536_000;

/** What the choice of a language needs to know of the deployment. */
export interface Site {
  readonly origin: URL;
  readonly settings: { snapshot(): { readonly 'branding.language': string } };
}

/**
 * The language of a page: chosen on the pages of this very sign-in, asked for by the app (`ui_locales`,
 * OpenID Connect Core 3.1.2.1), chosen in an earlier one, what the browser asks for, or the deployment's own.
 */
export function wordsOf(request: IncomingMessage, site: Site, uiLocales: unknown = ''): Words {
  const names = cookieNames(site.origin);
  return wordsFor(
    cookieOf(request, names.languageHere),
    ...String(uiLocales ?? '').split(' '),
    cookieOf(request, names.language),
    ...acceptedLanguages(request.headers['accept-language'] ?? ''),
    site.settings.snapshot()['branding.language'],
  );
}

/** Keeps a choice: for the page it was made on over the app's wish, and for all others under it. */
export function languageCookies(origin: URL, chosen: { language: string; from: string }): string[] {
  const { lang } = languages.find((one) => one.lang === chosen.language) ?? { lang: 'en' };
  const names = cookieNames(origin);
  const rest = `HttpOnly; SameSite=Lax; Max-Age=${KEPT_FOR}${origin.protocol === 'https:' ? '; Secure' : ''}`;
  const path = /^\/(?:interaction|l|not-me)\/[\w-]+/.exec(chosen.from)?.[0];
  return [
    `${names.language}=${lang}; Path=/; ${rest}`,
    ...(path === undefined ? [] : [`${names.languageHere}=${lang}; Path=${path}; ${rest}`]),
  ];
}
