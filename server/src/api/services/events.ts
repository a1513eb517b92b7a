import type { JsonObject } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import {
  type EventFilter as Asked,
  type EventsService,
  ObjectType,
  Source,
} from '../../../generated/scalekit/v1/events/events_pb.js';
import { ENVIRONMENT, isId, PASSWORDLESS_CONNECTION } from '../../core/ids.ts';
import type { RecordedEvent } from '../../events/deliveries/delivery.ts';
import { countUpTo, type EventFilter, listEvents } from '../../events/store.ts';
import { displayName, namesOf } from '../../events/webhooks/types.ts';
import { paged, readPage } from '../../platform/paging.ts';
import { fieldsRefused } from '../../platform/violations.ts';
import { latestAttempt } from '../../sign-in/store.ts';
import { instantOf } from '../instants.ts';
import type { ApiParts } from '../parts.ts';

const PAGE_SIZES = { usual: 30, max: 100 };

/** Types in one filter; there are not many more. */
const TYPES_MAX = 100;

/** What the contract of the SDKs allows. */
const AUTH_REQUEST_MAX = 200;

/** A total is counted so far: more is never looked at. */
const TOTAL_MAX = 10_000;

/** Events of ours that have a familiar name too. */
const RENAMED = ['user.created', 'session.started', 'session.ended'] as const;

type EventsParts = Pick<ApiParts, 'database' | 'secrets'>;

/** What happened, newest first. */
export function eventsService(parts: EventsParts): ServiceImpl<typeof EventsService> {
  const { database } = parts;
  const find = async (asked: { filter?: Asked | undefined; pageSize: number; pageToken: string }) => {
    const page = readPage({ size: asked.pageSize, token: asked.pageToken }, PAGE_SIZES);
    const filter = await filterOf(parts, asked.filter);
    const rows = filter ? await database.read((q) => listEvents(q, filter, page)) : [];
    const { rows: events, nextToken, prevToken } = paged(rows, page);
    const wanted = asked.filter?.eventTypes ?? [];
    return {
      filter,
      answer: {
        events: events.map((event) => shown(event, wanted)),
        nextPageToken: nextToken,
        prevPageToken: prevToken,
      },
    };
  };
  return {
    listEvents: async (asked) => {
      const { filter, answer } = await find(asked);
      const totalSize = filter ? await database.read((q) => countUpTo(q, filter, TOTAL_MAX)) : 0;
      return { ...answer, totalSize };
    },
    listEventsPaginated: async (asked) => (await find(asked)).answer,
  };
}

/** Undefined where nothing here can be meant. */
async function filterOf(parts: EventsParts, asked: Asked | undefined): Promise<EventFilter | undefined> {
  if (asked === undefined) return { types: [] };
  if (asked.eventTypes.length > TYPES_MAX)
    throw fieldsRefused([
      { field: 'event_types', description: `takes at most ${TYPES_MAX}`, constraint: 'max_items' },
    ]);
  if (isElsewhere(asked)) return undefined;
  const naming = asked.interceptorId === '' ? undefined : asked.interceptorId;
  if (naming !== undefined && !isId('icp', naming)) return undefined;
  const attemptId = await attemptOf(parts, asked.authRequestId);
  if (attemptId === undefined && asked.authRequestId !== '') return undefined;
  return {
    types: asked.eventTypes.flatMap(ownTypes),
    attemptId,
    from: instantOf(asked.startTime),
    until: instantOf(asked.endTime),
    naming,
  };
}

/** By its own id, or by the one that an app has which asked for the proof itself. */
async function attemptOf({ database, secrets }: EventsParts, text: string): Promise<string | undefined> {
  if (text === '' || text.length > AUTH_REQUEST_MAX) return undefined;
  if (isId('req', text)) return text;
  const record = await database.read((q) => latestAttempt(q, secrets.hashes('interaction', text)));
  return record?.attempt.id;
}

/** There are no organizations, directories and connected accounts, one connection, and no log of what interceptors allowed. */
function isElsewhere(asked: Asked): boolean {
  const { source, connectionId = '' } = asked;
  const never = [
    asked.organizationId,
    asked.connectedAccountId,
    asked.interceptorStatus,
    asked.interceptorDecision,
  ];
  if (never.some((text) => text !== undefined && text !== '') || source === Source.DIR_SYNC) return true;
  return connectionId !== '' && connectionId !== PASSWORDLESS_CONNECTION;
}

/** The events of ours that a name means; a name that none has matches none. */
function ownTypes(name: string): string[] {
  const renamed = RENAMED.filter((own) => namesOf(own).some((one) => one.isFamiliar && one.name === name));
  return renamed.length > 0 ? renamed : [name];
}

/** Under the name that was asked for. */
function shown(event: RecordedEvent, wanted: readonly string[]) {
  const familiar = namesOf(event.type).find(({ name, isFamiliar }) => isFamiliar && wanted.includes(name));
  const type = familiar && !wanted.includes(event.type) ? familiar.name : event.type;
  return {
    specVersion: '1',
    id: event.id,
    type,
    occurredAt: timestampFromMs(event.at),
    environmentId: ENVIRONMENT,
    object: objectOf(type),
    data: dataOf(event),
    displayName: displayName(type),
  };
}

function dataOf({ data, attemptId, userId, clientId, sessionId }: RecordedEvent): JsonObject {
  const own: JsonObject = JSON.parse(data);
  const names = Object.entries(own).map(([name, value]) => [
    name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    value,
  ]);
  return {
    ...Object.fromEntries(names),
    ...(attemptId !== undefined && { auth_request_id: attemptId }),
    ...(userId !== undefined && { user_id: userId }),
    ...(clientId !== undefined && { client_id: clientId }),
    ...(sessionId !== undefined && { session_id: sessionId }),
  };
}

const OBJECTS: readonly (readonly [RegExp, ObjectType])[] = [
  [/^user\.signup$/, ObjectType.OrgMembership],
  [/^user\.login$/, ObjectType.UserLoginEvent],
  [/^user\.logout$/, ObjectType.UserLogoutEvent],
  [/^user\./, ObjectType.User],
  [/^session\./, ObjectType.Session],
  [/^attempt\./, ObjectType.AuthRequest],
  [/^mail\.provider/, ObjectType.EmailServer],
  [/^(template\.|mail\.template)/, ObjectType.Template],
  [/^mail\./, ObjectType.Email],
  [/^token\./, ObjectType.RefreshTokens],
  [/^interceptor\./, ObjectType.InterceptorEvent],
];

/** What an event is about; all else is about the deployment. */
function objectOf(type: string): ObjectType {
  return OBJECTS.find(([pattern]) => pattern.test(type))?.[1] ?? ObjectType.Environment;
}
