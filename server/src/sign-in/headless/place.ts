import type { Client } from '../../clients/store.ts';
import type { MailFacts } from '../mailing/writing.ts';
import { appHost, withoutQuery } from './mailed-link.ts';
import type { Options } from './options.ts';

/** What a mail says of the place where its code is entered and its link leads: the app's, not ours. */
export function placeOf({ linkUri, variables }: Options, client: Client | undefined): Partial<MailFacts> {
  const host = appHost(linkUri, client);
  return {
    ...(host === undefined ? { enteredInApp: true } : { host, enteredInApp: false }),
    ...(linkUri !== undefined && { linkBase: withoutQuery(linkUri) }),
    ...(variables && { custom: variables }),
  };
}
