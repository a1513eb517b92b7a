// A process of its own that hands over what the outbox at argv[2] holds, and prints each mail's id as it leaves.
import { setTimeout as sleep } from 'node:timers/promises';
import { startOutbox } from '../../src/mail/outbox.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { openDatabase } from '../../src/platform/database/open.ts';

const database = openDatabase(process.argv[2] ?? '');
const outbox = startOutbox({
  database,
  clock: systemClock,
  compose: async (_q, row) => ({ subject: 'x', text: 'x', html: 'x', messageId: row.id }),
  log: { warn: () => undefined, error: (...entry) => console.error(...entry) },
  transport: {
    send: async ({ messageId }) => {
      process.stdout.write(`${messageId}\n`);
      await sleep(3);
      return { outcome: 'accepted' };
    },
    close: async () => undefined,
  },
});
await outbox.idle();
await outbox.stop();
await database.close();
