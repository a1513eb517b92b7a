import { type Email, mailboxOf } from '../core/email.ts';
import { type GuessPolicy, guessPolicy } from '../core/guessing.ts';
import type { ClientId, Instant } from '../core/ids.ts';
import type { Pressure } from '../core/puzzle.ts';
import { DAY, HOUR, MINUTE, SECOND } from '../core/units.ts';
import { type Rule, record, use, usesWithin } from '../core/window.ts';
import type { Queries } from '../platform/database/schema.ts';
import type { Secrets } from '../platform/secrets.ts';
import type { SettingValues } from '../settings/definitions.ts';
import { type Counters, lockCounters, readCounters, saveCounters } from './limit-store.ts';

/** What follows from the odds that the owner has set; `alarm` while more wrong codes than usual come in. */
export function policyOf(settings: SettingValues, alarm = false): GuessPolicy {
  return guessPolicy({
    odds: settings['limits.guess_odds'],
    codeLength: settings['passwordless.code_length'],
    alphabet: settings['passwordless.code_alphabet'],
    failuresPerAddress: settings['limits.failures_per_address'],
    guessesPerAttempt: settings['limits.guesses_per_attempt'],
    regenerateOnResend: settings['passwordless.regenerate_on_resend'],
    alarm,
  });
}

/** The rules of a deployment, from its settings; each with the window that the contract gives it. */
export function rulesOf(settings: SettingValues): Record<RuleName, Rule> {
  return {
    mails_minute: { max: settings['limits.mails_per_address_minute'], windowMs: MINUTE },
    mails_day: { max: settings['limits.mails_per_address_day'], windowMs: DAY },
    address_failures: { max: policyOf(settings).failuresPerAddress, windowMs: 30 * DAY },
    starts: { max: settings['limits.starts_per_source_hour'], windowMs: HOUR },
    turns: { max: 1, windowMs: 10 * SECOND },
    source_failures: { max: settings['limits.failures_per_source_hour'], windowMs: HOUR },
    disowned_day: { max: 1, windowMs: DAY },
  };
}

export type RuleName =
  | 'mails_minute'
  | 'mails_day'
  | 'address_failures'
  | 'starts'
  | 'turns'
  | 'source_failures'
  | 'disowned_day';

/** All of an app's people come from its servers: as one source it has as much as this many networks. */
const CLIENT_SHARE = 100;

/** What an app is counted as that asks for its people at the API; no network is called like this. */
export function clientSource(id: ClientId): string {
  return `client:${id}`;
}

/** A sign-in that its owner disowns counts as this many starts: whoever asks for other people slows down soon. */
const DISOWNED_STARTS = 10;

/** Yet so many owners at least must say so within an hour before a source has to wait: others may share it. */
const DISOWNERS_MIN = 5;

/** Whether a code of this address would be judged at `now`; only looks, and holds nobody up. */
export async function codesAllowed(
  q: Queries,
  email: Email,
  given: { secrets: Secrets; settings: SettingValues; now: Instant },
): Promise<boolean> {
  const counters = await readCounters(q, keysOf(given.secrets, email));
  const rule = rulesOf(given.settings).address_failures;
  return usesWithin(counters.address_failures ?? [], rule, given.now) < rule.max;
}

function keysOf(secrets: Secrets, email: Email): string[] {
  return secrets.hashes('limit', `address:${mailboxOf(email)}`);
}

function rulesFor(settings: SettingValues, source: string | undefined): Record<RuleName, Rule> {
  const rules = rulesOf(settings);
  if (!source?.startsWith('client:')) return rules;
  return { ...rules, starts: { ...rules.starts, max: rules.starts.max * CLIENT_SHARE } };
}

/**
 * The counters of one address and one source, locked for the length of a transaction, always in this order.
 * Without a source, only the address is counted.
 */
export class Budgets {
  readonly #q: Queries;
  readonly #rules: Record<RuleName, Rule>;
  readonly #now: Instant;
  readonly #rows: { address: Row; source: Row };

  private constructor(
    q: Queries,
    given: { rules: Record<RuleName, Rule>; now: Instant },
    rows: { address: Row; source: Row },
  ) {
    this.#q = q;
    this.#rules = given.rules;
    this.#now = given.now;
    this.#rows = rows;
  }

