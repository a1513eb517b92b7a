// What somebody does on the pages of a sign-in, in their own browser or in another one.
import fc from 'fast-check';
import { type App, PEOPLE, type Who } from './app-rules.ts';
import { type Both, command, type Happened, pick } from './command.ts';
import type { Prompt, World } from './sign-in-rules.ts';
import {
  app,
  back,
  isOutOfReach,
  joined,
  type Place,
  passed,
  place,
  placeOf,
  startAt,
  type Told,
  typeCode,
  waitSeconds,
  who,
} from './steps.ts';

const isFresh = fc.constantFrom(true, true, true, true, false);
/** Mostly their own address. */
const to = fc.constantFrom<(Who | 'self')[]>('self', 'self', 'self', 'self', ...PEOPLE);
const hasVisit = (world: World) => world.visits.length > 0;

/** From the app to the page that waits for the code, whether somebody is signed in or not. */
async function begin(both: Both, args: { who: Who; app: App; to: Who | 'self' }): Promise<Happened> {
  const { world, scene } = both;
  world.open(args.who, args.app, 'login');
  scene.learn(world, await scene.open(args.who, args.app, { prompt: 'login' }));
  const where = { visit: pick(world.visits, 0), by: args.who };
  return startAt(both, where, args.to === 'self' ? args.who : args.to);
}

/** A code that is right nowhere; each number is another one. */
function wrongCode(world: World, number: number): string {
  const taken = new Set(world.mails.map(({ code }) => code));
  let value = 10 ** 9 + number * 100;
  while (taken.has(String(value))) value += 1;
  return String(value);
}

const GUESSES = [
  'newest',
  'newest',
  'older',
  'oldest',
  'wrong',
  'wrong',
  'foreign',
  'short',
  'sentence',
] as const;

function guessed(world: World, where: Place, guess: { of: string; number: number }): string {
  const mails = where.visit.attempts.flatMap((attempt) => attempt.mails);
  const known = mails.filter((mail) => !isOutOfReach(mail, where.by)).map(({ code }) => code);
  const others = world.mails.filter((mail) => mail.attempt.visit !== where.visit).map(({ code }) => code);
  const wrong = wrongCode(world, guess.number);
  switch (guess.of) {
    case 'newest':
    case 'sentence':
      return known.at(-1) ?? wrong;
    case 'older':
      return known.at(-2) ?? wrong;
    case 'oldest':
      return known[0] ?? wrong;
    case 'foreign':
      return others[guess.number % Math.max(1, others.length)] ?? wrong;
    case 'short':
      return '12345';
    default:
      return wrong;
  }
}

/** By a form that was just made, or by one from before the newest mail. */
async function resendAt({ world, scene }: Both, { visit, by }: Place, form: { isFresh: boolean }) {
  const step = (visit.attempts.at(-1)?.askedAt.length ?? 0) - (form.isFresh ? 0 : 1);
  const expected = world.resend(visit, by, step);
  const fields = { step: String(step) };
  return { expected, seen: await scene.post(visit, by, { step: 'resend', fields }) };
}

