import { createHash, createHmac } from 'node:crypto';
import { AppBrowser, type Landing } from '../../support/app-client.ts';
import { authorizeUrl, exchange, tokensOf } from '../../support/oauth-requests.ts';
import {
  type Asked,
  ask,
  askAgain,
  begin,
  enter,
  someone,
  stateOf,
  wrongCode,
} from '../../support/sign-in-steps.ts';
import { type Attack, type Target, testFamily } from './attack.ts';
import { askFrom, from, MINUTE } from './moves.ts';

/** The code is kept beside its hash, where whoever reads the row can read it too. */
const codeInClear = {
  file: 'sign-in/composing.ts',
  find: `sealWith(deriveKey(made.token, 'link-seal'), made.code, id)`,
  replace: 'made.code',
};

/** Every answer of a sign-in up to the proof, to the browser that asked and to one that did not. */
async function answersOf(target: Target, at: Asked): Promise<Landing[]> {
  const { server } = target;
  const answers = [at.page, await enter(at, wrongCode(at.code), from(0))];
  for (const browser of [at.browser, new AppBrowser(server)])
    for (const path of [at.home, `${at.home}/status`, `${at.home}/code`, '/l/AAAAAAAAAAAAAAAAAAAAAA'])
      answers.push(await browser.send(server.url + path, {}));
  target.clock.advance(2 * MINUTE);
  const again = await askAgain(target, at, { path: 'resend', fields: { step: '1' }, headers: from(0) });
  return [...answers, again.page];
}

function everythingIn(answer: Landing): string {
  return `${JSON.stringify([...answer.headers])}${answer.body.replaceAll(/<\/?span>/g, '')}`;
}

/** Policies under which no other site learns the path of an address. */
const QUIET = ['no-referrer', 'same-origin', 'origin', 'strict-origin', 'origin-when-cross-origin'];

