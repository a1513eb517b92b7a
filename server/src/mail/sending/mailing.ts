import { domainToASCII } from 'node:url';
import { parseEmail } from '../../core/email.ts';
import { Problem } from '../../core/problems.ts';
import type { Log } from '../../platform/log.ts';
import { newId } from '../../platform/random.ts';
import { createSuppressions, type Suppressions } from '../delivery/suppressions.ts';
import { createSmtpTransport } from '../smtp.ts';
import type { Handover, MailTransport, OutgoingMail } from '../transport.ts';
import { createFailover, type FailoverParts } from './failover.ts';
import { type OpeningParts, openProviders } from './open-providers.ts';
import { createMailProviders, type MailProviders } from './providers.ts';

/** Everything about where mail goes, over one open store. */
export interface Mailing {
  readonly providers: MailProviders;
  readonly suppressions: Suppressions;
  /** The way of every mail: the providers of the store, or else `bootstrap`, or else the environment's server. */
  transport(
    parts: Pick<FailoverParts, 'log' | 'onHandover'> & { bootstrap?: MailTransport | undefined },
  ): MailTransport;
  /** Whether there is a way for mail to leave. */
  hasProvider(): Promise<boolean>;
  /** Sends one mail now, by one provider or the way of every mail. */
  sendTest(address: string, words: TestWords, providerId?: string): Promise<Handover>;
  close(): Promise<void>;
}

type TestWords = Pick<OutgoingMail, 'subject' | 'text' | 'html'>;

type Parts = OpeningParts & { readonly smtpUrl?: string | undefined };

export function createMailing(parts: Parts): Mailing {
  const { database, clock, smtpUrl, mailFrom } = parts;
  const open = openProviders(parts);
  const fromEnvironment = () =>
    smtpUrl === undefined ? undefined : createSmtpTransport({ url: smtpUrl, from: mailFrom, clock });
  const transport: Mailing['transport'] = ({ bootstrap, ...rest }) =>
    createFailover({ database, clock, providers: open, bootstrap: bootstrap ?? fromEnvironment(), ...rest });
  return {
    providers: createMailProviders({ ...parts, open }),
    suppressions: createSuppressions({ database, clock, providers: open }),
    transport,
    hasProvider: async () =>
      smtpUrl !== undefined || (await open.current()).some(({ record }) => record.enabled),
    sendTest: async (address, { subject, text, html }, providerId) => {
      const to = parseEmail(address, domainToASCII);
      if (typeof to !== 'string')
        throw new Problem('invalid_email', 'Give one address, such as ana@example.com.');
      const mail = { to, messageId: newId('msg', clock.now()), subject, text, html };
      if (providerId === undefined) {
        const way = transport({ log: quiet });
        return way.send(mail).finally(() => way.close());
      }
      const one = await open.find(providerId);
      if (!one)
        throw new Problem('mail_provider_not_found', `There is no mail provider ${providerId.slice(0, 40)}.`);
      return typeof one.provider === 'string'
        ? { outcome: 'unsent', reason: one.provider }
        : { ...(await one.provider.send(mail)), providerId: one.record.id };
    },
    close: () => open.close(),
  };
}

/** The answer says it all. */
const quiet: Pick<Log, 'warn' | 'info' | 'error'> = {
  warn: () => undefined,
  info: () => undefined,
  error: () => undefined,
};
