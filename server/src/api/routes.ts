import type { FastifyInstance } from 'fastify';
import { Problem } from '../core/problems.ts';
import type { Keys } from '../oidc/keys.ts';
import type { Database } from '../platform/database/database.ts';
import { plan } from '../platform/database/migrate.ts';
import { addressOf, isPassedOn } from '../platform/http/front-door.ts';
import { dataHeaders } from '../platform/http/headers.ts';
import { isPublicAddress } from '../platform/http/networks.ts';
import type { Metrics } from '../platform/metrics.ts';

/** Whether the process lives, and whether it can serve: what load balancers and supervisors ask. */
export function healthRoutes(parts: {
  database: Database;
  keys: Keys;
}): (app: FastifyInstance) => Promise<void> {
  return async (app) => {
    app.get('/healthz', async (_request, reply) =>
      reply.header('cache-control', 'no-store').send({ status: 'alive' }),
    );
    app.get('/readyz', async (_request, reply) => {
      const state = await readiness(parts);
      const ready = Object.values(state).every((part) => part === 'ok');
      return reply
        .code(ready ? 200 : 503)
        .header('cache-control', 'no-store')
        .send({ status: ready ? 'ready' : 'not ready', ...state });
    });
  };
}

async function readiness(parts: {
  database: Database;
  keys: Keys;
}): Promise<{ database: string; migrations: string; keys: string }> {
  try {
    const pending = await plan(parts.database);
    const keys = await parts.keys.list();
    return {
      database: 'ok',
      migrations: pending.length === 0 ? 'ok' : `pending: ${pending.join(', ')}`,
      keys: keys.some(({ state }) => state === 'current') ? 'ok' : 'none',
    };
  } catch {
    return { database: 'unreachable', migrations: 'unknown', keys: 'unknown' };
  }
}

/**
 * `GET /metrics` for those who watch the server from within their network: to a client with a public address
 * there is nothing here, nor to anybody behind a proxy that is not in POSTERN_TRUST_PROXY.
 */
export function metricsRoutes(metrics: Metrics): (app: FastifyInstance) => Promise<void> {
  return async (app) => {
    app.get('/metrics', async (request, reply) => {
      if (isPassedOn(request.raw) || isPublicAddress(addressOf(request.raw)))
        throw new Problem('not_found', 'Check the address.');
      return reply
        .headers(dataHeaders)
        .type('text/plain; version=0.0.4; charset=utf-8')
        .send(await metrics.render());
    });
  };
}