const attacks: readonly Attack[] = [
  {
    id: 'C01',
    title: 'code and link looked for in every answer to the one who asks',
    reference: 'ASVS 14.2.6',
    guard: 'a store that can read neither, and a status of one word',
    weakenings: [
      codeInClear,
      {
        file: 'oidc/routes.ts',
        find: 'async function status(parts: OidcParts, request: InteractionRequest, reply: FastifyReply): Promise<unknown> {',
        replace: `async function status(parts, request, reply) {
          return reply.send(await parts.database.read((q) => q.selectFrom('attempt_mails').selectAll().execute()));`,
      },
    ],
    attack: async (target) => {
      const at = await askFrom(target, 0, someone());
      for (const answer of await answersOf(target, at)) {
        const text = everythingIn(answer);
        for (const secret of [at.code, at.link.slice('/l/'.length)])
          if (text.includes(secret)) return { succeeded: `${secret} in the answer of ${answer.url}` };
      }
      return 'held';
    },
  },
  {
    id: 'C02',
    title: 'the address of a link told to another site as the Referer',
    reference: 'ASVS 3.4.5, RFC 9700 4.2',
    guard: 'a policy for the Referer on every answer',
    weakenings: ['platform/http/html.ts', 'platform/http/headers.ts'].map((file) => ({
      file,
      find: `'referrer-policy': 'same-origin'`,
      replace: `'referrer-policy': 'unsafe-url'`,
    })),
    attack: async (target) => {
      const at = await askFrom(target, 0, someone());
      for (const path of [at.link, at.home, `${at.home}/status`, '/l/AAAAAAAAAAAAAAAAAAAAAA']) {
        const { headers } = await at.browser.send(target.server.url + path, {});
        const policy = headers.get('referrer-policy') ?? 'none';
        if (!QUIET.includes(policy)) return { succeeded: `${path} under the policy ${policy}` };
      }
      return 'held';
    },
  },
  {
    id: 'C03',
    title: 'pages of one person kept by a cache and given to another',
    reference: 'CVE-2025-48947 (nextjs-auth0), ASVS 14.3.2',
    guard: 'no-store on every page',
    weakenings: [
      {
        file: 'platform/http/html.ts',
        find: `'cache-control': 'no-store'`,
        replace: `'cache-control': 'public, max-age=600'`,
      },
    ],
    attack: async (target) => {
      const email = someone();
      const at = await askFrom(target, 0, email);
      for (const path of [at.home, at.link]) {
        const answer = await at.browser.send(target.server.url + path, {});
        const isKept = !/no-store|private/.test(answer.headers.get('cache-control') ?? '');
        if (isKept && everythingIn(answer).includes(email)) return { succeeded: `${path} is in the cache` };
      }
      return 'held';
    },
  },
  {
    id: 'C04',
    title: 'a copy of the database, searched for anything that signs in',
    reference: 'ASVS 6.5.2',
    guard: 'the seal around the code',
    weakenings: [codeInClear],
    attack: async (target) => {
      const params = { scope: 'openid email offline_access' };
      const done = await ask(target, someone(), { params, headers: from(0) });
      const { away } = await enter(done, done.code, from(0));
      const code = away?.searchParams.get('code') ?? '';
      const tokens = tokensOf(await exchange(target.server, away ?? new URL(authorizeUrl(target.server))));
      const at = await askFrom(target, 1, someone());
      const secrets = {
        'mailed code': `"${at.code}"`,
        'link token': at.link.slice('/l/'.length),
        'interaction id': at.home.split('/').at(-1),
        'browser name': at.browser.cookie('postern_browser'),
        'session id': done.browser.cookie('postern_session'),
        'authorization code': code,
        'refresh token': tokens.refreshToken,
        'client secret': target.server.app.secret,
      };
      const copy = Object.values(await stateOf(target.server))
        .join()
        .replaceAll('\\', '');
      const found = Object.entries(secrets).filter(([, secret]) => !secret || copy.includes(secret));
      return found.length > 0 ? { succeeded: found.map(([what]) => what).join(', ') } : 'held';
    },
  },
  {
    id: 'C05',
    title: 'the hash of a code, tried against all million codes at home',
    reference: 'ASVS 11.4.1',
    guard: 'the key of the hash, which is not in the database',
    weakenings: [
      {
        file: 'platform/secrets.ts',
        find: `createHmac('sha256', key)`,
        replace: `createHmac('sha256', 'postern')`,
      },
    ],
    attack: async (target) => {
      const { code } = await askFrom(target, 0, someone());
      const [mail] = await target.server.rooms.database.read((q) =>
        q.selectFrom('attempt_mails').selectAll().orderBy('id', 'desc').limit(1).execute(),
      );
      const salt = mail?.attempt_id ?? '';
      // Whoever tries all codes comes to the right one too; so it is enough to look at that.
      const texts = [code, `${salt}:${code}`, `${code}:${salt}`, `${salt}${code}`];
      const digests = texts.flatMap((text) => [
        createHash('sha256').update(text),
        ...['', 'postern', salt, mail?.id ?? ''].map((key) => createHmac('sha256', key).update(text)),
      ]);
      const isFound = digests.some((digest) => digest.digest('base64url') === mail?.code_hash);
      return isFound ? { succeeded: 'the code was found without the master secret' } : 'held';
    },
  },
  {
    id: 'C06',
    title: 'a link in the words of a mail provider that refuses, read from the log',
    reference: 'ASVS 16.2.5',
    guard: 'the redaction of the log',
    weakenings: [
      {
        file: 'platform/redact.ts',
        find: 'export function redactedText(text: string): string {',
        replace: 'export function redactedText(text: string): string { return text;',
      },
    ],
    transport: ({ transport, mails }) => ({
      ...transport,
      send: async (mail) => {
        if (!mail.to.startsWith('refused')) return transport.send(mail);
        mails.push(mail);
        return { outcome: 'refused', reason: `554 unwanted: see ${mail.facts?.link}` };
      },
    }),
    attack: async (target) => {
      const at = await askFrom(target, 0, 'refused@acme.com');
      const token = at.link.slice('/l/'.length);
      const lines = target.logged.filter((line) => line.includes(token));
      if (!target.logged.some((line) => line.includes('554 unwanted')))
        return { succeeded: 'nothing was logged' };
      return lines.length > 0 ? { succeeded: lines.join('') } : 'held';
    },
  },
  {
    id: 'C07',
    title: 'pages compared for an address with an account and one without, where nobody may sign up',
    reference: 'ASVS 6.3.8',
    guard: 'the same answer whatever becomes of the mail',
    weakenings: [
      {
        file: 'sign-in/sign-in.ts',
        find: `return user || mayJoin ? 'send' : 'sign-up-closed';`,
        replace: `if (!user && !mayJoin) throw Object.assign(new Error('no such account'), { statusCode: 400 });
  return 'send';`,
      },
    ],
    attack: async (target) => {
      const known = await askFrom(target, 0, 'known@acme.com');
      await enter(known, known.code, from(0));
      await target.server.rooms.settings.set('sign_up.policy', 'closed');
      const pages: string[] = [];
      for (const email of ['known@acme.com', 'ghost@acme.com']) {
        const { browser, home } = await begin(target);
        const { status, body } = await browser.post(`${home}/start`, { email }, from(1));
        const uid = home.split('/').at(-1) ?? '';
        const sealed = /value="[\w-]{60,}"/g; // the request, sealed anew each time
        pages.push(`${status} ${body.replaceAll(uid, '').replaceAll(email, '').replace(sealed, '')}`);
      }
      return pages[0] === pages[1] ? 'held' : { succeeded: 'the pages tell who has an account' };
    },
  },
  {
    id: 'C08',
    title: 'the inbox of development, read in production',
    reference: 'ASVS 13.4.2',
    guard: 'the look at the mode',
    weakenings: [
      { file: 'main.ts', find: `config.mode === 'dev' && config.smtpUrl === undefined`, replace: 'true' },
    ],
    config: { mode: 'serve', smtpUrl: 'smtp://127.0.0.1:1' },
    attack: async (target) => {
      const { status } = await new AppBrowser(target.server).open('/dev/inbox/messages');
      return status === 404 ? 'held' : { succeeded: `the inbox answers ${status}` };
    },
  },
];

testFamily('reading what is secret', attacks);
