import { domainToASCII } from 'node:url';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type {
  AuditLogsService,
  ListAuthLogRequest,
} from '../../../generated/scalekit/v1/auditlogs/auditlogs_pb.js';
import { parseEmail } from '../../core/email.ts';
import { PASSWORDLESS_CONNECTION } from '../../core/ids.ts';
import { paged, readPage } from '../../platform/paging.ts';
import { fieldsRefused } from '../../platform/violations.ts';
import {
  ASKED_STATUSES,
  type AskedFilter,
  type AskedSignIn,
  type AskedStatus,
  countAsked,
  listAsked,
} from '../../sign-in/history/store.ts';
import { instantOf } from '../instants.ts';
import type { ApiParts } from '../parts.ts';

const PAGE_SIZES = { usual: 30, max: 100 };

/** A total is counted so far: more is never looked at. */
const TOTAL_MAX = 10_000;

/** The names of the one connection there is, and of the one environment. */
const ONLY = {
  environmentId: 'env_1',
  connectionId: PASSWORDLESS_CONNECTION,
  connectionType: 'PASSWORDLESS',
  connectionProvider: 'SCALEKIT',
} as const;

/** How sign-ins went, newest first. */
export function auditLogsService(
  parts: Pick<ApiParts, 'database' | 'clock'>,
): ServiceImpl<typeof AuditLogsService> {
  return {
    listAuthRequests: async (asked) => {
      const page = readPage({ size: asked.pageSize, token: asked.pageToken }, PAGE_SIZES);
      const filter = filterOf(asked);
      if (filter === undefined) return { authRequests: [] };
      const now = parts.clock.now();
      const { rows, total } = await parts.database.read(async (q) => ({
        rows: await listAsked(q, filter, { page, now }),
        total: await countAsked(q, filter, { max: TOTAL_MAX, now }),
      }));
      const { rows: shown, nextToken, prevToken } = paged(rows, page);
      return {
        authRequests: shown.map(line),
        nextPageToken: nextToken,
        prevPageToken: prevToken,
        totalSize: total,
      };
    },
  };
}

/** Undefined where nothing here can be meant: there are no connected accounts and no resources. */
function filterOf(asked: ListAuthLogRequest): AskedFilter | undefined {
  if (asked.resourceId !== '' || asked.connectedAccountIdentifier !== '') return undefined;
  const email = asked.email === '' ? undefined : parseEmail(asked.email, domainToASCII);
  if (email !== undefined && typeof email !== 'string') return undefined; // no address is written like this
  return {
    statuses: asked.status.map(statusOf),
    email,
    clientId: asked.clientId === '' ? undefined : asked.clientId,
    from: instantOf(asked.startTime),
    until: instantOf(asked.endTime),
  };
}

function statusOf(text: string): AskedStatus {
  const name = text.toLowerCase();
  const status = name === 'failure' ? 'failed' : ASKED_STATUSES.find((known) => known === name);
  if (status !== undefined) return status;
  const description = `takes ${ASKED_STATUSES.join(', ')}`;
  throw fieldsRefused([{ field: 'status', description, constraint: 'in' }]);
}

const WORKFLOWS: Readonly<Record<string, string>> = {
  headless: 'PASSWORDLESS_HEADLESS',
  challenge: 'PASSWORDLESS_CHALLENGE',
};

function line(asked: AskedSignIn) {
  return {
    ...ONLY,
    authRequestId: asked.id,
    email: asked.email,
    status: asked.status.toUpperCase(),
    timestamp: timestampFromMs(asked.at),
    connectionDetails: [ONLY],
    workflow: WORKFLOWS[asked.flow ?? ''] ?? 'PASSWORDLESS',
    clientId: asked.clientId,
    clientName: asked.clientName,
    clientType: asked.clientKind,
  };
}
