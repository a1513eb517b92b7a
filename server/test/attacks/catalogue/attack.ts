// An attack is made twice: on the server as it is, where it must fail, and on one without its guard, where it must not.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { MailTransport } from '../../../src/mail/transport.ts';
import { initialSettings, type SettingValues } from '../../../src/settings/definitions.ts';
import { createFakeClock, type FakeClock } from '../../support/clock.ts';
import { createMailbox, type Mailbox } from '../../support/mailbox.ts';
import type { TestServerOptions } from '../../support/server.ts';
import { ask, enter, isSignedIn, type Site, someone } from '../../support/sign-in-steps.ts';
import { loadBuild, type Weakening } from './weakened-build.ts';

export type Outcome = 'held' | { readonly succeeded: string };

/** A server behind one trusted proxy, so that a header says where a request comes from. */
export interface Target extends Site {
  readonly clock: FakeClock;
  /** What the server has logged, at its most talkative. */
  readonly logged: string[];
}

export interface Attack {
  readonly id: string;
  readonly title: string;
  /** Where it has happened, or who says that it must not. */
  readonly reference: string;
  /** What holds it off: the thing that the weakenings take away. */
  readonly guard: string;
  readonly weakenings: readonly Weakening[];
  readonly settings?: Partial<SettingValues>;
  readonly config?: TestServerOptions['config'];
  /** Stands in for the mailbox where a mail provider is part of the attack. */
  readonly transport?: (mailbox: Mailbox) => MailTransport;
  attack(target: Target): Promise<Outcome>;
}

/** The limits that a new deployment has, not the roomy ones of other tests; but sums to do cost attackers nothing. */
function shippedLimits(): Partial<SettingValues> {
  const limits = Object.entries(initialSettings()).filter(([name]) => name.startsWith('limits.'));
  return { ...Object.fromEntries(limits), 'limits.puzzles': false };
}

/** Tries an attack on a fresh server; on a weakened one only when a person can still sign in there. */
async function carryOut(attack: Attack, weakenings: readonly Weakening[]): Promise<Outcome> {
  const { startTestServer, createLog } = await loadBuild(weakenings);
  const clock = createFakeClock();
  const mailbox = createMailbox();
  const logged: string[] = [];
  const server = await startTestServer({
    transport: attack.transport?.(mailbox) ?? mailbox.transport,
    clock,
    log: createLog('debug', { write: (line) => logged.push(line) }),
    settings: { ...shippedLimits(), ...attack.settings },
    config: { trustProxy: ['127.0.0.1'], ...attack.config },
  });
  const target = { server, mailbox, clock, logged };
  try {
    await signInNormally(target);
    const outcome = await attack.attack(target);
    if (weakenings.length === 0)
      assert.doesNotMatch(logged.join(''), /"level":"error"/, 'and nothing went wrong inside');
    return outcome;
  } finally {
    await server.stop();
    clock.release();
  }
}

async function signInNormally(target: Target): Promise<void> {
  const person = await ask(target, someone(), { headers: { 'x-forwarded-for': '192.0.2.1' } });
  const page = await (person.code === ''
    ? person.browser.post(person.link, {})
    : enter(person, person.code, { 'x-forwarded-for': '192.0.2.1' }));
  assert.ok(isSignedIn(page), 'a person can sign in on this build');
}

/** The tests of one family of attacks, and of their rows in SECURITY.md. */
export function testFamily(name: string, attacks: readonly Attack[]): void {
  describe(`The catalogue of attacks: ${name}`, () => {
    for (const attack of attacks) {
      it(`${attack.id} ${attack.title}: held`, async () => {
        assert.deepEqual(await carryOut(attack, []), 'held');
      });
      it(`${attack.id} ${attack.title}: succeeds without ${attack.guard}`, async () => {
        assert.ok(attack.weakenings.length > 0);
        assert.notEqual(await carryOut(attack, attack.weakenings), 'held', 'the attack does not bite');
      });
    }

    it('is listed in SECURITY.md as it is here', () => {
      const letter = attacks[0]?.id.slice(0, 1) ?? '';
      const listed = documentedAttacks().filter((row) => row.startsWith(`| ${letter}`));
      assert.deepEqual(
        listed,
        attacks.map(({ id, title, reference, guard }) => `| ${id} | ${title} | ${reference} | ${guard} |`),
      );
    });
  });
}

/** The rows of the table of attacks in SECURITY.md. */
export function documentedAttacks(): string[] {
  const page = readFileSync(new URL('../../../../SECURITY.md', import.meta.url), 'utf8');
  return page.split('\n').filter((line) => /^\| [A-Z]\d\d \|/.test(line));
}
