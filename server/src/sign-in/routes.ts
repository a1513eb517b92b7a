import type { FastifyInstance, FastifyRequest } from 'fastify';
import { parseForm } from '../platform/http/form.ts';
import { requireSameOrigin } from '../platform/http/front-door.ts';
import { pageHeaders } from '../platform/http/html.ts';
import { languageCookies, type Site, wordsOf } from '../platform/words/choice.ts';
import { languages } from '../platform/words/words.ts';
import { ownPath } from './page-parts.ts';
import { languagesPage } from './pages.ts';

type LanguagesRequest = FastifyRequest<{ Querystring: { from?: string | string[] } }>;

/** The choice of a language: a page with all of them, and back to the page that was left. */
export function languageRoutes(site: Site): (app: FastifyInstance) => Promise<void> {
  const { origin } = site;
  return async (app) => {
    app.get('/languages', async (request: LanguagesRequest, reply) => {
      const from = placeOf(String(request.query.from ?? ''));
      const page = languagesPage({ words: wordsOf(request.raw, site), host: origin.host, from }, languages);
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

/** A page of ours to go back to; anything else leads to the choice again. */
function placeOf(from: string): string {
  return from.length <= 300 && /^\/[\w/-]*$/.test(from) ? (ownPath(from) ?? '/languages') : '/languages';
}
