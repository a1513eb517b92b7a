import type { Instant, InterceptorId } from '../../core/ids.ts';
import { nearest } from '../../core/nearest.ts';
import { Problem } from '../../core/problems.ts';
import { DAY, HOUR, SECOND } from '../../core/units.ts';
import type { Database } from '../../platform/database/database.ts';
import type { Queries } from '../../platform/database/schema.ts';
import { newId } from '../../platform/random.ts';
import { makeSecret, rotateSecret } from '../deliveries/signing-secrets.ts';
import { type Reach, targetFault } from '../deliveries/target.ts';
import { recordEvent } from '../store.ts';
import { type Asked, type AskingParts, askOne, type Question } from './asking.ts';
import {
  deleteInterceptor,
  INTERCEPTOR_KINDS,
  type Interceptor,
  type InterceptorKind,
  listInterceptors,
  lockInterceptor,
  saveInterceptor,
} from './store.ts';

/** A person waits for it. */
const TIMEOUT = { min: 100, usual: 5000, max: 30 * SECOND };

const KEEP_OLD_FOR = DAY;
const KEEP_OLD_MAX = 30 * DAY;

/** A process sees a change made by another one at the latest after this many milliseconds. */
const FRESH_FOR = SECOND;

export interface InterceptorWish {
  readonly url?: string | undefined;
  readonly timeoutMs?: number | undefined;
  readonly onFailure?: string | undefined;
  readonly enabled?: boolean | undefined;
  /** The owner has said that the address may belong to a private network. */
  readonly private?: boolean | undefined;
}

export type InterceptorView = Omit<Interceptor, 'secrets'> & {
  readonly secrets: readonly { createdAt: Instant; expiresAt?: Instant }[];
};

export interface Interceptors {
  /** Whether one of a kind is enabled; known without a query for a second at a time. */
  asks(kind: InterceptorKind): Promise<boolean>;
  /** Asks it, with its own patience. Undefined where there is none. Outside of transactions only. */
  ask(kind: InterceptorKind, question: Question): Promise<Asked | undefined>;
  list(): Promise<InterceptorView[]>;
  /** The secret is shown only now. */
  create(
    wish: InterceptorWish & { kind: string; url: string },
  ): Promise<{ interceptor: InterceptorView; secret: string }>;
  update(id: string, wish: InterceptorWish): Promise<InterceptorView>;
  remove(id: string): Promise<void>;
  /** The old secret signs beside the new one for a day, unless said otherwise. */
  rotateSecret(
    id: string,
    keep?: { oldForMs: number },
  ): Promise<{ interceptor: InterceptorView; secret: string }>;
  /** Asks it about nobody, enabled or not. */
  test(id: string): Promise<Asked>;
}

export interface InterceptorParts extends AskingParts {
  readonly database: Database;
}

export function createInterceptors(parts: InterceptorParts): Interceptors {
  const { database, clock } = parts;
  const cache = enabledOnes(parts);
  const change = async <T>(id: string, decide: (q: Queries, known: Interceptor) => Promise<T>) => {
    const changed = await database.write(async (q) =>
      decide(q, (await lockInterceptor(q, id)) ?? unknown(id)),
    );
    cache.forget();
    return changed;
  };
  return {
    asks: async (kind) => (await cache.find(kind)) !== undefined,
    ask: async (kind, question) => {
      const one = await cache.find(kind);
      return one && askOne(parts, one, question);
    },
    list: async () => (await database.read(listInterceptors)).map(viewOf),
    create: async (wish) => {
      const created = await create(parts, wish);
      cache.forget();
      return created;
    },
    update: (id, wish) =>
      change(id, async (q, known) => {
        const next = wished(parts, known, wish);
        await saveInterceptor(q, next);
        await recordEvent(q, { type: 'interceptor.changed', data: about(next) }, next.updatedAt);
        return viewOf(next);
      }),
    remove: (id) =>
      change(id, async (q, known) => {
        await deleteInterceptor(q, known.id);
        await recordEvent(q, { type: 'interceptor.deleted', data: about(known) }, clock.now());
      }),
    rotateSecret: (id, { oldForMs } = { oldForMs: KEEP_OLD_FOR }) =>
      change(id, (q, known) => rotate(q, parts, { known, oldForMs })),
    test: async (id) => {
      const all = await database.read(listInterceptors);
      return askOne(parts, all.find((one) => one.id === id) ?? unknown(id), EXAMPLE);
    },
  };
}

/** The enabled ones, read again after a second, by one query for all who wait, and after a change of this process. */
function enabledOnes({ database, clock }: InterceptorParts) {
  let known: { ones: Promise<Interceptor[]>; readAt: Instant } | undefined;
  const read = () => {
    const ones = database.read(listInterceptors).then((all) => all.filter(({ enabled }) => enabled));
    const reading = { ones, readAt: clock.now() };
    known = reading;
    ones.catch(() => {
      if (known === reading) known = undefined;
    });
    return ones;
  };
  return {
    find: async (kind: InterceptorKind) => {
      const age = known === undefined ? FRESH_FOR : Math.abs(clock.now() - known.readAt);
      const ones = await (known !== undefined && age < FRESH_FOR ? known.ones : read());
      return ones.find((one) => one.kind === kind);
    },
    forget: () => {
      known = undefined;
    },
  };
}

