// Who does something, where and with which mail: what the commands draw, and the steps that several are made of.
import fc from 'fast-check';
import { APPS, PEOPLE, type Who } from './app-rules.ts';
import { type Both, type Happened, pick } from './command.ts';
import type { Mail, Visit } from './sign-in-rules.ts';

/** The newest of its kind, or one of those before it; of pages, rather one that waits for a code. */
export const back = fc.constantFrom(0, 0, 0, 0, 0, 1, 1, 2, 4);
export const who = fc.constantFrom<Who[]>('ann', 'ann', 'ann', 'bob', 'mallory');
export const app = fc.constantFrom('Acme', 'Acme', ...APPS);

/** Mostly the browser that a page belongs to. */
export const by = fc.constantFrom<(Who | 'owner')[]>(...Array(9).fill('owner'), ...PEOPLE);

export interface Place {
  readonly visit: Visit;
  readonly by: Who;
}

interface Drawn {
  readonly visit: number;
  readonly by: Who | 'owner';
}
export const place = { visit: back, by };

export function placeOf({ world }: Both, drawn: Drawn): Place {
  const waiting = world.visits.filter(({ attempts }) => attempts.at(-1)?.state === 'pending');
  const visit = pick(drawn.visit === 0 && waiting.length > 0 ? waiting : world.visits, drawn.visit);
  return { visit, by: drawn.by === 'owner' ? visit.browser : drawn.by };
}

/** What the attacker has begun with somebody else's address: its mail is read by its owner only. */
export function isOutOfReach({ attempt }: Mail, reader: Who | 'scanner'): boolean {
  return reader === 'mallory' && attempt.visit.browser === 'mallory' && attempt.to !== 'mallory';
}

/** A mail and who opens it; where the attacker could not, a program does. */
export function openedMail({ world }: Both, drawn: { mail: number; by: Who | 'owner' | 'scanner' }) {
  const mail = pick(world.mails, drawn.mail);
  const opener = drawn.by === 'owner' ? mail.attempt.visit.browser : drawn.by;
  return { mail, by: isOutOfReach(mail, opener) ? ('scanner' as const) : opener };
}

export async function startAt({ world, scene }: Both, { visit, by }: Place, to: Who): Promise<Happened> {
  const expected = world.start(visit, by, to);
  const fields = { email: scene.addressOf(to), step: '0' };
  return { expected, seen: await scene.post(visit, by, { step: 'start', fields }) };
}

export async function typeCode(
  { world, scene }: Both,
  { visit, by }: Place,
  code: string,
): Promise<Happened> {
  const expected = world.enterCode(visit, by, code);
  return { expected, seen: await scene.post(visit, by, { step: 'code', fields: { code } }) };
}

export function waitSeconds({ world, scene }: Both, seconds: number): void {
  world.now += seconds * 1000;
  scene.setClock(world.now);
}

export type Told = [expected: string, seen: string];

/** A step that another one follows. */
export function passed({ world, scene }: Both, { expected, seen }: Happened): Told {
  return [expected, scene.told(world, seen)];
}

export function joined(steps: readonly Told[]): Happened {
  return {
    expected: steps.map(([expected]) => expected).join(', '),
    seen: steps.map(([, seen]) => seen).join(', '),
  };
}
