import { describe, it } from 'node:test';
import { requireNoDivergence } from './run.ts';

describe('what anybody does in any order where the owner is strict', () => {
  it('comes out as the model says: the newest mail only, the same browser only, three guesses', async (t) => {
    const rules = {
      guessesMax: 3,
      pauseSeconds: 0,
      newestOnly: true,
      sameBrowserOnly: true,
      mailsPerMinute: 2,
    };
    t.diagnostic(await requireNoDivergence({ rules, from: 0.5, to: 0.85, unreachable: ['link elsewhere'] }));
  });
});
