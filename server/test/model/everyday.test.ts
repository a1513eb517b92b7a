import { describe, it } from 'node:test';
import { requireNoDivergence } from './run.ts';

describe('what people, an attacker, a scanner and the clock do in any order', () => {
  it('comes out as the model says', async (t) => {
    const rules = {
      guessesMax: 5,
      pauseSeconds: 30,
      newestOnly: false,
      sameBrowserOnly: false,
      mailsPerMinute: 10,
    };
    const unreachable = ['link elsewhere and bound'];
    t.diagnostic(await requireNoDivergence({ rules, from: 0, to: 0.5, unreachable }));
  });
});
