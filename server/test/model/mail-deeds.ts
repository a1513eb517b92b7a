// What people, an attacker and programs do with the links of mails.
import fc from 'fast-check';
import { PEOPLE, type Who } from './app-rules.ts';
import { type Both, command, type Happened, pick } from './command.ts';
import { codeShown } from './seen.ts';
import { type Mail, shows, type World } from './sign-in-rules.ts';
import { back, by, isOutOfReach, openedMail, typeCode } from './steps.ts';

const reader = fc.constantFrom<(Who | 'owner' | 'scanner')[]>('owner', 'owner', 'scanner', ...PEOPLE);
const hasMail = (world: World) => world.mails.length > 0;

/** Opening is all that somebody without a browser can do. */
async function open({ world, scene }: Both, mail: Mail, by: Who | 'scanner'): Promise<Happened> {
  return { expected: world.lookAtLink(mail, by), seen: await scene.get(mail.link, by) };
}

export const mailDeeds = [
  command({
    name: 'scanLinks',
    weight: 6,
    args: fc.record({ mail: back, method: fc.constantFrom('GET', 'HEAD') }),
    isPossible: hasMail,
    play: async ({ world, scene }, { mail: at, method }) => {
      const mail = pick(world.mails, at);
      const link = await scene.get(mail.link, 'scanner', method);
      const notMe = await scene.get(mail.notMe, 'scanner', method);
      if (method === 'HEAD') return { expected: '200 200', seen: `${link.status} ${notMe.status}` };
      const expected = `${world.lookAtLink(mail, 'scanner')}, ${world.lookAtNotMe(mail)}`;
      return { expected, seen: `${scene.told(world, link)}, ${scene.told(world, notMe)}` };
    },
  }),
  command({
    name: 'openLink',
    weight: 6,
    args: fc.record({ mail: back, by: reader }),
    isPossible: hasMail,
    play: async (both, args) => {
      const { mail, by } = openedMail(both, args);
      return open(both, mail, by);
    },
  }),
  command({
    name: 'confirmLink',
    weight: 9,
    args: fc.record({
      mail: back,
      by,
      from: fc.constantFrom(undefined, undefined, undefined, 'elsewhere' as const),
    }),
    isPossible: hasMail,
    play: async (both, { from, ...args }) => {
      const { mail, by } = openedMail(both, args);
      if (by === 'scanner') return open(both, mail, by);
      const expected = from ? shows('refused', 403) : both.world.confirmLink(mail, by);
      return { expected, seen: await both.scene.send(mail.link, by, from ? { from } : {}) };
    },
  }),
  command({
    name: 'typeTheCodeOfTheLink',
    weight: 4,
    args: fc.record({ mail: back, by: fc.constantFrom(...PEOPLE) }),
    isPossible: hasMail,
    play: async (both, args) => {
      const { mail, by } = openedMail(both, args);
      const { visit } = mail.attempt;
      const expected = both.world.lookAtLink(mail, by);
      const page = await both.scene.get(mail.link, by);
      const code = codeShown(page);
      if (code === undefined || isOutOfReach(mail, visit.browser)) return { expected, seen: page };
      return typeCode(both, { visit, by: visit.browser }, code);
    },
  }),
  command({
    name: 'goOnFromLink',
    weight: 3,
    args: fc.record({ mail: back, by }),
    isPossible: hasMail,
    play: async (both, args) => {
      const { mail, by } = openedMail(both, args);
      if (by === 'scanner') return open(both, mail, by);
      const expected = both.world.goOnFromLink(mail, by);
      return { expected, seen: await both.scene.send(`${mail.link}/again`, by) };
    },
  }),
  command({
    name: 'cutLink',
    weight: 1,
    args: fc.record({ mail: back, by: fc.constantFrom(...PEOPLE), isPosted: fc.boolean() }),
    isPossible: hasMail,
    play: async (both, { isPosted, ...args }) => {
      const { mail, by } = openedMail(both, args);
      const path = mail.link.slice(0, -1);
      if (!isPosted || by === 'scanner')
        return { expected: shows('link unknown'), seen: await both.scene.get(path, by) };
      return { expected: shows('link unknown', 400), seen: await both.scene.send(path, by) };
    },
  }),
  command({
    name: 'notMe',
    weight: 4,
    args: fc.record({
      mail: back,
      by: fc.constantFrom(...PEOPLE),
      how: fc.constantFrom(
        'pressed',
        'pressed',
        'pressed',
        'looked',
        'posted by a program',
        'from elsewhere',
      ),
    }),
    isPossible: hasMail,
    play: async ({ world, scene }, { mail: at, by, how }) => {
      const mail = pick(world.mails, at);
      const fields = { answer: 'not-me' };
      switch (how) {
        case 'pressed':
          return { expected: world.sayNotMe(mail), seen: await scene.send(mail.notMe, by, { fields }) };
        case 'from elsewhere':
          return {
            expected: shows('refused', 403),
            seen: await scene.send(mail.notMe, by, { fields, from: 'elsewhere' }),
          };
        case 'looked':
          return { expected: world.lookAtNotMe(mail), seen: await scene.get(mail.notMe, by) };
        default:
          return { expected: world.lookAtNotMe(mail), seen: await scene.send(mail.notMe, by) };
      }
    },
  }),
];
