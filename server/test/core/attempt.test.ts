import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { attemptPage, examples, situations } from '../../../tools/print-attempt.ts';
import {
  type Attempt,
  type AttemptEvent,
  begin,
  MAILS_MAX,
  REDEEM_WITHIN,
  timePassed,
  transition,
} from '../../src/core/attempt.ts';
import type { Email } from '../../src/core/email.ts';
import { MINUTE } from '../../src/core/units.ts';

const email = 'ada@example.com' as Email;
const fresh = begin({ id: 'req_1', email, clientId: 'skc_1', createdAt: 0, expiresAt: 10 * MINUTE });

const settled = {
  satisfied: ['already-proved', 'satisfied'],
  redeemed: ['already-redeemed', 'redeemed'],
  locked: ['locked', 'locked'],
  expired: ['expired', 'expired'],
  superseded: ['superseded', 'superseded'],
  disowned: ['disowned', 'disowned'],
} as const;

const taken = ['superseded', 'superseded'] as const;

/** What is asked of the machine, written by hand: [outcome, next state] for every situation and state. */
const expected: Record<string, Record<Attempt['state'], readonly [string | undefined, string]>> = {
  'a mail is asked for': { ...settled, pending: ['mailed', 'pending'] },
  'the same mail is asked for again': { ...settled, pending: ['already-mailed', 'pending'] },
  'a mail is asked for before the pause is over': { ...settled, pending: ['too-soon', 'pending'] },
  'one mail too many is asked for': { ...settled, pending: ['mails-spent', 'pending'] },
  'the right code is entered': { ...settled, pending: ['proved', 'satisfied'] },
  'a wrong code is entered': { ...settled, pending: ['wrong', 'pending'] },
  'the same wrong code is entered again': { ...settled, pending: ['wrong', 'pending'] },
  'the last wrong code is entered': { ...settled, pending: ['locked', 'locked'] },
  'the link is confirmed': { ...settled, pending: ['proved', 'satisfied'] },
  'the right number is chosen elsewhere': { ...settled, pending: ['proved', 'satisfied'] },
  'a wrong number is chosen elsewhere': { ...settled, pending: ['locked', 'locked'] },
  'the owner of the address says "not me"': {
    pending: settled.disowned,
    satisfied: settled.disowned,
    redeemed: settled.disowned,
    locked: settled.disowned,
    expired: settled.disowned,
    superseded: settled.disowned,
    disowned: settled.disowned,
  },
  'the sign-in is finished': {
    ...settled,
    pending: ['not-proved', 'pending'],
    satisfied: ['redeemed', 'redeemed'],
  },
  'another attempt takes its place': {
    pending: taken,
    satisfied: taken,
    redeemed: settled.redeemed,
    locked: taken,
    expired: taken,
    superseded: taken,
    disowned: settled.disowned,
  },
  'its time is over': {
    pending: [undefined, 'expired'],
    satisfied: [undefined, 'expired'],
    redeemed: [undefined, 'redeemed'],
    locked: [undefined, 'locked'],
    expired: [undefined, 'expired'],
    superseded: [undefined, 'superseded'],
    disowned: [undefined, 'disowned'],
  },
};

describe('an attempt', () => {
  it('has an expectation for every situation', () => {
    assert.deepEqual(Object.keys(expected), Object.keys(situations));
  });

  for (const [words, situation] of Object.entries(situations)) {
    it(`answers in every state when ${words}`, () => {
      const answers = Object.entries(examples).map(([state, attempt]) => {
        const { next, outcome } = situation(attempt);
        return [state, [outcome, next.state]];
      });
      assert.deepEqual(Object.fromEntries(answers), expected[words]);
    });
  }

  it('is documented by the page that the machine prints', () => {
    const page = readFileSync(new URL('../../../docs/flows/attempt.md', import.meta.url), 'utf8');
    assert.equal(page, attemptPage(), 'run: node tools/print-attempt.ts > docs/flows/attempt.md');
  });

  it('carries only the fields of its state', () => {
    const common = Object.keys(fresh).filter((key) => key !== 'state');
    const own = (attempt: Attempt) => Object.keys(attempt).filter((key) => !common.includes(key));
    const fields = Object.entries(examples).map(([state, attempt]) => [state, own(attempt).toSorted()]);
    assert.deepEqual(Object.fromEntries(fields), {
      pending: ['state'],
      satisfied: ['provedAt', 'provedBy', 'state'],
      redeemed: ['provedAt', 'provedBy', 'redeemedAt', 'state', 'userId'],
      locked: ['lockedAt', 'state'],
      expired: ['state'],
      superseded: ['state', 'supersededAt'],
      disowned: ['disownedAt', 'state'],
    });
  });

  it('forgets a proof that came to nothing', () => {
    assert.deepEqual(
      Object.keys(timePassed(examples.satisfied, fresh.expiresAt)).toSorted(),
      Object.keys(fresh).toSorted(),
    );
  });

  it('counts the same wrong code once, however often it is entered', () => {
    const wrong = { type: 'code-entered', matches: false, guess: 'a double click', guessesMax: 3 } as const;
    const next = [1, 2, 3, 4].reduce<Attempt>((attempt) => transition(attempt, wrong, MINUTE).next, fresh);
    assert.deepEqual([next.state, next.wrongGuesses], ['pending', ['a double click']]);
  });

  it('is open until the very millisecond of its end', () => {
    assert.equal(timePassed(fresh, fresh.expiresAt - 1).state, 'pending');
    assert.equal(timePassed(fresh, fresh.expiresAt).state, 'expired');
  });

  it('leaves time to finish after a proof in the last second', () => {
    const last = fresh.expiresAt - 1;
    const { next } = transition(fresh, { type: 'link-confirmed' }, last);
    assert.equal(timePassed(next, last + REDEEM_WITHIN - 1).state, 'satisfied');
    assert.equal(timePassed(next, last + REDEEM_WITHIN).state, 'expired');
  });

  it('judges no code past a maximum that was lowered meanwhile, not even the right one', () => {
    const code = { type: 'code-entered', matches: true, guess: 'right', guessesMax: 1 } as const;
    const { next, outcome } = transition(examples.pending, code, MINUTE);
    assert.deepEqual([outcome, next.state, next.wrongGuesses.length], ['locked', 'locked', 1]);
  });
});

