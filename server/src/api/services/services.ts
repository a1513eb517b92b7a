import { OrganizationService } from '../../../generated/scalekit/v1/organizations/organizations_pb.js';
import { SessionService } from '../../../generated/scalekit/v1/sessions/sessions_pb.js';
import type { ApiParts } from '../parts.ts';
import { type Rpc, rpcsOf } from '../rpc/rpcs.ts';
import { organizationsService } from './organizations.ts';
import { sessionsService } from './sessions.ts';

/** Every method that this deployment serves. */
export function servedRpcs(parts: ApiParts): Rpc[] {
  return [
    ...rpcsOf(OrganizationService, organizationsService()),
    ...rpcsOf(SessionService, sessionsService(parts)),
    // One line for each service.
  ];
}