  static async lock(
    q: Queries,
    of: { email: Email; source: string | undefined },
    given: { secrets: Secrets; settings: SettingValues; now: Instant },
  ): Promise<Budgets> {
    const address = await lockRow(q, keysOf(given.secrets, of.email), given.now);
    const source =
      of.source === undefined
        ? { key: '', counters: {}, changed: false }
        : await lockRow(q, given.secrets.hashes('limit', `source:${of.source}`), given.now);
    const rules = rulesFor(given.settings, of.source);
    return new Budgets(q, { rules, now: given.now }, { address, source });
  }

  /** Whether codes of this address may still be guessed at; past it, its mails hold links only. */
  get codesAllowed(): boolean {
    return this.#room('address', 'address_failures') > 0;
  }

  /** How long this source must wait before it may ask for a mail, in milliseconds; 0 when it need not. */
  get startWaitMs(): number {
    return Math.max(this.#wait('source', 'starts'), this.guessWaitMs);
  }

  /** The same for a code: what was started within the limit can also be finished. */
  get guessWaitMs(): number {
    return this.#wait('source', 'source_failures');
  }

  /** How long this address must wait for its next mail; 0 when it need not. */
  get mailWaitMs(): number {
    return Math.max(this.#wait('address', 'mails_minute'), this.#wait('address', 'mails_day'));
  }

  /** Spends one mail of the address, or tells that there is none left. Both rules must have room. */
  spendMail(): boolean {
    this.#rows.address.changed = true; // saved in either case: no mail must not be cheaper than a mail
    if (this.#room('address', 'mails_minute') < 1 || this.#room('address', 'mails_day') < 1) return false;
    this.#count('address', 'mails_minute');
    this.#count('address', 'mails_day');
    return true;
  }

  spendStart(): void {
    this.#count('source', 'starts');
  }

  /** How much of its budgets the source and the address have used up, each from 0 to 1. */
  get pressure(): Pick<Pressure, 'starts' | 'failures' | 'mails' | 'disowned'> {
    return {
      starts: this.#share('source', 'starts'),
      failures: this.#share('source', 'source_failures'),
      mails: this.#share('address', 'mails_day'),
      disowned: this.disownedLately,
    };
  }

  /** Takes the source's turn to go on without having solved a puzzle, or tells that it is not its turn yet. */
  takeTurn(): boolean {
    if (this.turnWaitMs > 0) return false;
    this.#count('source', 'turns');
    return true;
  }

  get turnWaitMs(): number {
    return this.#wait('source', 'turns');
  }

  /** A wrong code has been judged: it counts for the address and for the source. */
  countFailure(): void {
    this.#count('address', 'address_failures');
    this.#count('source', 'source_failures');
  }

  /** Whether the owner of the address has lately said of a sign-in that it was not theirs. */
  get disownedLately(): boolean {
    return this.#room('address', 'disowned_day') < 1;
  }

  /**
   * The owner of the address has said that it was not them who asked. For the source it counts once a day
   * for each address, and it counts starts, whose window is an hour: somebody who shares a network and owns
   * one mailbox cannot stop the others, and codes that are on their way can still be entered.
   */
  countDisowned(): void {
    const isRepeated = this.disownedLately;
    this.#count('address', 'disowned_day');
    const share = Math.ceil(this.#rules.starts.max / DISOWNERS_MIN);
    for (let left = isRepeated ? 0 : Math.min(DISOWNED_STARTS, share); left > 0; left -= 1)
      this.#count('source', 'starts');
  }

  async save(): Promise<void> {
    for (const row of [this.#rows.address, this.#rows.source]) {
      if (row.changed && row.key !== '') await saveCounters(this.#q, row, this.#now);
    }
  }

  #room(row: 'address' | 'source', name: RuleName): number {
    return (
      this.#rules[name].max - usesWithin(this.#rows[row].counters[name] ?? [], this.#rules[name], this.#now)
    );
  }

  #share(row: 'address' | 'source', name: RuleName): number {
    const { max } = this.#rules[name];
    return Math.min(1, (max - this.#room(row, name)) / max);
  }

  #wait(row: 'address' | 'source', name: RuleName): number {
    return use(this.#rows[row].counters[name] ?? [], this.#rules[name], this.#now).retryAfterMs;
  }

  #count(row: 'address' | 'source', name: RuleName): void {
    const { counters } = this.#rows[row];
    this.#rows[row].counters = {
      ...counters,
      [name]: record(counters[name] ?? [], this.#rules[name], this.#now),
    };
    this.#rows[row].changed = true;
  }
}

interface Row {
  readonly key: string;
  counters: Counters;
  changed: boolean;
}

async function lockRow(q: Queries, keys: readonly string[], now: Instant): Promise<Row> {
  return { key: keys[0] ?? '', counters: await lockCounters(q, keys, now), changed: false };
}
