import { begin, enter } from '../../support/sign-in-steps.ts';
import { type Attack, type Outcome, type Target, testFamily } from './attack.ts';
import { askFrom, from } from './moves.ts';
import type { Weakening } from './weakened-build.ts';

/** Characters that separate, quote or break lines are let through. */
const charactersOff: Weakening = {
  file: 'core/email.ts',
  find: String.raw`if (/[,;<>()[\]\\"\s\p{Cc}\p{Cf}]/u.test(text))`,
  replace: 'if (false)',
};
const localPartOff: Weakening = {
  file: 'core/email.ts',
  find: '|| !LOCAL_PART.test(local)',
  replace: '',
};

/** Whether a mail leaves for what was typed: for anything but a refusal. */
async function mailed(target: Target, typed: readonly string[]): Promise<Outcome> {
  for (const [at, text] of typed.entries()) {
    const { browser, home } = await begin(target);
    const sent = target.mailbox.mails.length;
    await browser.post(`${home}/start`, { email: text }, from(at));
    await target.server.mailIdle();
    const mail = target.mailbox.mails[sent];
    if (mail !== undefined)
      return { succeeded: `${JSON.stringify(text)} went to ${JSON.stringify(mail.to)}` };
  }
  return 'held';
}

/** The same for forms as they come over the wire. */
async function mailedForms(target: Target, bodies: readonly string[]): Promise<Outcome> {
  for (const body of bodies) {
    const { browser, home } = await begin(target);
    const sent = target.mailbox.mails.length;
    const headers = {
      origin: target.server.url,
      'content-type': 'application/x-www-form-urlencoded',
      ...from(0),
    };
    await browser.send(`${target.server.url}${home}/start`, { method: 'POST', headers, body });
    await target.server.mailIdle();
    const mail = target.mailbox.mails[sent];
    if (mail !== undefined) return { succeeded: `${body} went to ${mail.to}` };
  }
  return 'held';
}

/** The account that a code leads to. */
async function subjectOf(target: Target, email: string): Promise<string> {
  const at = await askFrom(target, 0, email);
  await enter(at, at.code, from(0));
  const users = await target.server.rooms.database.read((q) =>
    q.selectFrom('users').select(['id', 'email']).orderBy('id', 'desc').execute(),
  );
  return users[0]?.id ?? '';
}

