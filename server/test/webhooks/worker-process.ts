// A process of its own that sends what waits in the database at argv[2] to argv[3].
import { startDeliveries } from '../../src/events/deliveries/worker.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { openDatabase } from '../../src/platform/database/open.ts';
import { createOutbound } from '../../src/platform/http/outbound.ts';

const [url = '', target = ''] = process.argv.slice(2);
const prepare = async ({ id }: { id: string }) => ({
  url: target,
  headers: {},
  body: JSON.stringify({ id }),
  reach: 'private' as const,
});
startDeliveries({
  database: openDatabase(url),
  clock: systemClock,
  outbound: createOutbound(),
  carriers: { webhook: { prepare }, logout: { prepare } },
  fanOuts: [],
  log: { warn: () => undefined, error: (...entry) => console.error(...entry) },
});
setInterval(() => undefined, 1000); // until it is killed
