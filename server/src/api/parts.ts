import type { Clients } from '../clients/clients.ts';
import type { OidcParts } from '../oidc/oidc.ts';
import type { Log } from '../platform/log.ts';
import type { Templates } from '../sign-in/mailing/templates.ts';
import type { Users } from '../users/users.ts';

/** What the services of the API work with. */
export interface ApiParts extends OidcParts {
  readonly log: Log;
  readonly clients: Clients;
  readonly users: Users;
  readonly templates: Templates;
}