const attacks: readonly Attack[] = [
  {
    id: 'E01',
    title: 'two addresses in one field',
    reference: 'CVE-2022-35924 (NextAuth.js)',
    guard: 'the characters that an address may have',
    weakenings: [charactersOff, localPartOff],
    attack: (target) =>
      mailed(
        target,
        [',', ';', ' ', '\t', '\n', ', '].map((mark) => `ada@acme.com${mark}eve@evil.example`),
      ),
  },
  {
    id: 'E02',
    title: 'full-width and circled letters that become those of another domain',
    reference: 'Unicode TR 36 2.10, ASVS 1.1.1',
    guard: 'the refusal of what folding would change',
    weakenings: [
      {
        file: 'core/email.ts',
        find: 'if (!isPlainDomain(input)) return undefined;',
        replace: '',
      },
    ],
    attack: (target) =>
      mailed(target, [
        'ada@ａcme.com',
        'ada@ⓐcme.com',
        'ada@acme。com',
        'ada@ac\u00adme.com',
        'ada＠acme.com',
      ]),
  },
  {
    id: 'E03',
    title: 'an address in quotes in front of another domain',
    reference: 'CVE-2025-13033 (Nodemailer)',
    guard: 'the characters that an address may have',
    weakenings: [charactersOff, localPartOff],
    attack: (target) =>
      mailed(target, [
        '"eve@evil.example"@acme.com',
        '"eve@evil.example x"@acme.com',
        'Ada"eve@evil.example>"@acme.com',
      ]),
  },
  {
    id: 'E04',
    title: 'a line break and a header in an address',
    reference: 'CVE-2025-7962 (Jakarta Mail), ASVS 1.3.11',
    guard: 'the characters that an address may have',
    weakenings: [charactersOff, localPartOff],
    attack: (target) =>
      mailed(target, [
        'ada@acme.com\r\nBcc: eve@evil.example',
        'eve\r\nBcc: eve@evil.example',
        'eve\nRCPT TO:<eve@evil.example',
        'eve\u2028bcc@evil.example',
      ]),
  },
  {
    id: 'E05',
    title: 'an encoded word as local part',
    reference: 'Splitting the email atom (PortSwigger, 2024)',
    guard: 'the refusal of encoded words',
    weakenings: [{ file: 'core/email.ts', find: '(?!.*=\\?)', replace: '' }],
    attack: (target) =>
      mailed(target, ['=?utf-8?q?eve=40evil.example=3e=00?=x@acme.com', '=?x?q?eve?=@acme.com']),
  },
  {
    id: 'E06',
    title: 'a route to another domain in the local part',
    reference: 'Splitting the email atom (PortSwigger, 2024)',
    guard: 'the alphabet of local parts',
    weakenings: [localPartOff],
    attack: (target) =>
      mailed(target, ['eve%evil.example@acme.com', 'evil.example!eve@acme.com', 'a@b@acme.com']),
  },
  {
    id: 'E07',
    title: 'letters that become another person’s in small print',
    reference: 'CVE-2019-19844 (Django)',
    guard: 'the alphabet of local parts',
    weakenings: [localPartOff],
    attack: (target) =>
      mailed(target, [
        '\u212Aate@acme.com',
        'adm\u0131n@acme.com',
        'bo\u017fs@acme.com',
        '\u0430da@acme.com',
      ]),
  },
  {
    id: 'E08',
    title: 'the address sent twice, so that one reader checks it and another one uses it',
    reference: 'CVE-2023-7028 (GitLab)',
    guard: 'each field once, under its plain name',
    weakenings: [{ file: 'platform/http/form.ts', find: 'if (fields.has(name))', replace: 'if (false)' }],
    attack: (target) =>
      mailedForms(target, [
        'email[]=ada@acme.com&email[]=eve@evil.example',
        '{"email":["ada@acme.com","eve@evil.example"]}',
        'email=ada@acme.com&email=eve@evil.example',
      ]),
  },
  {
    id: 'E09',
    title: 'a header in the name of an app',
    reference: 'CVE-2025-7962 (Jakarta Mail), ASVS 1.3.11',
    guard: 'names of one line: at the registration, and in mails',
    weakenings: [
      {
        file: 'clients/branding.ts',
        find: `const name = text.trim().normalize('NFC');`,
        replace: 'if (text) return text; const name = text;',
      },
      {
        file: 'sign-in/mails.ts',
        find: 'export function displayName(chosen: string): string {',
        replace: 'export function displayName(chosen: string): string { return chosen;',
      },
    ],
    attack: async (target) => {
      const name = 'Acme\r\nBcc: eve@evil.example';
      const redirectUri = 'http://localhost:9/auth/callback';
      const made = await target.server.rooms.clients
        .create({ name, redirectUris: [redirectUri] })
        .catch(() => undefined);
      if (made === undefined) return 'held';
      const { browser, home } = await begin(target, { params: { client_id: made.client.id } });
      await browser.post(`${home}/start`, { email: 'ada@acme.com' }, from(0));
      await target.server.mailIdle();
      const subject = target.mailbox.mails.at(-1)?.subject ?? '';
      return /[\r\n]/.test(subject) ? { succeeded: JSON.stringify(subject) } : 'held';
    },
  },
  {
    id: 'E10',
    title: 'a second account for one mailbox, in capitals',
    reference: 'CVE-2026-47203 (Authelia), ASVS 6.3.4',
    guard: 'one canonical form of an address',
    weakenings: [
      {
        file: 'core/email.ts',
        find: '{local.toLowerCase()}@',
        replace: '{local}@',
      },
    ],
    attack: async (target) => {
      const first = await subjectOf(target, 'ada@acme.com');
      target.clock.advance(120_000);
      const second = await subjectOf(target, 'ADA@Acme.COM');
      return first === second ? 'held' : { succeeded: `${first} and ${second}` };
    },
  },
];

testFamily('addresses and names in mail', attacks);
