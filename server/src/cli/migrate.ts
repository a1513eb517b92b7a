import { systemClock } from '../platform/clock.ts';
import { answer, type Command, configFor } from './command.ts';

export const migrateCommand: Command = {
  summary: "Bring the database's schema up to this release",
  usage: 'postern migrate [--plan]',
  takes: { min: 0, max: 0 },
  flags: { plan: { type: 'boolean', meaning: 'Only say what would be done' } },
  examples: ['postern migrate --plan', 'postern migrate --json'],
  run: async (call) => {
    const config = await configFor(call, 'tool');
    // Not through the wiring, which migrates what it opens: a plan must leave the schema alone.
    const { openDatabase } = await import('../platform/database/open.ts');
    const { migrate, plan } = await import('../platform/database/migrate.ts');
    const database = openDatabase(config.database);
    try {
      const planned = call.has('plan');
      const names = planned ? await plan(database) : await migrate(database, systemClock);
      const lines = names.map((name) => `${planned ? 'Would apply' : 'Applied'} ${name}.`);
      const data = planned ? { pending: names } : { applied: names };
      return answer(call, data, names.length === 0 ? ['The schema is up to date.'] : lines);
    } finally {
      await database.close();
    }
  },
};
