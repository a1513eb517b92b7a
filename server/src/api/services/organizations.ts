import type { ServiceImpl } from '@connectrpc/connect';
import type { OrganizationService } from '../../../generated/scalekit/v1/organizations/organizations_pb.js';

/** A passwordless deployment has no organizations; listing them is how callers try their credentials. */
export function organizationsService(): ServiceImpl<typeof OrganizationService> {
  return {
    listOrganization: () => ({ organizations: [], totalSize: 0 }),
  };
}
