import { AppBrowser } from '../../support/app-client.ts';
import { authorizeUrl, exchange, refresh, tokensOf, userinfo } from '../../support/oauth-requests.ts';
import { type Asked, ask, askAgain, begin, enter, isSignedIn, someone } from '../../support/sign-in-steps.ts';
import { type Attack, type Outcome, type Target, testFamily } from './attack.ts';
import { askFrom, from } from './moves.ts';

/** A proof counts in whatever browser knows the interaction's address. */
const anyBrowser = [
  {
    file: 'oidc/dispatcher.ts',
    find: '!isBegunIn(parts, request, { interaction, browser })',
    replace: 'false',
  },
  {
    file: 'oidc/routes.ts',
    find: `return parts.secrets.matches('browser', visit.browser, record.browserHash);`,
    replace: 'return true;',
  },
];

/** A browser in which somebody has put the address of their own sign-in as its cookie. */
function planted(target: Target, attacker: Asked) {
  const victim = new AppBrowser(target.server);
  const cookie = `postern_interaction=${attacker.home.split('/').at(-1)}; postern_browser=of-the-victim`;
  return (path: string, fields: Record<string, string> = {}) => victim.post(path, fields, { cookie });
}

/** Every opaque value that the server gave to somebody, by what it is for. */
async function gather(target: Target): Promise<{ values: Record<string, string>; waiting: Asked }> {
  const scope = 'openid email offline_access';
  const done = await ask(target, someone(), { params: { scope }, headers: from(1) });
  const { away } = await enter(done, done.code, from(1));
  const tokens = tokensOf(await exchange(target.server, away ?? new URL('http://nowhere.example/')));
  const spare = await ask(target, someone(), { params: { scope }, headers: from(2) });
  const unspent = (await enter(spare, spare.code, from(2))).away?.searchParams.get('code') ?? '';
  const waiting = await askFrom(target, 3, someone());
  return {
    waiting,
    values: {
      'mailed code': waiting.code,
      'link token': waiting.link.slice('/l/'.length),
      'interaction id': waiting.home.split('/').at(-1) ?? '',
      'browser name': waiting.browser.cookie('postern_browser') ?? '',
      'session id': done.browser.cookie('postern_session') ?? '',
      'authorization code': unspent,
      'access token': tokens.accessToken,
      'refresh token': tokens.refreshToken,
      'ID token': tokens.idToken,
    },
  };
}

/** What takes a value, and gives something for it when it is the right one. */
function sinksOf(target: Target, waiting: Asked): Record<string, (value: string) => Promise<boolean>> {
  const { server } = target;
  const grants = (answer: { body: Record<string, unknown> }) => answer.body.access_token !== undefined;
  return {
    'mailed code': async (value) => isSignedIn(await enter(waiting, value, from(3))),
    'link token': async (value) =>
      isSignedIn(await waiting.browser.post(`/l/${encodeURIComponent(value)}`, {})),
    'authorization code': async (value) =>
      grants(await exchange(server, new URL(`http://localhost:9/?code=${encodeURIComponent(value)}`))),
    'refresh token': async (value) => grants(await refresh(server, value)),
    'access token': async (value) => (await userinfo(server, value)).status === 200,
    'session id': async (value) => {
      const headers = { cookie: `postern_session=${value}` };
      const url = authorizeUrl(server, { prompt: 'none' });
      return isSignedIn(await new AppBrowser(server).send(url, { headers }));
    },
  };
}

