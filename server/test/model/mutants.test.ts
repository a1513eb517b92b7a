import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadBuild, type Weakening } from '../attacks/catalogue/weakened-build.ts';
import { playRandomly } from './run.ts';

interface Mutant {
  readonly title: string;
  readonly weakening: Weakening;
}

/** A server each without one thing that holds; whoever removes it by mistake is told by the model. */
const mutants: readonly Mutant[] = [
  {
    title: 'judges as many wrong codes as somebody enters',
    weakening: {
      file: 'core/attempt.ts',
      find: 'if (wrongGuesses.length >= event.guessesMax) return locked(attempt, wrongGuesses, now);',
      replace: '',
    },
  },
  {
    title: 'sends a mail for each press of one button',
    weakening: {
      file: 'core/attempt.ts',
      find: "if (event.step !== mailedAt.length) return { next: attempt, outcome: 'already-mailed' };",
      replace: '',
    },
  },
  {
    title: 'sends the next mail without a pause',
    weakening: {
      file: 'core/attempt.ts',
      find: "if (now < nextMailAt(attempt, event.pauseMs)) return { next: attempt, outcome: 'too-soon' };",
      replace: '',
    },
  },
  {
    title: 'takes a link in any browser',
    weakening: {
      file: 'sign-in/proving.ts',
      find: "if (sameBrowser) return { kind: 'here', record };",
      replace: "if (record) return { kind: 'here', record };",
    },
  },
  {
    title: 'takes codes whose time is over',
    weakening: { file: 'sign-in/proving.ts', find: 'facts.now < mail.expiresAt', replace: 'mail' },
  },
  {
    title: 'takes a link by GET',
    weakening: {
      file: 'oidc/routes.ts',
      find: 'const view = await viewLink(parts, { token, browser: browserOf(parts, request) });',
      replace: 'const view = await confirmLink(parts, { token, browser: browserOf(parts, request) });',
    },
  },
  {
    title: 'shows a sign-in to whoever knows its address',
    weakening: {
      file: 'oidc/dispatcher.ts',
      find: '!isBegunIn(parts, request, { interaction, browser })',
      replace: '!isBegunIn',
    },
  },
  {
    title: 'leaves the attempt before as it was',
    weakening: {
      file: 'sign-in/sign-in.ts',
      find: 'if (latest) await supersede(q, latest, now);',
      replace: '',
    },
  },
  {
    title: 'leaves the session of a disowned sign-in',
    weakening: {
      file: 'oidc/disowning/ending.ts',
      find: 'return { result: view, sessions: sessionsOf(view) };',
      replace: 'return { result: view, sessions: [] };',
    },
  },
  {
    title: 'forgets which codes and tokens were used',
    weakening: {
      file: 'oidc/adapter.ts',
      find: 'jti: id, ...consumption(row.consumed_at) }',
      replace: 'jti: id }',
    },
  },
  {
    title: 'ends a waiting sign-in together with the session that it began in',
    weakening: {
      file: 'oidc/adapter.ts',
      find: "if (this.#kind === 'Interaction') return undefined;\n",
      replace: '',
    },
  },
];

const RULES = {
  guessesMax: 5,
  pauseSeconds: 30,
  newestOnly: false,
  sameBrowserOnly: false,
  mailsPerMinute: 10,
};
const RUNS_MAX = 600;

describe('the model', () => {
  it('finds nothing in the server as it is', async () => {
    const { startTestServer } = await loadBuild([]);
    const { details } = await playRandomly({ rules: RULES, start: startTestServer }, { numRuns: 100 });
    assert.equal(details.failed, false);
  });

  for (const { title, weakening } of mutants) {
    it(`finds a server that ${title}`, async (t) => {
      const { startTestServer } = await loadBuild([weakening]);
      const given = { rules: RULES, start: startTestServer };
      const { details } = await playRandomly(given, { numRuns: RUNS_MAX, endOnFailure: true });
      assert.ok(details.failed, `not within ${RUNS_MAX} sequences`);
      t.diagnostic(`found by sequence ${details.numRuns}`);
    });
  }
});
