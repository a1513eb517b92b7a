// Prints docs/flows/attempt.md from the state machine itself: node tools/print-attempt.ts > docs/flows/attempt.md
import {
  type Attempt,
  type AttemptEvent,
  type AttemptState,
  begin,
  LIVE_CODES_MAX,
  MAILS_MAX,
  REDEEM_WITHIN,
  type Transition,
  timePassed,
  transition,
} from '../server/src/core/attempt.ts';
import type { Email } from '../server/src/core/email.ts';
import { MINUTE, SECOND } from '../server/src/core/units.ts';

const startedAt = 0;
const now = startedAt + MINUTE;
const guessesMax = 5;

const seed = {
  id: 'req_1',
  email: 'ada@example.com' as Email,
  clientId: 'skc_1',
  createdAt: startedAt,
  expiresAt: startedAt + 10 * MINUTE,
} as const;

const right: AttemptEvent = { type: 'code-entered', matches: true, guess: 'right', guessesMax };
const wrong = (guess: string, max = guessesMax): AttemptEvent => ({
  type: 'code-entered',
  matches: false,
  guess,
  guessesMax: max,
});
const pauseMs = 30 * SECOND;
const askedFor = (step: number, pause = pauseMs): AttemptEvent => ({
  type: 'mail-asked',
  step,
  validUntil: seed.expiresAt,
  pauseMs: pause,
});

const after = (attempt: Attempt, event: AttemptEvent) => transition(attempt, event, now).next;
const mailed = transition(begin(seed), askedFor(0), startedAt).next;
const pending = after(mailed, wrong('first'));
const satisfied = after(pending, right);

/** One attempt in every state: a mail was sent and one wrong code entered. */
export const examples: Record<AttemptState, Attempt> = {
  pending,
  satisfied,
  redeemed: after(satisfied, { type: 'redeemed', userId: 'usr_1' }),
  locked: after(pending, wrong('second', 2)),
  expired: timePassed(pending, pending.expiresAt),
  superseded: after(pending, { type: 'replaced' }),
  disowned: after(pending, { type: 'disowned' }),
};

type Situation = (attempt: Attempt) => Transition | { next: Attempt; outcome?: never };

const happens = (event: (attempt: Attempt) => AttemptEvent): Situation => {
  return (attempt) => transition(attempt, event(attempt), now);
};

/** Everything that can happen, in the words of the page. */
export const situations: Record<string, Situation> = {
  'a mail is asked for': happens((attempt) => askedFor(attempt.mailedAt.length)),
  'the same mail is asked for again': happens((attempt) => askedFor(attempt.mailedAt.length - 1)),
  'a mail is asked for before the pause is over': happens((attempt) =>
    askedFor(attempt.mailedAt.length, 2 * MINUTE),
  ),
  'one mail too many is asked for': (attempt) =>
    transition({ ...attempt, mailedAt: Array(MAILS_MAX).fill(startedAt) }, askedFor(MAILS_MAX), now),
  'the right code is entered': happens(() => right),
  'a wrong code is entered': happens(() => wrong('another')),
  'the same wrong code is entered again': happens(() => wrong('first')),
  'the last wrong code is entered': happens((attempt) => wrong('last', attempt.wrongGuesses.length + 1)),
  'the link is confirmed': happens(() => ({ type: 'link-confirmed' })),
  'the right number is chosen elsewhere': happens(() => ({ type: 'approved', matches: true })),
  'a wrong number is chosen elsewhere': happens(() => ({ type: 'approved', matches: false })),
  'the owner of the address says "not me"': happens(() => ({ type: 'disowned' })),
  'the sign-in is finished': happens(() => ({ type: 'redeemed', userId: 'usr_1' })),
  'another attempt takes its place': happens(() => ({ type: 'replaced' })),
  'its time is over': (attempt) => ({ next: timePassed(attempt, attempt.expiresAt) }),
};

const states = Object.keys(examples);

function cell(state: string, attempt: Attempt, situation: Situation): string {
  const { next, outcome } = situation(attempt);
  const move = next.state === state ? '' : `→ **${next.state}**`;
  return [outcome ?? '', move].filter((part) => part !== '').join(' ') || '·';
}

function table(): string {
  const rows = Object.entries(situations).map(([words, situation]) => [
    words,
    ...Object.entries(examples).map(([state, attempt]) => cell(state, attempt, situation)),
  ]);
  return [['What happens', ...states], ['', ...states].map(() => '---'), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

function diagram(): string {
  const moves = Object.entries(examples).flatMap(([state, attempt]) =>
    Object.entries(situations).map(([words, situation]) => ({
      state,
      next: situation(attempt).next.state,
      words,
    })),
  );
  const changes = moves.filter(({ state, next }) => next !== state);
  const ends = states.filter((state) => !changes.some((change) => change.state === state));
  return [
    'stateDiagram-v2',
    '  [*] --> pending: an address is entered',
    ...changes.map(({ state, next, words }) => `  ${state} --> ${next}: ${words}`),
    ...ends.map((state) => `  ${state} --> [*]`),
  ].join('\n');
}

/** The page, complete. */
export function attemptPage(): string {
  return `# The attempt

One address proving itself in one browser, from the first mail to the session. \`server/src/core/attempt.ts\`
decides every step; this page is printed from it by \`tools/print-attempt.ts\`, and a test compares the two.

\`\`\`mermaid
${diagram()}
\`\`\`

Each cell is the answer to the person and, where it changes, the next state. Time is judged first: an attempt
past its time answers as \`expired\`, whatever happens to it.

${table()}

- A code or a link proves the address; only finishing the sign-in, once, in the browser that asked, redeems it.
- Wrong codes are counted for the whole attempt (\`limits.guesses_per_attempt\`): a new mail buys no new guess,
  and the same wrong code twice is one guess.
- An attempt sends at most ${MAILS_MAX} mails, and at most ${LIVE_CODES_MAX} of their codes are right at the same moment.
- A proof in the last second leaves ${REDEEM_WITHIN / SECOND} seconds to finish the sign-in.
- Between two mails lies a pause (\`limits.resend_after_seconds\`), which doubles with each mail up to four times.
- The number is shown where the sign-in was begun, and chosen among three where the link was opened
  (\`passwordless.remote_approval\`, off by default); a wrong one ends the attempt.
- "Not me" ends whatever the attempt has come to; the session of a redeemed one ends with it.
- Only "not me" follows \`redeemed\` and \`superseded\`.
`;
}

if (import.meta.main) process.stdout.write(attemptPage());
