import cluster from 'node:cluster';
import { systemClock } from '../platform/clock.ts';
import type { Config } from '../platform/config.ts';
import type { Log } from '../platform/log.ts';
import { type Call, type Command, configFor } from './command.ts';
import { endsWithin, STOP_WITHIN, stopAsked } from './running/stopping.ts';
import { superviseWorkers } from './running/workers.ts';

export const serveCommand: Command = {
  summary: 'Run the server in production',
  usage: 'postern serve',
  takes: { min: 0, max: 0 },
  flags: {},
  examples: [
    'POSTERN_URL=https://id.example.com POSTERN_SECRET_FILE=/run/secrets/postern POSTERN_SMTP_URL=smtps://… POSTERN_MAIL_FROM=sign-in@example.com postern serve',
  ],
  run: async (call) => {
    const config = await configFor(call, 'serve');
    const { createLog } = await import('../platform/log.ts');
    const log = createLog(config.logLevel);
    if (config.workers === 1 || cluster.isWorker) return serveHere(call, config, log);
    log.info({ url: config.url, workers: config.workers }, 'starting');
    return superviseWorkers(config.workers, { log, clock: systemClock, stopAsked: stopAsked() });
  },
};

/** Until it is asked to stop; 1 when requests had to be cut off. */
async function serveHere(call: Call, config: Config, log: Log): Promise<number> {
  const asked = stopAsked();
  const server = await call.wiring.start(config);
  log.info({ url: config.url, listen: `${config.listen.host}:${config.listen.port}` }, 'ready');
  log.info({ signal: await asked }, 'stopping');
  const finished = await endsWithin(STOP_WITHIN, server.stop());
  if (finished) log.info('stopped');
  else log.warn({ waitedMs: STOP_WITHIN }, 'stopped before every request was finished');
  return finished ? 0 : 1;
}
