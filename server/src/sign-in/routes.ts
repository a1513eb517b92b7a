import type { FastifyInstance, FastifyRequest } from 'fastify';
import { logoFacts } from '../core/branding/logo.ts';
import { Problem } from '../core/problems.ts';
import type { Database } from '../platform/database/database.ts';
import { parseForm } from '../platform/http/form.ts';
import { requireSameOrigin } from '../platform/http/front-door.ts';
import { pageHeaders } from '../platform/http/html.ts';
import { languageCookies, wordsOf } from '../platform/words/choice.ts';
import { languages } from '../platform/words/words.ts';
import { findLogo } from '../settings/logo-store.ts';
import { type BrandedSite, brandOf } from './branding.ts';
import { ownPath } from './page-parts.ts';
import { languagesPage } from './pages.ts';

type LanguagesRequest = FastifyRequest<{ Querystring: { from?: string | string[] } }>;

/** The choice of a language: a page with all of them, and back to the page that was left. */
export function languageRoutes(site: BrandedSite): (app: FastifyInstance) => Promise<void> {
  const { origin } = site;
  return async (app) => {
    app.get('/languages', async (request: LanguagesRequest, reply) => {
      const from = placeOf(String(request.query.from ?? ''));
      const frame = { words: wordsOf(request.raw, site), host: origin.host, brand: brandOf(site) };
      const page = languagesPage({ ...frame, from }, languages);
      return reply.headers(pageHeaders(page)).send(page);
    });
    app.post('/languages', async (request, reply) => {
      requireSameOrigin(request.raw, origin.origin);
      const form = parseForm(String(request.body ?? ''));
      const from = placeOf(form.get('from') ?? '');
      const cookies = languageCookies(origin, { language: form.get('language') ?? '', from });
      return reply.header('set-cookie', cookies).header('cache-control', 'no-store').redirect(from, 303);
    });
  };
}

type LogoRequest = FastifyRequest<{ Params: { id: string } }>;

/** A logo's address names its content, so it never changes. Opened as a page, a drawing can do nothing. */
const LOGO_HEADERS = {
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox",
  'cache-control': 'public, max-age=31536000, immutable',
};

/** The pictures of deployment and clients, for pages and for mails. */
export function logoRoutes(database: Database): (app: FastifyInstance) => Promise<void> {
  return async (app) => {
    app.get('/logos/:id', async (request: LogoRequest, reply) => {
      const { id } = request.params;
      const logo = logoFacts(id) && (await database.read((q) => findLogo(q, id)));
      if (!logo) throw new Problem('not_found', 'No such logo is in use.');
      return reply.headers(LOGO_HEADERS).type(logo.type).send(logo.bytes);
    });
  };
}

/** A page of ours to go back to; anything else leads to the choice again. */
function placeOf(from: string): string {
  return from.length <= 300 && /^\/[\w/-]*$/.test(from) ? (ownPath(from) ?? '/languages') : '/languages';
}
