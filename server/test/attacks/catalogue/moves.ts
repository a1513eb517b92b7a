// What attackers do, in steps that several attacks share.
import type { AppBrowser } from '../../support/app-client.ts';
import { type Asked, ask, enter, isSignedIn, wrongCode } from '../../support/sign-in-steps.ts';
import type { Outcome, Target } from './attack.ts';

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;

/** A header that makes a request come from another network for each number. */
export function from(network: number): Record<string, string> {
  return { 'x-forwarded-for': `198.18.${Math.floor(network / 250)}.${1 + (network % 250)}` };
}

/** Asks for a mail from a network of its own. */
export function askFrom(target: Target, network: number, email: string): Promise<Asked> {
  return ask(target, email, { headers: from(network) });
}

/** Wrong codes, each another one, one after the other. */
export async function miss(
  at: { browser: AppBrowser; home: string; code: string },
  how: { times: number; first?: number; headers?: Record<string, string> },
): Promise<void> {
  const first = how.first ?? 1;
  for (let by = first; by < first + how.times; by += 1)
    await enter(at, wrongCode(at.code, by), how.headers ?? from(by));
}

/** Whether the right code, or what somebody else got by mail, opens the account after all. */
export async function tryCode(
  at: { browser: AppBrowser; home: string },
  code: string,
  network = 9000,
): Promise<Outcome> {
  const page = await enter(at, code, from(network));
  return isSignedIn(page) ? { succeeded: `signed in with ${code}` } : 'held';
}

/** `count` things done at once, `width` of them at a time. */
export async function many<T>(count: number, make: (at: number) => Promise<T>, width = 25): Promise<T[]> {
  const done: T[] = [];
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const at = next;
      next += 1;
      done[at] = await make(at);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, worker));
  return done;
}

/** How many events of these types the server has written. */
export async function countEvents(target: Target, ...types: string[]): Promise<number> {
  const rows = await target.server.rooms.database.read((q) =>
    q.selectFrom('events').select('type').where('type', 'in', types).execute(),
  );
  return rows.length;
}