const attacks: readonly Attack[] = [
  {
    id: 'B01',
    title: 'every value the server gives out, tried as every other one',
    reference: 'ASVS 9.2.2',
    guard: 'the kind of a record in its key',
    weakenings: [
      {
        file: 'oidc/adapter.ts',
        find: `hashes('oidc-record', this.#keyOf(id))`,
        replace: `hashes('oidc-record', this.#kind === 'Grant' ? this.#keyOf(id) : id)`,
      },
      {
        file: 'oidc/adapter.ts',
        find: 'jti: id, ...consumption',
        replace: 'jti: id, kind: this.#kind, ...consumption',
      },
    ],
    attack: async (target) => {
      const { values, waiting } = await gather(target);
      const taken: string[] = [];
      for (const [sink, attempt] of Object.entries(sinksOf(target, waiting)))
        for (const [kind, value] of Object.entries(values))
          if (kind !== sink && (await attempt(value))) taken.push(`${kind} as ${sink}`);
      return taken.length > 0 ? { succeeded: taken.join(', ') } : 'held';
    },
  },
  {
    id: 'B02',
    title: 'the last step without the proof, for an account that exists',
    reference: 'CVE-2024-47070 (authentik), ASVS 2.3.1',
    guard: 'the question for the proof: in the step, at the end, and where the attempt is redeemed',
    weakenings: [
      {
        file: 'oidc/routes.ts',
        find: `return record?.attempt.state === 'satisfied'`,
        replace: 'return record',
      },
      { file: 'oidc/dispatcher.ts', find: `|| attempt.state !== 'satisfied'`, replace: '' },
      { file: 'oidc/dispatcher.ts', find: `if (outcome !== 'redeemed')`, replace: 'if (false)' },
    ],
    attack: async (target) => {
      const victim = await askFrom(target, 0, 'ada@acme.com');
      await enter(victim, victim.code, from(0));
      return firstSignedIn(
        () => askFrom(target, 1, 'ada@acme.com'),
        [
          ['code', {}],
          ['code', { code: '' }],
          ['code', { code: 'undefined', proved: 'true', state: 'satisfied' }],
          ['keep', {}],
          ['consent', {}],
          ['continue', {}],
          ['continue', { code: '000000' }],
        ],
      );
    },
  },
  {
    id: 'B03',
    title: 'an app that asks for consent and takes the sign-in for it',
    reference: 'RFC 6819 4.4.1.10, ASVS 10.7.1',
    guard: 'a proof that concludes the sign-in only',
    weakenings: [
      { file: 'oidc/dispatcher.ts', find: 'create: {} } });', replace: 'create: {}, consent: {} } });' },
    ],
    attack: async (target) => {
      const how = { params: { prompt: 'consent' }, headers: from(0) };
      const person = await ask(target, someone(), how);
      const page = await enter(person, person.code, from(0));
      if (isSignedIn(page)) return { succeeded: 'the app has a code that nobody consented to' };
      const { browser } = person;
      return firstSignedIn(
        async () => ({ ...person, ...(await begin(target, { ...how, browser })) }),
        [
          ['continue', {}],
          ['keep', {}],
          ['code', { code: person.code }],
        ],
      );
    },
  },
  {
    id: 'B04',
    title: 'a cookie planted in another browser, to be signed in as the attacker there',
    reference: 'login CSRF, RFC 6749 10.12',
    guard: 'the name of the browser that asked',
    weakenings: anyBrowser,
    attack: async (target) => {
      const attacker = await askFrom(target, 0, 'eve@evil.example');
      const post = planted(target, attacker);
      for (const page of [
        await post(`${attacker.home}/code`, { code: attacker.code }),
        await post(`${attacker.home}/continue`),
      ])
        if (isSignedIn(page)) return { succeeded: 'the victim is in the account of the attacker' };
      return 'held';
    },
  },
  {
    id: 'B05',
    title: 'address and code of a sign-in read over a shoulder, used in another browser',
    reference: 'ASVS 6.6.2',
    guard: 'the name of the browser that asked',
    weakenings: anyBrowser,
    attack: async (target) => {
      const victim = await askFrom(target, 0, 'ada@acme.com');
      const attacker = new AppBrowser(target.server);
      await attacker.open(authorizeUrl(target.server));
      const cookie = `postern_interaction=${victim.home.split('/').at(-1)}; postern_browser=${attacker.cookie('postern_browser')}`;
      const headers = { cookie, ...from(1) };
      const typed = await attacker.post(`${victim.home}/code`, { code: victim.code }, headers);
      const later = await attacker.post(`${victim.home}/continue`, {}, headers);
      return [typed, later].some(isSignedIn) ? { succeeded: 'signed in as the victim' } : 'held';
    },
  },
  {
    id: 'B06',
    title: 'the link of an address that was given up for another one',
    reference: 'ASVS 6.6.2',
    guard: 'the end of an attempt when another one takes its place',
    weakenings: [
      {
        file: 'sign-in/sign-in.ts',
        find: `if (outcome !== 'superseded' || next === record.attempt) return;`,
        replace: 'return;',
      },
    ],
    attack: async (target) => {
      const first = await askFrom(target, 0, 'ada@acme.com');
      await askAgain(target, first, { path: 'address', headers: from(0) });
      const form = { path: 'start', fields: { email: 'grace@acme.com' }, headers: from(0) };
      await askAgain(target, first, form);
      const page = await first.browser.post(first.link, {});
      return isSignedIn(page) ? { succeeded: 'signed in as the first address' } : 'held';
    },
  },
  {
    id: 'B07',
    title: 'somebody else signing in where the app asked for one person',
    reference: 'OpenID Connect Core 3.1.2.1',
    guard: 'the comparison with the hinted person',
    weakenings: [{ file: 'oidc/policy.ts', find: 'if (isSomebodyElse(ctx))', replace: 'if (false)' }],
    attack: async (target) => {
      const ada = await askFrom(target, 0, 'ada@acme.com');
      const { away } = await enter(ada, ada.code, from(0));
      const { idToken } = tokensOf(await exchange(target.server, away ?? new URL('http://nowhere.example/')));
      const params = { id_token_hint: idToken };
      const eve = await ask(target, 'eve@evil.example', { params, headers: from(1) });
      const page = await enter(eve, eve.code, from(1));
      return isSignedIn(page) ? { succeeded: 'the app has a code of somebody else' } : 'held';
    },
  },
];

/** Posts each form below an interaction of its own, until one signs in. */
async function firstSignedIn(
  start: () => Promise<Asked>,
  forms: ReadonlyArray<readonly [path: string, fields: Record<string, string>]>,
): Promise<Outcome> {
  for (const [path, fields] of forms) {
    const at = await start();
    const page = await at.browser.post(`${at.home}/${path}`, fields, from(1));
    if (isSignedIn(page)) return { succeeded: `signed in by /${path}` };
  }
  return 'held';
}

testFamily('values and steps that are taken for others', attacks);
