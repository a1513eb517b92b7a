import { type Fault, type Finding, judged } from '../../platform/finding.ts';
import type { SettingValues } from '../../settings/definitions.ts';
import { policyOf } from '../../sign-in/limits.ts';

/** NIST SP 800-63B-4 3.1.3.2 and OWASP ASVS 5.0 6.6.3: a code lives ten minutes at most. */
const VALIDITY_MAX = 600;

/** What the owner has decided: the arithmetic of guessing, and settings that contradict each other. */
export function decisionFindings(settings: SettingValues): Finding[] {
  return [signingIn(settings), guessing(settings), validity(settings), relations(settings)];
}

function signingIn(settings: SettingValues): Finding {
  const why =
    'The setting passwordless.enabled can be changed over the API too, by every client that may call it.';
  return judged({ id: 'sign_in', status: 'warn', why, good: 'People can sign in.' }, [
    settings['passwordless.enabled']
      ? undefined
      : {
          what: 'Signing in is switched off: apps get the error connection_not_active.',
          fix: 'Run: postern settings set passwordless.enabled true',
        },
  ]);
}

function guessing(settings: SettingValues): Finding {
  const policy = policyOf(settings);
  const why = `limits.guess_odds promises 1 in ${grouped(settings['limits.guess_odds'])} for one address in a day, or better.`;
  if (settings['passwordless.method'] === 'link')
    return { id: 'guessing', status: 'ok', what: 'Mails hold links only: there is no code to guess.', why };
  const kind = settings['passwordless.code_alphabet'] === 'numeric' ? 'digits' : 'letters and digits';
  const good = [
    `Codes have ${policy.codeLength} ${kind}, ${policy.liveCodes} of a sign-in live at once;`,
    `${policy.guessesPerAttempt} guesses per attempt, ${policy.failuresPerAddress} wrong codes per address in 30 days:`,
    `a code of one address is guessed with a chance of ${oddsOf(policy.chancePerDay)} in a day,`,
    `${oddsOf(policy.chancePerAttempt)} in an attempt.`,
  ].join(' ');
  const fix =
    'Nothing has to be done. To decide it yourself, set passwordless.code_length, the limits, or other odds.';
  const changed = (what: string): Fault => ({ what: `${good} ${what}`, fix });
  return judged({ id: 'guessing', status: 'warn', why, good }, [
    policy.codeLength > settings['passwordless.code_length']
      ? changed(
          `That is longer than the ${settings['passwordless.code_length']} of passwordless.code_length.`,
        )
      : undefined,
    policy.guessesPerAttempt < settings['limits.guesses_per_attempt']
      ? changed(`limits.guesses_per_attempt would be ${settings['limits.guesses_per_attempt']}.`)
      : undefined,
  ]);
}

function validity(settings: SettingValues): Finding {
  const seconds = settings['passwordless.validity_seconds'];
  const what = `Codes and links work for ${seconds} seconds.`;
  const why = 'NIST SP 800-63B-4 and OWASP ASVS 5.0 allow a mailed code ten minutes at most.';
  return judged({ id: 'validity', status: 'warn', why, good: what }, [
    seconds > VALIDITY_MAX
      ? { what, fix: `Run: postern settings set passwordless.validity_seconds ${VALIDITY_MAX}` }
      : undefined,
  ]);
}

/** Pairs of which the first may not be more than the second: otherwise the first one never counts. */
const ORDERED: readonly (readonly [less: NumberSetting, more: NumberSetting])[] = [
  ['limits.mails_per_address_minute', 'limits.mails_per_address_day'],
  ['limits.guesses_per_attempt', 'limits.failures_per_address'],
  ['limits.guesses_per_attempt', 'limits.failures_per_source_hour'],
  ['session.idle_seconds', 'session.absolute_seconds'],
  ['tokens.refresh_idle_seconds', 'tokens.refresh_absolute_seconds'],
];

type NumberSetting = {
  [N in keyof SettingValues]: SettingValues[N] extends number ? N : never;
}[keyof SettingValues];

/** One mail that is lost, and one more that is late: with fewer a day a person cannot sign in at all. */
const MAILS_A_DAY_MIN = 3;

function relations(settings: SettingValues): Finding {
  const why = 'A limit that another one always reaches first does nothing, or locks people out.';
  const mails = settings['limits.mails_per_address_day'];
  return judged({ id: 'limits', status: 'warn', why, good: 'The limits fit each other.' }, [
    ...ORDERED.map(([less, more]) =>
      settings[less] > settings[more]
        ? {
            what: `${less} (${settings[less]}) is more than ${more} (${settings[more]}).`,
            fix: `Run: postern settings set ${less} ${settings[more]}`,
          }
        : undefined,
    ),
    mails < MAILS_A_DAY_MIN
      ? {
          what: `An address gets ${mails} ${mails === 1 ? 'mail' : 'mails'} a day: one that is lost keeps a person out.`,
          fix: 'Run: postern settings set limits.mails_per_address_day 15',
        }
      : undefined,
  ]);
}

/** `1 in 11,111`, never better than it is. */
function oddsOf(chance: number): string {
  return `1 in ${grouped(Math.floor(1 / chance))}`;
}

function grouped(count: number): string {
  return count.toLocaleString('en-US');
}
