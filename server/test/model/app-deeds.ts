// What apps do with what they got, and what happens to everybody: time, a sign-out, a restart.
import fc from 'fast-check';
import { claimsOf } from '../support/oauth-requests.ts';
import { APPS, type App, PEOPLE, type RefreshToken, type TokenAnswer } from './app-rules.ts';
import { type Both, command, type Happened, pick } from './command.ts';
import type { TokenReply } from './scene.ts';
import type { World } from './sign-in-rules.ts';
import { app, back, joined, passed, waitSeconds, who } from './steps.ts';

/** Mostly the app that a code or a token was issued to. */
const byOther = fc.constantFrom(false, false, false, false, true);

/** Where things end, and what is between; in seconds. */
const TICKS = [
  1, 5, 9, 10, 11, 29, 30, 31, 59, 60, 61, 119, 120, 121, 300, 540, 599, 600, 601, 1800, 3599, 3600,
];

const asker = (owner: (typeof APPS)[number], isOther: boolean) =>
  isOther ? (APPS.find((one) => one !== owner) ?? owner) : owner;

/** The person, when there are tokens; and the very same answer, when there is one again. */
function answered({ scene }: Both, answer: TokenAnswer, { status, body }: TokenReply): Happened {
  const text = JSON.stringify(body);
  switch (answer.kind) {
    case 'refused':
      return { expected: 'no tokens: 400 invalid_grant', seen: `no tokens: ${status} ${body.error}` };
    case 'same':
      return { expected: `same: 200 ${answer.answer}`, seen: `same: ${status} ${text}` };
    case 'tokens': {
      const expected = `tokens: 200 ${scene.addressOf(answer.person)}`;
      if (status !== 200) return { expected, seen: `tokens: ${status} ${text}` };
      answer.token.value = String(body.refresh_token);
      return { expected, seen: `tokens: ${status} ${claimsOf(String(body.id_token)).email}` };
    }
    default:
      return answer satisfies never;
  }
}

async function refresh(both: Both, token: RefreshToken, by: App): Promise<Happened> {
  const reply = await both.scene.refresh(token.value, by);
  const answer = both.world.apps.refresh(token, by);
  if (answer.kind === 'tokens') token.answer = JSON.stringify(reply.body);
  return answered(both, answer, reply);
}

const hasTokens = (world: World) => world.apps.tokens.length > 0;
const hasCodes = (world: World) => world.apps.codes.length > 0;

export const appDeeds = [
  command({
    name: 'redeem',
    weight: 12,
    args: fc.record({ code: back, byOther }),
    isPossible: hasCodes,
    play: async (both, args) => {
      const code = pick(both.world.apps.codes, args.code);
      const by = asker(code.app, args.byOther);
      const reply = await both.scene.redeem(code.value, by, code.app);
      return answered(both, both.world.apps.redeem(code, by), reply);
    },
  }),
  command({
    name: 'refresh',
    weight: 12,
    args: fc.record({ token: back, byOther, againAfter: fc.constantFrom(undefined, undefined, 0, 9, 10) }),
    isPossible: hasTokens,
    play: async (both, { againAfter, ...args }) => {
      const token = pick(both.world.apps.tokens, args.token);
      const first = await refresh(both, token, asker(token.app, args.byOther));
      if (againAfter === undefined) return first;
      waitSeconds(both, againAfter);
      return joined([passed(both, first), passed(both, await refresh(both, token, token.app))]);
    },
  }),
  command({
    name: 'askSilently',
    weight: 4,
    args: fc.record({ who, app }),
    play: async ({ world, scene }, args) => ({
      expected: world.ask(args.who, args.app),
      seen: await scene.open(args.who, args.app, { prompt: 'none' }),
    }),
  }),
  command({
    name: 'signOut',
    weight: 2,
    args: fc.record({ who }),
    play: async ({ world, scene }, args) => {
      const isIn = world.apps.sessionIn(args.who) !== undefined;
      const asked = await scene.get('/oidc/logout', args.who);
      if (!isIn) return { expected: world.signOut(args.who), seen: asked };
      return {
        expected: world.signOut(args.who),
        seen: await scene.submit(args.who, asked, '/oidc/logout/confirm'),
      };
    },
  }),
  command({
    name: 'tick',
    weight: 16,
    args: fc.constantFrom(...TICKS),
    play: async (both, seconds) => {
      waitSeconds(both, seconds);
      return { expected: '', seen: '' };
    },
  }),
  command({
    name: 'clockSetBack',
    weight: 1,
    args: fc.integer({ min: 1, max: 20 }),
    isPossible: (world) => world.attempts.length > 0,
    play: async ({ world, scene }, seconds) => {
      world.now = Math.max(scene.since, world.now - seconds * 1000);
      scene.setClock(world.now);
      return { expected: '', seen: '' };
    },
  }),
];

export const restartDeed = command({
  name: 'restartServer',
  weight: 1,
  args: fc.constant({}),
  play: async ({ scene }) => {
    await scene.restart();
    return { expected: '', seen: '' };
  },
});

/** At the end of a sequence: who is signed in where. */
export async function askEverywhere({ world, scene }: Both): Promise<Happened[]> {
  const happened: Happened[] = [];
  for (const browser of PEOPLE) {
    if (!world.visits.some((visit) => visit.browser === browser)) continue;
    const expected = world.ask(browser, 'Acme');
    happened.push({ expected, seen: await scene.open(browser, 'Acme', { prompt: 'none' }) });
  }
  return happened;
}
