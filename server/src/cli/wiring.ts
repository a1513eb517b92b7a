import type { Clients } from '../clients/clients.ts';
import type { Interceptors } from '../events/interceptors/interceptors.ts';
import type { Webhooks } from '../events/webhooks/webhooks.ts';
import type { Mailing } from '../mail/sending/mailing.ts';
import type { Keys } from '../oidc/keys.ts';
import type { Clock } from '../platform/clock.ts';
import type { Config, Environment } from '../platform/config.ts';
import type { Database } from '../platform/database/database.ts';
import type { Secrets } from '../platform/secrets.ts';
import type { Settings } from '../settings/settings.ts';
import type { Templates } from '../sign-in/mailing/templates.ts';
import type { Users } from '../users/users.ts';

/** The rooms that commands work in, over one open store whose schema is up to date. */
export interface Rooms {
  readonly database: Database;
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly settings: Settings;
  readonly clients: Clients;
  readonly users: Users;
  readonly keys: Keys;
  readonly templates: Templates;
  readonly mail: Mailing;
  readonly webhooks: Webhooks;
  readonly interceptors: Interceptors;
  close(): Promise<void>;
}

/** A server that listens. */
export interface Running {
  readonly url: string;
  /** Takes no new request, finishes those it has, and closes the rooms. */
  stop(): Promise<void>;
}

/** What commands cause above them; handed down by `main.ts`. */
export interface Wiring {
  open(config: Config): Promise<Rooms>;
  start(config: Config): Promise<Running & { readonly rooms: Rooms }>;
}

/** Where a command reads and writes: a line each. */
export interface Io {
  readonly env: Environment;
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
  /** Asks for a secret; undefined where nobody answers. */
  readonly ask?: (label: string) => Promise<string | undefined>;
}
