import { AppBrowser } from '../../support/app-client.ts';
import { begin, enter, isSignedIn } from '../../support/sign-in-steps.ts';
import { type Attack, type Outcome, type Target, testFamily } from './attack.ts';
import { askFrom, countEvents, from, many } from './moves.ts';
import type { Weakening } from './weakened-build.ts';

/** Every browser counts as the one that asked. */
const anyBrowser: Weakening = {
  file: 'sign-in/proving.ts',
  find: `facts.browser !== undefined && parts.secrets.matches('browser', facts.browser, record.browserHash)`,
  replace: 'true',
};

const plainNames: Weakening = {
  file: 'sign-in/mails.ts',
  find: 'export function displayName(chosen: string): string {',
  replace: 'export function displayName(chosen: string): string { return chosen;',
};

/** Whether words that a stranger chose are in the newest mail as they are. */
function inNewestMail(target: Target, words: string): Outcome {
  const mail = target.mailbox.mails.at(-1);
  const text = `${mail?.subject}\n${mail?.text}\n${mail?.html}`;
  return text.includes(words) ? { succeeded: `the mail says ${words}` } : 'held';
}

const attacks: readonly Attack[] = [
  {
    id: 'K01',
    title: 'a sign-in for somebody else, whose mail scanner opens the link',
    reference: 'Safe Links and other scanners, RFC 9110 9.2.1',
    guard: 'a look that proves nothing, and the browser that asked',
    weakenings: [
      anyBrowser,
      {
        file: 'oidc/routes.ts',
        find: 'const view = await viewLink(parts, { token, browser: browserOf(parts, request) });',
        replace: 'const view = await confirmLink(parts, { token, browser: browserOf(parts, request) });',
      },
    ],
    attack: async (target) => {
      const attacker = await askFrom(target, 0, 'ada@acme.com');
      const proofs = await countEvents(target, 'attempt.satisfied');
      await many(40, (at) =>
        new AppBrowser(target.server).send(target.server.url + attacker.link, {
          method: at % 2 === 0 ? 'GET' : 'HEAD',
          headers: from(at),
        }),
      );
      if ((await countEvents(target, 'attempt.satisfied')) > proofs)
        return { succeeded: 'a scanner has proved the address' };
      const page = await attacker.browser.post(`${attacker.home}/continue`, {}, from(0));
      return isSignedIn(page) ? { succeeded: 'the attacker is signed in as the victim' } : 'held';
    },
  },
  {
    id: 'K02',
    title: 'a sign-in for somebody else, who opens the link and presses what there is',
    reference: 'cross-device consent phishing (draft-ietf-oauth-cross-device-security)',
    guard: 'the browser that asked',
    weakenings: [anyBrowser],
    attack: async (target) => {
      const attacker = await askFrom(target, 0, 'ada@acme.com');
      const victim = new AppBrowser(target.server);
      await victim.open(attacker.link, from(1));
      const pressed = await victim.post(attacker.link, {}, from(1));
      if (isSignedIn(pressed)) return { succeeded: 'the victim is signed in where they did not ask' };
      const page = await attacker.browser.post(`${attacker.home}/continue`, {}, from(0));
      return isSignedIn(page) ? { succeeded: 'the attacker is signed in as the victim' } : 'held';
    },
  },
  {
    id: 'K03',
    title: 'a form on another site that asks for mail in the name of a visitor',
    reference: 'ASVS 3.5.1',
    guard: 'the look at the origin of a form',
    weakenings: [{ file: 'platform/http/front-door.ts', find: 'if (!honest)', replace: 'if (false)' }],
    attack: async (target) => {
      const { browser, home } = await begin(target);
      const sent = target.mailbox.mails.length;
      const headers = { origin: 'http://evil.example', 'sec-fetch-site': 'cross-site', ...from(0) };
      await browser.post(`${home}/start`, { email: 'victim@acme.com' }, headers);
      await target.server.mailIdle();
      return target.mailbox.mails.length > sent ? { succeeded: 'the victim has got a mail' } : 'held';
    },
  },
  {
    id: 'K04',
    title: 'the name of an app that is an address of another site',
    reference: 'CWE-451',
    guard: 'names made harmless in mails',
    weakenings: [plainNames],
    attack: async (target) => {
      const { client } = await target.server.rooms.clients.create({
        name: 'Your bill: https://evil.example/pay',
        redirectUris: ['http://localhost:9/auth/callback'],
      });
      const { browser, home } = await begin(target, { params: { client_id: client.id } });
      await browser.post(`${home}/start`, { email: 'victim@acme.com' }, from(0));
      await target.server.mailIdle();
      return inNewestMail(target, 'evil.example');
    },
  },
  {
    id: 'K05',
    title: 'words for the victim in the User-Agent',
    reference: 'CVE-2022-31127 (NextAuth.js)',
    guard: 'the list of browsers that a mail may name',
    weakenings: [
      {
        file: 'core/requester.ts',
        find: 'BROWSERS.find(([pattern]) => pattern.test(agent))?.[1]',
        replace: 'agent',
      },
    ],
    attack: async (target) => {
      const { browser, home } = await begin(target);
      const headers = { 'user-agent': 'Chrome/1 Urgent, call Eve', ...from(0) };
      await browser.post(`${home}/start`, { email: 'victim@acme.com' }, headers);
      await target.server.mailIdle();
      return inNewestMail(target, 'Urgent');
    },
  },
  {
    id: 'K06',
    title: 'an image on another site whose address asks for a mail',
    reference: 'ASVS 3.5.3, RFC 9110 9.2.1',
    guard: 'a look that sends nothing',
    weakenings: [
      {
        file: 'oidc/routes.ts',
        find: 'if (record && !isFrom(parts, visit, record))',
        replace: `const { uid, browser, client, request: given } = visit;
  const asked = { interactionUid: uid, browser, clientId: client.id, request: given, source: '', requester: {} };
  if (visit.loginHint) await start(parts, asked, visit.loginHint);
  if (record && !isFrom(parts, visit, record))`,
      },
    ],
    attack: async (target) => {
      const sent = target.mailbox.mails.length;
      await begin(target, { params: { login_hint: 'victim@acme.com' }, headers: from(0) });
      await target.server.mailIdle();
      return target.mailbox.mails.length > sent ? { succeeded: 'the victim has got a mail' } : 'held';
    },
  },
  {
    id: 'K07',
    title: 'the numbers of an approval, tried one after the other',
    reference: 'MFA fatigue (CISA, 2022)',
    guard: 'the end of an attempt at the first wrong number',
    settings: { 'passwordless.remote_approval': true },
    weakenings: [
      {
        file: 'core/attempt.ts',
        find: ': locked(attempt, attempt.wrongGuesses, now);',
        replace: `: { next: attempt, outcome: 'wrong' };`,
      },
    ],
    attack: async (target) => {
      const attacker = await askFrom(target, 0, 'ada@acme.com');
      const victim = new AppBrowser(target.server);
      const [, right] = /class="shown"[^>]*>(\d+)</.exec(attacker.page.body) ?? [];
      const { body } = await victim.open(attacker.link, from(1));
      const numbers = [...body.matchAll(/name="number" value="(\d+)"/g)].map(([, number]) => number ?? '');
      if (right === undefined || !numbers.includes(right))
        return { succeeded: 'there is no number to choose' };
      for (const number of numbers.toSorted((a, b) => Number(a === right) - Number(b === right)))
        await victim.post(`${attacker.link}/approve`, { number }, from(1));
      const page = await attacker.browser.post(`${attacker.home}/continue`, {}, from(0));
      return isSignedIn(page) ? { succeeded: 'the attacker is signed in as the victim' } : 'held';
    },
  },
  {
    id: 'K08',
    title: 'a scanner that opens the link for those who did not ask',
    reference: 'RFC 8058 1, RFC 9110 9.2.1',
    guard: 'a look that stops nothing',
    weakenings: [
      {
        file: 'oidc/disowning/routes.ts',
        find: 'const view = await viewDisown(parts, request.params.token);',
        replace: 'const view = await disownAndEnd(parts, request.params.token);',
      },
    ],
    attack: async (target) => {
      const person = await askFrom(target, 0, 'ada@acme.com');
      const [link] = /http:\S+\/not-me\/\S+/.exec(person.mail?.text ?? '') ?? [];
      if (link === undefined) return { succeeded: 'the mail has no such link' };
      for (const method of ['HEAD', 'GET', 'GET', 'POST'])
        await new AppBrowser(target.server).send(link, { method, headers: from(1) });
      const page = await enter(person, person.code, from(0));
      return isSignedIn(page) ? 'held' : { succeeded: 'the scanner has stopped the sign-in' };
    },
  },
];

testFamily('links that somebody else opens, and words that somebody else chose', attacks);
