import { domainToASCII } from 'node:url';
import { type Email, parseEmail } from '../../core/email.ts';
import { Problem } from '../../core/problems.ts';
import { recordEvent } from '../../events/store.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/database/database.ts';
import type { OpenProviders } from '../sending/open-providers.ts';
import { deleteSuppression, listSuppressions, type Suppression } from './store.ts';

/** What became of an address on one list. */
export interface Lifted {
  /** The provider's id, or `postern` for our own list. */
  readonly list: string;
  readonly name: string;
  readonly result: 'lifted' | 'not listed' | { readonly failed: string };
}

/** Addresses that bounced or complained: our list, and those that providers keep. */
export interface Suppressions {
  /** Newest first. */
  list(max: number): Promise<Suppression[]>;
  /** Takes an address off our list and off every provider's that lets itself be asked. */
  lift(address: string): Promise<Lifted[]>;
}

export function createSuppressions(parts: {
  database: Database;
  clock: Clock;
  providers: OpenProviders;
}): Suppressions {
  const { database, clock, providers } = parts;
  const liftOurs = (email: Email): Promise<Lifted> =>
    database.write(async (q) => {
      const gone = await deleteSuppression(q, email);
      const about = { list: 'postern', name: 'Postern' };
      if (!gone) return { ...about, result: 'not listed' };
      const { providerId, reason } = gone;
      await recordEvent(q, { type: 'mail.suppression_lifted', data: { providerId, reason } }, clock.now());
      return { ...about, result: 'lifted' };
    });
  return {
    list: (max) => database.read((q) => listSuppressions(q, max)),
    lift: async (address) => {
      const email = parseEmail(address, domainToASCII);
      if (typeof email !== 'string')
        throw new Problem('invalid_email', 'Give one address, such as ana@example.com.');
      const theirs = await Promise.all((await providers.current()).map((one) => liftTheirs(one, email)));
      return [await liftOurs(email), ...theirs.flat()];
    },
  };
}

async function liftTheirs(
  { record, provider }: Awaited<ReturnType<OpenProviders['current']>>[number],
  email: Email,
): Promise<Lifted[]> {
  if (typeof provider === 'string' || !provider.unsuppress) return [];
  const about = { list: record.id, name: record.name };
  try {
    return [{ ...about, result: await provider.unsuppress(email) }];
  } catch (failure) {
    return [{ ...about, result: { failed: failure instanceof Error ? failure.message : `${failure}` } }];
  }
}
