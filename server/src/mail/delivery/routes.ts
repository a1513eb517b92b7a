import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyPluginAsync } from 'fastify';
import { Problem } from '../../core/problems.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/database/database.ts';
import { dataHeaders } from '../../platform/http/headers.ts';
import { OutboundFailure } from '../../platform/http/outbound.ts';
import type { OpenProviders } from '../sending/open-providers.ts';
import { takeReports } from './reports.ts';

/** Providers put many reports into one request; the largest known send up to this. */
const REPORTS_MAX = 256 * 1024;

/** `POST /mail/webhooks/:providerId`, where providers tell what became of mails. */
export function webhookRoutes(parts: {
  database: Database;
  clock: Clock;
  providers: OpenProviders;
}): FastifyPluginAsync {
  return async (app) => {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: REPORTS_MAX }, (_request, body, done) =>
      done(null, body),
    );
    app.post<{ Params: { id: string } }>('/mail/webhooks/:id', async (request, reply) => {
      const found = await parts.providers.find(request.params.id);
      if (!found || typeof found.provider === 'string' || !found.provider.parseWebhook)
        throw new Problem('not_found', 'No mail provider reports here.');
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      const headers = singled(request.raw.headers);
      const parse = found.provider.parseWebhook;
      const reports = await parse({ headers, body }).catch((failure: unknown) => {
        throw failure instanceof OutboundFailure ? new Problem('unavailable', 'Send it again.') : failure;
      });
      if (reports === 'forged')
        throw new Problem('webhook_refused', 'It is not signed with what is known of this provider.');
      if (reports === 'stale') throw new Problem('webhook_refused', 'It was signed too long ago.');
      await takeReports(parts, found.record.id, reports);
      return reply.code(204).headers(dataHeaders).send();
    });
  };
}

function singled(headers: IncomingHttpHeaders): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
  );
}