const happening: fc.Arbitrary<AttemptEvent> = fc.oneof(
  { weight: 3, arbitrary: codeEntered() },
  fc.record({
    type: fc.constant('mail-asked' as const),
    step: fc.nat({ max: MAILS_MAX + 1 }),
    validUntil: fc.nat({ max: 30 * MINUTE }),
    pauseMs: fc.nat({ max: MINUTE }),
  }),
  fc.constant({ type: 'link-confirmed' as const }),
  fc.constant({ type: 'redeemed' as const, userId: 'usr_1' as const }),
  fc.constant({ type: 'replaced' as const }),
  fc.constant({ type: 'disowned' as const }),
  fc.boolean().map((matches) => ({ type: 'approved' as const, matches })),
);

function codeEntered(): fc.Arbitrary<AttemptEvent> {
  return fc
    .record({
      guess: fc.nat({ max: 12 }),
      matches: fc.boolean(),
      guessesMax: fc.integer({ min: 3, max: 10 }),
    })
    .map(({ guess, matches, guessesMax }) => ({
      type: 'code-entered',
      guess: `${guess}`,
      matches: matches && guess === 0,
      guessesMax,
    }));
}

/** Events at instants that also step back, as clocks do. */
const history = fc.array(fc.tuple(happening, fc.integer({ min: -MINUTE, max: 2 * MINUTE })), {
  maxLength: 40,
});

interface Step {
  before: Attempt;
  event: AttemptEvent;
  outcome: string;
  after: Attempt;
}

function live(events: [AttemptEvent, number][]): Step[] {
  const steps: Step[] = [];
  let [now, before]: [number, Attempt] = [0, fresh];
  for (const [event, elapsed] of events) {
    now = Math.max(0, now + elapsed);
    const { next, outcome } = transition(before, event, now);
    steps.push({ before, event, outcome, after: next });
    before = next;
  }
  return steps;
}

function always(holds: (steps: Step[]) => void): void {
  fc.assert(
    fc.property(history, (events) => holds(live(events))),
    { numRuns: 1500 },
  );
}

const isJudged = ({ before, event, outcome, after }: Step) =>
  event.type === 'code-entered' &&
  (outcome === 'proved' || after.wrongGuesses.length > before.wrongGuesses.length);

describe('whatever happens to an attempt, in whatever order', () => {
  it('judges a code only while fewer than the maximum were judged', () =>
    always((steps) => {
      let judged = 0;
      for (const step of steps.filter(isJudged)) {
        assert.ok(step.event.type === 'code-entered' && judged < step.event.guessesMax);
        judged += 1;
      }
    }));

  it('is redeemed at most once, and only after a proof', () =>
    always((steps) => {
      const outcomes = steps.map(({ outcome }) => outcome);
      assert.ok(outcomes.filter((outcome) => outcome === 'redeemed').length <= 1);
      const redeemedAt = outcomes.indexOf('redeemed');
      assert.ok(redeemedAt < 0 || outcomes.slice(0, redeemedAt).includes('proved'));
    }));

  it('stays for ever what it is once redeemed or superseded, unless its owner disowns it', () =>
    always((steps) => {
      for (const { before, after } of steps)
        if (before.state === 'redeemed' || before.state === 'superseded')
          assert.ok(after === before || after.state === 'disowned');
    }));

  it('never opens again once locked or expired', () =>
    always((steps) => {
      for (const { before, after } of steps)
        if (before.state === 'locked' || before.state === 'expired')
          assert.ok(after === before || after.state === 'superseded' || after.state === 'disowned');
    }));

  it('never loses time, mails or wrong guesses, and never changes whose it is', () =>
    always((steps) => {
      for (const { before, after } of steps) {
        assert.ok(after.expiresAt >= before.expiresAt);
        assert.deepEqual(after.mailedAt.slice(0, before.mailedAt.length), before.mailedAt);
        assert.ok(after.mailedAt.length <= MAILS_MAX);
        assert.deepEqual(after.wrongGuesses.slice(0, before.wrongGuesses.length), before.wrongGuesses);
        const { id, email: address, clientId, createdAt } = after;
        assert.deepEqual(
          { id, email: address, clientId, createdAt },
          { id: fresh.id, email, clientId: fresh.clientId, createdAt: 0 },
        );
      }
    }));

  it('opens no more once disowned', () =>
    always((steps) => {
      for (const { before, after } of steps) if (before.state === 'disowned') assert.equal(after, before);
    }));

  it('sends a mail for a step once, however often the form is sent', () =>
    always((steps) => {
      const sent = steps
        .filter(({ outcome }) => outcome === 'mailed')
        .map(({ before }) => before.mailedAt.length);
      assert.equal(new Set(sent).size, sent.length);
    }));
});