const EXAMPLE: Question = {
  context: {
    user_email: 'test@example.com',
    auth_request_id: 'req_0',
    client_id: 'skc_0',
    connection_details: [{ id: 'conn_1', type: 'PASSWORDLESS', provider: 'SCALEKIT' }],
    test: true,
  },
  data: { user: null },
};

async function create(parts: InterceptorParts, wish: InterceptorWish & { kind: string; url: string }) {
  const at = parts.clock.now();
  const id: InterceptorId = newId('icp', at);
  const kind = checkedKind(wish.kind);
  const made = makeSecret({ secrets: parts.secrets, owner: id }, at);
  const blank = { id, kind, url: '', timeoutMs: TIMEOUT.usual, onFailure: 'deny', enabled: true } as const;
  const fresh = { ...blank, reach: 'public', secrets: [made.stored], createdAt: at, updatedAt: at } as const;
  const interceptor = wished(parts, fresh, wish);
  await parts.database.write(async (q) => {
    const other = (await listInterceptors(q)).find((one) => one.kind === kind);
    if (other) throw invalid(`${other.id} is asked at ${kind} already: change that one, or delete it first.`);
    await saveInterceptor(q, interceptor);
    await recordEvent(q, { type: 'interceptor.created', data: about(interceptor) }, at);
  });
  return { interceptor: viewOf(interceptor), secret: made.secret };
}

/** What an interceptor becomes by a wish; throws `interceptor_invalid`. */
function wished(parts: InterceptorParts, known: Interceptor, wish: InterceptorWish): Interceptor {
  const url = wish.url ?? known.url;
  const reach: Reach = wish.private === undefined ? known.reach : wish.private ? 'private' : 'public';
  const fault = targetFault(url, parts.local ? 'private' : reach);
  if (fault !== undefined) throw invalid(`The address ${url.slice(0, 200)} ${fault}.`);
  const timeoutMs = wish.timeoutMs ?? known.timeoutMs;
  if (!Number.isInteger(timeoutMs) || timeoutMs < TIMEOUT.min || timeoutMs > TIMEOUT.max)
    throw invalid(`Its time is ${TIMEOUT.min} to ${TIMEOUT.max} milliseconds, not ${timeoutMs}.`);
  const onFailure = wish.onFailure ?? known.onFailure;
  if (onFailure !== 'allow' && onFailure !== 'deny')
    throw invalid('Say `allow` or `deny`: what happens when it gives no answer.');
  const enabled = wish.enabled ?? known.enabled;
  return { ...known, url, reach, timeoutMs, onFailure, enabled, updatedAt: parts.clock.now() };
}

async function rotate(
  q: Queries,
  parts: InterceptorParts,
  { known, oldForMs }: { known: Interceptor; oldForMs: number },
) {
  if (!(oldForMs >= 0 && oldForMs <= KEEP_OLD_MAX))
    throw invalid(`An old secret is kept for 0 to ${KEEP_OLD_MAX / HOUR} hours.`);
  const at = parts.clock.now();
  const by = { secrets: parts.secrets, owner: known.id };
  const { secret, stored } = rotateSecret(by, known.secrets, { at, keepUntil: at + oldForMs });
  const next = { ...known, secrets: stored, updatedAt: at };
  await saveInterceptor(q, next);
  await recordEvent(q, { type: 'interceptor.secret_rotated', data: about(next) }, at);
  return { interceptor: viewOf(next), secret };
}

function checkedKind(text: string): InterceptorKind {
  const kind = INTERCEPTOR_KINDS.find((one) => one === text);
  if (kind !== undefined) return kind;
  const near = nearest(text.slice(0, 80), INTERCEPTOR_KINDS);
  const hint = near === undefined ? `there are ${INTERCEPTOR_KINDS.join(' and ')}` : `did you mean ${near}?`;
  throw invalid(`Nobody is asked at \`${text.slice(0, 80)}\`: ${hint}`);
}

function viewOf({ secrets, ...interceptor }: Interceptor): InterceptorView {
  return { ...interceptor, secrets: secrets.map(({ sealed: _sealed, ...times }) => times) };
}

function about({ id, kind }: Interceptor): { interceptorId: InterceptorId; kind: string } {
  return { interceptorId: id, kind };
}

function invalid(detail: string): Problem {
  return new Problem('interceptor_invalid', detail);
}

function unknown(id: string): never {
  throw new Problem(
    'interceptor_not_found',
    `There is no interceptor ${id.slice(0, 60)}: \`postern interceptor list\` shows all.`,
  );
}
