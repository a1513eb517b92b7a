import type { DescMethodUnary, DescService } from '@bufbuild/protobuf';
import {
  Code,
  ConnectError,
  createContextKey,
  createServiceImplSpec,
  type HandlerContext,
  type MethodImpl,
  type ServiceImpl,
} from '@connectrpc/connect';
import type { Log } from '../../platform/log.ts';
import { type Failure, failureOf, isOurFault, toConnectError } from './failure.ts';

/** A method that is served, whatever protocol a call to it comes in. */
export interface Rpc {
  readonly method: DescMethodUnary;
  readonly run: MethodImpl<DescMethodUnary>;
}

/** The methods of a service that have an implementation; every other one is answered as unserved. */
export function rpcsOf<D extends DescService>(service: D, impl: Partial<ServiceImpl<D>>): Rpc[] {
  const spec = createServiceImplSpec(service, impl);
  return Object.entries(spec.methods).flatMap(([name, served]) =>
    served.kind === 'unary' && name in impl ? [{ method: served.method, run: served.impl }] : [],
  );
}

/** What the log and the answer call one call by, and whether it came as far as its method. */
export interface Progress {
  readonly requestId: string;
  reached: boolean;
}

export const PROGRESS = createContextKey<Progress>({ requestId: '', reached: false });

/** The method as the library of gRPC and Connect runs it: its deadline kept, its failures told as the contract says. */
export function forConnect({ method, run }: Rpc, log: Log): Rpc {
  return {
    method,
    run: async (request, context) => {
      const progress = context.values.get(PROGRESS);
      progress.reached = true;
      try {
        return await inTime(async () => run(request, context), context);
      } catch (failure) {
        throw toConnectError(noted(failure, { log, call: method.name, requestId: progress.requestId }));
      }
    },
  };
}

/** The failure as the caller sees it; one of ours is in the log too. */
export function noted(failure: unknown, at: { log: Log; call: string; requestId: string }): Failure {
  const told = failureOf(failure, at.requestId);
  if (isOurFault(told)) {
    const { message, stack } = failure instanceof Error ? failure : new Error(String(failure));
    const { call, requestId } = at;
    at.log.error({ failure: message, stack, requestId, call }, 'a call of the API failed');
  }
  return told;
}

/** A caller past its deadline is gone; what the method has begun still ends. */
async function inTime<T>(work: () => Promise<T>, { signal, timeoutMs }: HandlerContext): Promise<T> {
  if (timeoutMs() === undefined) return work();
  const late = Promise.withResolvers<never>();
  const give = () => late.reject(new ConnectError('late', Code.DeadlineExceeded));
  if (signal.aborted) give();
  signal.addEventListener('abort', give, { once: true });
  try {
    return await Promise.race([work(), late.promise]);
  } finally {
    signal.removeEventListener('abort', give);
  }
}
