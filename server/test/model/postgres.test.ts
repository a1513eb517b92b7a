import { it } from 'node:test';
import { onPostgres } from '../support/databases.ts';
import { requireNoDivergence } from './run.ts';

onPostgres('what anybody does in any order', (database) => {
  it('comes out as the model says, with no pause between mails', async (t) => {
    const rules = {
      guessesMax: 5,
      pauseSeconds: 0,
      newestOnly: false,
      sameBrowserOnly: false,
      mailsPerMinute: 10,
    };
    const unreachable = ['link elsewhere and bound'];
    const { url } = database;
    t.diagnostic(await requireNoDivergence({ rules, database: url, from: 0.85, to: 1, unreachable }));
  });
});