export const pageDeeds = [
  command({ name: 'begin', weight: 12, args: fc.record({ who, app, to }), play: begin }),
  command({
    name: 'signIn',
    weight: 9,
    args: fc.record({ who, app, to, isByLink: fc.boolean() }),
    play: async (both, args) => {
      const { world, scene } = both;
      const before = world.mails.length;
      const [expected, seen] = passed(both, await begin(both, args));
      const mail = world.mails[before];
      if (mail === undefined || isOutOfReach(mail, args.who)) return { expected, seen };
      const { visit } = mail.attempt;
      const proof = args.isByLink
        ? { expected: world.confirmLink(mail, args.who), seen: await scene.send(mail.link, args.who) }
        : await typeCode(both, { visit, by: args.who }, mail.code);
      return expected === seen ? proof : { expected, seen };
    },
  }),
  command({
    name: 'open',
    weight: 6,
    args: fc.record({
      who,
      app,
      prompt: fc.constantFrom<Prompt[]>(undefined, 'login', 'select_account'),
      hint: fc.boolean(),
    }),
    play: async ({ world, scene }, args) => ({
      expected: world.open(args.who, args.app, args.prompt),
      seen: await scene.open(args.who, args.app, {
        ...(args.prompt && { prompt: args.prompt }),
        ...(args.hint && { login_hint: scene.addressOf(args.who) }),
      }),
    }),
  }),
  command({
    name: 'start',
    weight: 6,
    args: fc.record({ ...place, to: fc.constantFrom(...PEOPLE) }),
    isPossible: hasVisit,
    play: (both, args) => startAt(both, placeOf(both, args), args.to),
  }),
  command({
    name: 'resend',
    weight: 8,
    args: fc.record({ ...place, isFresh }),
    isPossible: hasVisit,
    play: (both, args) => resendAt(both, placeOf(both, args), args),
  }),
  command({
    name: 'resendOften',
    weight: 2,
    args: fc.record({
      visit: back,
      times: fc.integer({ min: 2, max: 5 }),
      every: fc.constantFrom(0, 60, 120),
    }),
    isPossible: hasVisit,
    play: async (both, { visit: at, times, every }) => {
      const { visit } = placeOf(both, { visit: at, by: 'owner' });
      const steps: Told[] = [];
      for (let left = times; left > 0 && !visit.isOver; left -= 1) {
        waitSeconds(both, every);
        steps.push(passed(both, await resendAt(both, { visit, by: visit.browser }, { isFresh: true })));
      }
      return joined(steps);
    },
  }),
  command({
    name: 'enterTheFirstCodeLate',
    weight: 3,
    args: fc.record({
      visit: back,
      before: fc.constantFrom(60, 540),
      after: fc.constantFrom(30, 60, 539, 540),
    }),
    isPossible: hasVisit,
    play: async (both, { visit: at, before, after }) => {
      const where = placeOf(both, { visit: at, by: 'owner' });
      const first = guessed(both.world, where, { of: 'oldest', number: 0 });
      waitSeconds(both, before);
      const resent = passed(both, await resendAt(both, where, { isFresh: true }));
      waitSeconds(both, after);
      return joined([resent, passed(both, await typeCode(both, where, first))]);
    },
  }),
  command({
    name: 'restart',
    weight: 4,
    args: fc.record({ ...place, isFresh }),
    isPossible: hasVisit,
    play: async (both, args) => {
      const { visit, by } = placeOf(both, args);
      const step = visit.attempts.length - (args.isFresh ? 0 : 1);
      const expected = both.world.restart(visit, by, step);
      const fields = { step: String(step) };
      return { expected, seen: await both.scene.post(visit, by, { step: 'restart', fields }) };
    },
  }),
  command({
    name: 'otherAddress',
    weight: 2,
    args: fc.record(place),
    isPossible: hasVisit,
    play: async (both, args) => {
      const { visit, by } = placeOf(both, args);
      const expected = both.world.otherAddress(visit, by);
      return { expected, seen: await both.scene.post(visit, by, { step: 'address' }) };
    },
  }),
  command({
    name: 'enterCode',
    weight: 22,
    args: fc.record({ ...place, of: fc.constantFrom(...GUESSES), number: fc.nat(6) }),
    isPossible: hasVisit,
    play: async (both, args) => {
      const where = placeOf(both, args);
      const code = guessed(both.world, where, args);
      if (args.of !== 'sentence') return typeCode(both, where, code);
      const expected = both.world.enterCode(where.visit, where.by, code);
      const fields = { code: `Your code: ${code.slice(0, 5)} ${code.slice(5)}.` };
      return { expected, seen: await both.scene.post(where.visit, where.by, { step: 'code', fields }) };
    },
  }),
  command({
    name: 'guessOften',
    weight: 4,
    args: fc.record({ ...place, first: fc.nat(20), times: fc.integer({ min: 2, max: 7 }) }),
    isPossible: hasVisit,
    play: async (both, args) => {
      const where = placeOf(both, args);
      const steps: Told[] = [];
      for (let number = args.first; number < args.first + args.times; number += 1) {
        if (where.visit.isOver) break; // each guess would begin the request anew
        steps.push(passed(both, await typeCode(both, where, wrongCode(both.world, number + 10))));
      }
      return joined(steps);
    },
  }),
  command({
    name: 'look',
    weight: 5,
    args: fc.record({ ...place, path: fc.constantFrom('', '', '/code', '/resend', '/start') }),
    isPossible: hasVisit,
    play: async (both, args) => {
      const { visit, by } = placeOf(both, args);
      const expected = both.world.look(visit, by);
      return { expected, seen: await both.scene.get(`${visit.home}${args.path}`, by) };
    },
  }),
  command({
    name: 'status',
    weight: 2,
    args: fc.record(place),
    isPossible: hasVisit,
    play: async (both, args) => {
      const { visit, by } = placeOf(both, args);
      const { body } = await both.scene.get(`${visit.home}/status`, by);
      const { state }: { state?: unknown } = JSON.parse(body);
      return { expected: both.world.stateSeen(visit, by), seen: String(state) };
    },
  }),
  command({
    name: 'goOn',
    weight: 3,
    args: fc.record({ ...place, step: fc.constantFrom('again' as const, 'continue' as const) }),
    isPossible: hasVisit,
    play: async (both, args) => {
      const { visit, by } = placeOf(both, args);
      const expected = both.world.goOn(visit, by, args.step);
      return { expected, seen: await both.scene.post(visit, by, { step: args.step }) };
    },
  }),
  command({
    name: 'keep',
    weight: 5,
    args: fc.record({ ...place, visit: fc.nat(3) }),
    isPossible: (world) => world.visits.some(({ choice }) => choice),
    play: async ({ world, scene }, args) => {
      const visit = pick(
        world.visits.filter(({ choice }) => choice),
        args.visit,
      );
      const by = args.by === 'owner' ? visit.browser : args.by;
      return { expected: world.keep(visit, by), seen: await scene.post(visit, by, { step: 'keep' }) };
    },
  }),
  command({
    name: 'cancel',
    weight: 2,
    args: fc.record(place),
    isPossible: hasVisit,
    play: async (both, args) => {
      const { visit, by } = placeOf(both, args);
      const expected = both.world.cancel(visit, by);
      return { expected, seen: await both.scene.post(visit, by, { step: 'abort' }) };
    },
  }),
];
