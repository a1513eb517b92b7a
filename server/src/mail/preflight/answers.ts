import type { MxRecord } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { SECOND } from '../../core/units.ts';
import { answerOf } from '../../platform/mail-domains.ts';

/** What the DNS says; `failed` is everything that is no answer. */
export type Answer<T> = readonly T[] | 'none' | 'no such domain' | 'failed';

/** The DNS, each question asked once. Nothing here rejects. */
export interface Dns {
  /** The texts of a name, each put together. */
  txt(name: string): Promise<Answer<string>>;
  mx(name: string): Promise<Answer<MxRecord>>;
  /** IPv4 and IPv6. */
  addresses(name: string): Promise<Answer<string>>;
  /** The names of an address. */
  names(address: string): Promise<Answer<string>>;
}

/** `server`: ask this one, an address with or without a port, instead of those of the machine. */
export function openDns(server?: string): Dns {
  const resolver = new Resolver({ timeout: 2 * SECOND, tries: 2 });
  if (server !== undefined) resolver.setServers([server]);
  const texts = async (name: string) => (await resolver.resolveTxt(name)).map((parts) => parts.join(''));
  return {
    txt: remembered((name) => answerOf(texts(name))),
    mx: remembered((name) => answerOf(resolver.resolveMx(name))),
    addresses: remembered(async (name) =>
      together(await answerOf(resolver.resolve4(name)), await answerOf(resolver.resolve6(name))),
    ),
    names: remembered((address) => answerOf(resolver.reverse(address))),
  };
}

/** What was found; nothing where there is nothing. */
export function recordsIn<T>(answer: Answer<T>): readonly T[] {
  return typeof answer === 'string' ? [] : answer;
}

function together(one: Answer<string>, other: Answer<string>): Answer<string> {
  if (typeof one !== 'string') return [...one, ...recordsIn(other)];
  if (typeof other !== 'string') return other;
  return [one, other].includes('failed') ? 'failed' : one;
}

function remembered<T>(ask: (name: string) => Promise<Answer<T>>): (name: string) => Promise<Answer<T>> {
  const known = new Map<string, Promise<Answer<T>>>();
  return (name) => {
    const key = name.toLowerCase();
    const answer = known.get(key) ?? ask(key);
    known.set(key, answer);
    return answer;
  };
}
