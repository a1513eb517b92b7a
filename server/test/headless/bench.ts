import assert from 'node:assert/strict';
import { createClients } from '../../src/clients/clients.ts';
import type { Client } from '../../src/clients/store.ts';
import type { Instant } from '../../src/core/ids.ts';
import type { ProblemCode } from '../../src/core/problems.ts';
import { Problem } from '../../src/core/problems.ts';
import { createInterceptors } from '../../src/events/interceptors/interceptors.ts';
import { recentEvents } from '../../src/events/store.ts';
import { startOutbox } from '../../src/mail/outbox.ts';
import type { OutgoingMail } from '../../src/mail/transport.ts';
import { systemClock } from '../../src/platform/clock.ts';
import type { Database } from '../../src/platform/database/database.ts';
import { createOutbound } from '../../src/platform/http/outbound.ts';
import { createSecrets } from '../../src/platform/secrets.ts';
import { initialSettings, type SettingName, type SettingValues } from '../../src/settings/definitions.ts';
import { createSettings, type Settings } from '../../src/settings/settings.ts';
import { startWatch } from '../../src/sign-in/guarding/watch.ts';
import type { HeadlessParts } from '../../src/sign-in/headless/finding.ts';
import type { Sending } from '../../src/sign-in/headless/options.ts';
import { resendHeadless, type Sent, sendHeadless } from '../../src/sign-in/headless/sending.ts';
import { type Credential, type Verified, verifyHeadless } from '../../src/sign-in/headless/verifying.ts';
import { composeMails } from '../../src/sign-in/mailing/composing.ts';
import { createTemplates, type Templates } from '../../src/sign-in/mailing/templates.ts';
import type { TestDatabase } from '../support/databases.ts';
import { createMailbox } from '../support/mailbox.ts';
import { SECRET } from '../support/server.ts';

export const ORIGIN = new URL('https://id.example.com');
export const VERIFY = 'https://app.example.com/verify';

/** A mail with what somebody finds in it. */
export interface Arrived extends OutgoingMail {
  readonly code: string;
  readonly link: string;
  readonly token: string;
}

/** The use cases of headless sign-ins over a real store, with two apps, and mails that can be read. */
export interface HeadlessBench {
  readonly parts: HeadlessParts & { readonly templates: Templates; readonly settings: Settings };
  readonly database: Database;
  readonly acme: Client;
  readonly globex: Client;
  readonly clock: { now(): Instant; advance(milliseconds: number): void };
  send(wanted?: Partial<Sending>): Promise<Sent>;
  resend(authRequestId: string, client?: Client): Promise<Sent>;
  verify(credential: Credential, authRequestId?: string, client?: Client): Promise<Verified>;
  /** Sends, and reads the mail. */
  mailed(wanted?: Partial<Sending>): Promise<Sent & { readonly mail: Arrived }>;
  mailsTo(email: string): Promise<Arrived[]>;
  /** Settings for what follows; all others as they are by default, but for roomy limits. */
  decide(settings: Partial<SettingValues>): Promise<void>;
  /** What happened to an attempt, oldest first. */
  eventsOf(attemptId: string): Promise<string[]>;
  close(): Promise<void>;
}

const ROOMY: Partial<SettingValues> = {
  'limits.mails_per_address_minute': 10,
  'limits.mails_per_address_day': 100,
};

let people = 0;

/** An address that nobody else has. */
export function somebody(): string {
  people += 1;
  return `ana${people}@example.com`;
}

export async function openHeadless(given: TestDatabase): Promise<HeadlessBench> {
  const stage = await openStage(await given.open());
  const { parts, outbox, watch, mails, acme, globex } = stage;
  const { database, settings, clock } = parts;
  const mailsTo = async (email: string) => {
    await outbox.idle();
    return mails.filter(({ to }) => to === email).map(arrived);
  };
  const send = (wanted: Partial<Sending> = {}) =>
    sendHeadless(parts, { client: acme, email: somebody(), magiclinkAuthUri: VERIFY, ...wanted });
  const bench: HeadlessBench = {
    parts,
    database,
    acme,
    globex,
    clock,
    send,
    resend: (authRequestId, client = acme) => resendHeadless(parts, { clientId: client.id, authRequestId }),
    verify: (credential, authRequestId, client = acme) =>
      verifyHeadless(parts, { clientId: client.id, credential, authRequestId }),
    mailed: async (wanted) => {
      const sent = await send(wanted);
      const mail = (await mailsTo(sent.record.attempt.email)).at(-1);
      return { ...sent, mail: mail ?? assert.fail('no mail came') };
    },
    mailsTo,
    decide: async (wanted) => {
      for (const [name, value] of Object.entries({ ...initialSettings(), ...ROOMY, ...wanted }))
        if (settings.snapshot()[name as SettingName] !== value)
          await settings.set(name as SettingName, value);
    },
    eventsOf: async (attemptId) => {
      const events = await database.read((q) => recentEvents(q, 2000));
      return events
        .filter((event) => event.attemptId === attemptId)
        .map(({ type }) => type)
        .reverse();
    },
    close: async () => {
      await outbox.stop();
      await watch.stop();
    },
  };
  await bench.decide({});
  return bench;
}

async function openStage(database: Database) {
  let now = systemClock.now();
  const clock = {
    now: () => now,
    advance: (milliseconds: number) => {
      now += milliseconds;
    },
  };
  const secrets = createSecrets([SECRET]);
  const settings = createSettings(database, clock);
  const templates = createTemplates({ database, clock, settings, origin: ORIGIN });
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: console.error };
  const watch = await startWatch({ database, clock, settings, log });
  const interceptors = createInterceptors({
    database,
    clock,
    secrets,
    outbound: createOutbound(),
    local: true,
  });
  const mailQueued = () => outbox.wake();
  const parts = { database, clock, secrets, settings, templates, watch, interceptors, mailQueued };
  const { transport, mails } = createMailbox();
  const compose = composeMails(parts, ORIGIN, templates.book);
  const outbox = startOutbox({ database, clock, transport, compose, log });
  const clients = createClients({ database, clock, secrets, production: true });
  const register = async (name: string, uri: string) =>
    (await clients.create({ name, redirectUris: [uri] })).client;
  const acme = await register('Acme', 'https://app.example.com/callback');
  const globex = await register('Globex', 'https://globex.example.com/callback');
  await settings.current();
  return { parts, outbox, watch, mails, acme, globex };
}

function arrived(mail: OutgoingMail): Arrived {
  const { code = '', link = '' } = mail.facts ?? {};
  const token = URL.canParse(link) ? (new URL(link).searchParams.get('link_token') ?? '') : '';
  return { ...mail, code, link, token };
}

/** A code that is not this one, different for each `turn`. */
export function wrongCode(code: string, turn = 0): string {
  return String((Number(code) + 1 + turn) % 10 ** code.length).padStart(code.length, '0');
}

/** That a call is refused with a code of ours, and words that callers look for. */
export async function refused(
  call: Promise<unknown>,
  code: ProblemCode,
  words: RegExp = /./,
): Promise<Problem> {
  const failure = await call.then(
    (answer) => assert.fail(`answered ${JSON.stringify(answer)}`),
    (thrown: unknown) => thrown,
  );
  if (!(failure instanceof Problem)) throw failure;
  assert.equal(failure.code, code, failure.detail);
  assert.match(failure.detail, words);
  return failure;
}
