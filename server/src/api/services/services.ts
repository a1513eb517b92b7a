import { AuditLogsService } from '../../../generated/scalekit/v1/auditlogs/auditlogs_pb.js';
import { PasswordlessService } from '../../../generated/scalekit/v1/auth/passwordless_pb.js';
import { ClientService } from '../../../generated/scalekit/v1/clients/clients_pb.js';
import { ConnectionService } from '../../../generated/scalekit/v1/connections/connections_pb.js';
import { EventsService } from '../../../generated/scalekit/v1/events/events_pb.js';
import { OrganizationService } from '../../../generated/scalekit/v1/organizations/organizations_pb.js';
import { SessionService } from '../../../generated/scalekit/v1/sessions/sessions_pb.js';
import { UserService } from '../../../generated/scalekit/v1/users/users_pb.js';
import type { ApiParts } from '../parts.ts';
import { type Rpc, rpcsOf } from '../rpc/rpcs.ts';
import { auditLogsService } from './auditlogs.ts';
import { clientsService } from './clients.ts';
import { connectionsService } from './connections.ts';
import { eventsService } from './events.ts';
import { organizationsService } from './organizations.ts';
import { passwordlessService } from './passwordless.ts';
import { sessionsService } from './sessions.ts';
import { usersService } from './users.ts';

/** Every method that this deployment serves. */
export function servedRpcs(parts: ApiParts): Rpc[] {
  return [
    ...rpcsOf(OrganizationService, organizationsService()),
    ...rpcsOf(SessionService, sessionsService(parts)),
    ...rpcsOf(PasswordlessService, passwordlessService(parts)),
    ...rpcsOf(UserService, usersService(parts)),
    ...rpcsOf(ClientService, clientsService(parts)),
    ...rpcsOf(ConnectionService, connectionsService(parts)),
    ...rpcsOf(AuditLogsService, auditLogsService(parts)),
    ...rpcsOf(EventsService, eventsService(parts)),
  ];
}
