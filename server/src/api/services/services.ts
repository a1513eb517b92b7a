import { OrganizationService } from '../../../generated/scalekit/v1/organizations/organizations_pb.js';
import type { ApiParts } from '../parts.ts';
import { type Rpc, rpcsOf } from '../rpc/rpcs.ts';
import { organizationsService } from './organizations.ts';

/** Every method that this deployment serves. */
export function servedRpcs(_parts: ApiParts): Rpc[] {
  return [
    ...rpcsOf(OrganizationService, organizationsService()),
    // One line for each service.
  ];
}
